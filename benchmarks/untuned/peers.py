"""Other packages on the same tasks, where they are installed: Cooper and fairlearn.

    pip install cooper-optim fairlearn

Cooper: its Lagrangian with the violations of the task, for three dual steps. fairlearn: the
predictors of its exponentiated gradient over logistic regressions, for five tolerances.
"""

from __future__ import annotations

import importlib
import time
from types import ModuleType
from typing import Any

import torch
from torch import nn

from untuned.judge import measure
from untuned.searches import STEPS, Found, batches, best, initial
from untuned.task import Columns, Task

MOMENTS = {
    "parity": "DemographicParity",
    "adult_parity": "DemographicParity",
    "four_fifths": "DemographicParity",
    "equal_opportunity": "TruePositiveRateParity",
    "compas_alarms": "FalsePositiveRateParity",
    "equal_odds": "EqualizedOdds",
}
"""Tasks whose rates are moments of fairlearn."""


def peers(task: Task) -> list[Found]:
    """What the packages that are installed reach."""
    found = []
    cooper = installed("cooper")
    if cooper is not None and task.prune is None:
        found += [cooped(cooper, task, 10.0**power) for power in (-2, -1, 0)]
    if task.name in MOMENTS and installed("fairlearn") is not None:
        found += reductions(task)
    return found


def installed(name: str) -> ModuleType | None:
    """A package, or None with a printed line."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed: skipped")
        return None


def cooped(cooper: Any, task: Task, lr: float) -> Found:
    """Simultaneous descent-ascent by Cooper, the multipliers moved on the exact violations."""
    columns, exact, point = task.columns(torch.float32), task.columns(), initial(task)
    sizes = {k: v.numel() for k, v in task.requirements(point, columns, False).items()}
    kinds = cooper.ConstraintType

    class Problem(cooper.ConstrainedMinimizationProblem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            for k, (label, count) in enumerate(sizes.items()):
                multiplier = cooper.multipliers.DenseMultiplier(num_constraints=count)
                kind = kinds.EQUALITY if label in task.equal else kinds.INEQUALITY
                constraint = cooper.Constraint(kind, multiplier=multiplier)
                setattr(self, f"constraint_{k}", constraint)

        def compute_cmp_state(self, batch: Columns) -> Any:
            soft = task.requirements(point, batch, True).values()
            true = task.requirements(point, batch, False).values()
            states = {
                constraint: cooper.ConstraintState(
                    violation=s.reshape(-1), strict_violation=t.detach().reshape(-1).float()
                )
                for constraint, s, t in zip(self.constraints(), soft, true, strict=True)
            }
            loss = task.objective(point, batch, True)
            return cooper.CMPState(loss=loss, observed_constraints=states)

    problem = Problem()
    primal = torch.optim.Adam(point.parameters(), lr=0.01)
    dual = torch.optim.SGD(problem.dual_parameters(), lr=lr, maximize=True)
    optimizer = cooper.optim.SimultaneousOptimizer(
        cmp=problem, primal_optimizers=primal, dual_optimizers=dual
    )
    return _rolled(task, f"cooper(lr={lr:g})", optimizer, point, columns, exact)


def _rolled(
    task: Task, name: str, optimizer: Any, point: nn.Module, columns: Columns, exact: Columns
) -> Found:
    started, seen = time.process_time(), []
    for step, batch in enumerate(batches(columns)):
        optimizer.roll(compute_cmp_state_kwargs={"batch": batch})
        if (step + 1) % 60 == 0:
            seen.append(measure(task, point, exact))
    seconds = time.process_time() - started
    return best(Found(name, m.met, m.violation, m.quality, STEPS, seconds) for m in seen)


def reductions(task: Task) -> list[Found]:
    """Every predictor that the exponentiated gradient makes, as a linear model."""
    moments = importlib.import_module("fairlearn.reductions")
    regression = importlib.import_module("sklearn.linear_model").LogisticRegression
    data, exact, found = task.data(), task.columns(), []
    for tolerance in (0.001, 0.003, 0.01, 0.02, 0.05):
        started = time.process_time()
        moment = getattr(moments, MOMENTS[task.name])(difference_bound=tolerance)
        fair = moments.ExponentiatedGradient(regression(C=1e6), moment, max_iter=30)
        fair.fit(data["x"], data["y"], sensitive_features=data["s"])
        seconds = time.process_time() - started
        for predictor in fair.predictors_:
            if hasattr(predictor, "coef_"):
                m = measure(task, _as_linear(predictor), exact)
                name = f"fairlearn({tolerance:g})"
                found.append(Found(name, m.met, m.violation, m.quality, STEPS, seconds))
    return found


def _as_linear(predictor: Any) -> nn.Module:
    model = nn.Linear(predictor.coef_.shape[1], 1).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor(predictor.coef_))
        model.bias.copy_(torch.tensor(predictor.intercept_))
    return model

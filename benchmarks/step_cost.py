"""CPU time of a training step with 1, 100 and 1,000 constraints, against the loop by hand.

    OMP_NUM_THREADS=1 python benchmarks/step_cost.py [rounds] [part of a case's name]

Loops train the same model on the same batches by the same method (dual ascent, multipliers first;
projection onto the largest weights for a density): one by hand in plain torch, its constraints as
one vector; an own loop with `cspec.bind`; `cspec.run`, within an epoch: what measures whole data at
its end is no part of a step; and where it is installed (`pip install cooper-optim`) Cooper, with a
constraint a requirement, as people name them, and with all of them as one vector. They take turns,
so that a machine that is busy for a while is busy for all. Printed: the median of the step by hand,
and of each round's ratio to it, with the quartiles behind.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import cspec

BATCH, STEPS = 128, 200
GROUPS = 20
DENSITY, FLOOR, BEGUN, RAMPED = 0.5, 0.2, 0.1, 0.5
"""Of a density: the bound, the share that each layer keeps, and when in the run it is come to."""
COOPER = import_module("cooper") if find_spec("cooper") else None
Bound = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Outputs, values and groups of a batch -> all constraints, each <= 0."""


class Case(NamedTuple):
    """A spec, and its constraints by hand."""

    constraints: str
    g: Bound | None
    count: int
    hidden: tuple[int, ...] = ()
    inputs: int = 2
    method: str = "lagrangian(dual=sgd(lr=0.01))"


def lines(count: int) -> Case:
    """`c7: E[f(x)[1]*a] <= 0.57`, so many times with another number."""
    bounds = [0.5 + 0.01 * i for i in range(count)]
    text = "; ".join(f"c{i}: E[f(x)[1]*a] <= {b!r}" for i, b in enumerate(bounds))
    held = torch.tensor(bounds)
    return Case(text, lambda z, a, q: (z[:, 1] * a).mean() - held, count)


def members(count: int) -> Case:
    """`forall k in range(n)`: the number stands within the mean."""
    text = f"forall k in range({count}): E[abs(f(x)[1] - 0.01*k)] <= 3 + 0.02*k"
    places = torch.arange(count)
    held = 3 + 0.02 * places

    def g(z: Tensor, a: Tensor, q: Tensor) -> Tensor:
        return (z[:, 1] - 0.01 * places.unsqueeze(1)).abs().mean(1) - held

    return Case(text, g, count)


def groups() -> Case:
    """A rate in each of 20 groups, by its mean score."""

    def g(z: Tensor, a: Tensor, q: Tensor) -> Tensor:
        ones = torch.stack([z[:, 1], torch.ones_like(z[:, 1])])
        sums, counts = z.new_zeros(2, GROUPS).index_add(1, q, ones)
        return 0.1 - sums / counts

    return Case("forall k in values(q): E[f(x)[1] | q == k] >= 0.1", g, GROUPS)


def wide(case: Case) -> Case:
    """The same of a network 784-300-100-10."""
    return case._replace(hidden=(300, 100), inputs=784)


class Largest:
    """The largest half of the weights by hand, as Zhu and Gupta prune."""

    def __init__(self, model: nn.Module) -> None:
        self.weights = [p for p in model.parameters() if p.ndim == 2]
        self.masks: list[Tensor] = []

    def __call__(self, progress: float) -> None:
        """After a step of the optimizer."""
        if progress < BEGUN:
            return
        with torch.no_grad():
            if progress < BEGUN + RAMPED or not self.masks:
                share = min((progress - BEGUN) / RAMPED, 1.0)
                self.masks = self._masks(DENSITY + (1 - DENSITY) * (1 - share) ** 3)
            for weight, mask in zip(self.weights, self.masks, strict=True):
                weight.mul_(mask)

    def _masks(self, density: float) -> list[Tensor]:
        sizes = [w.abs().flatten() for w in self.weights]
        floors = [s.topk(round(FLOOR * density * len(s))).values[-1] for s in sizes]
        together = torch.cat(sizes)
        cut = together.kthvalue(len(together) - int(density * len(together)) + 1).values
        pairs = zip(self.weights, floors, strict=True)
        return [weight.abs() >= torch.minimum(cut, floor) for weight, floor in pairs]


CASES = {
    "linear, 1 line": lines(1),
    "linear, 100 lines": lines(100),
    "linear, 1,000 lines": lines(1000),
    "linear, 100 members": members(100),
    "linear, 1,000 members": members(1000),
    "linear, 20 groups": groups(),
    "mlp, 1 line": wide(lines(1)),
    "mlp, 100 lines": wide(lines(100)),
    "mlp, 100 members": wide(members(100)),
    "mlp, 20 groups": wide(groups()),
    "mlp, top-k density": wide(Case(f"density(f) <= {DENSITY}", None, 0, method="projection")),
}


def data_of(case: Case, steps: int) -> dict[str, Tensor]:
    """Random examples, an epoch of so many steps."""
    draw = torch.Generator().manual_seed(0)
    rows = steps * BATCH
    x = torch.randn(rows, case.inputs, generator=draw)
    y = (x[:, 0] + 0.5 * torch.randn(rows, generator=draw) > 0).long()
    q = torch.randint(GROUPS, (rows,), generator=draw)
    return {"x": x, "y": y, "a": torch.randn(rows, generator=draw), "q": q}


def model_of(case: Case) -> nn.Module:
    """A network of linear layers; of none hidden a linear model."""
    torch.manual_seed(0)
    sizes = (case.inputs, *case.hidden, 10 if case.hidden else 2)
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def spec_of(case: Case, epochs: int = 2) -> str:
    """The spec of a case."""
    return (
        f"data train(x, y, a, q)\nmodel f\nminimize ce\ns.t. {case.constraints}\n"
        f"using {case.method}\n"
        f"fit(optimizer=sgd(lr=0.01), batch_size={BATCH}, epochs={epochs})\n"
    )


def by_hand(case: Case, data: dict[str, Tensor], steps: int) -> float:
    """Seconds a step of the loop by hand."""
    model = model_of(case)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    multipliers = torch.zeros(case.count)
    largest = Largest(model)
    order = torch.randperm(len(data["x"]))
    started = time.process_time()
    for step in range(steps):
        rows = order[step * BATCH : (step + 1) * BATCH]
        x, y, a, q = (data[name][rows] for name in "xyaq")
        z = model(x)
        loss = nn.functional.cross_entropy(z, y)
        if case.g is not None:
            g = case.g(z, a, q)
            multipliers = torch.relu(multipliers + 0.01 * g.detach())
            loss = loss + (multipliers * g).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if case.g is None:
            largest((step + 1) / steps)
    return (time.process_time() - started) / steps


def by_cooper(case: Case, data: dict[str, Tensor], steps: int, named: bool) -> float:
    """Seconds a step of Cooper; of fewer steps where it has many constraints one by one."""
    assert COOPER is not None
    assert case.g is not None
    cooper: Any = COOPER
    model, count = model_of(case), case.count if named else 1
    steps = max(5, steps // max(1, count // 10))

    class Problem(cooper.ConstrainedMinimizationProblem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            for k in range(count):
                multiplier = cooper.multipliers.DenseMultiplier(num_constraints=case.count // count)
                kind = cooper.ConstraintType.INEQUALITY
                setattr(self, f"c{k}", cooper.Constraint(kind, multiplier=multiplier))

        def compute_cmp_state(self, x: Tensor, y: Tensor, a: Tensor, q: Tensor) -> Any:
            z = model(x)
            violations = case.g(z, a, q).reshape(count, -1)  # type: ignore[misc]
            states = {
                constraint: cooper.ConstraintState(violation=violation)
                for constraint, violation in zip(self.constraints(), violations, strict=True)
            }
            loss = nn.functional.cross_entropy(z, y)
            return cooper.CMPState(loss=loss, observed_constraints=states)

    problem = Problem()
    optimizer = cooper.optim.AlternatingDualPrimalOptimizer(
        cmp=problem,
        primal_optimizers=torch.optim.SGD(model.parameters(), lr=0.01),
        dual_optimizers=torch.optim.SGD(problem.dual_parameters(), lr=0.01, maximize=True),
    )
    order = torch.randperm(len(data["x"]))
    started = time.process_time()
    for step in range(steps):
        rows = order[step * BATCH : (step + 1) * BATCH]
        optimizer.roll({name: data[name][rows] for name in "xyaq"})
    return (time.process_time() - started) / steps


def own_loop(case: Case, data: dict[str, Tensor], steps: int) -> float:
    """Seconds a step of an own loop."""
    model = model_of(case)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    handle = cspec.bind(spec_of(case), f=model, optimizer=optimizer, train=data, steps=steps)
    order = torch.randperm(len(data["x"]))
    started = time.process_time()
    for step in range(steps):
        rows = order[step * BATCH : (step + 1) * BATCH]
        x, y, a, q = (data[name][rows] for name in "xyaq")
        loss = handle.loss(x=x, y=y, a=a, q=q)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (time.process_time() - started) / steps


def run(case: Case, data: dict[str, Tensor], steps: int) -> float:
    """Seconds a step of `cspec.run`: between the forward passes of its steps."""
    model = model_of(case)
    begun: list[float] = []

    def note(module: nn.Module, *_: object) -> None:
        if module.training:
            begun.append(time.process_time())

    model.register_forward_pre_hook(note)
    cspec.run(spec_of(case, 1), f=model, train=data)
    return (begun[-1] - begun[-steps]) / (steps - 1)


def quartiles(values: list[float]) -> str:
    """The median, with the quartiles behind."""
    if len(values) < 2:
        return f"{values[0]:6.2f}              "
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:6.2f} ({low:5.2f} {high:5.2f})"


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    asked = sys.argv[2] if len(sys.argv) > 2 else ""
    columns = ["own loop", "run", *(["Cooper, named", "Cooper, vector"] if COOPER else [])]
    print(f"{'case':24} {'by hand, us':>12}" + "".join(f" {name:>20}" for name in columns))
    for name, case in CASES.items():
        if asked not in name:
            continue
        steps = STEPS // 4 if case.hidden else STEPS
        data = data_of(case, steps)
        # The first round has what is done once in a process.
        found = [times(case, data, steps) for _ in range(rounds + 1)][1:]
        middle = 1e6 * statistics.median(row[0] for row in found)
        ratios = ([row[k] / row[0] for row in found] for k in range(1, len(found[0])))
        shown = "".join(f" {quartiles(values):>20}" for values in ratios)
        print(f"{name:24} {middle:12.0f}{shown}", flush=True)


def times(case: Case, data: dict[str, Tensor], steps: int) -> list[float]:
    """Seconds a step of all loops, that by hand first."""
    loops = [by_hand, own_loop, run]
    if COOPER and case.g is not None:
        loops += [partial(by_cooper, named=True), partial(by_cooper, named=False)]
    return [loop(case, data, steps) for loop in loops]


if __name__ == "__main__":
    main()

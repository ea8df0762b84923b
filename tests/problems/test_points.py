"""Networks and Python functions over decision variables: against scipy on the same functions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

import cspec

Function = Callable[[np.ndarray], np.ndarray]


def net(seed: int, outputs: int = 2, inputs: int = 3, moves: bool = False) -> nn.Module:
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Linear(inputs, 5), nn.Tanh(), nn.Linear(5, outputs))
    return layers.requires_grad_(moves)


def outputs_of(model: nn.Module) -> Function:
    """The network in numpy, in double precision."""
    first, _, last = model
    a, b, c, d = (p.detach().double().numpy() for p in (*first.parameters(), *last.parameters()))
    return lambda z: c @ np.tanh(a @ z + b) + d


def best_of(
    objective: Callable[[np.ndarray], float],
    constraints: list[dict[str, object]],
    bounds: list[tuple[float, float]] | None = None,
) -> float:
    found = []
    for seed in range(5):
        start = np.random.default_rng(seed).uniform(-1, 1, 3)
        given = {"constraints": constraints, "bounds": bounds, "method": "SLSQP"}
        end = minimize(objective, start, options={"ftol": 1e-14, "maxiter": 500}, **given)
        if end.success:
            found.append(end.fun)
    return min(found, default=np.inf)


BOX = [(-1.0, 1.0)] * 3


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("line", "rest", "objective", "constraints", "bounds"),
    [
        ("in ball(1, norm=2)", "minimize f(z)[0]",
         lambda f: lambda z: f(z)[0], lambda f: [("ineq", lambda z: 1 - z @ z)], None),
        ("= 0.1 in [-1, 1]", "minimize ce(f(z), 1)",
         lambda f: lambda z: np.log(np.exp(f(z)).sum()) - f(z)[1], lambda f: [], BOX),
        ("= 0.1 in [-1, 1]", "maximize prob(f(z))[0]",
         lambda f: lambda z: -1 / (1 + np.exp(f(z)[1] - f(z)[0])), lambda f: [], BOX),
        ("= 0.1 in [-1, 1]", "minimize max(f(z)) + 0.1*sumsq(z)",
         lambda f: lambda z: 20 * np.log(np.exp(20 * f(z)).sum()) / 400 + 0.1 * z @ z,
         lambda f: [], None),
        ("= 0.1", "minimize sumsq(z)\ns.t. c: f(z)[1] - f(z)[0] >= 0.4; d: z[0] <= 0.1",
         lambda f: lambda z: z @ z,
         lambda f: [("ineq", lambda z: f(z)[1] - f(z)[0] - 0.4), ("ineq", lambda z: 0.1 - z[0])],
         None),
        ("= 0.1", "minimize sumsq(z)\ns.t. c: 0.02 <= f(z) <= 0.3; d: sum(z) == 0.2",
         lambda f: lambda z: z @ z,
         lambda f: [("ineq", lambda z: f(z) - 0.02), ("ineq", lambda z: 0.3 - f(z)),
                    ("eq", lambda z: z.sum() - 0.2)], None),
    ],
)  # fmt: skip
def test_a_network_at_a_point(
    seed: int, line: str, rest: str, objective: Function, constraints: Function, bounds: object
) -> None:
    model = net(seed)
    weight = model[0].weight
    result = cspec.run(f"model f\nvar z[3] {line}\n{rest}", f=model)
    f = outputs_of(model)
    given = [{"type": kind, "fun": g} for kind, g in constraints(f)]  # type: ignore[arg-type]
    best = best_of(objective(f), given, bounds)  # type: ignore[arg-type]
    z = np.array(result.vars["z"])
    for kind, g in constraints(f):
        over = np.abs(g(z)) if kind == "eq" else -np.asarray(g(z))
        assert np.max(over) <= 1e-6
    value = -result.objective if "maximize" in rest else result.objective
    smoothed = 0.04 if "max(" in rest else 1e-6
    assert result.status == "satisfied" and result.termination == "converged"
    assert value <= best + 1e-6
    assert value >= best - smoothed or best == np.inf
    # The model that was bound is as it came.
    assert model[0].weight is weight and weight.dtype == torch.float32 and model.training


def test_one_output_is_a_number() -> None:
    for text in ("f(z)", "f(z)[0]"):
        result = cspec.run(f"model f\nvar z[3] in ball(1, norm=2)\nminimize {text}", f=net(1, 1))
        f = outputs_of(net(1, 1))
        given = [{"type": "ineq", "fun": lambda z: 1 - z @ z}]
        assert result.objective == pytest.approx(best_of(lambda z: f(z)[0], given), abs=1e-6)  # noqa: B023


def test_a_network_is_deployed_as_it_is_used() -> None:
    """Dropout is off, and the running statistics stay: f(z) is a function of z."""
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Linear(3, 1, bias=False))
    model[2].weight.data = torch.tensor([[1.0, -2.0, 3.0]])
    before = model[0].running_mean.clone()
    model.requires_grad_(False)
    result = cspec.run("model f\nvar z[3] = 0.1 in [-1, 1]\nminimize f(z)", f=model)
    assert result.objective == pytest.approx(-6 / np.sqrt(1 + 1e-5), abs=1e-5)
    assert torch.equal(model[0].running_mean, before) and model.training


def test_a_model_that_moves_moves_with_the_variable() -> None:
    model = net(0, moves=True)
    before = model[0].weight.detach().clone()
    spec = "model f\nvar z[3] = 0.1\nminimize sumsq(f(z)) + sumsq(z)\nfit(steps=20)"
    cspec.run(spec, f=model)
    assert not torch.equal(model[0].weight, before)


REFUSED = {
    "var z[2] = 0.1\nminimize f(z)[0]": ("CS331", "can't take `z`"),
    "var z[3] = 0.1\nminimize f(z)": ("CS307", "2 numbers"),
    "var z[3] = 0.1\nminimize f(z)[2]": ("CS210", "no part 2"),
    "var z[3] = 0.1\nminimize sum(z)\ns.t. pred(f(z)) == 1": ("CS310", "f(z)[1] >= max(f(z))"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_a_network_has_not(text: str) -> None:
    with pytest.raises(cspec.SpecError) as caught:
        cspec.run(f"model f\n{text}", f=net(0))
    code, words = REFUSED[text]
    assert f"[{code}]" in str(caught.value) and words in str(caught.value)


# --- functions of a person's own -----------------------------------------------------------------

PYTHON = """
import numpy as np
import torch

def square(x):
    return ((x - 1)**2).sum()

def pair(x):
    return torch.stack([x[0]**2, x[1] - 1])

def hidden(x):
    return torch.as_tensor(np.sum((x.detach().numpy() - 1)**2))
"""


@pytest.mark.parametrize(
    ("name", "rest", "x"),
    [
        ("square", "minimize square(x)", [1, 1]),
        ("square", "minimize square(x)\ns.t. x in ball(1, norm=2)", [0.5**0.5, 0.5**0.5]),
        ("square", "minimize sum(x)\ns.t. square(x) <= 0.5", [0.5, 0.5]),
        ("square", "minimize square(2*x) + max(x)", [0.4375, 0.4375]),
        ("square", "minimize square(x)\ns.t. x[0] >= 2 or x[1] >= 4", [2, 1]),
        ("pair", "minimize sumsq(x)\ns.t. c: pair(x) >= 0.5; d: x[0] <= 3; e: x[0] >= 0.2",
         [0.5**0.5, 1.5]),
        ("pair", "minimize sumsq(x)\ns.t. c: pair(x)[0] == 4; d: x[0] <= 0", [-2, 0]),
    ],
)  # fmt: skip
def test_python_functions_get_a_solver(
    tmp_path: Path, name: str, rest: str, x: list[float]
) -> None:
    (tmp_path / "own.py").write_text(PYTHON)
    spec = tmp_path / "own.cspec"
    spec.write_text(f'from "own.py" import {name}\nvar x[2] = 3\n{rest}\n')
    result = cspec.run(spec)
    assert result.status == "satisfied" and result.termination == "converged"
    assert np.array(result.vars["x"]) == pytest.approx(np.array(x, dtype=float), abs=1e-5)


@pytest.mark.parametrize(
    "rest",
    [
        "minimize hidden(x)",
        "minimize sumsq(x)\ns.t. hidden(x) <= 1",
        "minimize hidden(x)\nusing spg",
    ],
)
def test_a_function_that_hides_its_slope_is_refused(tmp_path: Path, rest: str) -> None:
    """No point is called a minimum because torch sees no slope there."""
    (tmp_path / "own.py").write_text(PYTHON)
    spec = tmp_path / "own.cspec"
    spec.write_text(f'from "own.py" import hidden\nvar x[2] = 3\n{rest}\n')
    with pytest.raises(cspec.SpecError, match="CS310"):
        cspec.run(spec)

"""Lower bounds on kinked functions, from a start where their slope is 0, against a grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cspec.runtime.result.result import Result

Run = Callable[..., Result]
Grid = NDArray[Any]

SIDE = np.linspace(-4, 4, 801)
X, Y = np.meshgrid(SIDE, SIDE)

KINDS: dict[str, Callable[[Grid, Grid], Grid]] = {
    "abs(x) >= 1": lambda x, y: np.abs(x) - 1,
    "max(x, -2*x) >= 1": lambda x, y: np.maximum(x, -2 * x) - 1,
    "min(x, y) <= -1": lambda x, y: -1 - np.minimum(x, y),
    "relu(-x) >= 1": lambda x, y: np.maximum(-x, 0) - 1,
    "norm([x, y], 1) >= 1.5": lambda x, y: np.abs(x) + np.abs(y) - 1.5,
    "norm([x, y], inf) >= 1": lambda x, y: np.maximum(np.abs(x), np.abs(y)) - 1,
    "gap([x, y]) >= 1": lambda x, y: np.abs(x - y) - 1,
    "abs(x) - abs(y) >= 1": lambda x, y: np.abs(x) - np.abs(y) - 1,
    "x*abs(y) >= 1": lambda x, y: x * np.abs(y) - 1,
    "abs(abs(x) - 1) >= 0.5": lambda x, y: np.abs(np.abs(x) - 1) - 0.5,
    "exp(abs(x)) >= 3": lambda x, y: np.exp(np.abs(x)) - 3,
    "3 - 2*abs(x) <= abs(y)": lambda x, y: np.abs(y) + 2 * np.abs(x) - 3,
    "abs(x) == 1": lambda x, y: -np.abs(np.abs(x) - 1),
    "norm([x, y], 1) == 1.5": lambda x, y: -np.abs(np.abs(x) + np.abs(y) - 1.5),
    "min(x, y) == -1": lambda x, y: -np.abs(np.minimum(x, y) + 1),
    "x*y >= 1": lambda x, y: x * y - 1,
    "abs(x) >= 1 or y >= 2": lambda x, y: np.maximum(np.abs(x), y - 1) - 1,
    "norm([x, y], 1) >= 1.5 or y >= 2": lambda x, y: np.maximum(np.abs(x) + np.abs(y) - 1.5, y - 2),
}


@pytest.mark.parametrize("text", KINDS)
@pytest.mark.parametrize("center", [(0.0, 0.0), (0.2, -0.4)])
def test_the_best_branch_is_found_from_a_start_without_a_slope(
    run: Run, text: str, center: tuple[float, float]
) -> None:
    px, py = center
    result = run(f"var x\nvar y\nminimize (x - ({px}))^2 + 2*(y - ({py}))^2\ns.t. c: {text}")
    x, y = np.array(result.vars["x"]), np.array(result.vars["y"])
    assert result.status == "satisfied" and KINDS[text](x, y) >= -1e-6
    values = (X - px) ** 2 + 2 * (Y - py) ** 2
    inside = KINDS[text](X, Y) >= -(1e-9 if "==" not in text else 1e-6)
    assert result.objective <= values.min(where=inside, initial=np.inf) + 1e-6


def test_the_multiplier_is_that_of_the_branch(run: Run) -> None:
    result = run("var x[2]\nminimize sumsq(x) + x[0]\ns.t. c: norm(x, 1) >= 3")
    # At (-1.75, -1.25): 2 x0 + 1 = 2 x1 = -m.
    assert result.vars["x"][0] == pytest.approx(-1.75, abs=1e-6)
    assert result["c"].multiplier == pytest.approx(2.5, abs=1e-5)
    assert result["c"].sensitivity == pytest.approx(2.5, abs=1e-5)


@pytest.mark.parametrize("text", ["abs(x) >= 1", "forall i in range(8): abs(x[i]) >= 1"])
def test_each_entry_takes_a_branch_of_its_own(run: Run, text: str) -> None:
    result = run(f"param p[8] = {[0.1, -0.2] * 4}\nvar x[8]\nminimize sumsq(x - p)\ns.t. {text}")
    assert result.vars["x"] == pytest.approx([1.0, -1.0] * 4, abs=1e-6)


def test_kinks_of_the_objective_stand_beside_pieces(run: Run) -> None:
    result = run("var x\nvar y\nminimize max(x, -x) + abs(y - 1)\ns.t. c: abs(x + y) >= 3")
    assert result.objective == pytest.approx(2.0, abs=1e-6)
    assert result.status == "satisfied"

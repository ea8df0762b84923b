"""Products of vectors are numbers."""

from __future__ import annotations

import pytest

import cspec
from cspec import SpecError

HEAD = """param c[3] = [1, 2, 3]
param Q[3, 3] = [[2, 0, 0], [0, 3, 1], [0, 1, 4]]
param A[2, 3] = [[1, 1, 0], [0, 1, 1]]
var x[3] = 0.3
"""


@pytest.mark.parametrize(
    "objective",
    [
        "-c @ x + x @ Q @ x",
        "0.5 * x @ Q @ x - c @ x",
        "x.T @ Q @ x",
        "(A @ x) @ [1, 2]",
        "A[0] @ x + sumsq(x)",
        "exp(c @ x)",
        "max(c @ x, x @ x)",
        "c @ x / 2 + x @ x",
    ],
)
def test_a_product_of_vectors_is_an_objective(objective: str) -> None:
    spec = f"{HEAD}minimize {objective}\ns.t. a: -1 <= x <= 1\n"
    assert cspec.run(spec).status == "satisfied"


@pytest.mark.parametrize("objective", ["A @ x", "Q @ x - c", "Q", "x * c"])
def test_what_has_axes_is_none(objective: str) -> None:
    with pytest.raises(SpecError, match="CS307"):
        cspec.run(f"{HEAD}minimize {objective}\ns.t. a: -1 <= x <= 1\n")


def test_a_linear_program_and_its_price() -> None:
    result = cspec.run(f"{HEAD}minimize c @ x\ns.t. a: sum(x) == 1\n     b: x >= 0\n")
    assert result.vars["x"] == pytest.approx([1, 0, 0], abs=1e-9)
    assert result["a"].sensitivity == pytest.approx(1.0)


def test_lets_have_the_shapes_of_their_values() -> None:
    lets = "let Q = [[2, 1], [1, 3]]\nlet q = [1, 2]\nlet curved = x @ Q @ x\nvar x[2] = 0\n"
    result = cspec.run(f"{lets}minimize curved + q @ x\ns.t. sum(x) == 1\n")
    assert result.vars["x"] == pytest.approx([5 / 6, 1 / 6])
    with pytest.raises(SpecError, match="CS307"):
        cspec.run(f"{lets}minimize Q @ x\ns.t. sum(x) == 1\n")

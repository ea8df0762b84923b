"""A `let` with parameters is what it is written out as: the same number, of whatever is given."""

from __future__ import annotations

import pytest

import cspec

HEAD = """param c[3] = [1, 2, 3]
param A[3, 3] = [[2, 0, 0], [0, 1, 0], [0, 0, 1]]
var x[3] in [0, 1]
"""


def test_products_of_what_is_given() -> None:
    result = cspec.run(
        f"{HEAD}let dotted(a, b) = a @ b\nlet form(a, B) = dotted(a, B @ a)\n"
        "minimize dotted(c, x) + 0.5*form(x, A)\n"
        "s.t. s: dotted([1, 1, 1], x) >= 1\n     q: form(x, A) <= 4\n"
    )
    # 1 + 2 x1 = 2 + x2 and x1 + x2 = 1; x3 = 0.
    assert result.satisfied
    assert result.vars["x"] == pytest.approx([2 / 3, 1 / 3, 0], abs=1e-6)
    assert result.constraints[0].multiplier == pytest.approx(7 / 3, rel=1e-5)


@pytest.mark.parametrize(
    "lets",
    ["let f(a, b) = a * b", "let f(a, b) = A @ b", "let f(a, b) = f(b, a) @ b"],
)
def test_many_numbers_and_circles_are_told(lets: str) -> None:
    found = cspec.check(f"{HEAD}{lets}\nminimize f(c, x)\ns.t. s: sum(x) >= 1\n")
    assert [d.code for d in found if d.severity == "error"] in (["CS307"], ["CS204"])

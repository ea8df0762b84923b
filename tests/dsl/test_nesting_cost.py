"""Expressions inside each other: no check asks a level twice for what is below it.

Two questions a level are 2^n questions: `P[P[P[x > 0] > 0] > 0]` of a few words would never end.
"""

from __future__ import annotations

import pytest

from cspec.dsl.check import check
from cspec.dsl.text.source import Source

HEAD = "data train(x, y)\nmodel f\nparam W[2, 2] = [[1, 2], [3, 4]]\nlet g(a) = a + 1\n"
FORMS = (
    *("(1 + {})", "-({})", "abs({})", "2*({})", "({}) / 2", "1/({})", "({})^2", "2^({})"),
    *("max({}, 1)", "max(1, {})", "sum({} for i in range(2))", "sum({})", "std({})", "norm({}, 2)"),
    *("E[{}]", "E[{} | y == 1]", "mean({})", "P[{}]", "P[{} > 0]", "gap({})", "[{}, 1]", "({})[0]"),
    *("P[{} > 0 | y == 1] - P[pred == 1]", "not ({})", "({}) and y == 1", "({}) => y == 1"),
    *("y == 1 => ({})", "any({} for z in ball(x, 0.1))", "max({} for z in ball(x, 0.1))"),
    *("f({})", "g({})", "grad({}, x)", "diff({}, x)", "({}) <= 1", "({}).T", "({}) @ W"),
    *("E[{} for e in normal(0, 1)]", "min({} for (a, b) in pairs(train))", "ce({}, y)"),
)
PLACES = (
    ("minimize {}", "x"),
    ("minimize ce\ns.t. c: {} <= 1", "ce(f(x), y)"),
    ("let q = {}\nminimize q", "pred == 1"),
    ("minimize ce\nmetric m = {}", "z"),
    ("minimize ce\ns.t. forall (x, y) in train where {}: ce(f(x), y) <= 1", "x"),
    ("minimize ce\ns.t. c: abs({}) + 1 <= 1 by penalty)", "ce(f(x), y)"),
)


@pytest.mark.parametrize(("index", "form"), [*enumerate(FORMS)])
def test_levels_cost_alike(index: int, form: str, calls) -> None:
    def cost(place: str, atom: str, levels: int) -> int:
        for _ in range(levels):
            atom = form.replace("{}", atom)
        return calls(lambda: check(Source(text=HEAD + place.replace("{}", atom))))

    for place, atom in (PLACES[index % len(PLACES)], PLACES[(index + 3) % len(PLACES)]):
        cost(place, atom, 1)  # patterns are compiled when they are first asked
        # Twice the levels: 2 for linear growth, 4 for quadratic, 64 for two questions a level.
        assert cost(place, atom, 12) < 6 * cost(place, atom, 6), place

"""Each operation on made data: how often a bound is wrong, and by what it is told apart."""

import math

import numpy as np
import pytest

from cspec.compiler.records.certificate import LeafFacts, Tree
from cspec.runtime.certify.bounds import Bounds
from cspec.runtime.certify.leaves import Observed

DRAWS = 200
ERROR = 0.1


def leaf(place: int, group: int = -1) -> Tree:
    return Tree(operation="leaf", leaf=place, group=group)


def number(value: float) -> Tree:
    return Tree(operation="number", number=value)


def made(word: str, *parts: Tree, value: float = 0.0) -> Tree:
    return Tree(operation=word, parts=parts, number=value)  # type: ignore[arg-type]


P, Q, R = leaf(0), leaf(1), leaf(2)
BY_GROUP = leaf(3)
RATES = (0.3, 0.25, 0.6)
GROUPS = (0.3, 0.3, 0.3, 0.28)
LEAVES = (
    LeafFacts(text="p", kind="rate", selects=(("s", "a"),)),
    LeafFacts(text="q", kind="rate", selects=(("s", "b"),)),
    LeafFacts(text="r", kind="rate"),
    LeafFacts(text="g", kind="rate", groups=("0", "1", "2", "3")),
)
CASES = {
    "leaf": (P, 0.3),
    "difference of other examples": (made("sum", P, made("negate", Q)), 0.05),
    "difference": (made("sum", R, made("negate", P)), 0.3),
    "three terms": (made("sum", P, Q, made("product", number(2.0), R)), 1.75),
    "abs": (made("abs", made("sum", P, made("negate", Q))), 0.05),
    "abs at 0": (made("abs", made("sum", P, number(-0.3))), 0.0),
    "gap": (made("gap", BY_GROUP), 0.02),
    "ratio": (made("ratio", BY_GROUP), 0.28 / 0.3),
    "difference of groups": (made("sum", leaf(3, 0), made("negate", leaf(3, 3))), 0.02),
    "abs of one group": (made("abs", leaf(3, 3)), 0.28),
    "max of groups": (made("max", BY_GROUP), 0.3),
    "min of groups": (made("min", BY_GROUP), 0.28),
    "max": (made("max", P, Q), 0.3),
    "min": (made("min", P, Q), 0.25),
    "product": (made("product", P, R), 0.18),
    "quotient": (made("quotient", P, R), 0.5),
    "quotient of other examples": (made("quotient", P, Q), 1.2),
    "quotient of a gap": (made("quotient", made("gap", BY_GROUP), R), 0.02 / 0.6),
    "quotient of a ratio": (made("quotient", made("ratio", P, Q), R), 0.25 / 0.18),
    "power": (made("power", made("sum", P, made("negate", Q)), value=2.0), 0.0025),
    "odd power": (made("power", made("sum", Q, made("negate", P)), value=3.0), -0.000125),
    "sqrt": (made("sqrt", P), math.sqrt(0.3)),
    "log": (made("log", R), math.log(0.6)),
}


def draws() -> list[dict[tuple[int, int], Observed]]:
    rng = np.random.default_rng(11)
    found = []
    for _ in range(DRAWS):
        seen = {}
        for place, rate in enumerate(RATES):
            k = int(rng.binomial(200 + 50 * place, rate))
            seen[place, -1] = Observed(200 + 50 * place, k / (200 + 50 * place), k)
        for group, rate in enumerate(GROUPS):
            k = int(rng.binomial(150, rate))
            seen[3, group] = Observed(150, k / 150, k)
        found.append(seen)
    return found


DRAWN = draws()


TESTED = {
    "gap",
    "ratio",
    "quotient of other examples",
    "difference of other examples",
    "quotient of a gap",
    "quotient of a ratio",
    "power",
    "odd power",
    "abs",
}
"""Those that an exact test decides, which takes a while."""
MARKED = [pytest.param(case, marks=pytest.mark.slow if case in TESTED else ()) for case in CASES]


@pytest.mark.parametrize("case", MARKED)
def test_bounds_are_wrong_with_at_most_the_error(case: str) -> None:
    tree, true = CASES[case]
    few = DRAWN[:40] if case in TESTED else DRAWN
    above = below = 0
    for seen in few:
        bounds = Bounds(LEAVES, seen)
        low, value = bounds.lower(tree, ERROR), bounds.value(tree)
        high = bounds.upper(tree, ERROR)
        assert low <= value + 1e-9 and value <= high + 1e-9
        above += high < true - 1e-12
        below += low > true + 1e-12
    slack = 3 * math.sqrt(ERROR * (1 - ERROR) * len(few))
    assert above <= ERROR * len(few) + slack
    assert below <= ERROR * len(few) + slack


def test_the_value_is_the_expression_at_the_means() -> None:
    seen = {(i, -1): Observed(1000, r, round(1000 * r)) for i, r in enumerate(RATES)}
    seen |= {(3, i): Observed(1000, r, round(1000 * r)) for i, r in enumerate(GROUPS)}
    for tree, true in CASES.values():
        assert Bounds(LEAVES, seen).value(tree) == pytest.approx(true)


def test_a_quotient_sees_into_the_maxima_of_its_sides() -> None:
    """The group that differs most as seen is not the one whose bound is the largest."""
    seen = DRAWN[0] | {(3, g): Observed(n, 0.3, round(0.3 * n)) for g, n in enumerate((500, 40))}
    seen |= {(3, g): Observed(400, 0.2, 80) for g in (2, 3)} | {
        (2, -1): Observed(10**6, 0.5, 5 * 10**5)
    }
    gap = made("gap", BY_GROUP)
    bounds = Bounds(LEAVES, seen)
    alone = bounds.upper(gap, ERROR / 2)
    assert bounds.upper(made("quotient", gap, R), ERROR) == pytest.approx(2 * alone, rel=5e-3)


def test_what_cancels_has_no_error() -> None:
    tree = made("sum", P, made("negate", P), number(0.5))
    bounds = Bounds(LEAVES, DRAWN[0])
    assert bounds.upper(tree, 0.05) == bounds.lower(tree, 0.05) == 0.5
    assert bounds.used == {}


def test_groups_do_not_share_the_error_of_a_maximum() -> None:
    bounds = Bounds(LEAVES, DRAWN[0])
    bounds.upper(made("max", BY_GROUP), 0.05)
    assert all(sides == {"upper": 0.05} for sides in bounds.used.values())
    assert len(bounds.used) == len(GROUPS)


def test_terms_of_a_sum_share_the_error_and_use_one_side_each() -> None:
    bounds = Bounds(LEAVES, DRAWN[0])
    bounds.upper(made("sum", R, made("negate", P)), 0.05)
    assert bounds.used == {(2, -1): {"upper": 0.025}, (0, -1): {"lower": 0.025}}


def test_a_mean_that_is_no_number_gives_no_bound() -> None:
    seen = {**DRAWN[0], (0, -1): Observed(100, math.nan, None, 0.1)}
    assert math.isnan(Bounds(LEAVES, seen).upper(made("max", Q, P), 0.05))

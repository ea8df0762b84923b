"""Sets in what people write, also scaled, moved, squared, or split over two constraints."""

from collections.abc import Callable

import pytest

from cspec.compiler.plan import canonical_problem
from cspec.dsl.check import Checked
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Expr

PARAMS = {"r": 2.0, "s": -2.0}
HEAD = "param r = 2\nparam s = -2\nlet used = r + s\nmodel net\nminimize ce + 0*used\n"

FORMS = [
    ("W >= 0", "nonneg", ()),
    ("0 <= W", "nonneg", ()),
    ("-W <= 0", "nonneg", ()),
    ("3*W >= 0", "nonneg", ()),
    ("-4 <= W <= 4", "box", (-4, 4)),
    ("4 >= W >= -4", "box", (-4, 4)),
    ("W in [0, 1]", "box", (0, 1)),
    ("W/2 <= 3", "box", (-float("inf"), 6)),
    ("norm(W, 1) <= r", "ball", (2,)),
    ("2*norm(W, 1) <= 2*r", "ball", (2,)),
    ("norm(W, 1) - r <= 0", "ball", (2,)),
    ("r - norm(W, 1) >= 0", "ball", (2,)),
    ("norm(W, 2)^2 <= r^2", "ball", (2,)),
    ("norm(W, 2)^2 <= s^2", "ball", (2,)),
    ("l2(W)^2 <= 9", "ball", (3,)),
    ("sumsq(W)/2 <= 8", "ball", (4,)),
    ("spectral(W) <= 1", "spectral", (1,)),
    ("-2*spectral(W) >= -2", "spectral", (1,)),
    ("r >= nuclear(W)", "nuclear", (2,)),
    ("W.T @ W == eye", "stiefel", ()),
    ("eye == W.T @ W", "stiefel", ()),
    ("W == W.T", "symmetric", ()),
    ("W - W.T == 0", "symmetric", ()),
]


def number(argument: object) -> float | None:
    return value_or_none(argument, PARAMS) if isinstance(argument, Expr) else None


@pytest.mark.parametrize(("text", "word", "arguments"), FORMS)
def test_the_set_is_seen(
    checked: Callable[[str], Checked], text: str, word: str, arguments: tuple[float, ...]
) -> None:
    found = checked(f"{HEAD}s.t. c: forall W in net.weights: {text}")
    for c in canonical_problem(found).constraints:
        assert c.set is not None and c.set.word == word
        assert tuple(number(c.set.arguments[str(i)]) for i in range(len(arguments))) == arguments
        assert c.set.recognized in (text, "")


@pytest.mark.parametrize("text", ["2*density(net) <= 20%", "density(net) - 10% <= 0"])
def test_density_is_a_count(checked: Callable[[str], Checked], text: str) -> None:
    (c,) = canonical_problem(checked(f"{HEAD}s.t. c: {text}")).constraints
    assert c.set is not None and c.set.word == "sparse"
    assert number(c.set.arguments["0"]) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "text",
    ["norm(W, 1) >= r", "norm(W, 1) + sumsq(W) <= r", "-spectral(W) <= -1"],
)
def test_what_is_another_set_is_not_taken_for_one(
    checked: Callable[[str], Checked], text: str
) -> None:
    (c,) = canonical_problem(checked(f"{HEAD}s.t. c: forall W in net.weights: {text}")).constraints
    assert c.set is None


@pytest.mark.parametrize(
    "pair",
    [("sum(w) == 1", "w >= 0"), ("2*sum(w) == 2", "-w <= 0"), ("sum(w) == 1", "0 <= w <= 1")],
)
def test_a_simplex_is_made_of_two_constraints(
    checked: Callable[[str], Checked], pair: tuple[str, str]
) -> None:
    text = f"var w[3] = 0.2\nminimize norm(w, 1)\ns.t. a: {pair[0]}\n     b: {pair[1]}"
    words = [c.set.word for c in canonical_problem(checked(text)).constraints if c.set]
    assert len(words) >= 2 and set(words) == {"simplex"}


@pytest.mark.parametrize(
    "pair", [("sum(w) == 2", "w >= 0"), ("sum(w) == 1", "0 <= w <= 0.5"), ("sum(w) == 1", "w <= 1")]
)
def test_what_is_no_simplex_is_not_one(
    checked: Callable[[str], Checked], pair: tuple[str, str]
) -> None:
    text = f"var w[3] = 0.2\nminimize norm(w, 1)\ns.t. a: {pair[0]}\n     b: {pair[1]}"
    words = {c.set.word for c in canonical_problem(checked(text)).constraints if c.set}
    assert "simplex" not in words

"""The evaluator against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
from meaning.arithmetic import Arithmetic, Inner, Negative, Reduce
from meaning.evaluator import Constraint, Members, Metric
from meaning.events import Among, Both, Chain, Either, Implies, Not
from meaning.means import Groups, Mean, OfGroups, OverValues, Tail, quantile, tail_mean
from meaning.outputs import Logits, Loss, OutputAt, Pred, Prob
from meaning.tree import Bound, Column, Node, Number, Vector, Word, number
from meaning.world import Scope, Table, World

F = Logits("f")

WORLD = World(
    tables={
        "train": Table(
            columns={
                "y": [0, 1, 1, 0],
                "w": [1.0, 2.0, 3.0, 4.0],
                "s": ["a", "b", "a", "b"],
                "q": [True, False, True, True],
            },
            features=[[1.0, 0.0], [0.0, 2.0], [3.0, 4.0], [-1.0, 1.0]],
            outputs={"f": {None: [[0.0], [math.log(3)], [-math.log(3)], [-5.0]]}},
        ),
        "val": Table(
            columns={"y": [1], "w": [7.0], "s": ["a"], "q": [False]},
            features=[[0.0, 0.0]],
            outputs={"f": {None: [[1.0]]}},
        ),
    },
    default="train",
)
"""Probabilities of class 1: 1/2, 3/4, 1/4, sigmoid(-5); predictions: 0, 1, 0, 0."""

SCOPE = Scope(WORLD, "train")


def n(text: str) -> Number:
    return Number(text)


def is_one(node: Node) -> Chain:
    return Chain((node, n("1")), ("==",))


W, Y, S, Q, PRED = Column("w"), Column("y"), Column("s"), Column("q"), Pred(F)
IN_A = Chain((S, Word("a")), ("==",))


@pytest.mark.parametrize(
    ("node", "text", "value"),
    [
        (Mean("E", W), "E[w]", 2.5),
        (Mean("E", W, data="val"), "E[w on val]", 7.0),
        (Mean("E", W, IN_A), 'E[w | s == "a"]', 2.0),
        (Mean("P", is_one(PRED), is_one(Y)), "P[pred == 1 | y == 1]", 0.5),
        (Mean("P", Chain((PRED, Y), ("==",))), "P[pred == y]", 0.75),
        (Mean("P", Q), "P[q]", 0.75),
        (Mean("E", Arithmetic(W, "*", Q)), "E[w*q]", 2.0),
        (Mean("E", Arithmetic(n("1"), "-", is_one(Y))), "E[1 - (y == 1)]", 0.5),
        (Mean("P", Implies(IN_A, Q)), 'P[s == "a" => q]', 1.0),
        (Mean("P", Not(Either(Q, IN_A))), 'P[not (q or s == "a")]', 0.25),
        (Mean("P", Both(Q, Among(W, (n("1"), n("4"))))), "P[q and w in {1, 4}]", 0.5),
        (Mean("P", Chain((n("1"), W, n("3")), ("<", "<="))), "P[1 < w <= 3]", 0.5),
        (Mean("E", OutputAt(F, 0), is_one(Y)), "E[f(x)[0] | y == 1]", 0.0),
        (Mean("E", Prob(F), Chain((W, n("3")), ("<",))), "E[prob | w < 3]", 0.625),
        (Mean("E", Prob(F, 0), Chain((W, n("2")), ("==",))), "E[prob[0] | w == 2]", 0.25),
        (Mean("E", Prob(F, Y), Chain((W, n("3")), ("<=",))), "E[prob[y] | w <= 3]", 0.5),
        (
            Mean("E", Loss("bce", F, Y), Chain((W, n("1")), ("==",))),
            "E[bce(f(x), y) | w == 1]",
            math.log(2),
        ),
        (OfGroups("gap", Groups("E", W, ("s",))), "gap(E[w | s])", 1.0),
        (OfGroups("ratio", Groups("P", is_one(Y), ("s", "q"))), "ratio(P[y == 1 | s, q])", None),
        (
            OverValues("max", Mean("E", W, Chain((S, Bound("g")), ("==",))), "g", "s"),
            "max(E[w | s == g] for g in values(s))",
            3.0,
        ),
        (Tail("cvar", W, n("0.5")), "cvar(w, 0.5)", 3.5),
        (Tail("quantile", W, n("50%")), "quantile(w, 50%)", 2.5),
        (Mean("E", Reduce("norm", Vector((W, W)), n("2"))), "E[norm([w, w], 2)]", 2.5 * 2**0.5),
        (Mean("E", Inner(Vector((W, n("1"))), Vector((n("2"), W)))), "E[[w, 1] @ [2, w]]", 7.5),
        (Mean("P", IN_A, Chain((W, n("9")), (">",))), 'P[s == "a" | w > 9]', None),
        (
            Arithmetic(n("2"), "-", Arithmetic(n("3"), "-", Negative(n("4")))),
            "2 - (3 - -4)",
            -5.0,
        ),
        (Arithmetic(Negative(n("3")), "^", n("2")), "(-3)^2", 9.0),
        (Negative(Arithmetic(n("3"), "^", n("2"))), "-3^2", -9.0),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_a_value(node: Node, text: str, value: float | None) -> None:
    assert node.text() == text
    found = number(node, SCOPE)
    assert math.isnan(found) if value is None else found == pytest.approx(value, rel=1e-14)


def test_the_mean_of_the_worst_counts_the_example_on_the_edge_in_part() -> None:
    assert tail_mean([1, 2, 3, 4, 5], 0.7) == pytest.approx((5 + 0.5 * 4) / 1.5)


def test_a_quantile_is_linear_between_neighbors() -> None:
    assert quantile([4, 1, 3, 2], 0.25) == 1.75
    assert quantile([4, 1, 3, 2], 1.0) == 4


def test_a_requirement_of_each_group() -> None:
    same = Chain((S, Bound("g")), ("==",))
    sides = (Mean("P", Q, same), n("0.75"))
    constraint = Constraint("c", sides, (">=",), Members(("g",), ("s",)))
    assert constraint.text() == "c: forall g in values(s): P[q | s == g] >= 0.75"
    a, b = constraint.expected(WORLD, "train")
    assert (a.name, a.left, a.violation, a.n) == ("c[a]", 1.0, 0.0, 2)
    assert (b.name, b.left, b.violation, b.standard_error) == ("c[b]", 0.5, 0.25, 0.5)
    absent = constraint.expected(WORLD, "val")[1]
    assert math.isnan(absent.violation)
    assert absent.n == 0


def test_a_chain_has_a_lower_and_an_upper_part() -> None:
    low, high = Constraint("c", (n("2.4"), Mean("E", W), n("2")), ("<=", "<=")).expected(
        WORLD, "train"
    )
    assert (low.name, low.violation) == ("c.lo", 0.0)
    assert (high.name, high.violation) == ("c.hi", 0.5)


def test_a_metric_by_group_is_one_number_a_group() -> None:
    assert Metric("m", Groups("E", W, ("s",))).expected(WORLD) == {"m[a]": 2.0, "m[b]": 3.0}

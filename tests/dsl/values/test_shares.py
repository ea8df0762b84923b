"""Shares that no model can have together are found; what some model can have is not touched."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import product

import pytest

from cspec.dsl.check import check
from cspec.dsl.parsing.parse import parse_text
from cspec.dsl.text.source import Source
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Constraint, Expectation, walk
from cspec.dsl.values.shares import complements, event_of, exclude, includes

HEAD = "data train(x, y, sex)\nmodel f\n{lets}minimize ce(f(x), y)\ns.t. "


def conflicts(*constraints: str, lets: str = "") -> list[str]:
    """Headlines of what can't hold."""
    text = HEAD.format(lets=lets) + "\n     ".join(constraints) + "\n"
    found = check(Source(text=text)).diagnostics
    assert {d.code for d in found if d.severity == "error"} <= {"CS401", "CS402"}, found
    return [d.message for d in found if d.code in ("CS401", "CS402")]


TOGETHER = [
    ("P[pred == 0] >= 60%", "P[pred == 1] >= 60%"),
    ("P[pred == 0] >= 40%", "P[pred == 1] >= 40%", "P[pred == 2] >= 40%"),
    ("P[pred == y] >= 95%", "P[pred != y] >= 10%"),
    ("P[pred == y] <= 85%", "P[y != pred] <= 10%"),
    ("E[pred == y] >= 95%", "1 - P[pred == y] >= 10%"),
    ("P[pred == 1 | y == 1] >= 90%", "P[pred == 0 | y == 1] >= 20%"),
    ("P[pred == 1 | y == 1] >= 90%", "P[not (pred == 1) | y == 1] >= 20%"),
    ("P[pred in {0, 1}] >= 60%", "P[pred in {2, 3}] >= 50%"),
    ('P[pred == 0 and sex == "F"] >= 30%', "P[pred == 0] <= 20%"),
    ("P[f(x)[0] > 0.5] >= 60%", "P[f(x)[0] > 0.3] <= 50%"),
    ("P[f(x)[0] > 0.5] >= 60%", "P[f(x)[0] <= 0.5] >= 50%"),
    ("min(P[pred == 0 | sex]) >= 60%", "min(P[pred == 1 | sex]) >= 60%"),
    ("max(P[pred == 0 | sex]) >= 60%", "min(P[pred == 1 | sex]) >= 60%"),
    (
        "forall g in values(sex): P[pred == 0 | sex == g] >= 60%",
        "forall h in values(sex): P[pred == 1 | sex == h] >= 60%",
    ),
]


@pytest.mark.parametrize("relations", TOGETHER)
def test_what_no_model_can_meet_names_each_requirement(relations: tuple[str, ...]) -> None:
    (message,) = conflicts(*(f"k{i}: {text}" for i, text in enumerate(relations)))
    assert all(f"`k{i}`" in message for i in range(len(relations)))


@pytest.mark.parametrize("relations", TOGETHER)
def test_without_one_of_them_the_others_hold(relations: tuple[str, ...]) -> None:
    for left_out in range(len(relations)):
        kept = [text for i, text in enumerate(relations) if i != left_out]
        assert conflicts(*(f"k{i}: {text}" for i, text in enumerate(kept))) == []


@pytest.mark.parametrize(
    "relations",
    [
        ("P[pred == 0] >= 40%", "P[pred == 1] >= 60%"),
        ("P[pred == 1 | y == 1] >= 90%", "P[pred == 0 | y == 0] >= 90%"),
        ("max(P[pred == 0 | sex]) >= 60%", "max(P[pred == 1 | sex]) >= 60%"),
        ("P[f(x)[0] >= 0.5] >= 60%", "P[f(x)[0] <= 0.5] >= 60%"),
        ("P[pred == 0] >= 60%", "P[pred == y] >= 95%"),
        ("P[pred == 0] >= 60%", "P[pred == 0] + P[pred == 1] >= 100%"),
        ("P[pred == 0] >= 50.5%", "P[pred == 1] >= 50% within 1%"),
        ('P[x.job == "1" and pred == y] >= 60%', 'P[x.job == "1.0" and pred == y] >= 50%'),
        ("P[x.age <= 30 and pred == 0] <= 40%", "P[x.age > 30 and pred == 0] <= 40%"),
        ("P[pred == 0] <= 40%", "P[pred == 1] <= 40%"),  # of three classes
    ],
)
def test_what_some_model_meets_is_no_conflict(relations: tuple[str, ...]) -> None:
    assert conflicts(*(f"k{i}: {text}" for i, text in enumerate(relations))) == []


def test_lets_are_looked_into() -> None:
    lets = "let accuracy = P[pred == y]\nlet wrong = 1 - accuracy\n"
    (message,) = conflicts("a: accuracy >= 95%", "b: wrong >= 10%", lets=lets)
    assert "`a` and `b`" in message
    assert conflicts("a: accuracy >= 95%", "b: wrong >= 5%", lets=lets) == []


def test_one_requirement_can_be_too_much_by_itself() -> None:
    (message,) = conflicts("a: P[pred == 0] + P[pred == 1] >= 120%")
    assert "P[pred == 0] + P[pred == 1] >= 120%" in message


# --- Against all that a few examples can be -----------------------------------------------------

EVENTS = (
    "u == 0", "u != 0", "0 == u", "u < 1", "u <= 1", "1 < u", "u >= 1", "u in {0, 2}",
    "u in [0, 1]", "not (u == 2)", "not (u < 1)", "u == v", "v != u", "u < v", "v <= u", "v > u",
    "0 < u <= 2", "u == 0 and v == 1", "u > 0 and v == 1", "u == 0 or v == 1",
    "not (u == 0 or v == 1)",
)  # fmt: skip
VALUES = (0.0, 0.5, 1.0, 2.0, 3.0, float("nan"))


def _holds(event: str, u: float, v: float) -> bool:
    text = event.replace("u in [0, 1]", "0 <= u <= 1")
    return bool(eval(text, {"u": u, "v": v}))


def _regions(event: str) -> object:
    spec, _ = parse_text(f"minimize 0\ns.t. a: P[{event}] <= 1\n")
    constraints = [c for c in walk(spec) if isinstance(c, Constraint)]
    (share,) = [node for node in walk(constraints[0]) if isinstance(node, Expectation)]
    values: Values = {}
    return event_of(share.body, values)


@pytest.mark.parametrize("first", EVENTS)
def test_what_is_said_of_two_events_holds_of_all_values(first: str) -> None:
    one = _regions(first)
    for second in EVENTS:
        other = _regions(second)
        truths = [(_holds(first, u, v), _holds(second, u, v)) for u, v in product(VALUES, VALUES)]
        assert not exclude(one, other) or not any(a and b for a, b in truths)
        assert not includes(one, other) or all(a or not b for a, b in truths)
        assert not complements(one, other) or all(a is not b for a, b in truths)


@pytest.mark.parametrize("seed", range(25))
def test_bounds_that_some_predictions_meet_are_never_called_conflicting(seed: int) -> None:
    """Shares of random predictions are bounds that those predictions meet."""
    chance = random.Random(seed)
    pred, y = ([chance.randrange(3) for _ in range(12)] for _ in range(2))
    events = {
        f"pred == {k}": [p == k for p in pred] for k in range(3)
    } | {
        "pred == y": [p == t for p, t in zip(pred, y, strict=True)],
        "pred != y": [p != t for p, t in zip(pred, y, strict=True)],
        "pred in {0, 1}": [p in (0, 1) for p in pred],
        "not (pred == 2)": [p != 2 for p in pred],
        "pred == 1 and y == 1": [p == t == 1 for p, t in zip(pred, y, strict=True)],
        "pred >= 1 and y == 1": [p >= 1 and t == 1 for p, t in zip(pred, y, strict=True)],
    }  # fmt: skip
    relations = []
    for event, true in chance.sample(sorted(events.items()), 6):
        share = Fraction(sum(true), len(true))
        if share in (0, 1):
            continue
        relations.append(f"P[{event}] {chance.choice(('<=', '>='))} {share}")
    assert conflicts(*(f"k{i}: {text}" for i, text in enumerate(relations))) == []

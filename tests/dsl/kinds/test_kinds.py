"""Kinds of expressions."""

from __future__ import annotations

import pytest

from cspec.dsl.check import check
from cspec.dsl.kinds.expressions import kind_of
from cspec.dsl.text.source import Source
from cspec.dsl.tree.nodes import Let
from cspec.dsl.words.functions import SIGNATURES
from cspec.dsl.words.kind import Kind

HEAD = """data train(x, y, sex)
model f
model ref = frozen(f)
model u(t)
param a = 1
var v = 1
var w[3]
"""
CASES = {
    "a": Kind("number"),
    "v": Kind("number", moves=True, gradient=True),
    "2*w": Kind("tensor", moves=True, gradient=True),
    "w[0]": Kind("number", moves=True, gradient=True),
    "f(x)": Kind("scores", True, True, True),
    "ref(x)": Kind("scores", True, False, False),
    "ce(f(x), y)": Kind("number", True, True, True),
    "E[ce(f(x), y)]": Kind("number", False, True, True),
    "E[ce(ref(x), y)]": Kind("number", False, False, False),
    "pred(f(x)) == y": Kind("event", True, True, True),
    "P[pred(f(x)) == 1 | sex]": Kind("unknown", False, True, True),
    "gap(P[pred(f(x)) == 1 | sex])": Kind("number", False, True, True),
    "density(f)": Kind("number", False, True, True),
    "density(ref)": Kind("number", False, False, False),
    "f.weights": Kind("weights", False, True, True),
    "sign(v)": Kind("number", False, True, False),
    "sum(sumsq(W) for W in f.weights)": Kind("number", False, True, True),
    "sum(ce(f(x), y) for (x, y) in train)": Kind("number", False, True, True),
    "u(v)": Kind("number", False, True, True),
    "cvar(ce(f(x), y), 0.9)": Kind("number", False, True, True),
}


@pytest.mark.parametrize("text", CASES)
def test_kind(text: str) -> None:
    checked = check(Source(text=f"{HEAD}let it = {text}\nminimize v + a*E[ce(f(x), y)] + w[0]\n"))
    assert {d.code for d in checked.diagnostics} <= {"CS203"}
    item = next(i for i in checked.elaborated.items if isinstance(i, Let))
    assert kind_of(item.value, checked.symbols) == CASES[text]


def test_every_signature_is_documented() -> None:
    for word, signature in SIGNATURES.items():
        assert signature.name == word
        assert signature.doc
        assert signature.range[0] <= signature.range[1]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("gap(P[pred == 1 | y == 1 and sex])", "| y == 1, sex]`"),
        ("gap(P[pred == 1 | sex and y == 1])", "| sex, y == 1]`"),
        ("ratio(E[ce | y == 1 and sex and race])", "| y == 1, sex, race]`"),
        ("gap(P[pred == 1 | y == 1 and z > 2])", "gap(P[pred == 1 | y == 1 and z > 2, sex])"),
    ],
)
def test_columns_joined_with_conditions_are_told_the_comma(given: str, told: str) -> None:
    text = f"data train(x, y, sex, race, z)\nmodel f\nminimize ce\ns.t. {given} <= 5%"
    (found,) = check(Source(text=text)).diagnostics
    assert found.code == "CS302" and any(told in help for help in found.helps)

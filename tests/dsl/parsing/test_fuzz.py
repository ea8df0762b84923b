"""Any text: `parse` answers, in time, with findings that can be shown, and never raises."""

import random

import pytest

from cspec.dsl.format.spec import format_spec
from cspec.dsl.messages.diagnostic import errors
from cspec.dsl.messages.render import as_json, render_text
from cspec.dsl.parsing.parse import parse, parse_text
from cspec.dsl.text.source import Source
from cspec.dsl.text.terminals import keywords
from cspec.dsl.tree.nodes import shape

SEED = """\
data train(x, y, sex), val(x, y) = csv("adult.csv", split=[0.6, 0.4])
model f = mlp(hidden=[64, 64])
minimize bce(f(x), y) + 1e-3*sum(norm(W, 2) for W in f.weights)
s.t. dp: gap(P[pred == 1 | sex on val]) <= 5% by projection within 1e-3
     eo: forall a in values(sex) where count >= 50: {
       tpr: 0.2 <= P[pred == 1 | y == 1 and sex == a] <= 55%  # note
       fpr: W.T @ W in [0, 1] soft(weight=0.1)
     }
     rule: forall (x, y) in train: f(x).rain > 0.5 => -x["a b"]^2 >= 1 with surrogate product
using lagrangian(dual=sgd(lr=0.01))
verify dp, eo.tpr on val every 5 epochs
"""
MOST_CALLS = 300_000
"""Function calls that any of these texts may cost."""

PIECES = [*keywords(), *"()[]{}|^*/@+-<>=!&%$'\"\\;:,.#~?", "\n", "\n", " ", "\t", "\r\n"]
PIECES += ["<=", ">=", "==", "=>", "s.t.", "subject to", "E[", "P[", "x", "y2", "10%", "1e400", "λ"]
PIECES += [
    "≤",
    "∀",
    "²",
    "−",
    "“",
    "”",
    "\0",
    "\u202e",
    "for all",
    "lambda x:",
    "f'",
    "[0, 1)",
    "||",
]


def mutate(chance: random.Random) -> str:
    text = SEED
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(text) + 1)
        length = chance.choice([0, 0, 1, 1, 2, 5, 20])
        piece = "".join(chance.choices(PIECES, k=chance.choice([0, 1, 1, 2, 3])))
        text = text[:place] + piece + text[place + length :]
    return text


def soup(chance: random.Random) -> str:
    blank = chance.choice(["", " "])
    return blank.join(chance.choices(PIECES, k=chance.randint(1, 60)))


def examine(text: str) -> None:
    source = Source(text=text)
    spec, found = parse(source)
    shown = render_text(found)
    assert "Token(" not in shown and "$END" not in shown and "LPAR" not in shown
    for diagnostic in found:
        as_json(diagnostic)
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
        assert all(0 <= f.span.start <= f.span.end <= len(text) for f in diagnostic.fixes)
    if not errors(found):
        written = format_spec(spec, source)
        again, more = parse_text(written)
        assert more == ()
        assert shape(again.items) == shape(spec.items)
        assert [c.text for c in again.comments].sort() == [c.text for c in spec.comments].sort()
        assert format_spec(again, Source(text=written)) == written


@pytest.mark.parametrize("make", [mutate, soup])
def test_any_text(make, calls) -> None:
    chance = random.Random(20)
    for _ in range(250):
        text = make(chance)
        assert calls(lambda text=text: examine(text)) < MOST_CALLS


@pytest.mark.nightly
@pytest.mark.parametrize("make", [mutate, soup])
def test_any_text_for_long(make, calls) -> None:
    chance = random.Random(21)
    for _ in range(10_000):
        text = make(chance)
        assert calls(lambda text=text: examine(text)) < MOST_CALLS

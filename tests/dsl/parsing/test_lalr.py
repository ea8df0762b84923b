"""Whether tokens fit a rule is the same question with a node and without one."""

from __future__ import annotations

import random

import pytest

from cspec.dsl.parsing.lalr import StuckError, fits, node_of
from cspec.dsl.text.tokens import tokenize

CLAUSES = (
    "s.t.a: forall (x, y) in train where y == 1: ce(f(x), y) <= 0.1 soft(weight=2) within 1e-3",
    "fpr: P[pred == 1 | y == 0 and sex == a on val] in [0, 0.1] by projection",
    "minimize E[ce(f(x), y)] + 1e-3*sum(norm(W, 2) for W in f.weights)",
    "let on(y) = max(fit.loss, verify) + average[3] - by.soft",
    "x.T @ A @ x - 2*x[1:3]^2 => -abs(y) >= {1, 2} or not any(z > 0 for z in ball(x, 1))",
)


def _whole(start: str, tokens) -> bool:
    try:
        node_of(start, tokens)
    except StuckError:
        return False
    return True


@pytest.mark.parametrize("start", ["item", "clause"])
def test_fits_is_what_a_node_can_be_built_of(start: str) -> None:
    chance, both = random.Random(4), set()
    for _ in range(400):
        tokens = [t for t in tokenize(chance.choice(CLAUSES))[0] if t.kind not in ("ST", "_NL")]
        for _ in range(chance.randint(0, 2)):
            place = chance.randrange(len(tokens))
            match chance.choice(("delete", "double", "swap")):
                case "delete":
                    del tokens[place]
                case "double":
                    tokens.insert(place, tokens[place])
                case _:
                    other = chance.randrange(len(tokens))
                    tokens[place], tokens[other] = tokens[other], tokens[place]
        fit = fits(start, tokens)
        assert fit == _whole(start, tokens), [t.text for t in tokens]
        both.add(fit)
    assert both == {True, False}

"""Tokens to nodes by the parser's table: what lark's own loop answers, token by token."""

from __future__ import annotations

import random
from typing import Any

import pytest
from lark import UnexpectedToken

from cspec.dsl.parsing.lalr import END, StuckError, _parser, fits, node_of
from cspec.dsl.text.tokens import tokenize

CLAUSES = (
    "s.t.a: forall (x, y) in train where y == 1: ce(f(x), y) <= 0.1 soft(weight=2) within 1e-3",
    "fpr: P[pred == 1 | y == 0 and sex == a on val] in [0, 0.1] by projection",
    "minimize E[ce(f(x), y)] + 1e-3*sum(norm(W, 2) for W in f.weights)",
    "let on(y) = max(fit.loss, verify) + average[3] - by.soft",
    "x.T @ A @ x - 2*x[1:3]^2 => -abs(y) >= {1, 2} or not any(z > 0 for z in ball(x, 1))",
)


def by_lark(start: str, tokens) -> Any:
    """The node; where lark's interactive parser is stuck, the index and what it expects there."""
    steps, node = _parser().parse_interactive(start=start), None
    for index, token in enumerate((*tokens, END)):
        try:
            node = steps.feed_token(token)
        except UnexpectedToken as stuck:
            if not token.soft or "NAME" not in steps.choices():
                return index, frozenset(stuck.expected)
            node = steps.feed_token(token._replace(kind="NAME"))
    return node


def by_table(start: str, tokens) -> Any:
    try:
        return node_of(start, tokens)
    except StuckError as stuck:
        return stuck.index, stuck.expected


@pytest.mark.parametrize("start", ["item", "clause"])
def test_the_table_is_followed_as_lark_does(start: str) -> None:
    chance, seen = random.Random(4), set()
    for _ in range(600):
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
        found = by_table(start, tokens)
        assert found == by_lark(start, tokens), [t.text for t in tokens]
        stuck = isinstance(found, tuple)
        assert fits(start, tokens) != stuck
        seen.add(stuck)
    assert seen == {True, False}

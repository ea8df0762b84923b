"""Tokens to a node of the tree, by lark's LALR parser and the actions of the grammar's rules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from lark import Lark, UnexpectedToken
from lark.parsers.lalr_analysis import Shift

from cspec.dsl.parsing.items import ACTIONS
from cspec.dsl.text.tokens import Token
from cspec.grammars.stored import parser

END = Token("$END", "", 0, 0)


class StuckError(Exception):
    """The token at `index` (the end if it equals the length) is none of the `expected` kinds."""

    def __init__(self, index: int, expected: frozenset[str]) -> None:
        super().__init__(index, expected)
        self.index = index
        self.expected = expected


def node_of(start: str, tokens: Sequence[Token]) -> Any:
    """The node that the actions build from the tokens by the rules of `start`.

    A keyword that has no place where it stands counts as a NAME. Time is linear in the number of
    tokens, and nothing recurses. Raises `StuckError` at the first token that does not fit.
    """
    steps = _parser().parse_interactive(start=start)
    node: Any = None
    for index, token in enumerate((*tokens, END)):
        try:
            node = _feed(steps, token)
        except UnexpectedToken as stuck:
            raise StuckError(index, frozenset(stuck.expected)) from None
    return node


def fits(start: str, tokens: Sequence[Token]) -> bool:
    """Whether the tokens follow the rules of `start`: `node_of` without the node, in less time.

    The stack holds states alone: a shift puts one on it, a reduction takes off as many as its rule
    is long and puts on the one that the rule leads to (Aho et al., Compilers, 4.5.3).
    """
    table = _table(start)
    states, stack = table.states, [table.start_state]
    for token in (*tokens, END):
        kind = token.kind
        while True:
            actions = states[stack[-1]]
            if kind not in actions and token.soft and "NAME" in actions:
                kind = "NAME"
            if kind not in actions:
                return False
            action, to = actions[kind]
            if action is Shift:
                stack.append(to)
                break
            if to.expansion:
                del stack[-len(to.expansion) :]
            stack.append(states[stack[-1]][to.origin.name][1])
            if kind == "$END" and stack[-1] == table.end_state:
                break
    return True


@cache
def _table(start: str) -> Any:
    return _parser().parse_interactive(start=start).parser_state.parse_conf


def _feed(steps: Any, token: Token) -> Any:
    """What lark's interactive parser answers; of a token it asks the `type` alone."""
    try:
        return steps.feed_token(token)
    except UnexpectedToken:
        if not token.soft or "NAME" not in steps.choices():
            raise
        return steps.feed_token(token._replace(kind="NAME"))


@cache
def _parser() -> Lark:
    return parser(ACTIONS)

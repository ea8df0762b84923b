"""Tokens to a node of the tree, by lark's LALR parser and the actions of the grammar's rules."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from lark import Lark
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
    return _parsed(start, tokens, _actions())


def fits(start: str, tokens: Sequence[Token]) -> bool:
    """Whether the tokens follow the rules of `start`: `node_of` without the node, in less time."""
    try:
        _parsed(start, tokens, None)
    except StuckError:
        return False
    return True


def _parsed(start: str, tokens: Sequence[Token], actions: Mapping[Any, Any] | None) -> Any:
    """The value of `start` by the actions, by lark's table; None without actions.

    A shift puts a state on the stack; a reduction takes off as many as its rule is long and puts on
    the one that the rule leads to (Aho et al., Compilers, 4.5.3). Values go with the states.
    """
    table = _table(start)
    states, stack, values = table.states, [table.start_state], []
    for index, token in enumerate((*tokens, END)):
        kind = token.kind
        while True:
            known = states[stack[-1]]
            if kind not in known:
                if not token.soft or "NAME" not in known:
                    raise StuckError(index, frozenset(k for k in known if k.isupper()))
                kind, token = "NAME", token._replace(kind="NAME")
            action, to = known[kind]
            if action is Shift:
                stack.append(to)
                if actions is not None:
                    values.append(token)
                break
            size = len(to.expansion)
            if actions is not None:
                below = len(values) - size
                values[below:] = [actions[to](values[below:])]
            if size:
                del stack[-size:]
            stack.append(states[stack[-1]][to.origin.name][1])
            if token is END and stack[-1] == table.end_state:
                break
    return values[-1] if values else None


@cache
def _table(start: str) -> Any:
    """The states of a start rule, from where it begins to where it ends."""
    return _parser().parse_interactive(start=start).parser_state.parse_conf


@cache
def _actions() -> Mapping[Any, Any]:
    """What is built by each rule."""
    callbacks: Mapping[Any, Any] = _table("item").callbacks
    return callbacks


@cache
def _parser() -> Lark:
    return parser(ACTIONS)

"""The automaton that runs the generated tables over a list of tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cspec.dsl.text.tables import Tables
from cspec.dsl.text.tokens import Token

Action = Callable[[list[Any]], Any]
END = "$END"


class StuckError(Exception):
    """The token at `index` (the end if it equals the length) does not fit in `state`."""

    def __init__(self, index: int, state: int) -> None:
        super().__init__(index, state)
        self.index = index
        self.state = state


class _Spliced(list[Any]):
    """The children of a helper rule, which its parent takes as its own."""


def run(tables: Tables, start: str, tokens: Sequence[Token], actions: Mapping[str, Action]) -> Any:
    """The value that `actions` build from the tokens by the rules of `start`.

    A keyword that has no place where it stands counts as a NAME. Time is linear in the number of
    tokens, and nothing recurses. Raises `StuckError` at the first token that does not fit.
    """
    states, rules = tables.states, tables.rules
    first, last = tables.starts[start]
    stack = [first]
    values: list[Any] = []
    count = len(tokens)
    index = 0
    while True:
        if index == count and stack[-1] == last:
            return values[-1]
        row = states[stack[-1]]
        token = tokens[index] if index < count else None
        code = row.get(token.kind if token is not None else END)
        if code is None and token is not None and token.soft:
            code = row.get("NAME")
        if code is None:
            raise StuckError(index, stack[-1])
        if code >= 0:
            stack.append(code)
            values.append(token)
            index += 1
            continue
        origin, length, action, spliced = rules[-code - 1]
        if action == "":
            stack[-1] = states[stack[-2]][origin]
            continue
        children = values[len(values) - length :]
        if length:
            del values[-length:]
            del stack[-length:]
        if spliced:
            children = _flat(children)
        if action == "*":
            values.append(children if type(children) is _Spliced else _Spliced(children))
        else:
            values.append(actions[action](children))
        stack.append(states[stack[-1]][origin])


def _flat(children: list[Any]) -> list[Any]:
    """The children with those of helper rules in place; linear, as helper rules grow leftmost."""
    flat: list[Any] = []
    for place, child in enumerate(children):
        if type(child) is not _Spliced:
            flat.append(child)
        elif place == 0:
            flat = child
        else:
            flat.extend(child)
    return flat

"""Long lines, broken only where the language reads on by itself."""

from __future__ import annotations

from typing import NamedTuple

from cspec.dsl.mistakes.failure import OPERAND_ENDS
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.tokens import Token, tokenize

WIDTH = 100
STEP = 4
_OPERATORS = frozenset(["SIGN", "TIMES", "RELATION", "ARROW", "AND", "OR"])
_MODIFIERS = frozenset(["WITH", "WITHIN", "SOFT", "BY", "ON"])
_CLAUSES = frozenset(["FOR", "ON", "WHERE"])


class _Break(NamedTuple):
    """A line may end at `offset`, inside `depth` brackets."""

    offset: int
    depth: int


def break_line(text: str, indent: int, first: int) -> list[str]:
    """The lines of a text: the first has `first` columns before it, the others `indent` + 4.

    A line ends after a comma, an operator, `=` or the `:` of a quantifier, or before a modifier
    or, in brackets, `for`, `on` and `where`; of the places that fit, the last one inside the
    fewest brackets is taken.
    """
    lines: list[str] = []
    column = first
    while column + len(text) > WIDTH:
        places = [b for b in _breaks(text) if column + b.offset <= WIDTH]
        if not places:
            break
        best = max(places, key=lambda b: (-b.depth, b.offset))
        lines.append(text[: best.offset].rstrip())
        text = text[best.offset :].lstrip()
        column = indent + STEP
    pad = " " * (indent + STEP)
    return [line if number == 0 else pad + line for number, line in enumerate([*lines, text])]


def _breaks(text: str) -> list[_Break]:
    tokens, _ = tokenize(text)
    depth = 0
    places: list[_Break] = []
    for number, token in enumerate(tokens):
        before = tokens[number - 1] if number else None
        if token.kind in CLOSERS:
            depth -= 1
        if token.kind in OPENERS:
            depth += 1
        words = _CLAUSES if depth else _MODIFIERS
        after_operand = before is not None and before.kind in OPERAND_ENDS
        if token.kind in words and after_operand and token.start:
            places.append(_Break(token.start, depth))
        elif _ends_line(token, before, depth) and token.end < len(text):
            places.append(_Break(token.end, depth))
    return places


def _ends_line(token: Token, before: Token | None, depth: int) -> bool:
    if token.kind == "COMMA":
        return True
    if token.kind in {"EQUAL", "COLON"}:
        return depth == 0
    return token.kind in _OPERATORS and before is not None and before.kind in OPERAND_ENDS

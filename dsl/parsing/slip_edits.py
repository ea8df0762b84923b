"""Edits of one word or mark of a line: out, in, exchanged, the most likely first."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.synonyms import meant
from cspec.dsl.messages.wording import closest_word
from cspec.dsl.parsing.kept_words import FIXED, RELATIONS, SAID
from cspec.dsl.text.clauses import ITEM_WORDS
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.terminals import keywords
from cspec.dsl.text.tokens import Token, tokenize
from cspec.dsl.tree.constants import CONSTANTS
from cspec.dsl.words.functions import SIGNATURES

_NEAR = 8
"""Tokens on either side of a finding that an edit may touch."""
_OPENERS, _CLOSERS = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}
_JOINTS = (",", ":", "=", "|", "in")
_SIGNS = ("*", "+", "-")
_BEGINNINGS = ("model", "data", "param", "var", "let", "verify", "minimize", "using")
_HEADS = ("E", "P", "train", "val", "test", *SIGNATURES)
"""What may stand before a bracket that is missing: `sumsqw)`, `Ppred == 1]`."""


@cache
def _words() -> tuple[str, ...]:
    """Words of the language that a slip may have meant."""
    return (*keywords(), *SIGNATURES, *CONSTANTS)


class Edit(NamedTuple):
    """What takes the place of a piece of the text; the least `cost` is the most likely."""

    cost: int
    distance: int
    span: Span
    new: str


def joins(char: str) -> bool:
    """Whether a character grows together with a letter beside it."""
    return char.isalnum() or char in {"_", "%"}


def slip_edits(source: Source, first: Diagnostic, start: int, end: int) -> Iterator[Edit]:
    """The edits of a line near a finding, in no order."""
    tokens = [t for t in tokenize(source.text)[0] if start <= t.start < end and t.kind != "_NL"]
    hit = next((i for i, t in enumerate(tokens) if t.end >= first.span.start), len(tokens))
    within = [i for i, t in enumerate(tokens) if i >= hit and t.start < first.span.end]
    last = max(within, default=hit)
    syntax = first.code.startswith("CS1")
    for index, token in enumerate(tokens):
        distance = max(hit - index, index - last, 0)
        if distance <= _NEAR and token.kind != "ST":
            for cost, left, right, new in _at(tokens, index, syntax):
                yield Edit(cost, distance, Span(left, right), new)


def _at(tokens: Sequence[Token], index: int, syntax: bool) -> Iterator[tuple[int, int, int, str]]:
    """Edits at one token: what they cost, from where to where, and what is written there."""
    token = tokens[index]
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if after is not None and after.text == token.text:
        yield 0, token.end, after.end, ""
    yield from _exchanged(token, index, syntax)
    yield from _beside(tokens, index)
    if after is not None and syntax and not {token.text, after.text} & FIXED:
        between = "" if token.end == after.start else " "
        yield 3, token.start, after.end, f"{after.text}{between}{token.text}"
    yield from _brackets(tokens, index)
    if syntax:
        yield from _put_in(tokens, index)
        yield 4, token.start, token.end, ""


def _beside(tokens: Sequence[Token], index: int) -> Iterator[tuple[int, int, int, str]]:
    """A label without its colon, a module before a name, an item that begins no line."""
    token = tokens[index]
    after = [t.text for t in tokens[index + 1 : index + 3]]
    begins = not index or tokens[index - 1].kind in {"ST", "SEMICOLON", "LBRACE"}
    if token.kind == "NAME" and after and after[0] in {".", "->", "=>", "=", ")"} and begins:
        yield 1, token.end, tokens[index + 1].end, ":"
    if token.kind == "NAME" and len(after) == 2 and after[0] == ".":
        yield 2, token.start, tokens[index + 1].end, ""
    if index and token.kind in ITEM_WORDS:
        mark = tokens[index - 1]
        yield 1, mark.start if mark.text in {",", ";"} else mark.end, token.start, "\n"
    depth = sum((t.text in _OPENERS) - (t.text in _CLOSERS) for t in tokens)
    if token.kind in {"NAME", "AVERAGE"} and depth < 0:
        for word in _HEADS:
            if token.text.startswith(word) and len(token.text) > len(word):
                opener = "[" if word in {"E", "P"} else "("
                place = token.start + len(word)
                yield 2 + (len(word) < 2), place, place, opener


def _exchanged(token: Token, index: int, syntax: bool) -> Iterator[tuple[int, int, int, str]]:
    """Another word or mark in the place of one."""
    text, start, end = token.text, token.start, token.end
    if len(text) > 2 and text[0] == text[-1] == '"':
        yield 1, start, end, text[1:-1]
    said = SAID.get(text.lower())
    if said:
        yield 1, start, end, said
    if token.kind != "NAME" or syntax:
        for mark in RELATIONS if text in {"=", ":", ":=", "in", "~"} else ():
            yield 3, start, end, mark
        if text in {",", ";", ":", ".", "=", "|", "&", "and", "/", "with", "or", "=>", "->"}:
            yield from ((3, start, end, mark) for mark in _JOINTS if mark != text)
    if token.kind == "NAME":
        known = meant(text)
        near = known.word if known and known.word else closest_word(text, _words())
        if near and near != text:
            yield 2, start, end, near
    if not index:
        yield from ((3, start, end, word) for word in _BEGINNINGS if word != text)


def _brackets(tokens: Sequence[Token], index: int) -> Iterator[tuple[int, int, int, str]]:
    """A bracket put in, taken out, or of another kind."""
    token = tokens[index]
    kinds = _OPENERS if token.text in _OPENERS else _CLOSERS if token.text in _CLOSERS else ()
    for mark in kinds:
        if mark != token.text:
            yield 2, token.start, token.end, mark
    if kinds:
        yield 3, token.start, token.end, ""
    depth = sum((t.text in _OPENERS) - (t.text in _CLOSERS) for t in tokens)
    if depth:
        marks = _CLOSERS if depth > 0 else _OPENERS
        place = token.end
        yield from ((2, place, place, mark) for mark in sorted(marks))


def _put_in(tokens: Sequence[Token], index: int) -> Iterator[tuple[int, int, int, str]]:
    """A mark that is missing between two operands."""
    before, after = tokens[index], tokens[index + 1] if index + 1 < len(tokens) else None
    numbers = after is not None and before.kind == after.kind == "NUMBER"
    left = before.kind not in ITEM_WORDS and (joins(before.text[-1]) or before.text in _CLOSERS)
    right = after is not None and (joins(after.text[0]) or after.text in _OPENERS)
    place = before.end
    for mark in _JOINTS:
        if mark != "in" or (left and right):
            yield 3, place, place, mark if mark in ",:" else f" {mark}"
    for mark in _SIGNS if left and right and not numbers else ():
        yield 3, place, place, f" {mark}"

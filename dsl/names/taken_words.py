"""Names that are words of means: `let P = ...`, then `P[0, 1]`, which is a fraction."""

from __future__ import annotations

import re

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.wording import closing
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.text.source import Source, Span

_WORDS = {"P": "a fraction of the examples", "E": "a mean over the examples"}


def taken_words(symbols: Symbols, source: Source, found: list[Diagnostic]) -> list[Diagnostic]:
    """The findings, with those about `P[0, 1]` as one about the line that defines `P`."""
    for word, meaning in _WORDS.items():
        symbol = symbols.table.get(word)
        places = _entries(source.text, word)
        if symbol is None or not places or not any(_about(d, places) for d in found):
            continue
        other = f"{word}_values"
        finding = Diagnostic(
            code="CS202",
            message=f"`{word}[...]` is {meaning}: entries need another name",
            span=symbol.span,
            label=f"defined here, as a {symbol.role}",
            notes=("alone, without brackets, the name is free",),
            helps=(f"call it `{other}`, also where it is used: `{other}[...]`",),
        )
        rest = (d for d in found if not _about(d, places) and d.span != symbol.span)
        found = [*rest, finding]
    return found


def _entries(text: str, word: str) -> list[Span]:
    """Where `P[0, 1]` stands: numbers and names alone, which are no event."""
    places = []
    for match in re.finditer(rf"(?<![\w.]){re.escape(word)}\[", text):
        close = closing(text, match.end() - 1)
        if close is not None and not re.search(r"[<>=|]| on ", text[match.end() : close]):
            places.append(Span(match.start(), close + 1))
    return places


def _about(found: Diagnostic, places: list[Span]) -> bool:
    return any(p.start <= found.span.start and found.span.end <= p.end for p in places)

"""Findings inside of what another finding exchanges as a whole: one mistake, one finding."""

from __future__ import annotations

from collections.abc import Sequence

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.text.source import Source

_WHOLE = frozenset({"CS503", "CS127"})
"""Findings whose edit puts one value or one requirement in the place of another."""
_BESIDE = 3
"""Characters beside a place that tell whether an edit keeps it."""


def without_overtaken(found: Sequence[Diagnostic], source: Source) -> list[Diagnostic]:
    """The findings that stay when the only edit of each other one is made.

    `stop when patience=5` becomes `stop when stalled(epochs=5)`: nothing is left of its `=`. Where
    an edit keeps the place (`P(a = 1)` to `P[a = 1]`), what is said of it stays.
    """
    quotes = {source.position(d.span.start).line for d in found if d.code == "CS105"}
    found = [  # a path without its quotes would be another import
        d for d in found if d.code != "CS218" or source.position(d.span.start).line not in quotes
    ]
    told = {d.span.start for d in found if d.code == "CS201" and len(d.helps) == 1}
    found = [d for d in found if d.code != "CS127" or d.span.start not in told]
    blocks = any(d.code == "CS126" for d in found)
    edits = [(d, d.fixes[0]) for d in found if len(d.fixes) == 1 and d.code in _WHOLE]
    if not edits and not blocks:
        return list(found)
    return [
        d
        for d in found
        if not any(
            other is not d and _gone(d, edit.span, edit.replacement, source)
            for other, edit in edits
            if edit.span.start <= d.span.start and d.span.end <= edit.span.end
        )
        and not (d.code == "CS201" and any(_in_a_block(other, d) for other in found))
        and not any(other.code == "CS127" and _same(other, d) for other, _ in edits)
    ]


def _in_a_block(other: Diagnostic, found: Diagnostic) -> bool:
    """Whether a name is unknown only because the braces of its quantifier are missing."""
    blocks = (fix for fix in other.fixes if other.code == "CS126" and "{\n" in fix.replacement)
    return any(b.span.start <= found.span.start and found.span.end <= b.span.end for b in blocks)


def _same(other: Diagnostic, found: Diagnostic) -> bool:
    """Whether two findings are of one place: no relation, and what follows from it."""
    return other is not found and tuple(other.span) == tuple(found.span)


def _gone(found: Diagnostic, span: tuple[int, int], replacement: str, source: Source) -> bool:
    """Whether an edit of a larger span leaves nothing of a place; of the same span it may."""
    if tuple(found.span) == tuple(span) or not replacement:
        return False
    start = max(span[0], found.span.start - _BESIDE)
    end = min(span[1], found.span.end + _BESIDE)
    return source.text[start:end].strip() not in replacement

"""What the helps of a finding say to write, typed in the places of the line that they may mean.

write `density(f) <= 25%`   ->   in the place of what is marked, of the call that begins there, or
                                 of what stands behind the label
"""

import re
from collections.abc import Iterator, Sequence

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, replacing
from cspec.dsl.messages.examples import Check, leads
from cspec.dsl.messages.wording import closing
from cspec.dsl.text.source import LABEL, Source, Span, line_of

QUOTE = re.compile(r"`([^`]+)`")
_SAID = 2
"""Helps that are typed."""


def general(help_: str) -> bool:
    """Whether a help shows a form in general words, or another line than the one that is wrong."""
    return "reads, for example," in help_ or "..." in help_ or "`" not in help_


def _typed(source: Source, first: Diagnostic, most: int) -> Iterator[Fix]:
    """What helps say to write, in the place of what is marked, of its call, and of the line."""
    text, (start, end) = source.text, line_of(source.text, first.span.start)
    begin = LABEL.match(text, start, end)
    body = Span(begin.end() if begin else start, end)
    close = closing(text, first.span.end) if text.startswith(("(", "["), first.span.end) else None
    call = Span(first.span.start, close + 1) if close is not None and close < end else first.span
    for help_ in first.helps[:most]:
        quote = None if general(help_) else QUOTE.search(help_)
        if quote is not None:
            whole = _RELATION.search(quote[1])
            for span in (body, first.span) if whole else (first.span, call, body):
                yield from replacing(span, quote[1])


_RELATION = re.compile(r"[<>=!]=|=>|\bin\b|:")


def _literal(help_: str, fix: Fix) -> bool:
    """Whether a help says one thing to write, which is what a fix writes."""
    quotes = QUOTE.findall(help_)
    begun = re.match(r"(?:write|did you mean) `[^`]*`(?!,? (?:or\b|`))", help_) is not None
    return quotes[:1] == [fix.replacement] and (len(quotes) == 1 or begun)


def _lost(source: Source, fix: Fix) -> set[str]:
    """The numbers and texts of a place that a fix leaves out."""
    return {*_GIVEN.findall(source.slice(fix.span))} - {*_GIVEN.findall(fix.replacement)}


_GIVEN = re.compile(r"\"[^\"\n]*\"|(?<!\w)\d[\w.]*")


def as_said(
    source: Source, first: Diagnostic, check: Check, wrong: Sequence[Diagnostic], keeping: bool
) -> Diagnostic | None:
    """The finding, its fix what its first help says to write; None where no help leads on.

    With `keeping`, only where no number goes.
    """
    most = 1 if keeping and first.fixes else _SAID
    for fix in _typed(source, first, most):
        if keeping and _lost(source, fix):
            continue
        if leads(source, fix, check, len(wrong), whole=True):
            fixes = (fix, *first.fixes) if _literal(first.helps[0], fix) else first.fixes
            return first.model_copy(update={"fixes": fixes})
    return None

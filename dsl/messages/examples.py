"""Examples in helps: shown only where they were put in place, and the spec had a mistake less."""

from collections.abc import Callable, Sequence

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, errors
from cspec.dsl.text.source import Source, line_of

Check = Callable[[Source], Sequence[Diagnostic]]
_FINDINGS = 2
_TRIES = 5
_LONGEST = 8_000
_LINE = 300


def with_examples(
    found: tuple[Diagnostic, ...], source: Source, check: Check
) -> tuple[Diagnostic, ...]:
    """The findings, each with the first of its examples that checks clean.

    An example is tried in the text of the spec: no error may stand on it, and there must be fewer
    than before. It takes the place of the example in general words. A few are tried, in a text of
    some length: the rest keep those.
    """
    if not any(d.examples for d in found) or _long(source):
        return found
    left, result = _FINDINGS, []
    for diagnostic in found:
        if diagnostic.examples and left:
            left -= 1
            diagnostic = _shown(diagnostic, source, check, len(errors(found)))
        result.append(diagnostic)
    return tuple(result)


def _long(source: Source) -> bool:
    text = source.text
    return len(text) > _LONGEST or any(len(line) > _LINE for line in text.split("\n"))


def _shown(diagnostic: Diagnostic, source: Source, check: Check, before: int) -> Diagnostic:
    for example in diagnostic.examples[:_TRIES]:
        if leads(source, example, check, before):
            helps = [h for h in diagnostic.helps if not h.startswith(example.title)]
            shown = f"{example.title} `{example.replacement.strip()}`"
            return diagnostic.model_copy(update={"helps": (*helps, shown)})
    return diagnostic


def leads(source: Source, fix: Fix, check: Check, before: int, whole: bool = False) -> bool:
    """Whether a fix leaves fewer errors, and none where it was made, or on the `whole` line."""
    here = source.edited(fix.span, fix.replacement)
    wrong = errors(check(here))
    start, last = fix.span.start, fix.span.start + len(fix.replacement)
    if whole:
        start, last = line_of(here.text, start)[0], line_of(here.text, last)[1]
    return len(wrong) < before and not any(
        d.span.start <= last and d.span.end >= start for d in wrong
    )

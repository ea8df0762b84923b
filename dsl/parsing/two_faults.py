"""A line with two faults that hide each other: what mends the one, then what mends the other.

`forall g in values("sex") with count >= 50: ...` has quotes that go and a word that is another.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, errors
from cspec.dsl.messages.examples import Check, leads
from cspec.dsl.parsing.kept_words import keeps
from cspec.dsl.parsing.rewrite_forms import Rewrite
from cspec.dsl.parsing.rewrites import rewrites
from cspec.dsl.text.source import Source, Span, line_of

_FIRST, _SECOND = 4, 3
"""Lines of other forms that are tried for the first fault, and for what is left then."""


def both_mended(
    source: Source, first: Diagnostic, check: Check, wrong: Sequence[Diagnostic]
) -> Diagnostic | None:
    """A finding with the line that has two of its faults mended, where each hides the other.

    What was said of either fault is its message and its note.
    """
    start, end = line_of(source.text, first.span.start)
    behind, told = len(source.text) - end, {first.message, *(d.message for d in wrong)}
    for one in islice(_edits(source, first), _FIRST):
        if one.span.start < start or one.span.end > end:
            continue
        here = source.edited(one.span, one.new)
        last = len(here.text) - behind
        left = [d for d in errors(check(here)) if start <= d.span.start <= last]
        if not left or left[0].message in told:
            continue  # of what is said already, each has its own edit
        for other in islice(_edits(here, left[0]), _SECOND):
            if other.span.start < start or other.span.end > last:
                continue
            fix = Fix(span=other.span, replacement=other.new, title="")
            if leads(here, fix, check, len(wrong), whole=True):
                text = here.edited(other.span, other.new).text
                line = text[start : len(text) - behind]
                if "#" in line or not keeps(source.text[start:end], line, own=True):
                    continue
                help_ = f"write `{line.strip()}`"
                update = {
                    "message": one.message or first.message,
                    "notes": (f"and on the same line: {other.message}",) if other.message else (),
                    "helps": (help_,),
                    "fixes": (Fix(span=Span(start, end), replacement=line, title=help_),),
                }
                return first.model_copy(update=update)
    return None


def _edits(source: Source, found: Diagnostic) -> Iterator[Rewrite]:
    """What the rows of forms make of a line, and the edits of the finding itself."""
    yield from islice(rewrites(source, found, readings=False), _SECOND)
    for fix in found.fixes[:1]:
        if fix.replacement.strip():
            yield Rewrite(fix.span, fix.replacement, found.message)


def within(found: Diagnostic, *places: Span) -> bool:
    return any(place.start <= found.span.start <= place.end for place in places)


def without_followers(
    found: tuple[Diagnostic, ...],
    source: Source,
    one: Diagnostic,
    check: Check,
    wrong: Sequence[Diagnostic],
) -> tuple[Diagnostic, ...]:
    """The findings without others of a line that the edit of its first makes right."""
    here = Span(*line_of(source.text, one.span.start))
    others = [d for d in wrong if d is not one and within(d, here)]
    if not others or not one.fixes or one not in found:
        return found
    fix = one.fixes[0]
    inside = here.start <= fix.span.start and fix.span.end <= here.end
    if not inside or not leads(source, fix, check, len(wrong), whole=True):
        return found
    return tuple(d for d in found if d is one or not within(d, here))

"""Findings that another overtakes, names that are unknown twice: one mistake, one finding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from cspec.dsl.messages.diagnostic import Diagnostic, Fix
from cspec.dsl.text.source import Source, Span, line_of

_WHOLE = frozenset({"CS503", "CS127"})
"""Findings whose edit puts one value or one requirement in the place of another."""
_MOST = 20
"""Edits that are looked at: beyond those a text has so many mistakes that few are shown."""
_BESIDE = 3
"""Characters beside a place that tell whether an edit keeps it."""


def without_overtaken(found: Sequence[Diagnostic], source: Source) -> list[Diagnostic]:
    """The findings that stay when the only edit of each other one is made.

    `stop when patience=5` becomes `stop when stalled(epochs=5)`: nothing is left of its `=`. Where
    an edit keeps the place (`P(a = 1)` to `P[a = 1]`), what is said of it stays.
    """
    found = _without_untrusted(found, source)
    open_ = [d for d in found if d.code == "CS105" and "never closed" in d.message][:_MOST]
    found = [d for d in found if d in open_ or not _same_line(d, open_, source)]
    lines = {line_of(source.text, d.span.start) for d in found if d.code.startswith("CS1")}
    if any(_OBJECTIVE.search(source.text[start:end]) for start, end in lines):
        found = [d for d in found if d.code != "CS408"]
    found = _without_consequences(found, source)
    named = [d for d in found if d.code == "CS506"]
    found = [d for d in found if d.code != "CS507" or not _same_line(d, named, source)]
    told = {d.span.start for d in found if d.code == "CS201" and len(d.helps) == 1}
    found = [d for d in found if d.code != "CS127" or d.span.start not in told]
    whole = {tuple(d.span) for d in found if d.code in ("CS501", "CS503")}
    found = [d for d in found if d.code != "CS105" or tuple(d.span) not in whole]
    edits = [(d, d.fixes[0]) for d in found if len(d.fixes) == 1 and d.code in _WHOLE][:_MOST]
    blocks = [f for d in found if d.code == "CS126" for f in d.fixes if "{\n" in f.replacement]
    if not edits and not blocks:
        return found
    return [
        d
        for d in found
        if not any(_overtakes(other, edit, d, source) for other, edit in edits)
        and not (d.code == "CS201" and any(b.span.holds(d.span) for b in blocks[:_MOST]))
    ]


_DASHED = re.compile(r"(?:param|var|let)[ \t]+([A-Za-z]\w*(?:-[A-Za-z]\w*)+)")


def _without_consequences(found: Sequence[Diagnostic], source: Source) -> list[Diagnostic]:
    """Without what only follows from a finding about the same words.

    A clause that is written otherwise is no constraint yet; arguments that are given by place have
    no order to be in; what is derived over a domain is no mean over data; a name with a `-` in it
    is no difference where it is used; a product whose sizes differ is no tensor yet; what
    is by group, where a quantifier goes over the groups, is of one of them.
    """
    written = [d for d in found if d.code.startswith("CS1") and d.code not in ("CS118", "CS127")]
    told = {tuple(d.span) for d in written}
    calls = [d for d in found if d.code == "CS301" and d.fixes][:_MOST]
    domains = [d for d in found if d.code == "CS207" and d.label == "a domain"]
    dashed = [
        named[1]
        for d in found
        if d.code == "CS106" and (named := _DASHED.match(source.slice(d.span)))
    ]
    spans = (m.span() for n in dashed[:_MOST] for m in re.finditer(re.escape(n), source.text))
    places = [Span(*span) for span in spans]
    derived = (d for d in found if d.code == "CS302" and " is no coordinate of " in d.message)
    axes = [d.span for d in islice(derived, _MOST)]
    star = " ".join(h for d in found if "import *" in d.message for h in d.helps)

    sizes = [s for d in found if d.code == "CS329" for s in (d.span, *(r.span for r in d.related))]

    unused = [tuple(d.fixes[0].span) for d in found if d.code == "CS203" and d.fixes][:_MOST]

    def follows(d: Diagnostic) -> bool:
        if d.code == "CS312":
            return tuple(d.span) in unused
        if d.code == "CS307":
            return any(d.span.holds(place) for place in sizes)
        if d.code in ("CS118", "CS127"):
            return tuple(d.span) in told
        if d.code == "CS501" and star:
            return source.slice(d.span) in star
        if d.code == "CS131":
            return any(call.span.holds(d.span) for call in calls)
        if d.code == "CS302" and d.message.endswith("whatever is trained"):
            return _same_line(d, domains, source)
        if d.code == "CS201" and any(axis.holds(d.span) for axis in axes):
            return True
        if d.code in ("CS201", "CS302"):
            return any(place.holds(d.span) for place in places)
        return d.code == "CS203" and bool(dashed) and d.span.start == d.span.end

    return [d for d in found if not follows(d)]


_OBJECTIVE = re.compile(r"\b(?:min|max|opt|arg|loss|objective|goal|cost)", re.IGNORECASE)
"""Words of a line that may be the objective, where it does not parse."""


def _same_line(found: Diagnostic, others: Sequence[Diagnostic], source: Source) -> bool:
    line = source.position(found.span.start).line
    return any(source.position(d.span.start).line == line for d in others)


def _without_untrusted(found: Sequence[Diagnostic], source: Source) -> list[Diagnostic]:
    """Without what follows from a path that lacks its quotes: it would be another import."""
    if not any(d.code == "CS218" for d in found):
        return list(found)
    quotes = {source.position(d.span.start).line for d in found if d.code == "CS105"}
    lines = ((d, source.position(d.span.start).line) for d in found)
    return [d for d, line in lines if d.code != "CS218" or line not in quotes]


def _overtakes(other: Diagnostic, edit: Fix, found: Diagnostic, source: Source) -> bool:
    """Whether nothing is left of a finding when the edit of another one is made."""
    if other is found:
        return False
    if other.code == "CS127" and tuple(other.span) == tuple(found.span):
        return True
    return edit.span.holds(found.span) and _gone(found, edit.span, edit.replacement, source)


def _gone(found: Diagnostic, span: tuple[int, int], replacement: str, source: Source) -> bool:
    """Whether an edit of a larger span leaves nothing of a place; of the same span it may."""
    if tuple(found.span) == tuple(span) or not replacement:
        return False
    start = max(span[0], found.span.start - _BESIDE)
    end = min(span[1], found.span.end + _BESIDE)
    return source.text[start:end].strip() not in replacement


def once(found: Iterable[Diagnostic], source: Source) -> list[Diagnostic]:
    """Each unknown name without a remedy of its own once, with a note of the other lines."""
    kept: list[Diagnostic] = []
    first: dict[str, int] = {}
    others: dict[str, set[int]] = {}
    for diagnostic in found:
        word = source.slice(diagnostic.span)
        if diagnostic.code != "CS201" or diagnostic.fixes or not word.isidentifier():
            kept.append(diagnostic)
        elif word not in first:
            first[word] = len(kept)
            kept.append(diagnostic)
        else:
            others.setdefault(word, set()).add(source.position(diagnostic.span.start).line)
    for word, lines in others.items():
        at = kept[first[word]]
        lines -= {source.position(at.span.start).line}
        if lines:
            shown = ", ".join(str(line) for line in sorted(lines))
            note = f"also in line{'s' if len(lines) > 1 else ''} {shown}"
            kept[first[word]] = at.model_copy(update={"notes": (*at.notes, note)})
    return kept

"""What is said stays short, however long the text: quotes, edits, and the number of findings; one
mistake is one finding.

`` `aaaa...` `` of 5,000 characters      ->   its first 110, ` ... `, its last 40
9,999 warnings of one kind               ->   the first 10, and a note of how many more
2,000 errors                             ->   the first 100, and a last one that counts the others
"""

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, Label, finding
from cspec.dsl.text.limits import FINDINGS, QUOTE, SAME
from cspec.dsl.text.source import Source, Span, line_of

_HEAD, _TAIL = 110, 40
_TEXT = 6 * QUOTE
"""Characters of a remark, whose quotes are short already."""
_EDIT = 2_000
"""Characters of a replacement: an edit of a whole page is not offered."""
_LONG = re.compile(rf"`[^`]{{{QUOTE + 1},}}`")
_MORE = "CS146"


def brief(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The findings in their order, as many and as long as a reader can use.

    Of warnings with one code only the first 10 are kept, of all findings the first 100; what is
    left out is counted. `brief(brief(x)) == brief(x)`.
    """
    kept = _grouped(tuple(found))
    if len(kept) > FINDINGS.most + 1 or (
        len(kept) > FINDINGS.most and all(d.code != _MORE for d in kept)
    ):
        kept = _cut(kept)
    return tuple(_short(diagnostic) for diagnostic in kept)


def _grouped(found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Warnings of one code beyond the first few as a note below the last of those."""
    counts: dict[str, int] = {}
    last: dict[str, int] = {}
    kept: list[Diagnostic] = []
    for diagnostic in found:
        if diagnostic.severity == "warning" and diagnostic.code != _MORE:
            counts[diagnostic.code] = counts.get(diagnostic.code, 0) + 1
            if counts[diagnostic.code] > SAME.most:
                continue
            last[diagnostic.code] = len(kept)
        kept.append(diagnostic)
    for code, count in counts.items():
        if count > SAME.most:
            more = f"and {count - SAME.most:,} more warnings {code} like this one"
            at = kept[last[code]]
            kept[last[code]] = at.model_copy(update={"notes": (*at.notes, more)})
    return tuple(kept)


def _cut(found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The first of many findings, errors before warnings where not all have place."""
    wrong = [d for d in found if d.severity == "error"]
    chosen = set(map(id, wrong[: FINDINGS.most]))
    for diagnostic in found:
        if len(chosen) >= FINDINGS.most:
            break
        chosen.add(id(diagnostic))
    kept = [d for d in found if id(d) in chosen]
    left = [d for d in found if id(d) not in chosen]
    return (*kept, _count(left))


def _count(left: Sequence[Diagnostic]) -> Diagnostic:
    wrong = sum(d.severity == "error" for d in left)
    words = [f"{wrong:,} error{'s' * (wrong != 1)}"] if wrong else []
    if others := len(left) - wrong:
        words.append(f"{others:,} warning{'s' * (others != 1)}")
    helps = ("mend those above first: one mistake often has many findings",)
    said, next_ = f"and {' and '.join(words)} more", left[0]
    told = {"severity": "error" if wrong else "warning", "source": next_.source}
    return finding(_MORE, said, next_.span, "the next one is here", helps=helps, **told)


def _short(diagnostic: Diagnostic) -> Diagnostic:
    """A finding whose quotes and edits are short."""
    changed = {
        "message": _clipped(diagnostic.message),
        "label": _clipped(diagnostic.label),
        "related": tuple(
            Label(span=label.span, text=_clipped(label.text)) for label in diagnostic.related
        ),
        "notes": tuple(map(_clipped, diagnostic.notes)),
        "helps": tuple(map(_clipped, _begun(diagnostic.helps))),
        "fixes": tuple(map(_titled, (f for f in diagnostic.fixes if len(f.replacement) <= _EDIT))),
    }
    same = all(getattr(diagnostic, name) == value for name, value in changed.items())
    return diagnostic if same else diagnostic.model_copy(update=changed)


def _begun(helps: Sequence[str]) -> Sequence[str]:
    """The helps of a finding, the first of which is no other way beside one before it."""
    begun = re.sub(r"\Aor,? ", "", helps[0]) if helps else ""
    return (begun, *helps[1:]) if begun else helps


def _titled(fix: Fix) -> Fix:
    title = _clipped(fix.title)
    return fix if title == fix.title else fix.model_copy(update={"title": title})


def _clipped(text: str) -> str:
    """A remark with its long quotes cut in the middle."""
    if len(text) <= QUOTE:
        return text
    text = _LONG.sub(lambda m: f"{m[0][:_HEAD].rstrip()} ... {m[0][-_TAIL:].lstrip()}", text)
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 4]} ..."


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

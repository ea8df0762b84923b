"""What is said stays short, however long the text: quotes, edits, and the number of findings.

`` `aaaa...` `` of 5,000 characters      ->   its first 110, ` ... `, its last 40
9,999 warnings of one kind               ->   the first 10, and a note of how many more
2,000 errors                             ->   the first 100, and a last one that counts the others
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, Label, finding
from cspec.dsl.text.limits import FINDINGS, QUOTE, SAME

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

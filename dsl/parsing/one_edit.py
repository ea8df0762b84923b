"""The line that one edit makes right: what is said where no finding knows what was meant.

`s.t. a: sum x) <= 1`   ->   did you mean `s.t. a: sum(x) <= 1`?

An edit takes one word or mark out, puts one in, or exchanges two (a doubled word, a bracket of
another kind, two that changed places). Edits are tried in the order of how likely they are, the
nearest to the finding first; the clause must parse, and then the whole spec must check clean.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, errors
from cspec.dsl.messages.examples import Check, leads
from cspec.dsl.mistakes.failure import to_write
from cspec.dsl.parsing.kept_words import keeps
from cspec.dsl.parsing.lalr import fits
from cspec.dsl.parsing.rewrites import rewrites
from cspec.dsl.parsing.slip_edits import Edit, joins, slip_edits
from cspec.dsl.parsing.two_faults import both_mended, within, without_followers
from cspec.dsl.parsing.typed_helps import QUOTE, as_said, general
from cspec.dsl.text.clauses import ITEM_WORDS, cut
from cspec.dsl.text.limits import LIMITS, ROWS
from cspec.dsl.text.source import LABEL, Source, Span, line_of
from cspec.dsl.text.tokens import common_length, tokenize

_LONGEST, _LINE = 2_000, 160
_READABLE = 400
"""Characters of a line beyond which nothing is tried."""
_READ = 40_000
"""Characters that are read to find an edit: a long text is tried less often."""
_PARSED, _CHECKED, _SHOWN = 250, 10, 2
"""Edits of a line whose clause is parsed, specs that are checked, and lines that are shown."""
_ROUNDS = 5
"""Findings on one line that are mended one after the other."""
_NAMES_GO = frozenset({"CS301", "CS502"})
"""Findings about names of settings and arguments that nothing takes."""
_TOO_LARGE = frozenset(limit.code for limit in LIMITS if limit is not ROWS)


def with_one_edit(
    found: tuple[Diagnostic, ...], source: Source, check: Check
) -> tuple[Diagnostic, ...]:
    """The findings, the first error with the lines that one edit makes right, and no other error.

    Nothing is sought where an edit of its own makes the spec right, or where a text is long. The
    first error of each of a few other lines is said in the words of a form of that line.
    """
    wrong = errors(found)
    if not wrong or len(source.text) > _LONGEST:
        return found
    first = wrong[0]
    found = _in_forms(found, source, check, wrong)
    if first not in found or not _readable(source, first):
        return found
    fix = next((fix for fix in first.fixes[:2] if leads(source, fix, check, len(wrong))), None)
    if fix is not None and leads(source, fix, check, len(wrong), whole=True):
        told = _quoted(source, first, fix)
        here = Span(*line_of(source.text, first.span.start))
        # The rest of the line followed from it, where one edit of this very line leaves none.
        alone = len(first.fixes) == 1 and here.start <= fix.span.start <= here.end
        made = {*_DEFINED.findall(fix.replacement)}
        others = (d for d in found if d is first or not (alone and within(d, here)))
        others = (d for d in others if d.code != "CS201" or source.slice(d.span) not in made)
        return tuple(told if d is first else d for d in others)
    if any(_clean(source, fix, check) for fix in first.fixes[:2]):
        return found
    said = as_said(source, first, check, wrong, keeping=True)
    if said is not None:  # where it says its whole edit, the rest of the line followed from it
        here, whole = Span(*line_of(source.text, first.span.start)), said.fixes != first.fixes
        others = (d for d in found if d is first or not (whole and within(d, here)))
        return tuple(said if d is first else d for d in others)
    two_readings = len(first.fixes) > 1 and first.code not in _OF_TWO
    sought = first.code not in _KEPT and not two_readings
    both = both_mended(source, first, check, wrong) if sought else None
    if both is not None:
        places = _covered(source, first, both.fixes[0])
        return tuple(
            both if d is first else d for d in found if d is first or not within(d, *places)
        )
    either = any(h.startswith("or, for") for h in first.helps)  # the author's to choose
    line = None if either else _mended(source, first, check, wrong)
    if line is not None:
        fixes = (line, *first.fixes) if two_readings else (line,)
        update = {**_said(source, first, [line]), "fixes": fixes}
        told, here = first.model_copy(update=update), line.span
        # What the line as it is written now leaves out is told by what else is found on it.
        others = (d for d in found if d is first or _loses(source, line) or not within(d, here))
        return tuple(told if d is first else d for d in others)
    if as_said(source, first, check, wrong, keeping=False) is not None:
        return found
    edits = [*islice(_right(source, first, check), _SHOWN)]
    if not edits:
        return found
    told = first.model_copy(update=_said(source, first, edits))
    alone_here = [d for d in found if d is first or d.severity != "error"]
    return tuple(told if d is first else d for d in alone_here)


_DEFINED = re.compile(r"^(?:var|param|let)[ \t]+(\w+)", re.MULTILINE)
"""A name that a line of an edit defines: it is unknown no more."""


def _readable(source: Source, found: Diagnostic) -> bool:
    """Whether a line is tried: what may be run is no matter of a slip."""
    if found.span.start < 0 or found.code in _TOO_LARGE:
        return False
    start, end = line_of(source.text, found.span.start)
    return end - start <= _READABLE and not source.text.startswith("from", start)


def _one_a_line(source: Source, wrong: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """The first finding on each of the first lines that have one."""
    lines = {line_of(source.text, d.span.start)[0]: d for d in reversed(wrong)}
    yield from (
        lines[start] for start in sorted(lines)[:_ROUNDS] if _readable(source, lines[start])
    )


def _in_forms(
    found: tuple[Diagnostic, ...], source: Source, check: Check, wrong: Sequence[Diagnostic]
) -> tuple[Diagnostic, ...]:
    """The findings, the first on each line in the words of a form of its line that leads on.

    What else is found on the line, and what is gone with the edit, is said by it.
    """
    told: dict[int, Diagnostic] = {}
    for one in _one_a_line(source, wrong):
        rewritten = _rewritten(source, one, check, wrong) if one in found else None
        if rewritten is None:
            found = without_followers(found, source, one, check, wrong)
            continue
        told[id(one)] = rewritten
        edit = rewritten.fixes[0]
        here, gone = _covered(source, one, edit), not edit.replacement.strip()
        left = {(d.code, d.message) for d in check(source.edited(edit.span, edit.replacement))}
        found = tuple(
            d
            for d in found
            if id(d) in told or gone or ((d.code, d.message) in left and not within(d, *here))
        )
    return tuple(told.get(id(d), d) for d in found)


_REWRITTEN = 6
"""Lines of other forms that are checked."""


def _rewritten(
    source: Source, first: Diagnostic, check: Check, wrong: Sequence[Diagnostic]
) -> Diagnostic | None:
    """The finding in the words of the first form of its line that leads to fewer errors."""
    if first.code in _KEPT:
        return None
    readings = len(first.fixes) > 1 and first.code not in _OF_TWO
    for found in islice(rewrites(source, first, readings), _REWRITTEN):
        fix = Fix(span=found.span, replacement=found.new, title=to_write(found.new))
        far = found.span.end < first.span.start or found.span.start > first.span.end
        if leads(source, fix, check, len(wrong), whole=far):
            if not leads(source, fix, check, len(wrong), whole=True):
                fix = _mended(source, first, check, wrong, fix) or fix
            shown = _on_line(source, first, fix)
            update = {
                **_anew(first, found.message, shown, wrong),
                "helps": (
                    f"write `{line}`" if (line := _lines(source, fix)) else "remove the line",
                    *(h for h in first.helps if h.startswith("or ")),
                ),
                "fixes": (fix, *(first.fixes if len(first.fixes) > 1 else ())),
            }
            return first.model_copy(update=update)
    return None


def _anew(
    first: Diagnostic, message: str, shown: Span, wrong: Sequence[Diagnostic]
) -> dict[str, object]:
    """What is said of a line in the words of a form; nothing new where it only knows the edit.

    Its code is that of the finding that stands where the form does.
    """
    if message in ("", first.message):
        return {}
    there = (d.code for d in wrong if d.span.start < shown.end and shown.start < d.span.end)
    code = next(there, first.code)
    return {"message": message, "span": shown, "label": "", "notes": (), "code": code}


_KEPT = frozenset({"CS218", "CS105"})
"""Findings about what may be run, and about texts: nothing in them is read."""


_OF_TWO = frozenset({"CS409", "CS508", "CS128"})
"""Findings about two lines, of which each may go; others with two edits have two readings."""


def _on_line(source: Source, first: Diagnostic, fix: Fix) -> Span:
    """What is marked: the words that change, where they stand on the line of the finding."""
    start, end = line_of(source.text, first.span.start)
    if fix.span.start < start or fix.span.end > end or fix.span.start == fix.span.end:
        return first.span
    return fix.span


def _covered(source: Source, first: Diagnostic, fix: Fix) -> tuple[Span, Span]:
    """The line of a finding, and all that an edit changes, which may stand on others."""
    return Span(*line_of(source.text, first.span.start)), fix.span


def _lines(source: Source, fix: Fix) -> str:
    """The line as it reads after an edit; of an edit over several, those that change."""
    old = source.text[fix.span.start : fix.span.end]
    if "\n" not in old:
        return _parted(_line(source, fix))
    start, end = line_of(source.text, fix.span.start)[0], line_of(source.text, fix.span.end)[1]
    text = source.text
    new = f"{text[start : fix.span.start]}{fix.replacement}{text[fix.span.end : end]}"
    before = text[start:end].split("\n")
    return "`, and `".join(line.strip() for line in new.split("\n") if line not in before)


def _quoted(source: Source, first: Diagnostic, fix: Fix) -> Diagnostic:
    """The finding, with the whole line as it reads after its fix where its help says less.

    A help says it all where what it quotes, typed in the place of what is marked, is what the fix
    makes of the text.
    """
    text = source.text
    meant = _bare(source.edited(fix.span, fix.replacement).text)
    start, end = line_of(text, first.span.start)
    begin = LABEL.match(text, start, end)
    body = begin.end() if begin else start
    places = [first.span, Span(start, end), Span(body, end)]
    places += [fix.span] if fix.span.start == fix.span.end else []
    quotes = [quote for help_ in first.helps[:2] for quote in QUOTE.findall(help_)]
    typed = (f"{text[:a]}{quote}{text[b:]}" for quote in quotes for a, b in places)
    if not fix.replacement.strip() or any(_bare(one) == meant for one in typed):
        return first
    line = _parted(_tidy(_line(source, fix)).strip("\n"))
    if not line or len(line) > _LINE or f"`{line}`" in " ".join(first.helps):
        return first
    if len(first.fixes) > 1 and len(first.helps) > 1:
        return first  # each reading has a help of its own
    helps = tuple(h for h in first.helps if not _WRITTEN.fullmatch(h))
    return first.model_copy(update={"helps": (f"write `{line}`", *helps)})


_WRITTEN = re.compile(r"write `[^`]*`")


def _tidy(line: str) -> str:
    """A line without the blanks that an edit leaves."""
    return line if '"' in line else re.sub(r"(?<=\S)[ \t]+(?=,)|(?<=\S )[ \t]+", "", line)


def _bare(text: str) -> str:
    return "".join(text.split())


def _mended(
    source: Source,
    first: Diagnostic,
    check: Check,
    wrong: Sequence[Diagnostic],
    begin: Fix | None = None,
) -> Fix | None:
    """The line after the first edit of each finding on it in turn, where that makes it right.

    `begin` is the edit of the first finding, where a form of the line told it.
    """
    start, end = line_of(source.text, first.span.start)
    text, behind = source.text, len(source.text) - end
    here, found, safe = source, first, True
    for turn in range(_ROUNDS):
        told = begin if turn == 0 else None
        fix = told or _next_edit(here, found, first, check)
        if fix is None or fix.span.start < start or fix.span.end > len(text) - behind:
            return None
        goes = found.code in _NAMES_GO or _whole_call(found, fix)
        if not (goes or told or fix.replacement.strip()):
            return None
        line = text[start : len(text) - behind]
        if not (goes or told) and not keeps(line, _line(here, fix), own=bool(found.fixes)):
            return None
        here, safe = here.edited(fix.span, fix.replacement), safe and fix.safe
        text = here.text
        after = errors(check(here))
        left = [d for d in after if start <= d.span.start <= len(text) - behind]
        if not left and len(after) < len(wrong):
            line = text[start : len(text) - behind]
            title = f"write `{line.strip()}`"
            return Fix(span=Span(start, end), replacement=line, title=title, safe=safe)
        if not left:
            return None
        found = left[0]
    return None


def _loses(source: Source, line: Fix) -> bool:
    """Whether a line written anew has no trace of a word or number that stood there."""
    kept = line.replacement.lower()
    return any(word not in kept for word in _SAID_THERE.findall(source.slice(line.span).lower()))


_SAID_THERE = re.compile(r"[a-z_]\w*|\d[\d.]*")


def _next_edit(here: Source, found: Diagnostic, first: Diagnostic, check: Check) -> Fix | None:
    """The edit of a finding; of one that an edit uncovered, what a form or a slip of it tells."""
    fix = next(iter(found.fixes), None)
    if fix is not None or found is first:
        return fix
    form = _rewritten(here, found, check, errors(check(here)))
    return form.fixes[0] if form is not None else next(_right(here, found, check), None)


def _whole_call(found: Diagnostic, fix: Fix) -> bool:
    """Whether an edit of an unknown function writes its whole call anew: `c("A")` as `{"A"}`."""
    return (
        found.code == "CS201"
        and fix.span.start == found.span.start
        and fix.span.end > found.span.end
    )


def _said(source: Source, first: Diagnostic, edits: Sequence[Fix]) -> dict[str, object]:
    lines = [_parted(_line(source, edit)) for edit in edits]
    if len({*lines}) < len(lines):
        lines, edits = lines[:1], edits[:1]
    begins = ("did you mean", "or")
    helps = tuple(f"{word} `{line}`?" for word, line in zip(begins, lines, strict=False))
    own = () if first.code == "CS101" else tuple(h for h in first.helps if not general(h))
    # A word that the line has in its place need not be told once more.
    told = {f"did you mean `{word}`?" for line in lines for word in _SAID_THERE.findall(line)}
    return {"helps": (*helps, *(h for h in own if h not in told)), "fixes": tuple(edits)}


def _parted(lines: str) -> str:
    return lines.replace("\n", "`, and on the next line `")


def _line(source: Source, edit: Fix) -> str:
    return _edited(source.text, edit.span, edit.replacement).strip()


def _edited(text: str, span: Span, new: str) -> str:
    """The line as it reads after an edit."""
    start, end = line_of(text, span.start)
    return f"{text[start : span.start]}{new}{text[span.end : max(end, span.end)]}"


def _clean(source: Source, fix: Fix, check: Check) -> bool:
    return not errors(check(source.edited(fix.span, fix.replacement)))


def _right(source: Source, first: Diagnostic, check: Check) -> Iterator[Fix]:
    """The edits that make the spec right, the most likely first."""
    start, end = line_of(source.text, first.span.start)
    if end - start > _LINE:
        return
    edits = sorted({_apart(source.text, e) for e in slip_edits(source, first, start, end)})
    size = int(common_length(source.text)) + 1
    before = source.text[start:end]
    safe = (e for e in edits if keeps(before, _edited(source.text, e.span, e.new)))
    tried = islice(safe, min(_PARSED, _READ // size))
    around = _around(source.text, start, end)
    parsed = (e for e in tried if _parses(source.text, e, around))
    for edit in islice(parsed, min(_CHECKED, _READ // 10 // size)):
        title = f"write `{edit.new.strip()}`" if edit.new.strip() else "remove it"
        fix = Fix(span=edit.span, replacement=edit.new, title=title)
        if _clean(source, fix, check):
            yield fix


def _apart(text: str, edit: Edit) -> Edit:
    """An edit that lets no two words grow together."""
    (start, end), new = edit.span, edit.new
    left, right = text[start - 1 : start], text[end : end + 1]
    if not new:
        return edit._replace(new=" ") if joins(left) and joins(right) else edit
    new = f" {new}" if joins(left) and joins(new[0]) else new
    return edit._replace(new=f"{new} " if joins(new[-1]) and joins(right) else new)


def _parses(text: str, edit: Edit, around: tuple[int, int]) -> bool:
    """Whether the clauses on the line of an edit parse when it is made.

    Only what lies `around` the line is read: whole clauses.
    """
    begin, behind = around[0], len(text) - around[1]
    text = text[: edit.span.start] + edit.new + text[edit.span.end :]
    start, end = line_of(text, edit.span.start)
    for clause in cut(tokenize(text, begin, len(text) - behind)[0]):
        tokens = clause.tokens
        if clause.signs or not tokens or tokens[-1].end < start or tokens[0].start > end:
            continue
        if not fits("item" if tokens[0].kind in ITEM_WORDS else "clause", tokens):
            return False
    return True


_BEHIND = 2
"""Clauses behind a line that are read with it: a bracket that is left open may take them in."""


def _around(text: str, start: int, end: int) -> tuple[int, int]:
    """From the clause within which a line begins to the end of the second behind it."""
    clauses = [clause.tokens for clause in cut(tokenize(text)[0]) if clause.tokens]
    begin = max((c[0].start for c in clauses if c[0].start <= start), default=0)
    behind = [c[-1].end for c in clauses if c[0].start > end]
    last = behind[_BEHIND - 1] if len(behind) >= _BEHIND else len(text)
    return line_of(text, begin)[0], line_of(text, last)[1]

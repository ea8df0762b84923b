"""Lines whose whole form says what was meant: a row a kind, and what a spec writes in its place.

    s.t. verify(a, test)              ->   verify a on test
    forall {i in range(3)} x[i] >= 1  ->   forall i in range(3): x[i] >= 1

A row is offered only where the spec, with its line in place, has fewer errors and none there: it
may be short, and needs no knowledge of the grammar. What it says takes the place of all that was
found on the line, since that followed from it.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.parsing.rewrite_bound import BOUND
from cspec.dsl.parsing.rewrite_calls import CALL_ROWS, LABEL_ROWS
from cspec.dsl.parsing.rewrite_elsewhere import ELSEWHERE_ROWS
from cspec.dsl.parsing.rewrite_forms import Rewrite, put
from cspec.dsl.parsing.rewrite_named import NAMED
from cspec.dsl.parsing.rewrite_notations import NOTATION_ROWS
from cspec.dsl.parsing.rewrite_order import ORDER_ROWS
from cspec.dsl.parsing.rewrite_rows import ROWS
from cspec.dsl.parsing.rewrite_slips import SLIP_ROWS
from cspec.dsl.parsing.rewrite_statistics import STATISTICS_ROWS
from cspec.dsl.parsing.rewrite_words import WORD_ROWS
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.text.source import Source, Span, line_of
from cspec.dsl.text.terminals import keywords
from cspec.dsl.words.functions import SIGNATURES

_LONGEST = 200
"""Characters of a line that is read: its forms are short."""
_FOUND = 3
"""Places of one form in a line."""


_ROWS = (
    *ELSEWHERE_ROWS,
    *STATISTICS_ROWS,
    *CALL_ROWS,
    *SLIP_ROWS,
    *ORDER_ROWS,
    *NOTATION_ROWS,
    *WORD_ROWS,
    *ROWS,
    *LABEL_ROWS,
)


def rewrites(source: Source, first: Diagnostic, readings: bool) -> Iterator[Rewrite]:
    """What a line may have meant, by the rows that fit it, the most specific first.

    Of a finding that has `readings` of its own, by the rows for its code alone.
    """
    text = source.text
    start, end = line_of(text, first.span.start)
    if end - start > _LONGEST:
        return
    if not readings:
        yield from _in_one_word(text, start, end)
        yield from _of_the_spec(source, first)
    for row in _ROWS:
        if readings and first.code not in row.codes:
            continue
        if row.codes and not first.code.startswith(row.codes):
            continue
        last = len(text) if row.on else end
        for pattern in row.patterns:
            made = []
            for match in islice(pattern.finditer(text, start, last), _FOUND):
                new = match.expand(row.make) if isinstance(row.make, str) else row.make(match)
                if (new or row.make == "") and new != match[0] and not match[0].startswith("#"):
                    made.append(Rewrite(Span(*match.span()), new, _said(row.message, match)))
            if len(made) > 1:
                yield _together(text, made)
            yield from made


def _together(text: str, made: Sequence[Rewrite]) -> Rewrite:
    """One form in several places of a line."""
    new, end = "", made[0].span.start
    for one in made:
        new += text[end : one.span.start] + one.new
        end = one.span.end
    return Rewrite(Span(made[0].span.start, end), new, made[0].message)


@cache
def _known_words() -> frozenset[str]:
    """Words of the language that a blank may have cut in two."""
    words = (*keywords(), *SIGNATURES, *METHODS, "stalled", "confidence", "epochs", "steps")
    return frozenset(word for word in words if len(word) > 2)


_PARTS = re.compile(r"\b([A-Za-z_]+)[ \t]+(?=([A-Za-z_]+)(?:[ \t]+([A-Za-z_]+))?)")


def _in_one_word(text: str, start: int, end: int) -> Iterator[Rewrite]:
    """`with in 2%`, `for all`, `mini mize`: what a blank cut is one word."""
    known = _known_words()
    for parts in _PARTS.finditer(text, start, end):
        for last in (3, 2):
            word = "".join(parts.group(*range(1, last + 1))) if parts[last] else ""
            if word in known and parts.end(last) <= end:
                span = Span(parts.start(), parts.end(last))
                yield Rewrite(span, word, f"`{word}` is one word")


def _said(message: str, match: re.Match[str]) -> str:
    for group in re.findall(r"\{(\w+)\}", message):
        value = match[int(group) if group.isdigit() else group] or ""
        message = message.replace(f"{{{group}}}", value.strip())
    return message


def _of_the_spec(source: Source, first: Diagnostic) -> Iterator[Rewrite]:
    """Edits that other lines of the spec tell: a name that it takes, a second objective."""
    for make in (
        _set_in_place,
        _renamed,
        _unused_end,
        _table_column,
        _added_column,
        _one_objective,
        *BOUND,
        _left_out,
        *NAMED,
    ):
        found = make(source.text, first, source.slice(first.span))
        if found is not None:
            yield found


_INDEX_SET = re.compile(
    r"^[ \t]*(?:set|index|indices)[ \t]+(\w+)[ \t]*(?::?=|in\b|:)[ \t]*(.+?)[ \t]*;?[ \t]*\n", re.M
)
_FROM_TO = re.compile(r"[{\[(]?[ \t]*(\d+)[ \t]*(?:\.\.+|:)[ \t]*(\d+)[ \t]*[}\])]?")


def _set_in_place(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`set I = 0..2`: a set of indices has no line of its own, and stands where it is used."""
    line = _INDEX_SET.match(text, text.rfind("\n", 0, first.span.start) + 1)
    uses = (
        [m.end() for m in re.finditer(rf"\bin[ \t]+{re.escape(line[1])}\b", text)] if line else []
    )
    if line is None or not uses or uses[0] < line.end():
        return None
    ends = _FROM_TO.fullmatch(line[2])
    low, high = (int(ends[1]), int(ends[2])) if ends else (0, -1)
    listed = "{" + ", ".join(str(n) for n in range(low, min(high, low + 50) + 1)) + "}"
    meant = line[2] if ends is None else f"range({high + 1})" if low == 0 else listed
    rest = text[line.end() : uses[-1]]
    new = re.sub(rf"(\bin[ \t]+){re.escape(line[1])}\b", lambda m: f"{m[1]}{meant}", rest)
    message = f"a set of indices has no line of its own: it is `in {meant}` where it is used"
    return Rewrite(Span(line.start(), uses[-1]), new, message)


def _renamed(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`param pi = 0.3`, `param max-rate`: the name gets a form of its own wherever it stands."""
    if first.code == "CS106":
        dashed = re.match(r"(?:param|var|let)[ \t]+([A-Za-z]\w*(?:-[A-Za-z]\w*)+)", word)
        old = dashed[1] if dashed else ""
        new = old.replace("-", "_")
    else:
        old, new = (word, f"{word}_") if first.code == "CS209" else ("", "")
    places = [m.span() for m in re.finditer(rf"(?<![\w.]){re.escape(old)}(?![\w(])", text)]
    if not old or not places:
        return None
    span = Span(places[0][0], places[-1][1])
    whole = put(rf"(?<![\w.]){re.escape(old)}(?![\w(])", new, text[span.start : span.end])
    return Rewrite(span, whole, first.message)


_NUMBER = re.compile(r"^[ \t]*(?:param|let)[ \t]+(\w+)[ \t]*(?:=|in\b|$)", re.MULTILINE)


def _unused_end(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`sum(x) <=`: the only number that the spec defines and nowhere uses."""
    if first.code != "CS102" or word not in ("<=", ">=", "=="):
        return None
    names = [n for n in _NUMBER.findall(text) if len(re.findall(rf"\b{re.escape(n)}\b", text)) == 1]
    end = first.span.end
    return Rewrite(Span(end, end), f" {names[0]}", first.message) if len(names) == 1 else None


def _table_column(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`param level[clinic]`: the column whose values the table is read by."""
    start = text.rfind("\n", 0, first.span.start) + 1
    of = re.compile(rf"[ \t]*param[ \t]+(\w+)[ \t]*\[[ \t]*{re.escape(word)}[ \t]*\]").match(
        text, start
    )
    if first.code != "CS201" or of is None:
        return None
    reads = re.findall(rf"\b{re.escape(of[1])}\[[ \t]*(\w+)[ \t]*\]", text[of.end() :])
    over = {
        c
        for r in reads
        for c in re.findall(rf"\b{re.escape(r)}[ \t]+in[ \t]+values\((\w+)\)", text)
    }
    if len(over) != 1 or word in over:
        return None
    said = f"`{word}` is no column: `{of[1]}` is read by the values of `{(column := over.pop())}`"
    return Rewrite(first.span, column, said)


_DATA_LINE = re.compile(r"the `data` line: `(?:data )?(\w+)\(([^()`]*)\)`")
_TARGET = re.compile(r"(\w+)\(([^()\n]*)\)")


def _added_column(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """A column, or a dataset, that the line of the data lacks."""
    told = next((m for h in first.helps for m in [_DATA_LINE.search(h)] if m), None)
    line = re.search(r"^[ \t]*data[ \t]+[^=\n]*", text, re.MULTILINE)
    if told is None or line is None or first.fixes or text.startswith((".", "["), first.span.end):
        return None
    drawn = rf"\b{re.escape(word)}[ \t]*(?:[~=\u223c]|\b(?:in|is|from)\b)[ \t]*\w+\("
    if re.search(drawn, text[slice(*line_of(text, first.span.start))]):
        return None
    targets = list(_TARGET.finditer(text, line.start(), line.end()))
    names = [target[1] for target in targets]
    if not targets:
        return None
    span = Span(targets[0].start(), targets[-1].end())
    if told[1] in names:
        new = ", ".join(f"{t[1]}({t[2]}, {word})" for t in targets)
    else:
        new = f"{text[span.start : span.end]}, {told[1]}({targets[0][2]})"
    return Rewrite(span, new, first.message)


def _one_objective(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """Two objectives are one sum, of what is made small."""
    before = [label.span for label in first.related]
    if first.code != "CS409" or len(before) != 1 or before[0].start > first.span.start:
        return None
    head, rest = text[before[0].start : before[0].end], text[before[0].end : first.span.start]
    one, two = head.split(maxsplit=1), word.split(maxsplit=1)
    if len(one) < 2 or len(two) < 2 or one[1] == two[1]:
        return None
    added = f"+ {two[1]}" if one[0] == two[0] else f"- ({two[1]})"
    whole = f"{one[0]} {one[1]} {added}{rest.rstrip()}"
    return Rewrite(Span(before[0].start, first.span.end), whole, first.message)


def _left_out(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """A method that can't be used, a second line of settings, a second length of a run."""
    start, end = first.span
    if first.code == "CS531":
        start -= len(re.search(r"[ \t]*,?[ \t]*\Z", text[:start])[0])  # type: ignore[index]
    elif first.code == "CS521":
        by = re.search(r"(?:[ \t]+by|^[ \t]*using)[ \t]+\Z", text[:start], re.MULTILINE)
        end = end if by is None else len(text[:end] + _BRACKET.match(text, end)[0])  # type: ignore[index]
        start = start if by is None else by.start()
    elif first.code != "CS508" or not first.helps[0].startswith("remove one"):
        return None
    return Rewrite(Span(start, end), "", first.message)


_BRACKET = re.compile(r"(?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\))?")

"""What is no part of a spec: remarks in other notations, and what comes along with a copy.

Remarks begin with `//`, `--`, `%`, `REM`, `/* */`, `<!-- -->`, `\"\"\"` or fences of Markdown; a
copied text has prompts, numbers of lines, marks of a merge:

>>> minimize x^2       1 | minimize x^2       <<<<<<< HEAD
... s.t. x >= 1        2 | s.t. x >= 1        =======

They are taken out before the text is cut into clauses: a remark of five words would else be five
mistakes, a prompt one a line.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from cspec.dsl.messages.diagnostic import Diagnostic, Fix
from cspec.dsl.mistakes.failure import problem
from cspec.dsl.text.defined_names import defined_names
from cspec.dsl.text.source import Source, Span, line_of
from cspec.dsl.text.tokens import Token

_OPENER = re.compile(
    r"""^[ \t]*(?P<mark>//|--+(?=[ \t]+\w)|%|\"\"\"|```|~~~|(?:REM|Rem|rem)\b(?=[ \t]+[A-Za-z])"""
    r"""|'(?=[ \t]*[A-Za-z]\w*[ \t]+\w[^'\n]*$))|(?P<block>/\*|\(\*(?=[ \t])|<!--)""",
    re.MULTILINE,
)
_TRAILING = re.compile(
    r"(?<=\S)[ \t]+(?P<mark>//|%(?!in%|o%|/%)|--+(?![ \t]*\d)|!(?=[ \t])|REM\b)[ \t]*"
    r"(?P<remark>\"?[A-Za-z][^\n]*)"
)
_PLAIN = (
    r"(?!(?:and|or|not|in|if|for|on|forall|where|with|within|by|soft|every)\b)[A-Za-z][\w']*\"?"
)
_PROSE = re.compile(rf"\"?{_PLAIN}[ \t]+{_PLAIN}")
"""Two words with nothing between them, which no expression has."""
_WORD = re.compile(r"[A-Za-z_]\w*")
_DEFINING = frozenset(["var", "param", "data", "model", "domain", "given", "fit", "using"])
"""Lines whose values are mostly plain: one word behind a mark is a remark there."""
_PARTNER = {"/*": "*/", '"""': '"""', "(*": "*)", "<!--": "-->"}
_OPERAND = re.compile(r"[\w%)\]}\"]")
"""The last character of what a sign may stand behind: elsewhere two are two signs."""
_UNSURE = frozenset({"!", "REM"})
"""Marks that begin a remark only before words with nothing between them."""
_FENCES = frozenset({"```", "~~~"})


class _Remark(NamedTuple):
    """Where a remark stands, with all its lines, and the mark that opens it."""

    span: Span
    mark: Span
    text: str


def mend_comments(source: Source, tokens: list[Token]) -> tuple[list[Token], list[Diagnostic]]:
    """The tokens without those in remarks of another notation, and the findings."""
    starts = frozenset(token.start for token in tokens)
    remarks = [*_remarks(source.text, starts), *_behind(source.text, starts)]
    if not remarks:
        return tokens, []
    kept = [t for t in tokens if not any(r.span.start <= t.start < r.span.end for r in remarks)]
    return kept, [_finding(source, remark) for remark in remarks]


def _remarks(text: str, starts: frozenset[int]) -> Iterator[_Remark]:
    """Remarks in order; a mark inside a comment or a string begins none."""
    place = 0
    while (found := _OPENER.search(text, place)) is not None:
        mark = Span(*found.span("mark" if found["mark"] else "block"))
        word = text[mark.start : mark.end]
        end = _end(text, mark, word)
        named = word.isalpha() and (
            word in defined_names(text) or not _PROSE.match(text[mark.end : end].strip())
        )
        if mark.start in starts and not named:
            yield _Remark(Span(mark.start, end), mark, word)
        place = max(end, mark.end)


def _behind(text: str, starts: frozenset[int]) -> Iterator[_Remark]:
    """Remarks behind something: words that the spec says nowhere else, so no divisor is meant."""
    if not any(mark in text for mark in ("//", " %", "--", " !", "REM")):
        return
    seen: set[str] = set()
    place = 0
    for found in _TRAILING.finditer(text):
        seen.update(_WORD.findall(text, place, found.start("mark")))
        place = found.start("mark")
        words = _WORD.findall(found["remark"])
        line = text[line_of(text, place)[0] : place].split()
        sure = len(words) > 1 or (line and line[0] in _DEFINING)
        prose = _PROSE.match(found["remark"]) is not None
        mark, before = found["mark"], text[:place].rstrip()[-1:]
        signs = mark.startswith("--") and (
            text[place + 2] not in " \t" or not _OPERAND.match(before)
        )
        told = prose or (words[0] not in seen and mark not in _UNSURE and not signs)
        if found.start("mark") in starts and sure and told:
            end = found.start("remark") + len(found["remark"].rstrip())
            span = Span(found.start("mark"), end)
            others = f"{text[: span.start]}{text[span.end :]}"
            if prose or words[0] not in defined_names(others):
                yield _Remark(span, Span(*found.span("mark")), found["mark"])


def _end(text: str, mark: Span, word: str) -> int:
    """Behind the last character of a remark: of its line, or of the partner of its mark."""
    partner = _PARTNER.get(word)
    close = text.find(partner, mark.end) if partner else -1
    if partner and close >= 0:
        return close + len(partner)
    end = line_of(text, mark.end)[1]
    return end - 1 if end and text[end - 1] == "\r" else end


def _finding(source: Source, remark: _Remark) -> Diagnostic:
    written = source.slice(remark.span)
    if remark.text in _FENCES:
        message = f"`{remark.text}` is Markdown, not part of a spec"
        return problem(source, "CS145", message, remark.span, helps=("remove the line",), fix="")
    lines = written.split("\n")
    fixed = "\n".join(_commented(line, remark.text) for line in lines)
    place = Span(remark.span.start, remark.span.start + len(lines[0]))
    message = f"a remark begins with `#`, not with `{remark.text}`"
    span = place if len(lines) > 1 else remark.span
    helps = (f"write `{fixed}`" if len(lines) == 1 else "begin each of its lines with `#`",)
    fixes = (Fix(span=remark.span, replacement=fixed, title="write it with `#`", safe=True),)
    return problem(source, "CS145", message, span, helps=helps, fixes=fixes)


def _commented(line: str, mark: str) -> str:
    """One line of a remark as a remark of the language."""
    bare = line.strip().removeprefix(mark)
    for partner in _PARTNER.values():
        bare = bare.removesuffix(partner)
    return f"# {bare.lstrip('*').strip()}".rstrip()


_PROMPT = re.compile(
    r"^[ \t]*(?:(?:>>>|\.\.\.:?)(?=[ \t]|$)|(?:In|Out) ?\[\d*\]:|\$(?=[ \t]))[ \t]?", re.MULTILINE
)
_NUMBER = re.compile(r"^[ \t]*(\d{1,6})[ \t]*[|:\t](?:[ \t]|$)", re.MULTILINE)
_MERGE = re.compile(
    r"^<{7}[^\n]*\n(?P<first>(?:(?!={7}).*\n)*?)={7}[^\n]*\n(?P<second>(?:(?!>{7}).*\n)*?)>{7}[^\n]*",
    re.MULTILINE,
)
_LONGEST = 4000
"""Characters of a merge that is looked for."""


def mend_pasted(source: Source, tokens: list[Token]) -> tuple[list[Token], list[Diagnostic]]:
    """The tokens without those that copying left in the text, and the findings."""
    cut: list[Span] = []
    findings: list[Diagnostic] = []
    for finding, spans in (*_merges(source), *_numbered(source), *_prompts(source)):
        findings.append(finding)
        cut += spans
    if not cut:
        return tokens, []
    cut.sort()
    return list(_without(tokens, cut)), findings


def _without(tokens: list[Token], cut: list[Span]) -> Iterator[Token]:
    """The tokens outside of spans; both are in order."""
    place = 0
    for token in tokens:
        while place < len(cut) and cut[place].end <= token.start:
            place += 1
        if place == len(cut) or token.start < cut[place].start or token.kind == "_NL":
            yield token


def _merges(source: Source) -> Iterator[tuple[Diagnostic, list[Span]]]:
    """Two versions of the same lines, between the marks of a merge."""
    if "<<<<<<<" not in source.text:
        return
    for start in re.finditer(r"^<{7}", source.text, re.MULTILINE):
        match = _MERGE.match(source.text, start.start(), start.start() + _LONGEST)
        if match is None:
            continue
        whole = Span(*match.span())
        fixes = [
            Fix(span=whole, replacement=match[kept].removesuffix("\n"), title=f"keep the {kept}")
            for kept in ("first", "second")
        ]
        message = "a merge is not finished: two versions of the same lines"
        line = Span(*line_of(source.text, match.start()))
        helps = ("keep the lines above or below `=======`, and remove the marks",)
        finding = problem(source, "CS145", message, line, helps=helps, fixes=fixes)
        first = match.span("first")
        yield finding, [Span(match.start(), first[0]), Span(first[1], match.end())]


def _numbered(source: Source) -> Iterator[tuple[Diagnostic, list[Span]]]:
    """`1 | var x`, `2 | minimize x`: lines with the numbers of a listing."""
    text = source.text
    lines = [match.start() for match in re.finditer(r"^(?=.*\S)", text, re.MULTILINE)]
    found = list(_NUMBER.finditer(text))
    if len(found) < 2 or [match.start() for match in found] != lines:
        return
    counts = [int(match[1]) for match in found]
    if any(later <= earlier for earlier, later in pairwise(counts)):
        return
    spans = [Span(*match.span()) for match in found]
    yield _removed(source, "the numbers of the lines are no part of a spec", spans), spans


def _prompts(source: Source) -> Iterator[tuple[Diagnostic, list[Span]]]:
    """`>>> minimize x`: the prompt of an interpreter."""
    spans = [Span(*match.span()) for match in _PROMPT.finditer(source.text)]
    if spans:
        yield _removed(source, "a prompt is no part of a spec", spans), spans


def _removed(source: Source, message: str, spans: list[Span]) -> Diagnostic:
    """A finding at the first of several marks; its fix removes them all."""
    whole = Span(spans[0].start, spans[-1].end)
    pieces = [source.text[before.end : after.start] for before, after in pairwise(spans)]
    helps = ("remove it" if len(spans) == 1 else "remove it from each line",)
    fixes = (Fix(span=whole, replacement="".join(pieces), title="remove it", safe=True),)
    return problem(source, "CS145", message, spans[0], helps=helps, fixes=fixes)

"""What comes along when text is copied: prompts, numbers of lines, marks of a merge.

>>> minimize x^2       1 | minimize x^2       <<<<<<< HEAD
... s.t. x >= 1        2 | s.t. x >= 1        =======

They are taken out before the text is cut into clauses: each would else be a mistake a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from cspec.dsl.messages.diagnostic import Diagnostic, Fix
from cspec.dsl.mistakes.failure import problem
from cspec.dsl.text.source import Source, Span, line_of
from cspec.dsl.text.tokens import Token

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

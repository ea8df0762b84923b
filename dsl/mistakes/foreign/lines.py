"""Whole lines of other languages, exchanged before the text is cut into clauses.

`mend_lines` looks at each line where a clause may begin, takes the first row that fits, and puts
the tokens of what a spec writes in their place. Linear: a pattern sees at most `_LONGEST`
characters, and no line twice.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from cspec.dsl.messages.diagnostic import Diagnostic, Fix
from cspec.dsl.mistakes.failure import Piece, problem, read_pieces, written
from cspec.dsl.mistakes.foreign.commands import COMMANDS, TRAINING
from cspec.dsl.mistakes.foreign.declarations import DECLARATIONS
from cspec.dsl.mistakes.foreign.functions import FUNCTIONS
from cspec.dsl.mistakes.foreign.keyed import KEYED
from cspec.dsl.mistakes.foreign.problems import PROBLEMS
from cspec.dsl.mistakes.foreign.prose import PROSE
from cspec.dsl.mistakes.foreign.rows import ForeignLine, filled
from cspec.dsl.text.clauses import CLOSERS, ITEM_WORDS, OPENERS, UNFINISHED
from cspec.dsl.text.defined_names import defined_names
from cspec.dsl.text.source import Source, Span, line_of
from cspec.dsl.text.tokens import Token

ROWS = (*DECLARATIONS, *FUNCTIONS, *PROBLEMS, *KEYED, *COMMANDS, *TRAINING, *PROSE)
"""Most specific first."""
_LONGEST = 600
_SHOWN = 80


class _Found(NamedTuple):
    """A foreign line: its row, its match, and the indices of its tokens."""

    row: ForeignLine
    match: re.Match[str]
    first: int
    last: int

    @property
    def span(self) -> Span:
        """The line without the blanks behind it."""
        return Span(self.match.start(), self.match.start() + len(self.match.group().rstrip()))


def mend_lines(source: Source, tokens: list[Token]) -> tuple[list[Token], list[Diagnostic]]:
    """The tokens with every foreign line exchanged, and the findings."""
    result: list[Token] = []
    findings: list[Diagnostic] = []
    copied = 0
    constrained = False
    for start in _line_starts(tokens):
        if start < copied:
            continue
        kind = tokens[start].kind
        constrained = kind == "ST" or (constrained and kind not in ITEM_WORDS)
        constrained = constrained or _holds_st(tokens, start)
        found = _foreign(source, tokens, start)
        if found is None:
            continue
        result += tokens[copied : found.first]
        new, finding, constrained = _exchanged(source, tokens, found, constrained)
        result += new
        findings.append(finding)
        copied = found.last
    return result + tokens[copied:], findings


def _holds_st(tokens: list[Token], start: int) -> bool:
    """`minimize x s.t. a`: the line itself begins the constraints."""
    for token in tokens[start : start + _SHOWN]:
        if token.kind in {"_NL", "ST"}:
            return token.kind == "ST"
    return False


def _line_starts(tokens: list[Token]) -> Iterator[int]:
    """Indices of tokens where a clause may begin: behind a newline, outside of brackets."""
    depth, before = 0, "_NL"
    for index, token in enumerate(tokens):
        if before == "_NL" and token.kind != "_NL" and depth <= 0:
            earlier = [t.kind for t in tokens[max(0, index - 8) : index] if t.kind != "_NL"]
            if not earlier or earlier[-1] not in UNFINISHED:
                yield index
        depth += (token.kind in OPENERS) - (token.kind in CLOSERS)
        if token.kind == "_NL" and depth > 0 and _fresh(tokens, index):
            depth = 0
        before = token.kind


def _fresh(tokens: list[Token], index: int) -> bool:
    """Whether an item begins on the next line for sure: a bracket before it was left open."""
    following = tokens[index + 1 : index + 3]
    return len(following) == 2 and following[0].kind in ITEM_WORDS and following[1].kind == "NAME"


def _foreign(source: Source, tokens: list[Token], start: int) -> _Found | None:
    place = tokens[start].start
    for row in ROWS:
        match = row.pattern.match(source.text, place, place + _LONGEST)
        if match is None or not match.group().strip() or _defined(source, match):
            continue
        if callable(row.template) and row.template(match) == "":
            continue  # what it takes is not there
        last = start
        while last < len(tokens) and tokens[last].start < match.end():
            last += 1
        return _Found(row, match, start, last)
    return None


def _defined(source: Source, match: re.Match[str]) -> bool:
    """Whether the word is a name of the spec itself: `let end = ...`, then `end` alone."""
    word = match.groupdict().get("word") or ""
    if not word.isidentifier() or match.group().strip() != word:
        return False
    return word in defined_names(source.text)


def _exchanged(
    source: Source, tokens: list[Token], found: _Found, constrained: bool
) -> tuple[list[Token], Diagnostic, bool]:
    row, match = found.row, found.match
    template = row.template(match) if callable(row.template) else row.template
    st = "" if constrained else "s.t. "
    pieces = _pieces(template, match, st)
    new = read_pieces(source, pieces, tokens[found.first : found.last], match.start())
    begins = any(token.kind == "ST" for token in new)
    known = template is not None
    return new, _finding(source, found, known, pieces, st), constrained or begins


def _pieces(
    template: str | tuple[Piece, ...] | None, match: re.Match[str], st: str
) -> tuple[Piece, ...]:
    """The pieces of what a spec writes; `{st}` among them is the heading, if one is needed."""
    if template is None:
        return ()
    if isinstance(template, str):
        return filled(template, match, st)
    return tuple(st if piece == "{st}" else piece for piece in template if piece != "{st}" or st)


def _finding(
    source: Source, found: _Found, known: bool, pieces: tuple[Piece, ...], st: str
) -> Diagnostic:
    row, match, span = found.row, found.match, found.span
    meant = written(source, pieces)
    said = {key: value or "" for key, value in match.groupdict().items()}
    own = bool(row.help) and not (meant and callable(row.template) and not row.alternatives)
    helps = (row.help.format_map(said),) if own else _to_write(meant)
    texts = [meant] if known else []
    texts += [written(source, filled(other, match, st)) for other in row.alternatives]
    fixes = tuple(
        Fix(
            span=span if text else _whole_line(source, span),
            replacement=text,
            title=f"write `{text.splitlines()[0]}`" if text else "remove the line",
            safe=row.safe and not row.alternatives,
        )
        for text in texts
    )
    shown = Span(span.start, min(span.end, line_of(source.text, span.start)[1]))
    message = row.message.format_map(said)
    notes = (row.note.format_map(said) if "{name}" in row.note else row.note,) if row.note else ()
    return problem(source, row.code, message, shown, notes=notes, helps=helps, fixes=fixes)


def _to_write(meant: str) -> tuple[str, ...]:
    lines = meant.splitlines()
    if not lines:
        return ("remove the line, or write it as a line of the language: `cspec explain CS136`",)
    return tuple(f"write `{line}`" for line in lines[:1]) + tuple(
        f"and `{line}`" for line in lines[1:]
    )


def _whole_line(source: Source, span: Span) -> Span:
    """The line with its end, if nothing else stands in it."""
    text = source.text
    start, end = line_of(text, span.start)[0], line_of(text, span.end)[1]
    if text[start : span.start].strip() or text[span.end : end].strip():
        return span
    return Span(start, min(end + 1, len(text)))

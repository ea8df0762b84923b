"""Diagnostics as text with the lines they are about, and as JSON data."""

import unicodedata
from collections.abc import Iterable
from typing import Any, NamedTuple

from cspec.dsl.messages.brief import brief
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.text.limits import QUOTE
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.visible import visible, visible_line

TAB = 4
_CUT = "..."
"""Stands for what is left out of a long line."""
MAX_LINES = 6
"""A span over more lines than this shows its first and its last two."""

_COLORS = {"error": "31", "warning": "33", "mark": "34", "bold": "1"}


class _Mark(NamedTuple):
    """A marked place: `main` is underlined with ^, others with -."""

    span: Span
    text: str
    main: bool


def render_text(diagnostics: Iterable[Diagnostic], color: bool = False) -> str:
    """All diagnostics, one block each, with a blank line between."""
    return "\n\n".join(_block(diagnostic, color) for diagnostic in brief(diagnostics))


def as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """The record as JSON data; lines and columns count from 1, and are None without a place."""
    source = diagnostic.source
    start = source.position(diagnostic.span.start) if source else None
    end = source.position(diagnostic.span.end) if source else None
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "line": start.line if start else None,
        "column": start.column if start else None,
        "end_line": end.line if end else None,
        "end_column": end.column if end else None,
        "label": diagnostic.label,
        "notes": list(diagnostic.notes),
        "help": list(diagnostic.helps),
        "fixes": [
            {
                "start": fix.span.start,
                "end": fix.span.end,
                "replacement": fix.replacement,
                "title": fix.title,
                "safe": fix.safe,
            }
            for fix in diagnostic.fixes
        ],
    }


def _block(diagnostic: Diagnostic, color: bool) -> str:
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    message = _paint(visible_line(diagnostic.message), "bold", color)
    lines = [f"{_paint(head, diagnostic.severity, color)}: {message}"]
    source = diagnostic.source
    gutter = 2
    if source is not None:
        marks = [_Mark(diagnostic.span, diagnostic.label, True)]
        marks += [_Mark(label.span, label.text, False) for label in diagnostic.related]
        gutter = len(str(max(_lines_of(source, mark.span)[1] for mark in marks))) + 1
        position = source.position(diagnostic.span.start)
        place = f"{visible_line(source.name)}:{position.line}:{position.column}"
        lines.append(f"{' ' * (gutter - 1)}{_paint('-->', 'mark', color)} {place}")
        lines.append(f"{' ' * gutter}{_paint('|', 'mark', color)}")
        lines += _excerpt(source, marks, gutter, diagnostic.severity, color)
    lines += _remarks("note", diagnostic.notes, gutter, color)
    lines += _remarks("help", diagnostic.helps, gutter, color)
    return "\n".join(lines)


def _remarks(kind: str, texts: Iterable[str], gutter: int, color: bool) -> list[str]:
    lines = []
    for text in texts:
        first, *rest = visible(text).split("\n")
        lines.append(f"{' ' * gutter}{_paint('=', 'mark', color)} {kind}: {first}")
        lines += [f"{' ' * (gutter + len(kind) + 4)}{line}" for line in rest]
    return lines


def _lines_of(source: Source, span: Span) -> tuple[int, int]:
    """First and last line that a span covers."""
    last = max(span.start, span.end - 1)
    return source.position(span.start).line, source.position(last).line


def _excerpt(
    source: Source, marks: list[_Mark], gutter: int, severity: str, color: bool
) -> list[str]:
    shown: dict[int, list[tuple[_Mark, int, int, bool]]] = {}
    for mark in marks:
        first, last = _lines_of(source, mark.span)
        for number in range(first, last + 1):
            if last - first >= MAX_LINES and first + 1 < number < last - 1:
                continue
            start, end = _columns(source, mark.span, number)
            shown.setdefault(number, []).append((mark, start, end, number == last))
    lines: list[str] = []
    previous = None
    for number in sorted(shown):
        if previous is not None and number > previous + 1:
            lines.append(f"{'...':<{gutter}}")
        previous = number
        marked = sorted(shown[number], key=lambda entry: entry[1])
        main = next((entry for entry in marked if entry[0].main), marked[0])
        text, shift = _window(source.line(number), main[1])
        bar = _paint("|", "mark", color)
        lines.append(f"{number:>{gutter - 1}} {bar} {_expand(text)}".rstrip())
        for mark, first, last, last_line in marked:
            start, end = (min(max(place - shift, 0), len(text)) for place in (first, last))
            pad = " " * _width(text[:start])
            length = max(1, _width(text[:end]) - len(pad))
            sign, style = ("^", severity) if mark.main else ("-", "mark")
            under = _paint(sign * length, style, color)
            label = f" {visible_line(mark.text)}" if mark.text and last_line else ""
            lines.append(f"{' ' * gutter}{bar} {pad}{under}{label}")
    return lines


def _window(text: str, place: int) -> tuple[str, int]:
    """What is shown of a line, and how far it is moved to the left.

    A line of up to 160 characters is shown whole, of a longer one what is around the place.
    """
    if len(text) <= QUOTE:
        return text, 0
    start = max(0, min(place - QUOTE // 4, len(text) - QUOTE))
    piece = text[start : start + QUOTE]
    before = _CUT if start else ""
    after = _CUT if start + QUOTE < len(text) else ""
    return f"{before}{piece}{after}", start - len(before)


def _columns(source: Source, span: Span, number: int) -> tuple[int, int]:
    """The part of a span on one line as offsets into that line, without indentation."""
    first, last = _lines_of(source, span)
    text = source.line(number)
    indent = len(text) - len(text.lstrip())
    start = source.position(span.start).column - 1 if number == first else indent
    end = len(text)
    if number == last:
        end = start if span.end <= span.start else source.position(span.end - 1).column
    return start, max(start, min(end, max(len(text), start)))


def _expand(text: str) -> str:
    """Text as it is shown: tabs to the next stop, what a terminal would obey as a blank box."""
    shown: list[str] = []
    column = 0
    for char in text:
        piece = _shown(char, column)
        shown.append(piece)
        column += _char_width(char, column)
    return "".join(shown)


def _shown(char: str, column: int) -> str:
    if char == "\t":
        return " " * (TAB - column % TAB)
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in {"Cc", "Cf"} else char


def _width(text: str) -> int:
    """Terminal columns that a text takes."""
    column = 0
    for char in text:
        column += _char_width(char, column)
    return column


def _char_width(char: str, column: int) -> int:
    if char == "\t":
        return TAB - column % TAB
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _paint(text: str, kind: str, color: bool) -> str:
    return f"\x1b[{_COLORS[kind]}m{text}\x1b[0m" if color else text

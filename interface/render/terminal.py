"""A result on a terminal (rich) or as plain text, from the same summary."""

import sys
from typing import TextIO

from cspec.compiler.records.program import Program
from cspec.render.messages import columns
from cspec.render.summary import Summary, summarize
from cspec.render.words import HEADER, RIGHT
from cspec.runtime.result.result import Result


def print_result(
    result: Result, program: Program | None = None, stream: TextIO | None = None
) -> None:
    """The verdict table and what stands below it."""
    target = sys.stdout if stream is None else stream
    summary = summarize(result, program)
    if target.isatty():
        _print_rich(summary, target)
    else:
        print(plain_text(summary), file=target)


def plain_text(summary: Summary) -> str:
    """Everything as text without color or drawing."""
    lines = [summary.headline]
    if summary.rows:
        lines += ["", *columns((HEADER, *summary.rows), right=RIGHT)]
    return "\n".join([*lines, *below(summary)])


def below(summary: Summary) -> list[str]:
    """The lines under the table."""
    lines: list[str] = []
    if summary.misses:
        lines += ["", *summary.misses]
    lines += ["", *columns(summary.facts)]
    if summary.prices:
        lines += ["", *summary.prices]
    if summary.notes:
        lines += ["", *(f"note: {note}" for note in summary.notes)]
    return lines


def _print_rich(summary: Summary, target: TextIO) -> None:
    # rich takes 0.2 s to import, and is of no use in a pipe.
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=target, highlight=False)
    good = all(summary.met)
    console.print(Text(summary.headline, style="bold green" if good else "bold red"))
    if summary.rows:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for index, title in enumerate(HEADER):
            table.add_column(title, justify="right" if index in RIGHT else "left")
        for cells, met in zip(summary.rows, summary.met, strict=True):
            style = "green" if met else "bold red"
            styles = [style if title == "verdict" else "" for title in HEADER]
            table.add_row(*(Text(c, style=s) for c, s in zip(cells, styles, strict=True)))
        console.print(table)
    console.print(Text("\n".join(below(summary)).lstrip("\n")))

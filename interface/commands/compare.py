"""Run one spec by several methods, each in place of its `using`, and print one table.

Example: cspec compare net.cspec --using projection --using 'sal(penalty=0.1)' --seeds 3

A method stands for the constraints that have no `by` of their own; one that can't do them is
reported with its reason. Behind `;` stands what it needs beside it: `model NAME = ...`, `fit(...)`,
`param NAME = ...`. With --out, runs that are finished are kept, and the same call goes on.
Exit code: 0 compared, 1 errors (or every method refused), 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cspec.commands import exits
from cspec.commands.run import add_output, in_json, natural
from cspec.commands.settings import add_given, bindings_of, params_of
from cspec.dsl.text.running import loading
from cspec.dsl.text.visible import visible_line
from cspec.reading.sources import add_spec, chosen
from cspec.reading.specs import checked_spec
from cspec.running.outside import Asked

if TYPE_CHECKING:
    from cspec.runtime.result.result import Result


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec compare`."""
    add_spec(parser)
    parser.add_argument(
        "--using", action="append", required=True, metavar="METHOD", help="once for each method"
    )
    parser.add_argument("--seeds", type=positive, default=3, help="runs a method (default 3)")
    parser.add_argument("--last", action="store_true", help="judge last iterates, not the chosen")
    add_given(parser)
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1, mps")
    parser.add_argument(
        "--out", metavar="DIR", help="keep every run and the table here; run again, it goes on"
    )
    parser.add_argument("--markdown", action="store_true", help="the table as Markdown")
    add_output(parser)


def positive(text: str) -> int:
    """A whole number >= 1."""
    if (number := natural(text)) < 1:
        raise argparse.ArgumentTypeError("at least one seed is needed")
    return number


@in_json
def main(options: argparse.Namespace) -> int:
    """Compare; with --json also errors are JSON lines."""
    source, base = chosen(options)
    params = params_of(options)
    checked_spec(source, params)

    # A mistake in the text is found before the two seconds that torch takes to import.
    with loading(own=True):
        from cspec.comparing.compare import compare

    found = compare(
        Asked(source, base, params, bindings_of(options)),
        options.using,
        seeds=options.seeds,
        last=options.last,
        device=options.device,
        out=Path(options.out) if options.out else None,
        note=_ignore if options.quiet else _note,
        on_run=_json_line if options.json else _ignore,
    )
    if options.json:
        print(found.to_json())
    else:
        print(found.to_markdown() if options.markdown else found)
    if found.interrupted:
        return exits.INTERRUPTED
    return exits.OK if any(row.runs for row in found.rows) else exits.ERRORS


def _note(line: str) -> None:
    print(visible_line(line), file=sys.stderr, flush=True)


def _ignore(*_: object) -> None:
    """Nothing is told."""


def _json_line(using: str, run: Result) -> None:
    print(json.dumps({"type": "run", "using": using, "result": run.as_json()}), flush=True)

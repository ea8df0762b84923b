"""Write specs in the canonical layout. Comments and the meaning stay."""

import argparse
import sys
from pathlib import Path

from cspec.commands import exits
from cspec.dsl.format.spec import format_spec
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.text.source import Source
from cspec.dsl.text.visible import visible_line
from cspec.reading.files import write_text
from cspec.reading.sources import read_source
from cspec.reading.specs import tree_of
from cspec.render.messages import counted, print_diagnostics


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec fmt`."""
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help=".cspec files; - or none: stdin to stdout"
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit with 1 where a file would change"
    )


def main(options: argparse.Namespace) -> int:
    """Format each file in place; a file with a syntax error is left alone."""
    failed = changed = 0
    for name in options.files or ["-"]:
        try:
            source = read_source(name)
            text = format_spec(tree_of(source), source)
            changed += text != source.text
            _deliver(name, source, text, options.check)
        except SpecError as error:
            print_diagnostics(error.diagnostics)
            failed += 1
    if options.check and changed:
        print(f"{counted(changed, 'file')} would change", file=sys.stderr)
    return exits.ERRORS if failed or (options.check and changed) else exits.OK


def _deliver(name: str, source: Source, text: str, check: bool) -> None:
    if check:
        if text != source.text:
            print(visible_line(f"{source.name} would change"))
        return
    if name == "-":
        sys.stdout.write(text)
        return
    if text == source.text:
        return
    write_text(Path(name), text)
    print(visible_line(f"formatted {name}"))

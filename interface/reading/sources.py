"""Where the text of a spec comes from: a file, standard input, or the command line itself."""

import argparse
import sys
from pathlib import Path

from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.mistakes.limits import MAX_BYTES
from cspec.dsl.parsing.files import read
from cspec.dsl.text.source import Source

INLINE = "<command line>"
STDIN = "<stdin>"


def add_spec(parser: argparse.ArgumentParser) -> None:
    """`FILE` or `-e SPEC`: one spec."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("file", nargs="?", metavar="FILE", help="a .cspec file, or - for stdin")
    where.add_argument("-e", dest="inline", metavar="SPEC", help="the spec itself")


def chosen(options: argparse.Namespace) -> tuple[Source, Path]:
    """The spec that the options name, and the folder that its paths are relative to."""
    if options.inline is not None:
        return inline_source(options.inline), Path()
    source = read_source(options.file)
    return source, Path() if options.file == "-" else Path(options.file).parent


def read_source(name: str) -> Source:
    """The text of a file (`-`: standard input).

    Raises:
        SpecError: a file that can't be read, or that is no text, or an empty one.
    """
    if name == "-":
        return _read_stdin()
    source, found = read(name)
    if found:
        raise SpecError(found)
    return source


def inline_source(text: str, name: str = INLINE) -> Source:
    """A spec given as text."""
    return Source(text=text.replace("\r\n", "\n"), name=name)


def _read_stdin() -> Source:
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        message = f"standard input is larger than {MAX_BYTES:,} bytes"
        helps = ("data belong in files: `data train(x, y) = csv(...)`",)
        raise Diagnostic(code="CS144", message=message, helps=helps).error()
    try:
        return inline_source(data.decode("utf-8-sig"), STDIN)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        note = f"byte {error.start + 1} (line {line}) is 0x{data[error.start]:02X}"
        message, helps = "standard input is not UTF-8 text", ("send it as UTF-8 text",)
        found = Diagnostic(code="CS141", message=message, notes=(note,), helps=helps)
        raise found.error() from None

"""What the command line binds: `--set eps=0.3` and `--bind model=mlp(hidden=[64])`."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path

from cspec.dsl.diagnostics import Diagnostic, SpecError


def add_set(parser: argparse.ArgumentParser) -> None:
    """`--set`."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="params",
        metavar="NAME=VALUE",
        type=assignment,
        help="value of a param: a number, 10%%, [1, 2], or a .csv or .json file of numbers",
    )


def add_bind(parser: argparse.ArgumentParser) -> None:
    """`--bind` and `--data-dir`."""
    parser.add_argument(
        "--bind",
        action="append",
        default=[],
        dest="bindings",
        metavar="NAME=WHAT",
        type=assignment,
        help="data or model: digits, 'mlp(hidden=[64])', net.py:Net",
    )
    parser.add_argument(
        "--data-dir", metavar="DIR", help="folder of data sets that are read from files"
    )


def assignment(text: str) -> tuple[str, str]:
    """`name=value` in two parts."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise argparse.ArgumentTypeError(f"`{text}`: write NAME=VALUE")
    return name.strip(), value.strip()


def pairs(given: Sequence[tuple[str, str]], option: str) -> dict[str, str]:
    """The assignments by name.

    Raises:
        SpecError: a name twice.
    """
    found: dict[str, str] = {}
    for name, value in given:
        if name in found:
            message = f"`{option} {name}=...` is given twice"
            raise SpecError([Diagnostic(code="CS212", message=message)])
        found[name] = value
    return found


def params_of(options: argparse.Namespace) -> dict[str, object]:
    """Params from outside: text for numbers, tuples for vectors and files of numbers."""
    return {name: _param(name, text) for name, text in pairs(options.params, "--set").items()}


def bindings_of(options: argparse.Namespace) -> dict[str, str]:
    """Data and models from outside, as text that the runtime reads."""
    return pairs(options.bindings, "--bind")


def _param(name: str, text: str) -> object:
    if text.startswith("["):
        return _numbers(name, text, text)
    if text.endswith((".csv", ".json")):
        path = Path(text)
        try:
            content = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"`--set {name}={text}`: the file can't be read"
            raise SpecError([Diagnostic(code="CS213", message=message)]) from error
        return _numbers(name, text, content, table=path.suffix == ".csv")
    return text


def _numbers(name: str, given: str, content: str, table: bool = False) -> tuple[float, ...]:
    """A row or column of numbers, or rows of them one after the other."""
    try:
        if table:
            cells = [cell for row in csv.reader(content.splitlines()) for cell in row]
            return tuple(float(cell) for cell in cells if cell.strip())
        loaded = json.loads(content)
        if not isinstance(loaded, list) or any(isinstance(part, bool) for part in loaded):
            raise ValueError
        rows = (row if isinstance(row, list) else [row] for row in loaded)
        return tuple(float(part) for row in rows for part in row)
    except (ValueError, TypeError) as error:
        message = f"`--set {name}={given}` is no list of numbers"
        help_ = f"write `--set {name}=[1, 2]`, or name a .csv or .json file of numbers"
        raise SpecError([Diagnostic(code="CS213", message=message, helps=(help_,))]) from error

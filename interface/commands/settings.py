"""What the command line binds: `--set eps=0.3` and `--bind model=mlp(hidden=[64])`."""

import argparse
import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path

from cspec.dsl.imports.trust import is_module_name
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.text.regular import NotRegularError, read_regular
from cspec.dsl.values.outside import GivenFile


def add_set(parser: argparse.ArgumentParser) -> None:
    """`--set`."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="params",
        metavar="NAME=VALUE",
        type=assignment,
        help="value of a param: a number, 10%%, [1, 2], or a .csv or .json file of numbers, or of "
        "a value of a column and its number in each row",
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


def add_trust(parser: argparse.ArgumentParser) -> None:
    """`--trust`."""
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="NAME",
        type=module_name,
        help="a module that the spec may bring Python in from, with its submodules; files of the "
        "spec's folder, torch's computations and packages that announce functions need no trust",
    )


def add_given(parser: argparse.ArgumentParser) -> None:
    """What is given beside a spec: `--set`, `--trust`, `--bind` and `--data-dir`."""
    add_set(parser)
    add_trust(parser)
    add_bind(parser)


def add_run(parser: argparse.ArgumentParser) -> None:
    """`RUN`, and what is given again beside it: `--bind`, `--data-dir`, `--base` and `--trust`."""
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of the run")
    add_bind(parser)
    parser.add_argument(
        "--base",
        metavar="DIR",
        type=Path,
        help="folder of the spec's data and code; default: where they were when it ran",
    )
    add_trust(parser)


def module_name(text: str) -> str:
    """A name of a module."""
    if not is_module_name(text):
        raise argparse.ArgumentTypeError(f"`{text}` is no name of a module: write --trust scipy")
    return text


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
            helps = (f"keep one: `{option} {name}={value}`",)
            raise Diagnostic(code="CS212", message=message, helps=helps).error()
        found[name] = value
    return found


def params_of(options: argparse.Namespace) -> dict[str, object]:
    """Params from outside: text for numbers, what files and lists hold for vectors and tables."""
    return {name: _param(name, text) for name, text in pairs(options.params, "--set").items()}


def bindings_of(options: argparse.Namespace) -> dict[str, str]:
    """Data and models from outside, as text that the runtime reads.

    Files of data are looked for in `--data-dir` from here on.
    """
    if options.data_dir is not None:
        os.environ["CSPEC_DATA"] = options.data_dir
    return pairs(options.bindings, "--bind")


def _param(name: str, text: str) -> object:
    if text.startswith("["):
        return GivenFile(text, _json(name, text, text))
    if not text.endswith((".csv", ".json")):
        return text
    path = Path(text)
    try:
        content = read_regular(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = str(error) if isinstance(error, NotRegularError) else "can't be read"
        message = f"`--set {name}={text}`: the file {why}"
        helps = (f"name a file that is there, or write the numbers: `--set '{name}=[1, 2]'`",)
        raise Diagnostic(code="CS213", message=message, helps=helps).error() from error
    if path.suffix == ".json":
        return GivenFile(text, _json(name, text, content))
    rows = ([cell.strip() for cell in row] for row in csv.reader(content.splitlines()))
    filled = (tuple(cell for cell in row if cell) for row in rows)
    return GivenFile(text, tuple(row for row in filled if row))


def _json(name: str, given: str, content: str) -> object:
    """A list of numbers, rows of them, or a number for each of some names."""
    try:
        loaded = json.loads(content)
        if isinstance(loaded, list | dict):
            return loaded
    except ValueError:
        pass
    message = f"`--set {name}={given}` is no list of numbers"
    help_ = f"write `--set '{name}=[1, 2]'`, or name a .csv or .json file of numbers"
    raise Diagnostic(code="CS213", message=message, helps=(help_,)).error()

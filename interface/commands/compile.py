"""Write the training loop that `cspec run` would execute, as a Python file of its own."""

import argparse
import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from cspec.commands import exits
from cspec.commands.settings import add_given, bindings_of, params_of
from cspec.dsl.text.running import loading
from cspec.dsl.text.source import Span
from cspec.reading.files import write_text
from cspec.reading.sources import add_spec, chosen
from cspec.render.messages import print_diagnostics
from cspec.running.outside import Asked

DUMPS = ("tree", "problem", "graph", "source")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec compile`."""
    add_spec(parser)
    parser.add_argument("-o", dest="out", metavar="FILE", help="default: standard output")
    parser.add_argument(
        "--dump",
        type=stages,
        default=("source",),
        metavar="STAGES",
        help=f"instead of the source, any of {', '.join(DUMPS)}, separated by commas",
    )
    add_given(parser)
    parser.add_argument("--device", default="cpu", help="device to compile for")


def stages(text: str) -> tuple[str, ...]:
    """`tree,graph` as words."""
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in DUMPS:
            raise argparse.ArgumentTypeError(f"`{word}` is none of {', '.join(DUMPS)}")
    return words


def main(options: argparse.Namespace) -> int:
    """Compile and write."""
    source, base = chosen(options)
    asked = Asked(source, base, bindings=bindings_of(options), params=params_of(options))
    checked = asked.checked()
    print_diagnostics(checked.diagnostics)

    with loading(own=True):
        from cspec.running.plans import plan_of
    symbolic = plan_of(checked)
    parts = {
        "tree": lambda: json.dumps(plain(checked.elaborated), indent=1),
        "problem": lambda: json.dumps(plain(symbolic.problem), indent=1),
    }
    if {"graph", "source"} & set(options.dump):
        with loading(own=True):
            from cspec.running.prepare import prepare
        program = prepare(symbolic, asked.bindings, base=base, device=options.device).program
        parts["graph"] = lambda: program.graph.model_dump_json(indent=1)
        parts["source"] = lambda: program.source.rstrip("\n")
    text = "\n".join(parts[stage]() for stage in options.dump) + "\n"
    if options.out is None:
        print(text, end="")
    else:
        write_text(Path(options.out), text)
    return exits.OK


def plain(value: Any) -> Any:
    """Records as dictionaries with their kind, spans as [start, end], sets as lists."""
    match value:
        case BaseModel():
            fields = {name: plain(getattr(value, name)) for name in type(value).model_fields}
            kept = {name: item for name, item in fields.items() if item not in (None, [], {}, "")}
            return {"kind": type(value).__name__, **kept}
        case Span():
            return [value.start, value.end]
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case frozenset() | set():
            return sorted(plain(item) for item in value)
        case tuple() | list():
            return [plain(item) for item in value]
        case Enum():
            return value.value
        case float() if value in (float("inf"), float("-inf")):
            return str(value)
    return value

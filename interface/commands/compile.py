"""Write the training loop that `cspec run` would execute, as a Python file of its own."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cspec.commands import exits
from cspec.commands.settings import add_bind, add_set, add_trust, bindings_of, params_of
from cspec.reading.files import write_text
from cspec.reading.sources import add_spec, chosen
from cspec.render.messages import print_diagnostics
from cspec.render.tree import plain
from cspec.running.outside import checked_with

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
    add_set(parser)
    add_trust(parser)
    add_bind(parser)
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
    bindings = bindings_of(options)
    checked = checked_with(source, params_of(options), bindings, base)
    print_diagnostics(checked.diagnostics)

    from cspec.running.plans import plan_of

    symbolic = plan_of(checked)
    parts = {
        "tree": lambda: json.dumps(plain(checked.elaborated), indent=1),
        "problem": lambda: json.dumps(plain(symbolic.problem), indent=1),
    }
    if {"graph", "source"} & set(options.dump):
        from cspec.running.prepare import prepare

        program = prepare(symbolic, bindings, base=base, device=options.device).program
        parts["graph"] = lambda: program.graph.model_dump_json(indent=1)
        parts["source"] = lambda: program.source.rstrip("\n")
    text = "\n".join(parts[stage]() for stage in options.dump) + "\n"
    if options.out is None:
        print(text, end="")
    else:
        write_text(Path(options.out), text)
    return exits.OK

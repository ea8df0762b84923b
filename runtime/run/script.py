"""The command line of an emitted module that is run on its own."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cspec.compiler.records.program import Program
from cspec.dsl.imports.trust import is_module_name, trusting
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.messages.render import render_text
from cspec.runtime.bind.bind import bind, inputs_of
from cspec.runtime.evidence.manifest import named_modules
from cspec.runtime.evidence.told import told
from cspec.runtime.run.execute import run
from cspec.runtime.setup import Setup, program_of


def _arguments(program: Program, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Train {program.name}, compiled by cspec.")
    parser.add_argument(
        "--bind", action="append", default=[], metavar="NAME=VALUE", help="bind a model or data"
    )
    parser.add_argument("--seed", type=int, default=None, help="default: the spec's")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", default=None, help="folder for the run's files")
    parser.add_argument("--quiet", action="store_true", help="print nothing")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    found = parser.parse_args(arguments)
    for text in found.bind:
        if "=" not in text:
            parser.error(f"--bind {text}: write NAME=VALUE")
    return found


def _modules(program: Program) -> list[str]:
    """The modules that functions, models and data come from, but for files."""
    named = named_modules(program)
    return [name for name in named if is_module_name(name) and not name.endswith(".py")]


def main(namespace: dict[str, Any], arguments: Sequence[str] | None = None) -> int:
    """Bind, train, verify and report; the exit code of the result.

    `namespace` is the emitted module's globals: this very module trains.
    """
    path = Path(namespace["__file__"])
    try:
        setup: Setup = namespace["setup"]()
        whole = program_of(setup, namespace["record"](), path.read_text())
        options = _arguments(whole, arguments)
        seed = int(whole.fit["seed"]) if options.seed is None else options.seed
        given = {k.strip(): v for k, _, v in (text.partition("=") for text in options.bind)}
        bindings = {**setup.bindings(), **given}
        # Whoever runs this file trusts what it names.
        with trusting(_modules(whole)):
            bound = bind(inputs_of(whole, Path.cwd()), bindings, seed=seed)
        record, _ = told(whole.name, Path.cwd(), {**whole.params, **whole.tables}, bindings)
        result = run(
            whole,
            bound,
            seed=seed,
            device=options.device,
            out=options.out,
            module=namespace,
            told=record.text(),
        )
    except SpecError as error:
        print(render_text(error.diagnostics).rstrip(), file=sys.stderr)
        return 1
    if options.json:
        print(result.to_json())
    elif not options.quiet:
        print(result)
    return result.exit_code

"""Train a spec, verify every requirement on the data it names, and print the verdicts.

Exit code: 0 all requirements met, 1 errors before the first step, 3 a requirement not met, 4
infeasible, 5 numbers that are not finite, 130 interrupted.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any

from cspec.commands import exits
from cspec.commands.settings import add_given, bindings_of, params_of
from cspec.comparing.using import with_fit
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.messages.render import as_json
from cspec.dsl.text.running import loading
from cspec.dsl.text.visible import visible_line
from cspec.reading.sources import add_spec, chosen
from cspec.render.messages import print_diagnostics
from cspec.running.outside import Asked
from cspec.terminated import interruption

Main = Callable[[argparse.Namespace], int]


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec run`."""
    add_spec(parser)
    add_given(parser)
    parser.add_argument(
        "--fit", action="append", default=[], metavar="SETTING=VALUE", help="in place of the spec's"
    )
    parser.add_argument("--seed", type=natural, help="default: the spec's")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1, mps")
    parser.add_argument("--out", metavar="DIR", help="folder of the run; default: runs/...")
    add_output(parser)


def add_output(parser: argparse.ArgumentParser) -> None:
    """`--json` and `--quiet`."""
    parser.add_argument("--json", action="store_true", help="JSON lines; the last is the result")
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def natural(text: str) -> int:
    """A whole number >= 0."""
    if not text.isdecimal() or len(text) > 18:
        raise argparse.ArgumentTypeError(f"`{text}` is no whole number >= 0")
    return int(text)


def in_json(main: Main) -> Main:
    """A command whose errors are a JSON line where JSON was asked for."""

    @wraps(main)
    def answering(options: argparse.Namespace) -> int:
        try:
            return main(options)
        except SpecError as error:
            if not options.json:
                raise
            found, code = error.diagnostics, exits.ERRORS
        except KeyboardInterrupt as error:
            if not options.json:
                raise
            helps = ("continue with `cspec resume FOLDER`, if the run had one",)
            found = (Diagnostic(code="CS603", message=interruption(error), helps=helps),)
            code = exits.INTERRUPTED
        print(json.dumps({"type": "error", "diagnostics": [as_json(d) for d in found]}))
        return code

    return answering


@in_json
def main(options: argparse.Namespace) -> int:
    """Run the spec; with --json also errors are JSON lines."""
    source, base = chosen(options)
    source = with_fit(source, ", ".join(options.fit)) if options.fit else source
    asked = Asked(source, base, params_of(options), bindings_of(options))
    checked = asked.checked()
    if checked.diagnostics and not (options.json or options.quiet):
        print_diagnostics(checked.diagnostics)

    # A mistake in the text is found before the two seconds that torch takes to import.
    with loading(own=True):
        from cspec.running.plans import plan_of
    symbolic = plan_of(checked)
    with loading(own=True):
        from cspec.render.progress import progress
        from cspec.running.prepare import prepare
        from cspec.running.train import new_folder, train

    prepared = prepare(
        symbolic, asked.bindings, base=base, seed=options.seed, device=options.device
    )
    out = options.out or new_folder(prepared.program, prepared.seed)
    if prepared.warnings and not (options.json or options.quiet):
        print_diagnostics(prepared.warnings)
    announce(options, prepared.program, (*checked.diagnostics, *prepared.warnings))
    mode = "json" if options.json else "none" if options.quiet else "auto"
    with progress(prepared.program, mode) as update, _kept(out, own=options.out is None):
        result = train(
            prepared, out=out, on_progress=update, bindings=asked.bindings, params=asked.params
        )
    return deliver(options, result, prepared.program)


@contextmanager
def _kept(folder: str | Path, *, own: bool) -> Iterator[None]:
    """A folder that was made for a run which was refused is not left behind, empty."""
    try:
        yield
    except BaseException:
        if own:
            with suppress(OSError):
                Path(folder).rmdir()
        raise


def announce(options: argparse.Namespace, program: Any, warnings: Any = ()) -> None:
    """What there is to say before the first step."""
    if options.json:
        start = {
            "type": "start",
            "spec": program.name,
            "digest": program.digest,
            "method": program.method,
            "warnings": [as_json(d) for d in warnings],
            "notes": list(program.notes),
        }
        print(json.dumps(start), flush=True)


def deliver(options: argparse.Namespace, result: Any, program: Any) -> int:
    """Print a result as asked; its exit code."""
    from cspec.render.terminal import print_result

    if options.json:
        print(result.to_json())
    elif not options.quiet:
        try:
            print_result(result, program)
        except OSError:
            raise
        except Exception as error:  # the run is over: a table that fails costs no result
            print(result)
            print(visible_line(f"note: the table is not shown [CS607]: {error}"), file=sys.stderr)
    else:
        for note in result.notes:
            if "[CS607]" in note or "[CS620]" in note:  # what is missing is no detail
                print(visible_line(f"note: {note}"), file=sys.stderr)
    code: int = result.exit_code
    return code

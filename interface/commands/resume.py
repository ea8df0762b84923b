"""Continue an interrupted run from its last good checkpoint, to the same bits."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from cspec.commands.run import add_output, announce, deliver, in_json
from cspec.settings import add_bind, add_trust, bindings_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec resume`."""
    parser.add_argument("run", metavar="RUN", help="the folder of the run")
    add_bind(parser)
    add_trust(parser)
    add_output(parser)


def main(options: argparse.Namespace) -> int:
    """Resume; exit codes as of `cspec run`."""
    return in_json(options, lambda: _resume(options))


def _resume(options: argparse.Namespace) -> int:
    from cspec.execution import program_of, resume_run
    from cspec.render.progress import progress

    if options.data_dir is not None:
        os.environ["CSPEC_DATA"] = options.data_dir
    path = Path(options.run)
    program = program_of(path)
    announce(options, program)
    mode = "json" if options.json else "none" if options.quiet else "auto"
    with progress(program, mode) as update:
        result = resume_run(path, bindings_of(options), update)
    return deliver(options, result, program)

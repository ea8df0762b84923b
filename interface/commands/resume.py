"""Continue an interrupted run from its last good checkpoint, to the same bits.

A run goes on with the spec, the data, the code and the versions that it began with. What has
changed is refused by name; --accept-changes goes on with it, and the report says so.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cspec.commands.run import add_output, announce, deliver, in_json
from cspec.commands.settings import add_base, add_bind, add_trust, base_of, bindings_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec resume`."""
    parser.add_argument("run", metavar="RUN", help="the folder of the run")
    add_bind(parser)
    add_base(parser)
    add_trust(parser)
    parser.add_argument(
        "--accept-changes",
        action="store_true",
        help="go on although spec, data, code or versions have changed; the report names them",
    )
    add_output(parser)


def main(options: argparse.Namespace) -> int:
    """Resume; exit codes as of `cspec run`."""
    return in_json(options, lambda: _resume(options))


def _resume(options: argparse.Namespace) -> int:
    from cspec.evidence.resuming import go_on, resumption
    from cspec.render.progress import progress

    resumed = resumption(
        Path(options.run),
        bindings_of(options),
        accept_changes=options.accept_changes,
        base=base_of(options),
    )
    program = resumed.program
    announce(options, program)
    mode = "json" if options.json else "none" if options.quiet else "auto"
    with progress(program, mode) as update:
        result = go_on(resumed, update)
    return deliver(options, result, program)

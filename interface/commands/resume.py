"""Continue an interrupted run from its last good checkpoint, to the same bits.

A run goes on with the spec, the data, the code and the versions that it began with. What has
changed is refused by name; --accept-changes goes on with it, and the report says so.
"""

import argparse

from cspec.commands.run import add_output, announce, deliver, in_json
from cspec.commands.settings import add_run, bindings_of
from cspec.dsl.text.running import loading


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec resume`."""
    add_run(parser)
    parser.add_argument(
        "--accept-changes",
        action="store_true",
        help="go on although spec, data, code or versions have changed; the report names them",
    )
    add_output(parser)


@in_json
def main(options: argparse.Namespace) -> int:
    """Resume; exit codes as of `cspec run`."""
    with loading(own=True):
        from cspec.evidence.resuming import go_on, resumption
        from cspec.render.progress import progress

    resumed = resumption(
        options.run, bindings_of(options), accept_changes=options.accept_changes, base=options.base
    )
    program = resumed.program
    announce(options, program)
    mode = "json" if options.json else "none" if options.quiet else "auto"
    with progress(program, mode) as update:
        result = go_on(resumed, update)
    return deliver(options, result, program)

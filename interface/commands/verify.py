"""Measure the requirements of a finished run again, and compare all that its folder says.

The spec in the folder is compiled anew, the parameters in it are loaded and measured; report, plan,
script, files, data and code are compared with what was recorded. Nothing in the folder is run.

Exit code: 0 all requirements met and all as recorded, 1 something is not as recorded, 3 as recorded
and a requirement not met.
"""

import argparse
import json

from cspec.commands.run import add_output, deliver, in_json
from cspec.commands.settings import add_run, bindings_of
from cspec.dsl.text.running import loading
from cspec.dsl.text.visible import visible_line


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec verify`."""
    add_run(parser)
    add_output(parser)


@in_json
def main(options: argparse.Namespace) -> int:
    """Verify; exit codes as of `cspec run`, and 1 where the folder does not hold."""
    with loading(own=True):
        from cspec.evidence.verification import verify_run

    found = verify_run(options.run, bindings_of(options), options.base)
    if options.json:
        print(json.dumps(found.as_json(), allow_nan=False, ensure_ascii=False))
    elif not options.quiet:
        deliver(options, found.result, found.program)
        print("\n" + "\n".join(map(visible_line, str(found).splitlines())))
    elif not found.holds:
        print("\n".join(map(visible_line, str(found).splitlines())))
    return found.exit_code

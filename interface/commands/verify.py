"""Load the parameters that a run delivered and measure every requirement again."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from cspec.commands.run import add_output, deliver, in_json
from cspec.dsl.visible import visible_line
from cspec.settings import add_bind, add_trust, bindings_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec verify`."""
    parser.add_argument("run", metavar="RUN", help="the folder of the run")
    add_bind(parser)
    add_trust(parser)
    add_output(parser)


def main(options: argparse.Namespace) -> int:
    """Verify; exit codes as of `cspec run`."""
    return in_json(options, lambda: _verify(options))


def _verify(options: argparse.Namespace) -> int:
    from cspec.execution import program_of, verify_run

    if options.data_dir is not None:
        os.environ["CSPEC_DATA"] = options.data_dir
    path = Path(options.run)
    program = program_of(path)
    result = verify_run(path, bindings_of(options))
    code = deliver(options, result, program)
    if not options.json and not options.quiet:
        print("\n" + "\n".join(map(visible_line, compared(path, result))))
    return code


def compared(path: Path, result: Any) -> list[str]:
    """How the values of the run's own report compare with these."""
    try:
        report = json.loads((path / "report.json").read_text(encoding="utf-8"))
        before = {c["name"]: c["value"] for c in report["constraints"]}
    except (OSError, ValueError, KeyError, TypeError):
        return [f"{path / 'report.json'} can't be read, so there is nothing to compare with"]
    changed = [
        f"{c.name}: {before.get(c.name)} in the report, {c.value} now"
        for c in result.constraints
        if before.get(c.name) != c.value and not (before.get(c.name) is None and c.value != c.value)
    ]
    return changed or ["every value equals the one in the report"]

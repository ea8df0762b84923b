"""Find every mistake in specs: syntax, names, kinds, ranges, settings, contradictions."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cspec.commands import exits
from cspec.commands.settings import add_set, add_trust, params_of
from cspec.dsl.check import check
from cspec.dsl.messages.diagnostic import SpecError, errors
from cspec.dsl.messages.render import as_json
from cspec.dsl.text.source import Source
from cspec.dsl.text.visible import visible_line
from cspec.dsl.values.outside import how_to_set
from cspec.reading.files import write_text
from cspec.reading.fixes import mended, offered
from cspec.reading.sources import inline_source, read_source
from cspec.render.messages import counted, print_diagnostics


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec check`."""
    parser.add_argument("files", nargs="*", metavar="FILE", help=".cspec files; - reads stdin")
    parser.add_argument("-e", dest="inline", metavar="SPEC", help="check this text instead")
    parser.add_argument("--json", action="store_true", help="findings as one JSON object")
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")
    add_set(parser)
    add_trust(parser)
    parser.add_argument(
        "--fix",
        action="store_true",
        help="apply the fixes that keep the meaning, and mend slips of the finger",
    )


def main(options: argparse.Namespace) -> int:
    """Check all files; 1 if any of them has errors."""
    if options.inline is None and not options.files:
        print("cspec check: name at least one file, or give a spec with -e", file=sys.stderr)
        return exits.USAGE
    params = params_of(options)
    reports = [_checked(name, options.fix, params, options.json) for name in options.files]
    if options.inline is not None:
        reports.append(_found(inline_source(options.inline), "", 0, params, options.json))
    failed = [r for r in reports if errors(r["found"]) or (options.strict and r["found"])]
    if options.json:
        print(json.dumps({"type": "check", "files": [_plain(r) for r in reports]}, indent=1))
    else:
        for report in reports:
            print_diagnostics(report["found"])
        for report in reports:
            for name, how in report["unset"].items():
                print(visible_line(f"param `{name}` has no value; to run, set it: {how}"))
        print(_summary(reports, options.strict))
    return exits.ERRORS if failed else exits.OK


def _found(
    source: Source, file: str, applied: int, params: Mapping[str, object], offer: bool
) -> dict[str, Any]:
    """What was found; `offer` asks for the fixes that are worth it, each of which is tried."""
    checked = check(source, params)
    unset = {
        name: how_to_set(checked.symbols.params()[name], checked.symbols) for name in checked.unset
    }
    name = file or source.name
    found = offered(checked) if offer else checked.diagnostics
    return {"file": name, "found": found, "fixed": applied, "unset": unset}


def _checked(name: str, fix: bool, params: Mapping[str, object], offer: bool) -> dict[str, Any]:
    try:
        source, applied = read_source(name), 0
        if fix and name != "-":
            source, applied = mended(source)
            if applied:
                write_text(Path(name), source.text)
        return _found(source, name, applied, params, offer)
    except SpecError as error:
        return {"file": name, "found": error.diagnostics, "fixed": 0, "unset": {}}


def _plain(report: dict[str, Any]) -> dict[str, Any]:
    found = report["found"]
    return {
        "file": report["file"],
        "errors": len(errors(found)),
        "warnings": len(found) - len(errors(found)),
        "fixed": report["fixed"],
        "unset": list(report["unset"]),
        "diagnostics": [as_json(d) for d in found],
    }


def _summary(reports: list[dict[str, Any]], strict: bool) -> str:
    found = [d for r in reports for d in r["found"]]
    wrong = len(errors(found))
    parts = [f"{counted(len(reports), 'file')} checked: {counted(wrong, 'error')}"]
    if len(found) > wrong:
        parts.append(counted(len(found) - wrong, "warning"))
        if strict:
            parts[-1] += " (errors under --strict)"
    fixes = sum(r["fixed"] for r in reports)
    if fixes:
        parts.append(f"{counted(fixes, 'fix').replace('fixs', 'fixes')} applied")
    return ", ".join(parts)

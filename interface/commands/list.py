"""Words of the language, from the tables that the checks use."""

import argparse
import json
from typing import Any

from cspec.commands import exits
from cspec.reading.vocabulary import KINDS, entries
from cspec.render.messages import columns


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec list`."""
    parser.add_argument("kind", nargs="?", choices=KINDS, help="default: an overview of all")
    parser.add_argument("--json", action="store_true", help="as JSON, with settings")


def main(options: argparse.Namespace) -> int:
    """Print one kind of words, or the words of every kind."""
    kinds = [options.kind] if options.kind else list(KINDS)
    found = {kind: entries(kind) for kind in kinds}
    if options.json:
        plain: dict[str, Any] = {k: [e._asdict() for e in v] for k, v in found.items()}
        print(json.dumps(plain, indent=1))
    elif options.kind is None:
        for kind, words in found.items():
            print(f"{kind}\n  {', '.join(entry.word for entry in words)}")
        print("\n`cspec list methods` (or any of these kinds) explains each word")
    elif any(entry.settings for entry in found[options.kind]):
        print("\n\n".join(_with_settings(entry) for entry in found[options.kind]))
    else:
        rows = [(entry.form, entry.doc) for entry in found[options.kind]]
        print("\n".join(columns(rows)))
    return exits.OK


def _with_settings(entry: Any) -> str:
    rows = [(f"    {s['name']}", s["default"], s["doc"]) for s in entry.settings]
    return "\n".join([entry.form, f"  {entry.doc}", *columns(rows)])

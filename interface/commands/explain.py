"""Explain a spec (the canonical problem, each method and why, the update graph) or a code."""

import argparse
import json
import re
import sys

from cspec.commands import exits
from cspec.commands.settings import add_given, bindings_of, params_of
from cspec.dsl.text.running import loading
from cspec.dsl.text.visible import visible, visible_json
from cspec.reading.codes import code_page
from cspec.reading.sources import chosen

_CODE = re.compile(r"[Cc][Ss]\d{3}")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec explain`."""
    parser.add_argument("file", nargs="?", metavar="FILE|CODE", help="a spec, or a code: CS401")
    parser.add_argument("-e", dest="inline", metavar="SPEC", help="explain this text instead")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_const", dest="format", const="json")
    form.add_argument("--markdown", action="store_const", dest="format", const="markdown")
    form.add_argument("--mermaid", action="store_const", dest="format", const="mermaid")
    parser.set_defaults(format="text")
    parser.add_argument("--verbose", action="store_true", help="also each pass and what it changed")
    add_given(parser)


def main(options: argparse.Namespace) -> int:
    """Print the explanation; torch is imported only where something is bound."""
    if (options.file is None) == (options.inline is None):
        print("cspec explain: name a file or a code, or give a spec with -e", file=sys.stderr)
        return exits.USAGE
    if options.file is not None and _CODE.fullmatch(options.file):
        return _explain_code(options.file.upper(), options.format)
    return _explain_spec(options)


def _explain_code(code: str, form: str) -> int:
    if form == "mermaid":
        print("cspec explain: a code has no graph", file=sys.stderr)
        return exits.USAGE
    page = code_page(code)
    if page is None:
        print(f"cspec explain: there is no code {code}; see `cspec list codes`", file=sys.stderr)
        return exits.USAGE
    match form:
        case "json":
            print(json.dumps(page.as_json(), indent=1))
        case "markdown":
            print(page.markdown())
        case _:
            print(page.text())
    return exits.OK


def _explain_spec(options: argparse.Namespace) -> int:
    # Imported here: the page of a code must not wait for sympy.
    with loading(own=True):
        from cspec.compiler.explain.explain import explain
        from cspec.running.plans import planned

    source, base = chosen(options)
    symbolic = planned(source, params_of(options))
    bindings = bindings_of(options)
    program = known = None
    if bindings:
        from cspec.running.prepare import prepare

        prepared = prepare(symbolic, bindings, base=base)
        program, known = prepared.program, prepared.known
    text = explain(symbolic, program, format=options.format, verbose=options.verbose, facts=known)
    print(visible_json(text) if options.format == "json" else visible(text))
    return exits.OK

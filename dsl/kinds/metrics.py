"""Kinds of the words that only metrics know."""

from __future__ import annotations

from cspec.dsl.kinds.forms import missing_arguments, too_many, unknown_keyword
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.tree.nodes import Call
from cspec.dsl.words.functions import Signature
from cspec.dsl.words.kind import UNKNOWN, Kind


def metric_kind(typer: Typer, call: Call, signature: Signature, scope: Scope) -> Kind:
    """`violation(label)` is a number, `violations(on=D)` a vector, `initial(e)` what `e` is."""
    positional = [p for p in signature.parameters if not p.keyword]
    known = tuple(p.name for p in signature.parameters if p.keyword)
    for keyword in call.keywords:
        if keyword.name not in known:
            unknown_keyword(typer, keyword, signature.name, known)
            return UNKNOWN
    if len(call.arguments) > len(positional):
        too_many(typer, call, signature)
        return UNKNOWN
    if len(call.arguments) < len(positional):
        missing_arguments(typer, call, signature, positional[len(call.arguments) :])
        return UNKNOWN
    if signature.name != "initial":
        return Kind("tensor" if signature.name == "violations" else "number", False, True, True)
    kind = typer.kind(call.arguments[0], scope)
    return kind._replace(moves=True, gradient=True)

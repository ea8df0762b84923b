"""Sets whose size or place moves have no projection: they are relations.

x in ball(y, r, norm=2)   ->   norm(x - y, 2) <= r         y a variable, or r
x in spectral(s)          ->   spectral(x) <= s
x in [lo, hi]             ->   lo <= x <= hi
"""

from __future__ import annotations

from collections.abc import Container

from cspec.compiler.expressions.rewrite import call
from cspec.compiler.passes.canonical import minus
from cspec.compiler.passes.mapping import map_constraints
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.nodes import Call, Compare, Expectation, Expr, Interval, Name, walk
from cspec.dsl.tree.rebuild import bound_names


def moving_sets(problem: Problem, symbols: Symbols) -> Problem:
    """The problem in which every set that is left has a constant size and place.

    Raises:
        SpecError: CS303, a set of counts that moves.
    """
    return map_constraints(problem, lambda c: _constant(c, symbols))


def _constant(c: Constraint, symbols: Symbols) -> Constraint:
    if c.relation != "in" or not _moves(c.bound, symbols, bound_names(c.binders)):
        return c
    match c.bound:
        case Interval(lower=lower, upper=upper):
            chain = Compare(operands=(lower, c.value, upper), operators=("<=", "<="))
            return c.model_copy(update={"value": chain, "relation": "<="})
        case Call(function=Name(id="ball"), arguments=(*center, radius), keywords=(keyword,)):
            value = minus(c.value, center[0]) if center else c.value
            size = call("norm", value, keyword.value)
        case Call(function=Name(id="spectral" | "nuclear" as word), arguments=(radius,)):
            size = call(word, c.value)
        case _:
            raise Diagnostic(
                code="CS303",
                message=f"the set of `{c.text}` moves",
                span=c.bound.span,
                label="a number that is known before training goes here",
                notes=("a projection onto this set needs its size",),
                helps=("write a number or a `param`",),
            ).error()
    return c.model_copy(update={"value": size, "bound": radius, "relation": "<="})


def _moves(expr: Expr, symbols: Symbols, bound: Container[str]) -> bool:
    """Whether training moves what a set is made of."""
    if isinstance(expr, Name):
        return False  # the word of a set without arguments
    roles = ("var", "model", "given")
    return any(
        isinstance(node, Expectation)
        or (isinstance(node, Name) and node.id not in bound and symbols.role(node.id) in roles)
        for node in walk(expr)
    )

"""Sets as relations: those that move, and those of decision variables where a solver can take all.

    x in ball(y, r, norm=2)   ->   norm(x - y, 2) <= r         y a variable, or r
    x in spectral(s)          ->   spectral(x) <= s
    x in [lo, hi]             ->   lo <= x <= hi

Sets whose size or place moves have no projection.

    s: w in simplex      ->   s.sum: sum(w) == 1,  s.sign: w >= 0
    b: w in ball(r)      ->   b: sumsq(w) <= r^2       (norm 2)
    b: w in ball(c, r)   ->   b: sumsq(w - c) <= r^2   (norm 2)
    p: w in nonneg       ->   p: w >= 0

For small problems of `var`s alone, under `auto` and `sqp`: sequential quadratic programming solves
them to rounding, where an optimizer's steps with projections end near the minimum. Nothing is
written out unless every set of the problem can be.
"""

import math
from collections.abc import Container, Iterator
from itertools import pairwise, product

from cspec.compiler.algebra.entries import entry_of
from cspec.compiler.expressions.rewrite import call, number
from cspec.compiler.passes.canonical import minus
from cspec.compiler.passes.mapping import map_constraints
from cspec.compiler.records.problem import Constraint, Problem, Relation
from cspec.dsl.check import Checked
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.settings.methods import Auto, Sqp
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import (
    Call,
    Compare,
    Expectation,
    Expr,
    Index,
    Interval,
    Name,
    Number,
    Power,
    Slice,
    Vector,
    walk,
)
from cspec.dsl.tree.rebuild import bound_names
from cspec.dsl.values.shapes import declared, shape_of


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
            size = call("norm", _around(c.value, center), keyword.value)
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


def spell_out_sets(problem: Problem, checked: Checked) -> Problem:
    """The problem with sets as relations; unchanged where data, models or a method are in play."""
    if checked.symbols.datasets() or checked.symbols.models():
        return problem
    own_way = any(
        c.method is not None or c.construction or c.soft is not None for c in problem.constraints
    )
    if not isinstance(checked.method, Auto | Sqp) or own_way:
        return problem
    constraints: list[Constraint] = []
    for c in problem.constraints:
        pieces = None if _by_rows(c, checked) else _spelled(c)
        if pieces is None and isinstance(checked.method, Sqp):
            pieces = _asked(c, checked)
        if pieces is None:
            return problem
        constraints += pieces
    return problem.with_constraints(constraints)


def _by_rows(c: Constraint, checked: Checked) -> bool:
    """Whether a set is one of every row of a matrix, where its projection serves better."""
    simplex = isinstance(c.bound, Name) and c.bound.id == "simplex"
    return simplex and len(_rows(c, checked) or ()) > 1


def _spelled(c: Constraint) -> tuple[Constraint, ...] | None:
    """The relations of a constraint; None for a set that has none here."""
    if c.relation != "in" or isinstance(c.bound, Interval):
        return (c,)
    match c.bound:
        case Name(id="nonneg"):
            return (_relation(c, c.value, number(0), ">="),)
        case Name(id="simplex"):
            return _of_rows(c, "simplex", [])
        case Call(function=Name(id="ball"), arguments=(*center, radius), keywords=keywords) if all(
            k.name == "norm" and isinstance(k.value, Number) and k.value.value == 2
            for k in keywords
        ):
            square = Power(base=radius, exponent=number(2), span=radius.span)
            return (_relation(c, call("sumsq", _around(c.value, center)), square, "<="),)
    return None


def _around(value: Expr, center: list[Expr]) -> Expr:
    """x - center, without a center x."""
    return minus(value, center[0]) if center else value


def _asked(c: Constraint, checked: Checked) -> tuple[Constraint, ...] | None:
    """Sets that have relations, and a projection that serves better where no solver is asked for.

    sphere -> sumsq(w) == 1, ball(r, norm=1) -> norm(w, 1) <= r, monotone -> w[i+1] - w[i] >= 0,
    and so each row of a matrix: X in simplex -> [sum(X[0]), sum(X[1])] == 1
    """
    match c.bound:
        case Name(id="simplex" | "sphere" | "monotone" as word):
            rows = _rows(c, checked)
            return None if rows is None else _of_rows(c, word, rows)
        case Call(function=Name(id="ball"), arguments=(*center, radius), keywords=(keyword,)):
            order = value_or_none(keyword.value, checked.params)
            if keyword.name == "norm" and order in (1.0, math.inf):
                distance = call("norm", _around(c.value, center), keyword.value)
                return (_relation(c, distance, radius, "<="),)
    return None


def _rows(c: Constraint, checked: Checked) -> list[Iterator[Expr]] | None:
    """The entries of each row of a variable, or of a part of it, seen as (outputs, rest).

    They are made as they are asked for: a matrix of a million entries has few rows.
    What indices leave, `W[i]` of a kernel, is one row of it; what slices leave is seen by itself.
    """
    whole = c.value.value if isinstance(c.value, Index) else c.value
    if not isinstance(whole, Name) or whole.id not in checked.symbols.vars():
        return None
    shape = shape_of(c.value, declared(checked.symbols.table, checked.params), checked.params)
    if not shape:
        return None
    row = isinstance(c.value, Index) and not any(isinstance(i, Slice) for i in c.value.indices)
    one = row or len(shape) == 1
    starts: list[tuple[int, ...]] = [()] if one else [(i,) for i in range(shape[0])]
    rest = shape if one else shape[1:]

    def row_of(start: tuple[int, ...]) -> Iterator[Expr]:
        for place in product(*map(range, rest)):
            yield entry_of(c.value, (*start, *place), {}, checked.params)

    return [row_of(start) for start in starts]


def _of_rows(c: Constraint, word: str, rows: list[Iterator[Expr]]) -> tuple[Constraint, ...] | None:
    if word == "monotone":
        steps = tuple(minus(b, a) for row in rows for a, b in pairwise(row))
        return (_relation(c, Vector(items=steps), number(0), ">="),) if steps else None
    function = "sum" if word == "simplex" else "sumsq"
    value: Expr = call(function, c.value)
    if len(rows) > 1:
        of_each = (entry_of(c.value, (i,), {}, {}) for i in range(len(rows)))
        value = Vector(items=tuple(call(function, row) for row in of_each))
    if word == "sphere":
        return (_relation(c, value, number(1), "=="),)
    total = _relation(c, value, number(1), "==", "sum")
    return (total, _relation(c, c.value, number(0), ">=", "sign"))


def _relation(
    c: Constraint, value: Expr, bound: Expr, relation: Relation, part: str = ""
) -> Constraint:
    label = f"{c.label}.{part}" if part else c.label
    # Prices are of this bound: of sumsq(w) <= 4, not of the radius in `w in ball(2, norm=2)`.
    text = f"{format_expression(value)} {relation} {format_expression(bound)}"
    update = {"label": label, "value": value, "bound": bound, "relation": relation, "text": text}
    return c.model_copy(update=update)

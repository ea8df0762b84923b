"""Sets of several weights together, and of the rows of one, whatever their sizes.

A + B == 1, 0 <= A + B + C <= 1, A <= B, A == B.T   ->   combination: entry by entry
sum(A) + sum(B) == 1, mean(A) <= mean(B)            ->   totals: one number
A[i, j] == B[j, i], sum(A[i]) <= b[i]               ->   rows over entries of all, one long vector
sumsq(A) + sumsq(B) <= r, l1(A) + l1(B) <= r        ->   both in one ball
sum(l2(W[i]) for i in range(n)) <= r                ->   group_ball: the norms of all rows
sum(sumsq(W[i]) for i in range(n)) <= r             ->   ball, of all of W

Other relations of few entries of several tensors are read by `rows.joint_rows`.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from cspec.compiler.algebra.shapes import Shapes
from cspec.compiler.expressions.rewrite import number, signed
from cspec.compiler.passes.normalize import normalized, square_root
from cspec.compiler.passes.sets.quantities import renamed_quantity
from cspec.compiler.passes.sets.rows import rows_between
from cspec.compiler.records.problem import Constraint, SetMember
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, is_whole, value_or_none


class Term(NamedTuple):
    """A factor and what it is of; a constant has no expression."""

    factor: float
    expr: nodes.Expr | None


class TensorTerm(NamedTuple):
    """What a term is of: a tensor as it is, turned, summed, or the norm of it or of a row."""

    kind: str
    name: str
    row: int | None = None


Made = tuple[str, list[float], dict[str, Any]]
"""The word of a set, a factor for each tensor, and its other arguments."""


def between_tensors(c: Constraint, shapes: Shapes, params: Values) -> SetMember | None:
    """The set of a relation whose tensors have stand-in names, with these shapes.

    The subject is that of the stand-ins: a vector of their names, in their order.
    """
    if c.relation not in ("<=", ">=", "=="):
        return None
    return _affine(c, shapes, params) or _norms(c, shapes, params)


def terms(expr: nodes.Expr, params: Values, factor: float = 1.0) -> list[Term]:
    """The terms of a sum, each with its constant factor."""
    if (value := value_or_none(expr, params)) is not None:
        return [Term(factor * value, None)]
    match expr:
        case nodes.Negate(operand=operand):
            return terms(operand, params, -factor)
        case nodes.Sum():
            signs = ((-factor if sign == "-" else factor, one) for sign, one in signed(expr))
            return [term for scale, one in signs for term in terms(one, params, scale)]
        case nodes.Product(operands=(left, right), operators=(("*" | "/") as operator,)):
            first, second = value_or_none(left, params), value_or_none(right, params)
            if second:
                scaled = factor * second if operator == "*" else factor / second
                return terms(left, params, scaled)
            if first is not None and operator == "*":
                return terms(right, params, factor * first)
    return [Term(factor, expr)]


# --- Affine relations ----------------------------------------------------------------------------


def _affine(c: Constraint, shapes: Shapes, params: Values) -> SetMember | None:
    if len(shapes) < 2:
        return None
    found = terms(nodes.Sum(operands=(c.value, c.bound), operators=("-",)), params)
    constant = math.fsum(term.factor for term in found if term.expr is None)
    written = [(term.factor, term.expr) for term in found if term.expr is not None]
    scaled = [(factor, part) for factor, expr in written if (part := _tensor(expr)) is not None]
    if len(scaled) < len(written):
        # Rows over single entries of several tensors.
        rows = rows_between(written, constant, c.relation, shapes, params)
        word = "affine" if c.relation == "==" else "polyhedron"
        return rows and _member(c, word, shapes, {"0": rows[0], "1": rows[1]})
    kinds = {part.kind for _, part in scaled}
    if kinds <= {"plain", "turned"}:
        made = _combination(scaled, shapes)
    else:
        made = _totals(scaled, shapes) if kinds <= {"sum", "mean"} else None
    if made is None:
        return None
    word, factors, more = made
    end = -constant + 0.0
    low, high = {"<=": (-math.inf, end), ">=": (end, math.inf), "==": (end, end)}[c.relation]
    if not all(map(math.isfinite, (*factors, end))) or not any(factors):
        return None
    return _member(c, word, shapes, {"0": tuple(factors), "1": low, "2": high, **more})


def _tensor(expr: nodes.Expr) -> TensorTerm | None:
    match expr:
        case nodes.Name(id=name):
            return TensorTerm("plain", name)
        case nodes.Attribute(value=nodes.Name(id=name), name="T"):
            return TensorTerm("turned", name)
        case nodes.Call(
            function=nodes.Name(id="sum" | "mean" as word), arguments=(inner,), keywords=()
        ):
            match inner:
                case nodes.Name(id=name) | nodes.Attribute(value=nodes.Name(id=name), name="T"):
                    return TensorTerm(word, name)
    return None


def _combination(parts: Sequence[tuple[float, TensorTerm]], shapes: Shapes) -> Made | None:
    """Every tensor once, all of one shape as they are seen."""
    names = [part.name for _, part in parts]
    if sorted(names) != sorted(shapes) or len(set(names)) < len(names):
        return None
    found = {part.name: (factor, part.kind == "turned") for factor, part in parts}
    seen = {shapes[n][::-1] if turned else shapes[n] for n, (_, turned) in found.items()}
    if len(seen) != 1 or any(turned and len(shapes[n]) != 2 for n, (_, turned) in found.items()):
        return None
    turned = tuple(found[name][1] for name in shapes)
    more: dict[str, Any] = {"3": tuple(seen.pop())}
    if any(turned):
        more["4"] = turned
    return "combination", [found[name][0] for name in shapes], more


def _totals(parts: Sequence[tuple[float, TensorTerm]], shapes: Shapes) -> Made:
    factors = dict.fromkeys(shapes, 0.0)
    for factor, part in parts:
        size = math.prod(shapes[part.name])
        factors[part.name] += factor / size if part.kind == "mean" else factor
    sizes = tuple(math.prod(shape) for shape in shapes.values())
    return "totals", list(factors.values()), {"3": sizes}


# --- Sums of norms -------------------------------------------------------------------------------


def _norms(c: Constraint, shapes: Shapes, params: Values) -> SetMember | None:
    """Norms of whole tensors or of all rows of one, with one factor, below a constant."""
    value, relation, bound = normalized(c.value, c.relation, c.bound, params)
    end = value_or_none(bound, params)
    found = terms(value, params)
    norms = (_norm(term.expr, params) for term in found if term.expr is not None)
    parts = [part for part in norms if part is not None]
    if end is None or len(parts) < len(found):
        return None
    factors, kinds = {term.factor for term in found}, {part.kind for part in parts}
    if len(factors) != 1 or len(kinds) != 1 or not min(factors) > 0 or not end > 0:
        return None
    kind, limit = kinds.pop(), end / factors.pop()
    if relation != "<=" and not (relation == "==" and kind == "square"):
        return None
    rows = [part.row for part in parts if part.row is not None]
    if len(shapes) > 1:
        every = not rows and sorted(part.name for part in parts) == sorted(shapes)
        return _ball(c, shapes, kind, limit, relation) if every and kind != "length" else None
    shape = next(iter(shapes.values()))
    if len(shape) < 2 or len(rows) < len(parts) or sorted(rows) != list(range(shape[0])):
        return None
    if kind == "length":
        return _member(c, "group_ball", shapes, {"0": number(limit)})
    return _ball(c, shapes, kind, limit, relation)


def _ball(c: Constraint, shapes: Shapes, kind: str, limit: float, relation: str) -> SetMember:
    radius = square_root(number(limit), {}) if kind == "square" else number(limit)
    if relation == "==":
        return _member(c, "sphere", shapes, {"radius": radius, "whole": True})
    order = number(2.0 if kind == "square" else 1.0)
    return _member(c, "ball", shapes, {"0": radius, "norm": order})


def _norm(expr: nodes.Expr, params: Values) -> TensorTerm | None:
    """The norm of a tensor or of a row of it: `square`, `sum` of sizes, `length`."""
    while (renamed := renamed_quantity(expr)) is not None:
        expr = renamed
    match expr:
        case nodes.Power(base=base, exponent=exponent) if value_or_none(exponent, params) == 2:
            inner = _norm(base, params)
            return inner._replace(kind="square") if inner and inner.kind == "length" else None
        case nodes.Call(function=nodes.Name(id=word), arguments=(subject, *rest), keywords=()):
            kind = _kind(word, rest)
            place = _place(subject, params)
            return None if kind is None or place is None else TensorTerm(kind, *place)
    return None


def _kind(word: str, rest: Sequence[nodes.Expr]) -> str | None:
    match word, rest:
        case "norm", [nodes.Number(value=order)]:
            return {1.0: "sum", 2.0: "length"}.get(float(order))
        case str(), []:
            return {"sumsq": "square", "l1": "sum", "l2": "length"}.get(word)
    return None


def _place(subject: nodes.Expr, params: Values) -> tuple[str, int | None] | None:
    match subject:
        case nodes.Name(id=name):
            return name, None
        case nodes.Index(value=nodes.Name(id=name), indices=(index,)):
            row = value_or_none(index, params)
            return None if row is None or not is_whole(row) else (name, int(row))
    return None


def _member(c: Constraint, word: str, shapes: Shapes, arguments: dict[str, Any]) -> SetMember:
    names = tuple(nodes.Name(id=name) for name in shapes)
    several = len(names) > 1
    return SetMember(
        word=word,
        subject=nodes.Vector(items=names) if several else names[0],
        arguments=arguments,
        recognized=c.text,
        together=several,
    )

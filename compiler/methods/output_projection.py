"""Closed-form projection of a model's outputs onto affine constraints of each example.

    forall (x, y) in train: lo <= A f(x) <= hi      becomes, inside the model,
    f(x) <- f(x) + A^+ ([lo - A f(x)]+ - [A f(x) - hi]+)      A^+ = A' (A A')^-1

HardNet-Aff of Min and Azizan 2024, with constant coefficients. A of full row rank gives A A^+ = I,
so the constraints hold for every input, of any data, at every step, and outputs that hold already
stay what they are. No defaults, nothing to tune.

Pitfalls. The rank condition is checked, over all rows on one model together: rows that depend on
one another (bounds on a, on b, and on a + b) are refused. It is the nearest point only where the
rows are orthogonal. Gradients of projected directions vanish, so a model that starts far outside
learns slowly. Saved weights are those of the model inside; the projection is part of the program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cspec.compiler.records.facts import Facts
from cspec.compiler.records.lowered import OutputRows, Row
from cspec.compiler.records.problem import Constraint, PerExample
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Call, Expr, Index, Name, Negate, Number, Product, Sum

INFINITY = float("inf")
Params = Mapping[str, float | tuple[float, ...]]


class Affine(NamedTuple):
    """Rows of coefficients of one model's outputs, and constants; one row an entry."""

    model: str | None
    rows: tuple[Row, ...]
    constants: tuple[float, ...]


def output_rows(
    constraints: Sequence[Constraint], facts: Facts, params: Params
) -> tuple[OutputRows, ...]:
    """The rows of all constraints by model, equal rows merged; full row rank is checked.

    Raises:
        SpecError: not affine in one model's outputs, or rows that depend on one another.
    """
    found: dict[str, dict[Row, tuple[float, float, str]]] = {}
    for c in constraints:
        body = c.value.body if isinstance(c.value, PerExample) else c.value
        affine = affine_in_outputs(body, facts, params)
        bound = value_or_none(c.bound, params)
        if affine is None or affine.model is None or bound is None:
            raise SpecError([_not_affine(c)])
        rows = found.setdefault(affine.model, {})
        for row, constant in zip(affine.rows, affine.constants, strict=True):
            low, high, label = rows.get(row, (-INFINITY, INFINITY, c.label))
            limit = bound - constant
            low = max(low, limit) if c.relation in (">=", "==") else low
            high = min(high, limit) if c.relation in ("<=", "==") else high
            rows[row] = (low, high, label)
    result = []
    for model, rows in found.items():
        if rank(list(rows)) < len(rows):
            raise SpecError([_dependent(model, constraints[0], len(rows))])
        lower, upper, labels = zip(*rows.values(), strict=True)
        result.append(OutputRows(model, tuple(rows), lower, upper, labels))
    return tuple(result)


def affine_in_outputs(expr: Expr, facts: Facts, params: Params) -> Affine | None:
    """`2*f(x)[0] - f(x)[1] + 1` as coefficients of the outputs; None where it is not affine."""
    match expr:
        case Number(value=value):
            return Affine(None, ((),), (value,))
        case Negate(operand=operand):
            return _scaled(affine_in_outputs(operand, facts, params), -1.0)
        case Sum(operands=operands, operators=operators):
            total = affine_in_outputs(operands[0], facts, params)
            for operator, operand in zip(operators, operands[1:], strict=True):
                sign = 1.0 if operator == "+" else -1.0
                total = _plus(total, _scaled(affine_in_outputs(operand, facts, params), sign))
            return total
        case Product(operands=operands, operators=operators):
            return _product([affine_in_outputs(o, facts, params) for o in operands], operators)
        case Index(value=Call(function=Name(id=model)), indices=(Number(value=entry),)):
            width = _width(model, facts)
            if width is None or not 0 <= entry < width:
                return None
            return Affine(model, (_unit(int(entry), width),), (0.0,))
        case Call(function=Name(id=model)) if (width := _width(model, facts)) is not None:
            rows = tuple(_unit(index, width) for index in range(width))
            return Affine(model, rows, (0.0,) * width)
        case _:
            known = value_or_none(expr, params)
            return None if known is None else Affine(None, ((),), (known,))


def _width(model: str, facts: Facts) -> int | None:
    known = facts.outputs_of(model)
    if known is None or len(known) > 1:
        return None
    return known[0] if known else 1


def _unit(index: int, width: int) -> Row:
    return tuple(1.0 if i == index else 0.0 for i in range(width))


def _scaled(item: Affine | None, factor: float) -> Affine | None:
    if item is None:
        return None
    rows = tuple(tuple(factor * v for v in row) for row in item.rows)
    return item._replace(rows=rows, constants=tuple(factor * c for c in item.constants))


def _plus(left: Affine | None, right: Affine | None) -> Affine | None:
    if left is None or right is None:
        return None
    if left.model is None or right.model is None:
        both = left if right.model is None else right
        other = right if right.model is None else left
        return both._replace(constants=tuple(c + other.constants[0] for c in both.constants))
    if left.model != right.model or len(left.rows) != len(right.rows):
        return None
    rows = tuple(
        tuple(a + b for a, b in zip(p, q, strict=True))
        for p, q in zip(left.rows, right.rows, strict=True)
    )
    constants = tuple(a + b for a, b in zip(left.constants, right.constants, strict=True))
    return Affine(left.model, rows, constants)


def _product(factors: list[Affine | None], operators: Sequence[str]) -> Affine | None:
    result = factors[0]
    for operator, factor in zip(operators, factors[1:], strict=True):
        if result is None or factor is None or operator not in ("*", "/"):
            return None
        if factor.model is None:
            number = factor.constants[0]
            if operator == "/" and number == 0:
                return None
            result = _scaled(result, number if operator == "*" else 1 / number)
        elif result.model is None and operator == "*":
            result = _scaled(factor, result.constants[0])
        else:
            return None
    return result


def rank(rows: list[Row]) -> int:
    """Rank by elimination with complete pivoting; entries below 1e-12 of the largest are 0."""
    left = [list(row) for row in rows]
    largest = max((abs(v) for row in left for v in row), default=0.0)
    found = 0
    while left:
        pivot = max(
            ((i, j) for i, row in enumerate(left) for j in range(len(row))),
            key=lambda at: abs(left[at[0]][at[1]]),
        )
        row = left.pop(pivot[0])
        value = row[pivot[1]]
        if abs(value) <= 1e-12 * largest or value == 0:
            return found
        found += 1
        for other in left:
            factor = other[pivot[1]] / value
            for j, entry in enumerate(row):
                other[j] -= factor * entry
    return found


def _not_affine(c: Constraint) -> Diagnostic:
    return Diagnostic(
        code="CS521",
        message=f"`{c.label}` can't be enforced by `output_projection`: it is not affine in the "
        "outputs of one model, example by example",
        span=c.span,
        label="not affine in the outputs",
        notes=("it takes sums of outputs times numbers, between constant bounds",),
        helps=("write it as `forall (x, y) in train: f(x)[0] - 2*f(x)[1] <= 1`",),
    )


def _dependent(model: str, c: Constraint, count: int) -> Diagnostic:
    return Diagnostic(
        code="CS521",
        message=f"the {count} rows on the outputs of `{model}` depend on one another, so no closed "
        "form holds them all",
        span=c.span,
        label="one of these rows",
        notes=("output_projection needs a matrix of full row rank",),
        helps=("leave one row out, or enforce it `by augmented_lagrangian`",),
    )

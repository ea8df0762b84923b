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

from collections.abc import Sequence
from typing import NamedTuple

from cspec.compiler.records.facts import Facts
from cspec.compiler.records.fragment import unfit
from cspec.compiler.records.lowered import OutputRows, Row
from cspec.compiler.records.problem import Constraint, PerExample
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Call, Expr, Index, Name, Number
from cspec.dsl.values.sums import linear

INFINITY = float("inf")


class Affine(NamedTuple):
    """Rows of coefficients of one model's outputs, one row an entry, and the constant of all."""

    model: str
    rows: tuple[Row, ...]
    constant: float = 0.0


def output_rows(
    constraints: Sequence[Constraint], facts: Facts, params: Values
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
        if affine is None or bound is None:
            raise unfit(
                c,
                "output_projection",
                "it is not affine in the outputs of one model, example by example",
                ("write it as `forall (x, y) in train: f(x)[0] - 2*f(x)[1] <= 1`",),
                label="not affine in the outputs",
                notes=("it takes sums of outputs times numbers, between constant bounds",),
            )
        rows = found.setdefault(affine.model, {})
        limit = bound - affine.constant
        for row in affine.rows:
            low, high, label = rows.get(row, (-INFINITY, INFINITY, c.label))
            low = max(low, limit) if c.relation in (">=", "==") else low
            high = min(high, limit) if c.relation in ("<=", "==") else high
            rows[row] = (low, high, label)
    result = []
    for model, rows in found.items():
        if rank(list(rows)) < len(rows):
            raise Diagnostic(
                code="CS521",
                message=f"the {len(rows)} rows on the outputs of `{model}` depend on one another, "
                "so no closed form holds them all",
                span=constraints[0].span,
                label="one of these rows",
                notes=("output_projection needs a matrix of full row rank",),
                helps=("leave one row out, or enforce it `by augmented_lagrangian`",),
            ).error()
        lower, upper, labels = zip(*rows.values(), strict=True)
        result.append(OutputRows(model, tuple(rows), lower, upper, labels))
    return tuple(result)


def affine_in_outputs(expr: Expr, facts: Facts, params: Values) -> Affine | None:
    """`2*f(x)[0] - f(x)[1] + 1` as coefficients of the outputs; None where it is not affine."""
    atoms: dict[object, Expr] = {}
    form = linear(expr, params, atoms, None)
    parts = [_outputs(atoms[key], facts) for key in form.terms]
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    if len({(part.model, len(part.rows)) for part in known}) > 1:
        return None
    factors = form.terms.values()
    rows = tuple(
        tuple(
            sum(f * v for f, v in zip(factors, column, strict=True))
            for column in zip(*lines, strict=True)
        )
        for lines in zip(*(part.rows for part in known), strict=True)
    )
    return Affine(known[0].model, rows, form.constant)


def _outputs(expr: Expr, facts: Facts) -> Affine | None:
    """One output of a model, or each of them; None of anything else."""
    match expr:
        case Index(value=Call(function=Name(id=model)), indices=(Number(value=entry),)):
            width = _width(model, facts)
            fits = width is not None and 0 <= entry < width
            return Affine(model, (_unit(int(entry), width or 0),)) if fits else None
        case Call(function=Name(id=model)) if (width := _width(model, facts)) is not None:
            return Affine(model, tuple(_unit(index, width) for index in range(width)))
    return None


def _width(model: str, facts: Facts) -> int | None:
    known = facts.outputs_of(model)
    if known is None or len(known) > 1:
        return None
    return known[0] if known else 1


def _unit(index: int, width: int) -> Row:
    return tuple(1.0 if i == index else 0.0 for i in range(width))


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

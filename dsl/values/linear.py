"""Linear forms: `density(m) + 2*x <= 3` as a bound on a sum of atoms."""

from __future__ import annotations

from typing import NamedTuple

from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Call, Expr, Name, Negate, Product, Sum, shape

Atom = object
"""An atom is known by the shape of its expression."""


class LinearForm(NamedTuple):
    """A sum of coefficients times atoms, plus a constant."""

    terms: dict[Atom, float]
    constant: float


def linear(expr: Expr, values: Values, atoms: dict[Atom, Expr], context: object) -> LinearForm:
    """An expression as a linear form; what is not linear is an atom of its own.

    `atoms` collects one expression an atom; `context` keeps atoms of different quantifiers apart.
    """
    value = last_value(expr, values)
    if value is not None:
        return LinearForm({}, value)
    match expr:
        case Negate(operand=operand):
            return _scaled(linear(operand, values, atoms, context), -1.0)
        case Sum(operands=(first, *rest), operators=operators):
            total = linear(first, values, atoms, context)
            for operator, operand in zip(operators, rest, strict=True):
                part = linear(operand, values, atoms, context)
                total = _added(total, part, 1.0 if operator == "+" else -1.0)
            return total
        case Product():
            scaled = _product(expr, values, atoms, context)
            if scaled is not None:
                return scaled
    key = (context, shape(expr))
    atoms.setdefault(key, expr)
    return LinearForm({key: 1.0}, 0.0)


def last_value(expr: Expr, values: Values) -> float | None:
    """The value of a constant; of a bound that moves, its last value."""
    match expr:
        case Call(function=Name(id="ramp"), arguments=(_, last)):
            return value_or_none(last, values)
        case _:
            return value_or_none(expr, values)


def _product(
    expr: Product, values: Values, atoms: dict[Atom, Expr], context: object
) -> LinearForm | None:
    """Numbers times one factor that is no number."""
    factor = 1.0
    rest: Expr | None = None
    for operator, operand in zip(("*", *expr.operators), expr.operands, strict=True):
        value = value_or_none(operand, values)
        if operator == "@" or (value is None and (rest is not None or operator == "/")):
            return None
        if value is None:
            rest = operand
        elif operator == "/":
            if value == 0:
                return None
            factor /= value
        else:
            factor *= value
    if rest is None:
        return None
    return _scaled(linear(rest, values, atoms, context), factor)


def _scaled(form: LinearForm, factor: float) -> LinearForm:
    if factor == 0:
        return LinearForm({}, 0.0)
    return LinearForm({k: v * factor for k, v in form.terms.items()}, form.constant * factor)


def _added(left: LinearForm, right: LinearForm, sign: float) -> LinearForm:
    terms = dict(left.terms)
    for key, value in right.terms.items():
        terms[key] = terms.get(key, 0.0) + sign * value
    kept = {key: value for key, value in terms.items() if value != 0}
    return LinearForm(kept, left.constant + sign * right.constant)

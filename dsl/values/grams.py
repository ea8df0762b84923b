"""Other ways to say that a weight is orthonormal: what `==` says about W.T @ W.

W.T @ W == eye                                       also W @ W.T, and the sides swapped
sumsq(W.T @ W - eye) == 0                            also l2, l1, norm: no norm is 0 elsewhere
sum(sumsq(W.T @ W - eye) for W in net.weights) == 0  terms of at least 0, so each is 0
"""

from __future__ import annotations

from typing import NamedTuple

from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import (
    Attribute,
    Binder,
    Call,
    Compare,
    Comprehension,
    Expr,
    Name,
    Product,
    Sum,
    shape,
)

NORMS = frozenset({"sumsq", "l1", "l2", "norm", "spectral", "nuclear"})
"""Functions of a matrix that are 0 at 0 alone."""


class Orthonormal(NamedTuple):
    """The weight that a relation makes orthonormal, and what a sum in it runs over."""

    weight: Name
    binders: tuple[Binder, ...] = ()


def orthonormal(relation: Compare, values: Values) -> Orthonormal | None:
    """The weight that `relation` says to have orthonormal columns or rows, if it says that."""
    if relation.operators != ("==",):
        return None
    left, right = relation.operands
    for one, other in ((left, right), (right, left)):
        if _is_eye(other) and (weight := _gram(one)) is not None:
            return Orthonormal(weight)
        if value_or_none(other, values) == 0 and (found := _vanishing(one)) is not None:
            return found
    return None


def _vanishing(expr: Expr) -> Orthonormal | None:
    match expr:
        case Comprehension(function="sum", body=body, binders=binders) if all(
            binder.condition is None for binder in binders
        ):
            inner = _vanishing(body)
            return None if inner is None else Orthonormal(inner.weight, (*binders, *inner.binders))
        case Call(function=Name(id=name), arguments=(difference, *_)) if name in NORMS:
            weight = _difference(difference)
            return None if weight is None else Orthonormal(weight)
    return None


def _difference(expr: Expr) -> Name | None:
    match expr:
        case Sum(operands=(one, other), operators=("-",)):
            for first, second in ((one, other), (other, one)):
                if _is_eye(second):
                    return _gram(first)
    return None


def _gram(expr: Expr) -> Name | None:
    match expr:
        case Product(operands=(Attribute(value=Name() as weight, name="T"), right)) if (
            expr.operators == ("@",) and shape(weight) == shape(right)
        ):
            return weight
        case Product(operands=(left, Attribute(value=Name() as weight, name="T"))) if (
            expr.operators == ("@",) and shape(weight) == shape(left)
        ):
            return weight
    return None


def _is_eye(expr: Expr) -> bool:
    match expr:
        case Name(id="eye") | Call(function=Name(id="eye")):
            return True
    return False

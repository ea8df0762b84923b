"""Sets as functions that multipliers act on: which have such a form, and of how many numbers.

The functions themselves are `inequality` and `residual` of `runtime/operators`; a test compares
their sizes with what is said here.
"""

import math
from collections.abc import Callable
from math import prod
from typing import Any

from cspec.compiler.expressions.rows import rows_of
from cspec.compiler.records.problem import SetMember
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Expr, Name
from cspec.dsl.values.shapes import Shape
from cspec.dsl.words.sets import COEFFICIENTS

Size = Callable[[Shape, dict[str, Any]], int]


def _rows(shape: Shape) -> int:
    """Rows of a weight seen as (outputs, rest); a vector is one."""
    return shape[0] if len(shape) > 1 else 1


def _ranks(shape: Shape) -> int:
    return min(shape[0], prod(shape[1:])) if len(shape) > 1 else 1


def _ball(shape: Shape, arguments: dict[str, Any]) -> int:
    order = arguments.get("norm")
    value = order.id if isinstance(order, Name) else getattr(order, "value", order)
    if value in ("inf", math.inf):
        return 2 * prod(shape)
    return _rows(shape) if arguments.get("rows") else 1


def _box(shape: Shape, arguments: dict[str, Any]) -> int:
    """Each end of each entry, where it is finite."""
    ends = [arguments.get(key) for key in ("0", "1")]
    known = [value_or_none(end, {}) if isinstance(end, Expr) else end for end in ends]
    return prod(shape) * sum(value is None or math.isfinite(value) for value in known)


FORMS: dict[str, Size] = {
    "nonneg": lambda shape, _: prod(shape),
    "box": _box,
    "ball": _ball,
    "spectral": lambda shape, _: _ranks(shape),
    "nuclear": lambda shape, _: 1,
    "sphere": lambda shape, arguments: 1 if arguments.get("whole") else _rows(shape),
    "simplex": lambda shape, _: prod(shape) + 2 * _rows(shape),
    "monotone": lambda shape, _: prod(shape) - _rows(shape),
    "symmetric": lambda shape, _: prod(shape),
    "psd": lambda shape, _: prod(shape) + prod(shape[:-1]),
    "stiefel": lambda shape, _: _ranks(shape) ** 2,
}
"""How many numbers the form of each set has on a tensor of some shape."""


def form_size(member: SetMember, shape: Shape) -> int:
    """Entries of the form of a set on a tensor of some shape."""
    if member.rows:
        shape = (len(member.rows), *shape[len(member.rows[0]) :])
    if member.part:
        kept = [piece[1] - piece[0] for piece in member.part if isinstance(piece, tuple)]
        shape = (*kept, *shape[len(member.part) :])
    return FORMS[member.word](shape, member.arguments)


def has_form(member: SetMember | None) -> bool:
    """Whether multipliers can act on a set."""
    return member is not None and member.word in FORMS


def rows_fit(member: SetMember, shape: Shape) -> bool:
    """Whether single entries that the rows of a set name exist in a tensor of this shape."""
    if member.word not in COEFFICIENTS:
        return True
    return all(
        len(index) == len(shape) and all(0 <= i < n for i, n in zip(index, shape, strict=True))
        for row, _ in rows_of(member)
        if isinstance(row, tuple)
        for index, _ in row[1]
    )

"""The two sides of one relation as value and bound: a constant on the left changes sides.

3 >= x   ->   x <= 3
2 == x   ->   x == 2, mirrored: its multiplier stays that of (2 - x), left minus right as written
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cspec.compiler.records.problem import Relation
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import TURNED, Expr

RELATIONS: Mapping[str, Relation] = {"<=": "<=", ">=": ">=", "==": "=="}


class Sides(NamedTuple):
    """`value relation bound`; `mirrored` where an equality was written the other way round."""

    value: Expr
    bound: Expr
    relation: Relation
    mirrored: bool = False


def sides(left: Expr, operator: str, right: Expr, params: Values) -> Sides:
    """The sides of `left operator right`."""
    if value_or_none(left, params) is not None and value_or_none(right, params) is None:
        return Sides(right, left, RELATIONS[TURNED[operator]], operator == "==")
    return Sides(left, right, RELATIONS[operator])

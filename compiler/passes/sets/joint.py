"""Sets that several constraints make together, with a projection onto their intersection.

sum(w) == 1 beside w >= 0 (or 0 <= w <= 1), w a vector   ->   both are w in simplex
one affine row beside bounds of the entries              ->   both are w in box_row(lo, hi, a, b)

The second is the capped simplex (`w >= 0`, `sum(w) <= 1`), a budget with limits on each entry, and
the like. Every other intersection is projected onto by Dykstra's algorithm at run time.
"""

import math
from collections.abc import Sequence
from typing import Any

from cspec.compiler.expressions.rewrite import number, same
from cspec.compiler.expressions.rows import rows_of
from cspec.compiler.records.problem import Constraint, SetMember
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.settings.methods import Projection
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Expr, Name, Negate, shape
from cspec.dsl.words.sets import COEFFICIENTS


def joint_sets(
    constraints: tuple[Constraint, ...], symbols: Symbols, params: Values
) -> tuple[Constraint, ...]:
    """The constraints, those that make a set together with that set on each of them."""
    found = list(constraints)
    done: set[int] = set()
    for place, row in enumerate(constraints):
        if not _is_row(row) or elsewhere(row) or place in done:
            continue
        same_subject = [i for i, c in enumerate(constraints) if _about_the_same(c, row)]
        rows = [i for i in same_subject if _is_row(constraints[i])]
        ends = {i: e for i in same_subject if (e := _bounds(constraints[i], params)) is not None}
        if len(rows) != 1 or not ends:
            continue
        joint = _joint(row.known_set, list(ends.values()), symbols)
        if joint is None:
            continue
        places = sorted([place, *ends])
        text = "; ".join(dict.fromkeys(constraints[i].text for i in places))
        joint = joint.model_copy(update={"recognized": text})
        for i in places:
            found[i] = found[i].model_copy(update={"set": joint})
        done.update(places)
    return tuple(found)


def elsewhere(c: Constraint) -> bool:
    """Whether a constraint may not be projected: it is a preference or names another method."""
    return c.soft is not None or not (c.method is None or isinstance(c.method, Projection))


def _is_row(c: Constraint) -> bool:
    """Whether a constraint is one affine row."""
    if c.set is None or c.set.word not in COEFFICIENTS:
        return False
    return c.set.word == "halfspace" or len(c.set.arguments["1"]) == 1


def _about_the_same(c: Constraint, row: Constraint) -> bool:
    """Whether two sets are on the same tensors and may be one."""
    if c.set is None or row.set is None or c.set.subject is None or row.set.subject is None:
        return False
    if c.set.partial or row.set.partial:
        return False
    over = [shape(tuple((b.domain, b.condition) for b in side.binders)) for side in (c, row)]
    # Names of quantifiers are the same thing where what they run over is.
    names = [_place(c.set.subject, c), _place(row.set.subject, row)]
    alike = names[0] == names[1] if None not in names else same(c.set.subject, row.set.subject)
    return over[0] == over[1] and alike and not elsewhere(c) and c.method == row.method


def _place(subject: Expr, c: Constraint) -> tuple[int, int] | None:
    """Which of its quantifiers' names a subject is."""
    for i, binder in enumerate(c.binders):
        if isinstance(subject, Name) and subject.id in binder.names:
            return i, binder.names.index(subject.id)
    return None


def _bounds(c: Constraint, params: Values) -> tuple[float, float] | None:
    """The ends of a box that is the same for every entry."""
    if c.set is None or elsewhere(c):
        return None
    if c.set.word == "nonneg":
        return 0.0, math.inf
    if c.set.word != "box":
        return None
    ends = [c.set.arguments.get(key) for key in ("0", "1")]
    low, high = (value_or_none(end, params) if isinstance(end, Expr) else None for end in ends)
    return None if low is None or high is None else (low, high)


def _joint(
    row: SetMember, ends: Sequence[tuple[float, float]], symbols: Symbols
) -> SetMember | None:
    low, high = max(low for low, _ in ends), min(high for _, high in ends)
    if not low <= high:
        return None
    equal = row.word == "affine"
    coefficients, limit = rows_of(row)[0]
    unit = coefficients == limit and isinstance(coefficients, float)
    if equal and unit and low == 0 and high >= 1 and _is_vector(row.subject, symbols):
        return SetMember(word="simplex", subject=row.subject)
    sides = {"0": _written(low), "1": _written(high)}
    arguments: dict[str, Any] = {**sides, "2": coefficients, "3": limit}
    if equal:
        arguments["equals"] = True
    return SetMember(word="box_row", subject=row.subject, arguments=arguments)


def _written(end: float) -> Expr:
    size: Expr = Name(id="inf") if math.isinf(end) else number(abs(end))
    return Negate(operand=size) if end < 0 else size


def _is_vector(subject: Expr | None, symbols: Symbols) -> bool:
    """Whether a subject is a variable with one axis, along which a simplex is."""
    var = symbols.vars().get(subject.id) if isinstance(subject, Name) else None
    return var is not None and len(var.dimensions) == 1

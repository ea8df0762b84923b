"""Sets that several constraints make together, with a projection onto their intersection.

sum(w) == 1 beside w >= 0 (or 0 <= w <= 1), w a vector   ->   both are w in simplex
"""

from __future__ import annotations

from cspec.compiler.ir import Constraint, SetMember
from cspec.compiler.passes.normalize import Values, normalized
from cspec.dsl.constants import value_or_none
from cspec.dsl.nodes import Call, Expr, Name
from cspec.dsl.settings.methods import Projection
from cspec.dsl.symbols import Symbols


def joint_simplexes(
    constraints: tuple[Constraint, ...], symbols: Symbols, params: Values
) -> tuple[Constraint, ...]:
    """The constraints, those that make a simplex together with that set on both."""
    sums = {
        name: position
        for position, c in enumerate(constraints)
        if c.set is None and (name := _unit_sum(c, symbols, params)) is not None
    }
    signs = {
        c.set.subject.id: position
        for position, c in enumerate(constraints)
        if c.set is not None and _keeps_sign(c.set, params) and isinstance(c.set.subject, Name)
    }
    found = list(constraints)
    for name in sorted(sums.keys() & signs.keys()):
        total, sign = constraints[sums[name]], constraints[signs[name]]
        if _elsewhere(total) or _elsewhere(sign):
            continue
        text = f"{total.text}; {sign.text}"
        joint = SetMember(word="simplex", subject=Name(id=name), recognized=text)
        for position in (sums[name], signs[name]):
            found[position] = found[position].model_copy(update={"set": joint})
    return tuple(found)


def _elsewhere(c: Constraint) -> bool:
    """Whether a constraint may not be projected: it is a preference or names another method."""
    return c.soft is not None or not (c.method is None or isinstance(c.method, Projection))


def _unit_sum(c: Constraint, symbols: Symbols, params: Values) -> str | None:
    """w of `sum(w) == 1`, w a variable with one axis."""
    if c.relation != "==" or c.binders:
        return None
    value, _, bound = normalized(c.value, c.relation, c.bound, params)
    match value:
        case Call(function=Name(id="sum"), arguments=(Name(id=name),)) if (
            name in symbols.vars() and len(symbols.vars()[name].dimensions) == 1
        ):
            return name if value_or_none(bound, params) == 1 else None
        case _:
            return None


def _keeps_sign(member: SetMember, params: Values) -> bool:
    """Entries of at least 0, with no upper bound that a simplex could exceed."""
    if member.word == "nonneg":
        return True
    ends = [member.arguments.get(key) for key in ("0", "1")]
    if member.word != "box" or not all(isinstance(end, Expr) for end in ends):
        return False
    low, high = (value_or_none(end, params) for end in ends if isinstance(end, Expr))
    return low == 0 and high is not None and high >= 1

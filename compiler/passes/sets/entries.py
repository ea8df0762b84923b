"""Relations of every entry, or of entries and their mirror images: boxes, symmetric, skew.

abs(W) <= r, W^2 <= r, abs(W - c) <= r   ->   W in box(lo, hi)
W == W.T, norm(W - W.T, 2) == 0          ->   W in symmetric;  W == -W.T: W in skew
"""

from __future__ import annotations

from collections.abc import Iterator

from cspec.compiler.expressions.rewrite import number, same
from cspec.compiler.passes.normalize import normalized, square_root
from cspec.compiler.passes.sets.seen import Seen, is_tensor, member
from cspec.compiler.records.problem import SetMember
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Name, Negate, Power, Product, Sum


def box(seen: Seen, subject: Expr, low: Expr | None, high: Expr | None) -> SetMember:
    infinity = Name(id="inf")
    arguments: dict[str, Expr] = {
        "0": low if low is not None else Negate(operand=infinity),
        "1": high if high is not None else infinity,
    }
    return member(seen, "box", subject, arguments)


def around(seen: Seen, inner: Expr) -> SetMember | None:
    """W of `abs(W) <= r` and of `abs(W - c) <= r`."""
    reach = seen.number(seen.bound)
    if is_tensor(inner, seen.tensors) and seen.constant(seen.bound):
        return box(seen, inner, Negate(operand=seen.bound), seen.bound)
    if reach is None or reach < 0:
        return None
    low = normalized(
        inner, ">=", number(-reach) if reach == 0 else Negate(operand=number(reach)), seen.params
    )
    high = normalized(inner, "<=", number(reach), seen.params)
    if low.relation == "<=":
        low, high = high, low
    whole = is_tensor(low.value, seen.tensors) and same(low.value, high.value)
    if not whole or (low.relation, high.relation) != (">=", "<="):
        return None
    ends = [seen.number(side.bound) for side in (low, high)]
    return None if None in ends else box(seen, low.value, low.bound, high.bound)


def square_box(seen: Seen) -> SetMember | None:
    """`W^2 <= r`, entry by entry."""
    match seen.value:
        case Power(base=base, exponent=exponent) if (
            is_tensor(base, seen.tensors) and seen.number(exponent) == 2
        ):
            bound = seen.number(seen.bound)
            if bound is None or bound < 0:
                return None
            root = square_root(seen.bound, seen.params)
            return box(seen, base, Negate(operand=root), root)
    return None


def mirrored(seen: Seen) -> SetMember | None:
    """W of `W == W.T` (symmetric) and `W == -W.T` (skew), also as a norm that is 0."""
    value = seen.value
    match value:
        case Call(function=Name(id=name), arguments=(inner, *_)) if (
            name in ("norm", "l1", "l2", "sumsq") and seen.number(seen.bound) == 0
        ):
            value = inner
    bound = seen.bound if value is seen.value else number(0)
    terms = [*_terms(seen, value, 1.0), *_terms(seen, bound, -1.0)]
    subjects = {name for _, name, _ in terms}
    direct = sum(factor for factor, _, mirror in terms if not mirror)
    flipped = sum(factor for factor, _, mirror in terms if mirror)
    if len(subjects) != 1 or direct == 0 or abs(direct) != abs(flipped):
        return None
    subject = subjects.pop()
    word = "symmetric" if direct == -flipped else "skew"
    return None if subject is None else member(seen, word, Name(id=subject), {})


def _terms(seen: Seen, expr: Expr, factor: float) -> Iterator[tuple[float, str | None, bool]]:
    """Factor, tensor and whether it is transposed, of every term; a tensor of None for others."""
    match expr:
        case Negate(operand=operand):
            yield from _terms(seen, operand, -factor)
        case Sum(operands=operands, operators=operators):
            for operator, operand in zip(("+", *operators), operands, strict=True):
                yield from _terms(seen, operand, -factor if operator == "-" else factor)
        case Product(operands=(left, right), operators=(("*" | "/") as operator,)):
            one, other = seen.number(left), seen.number(right)
            if other:
                scaled = factor * other if operator == "*" else factor / other
                yield from _terms(seen, left, scaled)
            elif one and operator == "*":
                yield from _terms(seen, right, factor * one)
            else:
                yield factor, None, False
        case Name(id=name) if name in seen.tensors:
            yield factor, name, False
        case Attribute(value=Name(id=name), name="T") if name in seen.tensors:
            yield factor, name, True
        case _:
            if seen.number(expr) != 0:
                yield factor, None, False

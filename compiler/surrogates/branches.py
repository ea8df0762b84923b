"""Kinks of statistics in what a step sees: the branch is the one that is true.

    max(a, b)    the part that is truly the largest; of equals the one with the larger surrogate
    min(a, b)    the smallest likewise
    abs(u) = max(u, -u),  relu(u) = max(u, 0),  gap(v) = max(v) - min(v),  ratio(v) = min(v)/max(v)

Surrogates need not be ordered as what they stand for. Where rate a is larger than rate b and its
surrogate smaller, the slope of abs(soft a - soft b) would widen the gap that is to be closed.
"""

from cspec.compiler.expressions.rewrite import call, function_name, number, same, with_operands
from cspec.compiler.expressions.vectors import Extreme
from cspec.compiler.passes.canonical import negate
from cspec.compiler.passes.spread import spelled_out
from cspec.compiler.surrogates.atoms import is_mean
from cspec.dsl.tree.nodes import Call, Expr, Negate, Power, Product, Sum


def along(true: Expr, soft: Expr) -> Expr:
    """The surrogate with the branches of what it stands for, where both have the same kinks."""
    if is_mean(soft) or same(true, soft):
        return soft
    exact, seen = _extremes(true), _extremes(soft)
    pairs = _alike(exact, seen)
    if not pairs:
        return soft
    parts = tuple(along(*pair) for pair in pairs)
    word = function_name(seen)
    if word in ("max", "min"):
        return Extreme(word=word, soft=parts, true=tuple(one for one, _ in pairs), span=soft.span)
    if all(new is old for new, (_, old) in zip(parts, pairs, strict=True)):
        return soft
    return _with_parts(seen, parts)


def _extremes(expr: Expr) -> Expr:
    """The same with two kinds of kinks, `max` and `min`."""
    word = function_name(expr)
    if not isinstance(expr, Call) or expr.keywords:
        return expr
    match word, expr.arguments:
        case "abs", (inner,):
            return call("max", inner, negate(inner))
        case "relu", (inner,):
            return call("max", inner, number(0))
        case "gap" | "ratio", (_,):
            return spelled_out(expr)
    return expr


def _alike(true: Expr, soft: Expr) -> list[tuple[Expr, Expr]]:
    """The parts of two expressions of one form, side by side; none of two forms."""
    match true, soft:
        case Negate(operand=one), Negate(operand=other):
            return [(one, other)]
        case (
            Sum(operands=ones, operators=operators),
            Sum(operands=others, operators=same_ones),
        ) | (
            Product(operands=ones, operators=operators),
            Product(operands=others, operators=same_ones),
        ) if operators == same_ones:
            return list(zip(ones, others, strict=True))
        case Power(), Power() if same(true.exponent, soft.exponent):
            return [(true.base, soft.base)]
        case Call(), Call() if function_name(true) == function_name(soft) is not None:
            if len(true.arguments) != len(soft.arguments):
                return []
            return list(zip(true.arguments, soft.arguments, strict=True))
    return []


def _with_parts(expr: Expr, parts: tuple[Expr, ...]) -> Expr:
    match expr:
        case Negate():
            return negate(parts[0])
        case Power(exponent=exponent):
            return with_operands(expr, (*parts, exponent))
    return with_operands(expr, parts)

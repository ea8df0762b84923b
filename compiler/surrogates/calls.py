"""Surrogates of calls: of functions of means, of reductions, of functions of what is flat."""

from cspec.compiler.expressions.rewrite import call, function_name
from cspec.compiler.passes.canonical import negate
from cspec.compiler.surrogates.arithmetic import complement, less, plus, times
from cspec.compiler.surrogates.atoms import is_mean, is_prediction, predictions, reduces, share
from cspec.compiler.surrogates.base import SoftenerBase
from cspec.compiler.surrogates.random_means import over_atoms, over_classes
from cspec.compiler.surrogates.statistics import statistic
from cspec.dsl.tree.nodes import Call, Expr, Product

LINEAR = frozenset({"sum", "mean", "cumsum"})
"""Reductions that are linear in what they reduce."""
_RISING = frozenset({"max", "min", "sum", "mean", "cumsum", "relu", "clip", "every_sum"})
"""Functions that do not fall where their arguments rise, beside those whose signature says so."""


def call_mean(s: SoftenerBase, expr: Call, sign: int) -> Expr:
    """A call with a gradient, where something flat in it moves."""
    word = function_name(expr)
    if word is None:
        return s.remarks.refuse(expr, "no surrogate is known for this form")
    if is_mean(expr):
        return statistic(s, expr, sign)
    if word in ("differences", "ratio_differences", "gap", "ratio"):
        return _of_groups(s, expr, word, sign)
    if is_prediction(expr):
        return over_classes(s, expr, sign)
    if word in ("all", "any") and len(expr.arguments) == 1:
        # All entries hold as far as the one that holds least, any as far as the one that holds
        # most: a product over many entries would have no gradient left.
        if predictions(expr, s.moving):
            return over_classes(s, expr, sign)
        return call("min" if word == "all" else "max", s.mean(expr.arguments[0], sign))
    if word == "abs" and s.word.one_sided and sign != 0 and not s.open_flat(expr):
        inner = expr.arguments[0]  # |v| is the larger of v and -v, each from its own side
        return call("max", s.mean(inner, sign), negate(s.mean(inner, -sign)))
    if word == "where" and len(expr.arguments) == 3:
        return _choice(s, expr, sign)
    if any(s.open_flat(argument) for argument in expr.arguments):
        return _of_atoms(s, expr, word, sign)
    found = expr.model_copy(update={"arguments": _arguments(s, expr, word, sign)})
    if s.is_flat(expr):
        why = "constant almost everywhere, or cut off from what it is given"
        return s.remarks.refuse(expr, why)
    return found


def _arguments(s: SoftenerBase, expr: Call, word: str, sign: int) -> tuple[Expr, ...]:
    """The arguments, each with the side that the function gives it."""
    signature = s.setting.inference.known.signature(word)
    monotone = () if signature is None else signature.monotone
    sides = [1] * len(expr.arguments) if word in _RISING else [*monotone]
    sides += [0] * (len(expr.arguments) - len(sides))
    pairs = zip(expr.arguments, sides, strict=False)
    return tuple(s.mean(argument, sign * side) for argument, side in pairs)


def _of_atoms(s: SoftenerBase, expr: Call, word: str, sign: int) -> Expr:
    """A function of events and predictions: the mean over them."""
    signature = s.setting.inference.known.signature(word)
    family = None if signature is None or signature.imported else signature.family
    if reduces(expr):
        if word not in LINEAR and predictions(expr, s.moving):
            return over_classes(s, expr, sign)
        return expr.model_copy(update={"arguments": _arguments(s, expr, word, sign)})
    if family in ("elementary", "reduction"):
        return over_atoms(s, expr, sign)
    if (lost := s.out_of_reach(expr)) is not None:
        return s.remarks.refuse(lost, "cut off from the parameters, or constant almost everywhere")
    models = [function_name(p.arguments[0]) or "f" for p in predictions(expr, s.moving)]
    helps = [f"for labels that stay as they are: `model ref = frozen({m})`" for m in models[:1]]
    label = f"a prediction or event inside `{word}`, which is no function of one number"
    return s.remarks.refuse(expr, label, tuple(helps))


def _choice(s: SoftenerBase, expr: Call, sign: int) -> Expr:
    """where(c, a, b) = c a + (1 - c) b."""
    event, first, other = expr.arguments
    if share(event, first, s.moving) or share(event, other, s.moving):
        return over_classes(s, expr, sign)
    first, other = s.mean(first, sign), s.mean(other, sign)
    if not s.flat(event):
        return expr.model_copy(update={"arguments": (event, first, other)})
    chance = s.mean(event, sign * s.side(less(first, other)))
    return plus(times(chance, first), times(complement(chance), other))


def _of_groups(s: SoftenerBase, expr: Call, word: str, sign: int) -> Expr:
    """Differences and ratios of groups: each group is the upper side of one, the lower of another.

    v_i - v_j and max - min: i (max) from above, j (min) from below.
    """
    vector, *rest = expr.arguments
    if not s.word.one_sided or sign == 0:
        return expr.model_copy(update={"arguments": (s.mean(vector, 0), *rest)})
    above, below = s.mean(vector, sign), s.mean(vector, -sign)
    match word:
        case "differences":
            return expr.model_copy(update={"arguments": (above, below)})
        case "ratio_differences":
            return expr.model_copy(update={"arguments": (below, *rest, above)})
        case "gap":
            return less(call("max", above), call("min", below))
        case _:
            ends = (call("min", above), call("max", below))
            return Product(operands=ends, operators=("/",), span=expr.span)

"""Which expressions a certificate can be given of, by their form alone.

What is certified is made of means of examples: fractions `P[..]`, and `E[..]` of what has a known
range, combined by arithmetic, `abs`, `max`, `min`, `gap`, `ratio`, `exp`, `log`, `sqrt`. Their
confidence intervals follow from those of the means.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from cspec.dsl.names.symbols import is_pairs
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.rebuild import calls_of, function_name
from cspec.dsl.values.intervals import Ranges

COMBINED = frozenset({"abs", "max", "min", "exp", "log", "sqrt"})
BY_GROUP = frozenset({"gap", "ratio", "max", "min"})
"""Functions of one number a group."""
_TAILS = frozenset({"cvar", "quantile", "median"})


class Objection(NamedTuple):
    """A part that has no confidence interval here, why, and what to write instead."""

    part: nodes.Expr
    why: str
    instead: str


def objections(expr: nodes.Expr, ranges: Ranges) -> Iterator[Objection]:
    """The parts of a side of a relation that can't be certified, in order."""
    if isinstance(expr, nodes.Name) and expr.id in ranges.lets:
        yield from objections(ranges.lets[expr.id], ranges)
        return
    if value_or_none(expr, ranges.values) is not None or not _measured(expr):
        return
    match expr:
        case nodes.Expectation():
            yield from _of_mean(expr, ranges)
        case nodes.Negate(operand=operand):
            yield from objections(operand, ranges)
        case nodes.Sum(operands=operands):
            for operand in operands:
                yield from objections(operand, ranges)
        case nodes.Product(operands=operands, operators=operators) if "@" not in operators:
            for operand in operands:
                yield from objections(operand, ranges)
            yield from _of_divisors(expr, ranges)
        case nodes.Power(base=base, exponent=exponent) if _whole(exponent, ranges):
            yield from objections(base, ranges)
        case nodes.Call(function=nodes.Name(id=word), arguments=(nodes.Vector(items=items),)) if (
            word in BY_GROUP
        ):
            for item in items:
                yield from objections(item, ranges)
        case nodes.Call(function=nodes.Name(id=word), arguments=arguments, keywords=()) if _known(
            word, expr
        ):
            for argument in arguments:
                yield from objections(argument, ranges)
        case nodes.Comprehension(function=word, body=body) if word in BY_GROUP or word == "sum":
            yield from objections(body, ranges)
        case _:
            yield _other(expr)


def _measured(expr: nodes.Expr) -> bool:
    """Whether anything is measured on examples; what is not is a number like another."""
    means = nodes.Expectation | nodes.Comprehension
    return any(isinstance(n, means) or function_name(n) in _TAILS for n in nodes.walk(expr))


def _known(word: str, call: nodes.Call) -> bool:
    if len(call.arguments) == 1 and isinstance(call.arguments[0], nodes.Expectation):
        return word in COMBINED | BY_GROUP
    return word in COMBINED


def _whole(exponent: nodes.Expr, ranges: Ranges) -> bool:
    value = value_or_none(exponent, ranges.values)
    return value is not None and value > 0 and value == math.floor(value)


def _of_mean(expr: nodes.Expectation, ranges: Ranges) -> Iterator[Objection]:
    if expr.binders or any(map(_over_noise, nodes.walk(expr.body))):
        why = "it runs over points beside the examples, which are drawn neither alone nor apart"
        yield Objection(expr, why, "certify a mean over the examples alone")
        return
    if is_pairs(expr.dataset or ""):
        why = "pairs that share an example are not drawn apart"
        yield Objection(expr, why, "certify a mean over the examples alone")
        return
    if expr.kind == "P" or isinstance(expr.body, nodes.EVENTS):
        return
    known = ranges.of(expr.body)
    if not (math.isfinite(known.low) and math.isfinite(known.high)):
        why = "a mean has a confidence interval where its quantity has a known range"
        instead = "give it one, `E[clip(..., 0, 5)]`, or certify decisions: `P[...]`"
        yield Objection(expr, why, instead)


def _over_noise(node: nodes.Node) -> bool:
    """Whether it is a mean over noise, of each example."""
    if not isinstance(node, nodes.Comprehension) or node.function != "mean":
        return False
    return any(any(calls_of(binder.domain, ("normal", "uniform"))) for binder in node.binders)


def _of_divisors(expr: nodes.Product, ranges: Ranges) -> Iterator[Objection]:
    for operator, operand in zip(expr.operators, expr.operands[1:], strict=True):
        known = ranges.of(operand)
        if operator == "/" and known.low < 0:
            why = "the sign of its denominator is not known"
            yield Objection(operand, why, "divide by what is never negative: `P[...]`")


def _other(expr: nodes.Expr) -> Objection:
    match expr:
        case nodes.Call(function=nodes.Name(id=word)) if word in _TAILS:
            bound = "`P[v > t] <= 5%` says the same of one level t"
            return Objection(expr, f"`{word}` is no mean of examples", bound)
        case nodes.Comprehension(function=word):
            return Objection(expr, f"`{word}(... for ...)` is no mean of examples", _MEANS)
    return Objection(expr, "no confidence interval is known of this form", _MEANS)


_MEANS = "certify a fraction `P[...]`, or a mean `E[...]` of what has a range"

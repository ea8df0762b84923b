"""One name for each quantity of a tensor, however it is spelled.

sum(W^2), sum(W*W)                        ->   sumsq(W)
sum(abs(W))                               ->   l1(W)
max(abs(W))                               ->   norm(W, inf)
max(-W), min(-W)                          ->   -min(W), -max(W)
norm(W.T, 2), spectral(W.T)               ->   norm(W, 2), spectral(W)
W*W                                       ->   W^2
sum(sumsq(W) for W in net.weights)        ->   sumsq(net.weights), and so l1
max(norm(W, inf) for W in net.weights)    ->   norm(net.weights, inf)

Only to see what a constraint is: it is evaluated and reported as it was written.
"""

from cspec.compiler.expressions.rewrite import call, function_name, method_name, number, same
from cspec.dsl.tree import nodes

OF_ENTRIES = frozenset({"norm", "l1", "l2", "sumsq", "spectral", "nuclear", "max", "min"})
"""Functions that a transposition does not change."""


def renamed_quantity(expr: nodes.Expr) -> nodes.Expr | None:
    """The expression by its one name; None where it has it already."""
    match expr:
        case nodes.Product(operands=(left, right), operators=("*",)) if same(left, right):
            return nodes.Power(base=left, exponent=number(2), span=expr.span)
        case nodes.Comprehension():
            return _over_weights(expr)
        case nodes.Call(function=nodes.Name(id=name), arguments=(argument, *rest), keywords=()):
            if (
                name in OF_ENTRIES
                and isinstance(argument, nodes.Attribute)
                and argument.name == "T"
            ):
                return expr.model_copy(update={"arguments": (argument.value, *rest)})
            return _of_entries(name, argument) if not rest else None
    return None


def _of_entries(name: str, argument: nodes.Expr) -> nodes.Expr | None:
    if name == "sum" and (squared := _squared(argument)) is not None:
        return call("sumsq", squared)
    match name, argument:
        case "sum", nodes.Call(function=nodes.Name(id="abs"), arguments=(inner,)):
            return call("l1", inner)
        case "max", nodes.Call(function=nodes.Name(id="abs"), arguments=(inner,)):
            return call("norm", inner, nodes.Name(id="inf"))
        case "max" | "min", nodes.Negate(operand=inner):
            other = call("min" if name == "max" else "max", inner)
            return nodes.Negate(operand=other, span=other.span)
    return None


def _squared(expr: nodes.Expr) -> nodes.Expr | None:
    match expr:
        case nodes.Product(operands=(left, right), operators=("*",)) if same(left, right):
            return left
        case (
            nodes.Power(base=base, exponent=nodes.Number(value=2))
            | nodes.Call(function=nodes.Name(id="pow"), arguments=(base, nodes.Number(value=2)))
        ):
            return base
    return None


def _over_weights(expr: nodes.Comprehension) -> nodes.Expr | None:
    """A comprehension over weights as one quantity of all of them."""
    match expr:
        case nodes.Comprehension(binders=(binder,), body=body) if binder.condition is None:
            found = method_name(binder.domain)
            names = binder.names
        case _:
            return None
    body = renamed_quantity(body) or body
    if found is None or found[1] not in ("weights", "params") or len(names) != 1:
        return None
    if not (isinstance(body, nodes.Call) and body.arguments):
        return None
    subject, *rest = body.arguments
    if not (isinstance(subject, nodes.Name) and subject.id == names[0]):
        return None
    word = function_name(body)
    by_sum = word in ("sumsq", "l1") or (word == "norm" and _is_order(rest, 1))
    by_max = word == "norm" and _is_order(rest, "inf")
    if (expr.function == "sum" and by_sum) or (expr.function == "max" and by_max):
        return body.model_copy(update={"arguments": (binder.domain, *rest)})
    return None


def _is_order(rest: list[nodes.Expr], order: float | str) -> bool:
    match rest:
        case [nodes.Number(value=value)]:
            return value == order
        case [nodes.Name(id=name)]:
            return name == order
    return False

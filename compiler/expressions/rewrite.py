"""Walking and rewriting expression trees."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from cspec.dsl.explicit.measured_on import data_of_tail
from cspec.dsl.text.source import NOWHERE, Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.rebuild import function_name as function_name
from cspec.dsl.tree.rebuild import rebuild


def rewrite(expr: nodes.Expr, step: Callable[[nodes.Expr], nodes.Expr]) -> nodes.Expr:
    """`expr` with `step` applied to every sub-expression, innermost first."""

    def visit(node: nodes.Node) -> nodes.Node:
        if isinstance(node, _LEAVES):
            return step(node)
        found = rebuild(node, visit)
        return step(found) if isinstance(found, nodes.Expr) else found

    return changed(expr, visit)


def changed(expr: nodes.Expr, visit: Callable[[nodes.Node], nodes.Node]) -> nodes.Expr:
    """What becomes of an expression by a walk that makes an expression of each."""
    found = visit(expr)
    assert isinstance(found, nodes.Expr)
    return found


_LEAVES = (nodes.Name, nodes.Number)
"""Nodes without others below them, which most of a tree are."""


def map_binder(binder: nodes.Binder, change: Callable[[nodes.Expr], nodes.Expr]) -> nodes.Binder:
    """A quantifier with `change` applied to its set and condition."""
    condition = binder.condition and change(binder.condition)
    return binder.model_copy(update={"domain": change(binder.domain), "condition": condition})


def call(function: str, *arguments: nodes.Expr) -> nodes.Call:
    """`function(arguments)`, at the place of its first argument."""
    span = arguments[0].span if arguments else nodes.Call.model_fields["span"].default
    return nodes.Call(function=nodes.Name(id=function), arguments=arguments, span=span)


def number(value: float) -> nodes.Number:
    """A number that the compiler writes."""
    text = str(int(value)) if is_whole(value) and abs(value) < 1e15 else repr(value)
    return nodes.Number(text=text, value=value)


def signed_number(value: float) -> nodes.Expr:
    """A number that may be negative, as one types it: `-3` is the negation of 3."""
    return nodes.Negate(operand=number(-value)) if value < 0 else number(value)


def sum_of(terms: Sequence[nodes.Expr], span: Span = NOWHERE) -> nodes.Expr:
    """The sum of some terms; one alone as it is."""
    if len(terms) == 1:
        return terms[0]
    return nodes.Sum(operands=tuple(terms), operators=("+",) * (len(terms) - 1), span=span)


def signed_sum(terms: Sequence[tuple[str, nodes.Expr]], span: Span = NOWHERE) -> nodes.Expr:
    """The sum of terms behind their signs; one alone as it is, or its negation."""
    (sign, term), *rest = terms
    first = nodes.Negate(operand=term) if sign == "-" else term
    if not rest:
        return first
    signs, others = zip(*rest, strict=True)
    return nodes.Sum(operands=(first, *others), operators=signs, span=span)


def as_comparisons(event: nodes.Expr) -> nodes.Expr:
    """A membership or a chain as comparisons of two sides; anything else as it is.

    `u in [a, b]` is `a <= u and u <= b`, `u in {a, b}` is `u == a or u == b`.
    """
    match event:
        case nodes.Membership(element=element, set=nodes.Interval(lower=lower, upper=upper)):
            ends = (_compared(lower, "<=", element), _compared(element, "<=", upper))
            return nodes.And(operands=ends, span=event.span)
        case nodes.Membership(element=element, set=nodes.FiniteSet(items=items)):
            equal = tuple(_compared(element, "==", item) for item in items)
            return equal[0] if len(equal) == 1 else nodes.Or(operands=equal, span=event.span)
        case nodes.Compare(operands=operands, operators=operators) if len(operators) > 1:
            pairs = zip(operands, operators, operands[1:], strict=False)
            return nodes.And(operands=tuple(_compared(*pair) for pair in pairs), span=event.span)
    return event


def _compared(left: nodes.Expr, operator: str, right: nodes.Expr) -> nodes.Compare:
    return nodes.Compare(operands=(left, right), operators=(operator,), span=left.span)


def operands_of(node: nodes.Expr) -> tuple[nodes.Expr, ...]:
    """What an operation is of: the arguments of a call, the operands of all others."""
    if isinstance(node, nodes.Call):
        return node.arguments
    return tuple(child for child in node.children() if isinstance(child, nodes.Expr))


def with_operands(node: nodes.Expr, operands: Iterable[nodes.Expr]) -> nodes.Expr:
    """The same operation of other operands."""
    if isinstance(node, nodes.Call):
        return node.model_copy(update={"arguments": tuple(operands)})
    left = iter(operands)
    return rebuild(node, lambda _: next(left))


def product_of(factors: Sequence[tuple[str, nodes.Expr]], like: nodes.Product) -> nodes.Expr:
    """The product of factors, each behind its operator, the first behind `*`; one alone as it is.

    It stands in the place of another product.
    """
    if len(factors) == 1:
        return factors[0][1]
    (_, *operators), operands = zip(*factors, strict=True)
    return like.model_copy(update={"operands": operands, "operators": tuple(operators)})


def signed(whole: nodes.Sum | nodes.Product) -> list[tuple[str, nodes.Expr]]:
    """The operands of a sum or a product, each behind its operator."""
    first = "+" if isinstance(whole, nodes.Sum) else "*"
    return list(zip((first, *whole.operators), whole.operands, strict=True))


def constant_factor(
    product: nodes.Product, params: Values
) -> tuple[float, list[tuple[str, nodes.Expr]]]:
    """The constants of a product as one number, and what else there is, behind its operators.

    The number is nan where one divides by 0.
    """
    factor = 1.0
    kept: list[tuple[str, nodes.Expr]] = []
    for sign, operand in signed(product):
        value = value_or_none(operand, params)
        if value is None:
            kept.append((sign, operand))
        elif sign == "/":
            factor = factor / value if value else math.nan
        else:
            factor *= value
    return factor, kept


def method_name(expr: nodes.Expr) -> tuple[str, str] | None:
    """`(net, weights)` of `net.weights` and of `net.weights(...)`."""
    target = expr.function if isinstance(expr, nodes.Call) else expr
    if isinstance(target, nodes.Attribute) and isinstance(target.value, nodes.Name):
        return target.value.id, target.name
    return None


def same(left: nodes.Expr, right: nodes.Expr) -> bool:
    """Whether two expressions say the same."""
    return nodes.shape(left) == nodes.shape(right)


def last_of_ramp(bound: nodes.Expr) -> nodes.Expr:
    """The bound that decides the verdict: of `ramp(a, b, ...)` it is b."""
    match bound:
        case nodes.Call(function=nodes.Name(id="ramp"), arguments=(_, final, *_)):
            return final
    return bound


def datasets_of(expr: nodes.Node) -> Iterator[str]:
    """The datasets that an expression is measured on, in written order."""
    for node in nodes.walk(expr):
        if dataset := getattr(node, "dataset", None):
            yield str(dataset)
        elif (data := data_of_tail(node)) is not None:
            yield data.id

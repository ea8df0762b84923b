"""Walking and rewriting expression trees."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from cspec.dsl.text.source import NOWHERE, Span
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.nodes import (
    And,
    Attribute,
    Binder,
    Call,
    Compare,
    Expr,
    FiniteSet,
    Interval,
    Membership,
    Name,
    Negate,
    Node,
    Number,
    Or,
    Product,
    Sum,
    shape,
    walk,
)
from cspec.dsl.tree.rebuild import function_name as function_name
from cspec.dsl.tree.rebuild import rebuild


def rewrite(expr: Expr, step: Callable[[Expr], Expr]) -> Expr:
    """`expr` with `step` applied to every sub-expression, innermost first."""

    def visit(node: Node) -> Node:
        if isinstance(node, _LEAVES):
            return step(node)
        found = rebuild(node, visit)
        return step(found) if isinstance(found, Expr) else found

    return changed(expr, visit)


def changed(expr: Expr, visit: Callable[[Node], Node]) -> Expr:
    """What becomes of an expression by a walk that makes an expression of each."""
    found = visit(expr)
    assert isinstance(found, Expr)
    return found


_LEAVES = (Name, Number)
"""Nodes without others below them, which most of a tree are."""


def map_binder(binder: Binder, change: Callable[[Expr], Expr]) -> Binder:
    """A quantifier with `change` applied to its set and condition."""
    condition = binder.condition and change(binder.condition)
    return binder.model_copy(update={"domain": change(binder.domain), "condition": condition})


def call(function: str, *arguments: Expr) -> Call:
    """`function(arguments)`, at the place of its first argument."""
    span = arguments[0].span if arguments else Call.model_fields["span"].default
    return Call(function=Name(id=function), arguments=arguments, span=span)


def number(value: float) -> Number:
    """A number that the compiler writes."""
    text = str(int(value)) if is_whole(value) and abs(value) < 1e15 else repr(value)
    return Number(text=text, value=value)


def signed_number(value: float) -> Expr:
    """A number that may be negative, as one types it: `-3` is the negation of 3."""
    return Negate(operand=number(-value)) if value < 0 else number(value)


def sum_of(terms: Sequence[Expr], span: Span = NOWHERE) -> Expr:
    """The sum of some terms; one alone as it is."""
    if len(terms) == 1:
        return terms[0]
    return Sum(operands=tuple(terms), operators=("+",) * (len(terms) - 1), span=span)


def signed_sum(terms: Sequence[tuple[str, Expr]], span: Span = NOWHERE) -> Expr:
    """The sum of terms behind their signs; one alone as it is, or its negation."""
    (sign, term), *rest = terms
    first = Negate(operand=term) if sign == "-" else term
    if not rest:
        return first
    signs, others = zip(*rest, strict=True)
    return Sum(operands=(first, *others), operators=signs, span=span)


def as_comparisons(event: Expr) -> Expr:
    """A membership or a chain as comparisons of two sides; anything else as it is.

    `u in [a, b]` is `a <= u and u <= b`, `u in {a, b}` is `u == a or u == b`.
    """
    match event:
        case Membership(element=element, set=Interval(lower=lower, upper=upper)):
            ends = (_compared(lower, "<=", element), _compared(element, "<=", upper))
            return And(operands=ends, span=event.span)
        case Membership(element=element, set=FiniteSet(items=items)):
            equal = tuple(_compared(element, "==", item) for item in items)
            return equal[0] if len(equal) == 1 else Or(operands=equal, span=event.span)
        case Compare(operands=operands, operators=operators) if len(operators) > 1:
            pairs = zip(operands, operators, operands[1:], strict=False)
            return And(operands=tuple(_compared(*pair) for pair in pairs), span=event.span)
    return event


def _compared(left: Expr, operator: str, right: Expr) -> Compare:
    return Compare(operands=(left, right), operators=(operator,), span=left.span)


def operands_of(node: Expr) -> tuple[Expr, ...]:
    """What an operation is of: the arguments of a call, the operands of all others."""
    if isinstance(node, Call):
        return node.arguments
    return tuple(child for child in node.children() if isinstance(child, Expr))


def with_operands(node: Expr, operands: Iterable[Expr]) -> Expr:
    """The same operation of other operands."""
    if isinstance(node, Call):
        return node.model_copy(update={"arguments": tuple(operands)})
    left = iter(operands)
    return rebuild(node, lambda _: next(left))


def product_of(factors: Sequence[tuple[str, Expr]], like: Product) -> Expr:
    """The product of factors, each behind its operator, the first behind `*`; one alone as it is.

    It stands in the place of another product.
    """
    if len(factors) == 1:
        return factors[0][1]
    (_, *operators), operands = zip(*factors, strict=True)
    return like.model_copy(update={"operands": operands, "operators": tuple(operators)})


def signed(whole: Sum | Product) -> list[tuple[str, Expr]]:
    """The operands of a sum or a product, each behind its operator."""
    first = "+" if isinstance(whole, Sum) else "*"
    return list(zip((first, *whole.operators), whole.operands, strict=True))


def constant_factor(product: Product, params: Values) -> tuple[float, list[tuple[str, Expr]]]:
    """The constants of a product as one number, and what else there is, behind its operators.

    The number is nan where one divides by 0.
    """
    factor = 1.0
    kept: list[tuple[str, Expr]] = []
    for sign, operand in signed(product):
        value = value_or_none(operand, params)
        if value is None:
            kept.append((sign, operand))
        elif sign == "/":
            factor = factor / value if value else math.nan
        else:
            factor *= value
    return factor, kept


def method_name(expr: Expr) -> tuple[str, str] | None:
    """`(net, weights)` of `net.weights` and of `net.weights(...)`."""
    target = expr.function if isinstance(expr, Call) else expr
    if isinstance(target, Attribute) and isinstance(target.value, Name):
        return target.value.id, target.name
    return None


def same(left: Expr, right: Expr) -> bool:
    """Whether two expressions say the same."""
    return shape(left) == shape(right)


def last_of_ramp(bound: Expr) -> Expr:
    """The bound that decides the verdict: of `ramp(a, b, ...)` it is b."""
    match bound:
        case Call(function=Name(id="ramp"), arguments=(_, final, *_)):
            return final
    return bound


def datasets_of(expr: Node) -> Iterator[str]:
    """The datasets that an expression is measured on, in written order."""
    found = (getattr(node, "dataset", None) for node in walk(expr))
    return (str(dataset) for dataset in found if dataset)

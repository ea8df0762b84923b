"""Walking and rewriting expression trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Name, Node, Number, shape, walk
from cspec.dsl.tree.rebuild import function_name as function_name
from cspec.dsl.tree.rebuild import rebuild


def rewrite(expr: Expr, step: Callable[[Expr], Expr]) -> Expr:
    """`expr` with `step` applied to every sub-expression, innermost first."""

    def visit(node: Node) -> Node:
        if isinstance(node, _LEAVES):
            return step(node)
        changed = rebuild(node, visit)
        return step(changed) if isinstance(changed, Expr) else changed

    changed = visit(expr)
    assert isinstance(changed, Expr)
    return changed


_LEAVES = (Name, Number)
"""Nodes without others below them, which most of a tree are."""


def call(function: str, *arguments: Expr) -> Call:
    """`function(arguments)`, at the place of its first argument."""
    span = arguments[0].span if arguments else Call.model_fields["span"].default
    return Call(function=Name(id=function), arguments=arguments, span=span)


def number(value: float) -> Number:
    """A number that the compiler writes."""
    text = str(int(value)) if is_whole(value) and abs(value) < 1e15 else repr(value)
    return Number(text=text, value=value)


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
        case _:
            return bound


def datasets_of(expr: Node) -> Iterator[str]:
    """The datasets that an expression is measured on, in written order."""
    found = (getattr(node, "dataset", None) for node in walk(expr))
    return (str(dataset) for dataset in found if dataset)

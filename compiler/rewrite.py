"""Walking and rewriting expression trees."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cspec.dsl.nodes import Attribute, Binder, Call, Expr, Name, Node, Number, shape, walk


def rewrite(expr: Expr, step: Callable[[Expr], Expr]) -> Expr:
    """`expr` with `step` applied to every sub-expression, innermost first."""
    rebuilt = _rebuild(expr, step)
    assert isinstance(rebuilt, Expr)
    return step(rebuilt)


def _rebuild(node: Node, step: Callable[[Expr], Expr]) -> Node:
    changes: dict[str, object] = {}
    for name in type(node).model_fields:
        value = getattr(node, name)
        if isinstance(value, Node):
            new = _visit(value, step)
            if new is not value:
                changes[name] = new
        elif isinstance(value, tuple) and any(isinstance(item, Node) for item in value):
            items = tuple(_visit(v, step) if isinstance(v, Node) else v for v in value)
            if any(a is not b for a, b in zip(items, value, strict=True)):
                changes[name] = items
    return node.model_copy(update=changes) if changes else node


def _visit(node: Node, step: Callable[[Expr], Expr]) -> Node:
    return rewrite(node, step) if isinstance(node, Expr) else _rebuild(node, step)


def substitute(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """`expr` with names replaced. A name that a binder inside re-binds is left alone."""
    if not values:
        return expr

    def replace(node: Node, bound: frozenset[str]) -> Node:
        if isinstance(node, Name):
            return values[node.id] if node.id in values and node.id not in bound else node
        inner = bound.union(*(b.names for b in node.children() if isinstance(b, Binder)))
        changes: dict[str, object] = {}
        for name in type(node).model_fields:
            value = getattr(node, name)
            if isinstance(value, Node):
                changes[name] = replace(value, inner)
            elif isinstance(value, tuple) and any(isinstance(item, Node) for item in value):
                changes[name] = tuple(
                    replace(item, inner) if isinstance(item, Node) else item for item in value
                )
        return node.model_copy(update=changes) if changes else node

    replaced = replace(expr, frozenset())
    assert isinstance(replaced, Expr)
    return replaced


def call(function: str, *arguments: Expr) -> Call:
    """`function(arguments)`, at the place of its first argument."""
    span = arguments[0].span if arguments else Call.model_fields["span"].default
    return Call(function=Name(id=function), arguments=arguments, span=span)


def number(value: float) -> Number:
    """A number that the compiler writes."""
    text = str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    return Number(text=text, value=value)


def function_name(expr: Expr) -> str | None:
    """`f` of a call `f(...)`; None for anything else."""
    if isinstance(expr, Call) and isinstance(expr.function, Name):
        return expr.function.id
    return None


def method_name(expr: Expr) -> tuple[str, str] | None:
    """`(net, weights)` of `net.weights` and of `net.weights(...)`."""
    target = expr.function if isinstance(expr, Call) else expr
    if isinstance(target, Attribute) and isinstance(target.value, Name):
        return target.value.id, target.name
    return None


def mentions(expr: Expr, names: frozenset[str]) -> bool:
    """Whether any of `names` occurs in `expr`."""
    return any(isinstance(node, Name) and node.id in names for node in walk(expr))


def same(left: Expr, right: Expr) -> bool:
    """Whether two expressions say the same."""
    return shape(left) == shape(right)

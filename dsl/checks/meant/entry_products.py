"""A product entry by entry that one number bounds, where the sum of the products is meant.

mu * w >= 9%   of weights `w` that sum to 1: each of the products, or `mu @ w`?
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cspec.dsl.explicit.spec import flatten
from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import replacing
from cspec.dsl.text.source import Span
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import (
    Call,
    Compare,
    Comprehension,
    Expr,
    Index,
    Membership,
    Name,
    Negate,
    Param,
    Product,
    Spec,
    Var,
    walk,
)
from cspec.dsl.tree.rebuild import function_name
from cspec.dsl.words.sets import of_shares


def check_entry_products(typer: Typer, spec: Spec) -> None:
    """Warn of `mu * w >= 9%` where `w` shares out a whole, or `mu @ w` stands elsewhere."""
    whole = {*_shared_out(typer, spec)}
    multiplied = {*_multiplied(spec)}
    for binders, constraint in flatten(spec):
        relation = constraint.relation
        if binders or not isinstance(relation, Compare) or len(relation.operands) != 2:
            continue
        for product, bound in (relation.operands, relation.operands[::-1]):
            pair = _pair(typer, product) if value_or_none(bound, typer.values) is not None else None
            if pair is None:
                continue
            one, other = pair
            if {one.id, other.id} & whole or frozenset((one.id, other.id)) in multiplied:
                _report(typer, relation, product, one, other)


def _shared_out(typer: Typer, spec: Spec) -> Iterator[str]:
    """Variables whose entries sum to a number."""
    for _, constraint in flatten(spec):
        match constraint.relation:
            case Membership(element=Name(id=name), set=Name(id=word)) if of_shares(word):
                yield name
            case Compare(operands=(left, right), operators=("==",)):
                for thing, total in ((left, right), (right, left)):
                    if value_or_none(total, typer.values) is not None:
                        yield from _summed(thing)


def _summed(expr: Expr) -> Iterator[str]:
    match expr:
        case Call(arguments=(Name(id=name),)) if function_name(expr) == "sum":
            yield name
        case Comprehension(function="sum", body=Index(value=Name(id=name))):
            yield name


def _multiplied(spec: Spec) -> Iterator[frozenset[str]]:
    """Pairs of names whose products are summed somewhere: `mu @ w`."""
    for item in spec.items:
        for node in walk(item):
            if isinstance(node, Product):
                links = zip(node.operands, node.operators, node.operands[1:], strict=False)
                for first, operator, right in links:
                    left = first.operand if isinstance(first, Negate) else first
                    if operator == "@" and isinstance(left, Name) and isinstance(right, Name):
                        yield frozenset((left.id, right.id))


def _pair(typer: Typer, expr: Expr) -> tuple[Name, Name] | None:
    """The variable and the param of one length that are multiplied, beside numbers alone."""
    if not isinstance(expr, Product) or {*expr.operators} != {"*"}:
        return None
    rest = [o for o in expr.operands if value_or_none(o, typer.values) is None]
    names = [o for o in rest if isinstance(o, Name)]
    if len(rest) != 2 or len(names) != 2 or expr.operands[-2:] != (names[0], names[1]):
        return None
    table: Mapping[str, object] = {n.id: typer.symbols.table.get(n.id) for n in names}
    items = [getattr(table[n.id], "item", None) for n in names]
    shapes = {typer.shapes(n) for n in names}
    kinds = sorted(type(item).__name__ for item in items)
    (shape, *others) = shapes
    if others or shape is None or len(shape) != 1 or shape[0] < 2:
        return None
    return (names[0], names[1]) if kinds == [Param.__name__, Var.__name__] else None


def _report(typer: Typer, relation: Expr, product: Expr, one: Name, other: Name) -> None:
    text = typer.source.text
    place = Span(one.span.end, other.span.start)
    head, tail = text[relation.span.start : place.start], text[place.end : relation.span.end]
    meant = f"{head} @ {tail}"
    first, rest = text[relation.span.start : one.span.start], tail[len(other.id) :]
    typer.report(
        "CS329",
        f"`{typer.slice(product)}` is a product for every entry, and each of them is bounded",
        relation.span,
        "of each entry, or of their sum?",
        notes=(f"one number, the sum of the products, is `{one.id} @ {other.id}`",),
        helps=(
            f"for their sum write `{meant}`",
            f"for every entry by itself write `forall i in range({_size(typer, one)}): "
            f"{first}{one.id}[i]*{other.id}[i]{rest}`",
        ),
        fixes=replacing(relation.span, meant),
        severity="warning",
    )


def _size(typer: Typer, name: Name) -> str:
    shape = typer.shapes(name)
    return f"{shape[0]}" if shape else "n"

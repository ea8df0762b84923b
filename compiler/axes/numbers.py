"""Which outputs of models are numbers that are predicted, and no scores of classes."""

from __future__ import annotations

from collections.abc import Iterator

from cspec.compiler.expressions.rewrite import function_name
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Index, Name, Node, Sum, walk
from cspec.dsl.words.losses import LOSSES, OF_NUMBERS


def numeric_of(tree: Node, symbols: Symbols) -> frozenset[str]:
    """Outputs that are compared with numbers somewhere, and with classes nowhere: `f`, `f[1]`."""
    models = frozenset(symbols.models())
    uses: dict[bool, set[str]] = {True: set(), False: set()}
    for node in walk(tree):
        for output, target in _compared(node):
            if target.id in symbols.column_names:
                numbers = isinstance(node, Sum) or function_name(node) in OF_NUMBERS
                inside = {function_name(inner) for inner in walk(output)}
                classes = not numbers or bool(inside & {"pred", "prob"})
                uses[not classes].update(heads(output, models))
    return frozenset(uses[True] - uses[False])


def heads(node: Node, models: frozenset[str]) -> Iterator[str]:
    """The outputs of models in an expression: `f` for `f(x)`, `f[1]` for `f(x)[1]`, `f[value]`."""
    name = function_name(node)
    if name in models:
        yield name or ""
    elif isinstance(node, Index | Attribute) and function_name(node.value) in models:
        part = node.name if isinstance(node, Attribute) else format_expression(node.indices[0])
        yield f"{function_name(node.value)}[{part}]"
    else:
        for child in node.children():
            yield from heads(child, models)


def _compared(node: Node) -> Iterator[tuple[Expr, Name]]:
    """Outputs beside the column that a loss, or a difference, compares them with."""
    match node:
        case Call(function=Name(id=loss), arguments=(output, Name() as target)) if loss in LOSSES:
            yield output, target
        case Sum(operands=(Name() as target, output)) | Sum(operands=(output, Name() as target)):
            yield output, target

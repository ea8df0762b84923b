"""Whether training can change an expression, and whether one is the prediction of a class."""

from collections.abc import Collection

from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.records.problem import ParameterRef
from cspec.dsl.names.symbols import Role, Symbols
from cspec.dsl.tree.nodes import Call, Name, Node, walk
from cspec.dsl.words.functions import PREDICTIONS


def moves(expr: Node, moving: Collection[str]) -> bool:
    """Whether training can change an expression: a model that trains, a variable is in it."""
    return any(
        (isinstance(node, Name) and node.id in moving)
        or (isinstance(node, ParameterRef) and node.model in moving)
        for node in walk(expr)
    )


_NO_DATA: frozenset[Role | None] = frozenset({"model", "var", "given", "import", "function"})


def of_data_alone(expr: Node, symbols: Symbols) -> bool:
    """Whether an expression is about columns and numbers: no model, variable or function of a
    person's own is in it, which compute in the precision of the run."""
    return not any(
        isinstance(node, ParameterRef)
        or (isinstance(node, Name) and symbols.role(node.id) in _NO_DATA)
        for node in walk(expr)
    )


def is_prediction(expr: Node) -> bool:
    """Whether an expression is `pred(z)` or `argmax(z)`."""
    return (
        isinstance(expr, Call)
        and function_name(expr) in PREDICTIONS
        and len(expr.arguments) == 1
        and not expr.keywords
    )

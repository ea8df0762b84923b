"""Derivatives of what has one value an example: by which columns and features they are taken."""

from collections.abc import Iterable, Iterator

from cspec.dsl.tree.nodes import Call, Expr, Name
from cspec.dsl.tree.rebuild import calls_of, column_of_variable
from cspec.dsl.words.functions import DERIVATIVES


def variables(call: Call) -> tuple[Expr, ...]:
    """What a derivative is taken by, in order: `diff(u, x, x)` has (x, x)."""
    return call.arguments[1:]


def tracked_columns(expressions: Iterable[Expr]) -> frozenset[str]:
    """The columns that some derivative is taken by: they have to be followed from the start."""
    return _columns(_taken_by(expressions))


def followed_features(expressions: Iterable[Expr]) -> frozenset[str]:
    """The columns of which some feature is what a derivative is taken by."""
    return _columns(v for v in _taken_by(expressions) if not isinstance(v, Name))


def _taken_by(expressions: Iterable[Expr]) -> Iterator[Expr]:
    """What the derivatives in some expressions are taken by."""
    for call in (call for expr in expressions for call in calls_of(expr, DERIVATIVES)):
        yield from variables(call)


def _columns(variables: Iterable[Expr]) -> frozenset[str]:
    found = (column_of_variable(variable) for variable in variables)
    return frozenset(name for name in found if name is not None)

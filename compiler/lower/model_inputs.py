"""What a model takes that is never called on columns alone: `u(t, cos(pi*x))`, `f(x[0], x[1])`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cspec.compiler.expressions.rewrite import function_name
from cspec.dsl.check import Checked
from cspec.dsl.settings.points import Points
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Call, Expr, Index, Name, Negate, Number, Power, Product, Sum, walk
from cspec.dsl.words.functions import SIGNATURES


def columns_taken(checked: Checked, model: str) -> tuple[str, ...]:
    """The columns of the first call of a model that is about columns alone."""
    columns = checked.symbols.column_names
    for call in _calls(checked, model):
        names = [a.id for a in call.arguments if isinstance(a, Name) and a.id in columns]
        if names and len(names) == len(call.arguments):
            return tuple(names)
    return ()


def numbers_taken(checked: Checked, model: str) -> int | None:
    """How many numbers the first call gives of which the text says it; None where none does."""
    widths = _axis_widths(checked)
    for call in _calls(checked, model):
        found = [_width(argument, widths) for argument in call.arguments]
        known = [width for width in found if width is not None]
        if known and len(known) == len(found):
            return sum(known)
    return None


def _calls(checked: Checked, model: str) -> list[Call]:
    nodes = walk(checked.elaborated)
    return [n for n in nodes if isinstance(n, Call) and function_name(n) == model]


def _axis_widths(checked: Checked) -> dict[str, int]:
    """The numbers of each axis of the points that a spec draws, and 1 of its params."""
    points, others = dict[str, int](), set[str]()
    for name, columns in checked.symbols.datasets().items():
        settings = checked.sources.get(name)
        if isinstance(settings, Points):
            names = [column.name for column in columns]
            points |= dict(zip(names, settings.widths, strict=False))
        else:
            others |= {column.name for column in columns}
    params = {name: 1 for name, value in checked.params.items() if isinstance(value, int | float)}
    return {name: width for name, width in (params | points).items() if name not in others}


def _width(expr: Expr, known: Mapping[str, int]) -> int | None:
    """The numbers that an expression has an example; None where the text does not say it."""
    if value_or_none(expr, {}) is not None:
        return 1
    match expr:
        case Name(id=name):
            return known.get(name)
        case Index(indices=indices) if all(isinstance(i, Number) for i in indices):
            return 1
        case Negate(operand=operand) | Power(base=operand):
            return _width(operand, known)
        case Sum(operands=parts):
            return _widest(parts, known)
        case Product(operands=parts, operators=operators) if "@" not in operators:
            return _widest(parts, known)
        case Call(arguments=parts):
            signature = SIGNATURES.get(function_name(expr) or "")
            entrywise = signature is not None and signature.family == "elementary"
            return _widest(parts, known) if entrywise else None
    return None


def _widest(parts: Sequence[Expr], known: Mapping[str, int]) -> int | None:
    widths = [_width(part, known) for part in parts]
    found = [width for width in widths if width is not None]
    return max(found) if found and len(found) == len(widths) else None

"""Whether a value can have entries at all: a loss, a class, a chance is one number an example."""

from __future__ import annotations

from collections.abc import Callable

from cspec.compiler.axes.known import Known
from cspec.compiler.expressions.rewrite import function_name, operands_of
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Index, Name, Negate, Power, Product, Sum
from cspec.dsl.words.losses import LOSSES

_ONE = frozenset({*LOSSES, "pred", "prob", "margin"})


def has_entries(
    expr: Expr, known: Known, is_part: Callable[[Expr], bool], columns: bool = False
) -> bool:
    """Whether `sum(expr)` may go over entries of an example, of which a model may have just one.

    Outputs of a model, what it predicts and what came as a row count (`sum((f(x) - y)^2)` of a
    model with one output is its square); a loss, `pred`, `prob` of one logit, a column of single
    numbers (unless `columns` says so) do not: a sum of one of those would be a sum over the
    examples, which it is not. `is_part` tells parts of outputs, `f(x).logits`, from one entry.
    """
    match expr:
        case Name(id=name):
            return columns or _column(name, known)
        case Call():
            word = function_name(expr)
            if word in _ONE or known.symbols.role(word or "") is not None:
                return word not in _ONE
        case Index() | Attribute():
            return is_part(expr)
        case Sum() | Product() | Negate() | Power():
            pass
        case _:
            return True
    return any(has_entries(part, known, is_part, columns) for part in operands_of(expr))


def _column(name: str, known: Known) -> bool:
    if name in known.targets.values():
        return True
    columns = [data.columns[name] for data in known.facts.data.values() if name in data.columns]
    return not columns or any(column.shape == (1,) for column in columns)

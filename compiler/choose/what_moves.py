"""What training or a solver moves: models, decision variables, or nothing but one number."""

from __future__ import annotations

from cspec.compiler.algebra.sympy import Space
from cspec.compiler.algebra.variables import variables_space
from cspec.dsl.check import Checked


def moving(checked: Checked) -> frozenset[str]:
    """Models that train and decision variables: what a constraint can move."""
    symbols = checked.symbols
    models = (name for name in symbols.models() if not symbols.frozen(name))
    return frozenset(models) | frozenset(symbols.vars()) | givens(checked)


def givens(checked: Checked) -> frozenset[str]:
    """Names that a loop of one's own gives a value for at every step."""
    table = checked.symbols.table
    return frozenset(name for name, symbol in table.items() if symbol.role == "given")


def one_number(checked: Checked) -> bool:
    """Whether one number is all that moves: a single `var` without dimensions, and no model."""
    symbols = checked.symbols
    single = [var.dimensions for var in symbols.vars().values()] == [()]
    return single and not symbols.models() and not givens(checked)


def on_whole_data(checked: Checked) -> Space | None:
    """The decision variables of a spec whose data come whole (`batch_size=full`) at every step."""
    symbols = checked.symbols
    if checked.fit.batch_size != "full" or not symbols.datasets() or symbols.models():
        return None
    return None if givens(checked) or not symbols.vars() else variables_space(checked)

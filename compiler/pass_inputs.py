"""What passes are given of a checked spec, with or without facts of what was bound."""

from cspec.compiler.algebra.matrices import matrices, whole_matrices
from cspec.compiler.algebra.sympy import Space
from cspec.compiler.algebra.variables import space_of, variables_space
from cspec.compiler.axes.inference import Inference
from cspec.compiler.axes.known import Known
from cspec.compiler.axes.targets import numeric_of, targets_of
from cspec.compiler.choose.strategy import ChoiceContext
from cspec.compiler.methods.lifting import Asked
from cspec.compiler.passes.expansion.expand import Expansion
from cspec.compiler.passes.logic import Decided
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.program import VariableSetup
from cspec.dsl.check import Checked
from cspec.dsl.settings.methods import Spg, Sqp
from cspec.dsl.settings.points import Points
from cspec.dsl.tree.nodes import Let, Model
from cspec.dsl.tree.rebuild import names


def lets(checked: Checked) -> dict[str, Let]:
    """`let` names with what they leave implicit written out, and params of two dimensions.

    Those params are written out row by row. Of decision variables alone, large matrices are
    constants.
    """
    named = {item.name: item for item in checked.elaborated.items if isinstance(item, Let)}
    if space_of(checked) is not None:
        named = whole_matrices(named, checked.params)
    return named | {name: Let(name=name, value=value) for name, value in matrices(checked).items()}


def decided(checked: Checked, facts: Facts) -> Decided:
    """What decides comparisons of constants, and tells vectors from numbers."""
    shapes = variables_space(checked).shapes
    return Decided(checked.params, shapes, facts, moving=moving(checked))


def expansion(checked: Checked, facts: Facts) -> Expansion:
    """What quantifiers and comprehensions are written out with."""
    targets = targets_of(checked.elaborated, checked.symbols, facts).of
    shapes = variables_space(checked).shapes
    columns = frozenset(checked.symbols.column_names)
    return Expansion(
        facts, checked.params, checked.method, checked.tables, targets, shapes, columns
    )


def inference_of(checked: Checked, facts: Facts, variables: tuple[VariableSetup, ...]) -> Inference:
    """What tells the axes of expressions, with nothing found or asked yet."""
    known = Known(
        symbols=checked.symbols,
        facts=facts,
        params=checked.params,
        shapes={variable.name: variable.shape for variable in variables},
        functions=checked.functions,
        predicts=targets_of(checked.elaborated, checked.symbols, facts),
        numeric=numeric_of(checked.elaborated, checked.symbols),
    )
    return Inference(known)


def context_of(checked: Checked, facts: Facts | None, steps: int | None) -> ChoiceContext:
    """What methods are chosen by; `steps` are those that count at the full learning rate."""
    return ChoiceContext(
        method=checked.method,
        fit=checked.fit,
        facts=facts,
        steps=steps,
        data=bool(checked.symbols.datasets()) or bool(givens(checked)),
        params=checked.params,
        space=space_of(checked, facts) or _if_models_stay(checked, facts),
        line=one_number(checked),
        whole=on_whole_data(checked),
        asked=None if facts is not None and facts.own_loop is not None else asked_of(checked),
    )


def asked_of(checked: Checked) -> Asked:
    """The points of domains, and the models that may be known on faces.

    Models that come from elsewhere stay as they are, and so do those that are copied.
    """
    made = [item for item in checked.elaborated.items if isinstance(item, Model)]
    copied = {name for item in made if item.source for name in names(item.source)}
    columns = checked.symbols.datasets()
    return Asked(
        points={
            name: (tuple(column.name for column in columns[name]), found)
            for name, found in checked.sources.items()
            if isinstance(found, Points)
        },
        models=frozenset(item.name for item in made if item.source) - copied,
        every=frozenset(checked.symbols.models()),
        params=checked.params,
    )


def _if_models_stay(checked: Checked, facts: Facts | None) -> Space | None:
    """The decision variables as long as it is open whether models move, where a solver is asked."""
    symbols = checked.symbols
    asked = [checked.method, *checked.methods.values()]
    open_ = facts is None and symbols.models() and symbols.vars() and not symbols.datasets()
    if not open_ or givens(checked) or not any(isinstance(m, Sqp | Spg) for m in asked):
        return None
    return variables_space(checked)


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

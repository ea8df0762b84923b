"""Derivatives by columns and features as Python: `diff(z, t)`, `feature_slope(z, x, 3, 12.5)`."""

import ast

from cspec.compiler.axes.derivatives import feature_place
from cspec.compiler.emit.expressions.base import Translator
from cspec.compiler.emit.pieces import constant, joined, subscript
from cspec.compiler.expressions.derivatives import variables
from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.expressions.rewrite import function_name
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Index, Name, walk
from cspec.dsl.tree.rebuild import column_of_variable


def derivative(t: Translator, word: str, expr: Call) -> ast.expr:
    """`diff`, `grad` or `laplacian` of what has one value an example.

    Raises:
        SpecError: by what is no column or feature; of a model that normalizes by its batch.
    """
    _by_examples_alone(t, expr)
    value, by = t.translate(expr.arguments[0]), variables(expr)
    if all(isinstance(variable, Name) for variable in by):
        columns = [_column(t, variable) for variable in by]
        key = ("derivative", t.dataset, format_expression(expr))
        return t.local(key, _called(expr), t.call(word, value, *columns))
    if word == "laplacian":
        return joined(ast.Add(), [_again(t, _again(t, value, v), v) for v in by])
    for variable in by:
        value = _again(t, value, variable)
    return value


def _called(expr: Call) -> str:
    """`u_x_x` for `diff(u(t, x), x, x)`."""
    head = function_name(expr.arguments[0])
    word = function_name(expr)
    prefix = {"diff": "", "grad": "grad_", "laplacian": "laplacian_"}[word or "diff"]
    by = "_".join(column_of_variable(v) or "" for v in variables(expr))
    return f"{prefix}{head or 'slope'}_{by}"


def _again(t: Translator, value: ast.expr, variable: Expr) -> ast.expr:
    """One more derivative, by one column or feature."""
    if isinstance(variable, Name):
        return t.call("diff", value, _column(t, variable))
    column = column_of_variable(variable)
    place = feature_place(t.inference, variable, t.dataset)
    assert column is not None and place is not None and t.dataset is not None
    scale = scaling_of(t, variable)
    unit = [] if scale is None or scale[1] == 1 else [constant(scale[1])]
    found = t.call("feature_slope", value, t.column(t.dataset, column), constant(place), *unit)
    wanted = f"by_{feature_name(variable) or place}"
    return t.local(("derivative", t.dataset, ast.dump(found)), wanted, found)


def _column(t: Translator, variable: Expr) -> ast.expr:
    name = column_of_variable(variable)
    if name is None or t.dataset is None or name not in t.scope.columns(t.dataset):
        raise not_compiled(f"a derivative by `{format_expression(variable)}`", variable)
    return t.column(t.dataset, name)


def scaling_of(t: Translator, variable: Expr) -> tuple[float, float] | None:
    """Mean and deviation by which a named feature was standardized; None of a place of `x`."""
    name = feature_name(variable)
    data = t.scope.facts.data.get(t.dataset or "")
    found = () if data is None else data.scaling
    return next(((mean, wide) for known, mean, wide in found if known == name), None)


def feature_name(variable: Expr) -> str | None:
    """The name of a feature: of `x.age`, `x["age"]`."""
    match variable:
        case Attribute(name=name):
            return name
        case Index(indices=(index,)):
            text = getattr(index, "text", getattr(index, "value", None))
            return text if isinstance(text, str) else None
    return None


def followed_feature(t: Translator, expr: Index | Attribute) -> ast.expr | None:
    """A named feature made of the column that is followed, so that derivatives by it see it.

    None where no derivative is by a feature of that column.
    """
    column = column_of_variable(expr)
    if column is None or column not in t.scope.followed or t.dataset is None:
        return None
    place = feature_place(t.inference, expr, t.dataset)
    if place is None:
        return None
    whole = t.column(t.dataset, column)
    value = subscript(whole, ast.Tuple(elts=[ast.Constant(...), constant(place)]))
    scale = scaling_of(t, expr)
    if scale is not None:
        value = ast.BinOp(value, ast.Mult(), constant(scale[1]))
        value = ast.BinOp(value, ast.Add(), constant(scale[0]))
    return t.local(("feature", t.dataset, column, place), f"{column}_{feature_name(expr)}", value)


def _by_examples_alone(t: Translator, expr: Call) -> None:
    """An output that depends on the other examples of its batch has no derivative of its own."""
    for node in walk(expr.arguments[0]):
        name = function_name(node)
        model = t.scope.facts.models.get(name or "")
        if model is not None and model.by_batch:
            raise not_compiled(
                f"a derivative of `{name}`, which normalizes by the statistics of a batch,",
                expr,
                "an output depends on the inputs of every example of its batch then",
            )

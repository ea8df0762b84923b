"""Names of a spec, indices and names behind a value, what a metric knows of the run, as Python."""

import ast

from cspec.compiler.emit.expressions.base import Translator, translates
from cspec.compiler.emit.expressions.calls import weights
from cspec.compiler.emit.expressions.examples import part, place_of_each
from cspec.compiler.emit.expressions.operators import matrix
from cspec.compiler.emit.expressions.vectors import param_vector
from cspec.compiler.emit.pieces import (
    attribute,
    called,
    constant,
    entry,
    mapping,
    method,
    subscript,
)
from cspec.compiler.expressions.not_compiled import form, not_compiled
from cspec.compiler.expressions.rewrite import method_name
from cspec.compiler.records.problem import Initial, Violations
from cspec.dsl.tree.constants import CONSTANTS, TRUTHS
from cspec.dsl.tree.nodes import Attribute, Expr, Index, Name, Slice
from cspec.dsl.values.shapes import declared, shape_of


@translates(Name)
def translate_name(t: Translator, expr: Name) -> ast.expr:
    """The Python of a name; a column hides all else where examples are in reach.

    Raises:
        SpecError: a name that stands for nothing that can be computed.
    """
    name, symbols = expr.id, t.scope.symbols
    if t.dataset is not None and name in t.scope.columns(t.dataset):
        return _column_as_number(t, t.dataset, name)
    if name in t.scope.params:
        constant_ = ast.Name(id=t.scope.params[name])
        return param_vector(t, name, constant_) if name in t.scope.vectors else constant_
    if name == t.scope.auxiliary:
        return t.local(("auxiliary", name), name, entry("primal", name))
    match symbols.role(name):
        case "var":
            return _variable(t, name)
        case "model":
            return t.model(name)
        case "given":
            value = subscript(entry(t.container, "given"), ast.Constant(name))
            return t.local(("given", name), name, value)
        case "import" | "function" if name in t.scope.functions:
            return ast.Name(id=t.scope.functions[name])
    if name in CONSTANTS:
        return constant(CONSTANTS[name])
    if name in TRUTHS:
        return ast.Constant(TRUTHS[name])
    raise not_compiled(form(expr), expr)


def _column_as_number(t: Translator, dataset: str, name: str) -> ast.expr:
    """A column; one that models take as rows of one number is a number in expressions."""
    value = t.column(dataset, name)
    known = t.inference.known.column(dataset, name)
    if known is None and name in t.scope.inputs:
        return t.local(("number", dataset, name), f"{name}_value", t.call("as_whole", value))
    if known is not None and known.shape == (1,):
        index = ast.Tuple(elts=[ast.Slice(), ast.Constant(0)])
        return t.local(("number", ast.dump(value)), f"{name}_value", subscript(value, index))
    return value


def _variable(t: Translator, name: str) -> ast.expr:
    value: ast.expr = t.whole_variable(name)
    if not t.scope.symbols.vars()[name].dimensions:
        value = subscript(value, ast.Constant(0))
    return t.local(("var", name), name, value)


@translates(Attribute)
def translate_attribute(t: Translator, expr: Attribute) -> ast.expr:
    """The Python of `value.name`: weights of a model, a transpose, a part or a feature.

    Raises:
        SpecError: a name that is none of these.
    """
    method = method_name(expr)
    if method is not None and method[0] in t.scope.facts.models:
        return weights(t, method[0], method[1], ("*",))
    if expr.name == "T":
        shape = shape_of(expr.value, declared(t.scope.symbols.table, {}), {})
        if (shape is not None and len(shape) == 1) or t.axes(expr.value).each:
            return t.translate(expr.value)  # A vector is its own transpose.
        return attribute(matrix(t, expr.value), "T")
    found = part(t, expr)
    if found is None:
        raise not_compiled(form(expr), expr)
    return found


@translates(Index)
def translate_index(t: Translator, expr: Index) -> ast.expr:
    """The Python of `value[index]`; of what has an axis of examples only the last axes."""
    found = part(t, expr)
    if found is not None:
        return found
    indices = [_place(t, index) for index in expr.indices]
    if t.axes(expr.value).each is not None:
        every: list[ast.expr] = [ast.Constant(...), *indices]
        return subscript(t.translate(expr.value), ast.Tuple(elts=every))
    index = indices[0] if len(indices) == 1 else ast.Tuple(elts=indices)
    return subscript(t.translate(expr.value), index)


def _place(t: Translator, index: Expr) -> ast.expr:
    """An index, or a slice."""
    if not isinstance(index, Slice):
        return place_of_each(t, index)
    ends = [None if e is None else t.translate(e) for e in (index.lower, index.upper)]
    return ast.Slice(lower=ends[0], upper=ends[1])


@translates(Violations, Initial)
def about_the_run(t: Translator, expr: Violations | Initial) -> ast.expr:
    """Violations by the values and bounds that verdicts are made of; values before training.

    violations(evaluate(primal, data), {"dp": "<="})    data["initial"]["norm(violations, 2)"]
    """
    if isinstance(expr, Initial):
        return subscript(entry(t.container, "initial"), ast.Constant(expr.text))
    data: ast.expr = ast.Name(id=t.container)
    if expr.moved is not None:
        training, other = expr.moved
        data = t.call("instead", data, **{training: ast.Constant(other)})
    evaluate = called("evaluate", ast.Name(id="primal"), data)
    measured = t.local(("evaluate", expr.moved), "measured", evaluate)
    relations = mapping({label: ast.Constant(relation) for label, relation in expr.labels})
    found = t.call("violations", measured, relations)
    return method(found, "max") if expr.largest else found

"""Axes of derivatives: of one number an example, by a column or a feature of the same examples."""

from cspec.compiler.axes.base import AxesBase
from cspec.compiler.axes.parts import place_of
from cspec.compiler.axes.record import UNKNOWN, Axes, Bound, Entry, Whole, what
from cspec.compiler.expressions.derivatives import variables
from cspec.compiler.expressions.text import text
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Index


def derivative_axes(inference: AxesBase, call: Call, word: str, dataset: str | None) -> Axes:
    """One number an example; of `grad(u, x)` one for each feature of `x`."""
    value = inference.number(call.arguments[0], dataset)
    found = [_variable(inference, call, v, word, dataset) for v in variables(call)]
    each = value.each or next((item.each for item in found if item.each), None)
    if value.shape or value.tokens:
        return _several(inference, call, value)._replace(each=each)
    if not all(item.known for item in (value, *found)):
        return UNKNOWN._replace(each=each)
    shape = (found[0].shape or ()) if word == "grad" else ()
    return Axes(each=each, shape=shape, names=found[0].names if shape else ())


def feature_place(inference: AxesBase, variable: Expr, dataset: str | None) -> int | None:
    """The place among the entries of a column that a named or numbered feature has."""
    if not isinstance(variable, Index | Attribute):
        return None
    match place_of(inference, variable, dataset):
        case Bound():
            part = variable if isinstance(variable, Attribute) else variable.indices[0]
            given = (getattr(part, field, None) for field in ("name", "value", "text"))
            name = str(next((text for text in given if text is not None), ""))
            names = inference.axes(variable.value, dataset).names
            return names.index(name) if name in names else None
        case Entry(place=place):
            return place
        case Whole():
            return 0
    return None


def _variable(
    inference: AxesBase, call: Call, variable: Expr, word: str, dataset: str | None
) -> Axes:
    """A column of real numbers, or a feature; for `diff` one number an example."""
    found = inference.axes(variable, dataset)
    if found.each is None or not found.known:
        return found
    if isinstance(variable, Index | Attribute):
        if feature_place(inference, variable, dataset) is None:
            return _no_number(inference, call, variable, "is no number that the model is given")
        return found
    if found.what != "number":
        return _no_number(inference, call, variable, f"is {what(found)}, no real number")
    if word == "diff" and found.shape:
        return inference.findings.add(
            "CS332",
            f"`{text(call)}` is by {what(found)}: by which one?",
            variable,
            what(found),
            notes=("`diff` is a derivative by one number; `grad` has one for each feature",),
            helps=(f"write `grad({text(call.arguments[0])}, {text(variable)})`",),
        )._replace(each=found.each)
    if word == "laplacian" and len(found.shape or ()) > 1:
        return UNKNOWN._replace(each=found.each)
    return found


def _no_number(inference: AxesBase, call: Call, variable: Expr, why: str) -> Axes:
    return inference.findings.add(
        "CS331",
        f"`{text(call)}`: `{text(variable)}` {why}",
        variable,
        "a derivative is by a real number",
        helps=(
            "name a column or a feature of numbers; of classes and text compare the values: "
            "`f(a) - f(b)`",
        ),
    )


def _several(inference: AxesBase, call: Call, value: Axes) -> Axes:
    inner = text(call.arguments[0])
    return inference.findings.add(
        "CS332",
        f"`{text(call)}` is the derivative of {what(value)}: of which one?",
        call.arguments[0],
        what(value),
        notes=("a derivative of several numbers at once would be that of their sum",),
        helps=(f"choose one, `{inner}[0]`, or write `sum({inner})`",),
    )

"""Values of categorical columns become their codes.

sex == "female"          ->   sex == 0
race in {"a", "b"}       ->   race in {0, 2}
pred == "dog"            ->   pred == 1     (a class of the labels)
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cspec.compiler.expressions.rewrite import function_name, number, rewrite
from cspec.compiler.passes.spellings import truth
from cspec.compiler.records.facts import Classes, ColumnFacts, Facts
from cspec.compiler.records.problem import Category, PerExample
from cspec.dsl.explicit.measured_on import TAILS, measured_on
from cspec.dsl.messages.diagnostic import Diagnostic, Fix, SpecError, replacing
from cspec.dsl.messages.wording import closest, some
from cspec.dsl.text.visible import visible_line
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import calls_of, column_of

_SHOWN = 12
"""Values that a message lists at most."""


def codes(expr: nodes.Expr, facts: Facts, targets: Mapping[str, str]) -> nodes.Expr:
    """`expr` with every value that a column or a prediction is compared with as its code.

    `targets` tells which column each model predicts.

    Raises:
        SpecError: values that the column does not have, all of them at once.
    """
    if not facts.data:
        return expr
    found: dict[int, Diagnostic] = {}

    def step(node: nodes.Expr) -> nodes.Expr:
        data = facts.data.get(_measured_on(node))
        return node if data is None else _coded(node, _Columns(data.columns, targets), found)

    changed = rewrite(expr, step)
    if found:
        raise SpecError([found[place] for place in sorted(found)])
    return changed


def _measured_on(node: nodes.Expr) -> str:
    """The dataset of a mean, a fraction, a tail or a value of each example."""
    if isinstance(node, PerExample):
        return node.dataset or ""
    if isinstance(node, nodes.Expectation) or function_name(node) in TAILS:
        return next((name for name, _ in measured_on(node)), "")
    return ""


class _Columns(NamedTuple):
    """The columns of a dataset, and the one that each model predicts."""

    facts: Mapping[str, ColumnFacts]
    targets: Mapping[str, str]

    def of(self, expr: nodes.Expr) -> str | None:
        """The categorical column whose values an expression has: itself, or what is predicted."""
        name = column_of(expr) or self._predicted(expr)
        known = self.facts.get(name or "")
        return name if known is not None and known.classes else None

    def _predicted(self, expr: nodes.Expr) -> str | None:
        if function_name(expr) != "pred":
            return None
        called = (function_name(call) or "" for call in calls_of(expr, self.targets))
        return next((self.targets[name] for name in called), None)


def _coded(node: nodes.Expr, columns: _Columns, found: dict[int, Diagnostic]) -> nodes.Expr:
    def step(inner: nodes.Expr) -> nodes.Expr:
        match inner:
            case nodes.Compare(operands=sides, operators=operators):
                compared, exact = sides, all(operator in ("==", "!=") for operator in operators)
            case nodes.Membership(element=element, set=nodes.FiniteSet(items=sides) as within):
                compared, exact = (element,), True
            case _:
                return inner
        column = next((c for o in compared if (c := columns.of(o))), None)
        if column is None:
            _no_truths((*compared, *sides), columns.facts, found)
            return inner
        coded = tuple(_code(o, column, columns, found, exact) for o in sides)
        if any(function_name(o) == "pred" for o in compared):
            coded = tuple(_numbered(o, columns) for o in coded)
        if isinstance(inner, nodes.Compare):
            return inner.model_copy(update={"operands": coded})
        return inner.model_copy(update={"set": within.model_copy(update={"items": coded})})

    return rewrite(node, step)


def _code(
    expr: nodes.Expr, column: str, columns: _Columns, found: dict[int, Diagnostic], exact: bool
) -> nodes.Expr:
    """One side; numbers must be codes where they are compared with `==` or `!=`."""
    classes = columns.facts[column].classes
    match expr:
        case nodes.Negate(operand=nodes.Number(text=text, value=value), span=span):
            expr = nodes.Number(text=f"-{text}", value=-value, span=span)
    place: int | None = None
    match expr:
        case nodes.String(value=text):
            place = next((i for i, value in enumerate(classes) if str(value) == text), None)
            if place is None:
                found[expr.span.start] = _no_value(expr, f'"{text}"', column, classes)
        case nodes.Name() if (said := truth(expr)) is not None:
            place = truth_place(said, classes)
            if place is None:
                found[expr.span.start] = _no_value(expr, expr.id, column, classes)
        case nodes.Number(value=value) if exact and _are_numbers(classes):
            # By value, as in `pred >= 2` and `E[y]`.
            place = classes.index(value) if value in classes else None
            if place is None:
                found[expr.span.start] = _no_value(expr, f"{value:g}", column, classes)
            elif place == value:
                return expr
        case nodes.Number(value=value) if exact and value not in range(len(classes)):
            found[expr.span.start] = _no_value(expr, f"{value:g}", column, classes)
        case nodes.Number(value=value) if exact and f"{value:g}" in classes:
            if classes.index(f"{value:g}") != value:
                found[expr.span.start] = _two_readings(expr, value, column, classes)
    if place is None:
        return expr
    return Category(column=column, text=str(classes[place]), code=place, span=expr.span)


def _numbered(expr: nodes.Expr, columns: _Columns) -> nodes.Expr:
    """True and false as the classes 1 and 0 that a model predicts."""
    known = columns.facts.get(expr.column) if isinstance(expr, Category) else None
    truths = known is not None and known.classes == (False, True)
    return number(expr.code) if isinstance(expr, Category) and truths else expr


def truth_place(said: bool, classes: Classes) -> int | None:
    """The place of true or false among the values of a column: True, 1, or text that says so."""
    meant = {str(said).lower(), str(int(said))}
    places = [i for i, value in enumerate(classes) if str(value).lower() in meant]
    return places[0] if len(places) == 1 else None


def _no_truths(
    operands: Iterable[nodes.Expr], columns: Mapping[str, ColumnFacts], found: dict[int, Diagnostic]
) -> None:
    """Whole numbers other than 0 and 1 are compared with `true` or `false`."""
    names = [o for o in operands if isinstance(o, nodes.Name)]
    said = next((o for o in names if truth(o) is not None), None)
    for name in (o.id for o in names if o.id in columns):
        levels = columns[name].levels
        if said is not None and set(levels) - {0, 1}:
            found[said.span.start] = _no_value(said, said.id, name, levels)


def _are_numbers(classes: Classes) -> bool:
    """Whether the classes are numbers: -1 and 1, or 1, 2, 3."""
    return not any(isinstance(value, str | bool) for value in classes)


def _two_readings(expr: nodes.Number, value: float, column: str, classes: Classes) -> Diagnostic:
    """A number that is written like a text of the column, and the number of another text."""
    other = classes[int(value)]
    shown = ", ".join(visible_line(str(c)) for c in classes[:_SHOWN])
    return Diagnostic(
        code="CS208",
        message=f"`{value:g}` has two readings: the value {value:g} of `{column}`, or its value "
        f"number {value:g}, which is {other}",
        span=expr.span,
        label="the value, or its number?",
        notes=(f"its values, numbered from 0: {shown}",),
        helps=(f'for the value write `"{value:g}"`', f'for the other one write `"{other}"`'),
        fixes=(
            Fix(span=expr.span, replacement=f'"{value:g}"', title=f"the value {value:g}"),
            Fix(span=expr.span, replacement=f'"{other}"', title=f"the value {other}"),
        ),
    )


def as_typed(value: object) -> str:
    """A value of a column as a spec has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _no_value(expr: nodes.Expr, written: str, column: str, classes: Classes) -> Diagnostic:
    words = [as_typed(value) for value in classes]
    near = closest(written.strip('"'), map(str, classes))
    close = [words[list(map(str, classes)).index(near)]] if near else []
    if isinstance(expr, nodes.Number):  # of numbers the nearest, whatever their digits
        numbers = [value for value in classes if not isinstance(value, str | bool)]
        close = [str(min(numbers, key=lambda v: abs(v - expr.value)))] if numbers else []
    shown = some(list(map(visible_line, words)), _SHOWN)
    return Diagnostic(
        code="CS208",
        message=f"column `{column}` has no value {written}",
        span=expr.span,
        label="no row has it",
        notes=(f"its values, numbered from 0: {shown}",),
        helps=(f"did you mean `{close[0]}`?",) if close else (f"write one of: {shown}",),
        fixes=replacing(expr.span, *close),
    )


def categories(column: str, facts: Facts, binder: nodes.Binder) -> tuple[Category, ...]:
    """The values of a column that makes groups, in code order: over all the data that have it."""
    found: dict[int, str] = {}
    for known in (d.columns[column] for d in facts.data.values() if column in d.columns):
        if not known.held:
            break
        found |= {code: known.called(code) for code in known.held}
    if found:
        return tuple(Category(column=column, text=found[code], code=code) for code in sorted(found))
    raise Diagnostic(
        code="CS526",
        message=f"column `{column}` has no groups: it is not categorical in this data",
        span=binder.domain.span,
        label="needs a categorical column",
        helps=("bin it in the data, or name a column of categories",),
    ).error()

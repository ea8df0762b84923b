"""Questions that elaboration asks: which data, which model."""

import re
from collections.abc import Container, Iterable, Sequence

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, also_at, edit, finding, replacing
from cspec.dsl.messages.wording import listing, quoted
from cspec.dsl.text.source import NOWHERE, Source, Span
from cspec.dsl.tree.nodes import Binder, Constraint, Domain, Expectation, Expr, Name, On
from cspec.dsl.words.losses import LOSSES


def no_data(
    source: Source,
    span: Span,
    expr: Expr | None = None,
    given: Container[str] = (),
    domains: Iterable[Domain] = (),
) -> Diagnostic:
    """A mean in a spec that has no data; of `given` values, which are means already.

    With `domains`, a mean of a field is one over points of the first.
    """
    over = next(iter(domains), None)
    if isinstance(expr, Expectation) and over is not None:
        return _which_points(source, expr, over)
    if isinstance(expr, Expectation) and isinstance(expr.body, Name) and expr.body.id in given:
        name = expr.body.id
        said = f"`{name}` is one number a step, which the loop gives: it has no mean"
        label = "a mean over what?"
        help_ = f"write `{name}`, and hand over the mean: `loss({name}={name}.mean())`"
        return finding("CS306", said, span, label, helps=(help_,), fixes=replacing(span, name))
    said = f"{quoted(source, span)} is a mean over data, and this spec has none"
    bound = "add a line `data train(x, y)` for data bound from outside"
    points = "or say which points: `E[... for t in uniform(0, 1).sample(100)]`"
    return finding("CS306", said, span, "a mean over what?", helps=(bound, points))


def _which_points(source: Source, expr: Expectation, domain: Domain) -> Diagnostic:
    """A mean of a field that does not say over which points of its domain it goes."""
    axes = [axis.name for axis in domain.axes]
    one = len(axes) == 1
    bound = axes[0] if one else f"({', '.join(axes)})"
    line = source.line(source.position(expr.span.start).line)
    fixed = one and line.lstrip().startswith("metric")  # the same points whenever it is recorded
    points = f"{bound} in {domain.name}{'.grid(101)' if fixed else '.sample(200)'}"
    text, end = source.slice(expr.span), Span(expr.span.end - 1, expr.span.end - 1)
    said = f"{quoted(source, expr.span)} does not say at which points of `{domain.name}`"
    label = f"{listing(axes, 'and')} of which points?"
    help_ = f"write `{text[:-1]} for {points}]`"
    fixes = edit(end, f" for {points}", f"over {points}")
    return finding("CS306", said, expr.span, label, helps=(help_,), fixes=fixes)


def which_data(source: Source, span: Span, expr: Expr | None, names: tuple[str, ...]) -> Diagnostic:
    """A mean that could be over several datasets; `expr` is None for the objective."""
    fixes: list[Fix] = []
    for name in names:
        if isinstance(expr, Expectation):
            end = Span(span.end - 1, span.end - 1)
            fixes += edit(end, f" on {name}", f"measure on `{name}`")
        elif expr is None:
            fixes += edit(span, f"E[{source.slice(span)} on {name}]", f"measure on `{name}`")
    said = f"{quoted(source, span)} does not say which data it is measured on"
    label = f"over {listing(names)}?"
    note = "with several datasets, and none called `train`, both are possible"
    helps = tuple(f"write {_named(source, span, expr, name)}" for name in names)
    return finding("CS306", said, span, label, notes=(note,), helps=helps, fixes=fixes)


def two_datasets(source: Source, expr: Expectation, on: str, on_span: Span) -> Diagnostic:
    """An expectation that names one dataset in a constraint that names another."""
    said = f"{quoted(source, expr.span)} names `{expr.dataset}`, the constraint says `on {on}`"
    at = expr.dataset_span if expr.dataset_span != NOWHERE else expr.span
    notes = ("`on` behind a constraint is the same as `on` in each of its expectations",)
    label = f"measured on `{expr.dataset}`"
    told = {"related": also_at(on_span, f"measured on `{on}`"), "notes": notes}
    return finding("CS318", said, at, label, helps=("keep one of the two",), **told)


def mean_of_which(source: Source, expr: Expr) -> Diagnostic:
    """`sqrt(mse)`, `exp(ce)`: functions that people mean of the mean."""
    text = " ".join(source.slice(expr.span).split())
    of_the_mean = text
    for word in LOSSES:
        of_the_mean = re.sub(rf"(?<![\w.\[]){re.escape(word)}(?![\w(])", f"E[{word}]", of_the_mean)
    said = f"{quoted(source, expr.span)} has two readings: its mean, or that of the mean"
    note = "a bare loss is one number an example until it is averaged"
    label = "averaged after, or before?"
    helps = (f"for the mean of it: `E[{text}]`", f"of the mean: `{of_the_mean}`")
    fixes = edit(expr.span, f"E[{text}]", "the mean of it")
    fixes += edit(expr.span, of_the_mean, "of the mean")
    return finding("CS305", said, expr.span, label, notes=(note,), helps=helps, fixes=fixes)


def nothing_measured(on: On, constraint: Constraint) -> Diagnostic:
    """`on D` behind a constraint that measures nothing on data."""
    said = f"`on {on.dataset}` has nothing to act on"
    label = "no mean and no rate in this constraint"
    related = also_at(constraint.relation.span, "does not depend on data")
    fix = Fix(span=on.span, replacement="", title="remove it", safe=True)
    told = {"notes": ("`on` says where `E[...]` and `P[...]` are measured",), "fixes": (fix,)}
    helps = (f"remove `on {on.dataset}`",)
    return finding("CS319", said, on.span, label, related=related, helps=helps, **told)


def which_model(source: Source, name: Name, what: str, models: tuple[str, ...]) -> Diagnostic:
    """A bare loss or prediction in a spec without exactly one model.

    A model whose form stands on the line already is offered last: `pred == pred(big(x))`.
    """
    if not models:
        said = f"`{name.id}` needs a model, and this spec has none"
        help_ = "add a line `model f` for a model bound from outside"
        return finding("CS308", said, name.span, f"{what} of which model?", helps=(help_,))
    line = source.line(source.position(name.span.start).line)
    models = tuple(sorted(models, key=lambda model: f"{name.id}({model}(" in line))
    word, loss = name.id, name.id in LOSSES
    forms = [f"E[{word}({m}(x), y)]" if loss else f"{word}({m}(x))" for m in models]
    said, label = f"`{word}` does not say which model it is about", f"{what} of {listing(models)}?"
    note = f"a bare `{word}` is clear only with exactly one model"
    helps, pairs = tuple(f"write `{form}`" for form in forms), zip(forms, models, strict=True)
    fixes = tuple(fix for form, m in pairs for fix in edit(name.span, form, f"use `{m}`"))
    return finding("CS308", said, name.span, label, notes=(note,), helps=helps, fixes=fixes)


def _named(source: Source, span: Span, expr: Expr | None, name: str) -> str:
    """The text of an expression with its data named."""
    text = " ".join(source.slice(span).split())
    match expr:
        case Expectation():
            return f"`{text[:-1]} on {name}]`"
        case None:
            return f"`E[{text} on {name}]`"
    return f"`{text} on {name}` behind the constraint"


def examples_as_columns(
    source: Source, binder: Binder, columns: Sequence[str]
) -> tuple[Diagnostic, ...]:
    """`f(a.x) > f(b.x) for (a, b) in train`: two columns of one example, taken as two examples."""
    text, names = source.text, [n for n in binder.names if n not in columns]
    start, end = text.rfind("\n", 0, binder.span.start) + 1, text.find("\n", binder.span.end)
    pattern = rf"\b({'|'.join(names)})\.({'|'.join(map(re.escape, columns))})\b"
    part = re.search(pattern, text[start : end if end > 0 else None])
    if not names or not columns or part is None or len(binder.names) > len(columns):
        return ()
    data, column = source.slice(binder.domain.span), columns[binder.names.index(part[1])]
    two = len(binder.names) == 2
    meant = f"({', '.join(binder.names)}) in pairs({data})"
    said = f"`{part[1]}` is the column `{column}` of one example, and has no `{part[2]}`"
    help_ = f"two examples are `{meant}`" if two else f"write `{part[2]}` for `{part[0]}`"
    fixes = replacing(binder.domain.span, f"pairs({data})") if two else ()
    found = finding("CS210", said, binder.span, "names of columns", helps=(help_,), fixes=fixes)
    return (found,)

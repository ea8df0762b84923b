"""What a spec needs from outside and what a run of it gives, which `cspec info` prints; what it
lacks to be run: values of its params, forms that are not compiled yet.

A spec is explained without values of its params, unless one of them says how large something is,
or is a setting.
"""

from collections.abc import Iterator

from pydantic import BaseModel

from cspec.dsl.check import Checked
from cspec.dsl.explicit.spec import flatten
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError, finding
from cspec.dsl.messages.wording import counted
from cspec.dsl.not_compiled import refusals
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import function_name
from cspec.dsl.values.outside import how_to_set


class UnboundName(BaseModel, frozen=True):
    """A name that must be bound, and the lines that need it."""

    name: str
    kind: str
    lines: tuple[int, ...]


class ParamInfo(BaseModel, frozen=True):
    """A param: its value now (None: set from outside), its set as typed, and how to set it."""

    name: str
    value: float | tuple[float, ...] | dict[str, float] | None
    set: str | None
    how: str = ""
    """What to type for one that has no value."""


class ModelInfo(BaseModel, frozen=True):
    """A model: its source as typed (None: bound from outside), its declared arguments."""

    name: str
    source: str | None
    arguments: tuple[str, ...] | None
    frozen: bool
    implied: bool


class DatasetInfo(BaseModel, frozen=True):
    """A dataset: its columns, and its source as typed (None: bound from outside)."""

    name: str
    columns: tuple[str, ...]
    source: str | None
    implied: bool
    standardized: bool = False
    """Whether the model sees numeric inputs standardized; named features are as in the source."""


class ConstraintInfo(BaseModel, frozen=True):
    """A constraint: its label path, its text, whether it is a preference, its `by` as typed."""

    label: str
    text: str
    line: int
    soft: bool
    by: str | None


class Needs(BaseModel, frozen=True):
    """What a spec needs and gives. `gives` are the things a run reports, in words."""

    unbound: tuple[UnboundName, ...]
    params: tuple[ParamInfo, ...]
    models: tuple[ModelInfo, ...]
    datasets: tuple[DatasetInfo, ...]
    domains: tuple[str, ...]
    given: tuple[str, ...]
    variables: tuple[str, ...]
    objective: str
    constraints: tuple[ConstraintInfo, ...]
    metrics: tuple[str, ...]
    verify: tuple[str, ...]
    method: str
    gives: tuple[str, ...]


def needs(checked: Checked) -> Needs:
    """What a checked spec needs from outside, what it holds, and what a run gives."""
    items = checked.elaborated.items
    metrics = tuple(item.name for item in items if isinstance(item, nodes.Metric))
    constraints = _constraints(checked)
    objectives = (
        _text(checked, i.span) for i in checked.spec.items if isinstance(i, nodes.Objective)
    )
    return Needs(
        unbound=_unbound(checked),
        params=_params(checked),
        models=_models(checked),
        datasets=_datasets(checked),
        domains=tuple(
            _text(checked, item.span) for item in items if isinstance(item, nodes.Domain)
        ),
        given=tuple(n.alias for i in items if isinstance(i, nodes.Given) for n in i.names),
        variables=tuple(checked.symbols.vars()),
        objective=next(objectives, ""),
        constraints=constraints,
        metrics=metrics,
        verify=tuple(_text(checked, item.span) for item in items if isinstance(item, nodes.Verify)),
        method=checked.method.word,
        gives=_gives(checked, constraints, metrics),
    )


def _text(checked: Checked, span: Span) -> str:
    return " ".join(checked.source.slice(span).split())


def _source(checked: Checked, source: nodes.Expr | None) -> str | None:
    return None if source is None else _text(checked, source.span)


def _line(checked: Checked, span: Span) -> int:
    return checked.source.position(span.start).line


def _unbound(checked: Checked) -> tuple[UnboundName, ...]:
    found = []
    for name in checked.symbols.unbound():
        implied = name.role in ("model", "data")  # by the bare losses
        places = name.needed or [note.span for note in checked.notes if implied]
        lines = sorted({_line(checked, span) for span in places})
        found.append(UnboundName(name=name.name, kind=name.role, lines=tuple(lines)))
    return tuple(u for u in found if u.kind != "param" or u.name in checked.unset)


def _params(checked: Checked) -> tuple[ParamInfo, ...]:
    return tuple(
        ParamInfo(
            name=name,
            value=_value(checked, name),
            set=_source(checked, item.domain),
            how=how_to_set(item, checked.symbols) if name in checked.unset else "",
        )
        for name, item in checked.symbols.params().items()
    )


def _value(checked: Checked, name: str) -> float | tuple[float, ...] | dict[str, float] | None:
    table = checked.tables.get(name)
    if table is None:
        return checked.params.get(name)
    return table.values if table.default is None else table.default


def _models(checked: Checked) -> tuple[ModelInfo, ...]:
    symbols = checked.symbols
    return tuple(
        ModelInfo(
            name=name,
            source=_source(checked, item.source),
            arguments=item.arguments,
            frozen=symbols.frozen(name),
            implied="model" in symbols.implied,
        )
        for name, item in symbols.models().items()
    )


def _datasets(checked: Checked) -> tuple[DatasetInfo, ...]:
    symbols = checked.symbols
    found = []
    for name, columns in symbols.datasets().items():
        source = getattr(symbols.table[name].item, "source", None)
        found.append(
            DatasetInfo(
                name=name,
                columns=tuple(
                    c.name if c.name == c.original else f"{c.original} as {c.name}" for c in columns
                ),
                source=_source(checked, source),
                implied="data" in symbols.implied,
                standardized=standardized(checked, name),
            )
        )
    return tuple(found)


def standardized(checked: Checked, dataset: str) -> bool:
    """Whether the source of a dataset standardizes numeric inputs (its setting `scale`)."""
    return getattr(checked.sources.get(dataset), "scale", "none") == "standard"


def _constraints(checked: Checked) -> tuple[ConstraintInfo, ...]:
    found = []
    for _, constraint in flatten(checked.elaborated):
        label = constraint.label or ""
        method = checked.methods.get(label)
        found.append(
            ConstraintInfo(
                label=label,
                text=_text(checked, constraint.relation.span),
                line=_line(checked, constraint.span),
                soft=label in checked.soft,
                by=None if method is None else method.word,
            )
        )
    return tuple(found)


def _gives(
    checked: Checked, constraints: tuple[ConstraintInfo, ...], metrics: tuple[str, ...]
) -> tuple[str, ...]:
    hard = sum(not constraint.soft for constraint in constraints)
    gives = []
    if hard:
        gives.append(f"a verdict for {counted(hard, 'requirement')}")
    models = [n for n in checked.symbols.models() if not checked.symbols.frozen(n)]
    if models:
        gives.append(f"trained models: {', '.join(models)}")
    if checked.symbols.vars():
        gives.append(f"values of the variables: {', '.join(checked.symbols.vars())}")
    if checked.method.word == "auto" or type(checked.method).has_multipliers:
        gives.append("multipliers and sensitivities")
    if metrics:
        gives.append(f"metrics: {', '.join(metrics)}")
    return tuple(gives)


_COUNTS = frozenset({"range", "eye"})
_SETTINGS = (
    nodes.By,
    nodes.Data,
    nodes.Domain,
    nodes.Fit,
    nodes.Model,
    nodes.Soft,
    nodes.Stop,
    nodes.Using,
    nodes.Verify,
    nodes.Within,
)


def require_runnable(checked: Checked, *, own_loop: bool = False) -> None:
    """Raise SpecError for params without a value, and for forms that are not compiled yet.

    In a loop of the user's own batches and verdicts are the loop's.
    """
    later = refusals(checked.diagnostics)
    found = [_no_value(checked, name) for name in checked.unset]
    found += [d for d in later if not own_loop or d.code == "CS520"]
    if found:
        raise SpecError(sorted(found, key=lambda d: d.span))


def require_sizes(checked: Checked) -> None:
    """The same for those alone that the form of the problem hangs on: sizes and settings."""
    if checked.unset:
        parts = (node for part in _structure(checked) for node in nodes.walk(part))
        needed = {node.id for node in parts if isinstance(node, nodes.Name)}
        found = [_no_value(checked, name) for name in checked.unset if name in needed]
        if found:
            raise SpecError(found)


def _no_value(checked: Checked, name: str) -> Diagnostic:
    item = checked.symbols.params()[name]
    said = f"param `{name}` has no value"
    label = "set from outside"
    help_ = f"set it: {how_to_set(item, checked.symbols)}"
    return finding("CS220", said, item.name_span, label, helps=(help_,), source=checked.source)


def _structure(checked: Checked) -> Iterator[nodes.Node]:
    """The parts of a spec that say how large things are, or how they are done."""
    for item in checked.elaborated.items:
        if isinstance(item, nodes.Param | nodes.Var):
            yield from item.dimensions
            parts = (item.domain, item.value) if isinstance(item, nodes.Var) else ()
            yield from (part for part in parts if part is not None)
        for node in nodes.walk(item):
            if isinstance(node, _SETTINGS):
                yield node
            elif isinstance(node, nodes.Call):
                word = function_name(node)
                yield from (node,) if word in _COUNTS else ()
                yield from node.keywords if word == "ramp" else ()

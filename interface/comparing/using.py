"""Another method in place of a spec's `using`: on its tree, with the checks of a spec.

using sal(penalty=0.1)      replaces the line, or is added where there is none
using cayley                is no line of a spec: `by cayley` behind each constraint without `by`

What a method needs beside it stands behind it, separated by `;`: other networks, other training,
never other requirements.

lagrangian; model net = mlp(gates=hard_concrete)     in place of `model net = ...`
augmented_lagrangian; fit(schedule=cosine)           into the spec's `fit`
sal; param rho = 0.1                                 in place of `param rho = ...`
"""

from collections.abc import Mapping
from typing import NamedTuple

from cspec.dsl.format.spec import format_spec
from cspec.dsl.messages.diagnostic import Diagnostic, errors
from cspec.dsl.parsing.parse import parse
from cspec.dsl.settings.methods import MAPS, METHODS
from cspec.dsl.settings.read import read_settings
from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values
from cspec.reading.specs import tree_of

NAME = "<using>"
"""What messages about the text of a method name as their source."""


class Way(NamedTuple):
    """One way to train a spec: a method, and the items that it needs in place of the spec's."""

    method: nodes.Expr
    changes: tuple[nodes.Model | nodes.Param | nodes.Fit, ...] = ()


def read_using(text: str, params: Mapping[str, object]) -> tuple[Way | None, list[Diagnostic]]:
    """The method that a text writes, as behind `using`, and all that is wrong with it.

    Maps (`cayley`) and `construction`, which a spec takes behind one constraint, are read, too.
    """
    first, *others = (part.strip() for part in text.split(";"))
    source = Source(text="\n".join([f"using {first}", *(o for o in others if o)]), name=NAME)
    spec, found = parse(source)
    placed = [d.model_copy(update={"source": d.source or source}) for d in found]
    if errors(placed):
        return None, placed
    match spec.items:
        case (nodes.Using(method=method), *items) if "\n" not in text:
            pass
        case _:
            message = f"`{text}` is no method"
            return None, [Diagnostic(code="CS503", message=message, helps=_HELPS)]
    changes = tuple(
        item for item in items if isinstance(item, nodes.Model | nodes.Param | nodes.Fit)
    )
    if len(changes) != len(items):
        return None, [*placed, _no_change(text)]
    way = Way(method, changes)
    if _for_each(method):
        return way, placed
    values: Values = {k: v for k, v in params.items() if isinstance(v, float | tuple)}
    _, wrong = read_settings(method, METHODS, values, "method", source)
    return way, [*placed, *(d.model_copy(update={"source": source}) for d in wrong)]


_HELPS = ("write one method, as behind `using`: `sal(penalty=0.1)`",)


def _no_change(text: str) -> Diagnostic:
    return Diagnostic(
        code="CS503",
        message=f"`{text}` changes what is compared",
        notes=("all methods of a comparison have the same objective, requirements and data",),
        helps=("behind `;` write `model NAME = ...`, `fit(...)` or `param NAME = ...`",),
    )


def with_using(source: Source, way: Way) -> Source:
    """The text of a spec with this method in force for every constraint that names none.

    The text is the formatter's: comments stay, layout becomes canonical.

    Raises:
        SpecError: a change of a model or param that the spec does not have.
    """
    spec, _ = parse(source)
    method = way.method
    items = _by_each(spec, method) if _for_each(method) else _one_line(spec, method, source)
    for change in way.changes:
        items = _changed(items, change, source)
    replaced = spec.model_copy(update={"items": items})
    return Source(text=format_spec(replaced, source), name=source.name)


def with_fit(source: Source, given: Mapping[str, object] | str) -> Source:
    """The text of a spec with settings of `fit` in place of its own, `{"epochs": 2}` or `epochs=2`.

    Raises:
        SpecError: settings that are no text of a spec.
    """
    text = given if isinstance(given, str) else ", ".join(f"{k}={_value(given[k])}" for k in given)
    read = tree_of(Source(text=f"fit({text})", name="<fit>"))
    spec, wrong = parse(source)
    if errors(wrong):
        return source  # said where the spec is checked
    items = spec.items
    for item in read.items:
        if not isinstance(item, nodes.Fit):
            message = f"`{text}` is more than settings of `fit`"
            raise Diagnostic(code="CS503", message=message, helps=_FIT_HELPS).error()
        items = _changed(items, item, source)
    return Source(
        text=format_spec(spec.model_copy(update={"items": items}), source), name=source.name
    )


_FIT_HELPS = ('write settings alone, separated by `,`: fit="epochs=2, batch_size=64"',)


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _changed(
    items: tuple[nodes.Item, ...], change: nodes.Model | nodes.Param | nodes.Fit, source: Source
) -> tuple[nodes.Item, ...]:
    """The items with one of them as `change` says."""
    for place, item in enumerate(items):
        match item, change:
            case nodes.Fit(keywords=old), nodes.Fit(keywords=new):
                names = {keyword.name for keyword in new}
                merged = (*(k for k in old if k.name not in names), *new)
                fresh: nodes.Item = item.model_copy(update={"keywords": merged})
            case (nodes.Model(name=name), nodes.Model(name=other)) if name == other:
                fresh = item.model_copy(update={"source": change.source})
            case (nodes.Param(name=name), nodes.Param(name=other)) if name == other:
                fresh = item.model_copy(update={"value": change.value})
            case _:
                continue
        return (*items[:place], fresh, *items[place + 1 :])
    end = Span(len(source.text), len(source.text))
    if isinstance(change, nodes.Fit):
        return (*items, change.model_copy(update={"span": end}))
    kind = "model" if isinstance(change, nodes.Model) else "param"
    message = f"the spec has no {kind} `{change.name}` to change"
    helps = (f"add a line `{kind} {change.name}` to the spec",)
    raise Diagnostic(code="CS503", message=message, helps=helps).error()


def _for_each(method: nodes.Expr) -> bool:
    """What stands behind each constraint: these words say how that one constraint is read."""
    return isinstance(method, nodes.Name) and method.id in (*MAPS, "construction")


def _one_line(spec: nodes.Spec, method: nodes.Expr, source: Source) -> tuple[nodes.Item, ...]:
    end = Span(len(source.text), len(source.text))
    if not any(isinstance(item, nodes.Using) for item in spec.items):
        return (*spec.items, nodes.Using(span=end, method=method))
    return tuple(
        item.model_copy(update={"method": method}) if isinstance(item, nodes.Using) else item
        for item in spec.items
    )


def _by_each(spec: nodes.Spec, method: nodes.Expr) -> tuple[nodes.Item, ...]:
    return tuple(
        item.model_copy(update={"constraints": tuple(_by(c, method) for c in item.constraints)})
        if isinstance(item, nodes.SubjectTo)
        else item
        for item in spec.items
        if not isinstance(item, nodes.Using)
    )


def _by(
    constraint: nodes.Constraint | nodes.Group, method: nodes.Expr
) -> nodes.Constraint | nodes.Group:
    if any(isinstance(modifier, nodes.By | nodes.Soft) for modifier in constraint.modifiers):
        return constraint
    if isinstance(constraint, nodes.Group):
        members = tuple(_by(member, method) for member in constraint.constraints)
        return constraint.model_copy(update={"constraints": members})
    modifiers = (nodes.By(method=method), *constraint.modifiers)
    return constraint.model_copy(update={"modifiers": modifiers})

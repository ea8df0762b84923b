"""Another method in place of a spec's `using`: on its tree, with the checks of a spec.

using sal(penalty=0.1)      replaces the line, or is added where there is none
using cayley                is no line of a spec: `by cayley` behind each constraint without `by`
"""

from __future__ import annotations

from collections.abc import Mapping

from cspec.dsl.constants import Values
from cspec.dsl.diagnostics import Diagnostic, errors
from cspec.dsl.format import format_spec
from cspec.dsl.nodes import By, Constraint, Expr, Group, Item, Name, Soft, Spec, SubjectTo, Using
from cspec.dsl.parse import parse
from cspec.dsl.settings.methods import MAPS, METHODS
from cspec.dsl.settings.read import read_settings
from cspec.dsl.source import Source, Span

NAME = "<using>"
"""What messages about the text of a method name as their source."""


def read_using(text: str, params: Mapping[str, object]) -> tuple[Expr | None, list[Diagnostic]]:
    """The method that a text writes, as behind `using`, and all that is wrong with it.

    Maps (`cayley`) and `construction`, which a spec takes behind one constraint, are read, too.
    """
    source = Source(text=f"using {text}", name=NAME)
    spec, found = parse(source)
    placed = [d.model_copy(update={"source": d.source or source}) for d in found]
    if errors(placed):
        return None, placed
    match spec.items:
        case (Using(method=method),):
            pass
        case _:
            message = f"`{text}` is no method"
            return None, [Diagnostic(code="CS503", message=message, helps=_HELPS)]
    if _for_each(method):
        return method, placed
    values: Values = {k: v for k, v in params.items() if isinstance(v, float | tuple)}
    _, wrong = read_settings(method, METHODS, values, "method", source)
    return method, [*placed, *(d.model_copy(update={"source": source}) for d in wrong)]


_HELPS = ("write one method, as behind `using`: `sal(penalty=0.1)`",)


def with_using(source: Source, method: Expr) -> Source:
    """The text of a spec with this method in force for every constraint that names none.

    The text is the formatter's: comments stay, layout becomes canonical.
    """
    spec, _ = parse(source)
    items = _by_each(spec, method) if _for_each(method) else _one_line(spec, method, source)
    replaced = spec.model_copy(update={"items": items})
    return Source(text=format_spec(replaced, source), name=source.name)


def _for_each(method: Expr) -> bool:
    return isinstance(method, Name) and (method.id in MAPS or method.id == "construction")


def _one_line(spec: Spec, method: Expr, source: Source) -> tuple[Item, ...]:
    end = Span(len(source.text), len(source.text))
    if not any(isinstance(item, Using) for item in spec.items):
        return (*spec.items, Using(span=end, method=method))
    return tuple(
        item.model_copy(update={"method": method}) if isinstance(item, Using) else item
        for item in spec.items
    )


def _by_each(spec: Spec, method: Expr) -> tuple[Item, ...]:
    return tuple(
        item.model_copy(update={"constraints": tuple(_by(c, method) for c in item.constraints)})
        if isinstance(item, SubjectTo)
        else item
        for item in spec.items
        if not isinstance(item, Using)
    )


def _by(constraint: Constraint | Group, method: Expr) -> Constraint | Group:
    if any(isinstance(modifier, By | Soft) for modifier in constraint.modifiers):
        return constraint
    if isinstance(constraint, Group):
        members = tuple(_by(member, method) for member in constraint.constraints)
        return constraint.model_copy(update={"constraints": members})
    modifiers = (By(method=method), *constraint.modifiers)
    return constraint.model_copy(update={"modifiers": modifiers})

"""Checks of constraints: their form, their kinds, their modifiers."""

from __future__ import annotations

from bisect import bisect_left

from pydantic import BaseModel

from cspec.dsl.checks.advice import check_lint
from cspec.dsl.checks.contradictions import check_contradictions
from cspec.dsl.checks.forms import check_names, check_relation
from cspec.dsl.checks.items import Settled
from cspec.dsl.checks.meant.totals import check_entry_products, check_totals
from cspec.dsl.checks.methods import check_method, check_solver
from cspec.dsl.checks.metrics import check_metric_words, check_metrics
from cspec.dsl.checks.modifiers import Modifiers, check_modifiers
from cspec.dsl.checks.surrogates import check_gradient, check_stand_in
from cspec.dsl.checks.verify import check_labels, check_verify
from cspec.dsl.kinds.binders import bind
from cspec.dsl.kinds.typer import OUTSIDE, Scope, Typer
from cspec.dsl.settings.methods import SOLVERS, Method, Soft
from cspec.dsl.text.source import Span
from cspec.dsl.tree.nodes import Constraint, Group, Spec, Using, Verify


class SaidByModifiers(BaseModel, frozen=True):
    """What modifiers say, by label path."""

    methods: dict[str, Method] = {}
    soft: dict[str, Soft] = {}
    within: dict[str, float] = {}


def check_constraints(
    typer: Typer, spec: Spec, settled: Settled, refused: tuple[Span, ...] = ()
) -> SaidByModifiers:
    """Check every constraint of an elaborated spec; findings go to the typer.

    `refused` are places of syntax errors: the form of a constraint there is not judged again.
    """
    starts = sorted(span.start for span in refused)
    check_labels(typer, spec)
    methods: dict[str, Method] = {}
    soft: dict[str, Soft] = {}
    within: dict[str, float] = {}
    sound: set[str] = set()
    stack: list[tuple[Constraint | Group, Scope]] = [
        (constraint, OUTSIDE) for constraint in reversed(list(spec.constraints()))
    ]
    using = next((item for item in spec.items if isinstance(item, Using)), None)
    while stack:
        current, scope = stack.pop()
        before = len(typer.found)
        inner = bind(typer, current.binders, scope)
        if isinstance(current, Group):
            stack.extend((member, inner) for member in reversed(current.constraints))
            continue
        label = current.label or ""
        found = check_modifiers(typer, current, inner)
        if found.method is None and found.soft is None:
            _by_using(typer, using, current, settled.method)
        broken = _holds(current.span, starts)
        if broken:
            check_names(typer, current, inner)
        else:
            check_relation(typer, current, inner, found)
            check_stand_in(typer, current, found)
            if not any(f.code == "CS310" for f in typer.found[before:]):
                check_gradient(typer, current)
        _collect(label, found, methods, soft, within)
        if len(typer.found) == before and not broken:
            sound.add(label)
    check_contradictions(typer, spec, frozenset(sound), frozenset(soft))
    check_totals(typer, spec, frozenset(sound), frozenset(soft))
    check_entry_products(typer, spec)
    check_solver(typer, spec, settled.method)
    check_metrics(typer, spec)
    check_metric_words(typer, spec)
    check_verify(typer, [i for i in spec.items if isinstance(i, Verify)], spec, settled)
    check_lint(typer, spec, settled, methods, frozenset(sound))
    return SaidByModifiers(methods=methods, soft=soft, within=within)


def _by_using(typer: Typer, item: Using | None, constraint: Constraint, method: Method) -> None:
    """Report a constraint that the method of `using` can't enforce."""
    if item is not None and method.word not in SOLVERS:
        written = typer.source.slice(item.method.span)
        check_method(typer, constraint, method, written, constraint.relation.span)


def _holds(span: Span, starts: list[int]) -> bool:
    index = bisect_left(starts, span.start)
    return index < len(starts) and starts[index] <= span.end


def _collect(
    label: str,
    found: Modifiers,
    methods: dict[str, Method],
    soft: dict[str, Soft],
    within: dict[str, float],
) -> None:
    if found.method is not None:
        methods[label] = found.method
    if found.soft is not None:
        soft[label] = found.soft
    if found.within is not None:
        within[label] = found.within

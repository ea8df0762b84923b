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
from cspec.dsl.tree.nodes import Constraint, Group, Spec, Using


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
    told: list[tuple[str, Modifiers]] = []
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
        own = found.method is not None or found.soft is not None
        if using is not None and not own and settled.method.word not in SOLVERS:
            written = typer.slice(using.method)
            check_method(typer, current, settled.method, written, current.relation.span)
        broken = _holds(current.span, starts)
        if broken:
            check_names(typer, current, inner)
        else:
            check_relation(typer, current, inner, found)
            check_stand_in(typer, current, found)
            if not any(f.code == "CS310" for f in typer.found[before:]):
                check_gradient(typer, current)
        told.append((label, found))
        if len(typer.found) == before and not broken:
            sound.add(label)
    said = SaidByModifiers(
        methods={label: m.method for label, m in told if m.method is not None},
        soft={label: m.soft for label, m in told if m.soft is not None},
        within={label: m.within for label, m in told if m.within is not None},
    )
    check_contradictions(typer, spec, frozenset(sound), frozenset(said.soft))
    check_totals(typer, spec, frozenset(sound), frozenset(said.soft))
    check_entry_products(typer, spec)
    check_solver(typer, spec, settled.method)
    check_metrics(typer, spec)
    check_metric_words(typer, spec)
    check_verify(typer, spec, settled)
    check_lint(typer, spec, settled, said.methods, frozenset(sound))
    return said


def _holds(span: Span, starts: list[int]) -> bool:
    index = bisect_left(starts, span.start)
    return index < len(starts) and starts[index] <= span.end

"""`relax`: how far each bound must give. Small problems by a solver, others by training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cspec.compiler.relax import (
    COEFFICIENT,
    contradictions,
    for_solver,
    penalized,
    without_contradictions,
)
from cspec.dsl.check import Checked, check
from cspec.dsl.messages.diagnostic import SpecError, errors
from cspec.dsl.runnable import require_runnable
from cspec.dsl.settings.methods import SOLVERS
from cspec.dsl.text.source import Source
from cspec.functions import registered
from cspec.running.plans import plan_of
from cspec.running.prepare import Prepared, prepare, seed_of
from cspec.running.train import check_device, train
from cspec.runtime.run.execute import load_module
from cspec.runtime.session.session import Session
from cspec.runtime.verdict.why.elastic import small_problem
from cspec.runtime.verdict.why.relaxation import Relaxation, relax_small, relax_trained

Progress = Callable[[Mapping[str, Any]], None]


def relaxation(
    source: Source,
    params: Mapping[str, object],
    bindings: Mapping[str, Any],
    *,
    base: Path,
    seed: int | None = None,
    device: str = "cpu",
    on_progress: Progress | None = None,
) -> Relaxation:
    """The least that the bounds of a spec must give.

    Raises:
        SpecError: mistakes other than contradictory bounds; data or models that are missing.
    """
    found = check(source, params, functions=registered())
    checked = without_contradictions(found)
    if errors(checked.diagnostics):
        raise SpecError(checked.diagnostics)
    require_runnable(checked)
    check_device(device)
    solved = _by_solver(checked, bindings, base, seed)
    if solved is None:
        solved = _by_training(checked, bindings, base, seed, device, on_progress)
    return replace(solved, notes=(*contradictions(found), *solved.notes))


def _by_solver(
    checked: Checked, bindings: Mapping[str, Any], base: Path, seed: int | None
) -> Relaxation | None:
    """The elastic problem of decision variables alone; None where there is more, or no solver."""
    for asked in (False, True):
        try:
            prepared = _prepared(for_solver(checked, asked=asked), bindings, base, seed)
        except SpecError:
            if asked:
                return None
            continue
        chosen = seed_of(prepared.plan, seed)
        module = load_module(prepared.program, prepared.bound.functions)
        session = Session(prepared.program, prepared.bound, module, seed=chosen)
        problem = small_problem(session)
        if problem is not None:
            return relax_small(session, problem)
    return None


def _by_training(
    checked: Checked,
    bindings: Mapping[str, Any],
    base: Path,
    seed: int | None,
    device: str,
    on_progress: Progress | None,
) -> Relaxation:
    """Training with a large exact penalty in place of every other functional method.

    A solver that owns the run is asked first whether the spec can be met as it is.
    """
    first = _prepared(checked, bindings, base, seed, device)
    if first.program.method in SOLVERS:
        met = train(first, seed=seed, device=device, on_progress=on_progress, base=base)
        if met.satisfied:
            found = relax_trained(met, {c.label: c for c in first.program.constraints}, COEFFICIENT)
            how = f"{met.method} on the spec as written, {met.steps:,} steps"
            return replace(found, method=how, notes=met.notes)
    elastic = penalized(checked, first.program)
    prepared = _prepared(elastic, bindings, base, seed, device)
    result = train(prepared, seed=seed, device=device, on_progress=on_progress, base=base)
    facts = {c.label: c for c in prepared.program.constraints}
    return relax_trained(result, facts, COEFFICIENT)


def _prepared(
    checked: Checked,
    bindings: Mapping[str, Any],
    base: Path,
    seed: int | None,
    device: str = "cpu",
) -> Prepared:
    return prepare(plan_of(checked), bindings, base=base, seed=seed, device=device)

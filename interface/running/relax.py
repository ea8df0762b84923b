"""`relax`: how far each bound must give. Small problems by a solver, others by training."""

from collections.abc import Callable
from dataclasses import replace

from cspec.compiler.relax import (
    COEFFICIENT,
    contradictions,
    for_solver,
    penalized,
    without_contradictions,
)
from cspec.dsl.check import Checked, check
from cspec.dsl.messages.diagnostic import SpecError, errors
from cspec.dsl.needs import require_runnable
from cspec.dsl.settings.methods import SOLVERS
from cspec.functions import registered
from cspec.running.outside import Asked
from cspec.running.plans import plan_of
from cspec.running.prepare import Prepared, prepare
from cspec.running.train import check_device, train
from cspec.runtime.run.execute import load_module
from cspec.runtime.session.session import Progress, Session
from cspec.runtime.verdict.why.elastic import small_problem
from cspec.runtime.verdict.why.relaxation import Relaxation, relax_small, relax_trained

Prepare = Callable[[Checked], Prepared]


def relaxation(
    asked: Asked,
    *,
    seed: int | None = None,
    device: str = "cpu",
    on_progress: Progress | None = None,
) -> Relaxation:
    """The least that the bounds of a spec must give.

    Raises:
        SpecError: mistakes other than contradictory bounds; data or models that are missing.
    """
    found = check(asked.source, asked.params, functions=registered())
    checked = without_contradictions(found)
    if errors(checked.diagnostics):
        raise SpecError(checked.diagnostics)
    require_runnable(checked)
    check_device(device)

    def prepared(checked: Checked, device: str = device) -> Prepared:
        return prepare(plan_of(checked), asked.bindings, base=asked.base, seed=seed, device=device)

    solved = _by_solver(checked, lambda found: prepared(found, "cpu"))
    if solved is None:
        solved = _by_training(checked, prepared, on_progress)
    return replace(solved, notes=(*contradictions(found), *solved.notes))


def _by_solver(checked: Checked, prepared: Prepare) -> Relaxation | None:
    """The elastic problem of decision variables alone; None where there is more, or no solver."""
    for asked in (False, True):
        try:
            ready = prepared(for_solver(checked, asked=asked))
        except SpecError:
            if asked:
                return None
            continue
        module = load_module(ready.program, ready.bound.functions)
        session = Session(ready.program, ready.bound, module, seed=ready.seed)
        problem = small_problem(session)
        if problem is not None:
            return relax_small(session, problem)
    return None


def _by_training(checked: Checked, prepared: Prepare, on_progress: Progress | None) -> Relaxation:
    """Training with a large exact penalty in place of every other functional method.

    A solver that owns the run is asked first whether the spec can be met as it is.
    """
    first = prepared(checked)
    if first.program.method in SOLVERS:
        met = train(first, on_progress=on_progress)
        if met.satisfied:
            found = relax_trained(met, {c.label: c for c in first.program.constraints}, COEFFICIENT)
            how = f"{met.method} on the spec as written, {met.steps:,} steps"
            return replace(found, method=how, notes=met.notes)
    ready = prepared(penalized(checked, first.program))
    result = train(ready, on_progress=on_progress)
    return relax_trained(result, {c.label: c for c in ready.program.constraints}, COEFFICIENT)

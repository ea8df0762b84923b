"""How long a run is, and whether that is long enough: steps, epochs, gate budgets."""

from math import prod
from typing import NamedTuple

from cspec.compiler.choose.batching import batches_per_epoch
from cspec.compiler.choose.gate_course import gate_rates, slow_gates
from cspec.compiler.expressions.rewrite import datasets_of
from cspec.compiler.records.facts import Facts
from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.settings.fit import AdamOptimizer, Cosine, FitSettings, Linear, SgdOptimizer
from cspec.dsl.settings.points import Pairs
from cspec.dsl.tree.nodes import Objective

DEFAULT_EPOCHS = 30
DEFAULT_STEPS = 5000
STEPS_PER_ROUND = 100
"""Without data an epoch is this many steps."""
OWN_LOOP_STEPS = 1000
"""Steps that a loop of the user's own is taken to have where nobody says how many."""
LATE_STEPS, LEAST_LATE_STEPS = 50, 10
"""Steps that averages over late ones are of: a share of the run, within these."""
OWN_LOOP_EPOCH = 50
"""Optimizer steps that are an epoch of such a loop until it calls `end_epoch()`: an inner solve of
some length between two moves of the multipliers (see `augmented_lagrangian`)."""


class RunLength(NamedTuple):
    """The length of a run."""

    steps: int
    steps_per_epoch: int
    epochs: float


def budget(checked: Checked, facts: Facts) -> tuple[FitSettings, RunLength, tuple[str, ...]]:
    """Fit settings as they will be used, the run's length, and what should be said about them."""
    fit, schedule = checked.fit, length(checked, facts)
    notes: tuple[str, ...] = ()
    if facts.data and facts.own_loop is None and fit.steps is None and fit.epochs is None:
        fit = fit.model_copy(update={"epochs": int(schedule.epochs)})
    fit = _falling(fit, schedule, facts)
    if facts.gated:
        fit, notes = gate_rates(fit, effective(fit, schedule.steps))
    said = tuple(f"{d.message}; {d.helps[0]}" for d in warnings(checked, facts))
    return fit, schedule, notes + said


def warnings(checked: Checked, facts: Facts) -> tuple[Diagnostic, ...]:
    """What is to be said of a run's length and rates before its first step."""
    run = length(checked, facts)
    fit = _falling(checked.fit, run, facts)
    return tuple(slow_gates(checked, facts, effective(fit, run.steps)))


def _falling(fit: FitSettings, run: RunLength, facts: Facts) -> FitSettings:
    """The settings with the schedule that a run on data has where nobody wrote one."""
    falling = settling(fit, run.steps, whole=run.steps_per_epoch == 1, gated=facts.gated)
    if falling is None or not facts.data or facts.own_loop is not None:
        return fit
    return fit.model_copy(update={"schedule": falling})


LEAST_STEPS = 3000
"""Steps of a run whose length nobody gives, at least, where they are cheap ..."""
CHEAP = 1e8
"""... that is up to this many examples x parameters each; as many fewer as they are dearer."""


def _least_steps(facts: Facts, batch: int) -> int:
    parameters = sum(prod(p.shape) for m in facts.models.values() for p in m.parameters)
    return round(LEAST_STEPS * min(1.0, CHEAP / max(1, parameters * batch)))


HOLD = 0.7
"""Share of a run after which the learning rate falls where none is given."""
SETTLES = 200
"""Steps up to which the rate of an optimizer that is given stays as it is."""
FOLLOWS = 10
"""Steps from which a rate that nobody gave follows the path."""


def settling(fit: FitSettings, steps: int, *, whole: bool, gated: bool = False) -> Cosine | None:
    """The schedule of a run on data where nobody wrote one: its rate falls at the end.

    Plain gradient steps on whole data come to rest by themselves; batches, and Adam's steps of the
    same length everywhere, don't: at a constant rate they rattle around every solution. Where no
    optimizer is given, its rate follows the path (but that of gates, which follows the budget).
    """
    known = all(isinstance(o, AdamOptimizer | SgdOptimizer) for o in fit.optimizer)
    rests = whole and all(isinstance(o, SgdOptimizer) for o in fit.optimizer)
    chosen = not fit.given("optimizer") and not gated
    short = steps < FOLLOWS if chosen else steps <= SETTLES
    if fit.given("schedule") or not known or rests or short:
        return None
    return Cosine(hold=HOLD, follow=True) if chosen else Cosine(hold=HOLD)


def length(checked: Checked, facts: Facts) -> RunLength:
    """Steps, steps an epoch, epochs."""
    fit = checked.fit
    if facts.own_loop is not None:
        steps = facts.own_loop.steps or OWN_LOOP_STEPS
        return RunLength(steps, OWN_LOOP_EPOCH, steps / OWN_LOOP_EPOCH)
    rows = _rows(checked, facts)
    if rows is None:
        steps = fit.steps or (fit.epochs or 0) * STEPS_PER_ROUND or DEFAULT_STEPS
        return RunLength(steps, STEPS_PER_ROUND, steps / STEPS_PER_ROUND)
    dataset = _objective_dataset(checked)
    size = batch_size(fit, dataset, rows)
    stream = facts.data[dataset or ""].stream
    join = any(model.by_batch for model in facts.models.values())
    per_epoch = max(batches_per_epoch(rows, size, join), 1)
    if stream is not None and fit.batch_size != "full":
        per_epoch = stream.epoch
    if fit.steps is not None:
        return RunLength(fit.steps, per_epoch, fit.steps / per_epoch)
    epochs = fit.epochs or max(DEFAULT_EPOCHS, -(-_least_steps(facts, size) // per_epoch))
    return RunLength(epochs * per_epoch, per_epoch, epochs)


def _objective_dataset(checked: Checked) -> str | None:
    items = (item for item in checked.elaborated.items if isinstance(item, Objective))
    written = (item.expression for item in items if item.expression is not None)
    dataset = next((name for expr in written for name in datasets_of(expr)), None)
    if dataset is None:
        return checked.symbols.default_dataset
    source = checked.sources.get(dataset)
    return source.data if isinstance(source, Pairs) else dataset


def _rows(checked: Checked, facts: Facts) -> int | None:
    dataset = _objective_dataset(checked)
    if dataset is None or dataset not in facts.data or facts.data[dataset].points:
        return None
    return facts.data[dataset].rows


def batch_size(fit: FitSettings, dataset: str | None, rows: int) -> int:
    """Examples a step of a dataset."""
    size = fit.rows_of_step(dataset)
    return rows if size is None else min(size, rows)


def effective(fit: FitSettings, steps: int) -> float:
    """Steps at the full learning rate that a run of `steps` under its schedule amounts to."""
    match fit.schedule:
        case Cosine(hold=hold, final=final):
            share = hold + (1 - hold) * (1 + final) / 2
        case Linear(final=final):
            share = (1 + final) / 2
        case _:
            share = 1.0
    return max(steps * share, 1.0)

"""`cspec.bind`: the constraints of a spec for a training loop of your own."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from cspec.compiler.model_outputs import outputs
from cspec.compiler.plan import Plan
from cspec.compiler.records.facts import ColumnFacts, DataFacts, Facts, OwnLoop
from cspec.compiler.records.program import Program, SourceCall
from cspec.compiler.refusals.data_fits import check_labels
from cspec.compiler.refusals.loop_groups import Groups, check_groups, holds, with_groups
from cspec.compiler.specialize import specialize
from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.text.visible import visible_line
from cspec.reading.specs import placed
from cspec.running.outside import Asked
from cspec.running.plans import plan_of
from cspec.running.prepare import crosses, inputs_of, seed_of
from cspec.runtime.bind.bind import Bound, bind, facts
from cspec.runtime.bind.data import data_facts
from cspec.runtime.bind.outputs import complete, with_operations
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.reading import Reading
from cspec.runtime.own_loop.batch import Classes
from cspec.runtime.own_loop.handle import Handle

LOG = logging.getLogger("cspec")


def attach(
    asked: Asked, *, optimizer: torch.optim.Optimizer, hook: bool, steps: int | None, groups: Groups
) -> Handle:
    """The handle of a spec on an optimizer. Models come from outside, batches through `loss`.

    Data that are bound here (or have a source in the spec) only tell the compiler what the spec
    refers to: classes, groups, counts. What the spec says in vain is in the handle's `notes`,
    and logged once as a warning of the logger `cspec`.

    Raises:
        SpecError: what is wrong with the spec or with what is bound; methods that own the step.
    """
    checked = asked.checked(own_loop=True)
    if steps is not None and steps < 1:
        message = f"steps={steps} is no number of optimizer steps"
        raise Diagnostic(code="CS503", message=message, helps=("give 1 or more",)).error()
    # Optimizer, batches and steps are the loop's: the plan is without the spec's `fit`.
    symbolic = plan_of(checked.model_copy(update={"fit": FitSettings()}))
    bound = _bound(symbolic, asked.base, asked.bindings)
    with placed(checked.source):
        known = _in_a_loop(facts(bound, crosses=crosses(checked)), checked, groups, steps)
        try:
            program, known = _program(symbolic, bound, known)
        except SpecError as error:
            if bound.data:
                raise
            raise SpecError([_with_data(found) for found in error.diagnostics]) from None
    handle = Handle(
        program,
        {**bound.models, **bound.variables},
        optimizer,
        hook=hook,
        functions=bound.functions,
        decide=lambda batch: _for_batch(symbolic, bound, known, batch),
        data=bound.data,
        classes=_classes(known, bound),
        holds=holds(known, checked),
        steps=steps,
    )
    for note in handle.notes:
        LOG.warning("%s", visible_line(f"{program.name}: {note}"))
    return handle


def _program(symbolic: Plan, bound: Bound, known: Facts) -> tuple[Program, Facts]:
    """The program, and the facts with the outputs of the models."""
    known = with_operations(symbolic, bound, complete(symbolic, bound, known))
    return specialize(symbolic, known), known


def _with_data(found: Diagnostic) -> Diagnostic:
    """What a program needs that only a model that is called can tell: fields of its outputs."""
    if found.code != "CS520":
        return found
    note = "without data the model is not called, and nothing is known of what it gives"
    help_ = "give the training data, or a batch of it, to `bind`: `train=(x, y)`"
    return found.model_copy(update={"notes": (*found.notes, note), "helps": (help_, *found.helps)})


def _for_batch(symbolic: Plan, bound: Bound, known: Facts, batch: Mapping[str, Dataset]) -> Program:
    """The program for the shapes of a batch; classes and groups are none of its business.

    Columns of 0 and 1 may be numbers, or events: which, tells the spec that takes them.
    """
    told = {name: data_facts(data) for name, data in batch.items()}
    bound = replace(bound, data=dict(batch))
    try:
        return _for_facts(symbolic, bound, known, _shapes(told, events=False))
    except SpecError as refused:
        with suppress(SpecError):
            return _for_facts(symbolic, bound, known, _shapes(told, events=True))
        raise refused


def _for_facts(
    symbolic: Plan, bound: Bound, known: Facts, shapes: Mapping[str, DataFacts]
) -> Program:
    told = known.model_copy(update={"data": {**shapes, **known.data}, "outputs": {}})
    with placed(symbolic.checked.source):
        return _program(symbolic, bound, told)[0]


def _shapes(told: Mapping[str, DataFacts], events: bool) -> dict[str, DataFacts]:
    return {
        name: data.model_copy(
            update={"columns": {n: _shape_alone(c, events) for n, c in data.columns.items()}}
        )
        for name, data in told.items()
    }


def _shape_alone(column: ColumnFacts, events: bool) -> ColumnFacts:
    if events and column.levels and set(column.levels) <= {0, 1}:
        return ColumnFacts(
            kind="categorical", shape=column.shape, classes=(False, True), counts=(1, 1)
        )
    kind = "real" if column.kind == "real" else "integer"
    return ColumnFacts(kind=kind, shape=column.shape)


def _bound(symbolic: Plan, base: Path, bindings: Mapping[str, Any]) -> Bound:
    inputs = inputs_of(symbolic, base)
    known = tuple(
        setup
        for setup in inputs.data
        if setup.source.name or any(name in bindings for name, _ in setup.targets)
    )
    # The optimizer belongs to the caller, so the models it trains must come from there, too.
    models = tuple(
        m if m.frozen_of else m.model_copy(update={"source": SourceCall()}) for m in inputs.models
    )
    inputs = replace(inputs, data=known, models=models, reading=Reading(classes_only=True))
    return bind(
        inputs, bindings, seed=seed_of(symbolic, None), outputs=lambda data: outputs(symbolic, data)
    )


def _in_a_loop(known: Facts, checked: Checked, groups: Groups, steps: int | None) -> Facts:
    """The facts with the groups that the caller names.

    Raises:
        SpecError: groups that nobody names, or that there are not.
    """
    named = with_groups(known, checked, groups, crosses(checked))
    found = check_groups(named, checked, groups)
    if found:
        raise SpecError(found)
    check_labels(checked.elaborated, named.data)
    return named.model_copy(update={"own_loop": OwnLoop(steps=steps)})


def _classes(known: Facts, bound: Bound) -> dict[str, Classes]:
    """Values of categorical columns by dataset, in the order of their codes."""
    named = {
        name: {c: column.classes for c, column in data.columns.items() if column.classes}
        for name, data in known.data.items()
    }
    return {**named, **{name: dict(data.classes) for name, data in bound.data.items()}}

"""`cspec.bind`: the constraints of a spec for a training loop of your own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from cspec.api import SpecLike, read_spec, split_names
from cspec.compiler.plan import Plan, outputs, specialize
from cspec.compiler.program import ModelSetup, SourceCall
from cspec.dsl.runnable import require_runnable
from cspec.pipeline import inputs_of, known_facts, seed_of
from cspec.plans import planned
from cspec.runtime.binding import bind
from cspec.runtime.execute import load_module
from cspec.runtime.own_loop import Handle
from cspec.specs import placed


def attach(
    spec: SpecLike | Plan,
    *,
    optimizer: torch.optim.Optimizer,
    hook: bool,
    names: Mapping[str, Any],
) -> Handle:
    """The handle of a spec on an optimizer. Models come from outside, batches through `loss`.

    Data that are bound here (or have a source in the spec) only tell the compiler what the spec
    refers to: classes, groups, counts.

    Raises:
        SpecError: what is wrong with the spec or with what is bound; methods that own the step.
    """
    if isinstance(spec, Plan):
        symbolic, base, bindings = spec, Path(), dict(names)
    else:
        source, base = read_spec(spec)
        params, bindings = split_names(source, names)
        symbolic = planned(source, params)
    require_runnable(symbolic.checked, own_loop=True)
    inputs = inputs_of(symbolic, base)
    known = tuple(
        setup
        for setup in inputs.data
        if setup.source.name or any(name in bindings for name, _ in setup.targets)
    )
    inputs = replace(inputs, data=known, models=tuple(_from_outside(m) for m in inputs.models))
    bound = bind(
        inputs,
        bindings,
        seed=seed_of(symbolic, None),
        outputs=lambda data: outputs(symbolic, data),
    )
    with placed(symbolic.checked.source):
        program = specialize(symbolic, known_facts(symbolic, bound))
    primal = {**bound.models, **bound.variables}
    module = load_module(program, bound.functions)
    return Handle(program, primal, optimizer, hook=hook, module=module)


def _from_outside(setup: ModelSetup) -> ModelSetup:
    """The optimizer belongs to the caller, so the model it trains must come from there, too."""
    return setup if setup.frozen_of else setup.model_copy(update={"source": SourceCall()})

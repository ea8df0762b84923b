"""Models of which no optimizer holds a parameter: they train nowhere, whatever is required."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from torch import nn

from cspec.compiler.records.facts import Facts
from cspec.runtime.session.optimizers import matches


def with_held(facts: Facts, models: Mapping[str, nn.Module], held: Collection[int]) -> Facts:
    """The facts with models marked that train, and have no parameter among `held` (by `id`)."""
    changed = {
        name: facts.models[name].model_copy(update={"held": False})
        for name, model in models.items()
        if (trained := [id(p) for p in model.parameters() if p.requires_grad])
        and not any(parameter in held for parameter in trained)
    }
    return facts.model_copy(update={"models": {**facts.models, **changed}})


def named_by(models: Mapping[str, nn.Module], patterns: Iterable[str | None]) -> set[int]:
    """Parameters that `fit(optimizer=...)` trains: those of any `params="glob"`; None is all."""
    wanted = list(patterns)
    return {
        id(parameter)
        for model, module in models.items()
        for name, parameter in module.named_parameters()
        if any(glob is None or matches(f"{model}.{name}", glob) for glob in wanted)
    }

"""Gradients of objective and Lagrangian over all parameters, and the sets they are in."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cspec.compiler.records.program import VariableSetup
from cspec.runtime.measure.requirements import models_in
from cspec.runtime.models.without_trace import evaluating, undisturbed
from cspec.runtime.operators import Box
from cspec.runtime.steps.projection import Held
from cspec.runtime.task import Measure


def norm(parts: Sequence[Tensor]) -> float:
    """The Euclidean length of all parts together, in double precision."""
    return math.sqrt(sum(float(part.double().square().sum()) for part in parts))


def slopes(
    measure: Measure,
    primal: Mapping[str, Any],
    parameters: Sequence[Tensor],
    batches: Sequence[Mapping[str, Any]],
    multipliers: Tensor | None,
) -> tuple[list[Tensor], list[Tensor]]:
    """The gradients of f and of L = f + <multipliers, g>, means over batches, in evaluation mode.

    Entries of g that were not measured count nothing.
    """
    objective = [torch.zeros_like(p) for p in parameters]
    lagrangian = [torch.zeros_like(p) for p in parameters]
    with undisturbed(), evaluating(models_in(primal)), torch.enable_grad():
        for batch in batches:
            f, g, _ = measure(primal, batch)
            total = f
            if multipliers is not None and g.numel():
                measured = torch.where(g.isnan(), torch.zeros_like(g), g)
                total = f + (multipliers * measured).sum()
            for sums, value in ((objective, f), (lagrangian, total)):
                for held, part in zip(sums, gradients(value, parameters), strict=True):
                    held += part / len(batches)
    return objective, lagrangian


def sets_of(
    module: Mapping[str, Any],
    primal: Mapping[str, Any],
    held: Iterable[Held],
    named: Mapping[str, nn.Parameter],
    variables: Iterable[VariableSetup],
) -> list[Held]:
    """The sets that the parameters are kept in, those of feasible copies and bounds among them."""
    found = list(held)
    if "splits" in module:
        found += [(split.onto, split.x) for split in module["splits"](primal, {})]
    if not found:
        return []
    for variable in variables:
        low = -math.inf if variable.lower is None else variable.lower
        high = math.inf if variable.upper is None else variable.upper
        if variable.name in named and (low > -math.inf or high < math.inf):
            found.append((Box(low, high), [named[variable.name]]))
    return found


def gradients(value: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    """The gradient by each parameter, 0 by those that a value does not depend on."""
    if not value.requires_grad:
        return [torch.zeros_like(p) for p in parameters]
    found = torch.autograd.grad(value, parameters, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]

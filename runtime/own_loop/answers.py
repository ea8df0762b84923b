"""Requirements on values of the loop that nothing answers to: they came without a gradient."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cspec.compiler.records.program import Program
from cspec.dsl.messages.wording import listing
from cspec.runtime.models.without_trace import evaluating, undisturbed


def unanswered(
    program: Program,
    module: Mapping[str, Any],
    primal: Mapping[str, Any],
    batch: Mapping[str, Any],
    held: Sequence[Tensor],
) -> Iterator[str]:
    """What is told of requirements whose slopes in what trains are 0, where `given` values have no
    gradient: multipliers move there, and no model does."""
    given: Mapping[str, Tensor] = batch["given"]
    numbers = [name for name, value in given.items() if not value.requires_grad]
    if not numbers:
        return
    # Values of their own, so that nothing goes back through what the loop computed.
    own = {n: v.detach().clone().requires_grad_(v.requires_grad) for n, v in given.items()}
    models = [value for value in primal.values() if isinstance(value, nn.Module)]
    with undisturbed(), evaluating(models):
        _, g, _ = module["measure"](primal, {**batch, "given": own})
    moving = [value for value in (*own.values(), *held) if value.requires_grad]
    asked = [c for c in program.constraints if c.segment and not c.soft]
    still = [c.label for c in asked if not _moves(g[slice(*c.segment or ())], moving)]
    if still:
        named = listing(numbers, "and")
        yield (
            f"nothing that trains answers to {listing(still, 'and')}: {named} came without a "
            "gradient; hand over the tensor that was computed, not its number"
        )


def _moves(g: Tensor, values: Sequence[Tensor]) -> bool:
    if not g.requires_grad or not values:
        return False
    weights = torch.arange(1, len(g) + 1, dtype=g.dtype, device=g.device)  # `abs` has two sides
    slopes = torch.autograd.grad(g, values, weights, retain_graph=True, allow_unused=True)
    return any(slope is not None and bool((slope != 0).any()) for slope in slopes)

"""Optimizers whose steps have another metric within a set than its projection, said in words.

A projection is Euclidean: behind steps that scale entries of one block differently it has other
fixed points than the problem (`runtime/steps/coupling`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cspec.runtime.steps.coupling import Cluster, clusters

ENTRYWISE = (
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.Adamax,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.RMSprop,
    torch.optim.Adagrad,
    torch.optim.Adadelta,
)
"""Optimizers of torch that scale each entry by its own moments."""


def several_optimizers(
    found: Sequence[Cluster],
    parts: Sequence[torch.optim.Optimizer],
    named: Mapping[str, nn.Parameter],
) -> list[str]:
    """Parameters that a set couples and that different optimizers train."""
    notes = []
    for cluster in found:
        held = [p for p in parts if any(_holds(p, tensor) for tensor in cluster.tensors)]
        if len(held) > 1:
            notes.append(
                f"{_names(cluster, named)} are in sets together and trained by different "
                "optimizers: their steps differ in scale, and the run may end beside the minimum "
                "within the sets; train them by one"
            )
    return notes


def own_optimizer(
    module: Mapping[str, Any], primal: Mapping[str, Any], optimizer: torch.optim.Optimizer
) -> list[str]:
    """What a loop's own optimizer does with sets that couple entries."""
    if "sets" not in module or not isinstance(optimizer, ENTRYWISE):
        return []
    found = clusters(module["sets"](primal))
    mine = [c for c in found if any(_holds(optimizer, tensor) for tensor in c.tensors)]
    if not mine:
        return []
    models = {name: m for name, m in primal.items() if isinstance(m, nn.Module)}
    named = {f"{name}.{key}": p for name, m in models.items() for key, p in m.named_parameters()}
    word = type(optimizer).__name__
    return [
        f"{', '.join(_names(cluster, named) for cluster in mine)}: {word} scales each entry by "
        "itself, and projections behind its steps may end beside the minimum within sets that "
        "couple entries (`run` has one second moment for what a set couples); SGD does not"
    ]


def _names(cluster: Cluster, named: Mapping[str, nn.Parameter]) -> str:
    names = {id(p): name for name, p in named.items()}
    return ", ".join(f"`{names.get(id(t), 'a variable')}`" for t in cluster.tensors)


def _holds(optimizer: torch.optim.Optimizer, tensor: Tensor) -> bool:
    return any(p is tensor for group in optimizer.param_groups for p in group["params"])

"""Feasible copies of parameters that ADMM splits: what is measured and delivered in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from cspec.runtime.operators import Operator
from cspec.runtime.steps.projection import copies, meet, project_all

State = dict[str, Tensor]
Split = tuple[str, Operator, Sequence[Tensor]]
"""The name of a split, its set, and the parameters that are in it."""


@contextmanager
def in_place_of_x(groups: Sequence[Sequence[Split]], state: State) -> Iterator[None]:
    """The feasible copies in the place of x, for what is measured while they are apart.

    Splits of one group share parameters. Before the split begins the copy is P_S(x).
    """
    kept: list[tuple[Tensor, Tensor]] = []
    for splits in groups:
        if any(f"{name}.delivered" in state for name, _, _ in splits):
            continue
        every = [tensor for _, _, tensors in splits for tensor in tensors]
        kept += [(tensor, tensor.detach().clone()) for tensor in every]
        _put_copies(splits, state)
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, x in reversed(kept):
                tensor.copy_(x)


@torch.no_grad()
def _put_copies(splits: Sequence[Split], state: State) -> None:
    held = [(operator, tensors) for _, operator, tensors in splits]
    starts = copies(held)
    for name, operator, tensors in splits:
        if f"{name}.begun" in state:
            found = [state[f"{name}.z.{index}"] for index in range(len(tensors))]
        else:
            found = project_all(operator, [tensor.detach() for tensor in tensors])
        for tensor, z in zip(tensors, found, strict=True):
            tensor.copy_(z)
    if len(held) > 1:
        meet(held, starts)

"""Fine-tuning on a mask: what a count has pruned stays zero (`projection(freeze=true)`)."""

from collections.abc import Sequence

import torch
from torch import Tensor


@torch.no_grad()
def hold_support(name: str, tensors: Sequence[Tensor], state: dict[str, Tensor]) -> None:
    """Zero again what `freeze_support` found to be zero; before that, nothing."""
    for index, tensor in enumerate(tensors):
        held = state.get(f"{name}.held.{index}")
        if held is not None:
            tensor.mul_(held)


def freeze_support(name: str, tensors: Sequence[Tensor], state: dict[str, Tensor]) -> bool:
    """Keep in mind which entries are nonzero now (1, else 0); false where they are kept already."""
    if f"{name}.held.0" in state:
        return False
    for index, tensor in enumerate(tensors):
        state[f"{name}.held.{index}"] = (tensor.detach() != 0).to(tensor.dtype)
    return True

"""Bringing a model to the precision of a run, and what is said of one that came in another."""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor, nn

COMPLEX = {torch.float32: torch.complex64, torch.float64: torch.complex128}


def complex_parameters(model: nn.Module) -> list[str]:
    """Names of parameters with an imaginary part, which no constraint is written for."""
    return [name for name, p in model.named_parameters() if p.is_complex()]


def cast_(model: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Move a model and its numbers, in place; complex buffers stay complex.

    `nn.Module.to` would drop their imaginary part.
    """
    kept: list[tuple[nn.Module, str, Tensor]] = [
        (module, name, buffer)
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None and buffer.is_complex()
    ]
    for module, name, _ in kept:
        module._buffers[name] = None
    model.to(device, dtype)
    for module, name, buffer in kept:
        module._buffers[name] = buffer.to(device, COMPLEX[dtype])
    return model


def cast_note(name: str, model: nn.Module, dtype: torch.dtype) -> list[str]:
    """What is said of a model that is trained in another precision than it came in."""
    tensors = chain(model.parameters(), model.buffers())
    kinds = {t.dtype for t in tensors}
    came = {kind for kind in kinds if kind.is_floating_point} - {dtype}
    rounded = dtype == torch.float64 and any(kind.is_complex for kind in kinds)
    wide = [f"complex buffers of `{name}` are in complex64 in model.safetensors"] if rounded else []
    if not came:
        return wide
    words = " and ".join(sorted(str(kind).removeprefix("torch.") for kind in came))
    now = str(dtype).removeprefix("torch.")
    note = f"`{name}` came in {words} and is trained in {now}"
    return [f"{note}: fit(precision=float64) keeps it" if torch.float64 in came else note, *wide]

"""Models as they are given: layers without sizes, in another precision, not to be trained."""

from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from cspec.runtime.models.without_trace import evaluating

COMPLEX = {torch.float32: torch.complex64, torch.float64: torch.complex128}


def unsized(model: nn.Module) -> list[str]:
    """Names of parameters and buffers that have no shape yet: of `nn.LazyLinear` and its kin."""
    named = chain(model.named_parameters(), model.named_buffers())
    return [name for name, tensor in named if is_lazy(tensor)]


def size_(model: nn.Module, inputs: Tensor) -> None:
    """Give every lazy layer its sizes, by a forward pass of these inputs in evaluation mode.

    Layers draw their first weights from torch's generator, in the order of the pass.
    """
    parameter = next((p for p in model.parameters() if not is_lazy(p)), None)
    dtype = torch.get_default_dtype() if parameter is None else parameter.dtype
    if inputs.is_floating_point():
        inputs = inputs.to(dtype)
    if parameter is not None:
        inputs = inputs.to(parameter.device)
    with evaluating([model]), torch.no_grad():
        model(inputs.clone())


def stands_still(model: nn.Module) -> bool:
    """Whether it has parameters and none of them is trained: a teacher, a reference."""
    parameters = list(model.parameters())
    return bool(parameters) and not any(p.requires_grad for p in parameters)


def normalizes_by_batch(model: nn.Module) -> bool:
    """Whether a layer of a model that is trained needs the mean and variance of a batch."""
    return not stands_still(model) and any(isinstance(m, _BatchNorm) for m in model.modules())


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

"""Measuring without leaving a trace: generators, modes and memory are as before afterwards."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils.checkpoint import checkpoint

from cspec.runtime.models.remembered import remembered

CHUNK_ROWS = 1024
"""Rows a model sees at once when a whole dataset is measured: what they are worked on with stays in
the cache (1.7 times as fast for convolutions as 4,096) ..."""
CHUNK_ENTRIES = 2**24
"""... fewer where one chunk of the inputs would hold more entries than this."""


def seed_everything(seed: int) -> None:
    """Seed torch (all devices), numpy and Python: initialization, gates and user code."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def states(devices: bool = True) -> tuple[Any, Any, Any, list[Tensor]]:
    """The states of the generators of Python, numpy, torch on the processor and on all devices."""
    held = torch.cuda.get_rng_state_all() if devices and torch.cuda.is_available() else []
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), held


def put_back(found: tuple[Any, Any, Any, Sequence[Tensor]]) -> None:
    """Give these generators their states from before."""
    random.setstate(found[0])
    np.random.set_state(found[1])
    torch.set_rng_state(found[2])
    if found[3]:
        torch.cuda.set_rng_state_all(list(found[3]))


@contextmanager
def undisturbed(devices: bool = True) -> Iterator[None]:
    """Run a block, then put the generators of torch, numpy and Python back."""
    before = states(devices)
    try:
        yield
    finally:
        put_back(before)


@contextmanager
def by_itself() -> Iterator[None]:
    """The same where none of torch's modes reaches that may be on around it: automatic casts (and
    the weights that these have cast before), no gradients, inference.
    """
    with ExitStack() as stack:
        stack.enter_context(undisturbed())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
                stack.callback(torch.clear_autocast_cache)
        yield


def made_in_inference(model: nn.Module) -> bool:
    """Whether a model was made in inference mode: such tensors can neither be trained nor set."""
    held = (*model.parameters(), *model.buffers())
    return any(tensor.is_inference() for tensor in held if not is_lazy(tensor))


@contextmanager
def without_inference() -> Iterator[None]:
    """Inference mode is as `no_grad` in this block: a spec may ask for derivatives itself."""
    if not torch.is_inference_mode_enabled():
        yield
        return
    with torch.inference_mode(False), torch.no_grad():
        yield


@contextmanager
def buffers_kept(models: Iterable[nn.Module]) -> Iterator[None]:
    """Run a block, then put the buffers of the models back: running statistics, counters."""
    held = [
        (module, name, buffer, buffer.detach().clone())
        for model in models
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None and not is_lazy(buffer)
    ]
    try:
        yield
    finally:
        for module, name, buffer, value in held:
            # Through `data`: a gradient that was recorded before the block may need the buffer.
            buffer.data.copy_(value)
            module._buffers[name] = buffer


@contextmanager
def evaluating(models: Iterable[nn.Module]) -> Iterator[None]:
    """Run a block with the models in evaluation mode; then every mode and buffer is as before."""
    found = list(models)
    modes = [(module, module.training) for model in found for module in model.modules()]
    with buffers_kept(found):
        try:
            for module, _ in modes:
                module.training = False
            yield
        finally:
            for module, training in modes:
                module.training = training


def _chunk_rows(inputs: Tensor) -> int:
    entries = max(1, inputs[0].numel()) if len(inputs) else 1
    return max(1, min(CHUNK_ROWS, CHUNK_ENTRIES // entries))


def _forward_in_chunks(
    models: Sequence[nn.Module], forward: Any, *arguments: Any, **settings: Any
) -> Any:
    """`forward` on slices of the examples; whole where it is small or is no batch of examples.

    On copies: a model may write into its inputs, and data are measured more than once.
    """
    tensors = [value for value in arguments if isinstance(value, Tensor) and value.ndim]
    if not tensors or len(tensors) != len(arguments) or settings:
        return forward(*copies(arguments), **settings)
    rows = len(tensors[0])
    size = min(_chunk_rows(value) for value in tensors)
    if rows <= size or any(len(value) != rows for value in tensors):
        return forward(*copies(arguments))

    def whole() -> Any:
        parts = [
            _once(forward, *(value[start : start + size] for value in tensors))
            for start in range(0, rows, size)
        ]
        if not all(isinstance(part, Tensor) for part in parts):
            return forward(*copies(arguments))
        return torch.cat(parts)

    model: Any = getattr(forward, "__self__", None)
    followed = torch.is_grad_enabled() and _trains(forward, tensors)
    if followed or not any(model is each for each in models):
        return whole()
    return remembered(model, models, tensors, whole)


def _once(forward: Any, *arguments: Tensor) -> Any:
    """`forward` on one chunk. Where a gradient is asked for, activations are computed once more
    when it is: what is held at a time is the outputs and the activations of one chunk.
    """

    def copied(*chunk: Tensor) -> Any:
        return forward(*copies(chunk))

    if torch.is_grad_enabled() and _trains(forward, arguments):
        # Copies are made within: what is held until the gradient comes are the examples themselves.
        return checkpoint(copied, *arguments, use_reentrant=False)
    return copied(*arguments)


def _trains(forward: Any, arguments: Iterable[Tensor]) -> bool:
    """Whether a gradient may be asked for of what is inside; yes, where it can't be told."""
    if any(value.requires_grad for value in arguments):
        return True
    owner = getattr(forward, "__self__", None)
    return not isinstance(owner, nn.Module) or any(p.requires_grad for p in owner.parameters())


def copies(arguments: Iterable[Any]) -> Iterator[Any]:
    """The arguments, tensors among them copied."""
    return (value.clone() if isinstance(value, Tensor) else value for value in arguments)


@contextmanager
def chunked(models: Iterable[nn.Module]) -> Iterator[None]:
    """Run a block in which each model works through long batches a few thousand rows at a time.

    Gradients go the same way back, a chunk at a time.

    The modules stay who they are (functions of parameters see the real model); only `forward` is
    covered for the time of the block.
    """
    found = list(models)
    with ExitStack() as stack:
        for model in found:
            in_chunks = partial(_forward_in_chunks, found)
            stack.enter_context(covered(model, in_chunks))
        yield


@contextmanager
def covered(model: nn.Module, by: Callable[..., Any]) -> Iterator[None]:
    """Run a block with `by(forward, ...)` in the place of `forward(...)` of one module."""
    held, before = model.__dict__, model.__dict__.get("forward")
    held["forward"] = partial(by, model.forward)
    try:
        yield
    finally:
        if before is None:
            held.pop("forward", None)
        else:
            held["forward"] = before


def copies_inputs(model: nn.Module) -> bool:
    """Whether a block of `chunked` hands this model copies of its inputs right now."""
    in_use = model.__dict__.get("forward")
    return isinstance(in_use, partial) and in_use.func is _forward_in_chunks


@contextmanager
def as_deployed(models: Iterable[nn.Module]) -> Iterator[None]:
    """Evaluation mode, in chunks, generators undisturbed; gradients as they were."""
    found = list(models)
    with undisturbed(), evaluating(found), chunked(found):
        yield


@contextmanager
def measuring(models: Iterable[nn.Module]) -> Iterator[None]:
    """The same without gradients."""
    with as_deployed(models), torch.no_grad():
        yield


@contextmanager
def held(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Run a block in which no gradient reaches the parameters; then they are as before."""
    moving = [parameter for parameter in parameters if parameter.requires_grad]
    try:
        for parameter in moving:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in moving:
            parameter.requires_grad_(True)


def constants_in(dtype: torch.dtype) -> AbstractContextManager[None]:
    """Tensors made of numbers, `torch.full((3,), 0.1)`, are of this type: 0.1 keeps its digits."""
    return _ConstantsIn(dtype)


class _ConstantsIn:
    """No generator: a step enters and leaves it."""

    __slots__ = ("_before", "_dtype")

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype

    def __enter__(self) -> None:
        self._before = torch.get_default_dtype()
        if self._before is not self._dtype:
            torch.set_default_dtype(self._dtype)

    def __exit__(self, *_: object) -> None:
        if torch.get_default_dtype() is not self._before:
            torch.set_default_dtype(self._before)

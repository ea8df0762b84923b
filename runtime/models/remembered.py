"""Outputs on long data that were just computed are not computed again.

Objective, requirements, metrics and the iterates at the end of a run ask a model for its outputs
on the same rows. The last few are kept with all that they depend on: the very tensors that went in,
and of every model of the run a digest of the bytes of parameters and buffers, modes and plain
settings. A model that draws random numbers is asked each time.

Where only the offset of the last layer moves, outputs on the same rows move by as much:

    f(x) = W h(x) + b'  =  (W h(x) + b) + (b' - b)
"""

from __future__ import annotations

import hashlib
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
import torch
from torch import Tensor, nn

LAST = 3
"""Outputs that are kept of a model: of as many datasets."""

_Kept = OrderedDict[object, tuple[tuple[ref[Tensor], ...], Tensor]]
_KEPT: WeakKeyDictionary[nn.Module, _Kept] = WeakKeyDictionary()
_MOVED: WeakKeyDictionary[nn.Module, _Moved] = WeakKeyDictionary()


class _Moved:
    """Outputs of a model by its inputs, each with the offset that the last layer had then."""

    def __init__(self, last: nn.Linear) -> None:
        self._last = last
        self._kept: dict[object, tuple[tuple[ref[Tensor], ...], Tensor, Tensor]] = {}

    def outputs(self, inputs: Sequence[Tensor], compute: Callable[[], Any]) -> Any:
        """What `compute` returns, up to rounding."""
        key = tuple(map(_place, inputs))
        if key in self._kept:
            places, found, offset = self._kept[key]
            if _still(places, inputs):
                return found + (self._last.bias - offset).to(found)
        seen: list[Tensor] = []
        hook = self._last.register_forward_hook(lambda _m, _i, output: seen.append(output))
        before = _drawn()
        try:
            found = compute()
        finally:
            hook.remove()
        if isinstance(found, Tensor) and self._ends_it(found, seen) and _drawn() == before:
            offset = self._last.bias.detach().clone()
            self._kept[key] = (tuple(map(ref, inputs)), found.clone(), offset)
        return found

    def _ends_it(self, found: Tensor, seen: Sequence[Tensor]) -> bool:
        """Whether outputs of the model are those of its last layer."""
        width = self._last.out_features
        if width > 1 and found.shape[-1] != width:
            return False
        same = sum(part.numel() for part in seen) == found.numel()
        return same and torch.equal(torch.cat([part.reshape(-1) for part in seen]), found.flatten())


@contextmanager
def moved_by_offset(model: nn.Module, last: nn.Linear) -> Iterator[None]:
    """Run a block in which nothing of a model changes but the offset of its last layer."""
    _MOVED[model] = _Moved(last)
    try:
        yield
    finally:
        del _MOVED[model]


def remembered(
    model: nn.Module,
    models: Iterable[nn.Module],
    inputs: Sequence[Tensor],
    compute: Callable[[], Any],
) -> Any:
    """What `compute` returns, without it where nothing has changed since it was last asked.

    `models` are all whose numbers may be behind the outputs.
    """
    if model in _MOVED:
        return _MOVED[model].outputs(inputs, compute)
    key = (tuple(map(numbers_of, models)), tuple(map(_place, inputs)))
    kept = _KEPT.setdefault(model, OrderedDict())
    if key in kept:
        places, outputs = kept[key]
        if _still(places, inputs):
            kept.move_to_end(key)
            return outputs.clone()
    before = _drawn()
    found = compute()
    if isinstance(found, Tensor) and not found.requires_grad and _drawn() == before:
        kept[key] = (tuple(map(ref, inputs)), found.clone())
        while len(kept) > LAST:
            kept.popitem(last=False)
    return found


def _still(places: Sequence[ref[Tensor]], inputs: Sequence[Tensor]) -> bool:
    """Whether inputs are the very tensors: an address is used again once one is gone."""
    return all(place() is value for place, value in zip(places, inputs, strict=True))


def _drawn() -> tuple[object, ...]:
    """The states of all generators."""
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    states = [state.numpy().tobytes() for state in (torch.get_rng_state(), *devices)]
    _, words, *rest = np.random.get_state()
    return (random.getstate(), np.asarray(words).tobytes(), *rest, *states)


def _place(tensor: Tensor) -> tuple[object, ...]:
    return (tensor.data_ptr(), tensor._version, tensor.shape, tensor.stride(), tensor.dtype)


def numbers_of(part: nn.Module | Tensor) -> tuple[object, ...]:
    """A digest of the bytes of parameters and buffers, modes and plain settings; of a tensor's."""
    digest = hashlib.blake2b(digest_size=16)
    tensors = (part,) if isinstance(part, Tensor) else (*part.parameters(), *part.buffers())
    for tensor in tensors:
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    if isinstance(part, Tensor):
        return (digest.digest(),)
    settings = (
        (name, value)
        for module in part.modules()
        for name, value in module.__dict__.items()
        if isinstance(value, bool | int | float | str)
    )
    return (digest.digest(), *settings)

"""The small pieces that emitted update steps are written in. All are pure, none waits for a device.

In a constraint vector NaN means *not measured*: an empty group in a batch, or a value that is not
finite. It never reaches a multiplier (`keep`) or the loss (`weigh`).
"""

import functools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cspec.runtime.functions.samples import note_asked
from cspec.runtime.models.hooks import weight_of


def vector(*parts: Tensor | float) -> Tensor:
    """All entries of the parts, one after another, as one vector of at least one dimension.

    Rates come as float64 quotients of counts; beside anything else they take its type. In a run
    in float64, which is the default type then, nothing is narrowed.
    """
    if not parts:
        return torch.zeros(0, dtype=torch.get_default_dtype())
    found = _alike(parts)
    if found is not None:
        return found
    tensors = [part for part in parts if isinstance(part, Tensor)]
    device = tensors[0].device if tensors else None
    types = {part.dtype for part in tensors if part.is_floating_point()}
    narrow = types - {torch.float64} or types or {torch.get_default_dtype()}
    if torch.get_default_dtype() is torch.float64:
        narrow = {torch.float64}
    dtype = functools.reduce(torch.promote_types, narrow)
    flat = (torch.as_tensor(part, dtype=dtype, device=device).reshape(-1) for part in parts)
    return torch.cat(list(flat))


def _alike(parts: tuple[Tensor | float, ...]) -> Tensor | None:
    """Tensors of one floating type end to end, as most are; None of others."""
    first = parts[0]
    if not isinstance(first, Tensor) or not first.is_floating_point():
        return None
    dtype = first.dtype
    if dtype is not torch.float64 and torch.get_default_dtype() is torch.float64:
        return None
    if len(parts) == 1 and not first.is_leaf and not first._is_view():
        return first.reshape(-1)  # Computed just now: nothing else lies where it lies.
    for part in parts:
        if not isinstance(part, Tensor) or part.dtype is not dtype:
            return None
    if any(part.device != first.device for part in parts):  # type: ignore[union-attr]
        return None
    return torch.cat([part.reshape(-1) for part in parts])  # type: ignore[union-attr]


def weigh(weights: Tensor, g: Tensor) -> Tensor:
    """<weights, g> over the entries that were measured; `weights` is treated as constant."""
    if weights.requires_grad:
        weights = weights.detach()
    if g.is_cpu:
        # One operation, and one on the way back, where the types are one.
        alike = weights.dtype is g.dtype and weights.ndim == g.ndim == 1
        product = torch.dot(weights, g) if alike else (weights * g).sum()
        if math.isfinite(product.item()):
            return product  # Nothing is missing.
    missing = torch.isnan(g.detach()) | torch.isnan(weights)
    zero = torch.zeros_like(g)
    return (torch.where(missing, zero, weights) * torch.where(missing, zero, g)).sum()


def total(values: Tensor) -> Tensor:
    """Sum of the entries that were measured."""
    return _measured(values).sum()


def stands_in(true: Tensor, surrogate: Tensor) -> Tensor:
    """The value of the true function, with the gradient of its surrogate."""
    return true.detach() + (surrogate - surrogate.detach())


def shortfall(g: Tensor, power: int = 1) -> Tensor:
    """How far g <= 0 is from being met: the sum of [g]+ ** power over what was measured."""
    return torch.relu(_measured(g)).pow(power).sum()


def distance(h: Tensor, power: int = 1) -> Tensor:
    """How far h == 0 is from being met: the sum of |h| ** power over what was measured."""
    return _measured(h).abs().pow(power).sum()


def _measured(values: Tensor) -> Tensor:
    """0, with a gradient of 0, where nothing was measured."""
    return torch.where(torch.isnan(values), torch.zeros_like(values), values)


def worst(
    value: Tensor | float, bound: Tensor | float, relation: str
) -> tuple[Tensor | float, Tensor | float]:
    """The entry of `value relation bound` that is farthest from being met, with its bound.

    What is reported for a constraint on many numbers. An entry that was not measured (NaN) comes
    first. Scalars come back as they are.
    """
    held = value if isinstance(value, Tensor) else bound
    if not isinstance(held, Tensor):
        return value, bound
    # A number keeps its digits: 0.2 is reported as 0.2, whatever the type of what it bounds.
    pair = (
        side
        if isinstance(side, Tensor)
        else torch.tensor(side, dtype=torch.float64, device=held.device)
        for side in (value, bound)
    )
    values, bounds = torch.broadcast_tensors(*pair)  # type: ignore[no-untyped-call]
    if values.ndim == 0:
        return value, bound
    beyond = values - bounds
    beyond = {"<=": beyond, ">=": -beyond, "==": beyond.abs()}[relation]
    index = torch.where(beyond.isnan(), torch.inf, beyond).flatten().argmax()
    return note_asked(values.flatten()[index], ~beyond.isnan()), bounds.flatten()[index]


def keep(true: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """`new` where the constraint was measured, `old` elsewhere; in the type of `old`.

    Rates are measured in float64: what is remembered of them stays in the run's precision.
    """
    if true.is_cpu and new.shape == true.shape and _all_measured(true):
        kept = new if new.dtype is old.dtype else new.to(old.dtype)
        return kept.clone() if kept is true else kept
    return torch.where(torch.isnan(true), old, new.to(old.dtype))


def _all_measured(true: Tensor) -> bool:
    """Whether no entry is NaN, where the host need not wait; `False` may be said of infinite ones.

    A number is read in a tenth of the time of an operation, and most steps measure all.
    """
    return math.isfinite(true.item() if true.numel() == 1 else true.sum().item())


def parameter(model: nn.Module, name: str) -> Tensor:
    """A parameter by its dotted name, also where a parametrization or a hook computes it."""
    owner, _, last = name.rpartition(".")
    return weight_of(model.get_submodule(owner), last)


def parameters(model: nn.Module, names: Iterable[str]) -> list[Tensor]:
    """Several parameters by their dotted names."""
    return [parameter(model, name) for name in names]


def ramp(first: float, last: float, clock: Tensor | float, steps: int) -> Tensor:
    """What moves on a line from `first` to `last` over so many steps, and stays there."""
    if not isinstance(clock, Tensor) or clock.is_cpu:  # numbers of the host: nothing waits for them
        share = min(max(float(clock) / steps, 0.0), 1.0)
        dtype = clock.dtype if isinstance(clock, Tensor) else None
        return torch.full((), first + (last - first) * share, dtype=dtype)
    return (first + (last - first) * (clock / steps).clamp(0, 1)).squeeze(0)


def temperature(batch: Mapping[str, Any], first: float, last: float, steps: int) -> Tensor | float:
    """That of surrogates: the one a batch asks for (the restoration tries several), else a ramp.

    Without a clock, outside of a run, it is where it starts.
    """
    asked: Tensor | None = batch.get("temperature")
    if asked is not None:
        return asked
    clock = batch.get("clock")
    return first if clock is None else ramp(first, last, clock, steps)


class Instead(Mapping[str, Any]):
    """A batch in which datasets stand in for others; nothing is drawn that nobody asks for."""

    def __init__(self, batch: Mapping[str, Any], names: Mapping[str, str]) -> None:
        self._batch = batch
        self._names = dict(names)

    def __getitem__(self, name: str) -> Any:
        return self._batch[self._names.get(name, name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._batch)

    def __len__(self) -> int:
        return len(self._batch)


def instead(batch: Mapping[str, Any], **names: str) -> Mapping[str, Any]:
    """The batch with `train` answered by `val`: `instead(batch, train="val")`."""
    return Instead(batch, names)


def ramp_down(start: float, end: float, share: float, power: int = 3) -> float:
    """From start to end: end + (start - end) (1 - share)^power, share clipped to [0, 1].

    Cubic by default, fast while much is left to prune: Zhu and Gupta 2017, "To prune, or not to
    prune". A ramp that a spec writes is a line.
    """
    left = 1.0 - min(max(share, 0.0), 1.0)
    return end + (start - end) * left**power

"""The worst point of a ball around each example, by projected gradient ascent.

    z <- P(z + a d),   d = sign(grad) for norm=inf, grad / |grad|_2 for norm=2

P is the projection onto the ball around the example. It starts at random points of the ball; of the
example itself and of all points on the way the worst is kept, example by example, so what is found
is a lower bound of the true maximum. Madry et al. 2018, "Towards deep learning models resistant to
adversarial attacks".

Models are in evaluation mode while points are searched, and their statistics and all generators
stay as they are: starts come from a generator of their own, whose seed is the step, so a resumed
run finds the same points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cspec.runtime.functions.shapes import ShapeMismatch
from cspec.runtime.models.without_trace import evaluating

Rows = Mapping[str, Any]
Value = Callable[[Mapping[str, Any], Rows], Tensor]
WHOLE = "whole"
"""The part of a batch that says that it is whole data, measured as where the verdict is."""
PRIME = 1_000_003
"""Between the seeds of two steps."""


def at_worst(
    value: Value,
    guide: Value,
    primal: Mapping[str, Any],
    batch: Rows,
    place: tuple[str, str],
    radius: Tensor | float,
    *,
    norm: float,
    steps: int,
    step: float | None,
    restarts: int,
    verdict: tuple[int, int] | None = None,
) -> Tensor:
    """`value` at the point where `guide` is largest, one number an example: (B,).

    `place` is the dataset and its column around which is searched; `step` defaults to
    2.5 r / steps. Where whole data are brought to a verdict (restoration, the solver at the end)
    steps and restarts are those of `verdict`. The gradient is that of the model at the point found.

    Raises:
        ShapeMismatch: a column of whole numbers, which has no ball.
    """
    dataset, column = place
    rows = batch[dataset]
    center = rows[column].detach()
    if not center.is_floating_point():
        raise ShapeMismatch(f"`{column}` holds whole numbers: a ball is around real ones")

    def moved(point: Tensor) -> Rows:
        return Moved(batch, dataset, {**rows, column: point})

    if verdict is not None and WHOLE in batch:
        steps, restarts = verdict
    r = float(radius)
    length = 2.5 * r / steps if step is None else step
    models = [part for part in primal.values() if isinstance(part, nn.Module)]
    with evaluating(models), torch.enable_grad():
        best, most = center, None
        for start in _starts(center, r, norm, restarts, _seed(batch)):
            point = start
            for place_ in range(steps + 1):
                best, most, slope = _look(guide, primal, moved, point, best, most)
                if place_ < steps:
                    point = _projected(point + length * _direction(slope, norm), center, r, norm)
        best, most, _ = _look(guide, primal, moved, center, best, most)
    return value(primal, moved(best.detach()))


def whole_rows(columns: Rows, clock: Tensor) -> dict[str, Any]:
    """Columns of whole data as a batch that says so."""
    return {**columns, "clock": clock, WHOLE: torch.ones_like(clock)}


class Moved(Mapping[str, Any]):
    """A batch in which one column of a dataset is another; what nobody asks for is not drawn."""

    def __init__(self, batch: Rows, dataset: str, rows: Rows) -> None:
        self._batch, self._dataset, self._rows = batch, dataset, rows

    def __getitem__(self, name: str) -> Any:
        """The rows that were moved, or a part of the batch as it is."""
        return self._rows if name == self._dataset else self._batch[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._batch)

    def __len__(self) -> int:
        return len(self._batch)


def _look(
    guide: Value,
    primal: Mapping[str, Any],
    moved: Callable[[Tensor], Rows],
    point: Tensor,
    best: Tensor,
    most: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The worst points so far with this one among them, and the slope at it."""
    free = point.detach().requires_grad_()
    values = guide(primal, moved(free))
    (slope,) = torch.autograd.grad(values.sum(), free)
    values = torch.nan_to_num(values.detach(), nan=-torch.inf)
    if most is None:
        return point.detach(), values, slope
    worse = values > most
    wide = worse.reshape(-1, *[1] * (point.ndim - 1))
    return torch.where(wide, point.detach(), best), torch.where(worse, values, most), slope


def _seed(batch: Rows) -> int:
    """The step; the same starts wherever a verdict is measured or prepared."""
    return int(batch["clock"]) if "clock" in batch and WHOLE not in batch else 0


def _starts(center: Tensor, r: float, norm: float, count: int, seed: int) -> list[Tensor]:
    """Random points of the ball: uniform for norm=inf; of norm=2 a direction and a length."""
    generator = torch.Generator().manual_seed(PRIME * (seed + 1))
    found = []
    for _ in range(count):
        if norm == math.inf:
            drawn = 2 * torch.rand(center.shape, generator=generator, dtype=torch.float64) - 1
        else:
            drawn = torch.randn(center.shape, generator=generator, dtype=torch.float64)
            drawn = drawn / _lengths(drawn).clamp(min=1e-12)
            drawn = drawn * torch.rand(_lengths(drawn).shape, generator=generator)
        found.append(center + r * drawn.to(center))
    return found


def _lengths(values: Tensor) -> Tensor:
    """The Euclidean norm of each example, (B, 1, ...)."""
    lengths: Tensor = values.flatten(1).norm(dim=1)
    return lengths.reshape(-1, *[1] * (values.ndim - 1))


def _direction(slope: Tensor, norm: float) -> Tensor:
    if norm == math.inf:
        return slope.sign()
    return slope / _lengths(slope).clamp(min=1e-12)


def _projected(point: Tensor, center: Tensor, r: float, norm: float) -> Tensor:
    away = point - center
    if norm == math.inf:
        return center + away.clamp(-r, r)
    return center + away * (r / _lengths(away).clamp(min=1e-30)).clamp(max=1.0)

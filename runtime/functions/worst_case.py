"""The worst point of a ball around each example, by projected gradient ascent.

    z <- P(z + a d),   d = sign(grad) for norm=inf, grad / |grad|_2 for norm=2,
                       sign(grad) in its largest entry alone for norm=1
    a = 2.5 r / steps in training, r (1 + cos(pi k / steps)) at step k of a verdict's search

P is the projection onto the ball around the example (of norm=1: Duchi et al. 2008). What moves may
be a number of each example, too, as a parameter of a transformation, `max(e for a in [-0.5, 0.5])`:
the ball is around the middle. It starts at random points of the ball; of the example itself and of
all points on the way the worst is kept, example by example, so what is found is a lower bound of
the true maximum. Madry et al. 2018, "Towards deep learning models resistant to adversarial
attacks".

Models are in evaluation mode while points are searched, and their statistics and all generators
stay as they are: starts come from a generator of their own, whose seed is the step, so a resumed
run finds the same points.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cspec.compiler.records.problem import at_rest
from cspec.runtime.functions.shapes import ShapeMismatch
from cspec.runtime.functions.worst_points import known, remember
from cspec.runtime.models.remembered import numbers_of
from cspec.runtime.models.without_trace import CHUNK_ROWS, evaluating

Rows = Mapping[str, Any]
Points = list[Tensor]
"""Where each of the sets that are searched together is looked at."""
Ball = tuple[str, Tensor | float, float, float | None, float | None]
"""What a search moves: its name in the rows, radius, norm, the middle without a column, step."""
Value = Callable[[Mapping[str, Any], Rows], Tensor]
WHOLE = "whole"
"""The part of a batch that says that it is whole data, measured as where the verdict is."""
ON_THE_WAY = "on the way"
"""The part of data that says that no verdict is measured: iterates of a run are compared."""
TOGETHER = CHUNK_ROWS
"""Rows of whole data that are searched at a time."""
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
    whole: bool = False,
    center: float | None = None,
    also: Sequence[Ball] = (),
) -> Tensor:
    """`value` at the point where `guide` is largest, one number an example: (B,).

    `place` is the dataset and its column around which is searched, which `value` finds under its
    name where it moves and as `at_rest` of it where not; around a `center` it is a number of each
    example that no column holds. `step` defaults to 2.5 r / steps. Where whole data are brought to
    a verdict (restoration, the solver at the end), and where it is measured (`whole`), steps and
    restarts are those of `verdict`, and steps begin at 2 r and fall to 0; not where iterates are
    compared on the way. The gradient is
    that of the model at the point found. What is searched together with it, `also`, takes its own
    step in its own ball each time.

    Raises:
        ShapeMismatch: a column of whole numbers, which has no ball.
    """
    dataset, column = place
    rows = batch[dataset]
    balls: list[Ball] = [(column, radius, norm, center, step), *also]
    around = [_around(rows, name, middle) for name, _, _, middle, _ in balls]
    judged = verdict is not None and (whole or WHOLE in batch) and ON_THE_WAY not in batch
    if judged and verdict is not None:
        steps, restarts = verdict
    seed = PRIME * (_seed(batch) + 1)
    search = _Search(guide, primal, batch, dataset, balls, steps, restarts, judged, set())
    models = [part for part in primal.values() if isinstance(part, nn.Module)]
    with evaluating(models), torch.enable_grad():
        if not judged:
            best = search.worst(rows, around, seed)
        else:
            # The same points are asked for by what restores, chooses, tells and counts.
            sizes = tuple((ball[0], float(ball[1]), *ball[2:]) for ball in balls)
            key = (dataset, sizes, steps, restarts, seed)
            numbers = tuple((name, numbers_of(part)) for name, part in primal.items())
            of = (guide, *(rows[name] for name in rows))
            found = known(key, numbers, of, batch)
            if found is None:
                found = search.in_parts(rows, around, seed)
                beside = {name: batch.get(name) for name in search.asked}
                remember(key, numbers, of, beside, found)
            best = found
    return value(primal, search.moved(rows, around, best))


class _Search(NamedTuple):
    """What is searched, of some rows of a dataset."""

    guide: Value
    primal: Mapping[str, Any]
    batch: Rows
    dataset: str
    balls: list[Ball]
    steps: int
    restarts: int
    judged: bool
    asked: set[str]
    """What else of the batch was asked for."""

    def moved(self, rows: Rows, around: Points, points: Points) -> Rows:
        """A batch of these rows with points in the place of what they are searched around."""
        names = [ball[0] for ball in self.balls]
        rest = {at_rest(name): a for name, a in zip(names, around, strict=True)}
        there = dict(zip(names, points, strict=True))
        return Moved(self.batch, self.dataset, {**rows, **there, **rest}, self.asked)

    def in_parts(self, rows: Rows, around: Points, seed: int) -> Points:
        """The worst points of many rows, as many at a time as stay near the processor."""
        size = len(around[0])
        if size <= TOGETHER:
            return self.worst(rows, around, seed)
        columns = {name: rows[name] for name in rows}
        found = []
        for part, start in enumerate(range(0, size, TOGETHER)):
            here = slice(start, start + TOGETHER)
            some = {name: column[here] for name, column in columns.items()}
            found.append(self.worst(some, [a[here] for a in around], seed + PRIME * part))
        return [torch.cat(points) for points in zip(*found, strict=True)]

    def worst(self, rows: Rows, around: Points, seed: int) -> Points:
        """The worst points that projected gradient ascent from random starts comes by."""
        best, most = around, None
        drawn = [
            _starts(a, float(ball[1]), ball[2], self.restarts, seed + place)
            for place, (ball, a) in enumerate(zip(self.balls, around, strict=True))
        ]

        def look(points: Points) -> tuple[Points, Tensor, Points]:
            free = [point.detach().requires_grad_() for point in points]
            values = self.guide(self.primal, self.moved(rows, around, free))
            return _look(values, free, best, most)

        for start in zip(*drawn, strict=True):
            point = list(start)
            for place in range(self.steps + 1):
                best, most, slope = look(point)
                if place < self.steps:
                    done = place / self.steps if self.judged else None
                    point = self._ahead(around, point, slope, done)
        best, _, _ = look(around)
        return [point.detach() for point in best]

    def _ahead(self, around: Points, points: Points, slopes: Points, done: float | None) -> Points:
        """A step of each search along its slope, back into its ball.

        `done` is the share of a verdict's search that is behind. Its steps begin as wide as the
        ball, from hill to hill, and fall to 0: steps of one length stay as far from the top as they
        are long. Numbers of an interval begin at an eighth: their starts are spread, each finds its
        own top.
        """
        found = []
        for ball, a, point, slope in zip(self.balls, around, points, slopes, strict=True):
            _, r, p, c, own = ball
            length = 2.5 * float(r) / self.steps if own is None else own
            if own is None and done is not None:
                length = (1.0 if c is None else 0.125) * float(r) * (1 + math.cos(math.pi * done))
            found.append(_projected(point + length * _direction(slope, p), a, float(r), p))
        return found


def _around(rows: Rows, column: str, center: float | None) -> Tensor:
    """The middle of what is searched: the column, or a number of each example."""
    found = _numbers(rows, center) if center is not None else rows[column].detach()
    if not found.is_floating_point():
        raise ShapeMismatch(f"`{column}` holds whole numbers: a ball is around real ones")
    return found


def _numbers(rows: Rows, value: float) -> Tensor:
    """One number for each of the rows, (B,)."""
    column: Tensor = next(iter(rows.values()))
    return torch.full((len(column),), float(value), device=column.device)


def whole_rows(columns: Rows, clock: Tensor) -> dict[str, Any]:
    """Columns of whole data as a batch that says so."""
    return {**columns, "clock": clock, WHOLE: torch.ones_like(clock)}


class Moved(Mapping[str, Any]):
    """A batch in which one column of a dataset is another; what nobody asks for is not drawn."""

    def __init__(
        self, batch: Rows, dataset: str, rows: Rows, asked: set[str] | None = None
    ) -> None:
        self._batch, self._dataset, self._rows = batch, dataset, rows
        self._asked = set() if asked is None else asked

    def __getitem__(self, name: str) -> Any:
        """The rows that were moved, or a part of the batch as it is."""
        if name == self._dataset:
            return self._rows
        self._asked.add(name)
        return self._batch[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._batch)

    def __len__(self) -> int:
        return len(self._batch)


def _look(
    values: Tensor, points: Points, best: Points, most: Tensor | None
) -> tuple[Points, Tensor, Points]:
    """The worst points so far with these among them, and the slopes at them."""
    slopes = torch.autograd.grad(values.sum(), points, allow_unused=True)
    along = [torch.zeros_like(p) if s is None else s for s, p in zip(slopes, points, strict=True)]
    values = torch.nan_to_num(values.detach(), nan=-torch.inf)
    if most is None:
        return [point.detach() for point in points], values, along
    worse = values > most
    found = [
        torch.where(worse.reshape(-1, *[1] * (point.ndim - 1)), point.detach(), before)
        for point, before in zip(points, best, strict=True)
    ]
    return found, torch.where(worse, values, most), along


def _seed(batch: Rows) -> int:
    """The step; the same starts wherever a verdict is measured or prepared."""
    return int(batch["clock"]) if "clock" in batch and WHOLE not in batch else 0


def _starts(center: Tensor, r: float, norm: float, count: int, seed: int) -> list[Tensor]:
    """Random points of the ball: uniform for norm=inf; else a direction and a length.

    Every other one mirrors the one before, as what is far from the example is worst on both of its
    sides. Of one number an example they are of equal parts of its interval.
    """
    generator = torch.Generator().manual_seed(seed)
    found: list[Tensor] = []
    for place in range(count):
        if place % 2 and center.ndim > 1:
            found.append(2 * center - found[-1])
            continue
        if norm == math.inf:
            drawn = torch.rand(center.shape, generator=generator, dtype=torch.float64)
            drawn = 2 * ((place + drawn) / count if center.ndim == 1 else drawn) - 1
        else:
            drawn = torch.randn(center.shape, generator=generator, dtype=torch.float64)
            drawn = drawn / _lengths(drawn, norm).clamp(min=1e-12)
            drawn = drawn * torch.rand(_lengths(drawn).shape, generator=generator)
        found.append(center + r * drawn.to(center))
    return found


def _lengths(values: Tensor, norm: float = 2) -> Tensor:
    """The norm of each example, (B, 1, ...)."""
    lengths: Tensor = values.reshape(len(values), -1).norm(p=norm, dim=1)
    return lengths.reshape(-1, *[1] * (values.ndim - 1))


def _direction(slope: Tensor, norm: float) -> Tensor:
    if norm == math.inf:
        return slope.sign()
    if norm == 2:
        return slope / _lengths(slope).clamp(min=1e-12)
    flat = slope.reshape(len(slope), -1)
    place = flat.abs().argmax(dim=1, keepdim=True)
    alone = torch.zeros_like(flat).scatter(1, place, flat.gather(1, place).sign())
    return alone.reshape(slope.shape)


def _projected(point: Tensor, center: Tensor, r: float, norm: float) -> Tensor:
    away = point - center
    if norm == math.inf:
        return center + away.clamp(-r, r)
    if norm == 2:
        return center + away * (r / _lengths(away).clamp(min=1e-30)).clamp(max=1.0)
    flat = away.reshape(len(away), -1).abs()
    sizes = flat.sort(dim=1, descending=True).values
    number = torch.arange(1, flat.shape[1] + 1, device=flat.device)
    cuts = (sizes.cumsum(1) - r) / number
    last = (sizes > cuts).sum(1, keepdim=True) - 1
    cut = cuts.gather(1, last.clamp(min=0)).clamp(min=0)
    return center + away.sign() * (flat - cut).clamp(min=0).reshape(away.shape)

"""Points of boxes and of normal distributions, as datasets.

A grid has k points along each axis, ends and corners among them. Points that are held are
quasi-random (Sobol, scrambled), with some on the faces where an inequality has to hold up to
them; points that are drawn at every step are independent, and a function
of (seed, step). What is judged is measured on a fresh grid: of points that are held one with the
ends of all axes, where the largest violation is looked for; of a mean one of midpoints, each of
which stands for an equal part. Beyond three axes a grid is 4096 quasi-random points of another
scramble.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.errors import DataError

ALONG = {1: 1001, 2: 51, 3: 16}
"""Points along each axis of a fresh grid, by the axes that have a width."""
FRESH = 4096
"""Fresh points where a grid would be too many."""
MOST = 1_000_000
"""Points of one set."""


@dataclass(frozen=True)
class Region:
    """A box, or a normal distribution an axis; `widths` says how many axes a column takes."""

    kind: str
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    widths: tuple[int, ...]
    names: tuple[str, ...]

    def columns(self, unit_ND: Tensor) -> dict[str, Tensor]:
        """Points of the unit cube as points of the region, by column."""
        low, high = (torch.tensor(ends, dtype=torch.float64) for ends in (self.lower, self.upper))
        if self.kind == "normal":
            points_ND = low + high * torch.special.ndtri(unit_ND)
        else:
            points_ND = low + (high - low) * unit_ND
        found, start = {}, 0
        for name, width in zip(self.names, self.widths, strict=True):
            part = points_ND[:, start : start + width]
            found[name] = (part[:, 0] if width == 1 else part).float()
            start += width
        return found

    @property
    def box(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The ends of the box, by column."""
        corners = self.columns(self.lattice(2, ends=True)[[0, -1]])
        return {name: (ends[0], ends[1]) for name, ends in corners.items()}

    @property
    def wide(self) -> tuple[bool, ...]:
        """Which axes have more than one point."""
        ends = zip(self.lower, self.upper, strict=True)
        return tuple(a != b or self.kind == "normal" for a, b in ends)

    def lattice(self, along: int, ends: bool) -> Tensor:
        """The points of a grid in the unit cube, (N, D); an axis without width has one."""
        inside = (torch.arange(along, dtype=torch.float64) + 0.5) / along
        whole = torch.linspace(0, 1, along, dtype=torch.float64) if along > 1 else inside
        one = whole if ends and self.kind != "normal" else inside
        axes = [one if wide else one[:1] for wide in self.wide]
        return torch.cartesian_prod(*axes).reshape(-1, len(axes))

    def fresh(self, ends: bool, seed: int) -> tuple[Tensor, str]:
        """The points that a verdict is measured on, and what they are."""
        count = max(1, sum(self.wide))
        if count not in ALONG:
            return sobol(FRESH, len(self.lower), seed + 7919), f"{FRESH:,} quasi-random points"
        along = ALONG[count]
        unit = self.lattice(along, ends)
        shape = " x ".join([str(along)] * count)
        kind = "" if ends else " of midpoints"
        return unit, f"a grid of {shape} points{kind}" if count > 1 else f"{along:,} points"

    def up_to_the_faces(self, unit_ND: Tensor) -> Tensor:
        """Points of the unit cube, those nearer to a face than a spacing moved onto it.

        What rises towards a face is broken there by an amount of the order of the spacing h, where
        between points it is of h^2. Corners take the places of the first points, while they are no
        more than a quarter of them.
        """
        axes = sum(self.wide)
        if self.kind == "normal" or not axes:
            return unit_ND
        spacing = len(unit_ND) ** (-1 / axes)
        moved: Tensor = (unit_ND + spacing * (2 * unit_ND - 1)).clamp(0, 1)
        if 2**axes <= len(unit_ND) // 4:
            moved[: 2**axes] = self.lattice(2, ends=True)
        return moved


@lru_cache(maxsize=64)
def sobol(n: int, axes: int, seed: int) -> Tensor:
    """Quasi-random points of the open unit cube, (n, axes)."""
    engine = torch.quasirandom.SobolEngine(axes, scramble=True, seed=seed)  # type: ignore[no-untyped-call]
    unit: Tensor = engine.draw(n, dtype=torch.float64)
    return unit.clamp(1e-9, 1 - 1e-9)


@dataclass(frozen=True)
class Draws:
    """Points that are drawn anew at every step."""

    region: Region
    n: int
    seed: int

    def at(self, seed: int, step: int) -> dict[str, Tensor]:
        """The points of a step, the same whenever they are asked for."""
        key = (seed * 1_000_003 + self.seed) * 2_147_483_647 + step
        generator = torch.Generator().manual_seed(key % 2**63)
        axes = len(self.region.lower)
        unit = torch.rand(self.n, axes, generator=generator, dtype=torch.float64)
        return self.region.columns(unit.clamp(1e-9, 1 - 1e-9))


def points(
    lower: Sequence[float],
    upper: Sequence[float],
    widths: Sequence[int],
    n: int,
    kind: str = "uniform",
    way: str = "redrawn",
    seed: int = 0,
    columns: Sequence[str | tuple[str, str]] = (),
) -> dict[str, Dataset]:
    """The dataset of a set of points, under the name `train`.

    Raises:
        DataError: more points than can be held, an interval whose ends are not in order.
    """
    names = tuple(c if isinstance(c, str) else c[1] for c in columns)
    region = Region(kind, tuple(lower), tuple(upper), tuple(widths), names)
    _check(region, n, way)
    if way == "grid":
        unit = region.lattice(n, ends=True)
        said = f"a grid of {len(unit):,} points"
        all_ = region.columns(unit)
        return {"train": Dataset("train", all_, provenance=said, fresh=all_)}
    unit, said = region.fresh(way != "redrawn", seed)
    fresh = region.columns(unit)
    others = f"{said}, others than those that training saw"
    if way == "redrawn":
        told = f"{n:,} points drawn anew at every step; measured on {said}"
        draws = Draws(region, n, seed)
        made = Dataset("train", fresh, provenance=told, draws=draws, fresh=fresh, sampled=others)
        return {"train": made}
    drawn = sobol(n, len(region.lower), seed)
    held = region.columns(region.up_to_the_faces(drawn) if way == "closed" else drawn)
    told = f"{n:,} quasi-random points, drawn once; judged on {said}"
    box = region.box if kind == "uniform" else {}
    return {"train": Dataset("train", held, provenance=told, fresh=fresh, sampled=others, box=box)}


def _check(region: Region, n: int, way: str) -> None:
    for low, high in zip(region.lower, region.upper, strict=True):
        if region.kind == "uniform" and low > high:
            raise DataError(
                f"the interval [{low:g}, {high:g}] is empty", f"write [{high:g}, {low:g}]"
            )
        if region.kind == "normal" and high < 0:
            raise DataError(f"the deviation {high:g} of a normal distribution is negative")
    count = n ** sum(region.wide) if way == "grid" else n
    if count > MOST:
        raise DataError(
            f"{count:,} points are too many: at most {MOST:,}",
            "write fewer along an axis" if way == "grid" else "draw fewer",
        )


def on_like(columns: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Columns in the type and on the device of others."""
    return {name: values.to(like[name]) for name, values in columns.items()}

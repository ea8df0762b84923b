"""Several sets on one tensor of which at least one is not convex: an exact joint projection.

    cone (nonneg, psd, symmetric)  then  count (sparse, rank)  then  length (sphere, ball of norm 2)

In this order the nearest points compose: a cone comes first because what it removes is orthogonal
to what stays, the largest parts of the rest are kept, and their direction is kept at any length
(Luss and Teboulle 2013 for the sphere and the l2 ball with few nonzero entries; Dax 2014 for the
positive semidefinite matrices of low rank). Boxes with few nonzero entries keep those entries for
which being free gains most; a simplex with few is `SparseSimplex`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cspec.runtime.operators.balls import Ball, Sphere
from cspec.runtime.operators.base import Operator, OperatorError
from cspec.runtime.operators.box import Box, Nonneg
from cspec.runtime.operators.simplex import Simplex, SparseSimplex
from cspec.runtime.operators.sparsity import Sparse, allowed_count, keep, largest_mask
from cspec.runtime.operators.spectrum import Rank
from cspec.runtime.operators.symmetric import PSD, Symmetric
from cspec.runtime.operators.together.dykstra import Intersection

STAGES: tuple[tuple[type[Operator], ...], ...] = (
    (Nonneg, PSD, Symmetric),
    (Sparse, Rank),
    (Sphere, Ball),
)
"""Which set is projected onto before which."""
EXACT = frozenset(
    {
        frozenset({Nonneg, Sparse}),
        frozenset({Nonneg, Sphere}),
        frozenset({Nonneg, Sparse, Sphere}),
        frozenset({Nonneg, Sparse, Ball}),
        frozenset({Sparse, Sphere}),
        frozenset({Sparse, Ball}),
        frozenset({PSD, Rank}),
        frozenset({PSD, Rank, Ball}),
        frozenset({Symmetric, Rank}),
        frozenset({Rank, Sphere}),
        frozenset({Rank, Ball}),
    }
)
"""Combinations for which that is the nearest point."""


@dataclass(frozen=True, init=False)
class Chain(Operator, name="chain", convex=False):
    """Sets whose nearest common point is found by projecting onto one after another."""

    sets: tuple[Operator, ...]

    def __init__(self, *sets: Operator) -> None:
        kinds = frozenset(type(member) for member in sets)
        balls = [member for member in sets if isinstance(member, Ball)]
        if kinds not in EXACT or len(kinds) < len(sets) or any(b.norm != 2 for b in balls):
            words = " and ".join(member.name for member in sets)
            raise OperatorError(f"no joint projection onto {words} is known")
        object.__setattr__(self, "sets", tuple(sorted(sets, key=_stage)))

    def residual(self, x: Tensor) -> Tensor:
        return torch.cat([member.residual(x).flatten() for member in self.sets])

    def project(self, x: Tensor) -> Tensor:
        found = x
        for member in self.sets:
            found = member.project(found)
            if isinstance(self.sets[-1], Sphere) and isinstance(member, Nonneg):
                # Where all of x is negative the nearest direction is that of its largest entry.
                found = found if bool(found.any()) else _largest(x)
        return found


def _stage(member: Operator) -> int:
    return next(place for place, kinds in enumerate(STAGES) if isinstance(member, kinds))


def _largest(x: Tensor) -> Tensor:
    """1 at the largest entry, 0 elsewhere."""
    mask = torch.zeros_like(x).flatten()
    mask[x.argmax()] = 1
    return mask.reshape(x.shape)


@dataclass(frozen=True)
class SparseBox(Operator, name="sparse_box", convex=False):
    """{x : lo <= x <= hi, at most an amount of the entries nonzero}, for lo <= 0 <= hi.

    An entry that may be nonzero is clipped; that saves x^2 - (x - clip(x))^2 of the distance. The
    entries that save most are kept.
    """

    amount: float
    lo: float
    hi: float

    def __post_init__(self) -> None:
        if not self.lo <= 0 <= self.hi:
            raise OperatorError("few nonzero entries within a box need 0 in the box")

    def residual(self, x: Tensor) -> Tensor:
        return torch.cat(
            [Box(self.lo, self.hi).residual(x).flatten(), Sparse(self.amount).residual(x).flatten()]
        )

    def project(self, x: Tensor) -> Tensor:
        clipped = x.clamp(self.lo, self.hi)
        saved = x.square() - (x - clipped).square()
        count = allowed_count(self.amount, x.numel())
        return keep(clipped, largest_mask(saved.flatten(), count).reshape(x.shape))


def joint(sets: Sequence[Operator]) -> Operator:
    """One set for several: their intersection, with an exact projection.

    Raises:
        OperatorError: none is known.
    """
    if len(sets) == 1:
        return sets[0]
    if all(member.convex for member in sets):
        return Intersection(*sets)
    match sorted(sets, key=lambda member: member.name):
        case [Box() as box, Sparse(amount=amount)] if not isinstance(box.lo, torch.Tensor):
            return SparseBox(amount, float(box.lo), float(box.hi))
        case [Simplex(total=total), Sparse(amount=amount)]:
            return SparseSimplex(amount, total)
        case _:
            return Chain(*sets)

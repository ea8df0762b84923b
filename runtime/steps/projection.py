"""Putting parameters into sets, in place: one set, or several that share parameters."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TypeVar

import torch
from torch import Tensor

from cspec.runtime.operators import (
    NM,
    Ball,
    ChannelSparse,
    Jointly,
    OnPart,
    OnRows,
    Operator,
    Sparse,
    dykstra,
    is_joint,
)
from cspec.runtime.operators.linear_algebra import as_matrix

T = TypeVar("T")
Held = tuple[Operator, Sequence[Tensor]]
"""A set and the tensors that are to be in it."""

COUNTS = (Sparse, NM, ChannelSparse)
"""Sets whose projection keeps an entry or sets it to zero."""
COUPLED_MOMENT = "coupled_avg"
"""The first moment of `CoupledAdam`: its second moment is one for what a set couples."""
STEP_SWEEPS = 20
"""Most sweeps of Dykstra's algorithm in a training step: the next step starts near its end."""
SWEEPS = 1000
"""Most sweeps of Dykstra's algorithm where it runs once."""
ROUNDS = 100
"""Most alternations between several sets on the same parameters."""
SETTLED = 1e-8
"""Change of Dykstra's corrections, relative to the point, below which it has converged."""


def project_all(operator: Operator, tensors: Sequence[Tensor]) -> list[Tensor]:
    """The nearest members: jointly for a global count or norm, else tensor by tensor."""
    if isinstance(operator, Sparse | Ball | Jointly) and (
        isinstance(operator, Sparse) or is_joint(operator)
    ):
        return operator.project_jointly(tensors)
    return [operator.project(tensor) for tensor in tensors]


@torch.no_grad()
def project_(
    operator: Operator, tensors: Sequence[Tensor], optimizer: object | None = None
) -> None:
    """Replace parameters by the nearest members of the set, in place.

    With an optimizer, its momentum is corrected where the projection acted: it still points out of
    the set there, and would push the next step out again.
    """
    before = [tensor.detach().clone() for tensor in tensors]
    after = project_all(operator, before)
    for tensor, old, new in zip(tensors, before, after, strict=True):
        tensor.copy_(new)
        if optimizer is not None:
            correct_momentum(operator, tensor, old, new, optimizer)


def correct_momentum(
    operator: Operator, tensor: Tensor, before: Tensor, after: Tensor, optimizer: object
) -> None:
    """Take the part of an optimizer's momentum out that points out of the set.

    Adam divides its first moment by the root of the second, entry by entry. Only where the set
    acts entry by entry, too, does a corrected first moment still give a sensible step: on the
    Stiefel manifold the second moment keeps the normal part of the gradient, and what is left of
    the first becomes tiny (digits: 61% instead of 94% accuracy). With one second moment of what a
    curved set leaves of the gradient (`CoupledAdam`) it does.
    """
    state = getattr(optimizer, "state", {}).get(tensor, {})
    names = ["momentum_buffer"]
    if operator.entrywise:
        names += ["exp_avg", COUPLED_MOMENT]
    elif not operator.convex:
        names.append(COUPLED_MOMENT)
    for name in names:
        momentum = state.get(name)
        if isinstance(momentum, Tensor):
            momentum.copy_(operator.project_momentum(after, before, momentum))


@torch.no_grad()
def project_together(sets: Sequence[Held], optimizer: object | None = None) -> None:
    """Replace parameters that several sets share by members of all of them, in place.

    One after another, which is exact (the nearest common point) where only one of them has to
    move anything, or where they are on different entries; else as in `meet`.
    """
    starts = copies(sets)
    moved = 0
    for operator, tensors in sets:
        before = [tensor.detach().clone() for tensor in tensors]
        project_(operator, tensors, optimizer)
        moved += not _near(before, tensors)
    if _apart(sets):
        return
    if moved > 1 or (moved and not all(_holds(*held) for held in sets)):
        meet(sets, starts, sweeps=STEP_SWEEPS)


@torch.no_grad()
def beside(still: Sequence[Tensor], moving: Sequence[Tensor], project: Callable[[], None]) -> None:
    """Project the `moving` tensors of some sets, beside others of them that stay as they are.

    In turn with putting these back, until nothing moves: one turn where each tensor has a set of
    its own, a common point where a convex set is on several.
    """
    kept = [tensor.detach().clone() for tensor in still]
    for _ in range(STEP_SWEEPS if moving else 0):
        before = [tensor.detach().clone() for tensor in moving]
        project()
        for tensor, old in zip(still, kept, strict=True):
            tensor.copy_(old)
        if _near(before, moving):
            return


def _apart(sets: Sequence[Held]) -> bool:
    """Whether the sets are on rows and parts of one tensor that have no entry in common."""
    if {id(t) for _, tensors in sets for t in tensors} != {id(sets[0][1][0])}:
        return False
    operators = tuple(operator for operator, _ in sets)
    if not all(isinstance(operator, OnPart | OnRows) for operator in operators):
        return False
    return _parts_apart(operators, sets[0][1][0].shape)


@lru_cache(maxsize=256)
def _parts_apart(operators: tuple[Operator, ...], shape: torch.Size) -> bool:
    """The entries of a part are those that `coupling` numbers beyond all entries."""
    held = torch.stack([operator.coupling(shape) >= shape.numel() for operator in operators])
    return bool((held.sum(dim=0) <= 1).all())


def sharing(sets: Sequence[Held]) -> list[list[Held]]:
    """Sets in groups: two are in one where they share a tensor."""
    return connected(sets, lambda held: {id(tensor) for tensor in held[1]})


def connected(items: Iterable[T], parts_of: Callable[[T], set[int]]) -> list[list[T]]:
    """Items in groups, each in order: two are in one where they have a part in common."""
    groups: list[tuple[set[int], list[T]]] = []
    for item in items:
        own, members, apart = parts_of(item), [item], []
        for group in groups:
            if own.isdisjoint(group[0]):
                apart.append(group)
            else:
                own |= group[0]
                members[-1:-1] = group[1]
        groups = [*apart, (own, members)]
    return [members for _, members in groups]


@torch.no_grad()
def meet(sets: Sequence[Held], starts: dict[int, Tensor], *, sweeps: int = SWEEPS) -> None:
    """Put parameters that several sets share into all of them, near `starts` (see `copies`).

    Convex sets: the nearest common point, by Dykstra's algorithm. Counts decide first which
    entries stay. Then, and for all other sets, projections in turn until all hold: a common point,
    if they come to one, but not the nearest.
    """
    counts = [held for held in sets if isinstance(held[0], COUNTS)]
    others = [held for held in sets if not isinstance(held[0], COUNTS)]
    for operator, tensors in counts:
        project_(operator, tensors)
    kept = {id(tensor): tensor != 0 for _, tensors in counts for tensor in tensors}
    if not counts and all(operator.convex for operator, _ in others):
        joint = any(is_joint(op) for op, _ in others)
        every = list({id(t): t for _, tensors in sets for t in tensors}.values())
        for tensor in () if joint else every:
            on_it = [op.project for op, tensors in others if any(tensor is t for t in tensors)]
            if len(on_it) > 1:
                found = dykstra(starts[id(tensor)], on_it, tolerance=SETTLED, limit=sweeps)
                tensor.copy_(found.point)
        if joint:
            _nearest(others, every, starts, sweeps)
    for _ in range(ROUNDS):
        if all(_holds(*held) for held in others):
            return
        for operator, tensors in others:
            project_(operator, tensors)
        for _, tensors in counts:
            for tensor in tensors:
                tensor.mul_(kept[id(tensor)])


def _nearest(
    sets: Sequence[Held], tensors: Sequence[Tensor], starts: dict[int, Tensor], sweeps: int
) -> None:
    """Dykstra's algorithm on all tensors as one vector: some sets are on several of them."""
    sizes = [tensor.numel() for tensor in tensors]
    place = {id(tensor): i for i, tensor in enumerate(tensors)}

    def onto(operator: Operator, held: Sequence[Tensor]) -> Callable[[Tensor], Tensor]:
        def project(point: Tensor) -> Tensor:
            parts = list(torch.split(point, sizes))
            places = [place[id(tensor)] for tensor in held]
            shaped = [parts[i].reshape(tensors[i].shape) for i in places]
            for i, new in zip(places, project_all(operator, shaped), strict=True):
                parts[i] = new.flatten()
            return torch.cat(parts)

        return project

    start = torch.cat([starts[id(tensor)].double().flatten() for tensor in tensors])
    found = dykstra(start, [onto(*held) for held in sets], tolerance=SETTLED, limit=sweeps)
    for tensor, part in zip(tensors, torch.split(found.point, sizes), strict=True):
        tensor.copy_(part.reshape(tensor.shape))


def copies(sets: Sequence[Held]) -> dict[int, Tensor]:
    """What the tensors are now, by the identity of each."""
    return {id(tensor): tensor.detach().clone() for _, tensors in sets for tensor in tensors}


def length(tensors: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all the entries together."""
    return torch.stack([tensor.square().sum() for tensor in tensors]).sum().sqrt()


def _holds(operator: Operator, tensors: Sequence[Tensor]) -> bool:
    """Whether the tensors are in the set, but for rounding: 4 eps (1 + a mean singular value)."""
    if isinstance(operator, COUNTS):
        return _near(project_all(operator, [t.detach() for t in tensors]), tensors)
    if is_joint(operator):
        tensors = [torch.cat([t.detach().flatten() for t in tensors])]
    for tensor in tensors:
        ranks = max(1, min(as_matrix(tensor).shape)) if tensor.ndim > 1 else 1
        scale = 1 + tensor.square().sum().div(ranks).sqrt()
        if not bool(operator.violation(tensor) <= 4 * torch.finfo(tensor.dtype).eps * scale):
            return False
    return True


def _near(before: Sequence[Tensor], after: Sequence[Tensor]) -> bool:
    """Whether nothing moved but for rounding."""
    change = length([a - b.detach() for a, b in zip(before, after, strict=True)])
    return bool(change <= 4 * torch.finfo(change.dtype).eps * (1 + length(before)))

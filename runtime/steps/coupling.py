"""Which entries of parameters their sets couple: the blocks that need one metric.

A set is a product over blocks of entries (the rows of a simplex, the pairs of a symmetric matrix,
one block of an l1 ball), told by `Operator.coupling`. Several sets on the same parameters, and
sets that several tensors are in together, couple what they connect: the blocks are the connected
components. Entries that are alone in their block, as in boxes, need nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy
import torch
from torch import Tensor

from cspec.runtime.operators import Grid, Operator, is_joint
from cspec.runtime.steps.projection import (
    COUNTS,
    Held,
    connected,
    project_,
    project_together,
    sharing,
)

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cluster:
    """Tensors that sets connect, and the block of each entry, numbered through all of them."""

    tensors: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    sets: tuple[tuple[Operator, tuple[int, ...]], ...]
    """The sets with a projection that decides nothing by counting, and the places of their
    tensors."""

    def among(self, own: set[int]) -> Cluster | None:
        """The part of it on some tensors, told by their identities; None where nothing is left."""
        kept = [place for place, tensor in enumerate(self.tensors) if id(tensor) in own]
        if not kept:
            return None
        sets = [
            (operator, tuple(kept.index(i) for i in places))
            for operator, places in self.sets
            if set(places) <= set(kept)
        ]
        labels = [self.labels[i] for i in kept]
        return _cluster([self.tensors[i] for i in kept], labels, sets)

    @property
    def trivial(self) -> bool:
        """Whether every entry is alone in its block."""
        labels = torch.cat([part.flatten() for part in self.labels])
        return len(np.unique(labels.numpy())) == labels.numel()

    @torch.no_grad()
    def within(self, gradients: Sequence[Tensor], steps: Sequence[Tensor]) -> list[Tensor]:
        """What sets leave of gradients: (x - P(x - t g)) / t; of curved ones the tangential part.

        `steps` are t, the same on all of a block.
        """
        points = [tensor.detach() for tensor in self.tensors]
        moved = [x - t * g for x, g, t in zip(points, gradients, steps, strict=True)]
        found = list(gradients)
        held = [(operator, [moved[i] for i in places]) for operator, places in self.sets]
        place = {id(tensor): i for i, tensor in enumerate(moved)}
        for group in sharing(held):
            every = {place[id(tensor)] for _, tensors in group for tensor in tensors}
            if len(group) == 1 and not group[0][0].convex:
                for i in every:
                    found[i] = group[0][0].project_momentum(points[i], points[i], gradients[i])
                continue
            if len(group) == 1:
                project_(*group[0])
            else:
                project_together(group)
            for i in every:
                found[i] = (points[i] - moved[i]) / steps[i]
        return found


def clusters(held: Sequence[Held]) -> list[Cluster]:
    """The blocks of all the tensors that are kept in sets, where any entries are coupled."""
    tensors = list({id(t): t for _, found in held for t in found}.values())
    place = {id(tensor): i for i, tensor in enumerate(tensors)}
    sizes = [tensor.numel() for tensor in tensors]
    starts = np.cumsum([0, *sizes]).tolist()
    edges: list[tuple[Numbers, Numbers]] = []
    nodes = sum(sizes)
    for operator, found in held:
        for together in [list(found)] if is_joint(operator) else [[t] for t in found]:
            labels = _labels(operator, together)
            if len(np.unique(labels)) == len(labels):
                continue
            parts = [place[id(t)] for t in together]
            entries = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in parts])
            edges.append((entries, labels + nodes))
            nodes += int(labels.max()) + 1
    if not edges:
        return []
    block = _components(edges, nodes)
    blocks = [torch.from_numpy(block[starts[i] : starts[i + 1]]) for i in range(len(tensors))]
    sets = [
        (operator, [place[id(t)] for t in found])
        for operator, found in held
        if not isinstance(operator, (*COUNTS, Grid))
    ]
    groups = connected(range(len(blocks)), lambda i: set(np.unique(blocks[i].numpy()).tolist()))
    made = [_part(group, tensors, blocks, sets) for group in sorted(map(sorted, groups))]
    return [cluster for cluster in made if not cluster.trivial]


def _labels(operator: Operator, together: Sequence[Tensor]) -> Numbers:
    """The block of each entry of tensors that are in a set together."""
    size = sum(tensor.numel() for tensor in together)
    shape = together[0].shape if len(together) == 1 else torch.Size([size])
    return np.asarray(operator.coupling(shape).flatten().numpy())


def _components(edges: Sequence[tuple[Numbers, Numbers]], nodes: int) -> Numbers:
    """The component of each node of the graph between entries and blocks of single sets."""
    rows = np.concatenate([row for row, _ in edges])
    columns = np.concatenate([column for _, column in edges])
    graph = scipy.sparse.coo_array(
        (np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(nodes, nodes)
    )
    return np.asarray(
        scipy.sparse.csgraph.connected_components(graph, directed=False)[1], dtype=np.int64
    )


def _part(
    group: Sequence[int],
    tensors: Sequence[Tensor],
    blocks: Sequence[Tensor],
    sets: Sequence[tuple[Operator, Sequence[int]]],
) -> Cluster:
    """The cluster of some of the tensors, with the sets that are on them."""
    on_it = []
    for operator, places in sets:
        mine = [group.index(i) for i in places if i in group]
        if is_joint(operator) and mine:
            on_it.append((operator, tuple(mine)))
        else:
            on_it.extend((operator, (i,)) for i in mine)
    return _cluster([tensors[i] for i in group], [blocks[i] for i in group], on_it)


def _cluster(
    tensors: Sequence[Tensor],
    labels: Sequence[Tensor],
    sets: Sequence[tuple[Operator, tuple[int, ...]]],
) -> Cluster:
    """With blocks numbered from 0."""
    whole = torch.cat([part.flatten() for part in labels])
    _, numbers = torch.unique(whole, return_inverse=True)
    parts = torch.split(numbers, [part.numel() for part in labels])
    return Cluster(tuple(tensors), tuple(parts), tuple(sets))

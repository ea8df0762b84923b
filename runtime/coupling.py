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
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from cspec.runtime.operators import Operator, is_joint

Held = tuple[Operator, Sequence[Tensor]]
"""A set and the tensors that are kept in it."""


@dataclass(frozen=True, eq=False)
class Cluster:
    """Tensors that sets connect, and the block of each entry, numbered through all of them."""

    tensors: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]

    def among(self, own: set[int]) -> Cluster | None:
        """The part of it on some tensors, told by their identities; None where nothing is left."""
        kept = [place for place, tensor in enumerate(self.tensors) if id(tensor) in own]
        if not kept:
            return None
        return _cluster([self.tensors[i] for i in kept], [self.labels[i] for i in kept])

    @property
    def trivial(self) -> bool:
        """Whether every entry is alone in its block."""
        labels = torch.cat([part.flatten() for part in self.labels])
        return labels.numel() == 0 or labels.unique().numel() == labels.numel()


def clusters(held: Sequence[Held]) -> list[Cluster]:
    """The blocks of all the tensors that are kept in sets, where any entries are coupled."""
    tensors = list({id(t): t for _, found in held for t in found}.values())
    starts = dict(
        zip(map(id, tensors), np.cumsum([0, *(t.numel() for t in tensors)]).tolist(), strict=False)
    )
    edges: list[tuple[np.ndarray, np.ndarray]] = []  # type: ignore[type-arg]
    count = sum(t.numel() for t in tensors)
    nodes = count
    for operator, found in held:
        for together in [list(found)] if is_joint(operator) else [[t] for t in found]:
            size = sum(t.numel() for t in together)
            shape = together[0].shape if len(together) == 1 else torch.Size([size])
            labels = operator.coupling(shape).flatten().numpy()
            if not size or len(np.unique(labels)) == size:
                continue
            places = np.concatenate(
                [np.arange(t.numel()) + starts[id(t)] for t in together]
            )
            edges.append((places, labels + nodes))
            nodes += int(labels.max()) + 1
    if not edges:
        return []
    block = _components(edges, nodes)[:count]
    parts = [block[starts[id(t)] : starts[id(t)] + t.numel()] for t in tensors]
    return [c for c in _connected(tensors, parts) if not c.trivial]


def _components(edges: list[tuple[np.ndarray, np.ndarray]], nodes: int) -> np.ndarray:  # type: ignore[type-arg]
    """The component of each entry of the graph between entries and blocks of single sets."""
    rows = np.concatenate([row for row, _ in edges])
    columns = np.concatenate([column for _, column in edges])
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(nodes, nodes))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _connected(tensors: Sequence[Tensor], parts: Sequence[np.ndarray]) -> list[Cluster]:  # type: ignore[type-arg]
    """Tensors that have a block in common together, the others apart."""
    groups: list[tuple[set[int], list[int]]] = []
    for place, part in enumerate(parts):
        mine = set(np.unique(part).tolist())
        near = [group for group in groups if group[0] & mine]
        groups = [group for group in groups if group not in near]
        joined = [i for _, places in near for i in places]
        groups.append((mine.union(*(labels for labels, _ in near)), [*joined, place]))
    found = []
    for _, places in sorted(groups, key=lambda group: min(group[1])):
        places = sorted(places)
        found.append(
            _cluster([tensors[i] for i in places], [torch.from_numpy(parts[i]) for i in places])
        )
    return found


def _cluster(tensors: Sequence[Tensor], labels: Sequence[Tensor]) -> Cluster:
    """With blocks numbered from 0."""
    whole = torch.cat([part.flatten() for part in labels])
    _, numbers = torch.unique(whole, return_inverse=True)
    parts = torch.split(numbers, [part.numel() for part in labels])
    return Cluster(tuple(tensors), tuple(parts))

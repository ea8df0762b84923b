"""What a measured value rests on: how many examples, its standard error, and what was not there.

Read from the statistics that were noted while it was computed (`runtime/functions/samples`) and
from the gradient graph between them and the value.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts, MeanFacts
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.functions.samples import Sample

Number = Tensor | float


class Heard:
    """All statistics that were noted, in the order in which they were measured."""

    def __init__(
        self, samples: Sequence[Sample], places: Mapping[int, tuple[Tensor, int]] | None = None
    ) -> None:
        self._samples = samples
        self._members = places or {}
        self._places = {id(sample.value): place for place, sample in enumerate(samples)}

    def behind(self, *values: Number) -> list[Sample]:
        """The statistics that values are functions of, in their order; of a member its own."""
        member = next((self._members[id(v)][1] for v in values if id(v) in self._members), None)
        reached = {leaf for value in values for leaf in _leaves(value)}
        places = sorted(self._places[leaf] for leaf in reached if leaf in self._places)
        return [self._samples[place].at(member) for place in places]


def _leaves(value: Number) -> set[int]:
    """Leaves of the gradient graph behind a value, by identity."""
    if not isinstance(value, Tensor) or not value.requires_grad:
        return set()
    if value.grad_fn is None:
        return {id(value)}
    found: set[int] = set()
    seen: set[Any] = set()
    stack: list[Any] = [value.grad_fn]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        stack.extend(following for following, _ in node.next_functions)
    return found


def examples(used: Sequence[Sample]) -> int | None:
    """How many examples count in any of the statistics; over several datasets the sum."""
    counted: dict[str, Tensor] = {}
    for sample in used:
        before = counted.get(sample.dataset)
        counted[sample.dataset] = sample.counted if before is None else before | sample.counted
    return sum(int(mask.sum()) for mask in counted.values()) if counted else None


def standard_error(
    value: Number, used: Sequence[Sample], pairs: Mapping[str, Dataset] | None = None
) -> float | None:
    """The delta method's standard error of a function of statistics; None where it has none.

    It has none where it is no function of means, where a mean that matters is of fewer than two
    examples, and where it was not measured. `pairs` are datasets of pairs of examples: those that
    share an example are not independent, and it is that of a U-statistic of the examples.
    """
    if not used or not isinstance(value, Tensor) or not math.isfinite(float(value.detach())):
        return None
    slopes = torch.autograd.grad(value, [s.value for s in used], retain_graph=True)
    parts: dict[str, Tensor] = {}
    for sample, slope in zip(used, slopes, strict=True):
        part = sample.influence(slope)
        parts[sample.dataset] = parts.get(sample.dataset, torch.zeros_like(part)) + part
    among = {name: one for name, one in (pairs or {}).items() if name in parts}
    alone = {name: part for name, part in parts.items() if name not in among}
    variance = 0.0
    for name, one in among.items():
        variance += variance_of_pairs(parts[name], one, alone.pop(one.of, None))
    variance += sum(float(part.square().sum()) for part in alone.values())
    error = math.sqrt(variance) if math.isfinite(variance) else math.inf
    return error if math.isfinite(error) else None


def variance_of_pairs(parts_M: Tensor, pairs: Dataset, own_N: Tensor | None = None) -> float:
    """The variance of a sum of influences of pairs, where pairs that share an example vary alike.

        (sum over examples (own_i + sum over pairs of i of part)^2
          - sum over {i, j} (part_ij + part_ji)^2) * n (n - 1) / ((n - 2) (n - 3))

    Pairs of the same two examples stand in both of their sums and count once. `own_N` is what
    examples have influence on besides. The factor makes it s^2 / n for the mean of
    (h(a) + h(b)) / 2 over all pairs. NaN of fewer than four examples. (Hoeffding 1948, "A class of
    statistics with asymptotically normal distribution"; Aronow, Samii and Assenova 2015,
    "Cluster-robust variance estimation for dyadic data".)
    """
    assert pairs.members is not None
    first, second = (rows.to(parts_M.device) for rows in pairs.members)
    n = max(pairs.rows, 1)
    if n < 4:
        return math.nan
    sums_N = parts_M.new_zeros(n).index_add(0, first, parts_M).index_add(0, second, parts_M)
    two = torch.minimum(first, second) * n + torch.maximum(first, second)
    _, place = two.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    of_two = parts_M.new_zeros(int(place.max()) + 1).index_add(0, place, parts_M).square().sum()
    shared = sums_N.square().sum() - of_two
    factor = n * (n - 1) / ((n - 2) * (n - 3))
    # What two pairs share can't be told apart from 0 where it is negative.
    variance = float(torch.maximum(shared * factor, of_two))
    if own_N is not None:
        variance += float((own_N.square() + 2 * own_N * sums_N).sum())
    return variance


def absent(constraint: ConstraintFacts, used: Sequence[Sample]) -> tuple[str, ...]:
    """What was not there, in words: groups and conditions without an example, empty denominators.

    Nothing where the statistics can't be told apart.
    """
    if len(used) != len(constraint.means):
        return ()
    found = [
        reason
        for sample, facts in zip(used, constraint.means, strict=True)
        for reason in _missing(sample, facts)
    ]
    return tuple(dict.fromkeys(found))


def _missing(sample: Sample, facts: MeanFacts) -> list[str]:
    empty = (sample.counts == 0).tolist()
    if facts.groups:
        names = [name for name, none in zip(facts.groups, empty, strict=False) if none]
        columns, _, rest = (
            facts.condition.partition(", ")
            if "==" in facts.condition
            else (facts.condition, "", "")
        )
        among = f" with `{rest}`" if rest else ""
        return [f"no example of `{sample.dataset}`{among} has {columns} `{n}`" for n in names]
    if any(empty):
        return [f"no example of `{sample.dataset}` meets `{facts.condition}`"]
    if facts.denominator and bool((sample.seen == 0).all()):
        return [f"`{facts.denominator}`, its denominator, is 0 on `{sample.dataset}`"]
    return []

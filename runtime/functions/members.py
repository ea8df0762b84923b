"""Requirements of one form, taken together: their numbers, their means, their values by label.

    E[h(x, c_k) | group == k] <= b_k  for k = 1 ... n   ->   one vector of n values

Entry k is computed as the requirement alone would be, NaN where it was not measured.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cspec.runtime.functions.examples import on_device
from cspec.runtime.functions.samples import heard, note_members, places_of_members
from cspec.runtime.functions.statistics import as_numbers, by_group, quotient, several_numbers

Binary = Callable[[Any, Any], Any]


def _operation(apply: Binary) -> Binary:
    """An operator of Python as a method of numbers, `numbers + other`."""

    def method(numbers: Numbers, other: object) -> Any:
        return numbers._with(other, apply)

    return method


def _reflected(apply: Binary) -> Binary:
    """`other + numbers`."""
    return _operation(lambda one, other: apply(other, one))


class Numbers:
    """A number for each member, (n,), or (n, 1) for values of examples: `Numbers(.., rows=True)`.

    Beside a tensor they are what a number of Python is: of its type and on its device. So a bound
    keeps all its digits beside a rate (float64) and is single beside outputs (float32).
    """

    def __init__(self, *values: float, rows: bool = False) -> None:
        self.values = values
        self.rows = rows
        self._kind: float | int = 1 if all(isinstance(value, int) for value in values) else 1.0
        self._held: dict[tuple[torch.dtype, torch.device, torch.dtype], Tensor] = {}

    def like(self, tensor: Tensor) -> Tensor:
        """The numbers as a tensor that can stand beside another."""
        key = tensor.dtype, tensor.device, torch.get_default_dtype()
        found = self._held.get(key)
        if found is None:
            dtype = torch.result_type(tensor, self._kind)
            with torch.inference_mode(False):  # It is kept, for steps as well.
                found = torch.tensor(self.values, dtype=dtype, device=tensor.device)
                found = self._held[key] = found.unsqueeze(1) if self.rows else found
        return found

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """What torch does where they stand among tensors."""
        tensor = next(item for item in args if isinstance(item, Tensor))
        return function(
            *(item.like(tensor) if isinstance(item, cls) else item for item in args),
            **(kwargs or {}),
        )

    def _with(self, other: object, apply: Binary) -> Any:
        if isinstance(other, Tensor):
            return apply(self.like(other), other)
        return Numbers(*(apply(value, other) for value in self.values), rows=self.rows)

    def __neg__(self) -> Numbers:
        return Numbers(*(-value for value in self.values), rows=self.rows)

    __add__, __radd__ = _operation(operator.add), _reflected(operator.add)
    __sub__, __rsub__ = _operation(operator.sub), _reflected(operator.sub)
    __mul__, __rmul__ = _operation(operator.mul), _reflected(operator.mul)
    __truediv__, __rtruediv__ = _operation(operator.truediv), _reflected(operator.truediv)
    __lt__, __le__ = _operation(operator.lt), _operation(operator.le)
    __gt__, __ge__ = _operation(operator.gt), _operation(operator.ge)
    __eq__, __ne__ = _operation(operator.eq), _operation(operator.ne)
    __hash__ = object.__hash__


def member_index(columns: Sequence[Tensor], members: tuple[tuple[int, ...], ...]) -> Tensor:
    """The number of each example's member, (B,) int64; -1 where it is in none.

    `members` says what the columns hold in the examples of each, no two the same.
    """
    index_B: Tensor | None = None
    for place, column in enumerate(columns):
        codes_B = column.long()
        values, keys = _held(tuple(held[place] for held in members), column.device)
        if max(keys) == len(keys) - 1 and min(keys) == 0:
            key_B, inside_B = codes_B, (codes_B >= 0) & (codes_B < len(values))
        else:
            key_B = torch.bucketize(codes_B, values).clamp(max=len(values) - 1)
            inside_B = values[key_B] == codes_B
        if column.is_floating_point():
            inside_B = inside_B & (codes_B == column)
        key_B = torch.where(inside_B, key_B, -1)
        index_B = key_B if index_B is None else _joint(index_B, key_B, len(values))
    assert index_B is not None
    table = _table(members, index_B.device)
    return index_B if table is None else torch.where(index_B < 0, -1, table[index_B])


def _joint(first_B: Tensor, second_B: Tensor, count: int) -> Tensor:
    """One number for two keys; -1 where one of them is none."""
    return torch.where((first_B < 0) | (second_B < 0), -1, first_B * count + second_B)


@functools.lru_cache(maxsize=256)
def _held(held: tuple[int, ...], device: torch.device) -> tuple[Tensor, dict[int, int]]:
    """What a column holds, in order, and the place of each value there."""
    values = tuple(sorted(set(held)))
    return on_device(values, device), {value: place for place, value in enumerate(values)}


@functools.lru_cache(maxsize=256)
def _table(members: tuple[tuple[int, ...], ...], device: torch.device) -> Tensor | None:
    """The member of each joint key, -1 for those that are none; None where they are the same."""
    keys = [_held(held, device)[1] for held in zip(*members, strict=True)]
    size = functools.reduce(operator.mul, map(len, keys))
    table = [-1] * size
    for number, member in enumerate(members):
        joint = 0
        for place, value in zip(keys, member, strict=True):
            joint = joint * len(place) + place[value]
        table[joint] = number
    return None if table == list(range(size)) else on_device(tuple(table), device)


def at_places(rows: Tensor, places: tuple[int, ...]) -> Tensor:
    """Some rows of many, in this order; a row may come several times."""
    return rows.index_select(0, on_device(places, rows.device))


def of_members(index_B: Tensor, members: Numbers) -> Tensor:
    """Which examples are of each member's group, (n, B)."""
    return index_B == members.like(index_B)


def by_member(
    values_B: Tensor,
    index_B: Tensor,
    count: int,
    where: Tensor | None = None,
    on: str | None = None,
) -> Tensor:
    """Mean over the examples of each member, (n,), by one scatter-add; NaN where it has none."""
    value_n = by_group(values_B, index_B, count, where)
    if on is None or not heard():
        return value_n
    counted_B = index_B >= 0 if where is None else (index_B >= 0) & where.bool()
    counted_nB = counted_B & (index_B == torch.arange(count, device=index_B.device).unsqueeze(1))
    return note_members(on, value_n, as_numbers(values_B).expand(count, -1), counted_nB)


def row_means(values: Tensor, where: Tensor | None = None, *, on: str | None = None) -> Tensor:
    """Mean of each row, (n, B) -> (n,), over the examples where the mask holds; NaN for none.

    Values or mask may be the same for all members, (B,).

    Raises:
        ShapeMismatch: several numbers an example, or a mask of another length.
    """
    values = as_numbers(values)
    lengths = {values.shape[-1:], values.shape[-1:] if where is None else where.shape[-1:]}
    if values.ndim not in (1, 2) or len(lengths) > 1:
        raise several_numbers(values)
    if where is None:
        value_n = values.mean(-1)
    else:
        where = where.bool()
        sums_n = torch.where(where, values, torch.zeros_like(values)).sum(-1)
        value_n = quotient(sums_n, where.sum(-1).to(values.dtype))
    if on is None or not heard():
        return value_n
    count, rows = len(value_n), values.shape[-1]
    every = torch.ones((), dtype=torch.bool, device=values.device) if where is None else where
    return note_members(on, value_n, values.expand(count, rows), every.expand(count, rows))


Side = Tensor | Numbers | float


def members(labels: Sequence[str], value: Side, bound: Side) -> dict[str, tuple[Any, Any]]:
    """`{label: (value, bound)}` of each member; a side that they share has one number."""
    sides = zip(_each(value, len(labels)), _each(bound, len(labels)), strict=True)
    return dict(zip(labels, sides, strict=True))


def _each(side: Side, count: int) -> Sequence[Tensor | float]:
    if isinstance(side, Numbers):
        return side.values
    if not isinstance(side, Tensor) or side.ndim == 0:
        return [side] * count
    return places_of_members(side.unbind())

"""Values that examples have: brought to one form, chosen from, numbered by group.

Shapes are (B, *tokens, *entries): B examples, the positions that are averaged with them, and what
stands at each: classes, features, outputs. (B, 1) and (B,) are the same, one number an example.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from cspec.runtime.functions.shapes import ShapeMismatch, in_words
from cspec.runtime.functions.statistics import as_numbers


def each_tensor(output: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """An output of a model with its tensors changed, however nested."""
    if isinstance(output, Tensor):
        return change(output)
    if isinstance(output, Mapping):
        made = {key: each_tensor(value, change) for key, value in output.items()}
        return made if type(output) is dict else _like(output, made)
    if isinstance(output, (tuple, list)):
        parts = (each_tensor(value, change) for value in output)
        return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
    return output


def _like(output: Mapping[Any, Any], made: dict[Any, Any]) -> Any:
    """A mapping of its own kind (`transformers` returns one with attributes)."""
    try:
        return type(output)(**made)
    except TypeError:
        return made


def per_example(values: Any) -> Any:
    """(B, 1) as (B,); everything else as it is."""
    if isinstance(values, Tensor) and values.ndim == 2 and values.shape[1] == 1:
        return values.squeeze(1)
    return values


def entry(values: Any, index: int) -> Any:
    """Output `index` of each example, (B, C) -> (B,); the only one of (B,); a part of a tuple.

    Raises:
        ShapeMismatch: no such output.
    """
    if isinstance(values, Mapping):
        return per_example(list(values.values())[index])
    if not isinstance(values, Tensor):
        return per_example(values[index])
    length = values.shape[-1] if values.ndim > 1 else 1
    if not -length <= index < length:
        raise ShapeMismatch(
            f"output {index} was asked for, but the outputs are {in_words(values)}: an example has "
            f"{length}, numbered 0 to {length - 1}"
        )
    return values[..., index] if values.ndim > 1 else values


def own_entry(values: Tensor, places_B: Tensor) -> Tensor:
    """Of each example the entry that its own number names: (B, C), (B,) -> (B,).

    Raises:
        ShapeMismatch: no axis to choose from, or another number of places than examples.
    """
    if values.ndim != places_B.ndim + 1 or values.shape[:-1] != places_B.shape:
        raise ShapeMismatch(
            f"each example names one of its own entries, but the entries are {in_words(values)} "
            f"and the places {in_words(places_B)}"
        )
    return values.gather(-1, places_B.long().unsqueeze(-1)).squeeze(-1)


def spread(value: Any, like_B: Tensor) -> Tensor:
    """A value that is the same for all examples, for each of them: () -> (B,).

    `like_B` says how many they are.

    Raises:
        ShapeMismatch: a value that has a number for each example already.
    """
    made = value if isinstance(value, Tensor) else torch.tensor(value, device=like_B.device)
    if made.ndim and len(made) == len(like_B):
        raise ShapeMismatch(
            f"one number is expected, but the values are {in_words(made)}, one for each example; a "
            'function of your own says so in its decorator, `result="example"`'
        )
    return made.expand(len(like_B), *made.shape)


def filled(value: float, like_B: Tensor) -> Tensor:
    """A number in the place of a column: its shape, and its type where that holds the number."""
    whole = like_B.is_floating_point() or float(value).is_integer()
    return torch.full_like(like_B, value, dtype=None if whole else torch.get_default_dtype())


def narrowed(values: Tensor) -> Tensor:
    """A column in the precision of the run, as models take it."""
    wide = values.dtype == torch.float64
    return values.to(torch.get_default_dtype()) if wide else values


def as_number(values: Tensor | float) -> Tensor | float:
    """Events as 0 and 1, whole numbers as they are, in float64: counts are exact."""
    return as_numbers(values) if isinstance(values, Tensor) else float(values)


def as_whole(values: Tensor) -> Tensor:
    """Truth values, which models get as such, as the 0 and 1 that a spec computes with."""
    return values.long() if values.dtype is torch.bool else values


def side_by_side(*items: Tensor) -> Tensor:
    """`[a, b]` of numbers that each example has: (B,), (B,) -> (B, 2)."""
    tensors = [item for item in items if isinstance(item, Tensor) and item.ndim]
    made = [item if isinstance(item, Tensor) else tensors[0].new_tensor(item) for item in items]
    return torch.stack(torch.broadcast_tensors(*made), dim=-1)  # type: ignore[no-untyped-call]


def multiplied(left: Tensor, right: Tensor) -> Tensor:
    """`a @ b` of numbers of two types: columns keep their digits, (B, n) @ (n,) -> (B,).

    Raises:
        ShapeMismatch: no axis of one length.
    """
    if left.shape[-1:] != right.shape[:1]:
        raise ShapeMismatch(
            f"`@` sums over one axis of both, but got {in_words(left)} and {in_words(right)}"
        )
    dtype = torch.promote_types(left.dtype, right.dtype)
    return left.to(dtype) @ right.to(dtype)


@lru_cache(maxsize=256)
def on_device(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Numbers as a tensor that is kept: whole ones as int64, others in float64."""
    whole = all(isinstance(value, int) for value in values)
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=torch.int64 if whole else torch.float64, device=device)


def recoded(codes: Tensor, values: tuple[float, ...]) -> Tensor:
    """What each code stands for: codes of another column, or numbers."""
    return on_device(values, codes.device)[codes.long()]


def group_index(columns: Sequence[Tensor], groups: tuple[tuple[int, ...], ...]) -> Tensor:
    """The number of each example's group, (B,) int64; -1 where it is in none.

    `groups` says what the columns hold in the rows of each group.
    """
    held_BC = torch.stack([column.long() for column in columns], dim=1)
    index_B = torch.full_like(held_BC[:, 0], -1)
    for number, group in enumerate(groups):
        wanted_C = on_device(group, held_BC.device)
        index_B = torch.where((held_BC == wanted_C).all(1), number, index_B)
    return index_B


def only(values: Any, asked_B: Tensor) -> Any:
    """The values of the examples that something is asked of; NaN, not measured, where none is.

    What is the same for all examples stays one number.
    """
    if not isinstance(values, Tensor) or values.ndim == 0:
        return values
    found = values[asked_B.bool()]
    return found if len(found) else values.new_full((1,), torch.nan)


def one_each(values: Any, like_B: Tensor, asked_B: Tensor | None = None) -> Tensor:
    """One number for each example, (B,); NaN, not measured, where nothing is asked of it.

    Raises:
        ShapeMismatch: several numbers an example.
    """
    found = per_example(values)
    if not isinstance(found, Tensor) or found.ndim == 0:
        found = torch.as_tensor(found, device=like_B.device).expand(len(like_B))
    found = found if found.is_floating_point() else found.to(torch.get_default_dtype())
    if found.shape != like_B.shape[:1]:
        raise ShapeMismatch(
            f"a requirement on each example compares one number of it, not {in_words(found)}"
        )
    return found if asked_B is None else torch.where(asked_B.bool(), found, torch.nan)


def mean_violation(values_B: Tensor, *, equal: bool = False, power: int = 1) -> Tensor:
    """The mean of [g]+ ** power, or |h| ** power, over the examples that are asked; 0 of none."""
    asked = ~torch.isnan(values_B.detach())
    measured = torch.where(asked, values_B, 0.0)
    amounts = measured.abs() if equal else torch.relu(measured)
    return amounts.pow(power).sum() / asked.sum().clamp(min=1)


def broken_or_room(broken_B: Tensor, soft_B: Tensor) -> Tensor:
    """1 of each example that breaks a rule, else at most 0: the room that its soft truth tells.

    soft is the soft truth that the rule is broken, 0.5 at the border: the room is [0.5 - soft]+,
    and the gradient is that of soft. NaN where nothing is asked.
    """
    room = torch.clamp(soft_B.detach() - 0.5, max=0.0)
    true = torch.where(broken_B > 0, 1.0, room.to(broken_B))
    true = torch.where(broken_B.isnan(), torch.nan, true)
    return true + (soft_B - soft_B.detach())

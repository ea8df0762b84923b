"""Counts so small that a layer keeps nothing: it then computes its biases and no more."""

from collections.abc import Iterator
from math import floor, prod

from cspec.compiler.expressions.rewrite import last_of_ramp
from cspec.compiler.lower.rules import targets
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.lowered import Lowered, SetAction
from cspec.compiler.records.problem import ParameterRef, SetMember
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Expr


def pruning_notes(lowered: Lowered, facts: Facts, params: Values) -> tuple[str, ...]:
    """What to know of counts on weights before they are pruned to nothing."""
    return tuple(note for action in lowered.actions for note in _notes(action, facts, params))


def _notes(action: SetAction, facts: Facts, params: Values) -> Iterator[str]:
    share = _share(action.set, params)
    if share is None:
        return
    weights = [w for w in targets(action, facts) if isinstance(w, ParameterRef)]
    if action.set.model is not None:
        yield from _of_all(action, weights, share)
        return
    for weight in weights:
        many = weight.shape[0] if action.set.word == "channels" else prod(weight.shape)
        if not kept(share, many):
            what = "rows" if action.set.word == "channels" else "entries"
            yield (
                f"`{action.family}` leaves nothing of `{weight.model}.{weight.name}`: {share:.4g} "
                f"of {many:,} {what} is less than one"
            )


def _of_all(action: SetAction, weights: list[ParameterRef], share: float) -> Iterator[str]:
    """A density of a model: fewer weights than it has layers end the network somewhere."""
    total = sum(prod(weight.shape) for weight in weights)
    if kept(share, total) < len(weights):
        yield (
            f"`{action.family}` leaves {kept(share, total)} of {total:,} weights to "
            f"{len(weights)} layers: one without a weight ends the network, whose outputs are then "
            "those of its biases"
        )


def kept(share: float, many: int) -> int:
    """How many of so many a share keeps: rounded down, but for rounding."""
    return min(many, floor(share * many * (1 + 1e-12)))


def _share(member: SetMember, params: Values) -> float | None:
    amount = member.arguments.get("0")
    if member.word not in ("sparse", "channels") or not isinstance(amount, Expr):
        return None
    return value_or_none(last_of_ramp(amount), params)

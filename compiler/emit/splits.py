"""ADMM in the loop: warm-up, split, delivery of the feasible copy, fine-tuning on it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.pieces import called, sequence
from cspec.compiler.emit.sets import at_end, density_ramp, set_at, tensors_of
from cspec.compiler.lower.sharing import name_of, targets
from cspec.compiler.methods.admm import first_rho, options, phases, rounds_of, settings_of, splits
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.lowered import Lowered, SetAction
from cspec.dsl.settings.base import EPOCH

Groups = Sequence[Sequence[SetAction]]


def split_groups(lowered: Lowered, facts: Facts) -> Groups:
    """ADMM actions; those that share a parameter stand together."""
    groups: list[tuple[set[str], list[SetAction]]] = []
    for action in lowered.actions:
        if not splits(action):
            continue
        keys = {name_of(target) for target in targets(action, facts)}
        joined = [group for group in groups if group[0] & keys]
        members = [member for group in joined for member in group[1]]
        for group in joined:
            groups.remove(group)
            keys |= group[0]
        groups.append((keys, [*members, action]))
    return [members for _, members in groups]


def write_splits(groups: Groups, translator: Translator) -> None:
    """`splits(primal, state)`: every x = z, those that share parameters one after another."""
    doc = ["Parameters x, their copies z in sets, and the scaled duals u of x = z."]
    writer = translator.writer
    with writer.function("splits", ("primal", "state"), doc):
        made = [
            called(
                "Split",
                ast.Constant(action.name),
                at_end(action, translator),
                tensors_of(action),
                ast.Name(id="state"),
            )
            for group in groups
            for action in group
        ]
        writer.give(sequence(made))


def _local(action: SetAction) -> str:
    return f"{action.name}_split"


def _apart(action: SetAction) -> str:
    return f"{action.name}_apart"


def _all(group: Sequence[SetAction]) -> str:
    return ", ".join(map(_local, group))


def write_start(groups: Groups, translator: Translator) -> None:
    """`[prune_split] = splits(primal, state)`, before the loop."""
    names = [_local(action) for group in groups for action in group]
    if names:
        translator.writer.line(f"[{', '.join(names)}] = splits(primal, state)")


def write_phases(groups: Groups, translator: Translator) -> None:
    """Dense at first, then attracted to the feasible copy, then fine-tuned on it."""
    writer = translator.writer
    for group in groups:
        start, end = phases(group[0])
        after = "" if end == 1.0 else ", then fine-tuned on it"
        writer.comment(f"free at first, then drawn to a copy in the set{after}")
        for action in group:
            # The set of the moment, where its bound is on a ramp.
            if density_ramp(action, translator) is not None:
                writer.assign(f"{_local(action)}.onto", set_at(action, translator))
            writer.line(f"{_apart(action)} = {start!r} <= progress < {end!r}")
            with writer.block(f"if {_apart(action)} and not {_local(action)}.begun:"):
                rho = first_rho(action, translator.scope.facts)
                writer.line(f"begin({_local(action)}, rho={rho!r})  # z <- P(x), u <- 0")
        if end == 1.0:
            continue  # delivered after the loop
        first = _local(group[0])
        with writer.block(f"if progress >= {end!r} and {first}.begun and not {first}.delivered:"):
            writer.line(f"deliver({_all(group)})  # x <- z")
            writer.line(f'session.mark("{group[0].name}")')


def write_attraction(groups: Groups, translator: Translator) -> None:
    """loss + rho/2 ||x - z + u||^2, for splits whose x moves by the optimizer."""
    writer = translator.writer
    for action in attracted(groups):
        with writer.block(f"if {_apart(action)}:"):
            writer.line(f"loss = loss + attraction({_local(action)})  # rho/2 ||x - z + u||^2")


def attracted(groups: Groups) -> list[SetAction]:
    """Splits whose x moves by the optimizer, and not by a step in closed form."""
    return [a for group in groups for a in group if not settings_of(a).linearized]


def write_linearized(groups: Groups, translator: Translator) -> None:
    """The closed-form x-step of linearized splits, before the optimizer's step on the rest."""
    writer = translator.writer
    for group in groups:
        first = group[0]
        if not settings_of(first).linearized:
            continue
        with writer.block(f"if {_apart(first)}:"):
            writer.comment("the x-step in closed form; the optimizer moves the other parameters")
            call = f"{_all(group)}, optimizer=optimizer, steps=session.step"
            writer.line(f"linearized_step({call})")


def write_step_rounds(groups: Groups, translator: Translator) -> None:
    """z- and u-updates that fall on steps, and what keeps delivered copies feasible."""
    writer = translator.writer
    for group in groups:
        for action in group:
            every = rounds_of(settings_of(action), translator.scope.facts)
            if every.unit == "step":
                due = f" and session.step % {every.count} == 0" if every.count > 1 else ""
                _write_round(action, due, translator)
        if phases(group[0])[1] < 1.0:
            why = "fine-tuning leaves the set no more"
            with writer.when(f"{_local(group[0])}.delivered", why):
                writer.line(f"stay({_all(group)}, optimizer=optimizer)")


def write_epoch_rounds(groups: Groups, translator: Translator) -> None:
    """z- and u-updates at an epoch's end."""
    for action in (action for group in groups for action in group):
        every = rounds_of(settings_of(action), translator.scope.facts)
        if every.unit == "epoch":
            due = "" if every == EPOCH else f" and session.epoch % {every.count} == 0"
            _write_round(action, due, translator)


def _write_round(action: SetAction, due: str, translator: Translator) -> None:
    with translator.writer.block(f"if {_apart(action)}{due}:"):
        call = f"split_round({_local(action)}{options(action)})"
        translator.writer.call(call, "z <- P(x + u), u <- u + x - z")


def write_reports(groups: Groups, translator: Translator) -> None:
    """After the loop: deliver what was never delivered, and say how near x came to z."""
    writer = translator.writer
    for group in groups:
        with writer.block(f"if not {_local(group[0])}.delivered:"):
            for action in group:
                if density_ramp(action, translator) is not None:
                    writer.assign(f"{_local(action)}.onto", at_end(action, translator))
            writer.line(f"deliver({_all(group)})  # x <- z")
    for action in (action for group in groups for action in group):
        writer.line(f"report_split(session, {_local(action)})")

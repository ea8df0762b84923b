"""ADMM in the loop: warm-up, split, delivery of the feasible copy, fine-tuning on it."""

from __future__ import annotations

from collections.abc import Sequence

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.sets import split_at_end, split_call, split_tuple
from cspec.compiler.lower.sharing import targets
from cspec.compiler.methods.admm import first_rho, options, phases, rounds_of, settings_of
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.lowered import Lowered, SetAction
from cspec.compiler.records.problem import ParameterRef
from cspec.dsl.settings.base import EPOCH
from cspec.dsl.settings.methods import Admm
from cspec.dsl.tree.nodes import Expr, Name

Groups = Sequence[Sequence[SetAction]]


def split_groups(lowered: Lowered, facts: Facts) -> Groups:
    """ADMM actions; those that share a parameter stand together."""
    groups: list[tuple[set[object], list[SetAction]]] = []
    for action in lowered.actions:
        if not isinstance(action.settings, Admm):
            continue
        keys = {_key(target) for target in targets(action, facts)}
        joined = [group for group in groups if group[0] & keys]
        members = [member for group in joined for member in group[1]]
        for group in joined:
            groups.remove(group)
            keys |= group[0]
        groups.append((keys, [*members, action]))
    return [members for _, members in groups]


def _key(target: Expr) -> object:
    match target:
        case ParameterRef(model=model, name=name):
            return model, name
        case Name(id=name):
            return name
        case _:
            return repr(target)


def write_copies(groups: Groups, translator: Translator) -> None:
    """`copies(primal)`: the splits, those that share parameters together."""
    doc = ["What is measured until x and its feasible copy are one: the copy."]
    writer = translator.writer
    with writer.function("copies", ("primal",), doc):
        writer.line("return [")
        with writer.indented():
            for group in groups:
                writer.line(f"[{', '.join(split_at_end(a, translator) for a in group)}],")
        writer.line("]")


def write_phases(groups: Groups, translator: Translator, epochs: float) -> None:
    """Dense at first, then attracted to the feasible copy, then fine-tuned on it."""
    writer = translator.writer
    for group in groups:
        start, end = phases(group[0])
        for action in group:
            name = action.name
            writer.line(f"{name}_split = {start!r} <= progress < {end!r}")
            writer.line(f'if {name}_split and "{name}.begun" not in state:')
            with writer.indented():
                reset = split_call("split_reset", action, translator, epochs, "state")
                writer.line(f"{reset[:-1]}, rho={first_rho(action, translator.scope.facts)!r})")
        if end == 1.0:
            continue  # delivered after the loop
        begun = f'"{group[0].name}.begun" in state'
        done = f'"{group[0].name}.delivered" not in state'
        writer.line(f"if progress >= {end!r} and {begun} and {done}:")
        with writer.indented():
            writer.line(_joint("deliver", group, translator, epochs, "state"))
            writer.line(f'session.mark("{group[0].name}")')


def _joint(
    function: str, group: Sequence[SetAction], translator: Translator, epochs: float, *more: str
) -> str:
    translator.used.add(function)
    splits = ", ".join(split_tuple(action, translator, epochs) for action in group)
    return f"{function}({', '.join([f'[{splits}]', *more])})"


def write_attraction(groups: Groups, translator: Translator) -> None:
    """loss + rho/2 ||x - z + u||^2, for splits whose x moves by the optimizer."""
    writer = translator.writer
    for action in (action for group in groups for action in group):
        if settings_of(action).linearized:
            continue
        translator.used.add("attraction")
        writer.line(f"if {action.name}_split:")
        with writer.indented():
            tensors = f"{action.name}_tensors(primal)"
            writer.line(f'loss = loss + attraction("{action.name}", {tensors}, state)')


def write_linearized(groups: Groups, translator: Translator) -> None:
    """The closed-form x-step of linearized splits, before the optimizer's step on the rest."""
    writer = translator.writer
    for group in groups:
        first = group[0]
        if not settings_of(first).linearized:
            continue
        translator.used.add("linearized_step")
        names = [action.name for action in group]
        writer.line(f"if {first.name}_split:")
        with writer.indented():
            call = f"{names!r}, {first.name}_tensors(primal), state, optimizer, session.step"
            writer.line(f"linearized_step({call})")


def write_step_rounds(groups: Groups, translator: Translator, epochs: float) -> None:
    """z- and u-updates that fall on steps, and what keeps delivered copies feasible."""
    writer = translator.writer
    for group in groups:
        for action in group:
            every = rounds_of(settings_of(action), translator.scope.facts)
            if every.unit != "step":
                continue
            due = f" and session.step % {every.count} == 0" if every.count > 1 else ""
            writer.line(f"if {action.name}_split{due}:")
            with writer.indented():
                writer.line(_round(action, translator, epochs))
        if phases(group[0])[1] < 1.0:
            writer.line(f'if "{group[0].name}.delivered" in state:')
            with writer.indented():
                writer.line(_joint("stay", group, translator, epochs, "state", "optimizer"))


def write_epoch_rounds(groups: Groups, translator: Translator, epochs: float) -> None:
    """z- and u-updates at an epoch's end."""
    writer = translator.writer
    for action in (action for group in groups for action in group):
        every = rounds_of(settings_of(action), translator.scope.facts)
        if every.unit != "epoch":
            continue
        due = "" if every == EPOCH else f" and session.epoch % {every.count} == 0"
        writer.line(f"if {action.name}_split{due}:")
        with writer.indented():
            writer.line(_round(action, translator, epochs))


def _round(action: SetAction, translator: Translator, epochs: float) -> str:
    call = split_call("split_step", action, translator, epochs, "state")
    return f"{call[:-1]}{options(action)})"


def write_reports(groups: Groups, translator: Translator) -> None:
    """After the loop: deliver what was never delivered, and say how near x came to z."""
    writer = translator.writer
    for group in groups:
        translator.used.add("deliver")
        writer.line(f'if "{group[0].name}.delivered" not in state:')
        with writer.indented():
            splits = ", ".join(split_at_end(action, translator) for action in group)
            writer.line(f"deliver([{splits}], state)")
    for action in (action for group in groups for action in group):
        translator.used.add("report_split")
        writer.line(f'report_split(session, "{action.name}")')

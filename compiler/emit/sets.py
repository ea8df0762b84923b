"""Projection and ADMM as Python: which parameters, which set, when; masks that pruning leaves."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.expressions.base import ramp_steps
from cspec.compiler.emit.expressions.set_constants import operator, set_constant
from cspec.compiler.emit.measures import MakeTranslator
from cspec.compiler.emit.pieces import called, constant, entry, method
from cspec.compiler.expressions.rewrite import last_of_ramp
from cspec.compiler.lower.sharing import sharing, targets
from cspec.compiler.methods.admm import splits
from cspec.compiler.methods.projection import (
    course_of,
    projections,
    settings_of,
    way_onto,
)
from cspec.compiler.methods.pruning import LAYER_FLOOR, moving
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.lowered import SetAction
from cspec.compiler.records.problem import ParameterRef, SetMember
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.tree.nodes import Call, Expr, Name

LAYER = "layer"
"""Scope of a count within each tensor."""


def tensors(items: Sequence[Expr]) -> ast.expr:
    """`parameters(primal["net"], ["a.weight", ...])`, or a list of decision variables."""
    models = {item.model for item in items if isinstance(item, ParameterRef)}
    if len(models) == 1 and all(isinstance(item, ParameterRef) for item in items):
        names: list[ast.expr] = [ast.Constant(i.name) for i in items if isinstance(i, ParameterRef)]
        return called("parameters", entry("primal", models.pop()), ast.List(elts=names))
    return ast.List(elts=[entry("primal", i.id) for i in items if isinstance(i, Name)])


def write_targets(actions: Sequence[SetAction], facts: Facts, make: MakeTranslator) -> None:
    """One function an action: the tensors it acts on."""
    for action in actions:
        texts = ", ".join(sorted({c.text for c in action.constraints})) or "its bounds"
        doc = [f"What `{action.family}` is about: {texts}"]
        with make.writer.function(f"{action.name}_tensors", ("primal",), doc):
            make.writer.give(tensors(targets(action, facts)))


def write_held(actions: Sequence[SetAction], make: MakeTranslator) -> None:
    """`sets(primal)`: every set that parameters are kept in, as it is at the end, and which.

    Adam has one second moment for what these couple (`runtime/steps/coupling`), and the
    stationarity of the end is that of projected gradients. Sets of splits are in `copies`.
    """
    kept = [a for a in actions if not splits(a)]
    if not kept:
        return
    translator = make()
    writer = make.writer
    doc = ["Every set that parameters are kept in."]
    with writer.function("sets", ("primal",), doc), writer.block("return [", "]"):
        for action in kept:
            pair = ast.Tuple(elts=[at_end(action, translator), tensors_of(action)])
            writer.line(f"{ast.unparse(pair)},  # {action.family}")


def set_at(action: SetAction, translator: Translator) -> ast.expr:
    """The set of an action: a module constant, or the set of the moment along a ramp."""
    ramp = density_ramp(action, translator)
    if ramp is None:
        return at_end(action, translator)
    start, end, share = ramp
    elapsed: ast.expr = ast.Name(id="progress")
    warmup = course_of(action).warmup
    if warmup:
        elapsed = ast.BinOp(elapsed, ast.Sub(), constant(warmup))
    moment = ast.BinOp(elapsed, ast.Div(), constant(share))
    linear = {"power": ast.Constant(1)} if moving(action.set) else {}
    arguments: list[ast.expr] = [called("ramp_down", start, end, moment, **linear)]
    block = _block(action.set)
    if block is not None:
        # Of each block a whole number of entries, at least as many as the ramp says.
        arguments = [method("math", "ceil", *arguments), translator.translate(block)]
    more = {key: ast.Constant(value) for key, value in _of_layers(action.set)}
    return operator(action.set.word, *arguments, **more)


def _block(member: SetMember) -> Expr | None:
    """The size of the blocks of `nm(2, 4)`; None of other counts."""
    block = member.arguments.get("1")
    return block if member.word == "nm" and isinstance(block, Expr) else None


def _of_layers(member: SetMember) -> tuple[tuple[str, str | float], ...]:
    """How a count is shared between tensors: each its own, or a floor for every layer of a model.

    `W in sparse(10%)` is about each tensor, `density(net) <= 10%` about all the weights of one.
    """
    if member.word != "sparse":
        return ()
    return (("scope", LAYER),) if member.model is None else (("floor", LAYER_FLOOR),)


def _onto(action: SetAction) -> SetMember:
    """The set at the end of a ramp, with the way onto it that the spec asks for."""
    member, by = action.set, way_onto(action)
    found = {**member.arguments, **dict(_of_layers(member)), **({"by": by} if by else {})}
    amount = found.get("0")
    if isinstance(amount, Expr):
        found["0"] = last_of_ramp(amount)
    return member.model_copy(update={"arguments": found})


def density_ramp(
    action: SetAction, translator: Translator
) -> tuple[ast.expr, ast.expr, float] | None:
    """Start, end and length (as a share of the run) of a count that shrinks to its bound."""
    amount = action.set.arguments.get("0")
    match amount:
        case Call(function=Name(id="ramp"), arguments=(start, end)):
            run = translator.scope.length
            steps = ramp_steps(amount, translator.scope)
            share = min(steps / (run.epochs * run.steps_per_epoch), 1.0)
            return translator.translate(start), translator.translate(end), share
    share = course_of(action).ramp
    if not share or not isinstance(amount, Expr):
        return None
    block = _block(action.set)
    dense = ast.Constant(1.0) if block is None else translator.translate(block)
    return dense, translator.translate(amount), share


def write_project(actions: Sequence[SetAction], facts: Facts, make: MakeTranslator) -> None:
    """`project(primal, optimizer, progress)`: every set that is projected on each step."""
    doc = ["Replace each by the nearest member of its set; momentum follows."]
    groups = sharing(actions, facts)
    if any(len(group) > 1 for group in groups):
        doc += ["", "Sets on the same parameters: one after another until all hold."]
    with make.writer.function("project", ("primal", "optimizer", "progress"), doc):
        translator = make()
        for group in groups:
            write_projections(group, translator)


def write_progress(value: str, actions: Sequence[SetAction], translator: Translator) -> None:
    """`progress = value`, where a projection waits for a share of the run or follows a ramp."""
    if any(course_of(a).warmup or density_ramp(a, translator) is not None for a in actions):
        translator.writer.line(f"progress = {value}")


def write_projections(group: Sequence[SetAction], translator: Translator) -> None:
    """The projection of actions that share parameters: one line, or one line a set."""
    if len(group) == 1:
        write_projection(group[0], translator)
        return
    with translator.writer.when(_from(_common_start(group))):
        _write_together(group, translator)


def _from(start: float) -> str:
    """The condition that a share of the run is over."""
    return f"progress >= {start!r}" if start else ""


def _common_start(group: Sequence[SetAction]) -> float:
    """The share of the run at which sets on the same parameters are projected onto.

    A count on a ramp is all there is until that begins: nothing has to keep it waiting.

    Raises:
        SpecError: each has another.
    """
    courses = [course_of(action) for action in group]
    starts = {course.warmup for course in courses if not course.ramp}
    if len(starts) > 1:
        labels = ", ".join(f"`{action.constraints[0].label}`" for action in group)
        message = f"{labels} hold for the same parameters and begin at different times"
        helps = ("give their projections the same `warmup`",)
        raise Diagnostic(code="CS521", message=message, helps=helps).error()
    return starts.pop() if starts else 0.0


def _write_together(group: Sequence[SetAction], translator: Translator) -> None:
    writer = translator.writer
    with writer.block("project_together(", ")"):
        with writer.block("[", "],"):
            for action in group:
                pair = ast.Tuple(elts=[set_at(action, translator), tensors_of(action)])
                writer.item(pair, action.family)
        if any(settings_of(a).momentum for a in projections(group)):
            writer.line("optimizer,")


def write_projection(action: SetAction, translator: Translator) -> None:
    """The line that projects one action's parameters."""
    arguments = [set_at(action, translator), tensors_of(action)]
    if settings_of(action).momentum:
        arguments.append(ast.Name(id="optimizer"))
    with translator.writer.when(_from(course_of(action).warmup)):
        call = called("project_", *arguments)
        translator.writer.call(ast.unparse(call), action.family)


def tensors_of(action: SetAction) -> ast.expr:
    """The call that lists an action's tensors."""
    return called(f"{action.name}_tensors", ast.Name(id="primal"))


def at_end(action: SetAction, translator: Translator) -> ast.expr:
    """The set of an action as it is at the end of a ramp."""
    return set_constant(translator, _onto(action))


def frozen(actions: Sequence[SetAction]) -> list[SetAction]:
    """Counts whose support is kept once they have come to their bound."""
    return [action for action in actions if course_of(action).freeze]


def write_masks(actions: Sequence[SetAction], make: MakeTranslator) -> None:
    """`keep_zeros` before projections, `freeze` after them."""
    held = frozen(actions)
    if not held:
        return
    writer = make.writer
    doc = ["What was pruned for good stays zero."]
    with writer.function("keep_zeros", ("primal", "state"), doc):
        for action in held:
            writer.line(f'hold_support("{action.name}", {action.name}_tensors(primal), state)')
    doc = ["Counts at their bound keep their entries from now on; the names of those that begin."]
    with writer.function("freeze", ("primal", "state", "progress"), doc):
        translator = make()
        writer.line("begun = []")
        for action in held:
            ramp = density_ramp(action, translator)
            end = round(course_of(action).warmup + (0.0 if ramp is None else ramp[2]), 6)
            call = f'freeze_support("{action.name}", {action.name}_tensors(primal), state)'
            with writer.when(f"progress >= {end!r} and {call}"):
                writer.line(f'begun.append("{action.name}")')
        writer.line("return begun")

"""Projection and ADMM as Python: which parameters, which set, when."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.expressions.scope import ramp_steps
from cspec.compiler.emit.expressions.set_constants import set_constant
from cspec.compiler.emit.measures import MakeTranslator
from cspec.compiler.emit.pieces import constant, entry
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
        return ast.Call(
            func=ast.Name(id="parameters"),
            args=[entry("primal", models.pop()), ast.List(elts=names)],
            keywords=[],
        )
    return ast.List(elts=[entry("primal", i.id) for i in items if isinstance(i, Name)])


def write_targets(actions: Sequence[SetAction], facts: Facts, make: MakeTranslator) -> None:
    """One function an action: the tensors it acts on."""
    for action in actions:
        texts = ", ".join(sorted({c.text for c in action.constraints})) or "its bounds"
        doc = [f"What `{action.family}` is about: {texts}"]
        with make.writer.function(f"{action.name}_tensors", ("primal",), doc):
            items = targets(action, facts)
            if any(isinstance(item, ParameterRef) for item in items):
                make().used.add("parameters")
            make.writer.give(tensors(items))


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


def operator(action: SetAction, translator: Translator, epochs: float) -> ast.expr:
    """The set of an action: a module constant, or the set of the moment along a ramp."""
    ramp = density_ramp(action, translator, epochs)
    if ramp is None:
        return at_end(action, translator)
    start, end, share = ramp
    translator.used.add("ramp_down")
    elapsed: ast.expr = ast.Name(id="progress")
    warmup = course_of(action).warmup
    if warmup:
        elapsed = ast.BinOp(elapsed, ast.Sub(), constant(warmup))
    moment = ast.BinOp(elapsed, ast.Div(), constant(share))
    linear = [ast.keyword(arg="power", value=ast.Constant(1))] if moving(action.set) else []
    amount = ast.Call(func=ast.Name(id="ramp_down"), args=[start, end, moment], keywords=linear)
    get = ast.Attribute(value=ast.Name(id="operators"), attr="get")
    more = [
        ast.keyword(arg=key, value=ast.Constant(value)) for key, value in _of_layers(action.set)
    ]
    arguments: list[ast.expr] = [ast.Constant(action.set.word), amount]
    block = _block(action.set)
    if block is not None:
        # Of each block a whole number of entries, at least as many as the ramp says.
        ceil = ast.Attribute(value=ast.Name(id="math"), attr="ceil")
        whole = ast.Call(func=ceil, args=[amount], keywords=[])
        arguments = [ast.Constant(action.set.word), whole, translator.translate(block)]
    return ast.Call(func=get, args=arguments, keywords=more)


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
    member, by = _final(action.set), way_onto(action)
    extra: dict[str, str | float] = dict(_of_layers(member)) | ({"by": by} if by else {})
    return member.model_copy(update={"arguments": {**member.arguments, **extra}})


def density_ramp(
    action: SetAction, translator: Translator, epochs: float
) -> tuple[ast.expr, ast.expr, float] | None:
    """Start, end and length (as a share of the run) of a count that shrinks to its bound."""
    amount = action.set.arguments.get("0")
    match amount:
        case Call(function=Name(id="ramp"), arguments=(start, end)):
            _, per_epoch = translator.scope.length
            share = min(ramp_steps(amount, translator.scope) / (epochs * per_epoch), 1.0)
            return translator.translate(start), translator.translate(end), share
    share = course_of(action).ramp
    if not share or not isinstance(amount, Expr):
        return None
    block = _block(action.set)
    dense = ast.Constant(1.0) if block is None else translator.translate(block)
    return dense, translator.translate(amount), share


def _final(member: SetMember) -> SetMember:
    """The set at the end of a ramp."""
    match member.arguments.get("0"):
        case Call(function=Name(id="ramp"), arguments=(_, final, *_)):
            return member.model_copy(update={"arguments": member.arguments | {"0": final}})
        case _:
            return member


def write_project(
    actions: Sequence[SetAction], facts: Facts, make: MakeTranslator, epochs: float
) -> None:
    """`project(primal, optimizer, progress)`: every set that is projected on each step."""
    doc = ["Replace each by the nearest member of its set; momentum follows."]
    groups = sharing(actions, facts)
    if any(len(group) > 1 for group in groups):
        doc += ["", "Sets on the same parameters: one after another until all hold."]
    with make.writer.function("project", ("primal", "optimizer", "progress"), doc):
        translator = make()
        for group in groups:
            write_projections(group, translator, epochs)


def write_progress(
    value: str, actions: Sequence[SetAction], translator: Translator, epochs: float
) -> None:
    """`progress = value`, where a projection waits for a share of the run or follows a ramp."""
    if any(
        course_of(action).warmup or density_ramp(action, translator, epochs) is not None
        for action in actions
    ):
        translator.writer.line(f"progress = {value}")


def write_projections(group: Sequence[SetAction], translator: Translator, epochs: float) -> None:
    """The projection of actions that share parameters: one line, or one line a set."""
    if len(group) == 1:
        write_projection(group[0], translator, epochs)
        return
    start = _common_start(group)
    if start:
        with translator.writer.block(f"if progress >= {start!r}:"):
            _write_together(group, translator, epochs)
        return
    _write_together(group, translator, epochs)


def _common_start(group: Sequence[SetAction]) -> float:
    """The share of the run at which sets on the same parameters are projected onto.

    Raises:
        SpecError: each has another.
    """
    starts = {course_of(a).warmup for a in group if not _waits_by_itself(a)}
    if len(starts) > 1:
        labels = ", ".join(f"`{action.constraints[0].label}`" for action in group)
        message = f"{labels} hold for the same parameters and begin at different times"
        helps = ("give their projections the same `warmup`",)
        raise Diagnostic(code="CS521", message=message, helps=helps).error()
    return starts.pop() if starts else 0.0


def _waits_by_itself(action: SetAction) -> bool:
    """Whether a count is all there is until its ramp begins: nothing has to keep it waiting."""
    return bool(course_of(action).ramp)


def _write_together(group: Sequence[SetAction], translator: Translator, epochs: float) -> None:
    translator.used.add("project_together")
    writer = translator.writer
    with writer.block("project_together(", ")"):
        with writer.block("["):
            for action in group:
                pair = ast.Tuple(elts=[operator(action, translator, epochs), tensors_of(action)])
                writer.argument("", pair, action.family)
        momentum = any(settings_of(a).momentum for a in projections(group))
        writer.line("],")
        if momentum:
            writer.line("optimizer,")


def write_projection(action: SetAction, translator: Translator, epochs: float) -> None:
    """The line that projects one action's parameters."""
    translator.used.add("project_")
    arguments = [operator(action, translator, epochs), tensors_of(action)]
    if settings_of(action).momentum:
        arguments.append(ast.Name(id="optimizer"))
    call = ast.Call(func=ast.Name(id="project_"), args=arguments, keywords=[])
    warmup = course_of(action).warmup
    if not warmup:
        translator.writer.call(ast.unparse(call), action.family)
        return
    with translator.writer.block(f"if progress >= {warmup!r}:"):
        translator.writer.call(ast.unparse(call), action.family)


def tensors_of(action: SetAction) -> ast.expr:
    """The call that lists an action's tensors."""
    function = ast.Name(id=f"{action.name}_tensors")
    return ast.Call(func=function, args=[ast.Name(id="primal")], keywords=[])


def at_end(action: SetAction, translator: Translator) -> ast.expr:
    """The set of an action as it is at the end of a ramp."""
    return set_constant(translator, _onto(action))

"""Projection, ADMM and gates as Python: which parameters, which set, when; masks and decisions."""

import ast
from collections.abc import Sequence

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.expressions.base import epochs_of_others, ramp_steps
from cspec.compiler.emit.expressions.vectors import operator, set_constant
from cspec.compiler.emit.measures import MakeTranslator
from cspec.compiler.emit.pieces import called, constant, entry, literal, method, sequence
from cspec.compiler.emit.writer import Writer
from cspec.compiler.expressions.rewrite import last_of_ramp
from cspec.compiler.expressions.text import text
from cspec.compiler.lower.rules import name_of, sharing, targets
from cspec.compiler.methods.admm import (
    first_rho,
    options,
    phases,
    rounds_of,
    split_settings,
    splits,
)
from cspec.compiler.methods.gate_decisions import DECIDED, Decision
from cspec.compiler.methods.projection import course_of, projections, settings_of, way_onto
from cspec.compiler.methods.pruning import LAYER_FLOOR, moving
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.lowered import Lowered, SetAction
from cspec.compiler.records.problem import ParameterRef, SetMember
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.settings.base import EPOCH
from cspec.dsl.tree.nodes import Call, Expr, Name

LAYER = "layer"
"""Scope of a count within each tensor."""
Groups = Sequence[Sequence[SetAction]]


def tensors(items: Sequence[Expr]) -> ast.expr:
    """`parameters(primal["net"], ["a.weight", ...])`, or a list of decision variables."""
    models = {item.model for item in items if isinstance(item, ParameterRef)}
    if len(models) == 1 and all(isinstance(item, ParameterRef) for item in items):
        names = [ast.Constant(i.name) for i in items if isinstance(i, ParameterRef)]
        return called("parameters", entry("primal", models.pop()), sequence(names))
    return sequence([entry("primal", i.id) for i in items if isinstance(i, Name)])


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
            pair = literal((at_end(action, translator), tensors_of(action)))
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


def density_ramp(
    action: SetAction, translator: Translator
) -> tuple[ast.expr, ast.expr, float] | None:
    """Start, end and length (as a share of the run) of a count that shrinks to its bound."""
    amount = action.set.arguments.get("0")
    match amount:
        case Call(function=Name(id="ramp"), arguments=(start, end)):
            run = translator.scope.length
            steps = ramp_steps(amount, translator.scope)
            if epochs_of_others(amount, translator.scope) is not None:
                raise _epochs_of_a_count(amount, steps)
            share = min(steps / (run.epochs * run.steps_per_epoch), 1.0)
            return translator.translate(start), translator.translate(end), share
    share = course_of(action).ramp
    if not share or not isinstance(amount, Expr):
        return None
    block = _block(action.set)
    dense = ast.Constant(1.0) if block is None else translator.translate(block)
    return dense, translator.translate(amount), share


def _epochs_of_a_count(ramp: Call, steps: int) -> SpecError:
    message = "not available in your own loop: a count that shrinks by epochs"
    note = "it follows the steps of the loop, whose epochs end where `handle.end_epoch()` is called"
    first, last = (text(argument) for argument in ramp.arguments)
    helps = (f"say over how many steps: `ramp({first}, {last}, steps={steps})`",)
    return Diagnostic(
        code="CS632", message=message, span=ramp.span, notes=(note,), helps=helps
    ).error()


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
                pair = literal((set_at(action, translator), tensors_of(action)))
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
    """The set at the end of a ramp, with the way onto it that the spec asks for."""
    member, by = action.set, way_onto(action)
    found = {**member.arguments, **dict(_of_layers(member)), **({"by": by} if by else {})}
    amount = found.get("0")
    if isinstance(amount, Expr):
        found["0"] = last_of_ramp(amount)
    return set_constant(translator, member.model_copy(update={"arguments": found}))


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
    return [a for group in groups for a in group if not split_settings(a).linearized]


def write_linearized(groups: Groups, translator: Translator) -> None:
    """The closed-form x-step of linearized splits, before the optimizer's step on the rest."""
    writer = translator.writer
    for group in groups:
        first = group[0]
        if not split_settings(first).linearized:
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
            every = rounds_of(split_settings(action), translator.scope.facts)
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
        every = rounds_of(split_settings(action), translator.scope.facts)
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


def write_decide(found: Sequence[Decision], make: MakeTranslator) -> None:
    """`sizes(primal)`, what each is over its bound as deployed, and `decide(primal)`."""
    if not found:
        return
    writer = make.writer
    with writer.function("sizes", ("primal",), ["Sizes on gates less their bounds, as deployed."]):
        translator = make()
        groups = []
        for decision in found:
            parts = [translator.translate(part) for part in decision.parts]
            groups.append(ast.unparse(translator.call("vector", *parts)))
        with writer.block("return (", ")"):
            for group in groups:
                writer.line(f"{group},")
    doc = [
        "Once sizes are at their bounds, or late in the run, gates are decided: the most open",
        "stay, as many as the bounds allow, the others shut for good.",
    ]
    with writer.function("decide", ("primal", "progress"), doc):
        writer.line(f"late = progress >= {DECIDED!r}")
        for place, decision in enumerate(found):
            models = ", ".join(f"primal[{name!r}]" for name in decision.models)
            writer.line(f"decide_gates([{models}], lambda: sizes(primal)[{place}], late)")


def write_gates(found: Sequence[Decision], gated: Sequence[str], writer: Writer) -> None:
    """After a step: gates stay in their range; those that are decided stay so."""
    decided = {name for d in found for name in d.models}
    for name in (name for name in gated if name not in decided):
        writer.line(f"clamp_gates(primal[{name!r}])")
    if found:
        writer.line("decide(primal, session.progress)")


def undecided(found: Sequence[Decision]) -> list[str]:
    """Calls at the start of a run: gates that another run has decided may move again."""
    return [f"clamp_gates(primal[{name!r}])" for decision in found for name in decision.models]

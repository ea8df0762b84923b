"""The training loop: operations of the graph in the order of one step."""

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from cspec.compiler.choose.rehearsal import NEVER, Rehearsed, arguments
from cspec.compiler.choose.schedule import RunLength
from cspec.compiler.emit.constructions import (
    start_in_sets,
    vertex_steps,
    write_gaps,
    write_thresholds,
    write_vertex_steps,
)
from cspec.compiler.emit.duals import (
    Timed,
    solved_calls,
    start_calls,
    timed,
    write_dual,
    write_epoch_duals,
    write_escalations,
    write_rounds,
    write_seen,
    write_stall_reports,
)
from cspec.compiler.emit.each_example import (
    write_epoch_end,
    write_loss,
    write_moves,
    write_told,
)
from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.measures import measured, measured_by
from cspec.compiler.emit.pieces import RELATIONS, method
from cspec.compiler.emit.sets import (
    attracted,
    frozen,
    undecided,
    write_attraction,
    write_epoch_rounds,
    write_gates,
    write_linearized,
    write_phases,
    write_progress,
    write_projection,
    write_projections,
    write_reports,
    write_start,
    write_step_rounds,
)
from cspec.compiler.emit.updates import has_units, write_settled, write_units
from cspec.compiler.emit.writer import Writer
from cspec.compiler.lower.graph import STEPS, is_exchanged, is_restored, settles_offsets
from cspec.compiler.lower.rules import sharing
from cspec.compiler.methods.gate_decisions import decisions
from cspec.compiler.methods.projection import course_of, each_step, projections, settings_of
from cspec.compiler.records.lowered import Lowered, SetAction
from cspec.dsl.settings.base import STEP
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.nodes import And, Call, Compare, Expr, Name, Not, Number, Or

OBJECTIVE = "objective"
RESTORE = """\
with Restoration(session) as end:  # put back where it is interrupted
    for _ in range({steps}):
        g, amounts = end.measured()
        # What was violated before stays in, or two requirements would take turns.
        rows = end.left(amounts)
        if not len(rows):
            break
        # min |step| s.t. J step <= -amounts, = of equations
        J = jacobian(g, rows, session)
        step = shortest(J, amounts[rows], end.equations(rows), end.slope)
        if not end.go(step):  # no length along it leaves less
            break
    end.tell()
"""
RESTORES = "Newton's shortest steps to what is asked, on whole data: J step <= -g."


class LoopPlan(NamedTuple):
    """What the loop needs to know."""

    lowered: Lowered
    fit: FitSettings
    gated: tuple[str, ...]
    """Models with gates, clamped after each step."""
    stop: Expr | None
    length: RunLength
    by_value: bool
    """Whether the optimizer looks at the loss's value (a line search)."""
    polished: bool = False
    """Whether a solver may start where the steps end."""
    rehearsed: Rehearsed = NEVER
    """First steps that are tried at several learning rates."""
    splits: Sequence[Sequence[SetAction]] = ()
    by_objective: bool = False
    """Whether a step follows the objective as written, and nothing else."""
    remembers: bool = False
    """Whether the loss of the rules takes weights from the batch (`write_combine`)."""

    @property
    def noisy(self) -> bool:
        """Whether a step sees a part of the data, so that means in it are averaged over late ones.

        A line search compares values of one function: its steps take the batch as it is.
        """
        return self.length.steps_per_epoch > 1 and not self.by_value

    @property
    def projections(self) -> list[SetAction]:
        """The actions that are projections, in order."""
        return projections(self.lowered.actions)

    @property
    def measured(self) -> str:
        """`f, g, true = measure(primal, batch)`, as much as there is to measure."""
        function = OBJECTIVE if self.by_objective else measured_by(self.lowered)
        found = "loss" if self.plain else measured(self.lowered)
        return f"{found} = {function}(primal, batch)"

    @property
    def combined(self) -> str:
        """The loss of the rules: of none it is f."""
        more = ", batch" if self.remembers else ""
        return f"combine(f, g, true, state{more})" if self.lowered.rules else "f"

    @property
    def plain(self) -> bool:
        """Whether what is measured is the loss: nothing is added to it."""
        others = self.lowered.rules or self.lowered.examples or attracted(self.splits)
        return not others

    @property
    def again(self) -> str:
        """The same without what is asked of each example."""
        if not self.lowered.rules:
            return self.measured
        return "f, g, true = measure(primal, batch)"


def write_train(plan: LoopPlan, translator: Translator) -> None:
    """`train(session)`."""
    writer = translator.writer
    doc = ["The loop. Every line is what `cspec run` executes."]
    with writer.function("train", ("session",), doc):
        place = len(writer.lines)
        _write_start(plan, translator)
        if plan.rehearsed.steps:
            why = "# tried at larger rates first, then taken below the best"
            writer.line(f"rehearse(session, {arguments(plan.rehearsed)})  {why}")
        with writer.block("for batch in session.batches():"):
            _write_step(plan, translator)
            noted = "f, true" if plan.lowered.rules else "loss" if plan.plain else "f"
            writer.line(f"session.record({noted})")
            write_escalations(plan.lowered, translator)
            _write_epoch_end(plan, translator)
        _write_finish(plan, translator)
        _write_names(place, writer)


def _write_names(place: int, writer: Writer) -> None:
    """`primal, optimizer = session.primal, session.optimizer`: what the loop uses of the session.

    Above what was written since `place`.
    """
    body = ast.parse("if True:\n" + "\n".join(writer.lines[place:]))
    read = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
    names = [name for name in ("primal", "state", "optimizer") if name in read]
    values = ", ".join(f"session.{name}" for name in names)
    writer.insert(place, f"{', '.join(names)} = {values}")


def _write_start(plan: LoopPlan, translator: Translator) -> None:
    writer = translator.writer
    write_start(plan.splits, translator)
    write_rounds(plan.lowered, translator)
    starts = [
        *start_in_sets(vertex_steps(plan.lowered), translator),
        *start_calls(plan.lowered),
        *undecided(decisions(plan.lowered.problem)),
    ]
    # Variables, where no models move, are first taken to what is asked.
    if plan.lowered.examples and is_restored(plan.lowered) and not translator.scope.facts.models:
        starts.append("begin_inside(session)")
    if any(each_step(a) and not course_of(a).warmup for a in plan.projections):
        starts.insert(0, "project(primal, optimizer, 0.0)")
    # The first share of a run may be without these projections.
    groups = _late_groups(plan, translator)
    now_and_then = [g for g in groups if any(course_of(action).warmup <= 0 for action in g)]
    if starts or now_and_then:
        with writer.when("session.step == 0", "not where a run is resumed"):
            for start in starts:
                writer.text_line(start)
            _write_groups(now_and_then, translator, "0.0")


def _write_step(plan: LoopPlan, translator: Translator) -> None:
    writer = translator.writer
    duals = [d for d in timed(plan.lowered) if d.operation.trigger.unit == "step"]
    if plan.splits:
        writer.line("progress = session.progress")
        write_phases(plan.splits, translator)
    if plan.by_value:
        _write_closure_step(plan, translator)
    elif plan.lowered.looks_ahead:
        _write_extragradient_step(plan, duals, translator)
    else:
        writer.line(plan.measured)
        write_units(plan.lowered, translator)
        write_moves(plan.lowered.examples, translator)
        for dual in duals:
            if dual.order in ("dual_first", "optimistic"):
                write_dual(dual, translator)
            elif dual.order == "simultaneous" and dual.operation.data:
                write_seen(dual, translator)
        _write_gradient(plan, translator)
        write_linearized(plan.splits, translator)
        write_vertex_steps(vertex_steps(plan.lowered), translator)
        writer.line("optimizer.step()")
    if plan.fit.schedule.word != "constant" or plan.fit.schedule.warmup:
        writer.line("session.schedule.step()")
    write_gates(decisions(plan.lowered.problem), plan.gated, writer)
    _write_projections(plan, translator)
    _write_late_duals(plan, duals, translator)


def _write_late_duals(plan: LoopPlan, duals: list[Timed], translator: Translator) -> None:
    """Dual steps that follow the primal step."""
    writer = translator.writer
    if plan.by_value:
        for dual in duals:
            write_dual(dual, translator)
        if duals:
            writer.line("optimizer.forget()  # curvature of another Lagrangian")
        return
    if plan.lowered.looks_ahead:
        return  # All have moved from where the step looked ahead.
    for dual in duals:
        if dual.order == "simultaneous":
            write_dual(dual, translator, noted=True)
    for dual in duals:
        if dual.order != "primal_first":
            continue
        if not dual.operation.data:
            again = "session.again(), " if translator.scope.facts.models else ""
            with writer.block(f"with {again}torch.no_grad():"):
                writer.line("f, g, true = measure(primal, batch)")
        write_dual(dual, translator)


def _write_gradient(plan: LoopPlan, translator: Translator) -> None:
    """The loss and its gradient, at what was measured."""
    writer = translator.writer
    if plan.lowered.examples:
        write_loss(plan.lowered.examples, plan.combined, translator)
    else:
        _write_loss(plan, translator)
    write_attraction(plan.splits, translator)
    writer.line("optimizer.zero_grad()")
    writer.line("loss.backward()")
    if plan.fit.clip_norm is not None:
        limit = repr(plan.fit.clip_norm)
        writer.line(f"torch.nn.utils.clip_grad_norm_(session.parameters, {limit})")


def _write_loss(plan: LoopPlan, translator: Translator) -> None:
    """f with the terms of the rules: of none it is f itself."""
    if not plan.plain:
        translator.writer.line(f"loss = {plan.combined}")


def _write_extragradient_step(plan: LoopPlan, duals: list[Timed], translator: Translator) -> None:
    """One step ahead, back again, and the step with the gradients found there."""
    writer = translator.writer
    writer.line("f, g, true = measure(primal, batch)")
    writer.line("place = keep_place(primal, state, optimizer)")
    _write_gradient(plan, translator)
    writer.line("optimizer.step()")
    if any(each_step(action) for action in plan.projections):
        writer.line("project(primal, optimizer, session.progress)")
    for dual in duals:
        write_dual(dual, translator)
    with _again(translator):
        writer.line("f, g, true = measure(primal, batch)  # the same batch, one step ahead")
        _write_gradient(plan, translator)
    writer.line("go_back(place, primal, state, optimizer)")
    writer.line("optimizer.step()")
    for dual in duals:
        write_dual(dual, translator)


@contextmanager
def _again(translator: Translator) -> Iterator[None]:
    """A block that measures the batch once more: what a model counts, it counts once."""
    if not translator.scope.facts.models:
        yield
        return
    with translator.writer.block("with session.again():"):
        yield


def _write_closure_step(plan: LoopPlan, translator: Translator) -> None:
    """A step of an optimizer that evaluates the loss itself, several times (L-BFGS)."""
    writer = translator.writer
    writer.line()
    with writer.block("def closure():"):
        writer.line("optimizer.zero_grad()")
        writer.line(plan.again)
        _write_loss(plan, translator)
        write_attraction(plan.splits, translator)
        writer.line("loss.backward()")
        writer.line("return loss")
    writer.line()
    with _again(translator):
        writer.line("optimizer.step(closure)")
    with writer.block("with torch.no_grad():"):
        writer.line(plan.again)


def _write_projections(plan: LoopPlan, translator: Translator) -> None:
    writer = translator.writer
    actions = plan.projections
    masks = bool(frozen(actions))
    if masks:
        writer.line("keep_zeros(primal, state)")
    if any(each_step(action) for action in actions):
        writer.line("project(primal, optimizer, session.progress)")
    if masks:
        with writer.block("for name in freeze(primal, state, session.progress):"):
            writer.line("session.mark(name)")
    for action in actions:
        every = settings_of(action).every
        if every != STEP and every.unit != "epoch":
            _write_now_and_then(action, "step", translator)
    write_step_rounds(plan.splits, translator)


def _write_epoch_end(plan: LoopPlan, translator: Translator) -> None:
    writer = translator.writer
    with writer.block("if session.epoch_ended:"):
        write_epoch_duals(plan.lowered, translator)
        write_epoch_end(plan.lowered.examples, translator)
        if plan.by_value and any(d.operation.trigger.unit == "epoch" for d in timed(plan.lowered)):
            writer.line("optimizer.forget()  # curvature of another Lagrangian")
        for action in plan.projections:
            if settings_of(action).every.unit == "epoch":
                _write_now_and_then(action, "epoch", translator)
        write_epoch_rounds(plan.splits, translator)
        writer.line("session.verify()")
        condition = "session.stopped()"
        if plan.stop is not None:
            condition = f"{ast.unparse(stop_condition(plan.stop))} or {condition}"
        for call in solved_calls(plan.lowered):
            condition = f"{call} or {condition}"
        writer.condition(condition)
        with writer.block():
            writer.line("break")


def _write_now_and_then(action: SetAction, unit: str, translator: Translator) -> None:
    """A projection on every so many steps or epochs."""
    count = settings_of(action).every.count
    due = f"session.{unit} % {count} == 0" if count > 1 else ""
    with translator.writer.when(due):
        write_progress("session.progress", [action], translator)
        write_projection(action, translator)


def _write_finish(plan: LoopPlan, translator: Translator) -> None:
    """After the loop: what is projected now and then is projected once more, at its bound.

    So is a count on a ramp, which a run that stops early leaves above its bound.
    """
    writer, early = translator.writer, "session.step < session.total_steps"
    if any(each_step(a) and course_of(a).ramp for a in plan.projections):
        with writer.when(early, "it stopped early"):
            writer.line("project(primal, optimizer, 1.0)")
    _write_groups(_late_groups(plan, translator), translator, "1.0")
    if decisions(plan.lowered.problem):
        with writer.when(early, "it stopped early"):
            writer.line("decide(primal, 1.0)")
    if has_units(plan.lowered):
        write_settled(plan.lowered, translator)
    write_told(plan.lowered.examples, translator)
    if is_exchanged(plan.lowered):
        with writer.block("for _ in exchanged(session):  # points go where it is broken"):
            _write_end(plan, translator)
    else:
        _write_end(plan, translator)
    write_stall_reports(plan.lowered, translator)
    write_reports(plan.splits, translator)
    write_thresholds(plan.lowered, translator)
    write_gaps(vertex_steps(plan.lowered), translator)


def _write_end(plan: LoopPlan, translator: Translator) -> None:
    """From where the steps ended to the solution nearby, and to what is asked."""
    writer = translator.writer
    if plan.polished:
        writer.line("polish(session)")
    if is_restored(plan.lowered):
        settled = any(rule.balanced for rule in plan.lowered.examples)
        with writer.when("not settle_points(session)" if settled else ""):
            writer.line("restore(session)")
    if settles_offsets(plan.lowered):
        writer.line("settle_offsets(session)")


def _late_groups(plan: LoopPlan, translator: Translator) -> list[Sequence[SetAction]]:
    """What is projected now and then, with the sets on the same parameters."""
    groups = sharing(plan.projections, translator.scope.facts)
    return [group for group in groups if any(not each_step(action) for action in group)]


def _write_groups(
    groups: Sequence[Sequence[SetAction]], translator: Translator, progress: str
) -> None:
    """Projections of groups of sets at one moment of the run."""
    every = [action for group in groups for action in group]
    write_progress(progress, every, translator)
    for group in groups:
        write_projections(group, translator)


def stop_condition(expr: Expr) -> ast.expr:
    """`feasible(1e-3) and stalled(epochs=5)` over the session."""
    match expr:
        case And(operands=operands) | Or(operands=operands):
            joint = ast.And() if isinstance(expr, And) else ast.Or()
            return ast.BoolOp(op=joint, values=[stop_condition(o) for o in operands])
        case Not(operand=operand):
            return ast.UnaryOp(op=ast.Not(), operand=stop_condition(operand))
        case Name(id=name):
            return method("session", name)
        case Call(function=Name(id=name), arguments=arguments, keywords=keywords):
            named = {k.name: _stop_number(k.value) for k in keywords}
            return method("session", name, *map(_stop_number, arguments), **named)
        case Compare(operands=(Name(id=metric), bound), operators=(operator,)):
            value = method("session", "metric", ast.Constant(metric))
            return ast.Compare(
                left=value, ops=[RELATIONS[operator]], comparators=[_stop_number(bound)]
            )
        case _:
            return ast.Constant(False)


def _stop_number(expr: Expr) -> ast.expr:
    assert isinstance(expr, Number)
    value = expr.value
    return ast.Constant(int(value) if is_whole(value) else value)


def write_restore(writer: Writer) -> None:
    """Minimum-norm Newton steps on what is violated (`cspec.runtime.finish.restore`)."""
    with writer.function("restore", ("session",), [RESTORES]):
        writer.comment("Descent on a penalty or a Lagrangian ends near the boundary, not on it.")
        for line in RESTORE.format(steps=STEPS).splitlines():
            writer.line(line)

"""Fragments of the methods -> one update graph, in the order of a step; how a run ends."""

from cspec.compiler.methods import SETS
from cspec.compiler.methods.each_example import (
    late_operations,
    state_of,
    step_operations,
    units_operations,
)
from cspec.compiler.methods.gate_decisions import gate_operations
from cspec.compiler.methods.projection import projects
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.graph import Kind, Operation, StateFacts, UpdateGraph
from cspec.compiler.records.lowered import Lowered, OutputRows
from cspec.compiler.records.problem import Lifted
from cspec.dsl.settings.base import EPOCH
from cspec.dsl.settings.fit import FitSettings

STEPS = 30
"""Newton steps, at most: a violation that can be taken away is, within a few."""
LEAST_STEPS = 30
"""A run of fewer steps is no training, and is left where its last step was."""


def assemble(lowered: Lowered) -> UpdateGraph:
    """The update graph of a lowered problem."""
    duals = _duals(lowered)
    measured = "f and g" if lowered.rules else "f"
    meaning = "both players one step ahead on the same batch; gradients there, then back"
    ahead = Operation(kind=Kind.EXTRAPOLATE, name="look_ahead", meaning=meaning)
    around = [SETS[a.settings.word].around(a, lowered) for a in lowered.actions]
    operations = [
        *(op for each in around for op in each.before),
        *(_outputs(rows) for rows in lowered.outputs),
        *(_faces(model) for model in lowered.problem.lifted),
        Operation(kind=Kind.MEASURE, name="measure", meaning=f"{measured} on a batch"),
        *(op for op, _ in lowered.operations(Kind.UNITS)),
        *(op for rule in lowered.examples for op in units_operations(rule)),
        *(op for op, early in duals if early and op.trigger.unit == "step"),
        *(rule.combine for rule in lowered.rules),
        *(op for rule in lowered.examples for op in step_operations(rule)),
        *(op for each in around for op in each.combine),
        Operation(kind=Kind.BACKWARD, name="backward", meaning="gradient of the combination"),
        *((ahead,) if lowered.looks_ahead else ()),
        *(op for each in around for op in each.step),
        Operation(kind=Kind.PRIMAL_STEP, name="step", meaning="the optimizer moves the model"),
        *(op for each in around for op in each.after),
        *gate_operations(lowered.problem),
        *(op for op, early in duals if not early and op.trigger.unit == "step"),
        Operation(kind=Kind.RECORD, name="record", meaning="history, without waiting"),
        *(op for op, _ in duals if op.trigger.unit == "epoch"),
        *(op for rule in lowered.examples for op in late_operations(rule)[:-1]),
        *(op for each in around for op in each.rounds),
        Operation(kind=Kind.VERIFY, name="verify", trigger=EPOCH, meaning="best feasible snapshot"),
        Operation(kind=Kind.STOP, name="stop", trigger=EPOCH, meaning="early stop"),
        *(op for op, _ in lowered.operations(Kind.SETTLE)),
        *(late_operations(rule)[-1] for rule in lowered.examples),
        *restoration(lowered),
    ]
    return UpdateGraph(state=_state(lowered), operations=tuple(operations))


def _outputs(rows: OutputRows) -> Operation:
    return Operation(
        kind=Kind.PROJECT,
        name=f"outputs_{rows.model}",
        operator="affine",
        targets=(f"{rows.model}: outputs",),
        meaning="f(x) <- f(x) + A^+ ([lo - A f(x)]+ - [A f(x) - hi]+), inside the model",
    )


def _faces(model: Lifted) -> Operation:
    return Operation(
        kind=Kind.PROJECT,
        name=f"faces_{model.model}",
        operator="faces",
        targets=(f"{model.model}: outputs",),
        meaning="u(x) <- G(x) + D(x) u(x), inside the model: G is what is known on "
        f"{', '.join(dict.fromkeys(face.label for face in model.faces))}, D = 0 there",
    )


def _duals(lowered: Lowered) -> list[tuple[Operation, bool]]:
    """What moves multipliers and penalties, and whether it comes before the model's step."""
    kinds = (Kind.DUAL_STEP, Kind.PENALTY_STEP, Kind.RESET)
    return [
        (op, rule.fragment.dual_order in ("dual_first", "optimistic"))
        for rule in lowered.rules
        for op in rule.fragment.operations
        if op.kind in kinds
    ]


def _state(lowered: Lowered) -> tuple[StateFacts, ...]:
    alone = len(lowered.rules) == 1
    own = tuple(
        state if alone else state.model_copy(update={"name": f"{rule.rule.name}.{state.name}"})
        for rule in lowered.rules
        for state in rule.fragment.state
    )
    return (*own, *(state for rule in lowered.examples for state in state_of(rule)))


def is_restored(lowered: Lowered) -> bool:
    """Whether minimum-norm Newton steps on whole data follow the last step, left to the problem.

    A method whose penalty or dual step is given acts as written, to the last line.
    """
    measured = lowered.operations(Kind.UNITS)
    if any(rule.total_steps >= LEAST_STEPS for rule in lowered.examples):
        return True
    return any(rule.rule.total_steps >= LEAST_STEPS for _, rule in measured)


def restoration(lowered: Lowered) -> tuple[Operation, ...]:
    """What follows the last step."""
    step = "x <- x + d on whole data, min |d|^2 s.t. J d <= -g, g what is violated or was"
    meaning = f"{step}, {STEPS} steps at most"
    found = [_at_the_end("restore", meaning)] if is_restored(lowered) else []
    if is_exchanged(lowered):
        nearest = "x_j <- argmax g near x_i: points go where it is broken between them, and again"
        found.append(_at_the_end("exchanged", nearest))
    if settles_offsets(lowered):
        moved = "b <- b + s, the offsets of outputs where the true objective is best"
        found.append(_at_the_end("settle_offsets", moved))
    return tuple(found)


def is_exchanged(lowered: Lowered) -> bool:
    """Whether inequalities that are restored may be broken between the points of a box."""
    return is_restored(lowered) and any(rule.boxed for rule in lowered.examples)


def settles_offsets(lowered: Lowered) -> bool:
    """Whether the offsets of outputs are settled at the end: of what minimizes a count."""
    return lowered.problem.objective_gradient is not None and is_restored(lowered)


def _at_the_end(name: str, meaning: str) -> Operation:
    return Operation(kind=Kind.RESTORE, name=name, often="after the last step", meaning=meaning)


POLISHED = 300
"""Parameters up to which it is."""


def is_polished(lowered: Lowered, facts: Facts, written: FitSettings) -> bool:
    """Whether the end of the run may be the start of a solver (`runtime.finish.polish`).

    Nobody gave an optimizer, a schedule or a length; every requirement is a function whose method
    is open, or a set (one that functions state, as the run will see).
    """
    given = any(written.given(n) for n in ("optimizer", "schedule", "steps", "epochs", "augment"))
    problem = lowered.problem
    open_ = len(lowered.operations(Kind.UNITS)) == len(lowered.rules)
    sets = all(projects(action) for action in lowered.actions)
    plain = (
        not lowered.soft and not lowered.outputs and not problem.lifted and not lowered.thresholds
    )
    known = bool(facts.data) and facts.own_loop is None and problem.solver is None
    return known and not (given or facts.gated) and open_ and sets and plain


def with_polish(graph: UpdateGraph) -> UpdateGraph:
    """The graph of a run that may be polished."""
    meaning = "up to 300 parameters: SLSQP on whole data from where the steps ended"
    last = graph.of(Kind.RESTORE)
    before = (op for op in graph.operations if op.kind is not Kind.RESTORE)
    operations = (*before, _at_the_end("polish", meaning), *last)
    return graph.model_copy(update={"operations": operations})

"""Fragments of the methods -> one update graph, in the order of a step."""

from __future__ import annotations

from cspec.compiler.lower.restoration import restoration
from cspec.compiler.methods import SETS
from cspec.compiler.methods.each_example import (
    late_operations,
    state_of,
    step_operations,
    units_operations,
)
from cspec.compiler.methods.gate_decisions import gate_operations
from cspec.compiler.records.graph import Kind, Operation, StateFacts, UpdateGraph
from cspec.compiler.records.lowered import Lowered, OutputRows
from cspec.compiler.records.problem import Lifted
from cspec.dsl.settings.base import EPOCH


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

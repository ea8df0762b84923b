"""The calls of dual steps in the loop: when, and on which measurement."""

import ast
from typing import NamedTuple

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.updates import RuleNames, dual_operations, names_of, seen_by
from cspec.compiler.records.fragment import refuse
from cspec.compiler.records.graph import Kind, Operation
from cspec.compiler.records.lowered import FunctionalRule, Lowered
from cspec.dsl.names.symbols import examples_of, stand_in
from cspec.dsl.tree.nodes import Expectation, walk


class Timed(NamedTuple):
    """A dual operation, its rule, and whether it comes before or after the primal step."""

    operation: Operation
    order: str
    rule: FunctionalRule


def timed(lowered: Lowered) -> list[Timed]:
    """All dual operations with their order."""
    return [
        Timed(operation, rule.fragment.dual_order, rule)
        for rule in lowered.rules
        for operation in dual_operations(rule)
        if operation.kind in (Kind.DUAL_STEP, Kind.PENALTY_STEP)
    ]


def needs_violation(lowered: Lowered) -> bool:
    """Whether the loop measures the true constraints without the objective."""
    resets = any(op.kind is Kind.RESET for r in lowered.rules for op in dual_operations(r))
    return resets or _alone(lowered, "true")


def needs_stand_in(lowered: Lowered) -> bool:
    """Whether the loop measures surrogates without the objective."""
    return _alone(lowered, "surrogate")


def _alone(lowered: Lowered, sees: str) -> bool:
    """Whether a dual step sees this apart from the batch of the model's step."""
    dual = (d.operation for d in timed(lowered))
    return any(op.sees == sees and (op.trigger.unit == "epoch" or op.data) for op in dual)


def _function(operation: Operation) -> str:
    return "surrogates" if operation.sees == "surrogate" else "constraints"


def _replaced(dual: Timed) -> str:
    """`, train="val"`: which dataset of the rule another one stands in for."""
    data = dual.operation.data
    assert data is not None
    used = {
        node.dataset
        for part in dual.rule.parts
        for function in part.functions
        for node in walk(function)
        if isinstance(node, Expectation) and node.dataset
    }
    if len(set(map(examples_of, used))) != 1:
        found = " and ".join(sorted(used)) if used else "parameters alone"
        refuse(
            dual.rule.rule,
            f"`dual_data={data}` replaces one dataset, and these constraints are about {found}",
            "leave `dual_data` out here, or give each dataset's constraints their own `by`",
        )
    others = {name: stand_in(name, data) for name in sorted(used)}
    if all(name == other for name, other in others.items()):
        return ""
    if all(name.isidentifier() for name in others):
        return "".join(f", {name}={other!r}" for name, other in others.items())
    return f", **{others!r}"


def write_dual(dual: Timed, translator: Translator, *, noted: bool = False) -> None:
    """A per-step dual operation, where its turn has come; `noted`: what it sees is in a local."""
    operation = dual.operation
    if operation.data is None:
        seen = "true" if seen_by(operation) == "true" else "g.detach()"
    else:
        seen = _noted(dual) if noted else _seen(dual)
    _write_in_turn(operation, f"{operation.name}(state, {seen})", translator)


def write_seen(dual: Timed, translator: Translator) -> None:
    """What a dual operation will see of other data after the model's step, measured before it."""
    _write_in_turn(dual.operation, f"{_noted(dual)} = {_seen(dual)}", translator)


def _noted(dual: Timed) -> str:
    return f"seen_{dual.rule.rule.name}"


def _seen(dual: Timed) -> str:
    return f"session.seen({_function(dual.operation)}, batch{_replaced(dual)})"


def _write_in_turn(operation: Operation, line: str, translator: Translator) -> None:
    """A line of the loop on the steps on which the operation acts."""
    conditions = []
    if operation.trigger.count > 1:
        conditions.append(f"session.step % {operation.trigger.count} == 0")
    if operation.after:
        conditions.append(f"session.step > {operation.after}")
    with translator.writer.when(" and ".join(conditions)):
        translator.writer.line(line)


def write_epoch_duals(lowered: Lowered, translator: Translator) -> None:
    """Dual operations at an epoch's end, on full data; equal measurements are shared."""
    writer = translator.writer
    held = ""
    for dual in timed(lowered):
        operation = dual.operation
        if operation.trigger.unit != "epoch":
            continue
        other = "" if operation.data is None else _replaced(dual)
        measured = f"session.full({_function(operation)}{other})"
        if operation.trigger.count > 1:
            with writer.block(f"if session.epoch % {operation.trigger.count} == 0:"):
                writer.line(f"{operation.name}(state, {measured})")
            continue
        if measured != held:
            writer.line(f"{seen_by(operation)} = {measured}  # on whole data")
            held = measured
        writer.line(f"{operation.name}(state, {seen_by(operation)})")
    if _method_operations(lowered, "restart"):
        writer.line("session.restart()")


def _method_operations(lowered: Lowered, name: str) -> list[tuple[Operation, RuleNames]]:
    return [
        (operation, names)
        for names in names_of(lowered.rules)
        for operation in names.rule.fragment.operations
        if operation.name == name
    ]


def start_calls(lowered: Lowered) -> list[str]:
    """What a method does once, before the first step."""
    calls = []
    for operation, names in _method_operations(lowered, "scale"):
        where = f", {names.rule.start}" if names.rule.start else ""
        for name in operation.targets:
            state = ast.unparse(names.read(name))
            calls.append(f"{state} = scaled({state}, session, measure{where})")
    return calls + [
        f"{operation.name}(state, session.full(constraints))"
        for rule in lowered.rules
        for operation in dual_operations(rule)
        if operation.kind is Kind.RESET
    ]


def write_rounds(lowered: Lowered, translator: Translator) -> None:
    """Runs in rounds: batches keep their order, a schedule of the learning rate lasts an epoch."""
    for name, call in (
        ("restart", "in_rounds(epochs_an_order"),
        ("reshuffle", "keep_orders(epochs"),
    ):
        for operation, _ in _method_operations(lowered, name):
            epochs = int(operation.options["epochs_an_order"])
            translator.writer.line(f"session.{call}={epochs})")


def solved_calls(lowered: Lowered) -> list[str]:
    """Conditions under which a method is done."""
    calls = []
    for operation, names in _method_operations(lowered, "solved"):
        numbers = f"{operation.options['objective']!r}, {operation.options['constraint']!r}"
        calls.append(f"solved(session, {names.key('norm')!r}, {numbers})")
    return calls


def write_stall_reports(lowered: Lowered, translator: Translator) -> None:
    """After the loop: what the result should say about rejected updates."""
    for operation, names in _method_operations(lowered, "report_stall"):
        keys = f"{names.key('accepts')!r}, {names.key('rejected')!r}"
        count, steps = int(operation.options["rejections"]), int(operation.options["steps"])
        every = f", steps={steps}" if steps else ""
        call = f"report_stall(session, {names.rule.rule.name!r}, {keys}, {count}{every})"
        translator.writer.call(call)


def write_escalations(lowered: Lowered, translator: Translator) -> None:
    """`escalate(session, "damping", "lagrangian")` every so many steps."""
    writer = translator.writer
    for operation, names in _method_operations(lowered, "escalate"):
        keys = f"{names.key('damping')!r}, {names.key('damped')!r}"
        with writer.when(f"session.step % {operation.trigger.count} == 0"):
            writer.line(f"escalate(session, {names.rule.rule.name!r}, {keys})")

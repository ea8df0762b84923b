"""Penalties and dual steps in the units of the problem, as emitted, and the multipliers told."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.updates import RuleNames
from cspec.compiler.methods.units import CAP, LEAST
from cspec.compiler.records.graph import Kind, Operation
from cspec.compiler.records.lowered import FunctionalRule, Lowered


def has_units(lowered: Lowered) -> bool:
    """Whether a method works in the units of the problem."""
    return bool(lowered.operations(Kind.UNITS))


def write_units(lowered: Lowered, translator: Translator) -> None:
    """`units_of_lagrangian(state, f, g, true, session.parameters)`, on the first steps."""
    writer = translator.writer
    for operation, rule in lowered.operations(Kind.UNITS):
        own = {state.name for state in rule.fragment.state}
        condition = f"session.step <= {int(operation.options['steps'])}"
        if operation.options["every"] > 1:
            condition += f" and session.step % {int(operation.options['every'])} == 1"
        with writer.block(f"if {condition}:"):
            more = ", session.step" if _dilutes(operation, own) else ""
            writer.call(
                f"{operation.name}(state, f, g, true, session.parameters, "
                f"gradient_rate(optimizer){more})"
            )


def write_unit_functions(lowered: Lowered, translator: Translator) -> None:
    """The first penalty, or dual step, in the units of the problem."""
    writer = translator.writer
    for operation, rule in lowered.operations(Kind.UNITS):
        names = RuleNames(rule, len(lowered.rules) == 1)
        translator.used.add("size_of")
        own = {name: ast.unparse(names.read(name)) for name in names.states}
        part = {name: ast.unparse(names.part(ast.Name(id=name))) for name in ("g", "true")}
        dilutes = _dilutes(operation, own)
        arguments = ("state", "f", "g", "true", "parameters", "rate", *(["step"] * dilutes))
        with writer.function(operation.name, arguments, [operation.meaning]):
            writer.line(f"steep = torch.maximum({own['slope']}, slopes({part['g']}, parameters))")
            writer.line(f"pull = torch.maximum({own['pull']}, slopes(f, parameters))")
            amount = f"torch.nan_to_num({part['true']})"
            over = _violated(rule, amount, own)
            writer.line(f"far = torch.maximum({own['far']}, {over}.to(steep))")
            writer.line(f"large = torch.maximum({own['large']}, {amount}.abs().to(steep))")
            times = _times(operation)
            if "share" in own:
                times += f"{own['share']} * "
            if "price" in operation.options:
                writer.line(f"first = {times}torch.where(pull > 0, pull, 1.0) / steep")
            else:
                writer.line("size = size_of(parameters)")
                writer.line(f"slope = torch.maximum(steep, {LEAST:g} * large / size.clamp(1))")
                writer.line("drive = torch.where(pull > 0, pull, 1.0)")
                writer.line(
                    f"stable = {operation.options['stable']:g} / (rate * len(steep) * steep**2)"
                )
                ours = f"{times}drive / (size * slope + far) / slope"
                if "full" in operation.options:
                    least = f"{operation.options['full']:g} / torch.clamp(large, 1e-12)**2"
                    ours = f"torch.maximum({ours}, {least})"
                if dilutes:
                    # What no batch measures does not pull: seldom, with so much less of its weight.
                    writer.line(f"seen = {own['measured']} + (~torch.isnan({part['true']}))")
                    writer.line(f"first = {ours}")
                    ours = "step / torch.clamp(seen, 1) * first"
                writer.line(f"first = torch.minimum({ours}, stable)")
            for line in _assigned(operation, own):
                writer.line(line)


def _dilutes(operation: Operation, own: Container[str]) -> bool:
    """Whether a first penalty is divided by the share of the batches that measure its g."""
    return "measured" in own and "price" not in operation.options


def _violated(rule: FunctionalRule, amount: str, own: dict[str, str]) -> str:
    match rule.rule.relation:
        case "==":
            return f"{amount}.abs()"
        case "<=":
            return f"torch.relu({amount})"
        case _:
            return f"torch.where({own['floor']} < 0, {amount}.abs(), torch.relu({amount}))"


def _times(operation: Operation) -> str:
    factor = operation.options["factor"]
    return "" if factor == 1 else f"{factor:.6g} * "


def _assigned(operation: Operation, own: dict[str, str]) -> Iterator[str]:
    yield f"{own['slope']}, {own['pull']} = steep, pull"
    yield f"{own['far']}, {own['large']} = far, large"
    target, *copies = operation.targets
    yield f"{own[target]} = torch.where(steep > 0, first, 0.0)"
    if "most" in operation.options:
        yield f"{own['most']} = torch.full_like(steep, {operation.options['most']:g})"
        yield f"{own[target]} = torch.minimum({own[target]}, {own['most']})"
    elif "most" in own:
        yield f"{own['most']} = torch.minimum({CAP:g} * {own[target]}, stable)"
    for name in copies:
        yield f"{own[name]} = {own[target]}"


def write_settled(lowered: Lowered, translator: Translator) -> None:
    """After the loop: the multipliers that are told."""
    for operation, _ in lowered.operations(Kind.SETTLE):
        translator.writer.line(f"{operation.name}(state)")
    translator.writer.line("session.tell()")

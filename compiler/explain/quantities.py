"""What a problem is about: data, models, variables, params; what moves and what stays."""

from __future__ import annotations

from math import prod

from cspec.compiler.explain.data_words import listed, rows_in_words
from cspec.compiler.expressions import text as expressions
from cspec.compiler.expressions.mathematics import Quantity
from cspec.compiler.plan import Plan
from cspec.compiler.records.facts import Facts, ModelFacts
from cspec.compiler.records.program import ModelSetup, Program, SourceCall, VariableSetup
from cspec.dsl.needs import standardized
from cspec.dsl.tree.nodes import Domain
from cspec.dsl.values.outside import ParamTable, how_to_set


def quantities(
    plan: Plan, program: Program | None = None, facts: Facts | None = None
) -> tuple[Quantity, ...]:
    """All of them, in the order variables, models, data, params, given values."""
    models = plan.models if program is None else program.models
    return (
        *(_variable(v, plan) for v in plan.variables),
        *(_model(m, facts) for m in models),
        *_data(plan, program, facts),
        *_domains(plan),
        *(_param(name, plan) for name in plan.checked.symbols.params()),
        *(
            Quantity(kind="given", name=name, meaning="handed over by your own loop, each step")
            for name, symbol in plan.checked.symbols.table.items()
            if symbol.role == "given"
        ),
    )


def _variable(setup: VariableSetup, plan: Plan) -> Quantity:
    size = (
        ""
        if not plan.checked.symbols.vars()[setup.name].dimensions
        else f"{setup.shape[0]} numbers"
    )
    if len(setup.shape) > 1:
        size = " x ".join(str(length) for length in setup.shape) + " numbers"
    start = (
        f"[{', '.join(f'{value:g}' for value in setup.start)}]"
        if isinstance(setup.start, tuple)
        else f"{setup.start:g}"
    )
    parts = [part for part in (size, f"starts at {start}") if part]
    if setup.lower is not None or setup.upper is not None:
        low = "-inf" if setup.lower is None else f"{setup.lower:.6g}"
        high = "inf" if setup.upper is None else f"{setup.upper:.6g}"
        parts.append(f"held in [{low}, {high}] by projection")
    return Quantity(kind="var", name=setup.name, meaning=", ".join(parts), moves=True)


def _model(setup: ModelSetup, facts: Facts | None) -> Quantity:
    if setup.frozen_of is not None:
        meaning = f"a copy of {setup.frozen_of} at the start, frozen"
        return Quantity(kind="model", name=setup.name, meaning=meaning)
    parts = [_source(setup.source)]
    if setup.source.inputs is not None:
        shape = " x ".join(str(length) for length in setup.source.inputs)
        parts.append(f"inputs {shape}, outputs {setup.source.outputs}")
    known = facts.models.get(setup.name) if facts is not None else None
    if known is None:
        parts.append("every parameter with requires_grad moves")
        return Quantity(kind="model", name=setup.name, meaning="; ".join(parts), moves=True)
    parts += _parameters(known)
    return Quantity(kind="model", name=setup.name, meaning="; ".join(parts), moves=not known.still)


def _parameters(model: ModelFacts) -> list[str]:
    moving = [p for p in model.parameters if p.requires_grad]
    fixed = [p for p in model.parameters if not p.requires_grad]
    found = []
    if moving:
        numbers = sum(prod(p.shape) for p in moving)
        found.append(f"{numbers:,} numbers move: {listed([p.name for p in moving])}")
    if fixed:
        found.append(f"fixed (requires_grad is false): {listed([p.name for p in fixed])}")
    if model.gated:
        found.append(f"gates on {listed([p.name for p in model.parameters if p.gated])}")
    return found


def _data(plan: Plan, program: Program | None, facts: Facts | None) -> list[Quantity]:
    setups = plan.data if program is None else program.data
    found = []
    for setup in setups:
        for name, columns in setup.targets:
            known = facts.data.get(name) if facts is not None else None
            parts = [_source(setup.source), _columns(columns)]
            if known is not None:
                parts += rows_in_words(known)
            elif standardized(plan.checked, name):
                parts.append("the model sees numeric inputs standardized, `x.name` is as there")
            found.append(Quantity(kind="data", name=name, meaning="; ".join(p for p in parts if p)))
    return found


def _columns(columns: tuple[tuple[str, str], ...]) -> str:
    names = [name if name == original else f'"{original}" as {name}' for name, original in columns]
    return f"columns {', '.join(names)}" if names else ""


def _source(source: SourceCall) -> str:
    if not source.name:
        return "bound from outside"
    inside = ", ".join(f"{key}={_plain(value)}" for key, value in source.settings.items())
    origin = f" from {source.module}" if source.module else ""
    return f"{source.name}({inside}){origin}"


def _plain(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_plain(item) for item in value)}]"
    return f'"{value}"' if isinstance(value, str) and not value.isidentifier() else str(value)


def _domains(plan: Plan) -> list[Quantity]:
    return [
        Quantity(kind="domain", name=item.name, meaning=expressions.text(item.source))
        for item in plan.checked.elaborated.items
        if isinstance(item, Domain)
    ]


def _param(name: str, plan: Plan) -> Quantity:
    checked = plan.checked
    if name in checked.unset:
        how = how_to_set(checked.symbols.params()[name], checked.symbols)
        return Quantity(kind="param", name=name, meaning=f"no value yet, set it: {how}")
    table = checked.tables.get(name)
    if table is not None:
        return Quantity(kind="param", name=name, meaning=_table(table))
    value = checked.params.get(name)
    if value is None:
        return Quantity(kind="param", name=name, meaning="computed from params without a value")
    text = f"{value:g}" if isinstance(value, float | int) else f"{len(value)} numbers"
    return Quantity(kind="param", name=name, meaning=text)


def _table(table: ParamTable) -> str:
    if table.default is not None:
        return f"{table.default:g} for each value of {table.column}"
    values = [f"{key}: {value:g}" for key, value in table.values.items()]
    return f"by {table.column}: {listed(values)}"

"""What a problem is about: data, models, variables, params; what moves and what stays."""

from math import prod

from cspec.compiler.expressions import text as expressions
from cspec.compiler.expressions.mathematics import Quantity
from cspec.compiler.plan import Plan
from cspec.compiler.records.facts import DataFacts, Facts, ModelFacts
from cspec.compiler.records.program import ModelSetup, Program, SourceCall, VariableSetup
from cspec.dsl.needs import standardized
from cspec.dsl.tree.nodes import Domain
from cspec.dsl.values.outside import ParamTable, how_to_set

FEW = 8
"""Names listed one by one; of more only the number is said."""


def quantities(
    plan: Plan, program: Program | None = None, facts: Facts | None = None
) -> tuple[Quantity, ...]:
    """All of them, in the order variables, models, data, params, given values."""
    models = plan.models if program is None else program.models
    return (
        *(_variable(v, plan) for v in plan.variables),
        *(_model(m, facts) for m in models),
        *_data(plan, program, facts),
        *(
            Quantity(kind="domain", name=item.name, meaning=expressions.text(item.source))
            for item in plan.checked.elaborated.items
            if isinstance(item, Domain)
        ),
        *(_param(name, plan) for name in plan.checked.symbols.params()),
        *(
            Quantity(kind="given", name=name, meaning="handed over by your own loop, each step")
            for name, symbol in plan.checked.symbols.table.items()
            if symbol.role == "given"
        ),
    )


def _variable(setup: VariableSetup, plan: Plan) -> Quantity:
    parts = []
    if plan.checked.symbols.vars()[setup.name].dimensions:
        parts.append(f"{' x '.join(map(str, setup.shape))} numbers")
    if isinstance(setup.start, tuple):
        parts.append(f"starts at [{', '.join(f'{value:g}' for value in setup.start)}]")
    else:
        parts.append(f"starts at {setup.start:g}")
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
    parts += ["every parameter with requires_grad moves"] if known is None else _parameters(known)
    moves = known is None or not known.still
    return Quantity(kind="model", name=setup.name, meaning="; ".join(parts), moves=moves)


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
            named = (n if n == original else f'"{original}" as {n}' for n, original in columns)
            parts = [_source(setup.source), f"columns {', '.join(named)}" if columns else ""]
            if known is not None:
                parts += rows_in_words(known)
            elif standardized(plan.checked, name):
                parts.append("the model sees numeric inputs standardized, `x.name` is as there")
            found.append(Quantity(kind="data", name=name, meaning="; ".join(p for p in parts if p)))
    return found


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


def _param(name: str, plan: Plan) -> Quantity:
    checked = plan.checked
    value, table = checked.params.get(name), checked.tables.get(name)
    if name in checked.unset:
        how = how_to_set(checked.symbols.params()[name], checked.symbols)
        meaning = f"no value yet, set it: {how}"
    elif table is not None:
        meaning = _table(table)
    elif value is None:
        meaning = "computed from params without a value"
    else:
        meaning = f"{len(value)} numbers" if isinstance(value, tuple) else f"{value:g}"
    return Quantity(kind="param", name=name, meaning=meaning)


def _table(table: ParamTable) -> str:
    if table.default is not None:
        return f"{table.default:g} for each value of {table.column}"
    values = [f"{key}: {value:g}" for key, value in table.values.items()]
    return f"by {table.column}: {listed(values)}"


def rows_in_words(data: DataFacts) -> list[str]:
    parts = [f"{data.rows:,} rows"]
    if data.feature_names:
        parts.append(f"inputs {listed(list(data.feature_names))}")
    if data.scaling:
        parts.append(scaling(data))
    for name, column in data.columns.items():
        if column.classes:
            classes = [str(value) for value in column.classes]
            parts.append(f"{name} in {{{listed(classes)}}}, numbered in this order")
        elif column.shape:
            parts.append(f"{name} of shape {' x '.join(str(length) for length in column.shape)}")
    return parts


def scaling(data: DataFacts) -> str:
    """How the model's inputs are scaled; features that a spec names are not."""
    shown = [f"({name} - {center:.4g})/{spread:.4g}" for name, center, spread in data.scaling]
    return f"the model sees {listed(shown)}; named features (`x.age`) keep the units of the data"


def described(facts: Facts) -> dict[str, str]:
    """Each dataset in words: rows, inputs and their scaling, classes."""
    return {name: "; ".join(rows_in_words(data)) for name, data in facts.data.items()}


def listed(names: list[str]) -> str:
    if len(names) <= FEW:
        return ", ".join(names)
    return f"{', '.join(names[:FEW])} and {len(names) - FEW} more"

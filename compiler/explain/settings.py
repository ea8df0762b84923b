"""Settings as they will act, defaults marked; what trains, for how long, with what."""

from collections.abc import Mapping
from types import MappingProxyType

from cspec.compiler.choose.rehearsal import TIMES, rehearsed
from cspec.compiler.choose.schedule import DEFAULT_EPOCHS, DEFAULT_STEPS, LEAST_STEPS, settling
from cspec.compiler.expressions.mathematics import Setting
from cspec.compiler.records.graph import Kind, UpdateGraph
from cspec.compiler.records.problem import Problem
from cspec.compiler.records.program import Program, revive_fit
from cspec.dsl.check import Checked
from cspec.dsl.settings.base import Every, Settings
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.tree.nodes import Given


def written(settings: Settings) -> str:
    """`adam(lr=0.01)`: a record as the spec would say it."""
    names = (name for name in type(settings).model_fields if settings.given(name))
    given = ", ".join(f"{name}={value_text(getattr(settings, name))}" for name in names)
    return f"{settings.word}({given})" if given else settings.word


def value_text(value: object) -> str:
    """A setting's value in the notation of the language."""
    match value:
        case Settings():
            return written(value)
        case Every(count=1, unit=unit):
            return unit
        case Every(count=count, unit="step"):
            return str(count)
        case Every(count=count):
            return f"epochs({count})"
        case tuple():
            return f"[{', '.join(value_text(item) for item in value)}]"
        case dict():
            return f"sizes({', '.join(f'{k}={v}' for k, v in value.items())})"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def settings_of(
    method: Settings,
    acting: Mapping[str, float],
    verbose: bool,
    units: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Setting, ...]:
    """The settings of a method. Values that the spec leaves to the compiler come from `acting`.

    Defaults that only the compiler knows are always listed, the others when `verbose`. `units` are
    formulas of those that the first steps of the run measure.
    """
    found: list[Setting] = []
    for name in type(method).model_fields:
        value = getattr(method, name)
        if isinstance(value, Settings):
            # A setting with settings of its own: `dual=nupi`, `dual.lr=0.3`.
            inner, given = settings_of(value, acting, verbose, units), method.given(name)
            if given or inner:
                found.append(Setting(name=name, value=value.word, default=not given))
            found += (s.model_copy(update={"name": f"{name}.{s.name}"}) for s in inner)
        elif method.given(name):
            found.append(Setting(name=name, value=value_text(value)))
        elif value is None:
            if name in units:
                found.append(Setting(name=name, value=units[name], default=True))
            elif name in acting:
                found.append(Setting(name=name, value=f"{acting[name]:g}", default=True))
        elif verbose:
            found.append(Setting(name=name, value=value_text(value), default=True))
    return tuple(found)


def acting_values(graph: UpdateGraph, rule: str) -> dict[str, float]:
    """Constants and first values of a rule's operations: what `None` in the settings became."""
    found: dict[str, float] = {}
    for op in graph.operations:
        if op.rule == rule and op.kind in (Kind.DUAL_STEP, Kind.PENALTY_STEP, Kind.COMBINE):
            found |= op.constants
    for state in graph.state:
        owner, _, name = state.name.rpartition(".")
        if owner not in ("", rule) or name == "multipliers":
            continue
        if isinstance(state.start, float) and state.start == state.start:
            found.setdefault(name, state.start)
    return found


def measured_values(graph: UpdateGraph, rule: str) -> dict[str, str]:
    """Formulas of a rule's settings that the first steps measure."""
    return {
        op.targets[0]: op.meaning.partition(" <- ")[2].partition(", slopes")[0]
        for op in graph.operations
        if op.kind is Kind.UNITS and op.rule == rule
    }


def training(
    checked: Checked, program: Program | None, models: Problem | None = None
) -> tuple[Setting, ...]:
    """Optimizer, length, batches, precision, seed: as they act.

    `models` is the problem where models move alone.
    """
    if any(isinstance(item, Given) for item in checked.spec.items):
        return (Setting(name="optimizer", value="your own (cspec.bind)"),)
    spec = checked.fit
    fit = _likely(checked) if program is None else revive_fit(program.fit)
    found = [
        Setting(
            name="optimizer",
            value=", ".join(_optimizer(o) for o in fit.optimizer),
            default=not spec.given("optimizer"),
        ),
        _length(checked, fit),
    ]
    if checked.symbols.datasets():
        found.append(_plain(spec, "batch_size"))
    for name in ("schedule", "clip_norm", "accumulate", "precision", "strata", "augment"):
        if spec.given(name):
            found.append(_plain(spec, name))
        elif getattr(fit, name) != getattr(spec, name):
            found.append(Setting(name=name, value=value_text(getattr(fit, name)), default=True))
    found += _rehearsals(checked, fit, program, models)
    return (*found, _plain(spec, "seed"))


def _rehearsals(
    checked: Checked, acting: FitSettings, program: Program | None, models: Problem | None
) -> tuple[Setting, ...]:
    """The rates that are tried first; without a program where data are no loader's."""
    if program is not None:
        acts = any(op.kind is Kind.REHEARSE for op in program.graph.operations)
    else:
        steps = checked.fit.steps or LEAST_STEPS
        whole = checked.fit.batch_size == "full"
        acts = models is not None and bool(
            rehearsed(checked.fit, acting, steps, models, whole=whole).steps
        )
    if not acts:
        return ()
    return (Setting(name="rehearsals", value=f"{TIMES}: begins below the best", default=True),)


def _likely(checked: Checked) -> FitSettings:
    """Settings as they will act on data that are not bound yet, of some length."""
    fit = checked.fit
    if not checked.symbols.datasets():
        return fit
    falling = settling(fit, fit.steps or LEAST_STEPS, whole=fit.batch_size == "full")
    return fit if falling is None else fit.model_copy(update={"schedule": falling})


def _plain(fit: FitSettings, name: str) -> Setting:
    return Setting(name=name, value=value_text(getattr(fit, name)), default=not fit.given(name))


def _optimizer(optimizer: Settings) -> str:
    """The optimizer with its learning rate, and what else differs from its defaults."""
    fields = type(optimizer).model_fields
    inside = ", ".join(
        f"{name}={value_text(value)}"
        for name in fields
        if (value := getattr(optimizer, name)) != fields[name].default or name == "lr"
    )
    return f"{optimizer.word}({inside})"


def _length(checked: Checked, acting: FitSettings) -> Setting:
    fit = checked.fit
    if fit.steps is not None:
        return Setting(name="steps", value=str(fit.steps))
    if fit.epochs is not None:
        return Setting(name="epochs", value=str(fit.epochs))
    if acting.epochs is not None:
        return Setting(name="epochs", value=str(acting.epochs), default=True)
    if checked.symbols.datasets():
        value = f"{DEFAULT_EPOCHS}, or as many as make {LEAST_STEPS} steps"
        return Setting(name="epochs", value=value, default=True)
    return Setting(name="steps", value=str(DEFAULT_STEPS), default=True)

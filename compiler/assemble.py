"""Fragments of the methods -> one update graph, in the order of a step."""

from __future__ import annotations

from cspec.compiler.explain_expressions import set_expression, text
from cspec.compiler.gate_decisions import gate_operations
from cspec.compiler.graph import Kind, Operation, StateFacts, UpdateGraph
from cspec.compiler.ir import ParameterRef
from cspec.compiler.lower import LAYER_FLOOR, FunctionalRule, Lowered, SetAction
from cspec.compiler.methods.output_projection import OutputRows
from cspec.compiler.pruning import COUNTS, Course, course, moving
from cspec.compiler.restored import restoration
from cspec.dsl.diagnostics import Diagnostic, SpecError
from cspec.dsl.settings.base import EPOCH, STEP
from cspec.dsl.settings.methods import Admm, FrankWolfe, Parametrization, Projection


def assemble(lowered: Lowered) -> UpdateGraph:
    """The update graph of a lowered problem."""
    duals = [op for rule in lowered.rules for op in _duals(rule)]
    early = [op for op in duals if _order(lowered, op) in ("dual_first", "optimistic")]
    late = [op for op in duals if op not in early]
    measured = "f and g" if lowered.rules else "f"
    operations = [
        *(_map(a) for a in lowered.actions if isinstance(a.settings, Parametrization)),
        *(_outputs(rows) for rows in lowered.outputs),
        Operation(kind=Kind.MEASURE, name="measure", meaning=f"{measured} on a batch"),
        *(op for op, _ in lowered.operations(Kind.UNITS)),
        *(op for op in early if op.trigger.unit == "step"),
        *(_combine(rule) for rule in lowered.rules),
        *(_attraction(action) for action in lowered.actions if isinstance(action.settings, Admm)),
        Operation(kind=Kind.BACKWARD, name="backward", meaning="gradient of the combination"),
        *_look_ahead(lowered),
        *(_vertex_step(a) for a in lowered.actions if isinstance(a.settings, FrankWolfe)),
        Operation(kind=Kind.PRIMAL_STEP, name="step", meaning="the optimizer moves the model"),
        *(_project(a, lowered) for a in lowered.actions if isinstance(a.settings, Projection)),
        *gate_operations(lowered.problem),
        *(op for op in late if op.trigger.unit == "step"),
        Operation(kind=Kind.RECORD, name="record", meaning="history, without waiting"),
        *(op for op in duals if op.trigger.unit == "epoch"),
        *(_prox(action) for action in lowered.actions if isinstance(action.settings, Admm)),
        Operation(kind=Kind.VERIFY, name="verify", trigger=EPOCH, meaning="best feasible snapshot"),
        Operation(kind=Kind.STOP, name="stop", trigger=EPOCH, meaning="early stop"),
        *(op for op, _ in lowered.operations(Kind.SETTLE)),
        *restoration(lowered),
    ]
    return UpdateGraph(state=_state(lowered), operations=tuple(operations))


def _map(action: SetAction) -> Operation:
    return Operation(
        kind=Kind.PROJECT,
        name=f"map_{action.name}",
        operator=action.set.word,
        targets=_targets(action),
        meaning="W = map(V), V free, is a member of the set whatever V is",
    )


def _outputs(rows: OutputRows) -> Operation:
    return Operation(
        kind=Kind.PROJECT,
        name=f"outputs_{rows.model}",
        operator="affine",
        targets=(f"{rows.model}: outputs",),
        meaning="f(x) <- f(x) + A^+ ([lo - A f(x)]+ - [A f(x) - hi]+), inside the model",
    )


def _vertex_step(action: SetAction) -> Operation:
    return Operation(
        kind=Kind.PRIMAL_STEP,
        name=f"step_{action.name}",
        operator=action.set.word,
        targets=_targets(action),
        meaning="W <- W + t (S - W), S the vertex that minimizes the linearized loss",
    )


def _look_ahead(lowered: Lowered) -> list[Operation]:
    if not any(rule.fragment.dual_order == "extragradient" for rule in lowered.rules):
        return []
    meaning = "both players one step ahead on the same batch; gradients there, then back"
    return [Operation(kind=Kind.EXTRAPOLATE, name="look_ahead", meaning=meaning)]


def _duals(rule: FunctionalRule) -> list[Operation]:
    kinds = (Kind.DUAL_STEP, Kind.PENALTY_STEP, Kind.RESET)
    return [op for op in rule.fragment.operations if op.kind in kinds]


def _order(lowered: Lowered, operation: Operation) -> str:
    rule = next(r for r in lowered.rules if r.rule.name == operation.rule)
    return rule.fragment.dual_order


def _combine(rule: FunctionalRule) -> Operation:
    return next(op for op in rule.fragment.operations if op.kind is Kind.COMBINE)


def _state(lowered: Lowered) -> tuple[StateFacts, ...]:
    alone = len(lowered.rules) == 1
    return tuple(
        state if alone else state.model_copy(update={"name": f"{rule.rule.name}.{state.name}"})
        for rule in lowered.rules
        for state in rule.fragment.state
    )


def _targets(action: SetAction) -> tuple[str, ...]:
    if not action.targets:
        return (f"{action.set.model}: every prunable weight",)
    return tuple(
        f"{t.model}:{t.name}" if isinstance(t, ParameterRef) else text(t) for t in action.targets
    )


def _project(action: SetAction, lowered: Lowered) -> Operation:
    settings = action.settings
    assert isinstance(settings, Projection)
    _require_schedule(action, settings, lowered)
    found = course(settings, action.set)
    options: dict[str, float] = {"warmup": found.warmup} if found.warmup else {}
    return Operation(
        kind=Kind.PROJECT,
        name=f"project_{action.name}",
        trigger=settings.every,
        options=options | ({"freeze": 1.0} if found.freeze else {}),
        operator=text(set_expression(action.set)),
        targets=_targets(action),
        meaning=_projection_meaning(found) + _floor(action),
    )


def _floor(action: SetAction) -> str:
    """What each layer keeps of a density of the whole model."""
    if action.set.word != "sparse" or action.set.model is None:
        return ""
    return f"; every layer keeps at least {LAYER_FLOOR:.0%} of the density"


SUPPORTS = frozenset({"sparse", "channels", "nm"})
"""Sets that say which entries may be nonzero."""


def _projection_meaning(found: Course) -> str:
    begun = f"once {found.warmup:.0%} of the run are over, " if found.warmup else ""
    ramp = f", which shrinks to its bound until {found.end:.0%}" if found.ramp else ""
    kept = "; at its bound the entries kept stay the same" if found.freeze else ""
    return f"{begun}W <- the nearest member of the set{ramp}{kept}"


def _require_schedule(action: SetAction, settings: Projection, lowered: Lowered) -> None:
    """A count comes to its bound before the run ends, and only supports can be frozen.

    Raises:
        SpecError: settings under which it would not, or a set without a support.
    """
    word, why, found = action.set.word, "", course(settings, action.set)
    counts = any(a.set.word in COUNTS for a in lowered.actions if a.settings == settings)
    if settings.ramp and not counts:
        why = f"`ramp` is how a count shrinks, and `{word}` is none"
    elif settings.ramp and word in COUNTS and moving(action.set):
        why = f"`{action.constraints[0].text}` says itself how its bound moves"
    elif found.end >= 1:
        why = f"warmup={found.warmup:g} and ramp={found.ramp:g} leave no step at the bound"
    elif settings.freeze and word not in SUPPORTS:
        why = f"`freeze` keeps the entries of a count, and `{word}` is none"
    elif settings.freeze and settings.every != STEP:
        why = "`freeze` needs a projection on every step"
    elif settings.given("stiefel") and word != "stiefel":
        why = f"`stiefel={settings.stiefel}` is a way onto `stiefel`, and this set is `{word}`"
    if not why:
        return
    label = action.constraints[0].label
    message = f"`{label}` can't be enforced by `projection` as written: {why}"
    span = action.constraints[0].span
    helps = ("leave that setting out: `by projection`",)
    raise SpecError([Diagnostic(code="CS521", message=message, span=span, helps=helps)])


def _attraction(action: SetAction) -> Operation:
    return Operation(
        kind=Kind.COMBINE,
        name=f"attract_{action.name}",
        operator=text(set_expression(action.set)),
        targets=_targets(action),
        meaning="L = L + rho/2 ||x - z + u||^2",
    )


def _prox(action: SetAction) -> Operation:
    settings = action.settings
    assert isinstance(settings, Admm)
    steps = settings.linearized and not settings.given("every")
    return Operation(
        kind=Kind.PROX,
        name=f"split_{action.name}",
        trigger=STEP if steps else settings.every,
        operator=text(set_expression(action.set)),
        targets=_targets(action),
        meaning="z <- P(x + u), u <- u + x - z, rho balanced by the residuals" + _floor(action),
    )

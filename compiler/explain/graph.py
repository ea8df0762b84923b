"""The update graph of an explanation: of the program, or of the symbolic plan.

A plan does not know how many members a constraint has, so its rules count each constraint once and
say no sizes. What is decided only once a model is bound appears with its condition.
"""

from collections.abc import Iterable

from cspec.compiler.choose.schedule import DEFAULT_STEPS, LEAST_STEPS
from cspec.compiler.choose.strategy import EACH, GATE_DAMPING, GATE_DUAL_BUDGET
from cspec.compiler.explain import formulas as explain_formulas
from cspec.compiler.expressions.mathematics import OperationRecord, StateRecord
from cspec.compiler.lower.solver_call import owned_graph
from cspec.compiler.methods import FUNCTIONAL
from cspec.compiler.methods.gate_decisions import RAMP
from cspec.compiler.methods.projection import bound_actions
from cspec.compiler.passes.expansion.each_example import over_examples
from cspec.compiler.plan import Plan
from cspec.compiler.records.fragment import Rule
from cspec.compiler.records.graph import Kind, Operation, StateFacts, UpdateGraph
from cspec.compiler.records.lowered import (
    EachRule,
    FunctionalRule,
    Lowered,
    Segment,
    SetAction,
    numbered,
)
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.explicit.points import is_points
from cspec.dsl.settings.base import Every, Settings
from cspec.dsl.settings.duals import Nupi
from cspec.dsl.settings.methods import OF_SETS, Lagrangian, Method, unknown_to_rows
from cspec.dsl.words.sets import EQUALITIES

GATES = "with gates"
NO_GATES = "without gates"


def conditional(c: Constraint) -> bool:
    """Whether the method depends on gates that a model still to be bound may have."""
    return (
        c.set is not None
        and c.set.model is not None
        and any(text.startswith("lagrangian without gates") for text in c.rejected)
    )


def symbolic(plan: Plan) -> tuple[Lowered, UpdateGraph]:
    """The graph of a plan: every index set counted once."""
    hard = [c for c in plan.problem.constraints if c.soft is None]
    soft = tuple(c for c in plan.problem.constraints if c.soft is not None)
    actions = _actions(hard)
    bounds = bound_actions(plan.variables, (action.name for action in actions))
    rules = _rules(hard, plan)
    each = tuple(_each(c, plan) for c in hard if _has_rows(c, plan))
    lowered = Lowered(_decided(plan.problem), rules, (*actions, *bounds), soft, examples=each)
    return lowered, owned_graph(lowered)


def _decided(problem: Problem) -> Problem:
    """The problem with what gates would be decided by, if the model has them."""
    return problem.with_constraints(
        c.model_copy(update={"decides": c.parts}) if conditional(c) and c.relation == "<=" else c
        for c in problem.constraints
    )


def _rules(constraints: Iterable[Constraint], plan: Plan) -> tuple[FunctionalRule, ...]:
    data = bool(plan.checked.symbols.datasets())
    groups: dict[Settings, list[Constraint]] = {}
    for c in constraints:
        if conditional(c):
            groups.setdefault(Lagrangian(dual=Nupi(lr=1.0)), []).append(c)
        elif _has_rows(c, plan):
            continue
        elif isinstance(c.method, Method) and c.method.word in FUNCTIONAL:
            groups.setdefault(c.method, []).append(c)
    rules: list[FunctionalRule] = []
    start = 0
    for settings, members in groups.items():
        equalities = tuple(_equality(c) for c in members)
        rule = Rule(
            name=numbered(settings.word, {other.rule.name for other in rules}),
            settings=settings,
            labels=tuple(c.label for c in members),
            size=len(members),
            equalities=equalities,
            total_steps=plan.checked.fit.steps or (LEAST_STEPS if data else DEFAULT_STEPS),
            steps_per_epoch=1 if plan.checked.fit.batch_size == "full" else 2,
            deterministic=not data,
        )
        parts = tuple(
            Segment(c, c.parts, c.gradient_parts, start + i, start + i + 1)
            for i, c in enumerate(members)
        )
        start += len(members)
        rules.append(FunctionalRule(rule, FUNCTIONAL[settings.word](rule), parts))
    return tuple(rules)


def _has_rows(c: Constraint, plan: Plan) -> bool:
    """Whether each of its examples has a multiplier, by the method that is chosen or named."""
    domain = over_examples(c.binders[0]) if c.binders else None
    if c.reason == EACH or not isinstance(c.method, Method):
        return c.reason == EACH
    points = is_points(domain or "")
    known = domain in plan.checked.symbols.datasets() and not points
    return known and unknown_to_rows(c.method) is None


def _each(c: Constraint, plan: Plan) -> EachRule:
    steps = plan.checked.fit.steps or LEAST_STEPS
    name = "each_" + c.label.replace(".", "_")
    return EachRule(name, c, over_examples(c.binders[0]) or "", 0, steps, 1)


def _equality(c: Constraint) -> bool:
    if c.relation == "in":
        return c.set is not None and c.set.word in EQUALITIES
    return c.relation == "=="


def _actions(constraints: Iterable[Constraint]) -> tuple[SetAction, ...]:
    return tuple(
        SetAction(
            name=c.label.replace(".", "_"),
            family=c.label,
            settings=c.method,
            set=c.set,
            targets=() if c.set.subject is None else (c.set.subject,),
            constraints=(c,),
        )
        for c in constraints
        if c.method is not None and c.method.word in OF_SETS and c.set is not None
    )


# --- As records ----------------------------------------------------------------------------------


def operations(
    graph: UpdateGraph, conditions: dict[str, str], optimizer: str, stop: str | None
) -> tuple[OperationRecord, ...]:
    """The operations in the order of a step. `conditions` are by rule and by operation."""
    return tuple(
        _record(op, conditions, optimizer, stop)
        for op in graph.operations
        if op.kind is not Kind.STOP or stop is not None
    )


def _record(
    op: Operation, conditions: dict[str, str], optimizer: str, stop: str | None
) -> OperationRecord:
    meaning = op.meaning
    if op.kind is Kind.PRIMAL_STEP and optimizer:
        meaning = optimizer
    elif op.kind is Kind.STOP and stop is not None:
        meaning = f"stop when {stop}"
    updates = op.updates
    if op.kind is Kind.COMBINE:
        updates = tuple(update for update in updates if update.target == "weight")
    condition = conditions.get(op.rule or op.name, "")
    if condition == GATES and op.kind is Kind.DUAL_STEP:
        # The step is chosen with the length of the run, which is not known yet.
        step = f"lr = {GATE_DUAL_BUDGET:g} / (bound * steps), lr kp = {GATE_DAMPING:g}"
        bound = f"the bound comes down from every weight over {RAMP:.0%} of the run"
        updates, meaning = (), f"{meaning} with {step}; {bound}"
    shown = tuple(
        explain_formulas.mathematics(op, update)
        for update in updates
        if explain_formulas.first_value(update) is None
    )
    return OperationRecord(
        kind=str(op.kind),
        name=op.name,
        trigger=op.often or when(op.trigger, op.after),
        meaning=meaning,
        updates=shown,
        targets=op.targets if not op.operator else (f"{', '.join(op.targets)} in {op.operator}",),
        condition=condition,
    )


def when(trigger: Every, after: int = 0) -> str:
    """`every step`, `every 5 epochs`, `every step after the first 100`."""
    count, unit = trigger
    text = f"every {unit}" if count == 1 else f"every {count} {unit}s"
    return f"{text} after the first {after} steps" if after else text


def states(graph: UpdateGraph, sized: bool) -> tuple[StateRecord, ...]:
    """What the updates remember; sizes only where they are known."""
    return tuple(
        StateRecord(
            name=state.name,
            meaning=state.meaning,
            size=state.size if sized else None,
            start=_start(state),
        )
        for state in graph.state
    )


def _start(state: StateFacts) -> str:
    match state.start:
        case tuple():
            return "0 for inequalities, -inf for equalities"
        case value if value != value:
            return "the first value measured"
        case value:
            return f"{value:g}"

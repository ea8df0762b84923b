"""Plan (and program) -> Explanation: everything the machine decided, as records."""

from collections.abc import Sequence

from cspec.compiler.explain.graph import GATES, NO_GATES, conditional, operations, states, symbolic
from cspec.compiler.explain.quantities import quantities
from cspec.compiler.explain.settings import acting_values, measured_values, settings_of, training
from cspec.compiler.expressions import text as expressions
from cspec.compiler.expressions.latex import verbatim
from cspec.compiler.expressions.mathematics import (
    Change,
    ConstraintRecord,
    Explanation,
    Mathematics,
    Setting,
)
from cspec.compiler.lower.report import constraint_facts, stated, verify_facts
from cspec.compiler.passes.expansion.collect import collect
from cspec.compiler.passes.gates import EXPECTED
from cspec.compiler.plan import PASSES, Plan, stop_condition
from cspec.compiler.records.certificate import LeafFacts
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.graph import UpdateGraph
from cspec.compiler.records.lowered import Lowered
from cspec.compiler.records.problem import Constraint, Problem, SetMember
from cspec.compiler.records.program import ConstraintFacts, Program, VerifyFacts
from cspec.compiler.records.which_data import decided
from cspec.compiler.surrogates.random_means import in_words, said_of_classes
from cspec.dsl.check import Checked
from cspec.dsl.explicit.points import is_points
from cspec.dsl.messages.wording import some
from cspec.dsl.names.symbols import is_pairs
from cspec.dsl.not_compiled import refusals
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.methods import METHODS, OF_SETS, Method
from cspec.dsl.text.visible import visible_line
from cspec.dsl.tree.nodes import Expr
from cspec.dsl.words.sets import EQUALITIES

SHOWN_ROWS = 4
"""Rows of a weight that the statement of a set on them lists."""


def gather(
    plan: Plan, program: Program | None = None, facts: Facts | None = None, verbose: bool = False
) -> Explanation:
    """The explanation of a plan, with members, sizes and notes where a program is given."""
    checked, problem = plan.checked, plan.problem
    lowered, drawn = symbolic(plan)
    graph = drawn if program is None else program.graph
    known = {c.label: c for c in constraint_facts(lowered, checked)}
    rules = _rules(lowered, program)
    records = tuple(
        _constraint(c, _Context(plan, program, graph, known[c.full_label], rules, verbose))
        for c in problem.constraints
    )
    conditions = {} if program is not None else _conditions(lowered)
    solver, stop = problem.solver, stop_condition(checked)
    until = None if stop is None else expressions.text(stop)
    models = None if plan.variables else problem
    fit = training(checked, program, models) if solver is None else ()
    about = quantities(plan, program, facts)
    moving = ", ".join(q.name for q in about if q.moves) or "what your loop trains"
    mover = f"{fit[0].value} moves {moving}" if fit else ""
    return Explanation(
        name=checked.source.name,
        bound=program is not None,
        sense=problem.sense,
        objective=expressions.mathematics(problem.objective),
        objective_written=problem.objective_text,
        objective_surrogate=_objective_stand_in(plan, program),
        implied=tuple(dict.fromkeys((n.written, n.meaning) for n in checked.notes)),
        quantities=about,
        constraints=records,
        metrics=tuple((name, expressions.text(value)) for name, value in problem.metrics),
        training=fit,
        changes=changes(checked),
        state=states(graph, program is not None),
        operations=operations(graph, conditions, mover, until),
        signs=_signs(plan),
        notes=program.notes if program is not None else (),
        later=tuple(
            f"line {checked.source.position(found.span.start).line}: {found.message} "
            f"[{found.code}]; {'; '.join(found.helps)}"
            for found in refusals(checked.diagnostics)
        ),
    )


class _Context:
    """What one constraint's record is made from."""

    def __init__(
        self,
        plan: Plan,
        program: Program | None,
        graph: UpdateGraph,
        facts: ConstraintFacts,
        rules: dict[str, str],
        verbose: bool,
    ) -> None:
        self.checked = plan.checked
        self.program = program
        self.facts = facts
        self.verbose = verbose
        rule = rules.get(facts.family)
        self.acting = acting_values(graph, rule) if rule else {}
        self.units = measured_values(graph, rule) if rule else {}
        self.members: tuple[ConstraintFacts, ...] = ()
        if program is not None:
            alone = facts.label != facts.family
            self.members = tuple(
                m
                for m in program.constraints
                if (m.label == facts.label if alone else m.family == facts.family)
            )


def _rules(lowered: Lowered, program: Program | None) -> dict[str, str]:
    """The rule of each constraint family, in the program's names where there is a program."""
    if program is not None:
        return {c.family: c.rule for c in program.constraints if c.rule is not None}
    return {p.constraint.label: r.rule.name for r in lowered.rules for p in r.parts}


def _conditions(lowered: Lowered) -> dict[str, str]:
    found = {}
    for rule in lowered.rules:
        if all(conditional(part.constraint) for part in rule.parts):
            found[rule.rule.name] = GATES
    if found:
        found["decide_gates"] = GATES
    for action in lowered.actions:
        if action.constraints and all(conditional(c) for c in action.constraints):
            found[f"project_{action.name}"] = NO_GATES
    return found


def _constraint(c: Constraint, context: _Context) -> ConstraintRecord:
    facts = context.facts
    decided = context.members[0] if context.members else facts
    open_choice = context.program is None and conditional(c)
    method = c.method if isinstance(c.method, Method) else None
    if context.members and method is not None and decided.method != method.word:
        method = METHODS[decided.method]()
    soft = c.soft
    settings: Settings | None = soft if soft is not None else method
    default = context.checked.symbols.default_dataset
    judged = verdict(facts, verify_facts(context.checked), default)
    certified = "certified with confidence" in judged
    return ConstraintRecord(
        label=c.full_label,
        written=c.text,
        quantifier=expressions.quantifier(c.binders),
        members=tuple(visible_line(m.label) for m in context.members if m.label != facts.label),
        canonical=canonical(c, method),
        kind="requirement" if soft is None else "preference",
        method=f"lagrangian ({GATES}) or projection ({NO_GATES})"
        if open_choice
        else decided.method,
        alternative="the model's gates, once it is bound" if open_choice else "",
        settings=() if settings is None or open_choice else _settings(c, settings, context),
        reason=decided.reason,
        rejected=c.rejected if not context.members or decided.reason == c.reason else (),
        surrogate=_surrogate(c, decided),
        surrogate_form=_stand_in(c, context),
        tolerance=tolerance(c, facts),
        verdict=judged + certificate(decided) if certified else judged,
        price=price(c.model_copy(update={"method": method})),
    )


def _settings(c: Constraint, settings: Settings, context: _Context) -> tuple[Setting, ...]:
    """The settings as they act. Those of a choice that was open in the plan are the compiler's."""
    if not conditional(c) or settings.word in OF_SETS:
        return settings_of(settings, context.acting, context.verbose, context.units)
    return tuple(
        Setting(name=name, value=f"{value:g}", default=True)
        for name, value in context.acting.items()
        if name != "cap"
    )


def canonical(c: Constraint, method: Settings | None) -> tuple[Mathematics, ...]:
    """`W in S` where a set is kept, else `g <= 0` for each canonical function."""
    if c.set is not None and (c.relation == "in" or (method and method.word in OF_SETS)):
        kept = method is None or method.word in OF_SETS
        return (_membership(c.set) if kept else _residual(c.set),)
    if c.event is not None:
        return (expressions.mathematics(c.event),)
    return tuple(_relation(part, c.relation) for part in c.parts)


def _stand_in(c: Constraint, context: _Context) -> tuple[Mathematics, ...]:
    """What moves the model; of a constraint without members as it is once data are bound."""
    if len(context.members) == 1 and not c.binders:
        found = context.members[0].stand_in
        return tuple(Mathematics(text=form, latex=verbatim(form)) for form in found)
    parts = (_relation(part, c.relation) for part in c.gradient_parts or ())
    return tuple({form.text: form for form in parts}.values())


def _relation(part: Expr, relation: str) -> Mathematics:
    shown = expressions.mathematics(part)
    if in_words(part):
        return Mathematics(text=stated(part, relation), latex=shown.latex)
    return _compared(shown, relation == "==")


def _compared(shown: Mathematics, equal: bool) -> Mathematics:
    sign, latex = ("==", "=") if equal else ("<=", r"\le")
    return Mathematics(text=f"{shown.text} {sign} 0", latex=f"{shown.latex} {latex} 0")


def _membership(member: SetMember) -> Mathematics:
    within = expressions.mathematics(expressions.set_expression(member))
    if member.subject is None:
        model = member.model or "model"
        return Mathematics(
            text=f"the prunable weights of {model} in {within.text}",
            latex=rf"\text{{prunable weights of }} \mathrm{{{model}}} \in {within.latex}",
        )
    subject = expressions.mathematics(member.subject)
    if member.rows:
        listed = some([f"{subject.text}{list(place)}" for place in member.rows], SHOWN_ROWS)
        subject = Mathematics(text=listed, latex=rf"\text{{{listed}}}")
    elif member.part:
        places = [f"{p[0]}:{p[1]}" if isinstance(p, tuple) else str(p) for p in member.part]
        listed = f"{subject.text}[{', '.join(places)}]"
        subject = Mathematics(text=listed, latex=rf"\text{{{listed}}}")
    return Mathematics(
        text=f"{subject.text} in {within.text}", latex=rf"{subject.latex} \in {within.latex}"
    )


def _residual(member: SetMember) -> Mathematics:
    """A set as functions that multipliers act on."""
    shown = _membership(member)
    residual = Mathematics(
        text=f"residual({shown.text})", latex=rf"\operatorname{{residual}}({shown.latex})"
    )
    return _compared(residual, member.word in EQUALITIES)


def _surrogate(c: Constraint, decided: ConstraintFacts) -> str:
    if conditional(c) and decided.rule is not None and decided.method not in OF_SETS:
        return f"{EXPECTED} (the deployed density decides the verdict)"
    text = decided.surrogate or (c.surrogate_text if c.gradient_parts is not None else None)
    return "" if text is None else text


def _objective_stand_in(plan: Plan, program: Program | None) -> str:
    if program is not None:
        return program.objective_stand_in
    seen = plan.problem.objective_gradient
    if seen is None:
        return ""
    return expressions.text(seen) + said_of_classes(seen)


def _signs(plan: Plan) -> tuple[str, ...]:
    """The sign rule, once, where there are multipliers at all."""
    used = [c for c in plan.problem.constraints if price(c) or conditional(c)]
    if not used:
        return ()
    rule = (
        "L = f + sum of multiplier * (what must be <= 0), with f as minimized: the multiplier of "
        "an inequality is >= 0 however it was written"
    )
    found = [rule]
    if any(c.relation == "==" for c in used):
        found.append("the multiplier of `lhs == rhs` multiplies (lhs - rhs) and has either sign")
    if plan.problem.sense == "maximize":
        found.append("f is minus the objective, which is maximized")
    found.append(
        "sensitivity is the change of the objective as written per unit that a bound as written "
        "is raised: a local estimate, printed only where the end of a run is stationary"
    )
    return tuple(found)


def changes(checked: Checked) -> tuple[Change, ...]:
    """Each pass that changed something, with the lines that it changed."""
    problem = collect(checked)
    found: list[Change] = []
    for name, run in PASSES:
        after = run(problem, checked)
        lines = tuple(line for line in state(after) if line not in state(problem))
        if lines:
            found.append(Change(name=name, lines=lines))
        problem = after
    return tuple(found)


def state(problem: Problem) -> tuple[str, ...]:
    """A problem as lines: the objective, then each constraint with its set and its functions."""
    sense = "minimize" if problem.objective_sign < 0 else problem.sense
    return (
        f"{sense} {expressions.text(problem.objective)}",
        *(_line(c) for c in problem.constraints),
    )


def _line(c: Constraint) -> str:
    text = f"{c.label}: {expressions.text(c.value)} {c.relation} {expressions.text(c.judged_by)}"
    if c.set is not None:
        text += f"   [{c.set.word}]"
    if c.parts:
        shown = (
            f"{expressions.text(part)} {'==' if c.equality(place) else '<='} 0"
            for place, part in enumerate(c.parts)
        )
        text += "   ->   " + ",  ".join(shown)
    return text


def tolerance(c: Constraint, facts: ConstraintFacts) -> str:
    """The tolerance of the verdict, in the constraint's units, and where it comes from."""
    if facts.exact:
        return "0: counts are compared exactly"
    origin = "within" if c.tolerance_given else "default"
    return f"{facts.tolerance:g} ({origin})"


def verdict(facts: ConstraintFacts, verify: Sequence[VerifyFacts], training: str | None) -> str:
    """On what the true constraint is measured, in a sentence."""
    if facts.soft:
        return "none: a preference is reported and never decides"
    place, item = decided(facts, verify, training)
    data = place.split
    if data is None:
        return "the true constraint on the parameters themselves, exact"
    if is_points(data):
        how = "the largest violation" if facts.each else "measured"
        how = "at these very points, exact" if ".grid(" in data else f"{how} on a fresh grid"
        return f"the true constraint on {data}: {how}"
    exact = "wherever they fit, else on a sample" if is_pairs(data) else "exact"
    if facts.searched:
        exact = f"its worst case searched by {facts.searched}"
    if facts.drawn:
        exact = f"from {facts.drawn}"
    text = f"the true constraint on all of {data}, {exact}"
    if place.kept_from is not None:
        return f"{text} (it names its data: `verify all on {place.kept_from}` leaves it there)"
    if item is None:
        return f"{text} (no `verify` line: the training data decide)"
    if item.every is not None:
        return f"{text} (the data that also choose the best snapshot)"
    if item.confidence is not None:
        return f"the true constraint on {data}, certified with confidence {item.confidence:g}"
    return text


def certificate(facts: ConstraintFacts) -> str:
    """What a certificate rests on, and the margin that training keeps for it; empty without one."""
    proof = facts.certificate
    if proof is None:
        return "; training keeps it inside its bound by a margin that follows from the split's rows"
    means = [_mean(leaf) for leaf in proof.leaves if leaf.kind != "number"]
    error = f"{100 * (1 - proof.confidence):.4g}%"
    shared = "shared equally among the terms of a sum or product"
    if proof.value.operation in ("leaf", "gap", "max", "abs", "ratio"):
        shared = "one-sided, whole for each mean or pair (a maximum fails where its largest does)"
    kept = f"; training keeps it {facts.margin:g} inside its bound" if facts.margin else ""
    return f", from {' and '.join(means)}; error {error}, {shared}{kept}"


def _mean(leaf: LeafFacts) -> str:
    how = "exact binomial bounds"
    if leaf.kind == "mean":
        how = f"in [{leaf.low:g}, {leaf.high:g}]: Hoeffding or empirical Bernstein at half each"
    groups = f" by {len(leaf.groups)} groups" if leaf.groups else ""
    return f"`{leaf.text}`{groups} ({how})"


def price(c: Constraint) -> str:
    """How the multiplier of a constraint reads, empty where it has none."""
    if c.soft is not None or not isinstance(c.method, Method) or not c.method.has_multipliers:
        return ""
    if c.relation == "in":
        return "multipliers of the residual's entries: reported by the largest and the norm"
    sign = "+" if c.recovery.sensitivity_sign > 0 else "-"
    kind = "of either sign, on (lhs - rhs)" if c.relation == "==" else ">= 0"
    if not c.method.prices:
        return f"multiplier {kind}: a weight of `{c.method.word}`, no price of the bound"
    return (
        f"multiplier {kind}; sensitivity = {sign}multiplier: the change of the objective as "
        "written per unit that the bound as written is raised"
    )

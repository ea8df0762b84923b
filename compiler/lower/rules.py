"""Constraints with methods -> rules and set actions: what the update graph is built from."""

from collections.abc import Sequence
from itertools import accumulate
from math import prod

from cspec.compiler.algebra.set_forms import form_size
from cspec.compiler.algebra.shapes import shape_of
from cspec.compiler.axes.inference import Inference
from cspec.compiler.axes.record import Axes
from cspec.compiler.choose.schedule import RunLength
from cspec.compiler.choose.strategy import size_on_gates
from cspec.compiler.expressions.rewrite import call, function_name, rewrite
from cspec.compiler.expressions.vectors import Sized
from cspec.compiler.methods import FUNCTIONAL
from cspec.compiler.methods.each_example import each_rules, has_rows, require_plain_steps
from cspec.compiler.methods.output_projection import output_rows
from cspec.compiler.methods.projection import projections
from cspec.compiler.passes.expansion.expand import named_parameters
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.fragment import Fragment, Rule
from cspec.compiler.records.graph import StateFacts
from cspec.compiler.records.lowered import (
    EntryRules,
    FunctionalRule,
    Lowered,
    Segment,
    SetAction,
    SetResidual,
    numbered,
)
from cspec.compiler.records.problem import Constraint, ParameterRef, PerExample, Problem
from cspec.compiler.records.set_keys import SetKeys
from cspec.dsl.messages.wording import listing
from cspec.dsl.settings.methods import OF_SETS, Method, OutputProjection, Threshold
from cspec.dsl.tree.nodes import Call, Expectation, Expr, Name, Node, Vector, shape, walk
from cspec.dsl.tree.rebuild import calls_of
from cspec.dsl.values.shapes import ONE_NUMBER, ONE_NUMBER_WORDS
from cspec.dsl.words.functions import SIGNATURES
from cspec.dsl.words.sets import EQUALITIES


def lower(problem: Problem, inference: Inference, run: RunLength, by_value: bool) -> Lowered:
    """Group constraints that share a method; lay out the constraint vector."""
    soft = tuple(c for c in problem.constraints if c.soft is not None)
    groups: dict[Method, list[Constraint]] = {}
    projected: list[Constraint] = []
    each: list[Constraint] = []
    shifted: list[Constraint] = []
    actions: dict[tuple[object, ...], list[Constraint]] = {}
    keys = SetKeys()
    held = {face.label for model in problem.lifted for face in model.faces}
    for constraint in (c for c in problem.constraints if c.soft is None):
        assert isinstance(constraint.method, Method)
        if isinstance(constraint.method, OutputProjection):
            projected.append(constraint)
        elif constraint.full_label in held:
            continue
        elif has_rows(constraint):
            each.append(constraint)
        elif isinstance(constraint.method, Threshold):
            shifted.append(constraint)
        elif constraint.method.word in OF_SETS:
            member = constraint.set and keys.of(constraint.set)
            key = (constraint.label, constraint.method, member)
            actions.setdefault(key, []).append(constraint)
        else:
            groups.setdefault(constraint.method, []).append(constraint)
    full = _gated_objective(problem.objective, inference)
    rules = _rules(groups, inference, run, by_value, full)
    outputs = output_rows(projected, inference.known.facts, inference.known.params)
    ways = _ways(rules, inference)
    steps = run.steps, run.steps_per_epoch
    examples = each_rules(each, inference, *steps, alone=not rules)
    if examples:
        require_plain_steps(examples, rules, by_value=by_value)
    return Lowered(problem, rules, _actions(actions), soft, outputs, tuple(shifted), ways, examples)


def _rules(
    groups: dict[Method, list[Constraint]],
    inference: Inference,
    run: RunLength,
    by_value: bool,
    full: float,
) -> tuple[FunctionalRule, ...]:
    facts = inference.known.facts
    rules: list[FunctionalRule] = []
    start = 0
    for settings, constraints in groups.items():
        parts: list[Segment] = []
        equalities: list[bool] = []
        for constraint in constraints:
            part, equal = _part(constraint, start, inference)
            parts.append(part)
            equalities.extend(equal)
            start = part.stop
        rule = Rule(
            name=numbered(settings.word, {other.rule.name for other in rules}),
            settings=settings,
            labels=tuple(c.full_label for c in constraints),
            size=len(equalities),
            equalities=tuple(equalities),
            total_steps=run.steps,
            steps_per_epoch=run.steps_per_epoch,
            by_value=by_value,
            full=full,
            jumps=() if inference.known.shapes else _jumps(parts),
            own_loop=facts.own_loop is not None,
            deterministic=not (facts.data or facts.models or facts.own_loop is not None),
        )
        fragment = FUNCTIONAL[settings.word](rule)
        if rule.relation == "mixed":
            fragment = _with_floor(fragment, rule)
        rules.append(FunctionalRule(rule, fragment, tuple(parts)))
    return tuple(rules)


def _gated_objective(objective: Expr, inference: Inference) -> float:
    """What an objective that is a size on gates is with every weight in use; 0 of any other."""

    def plain(expr: Expr) -> Expr:
        if isinstance(expr, Call) and function_name(expr) == "expected_density":
            return call("density", *expr.arguments)
        return expr

    size = rewrite(objective, plain)
    return abs(size_on_gates(size, inference.known.facts, inference.known.params, 4) or 0.0)


def _jumps(parts: list[Segment]) -> tuple[bool, ...]:
    """Which entries surrogates stand in for; empty where there are none.

    So it is where decision variables move: outputs of a model start within a sigmoid's width, those
    are far outside of it, and where less pressed they would leave for where surrogates vanish.
    """
    flags = [part.gradients is not None for part in parts for _ in range(part.start, part.stop)]
    return tuple(flags) if any(flags) else ()


def _with_floor(fragment: Fragment, rule: Rule) -> Fragment:
    floors = tuple(float("-inf") if equality else 0.0 for equality in rule.equalities)
    floor = StateFacts(
        name="floor", size=rule.size, start=floors, meaning="least multiplier an entry may have"
    )
    return fragment.model_copy(update={"state": (*fragment.state, floor)})


def _part(constraint: Constraint, start: int, inference: Inference) -> tuple[Segment, list[bool]]:
    """The entries of a constraint, and which of them are equalities."""
    functions, gradients = constraint.parts, constraint.gradient_parts
    equal = [constraint.equality(place) for place in range(len(functions))]
    if constraint.relation == "in":
        assert constraint.set is not None and constraint.set.subject is not None
        equality = constraint.set.word in EQUALITIES
        residual = SetResidual(
            set=constraint.set,
            subject=constraint.set.subject,
            equality=equality,
            label=constraint.label,
            span=constraint.span,
        )
        functions, equal = (residual,), [equality]
    counts = [entries(function, inference) for function in functions]
    flags = [flag for flag, count in zip(equal, counts, strict=True) for _ in range(count)]
    return Segment(constraint, functions, gradients, start, start + sum(counts)), flags


def _ways(rules: tuple[FunctionalRule, ...], inference: Inference) -> EntryRules:
    """The alternatives of every rule `A => B` by entries of the constraint vector."""
    found = []
    for part in (part for rule in rules for part in rule.parts):
        c = part.constraint
        if not c.alternatives:
            continue
        ends = list(accumulate((entries(f, inference) for f in part.functions), initial=part.start))
        for number, clause in enumerate(c.alternatives, 1):
            ways = tuple(
                tuple(entry for place in way for entry in range(ends[place], ends[place + 1]))
                for way in clause
            )
            name = f"{c.full_label} ({number})" if len(c.alternatives) > 1 else c.full_label
            found.append((name, ways))
    return tuple(found)


_PAIRWISE = frozenset({"differences", "ratio_differences"})


def entries(expr: Expr, inference: Inference) -> int:
    """How many numbers a canonical function has: groups, pairs of groups, entries of a tensor."""
    if isinstance(expr, PerExample):  # points, of which every step sees all
        each = inference.axes(expr).each
        return 1 if each is None else inference.known.facts.data[expr.dataset].rows
    known = inference.known
    if isinstance(expr, SetResidual):
        subject = shape_of(expr.subject, known.shapes, known.params)
        return form_size(expr.set, subject or (1,))
    shape = shape_of(expr, known.shapes, known.params)
    if shape is not None:
        return prod(shape)
    for total in calls_of(expr, ("every_sum",)):
        return prod(entries(term, inference) for term in total.arguments)
    axes = inference.axes(expr)
    if axes.shape is not None and axes.each is None and not axes.groups:
        return prod(axes.shape)
    for differences in calls_of(expr, _PAIRWISE):
        pairs = inference.axes(differences).shape
        return pairs[0] if pairs else 0
    if _is_one_number(expr, axes):
        return 1
    vectors = [_vector_entries(node, inference) for node in outside_reductions(expr)]
    return max(vectors, default=1)


def _is_one_number(expr: Expr, axes: Axes) -> bool:
    """Whether an expression is one number, whatever vectors it is made of: `std(P[.. | sex])`."""
    one = axes.known and axes.shape == () and axes.each is None and not axes.groups
    return one and not any(isinstance(node, Sized) for node in walk(expr))


_REDUCTIONS = ONE_NUMBER | ONE_NUMBER_WORDS | {"max", "min"}


def outside_reductions(expr: Node) -> list[Node]:
    """The nodes of an expression that are not inside something that makes one number of many."""
    found: list[Node] = []
    stack: list[Node] = [expr]
    while stack:
        node = stack.pop()
        found.append(node)
        word = function_name(node)
        # Functions of the user's own make one number of a tensor, too.
        reduces = word in _REDUCTIONS or (word is not None and word not in SIGNATURES)
        if not reduces and not isinstance(node, Expectation):
            stack.extend(node.children())
    return found


def _vector_entries(node: Node, inference: Inference) -> int:
    named = named_parameters(node, inference.known.facts) if isinstance(node, Expr) else None
    if named is not None:
        return sum(prod(p.shape) for p in named)
    match node:
        case Expectation():
            return group_count(node, inference)
        case Sized(size=size):
            return size
        case ParameterRef(shape=shape):
            return prod(shape)
        case _:
            return 1


def group_count(node: Expr, inference: Inference) -> int:
    """Numbers of a vector over groups, `E[.. | column]` and arithmetic on it; 1 of a number."""
    found = inference.axes(node)
    return max(found.shape[0], 1) if found.groups and found.shape else 1


def _actions(groups: dict[tuple[object, ...], list[Constraint]]) -> tuple[SetAction, ...]:
    actions: list[SetAction] = []
    for constraints in groups.values():
        first = constraints[0]
        assert first.set is not None and first.method is not None
        subjects = [c.set.subject for c in constraints if c.set is not None]
        # Members on rows of one weight are on that weight; a set of several weights names them all.
        targets = tuple(
            item
            for subject in {shape(subject): subject for subject in subjects}.values()
            if subject is not None
            for item in (subject.items if isinstance(subject, Vector) else (subject,))
        )
        actions.append(
            SetAction(
                name=first.label.replace(".", "_"),
                family=first.label,
                settings=first.method,
                set=first.set,
                targets=targets,
                constraints=tuple(constraints),
            )
        )
    return _told_apart(_merged(actions))


def _told_apart(actions: list[SetAction]) -> tuple[SetAction, ...]:
    """Names once each: `g.a` and `g_a` are both `g_a` as a Python name."""
    found: dict[str, SetAction] = {}
    for action in actions:
        name = numbered(action.name, found)
        found[name] = action._replace(name=name)
    return tuple(found.values())


def _merged(actions: list[SetAction]) -> list[SetAction]:
    """`lo <= w <= hi` is one box, though its two sides are two constraints to people."""
    keys = SetKeys()
    merged: dict[object, SetAction] = {}
    for action in actions:
        key = keys.of(action.set), shape(action.targets), action.settings
        other = merged.get(key)
        if other is None:
            merged[key] = action
            continue
        family = other.family.rpartition(".")[0] or other.family
        merged[key] = other._replace(
            name=family.replace(".", "_"),
            family=family,
            constraints=(*other.constraints, *action.constraints),
        )
    return list(merged.values())


def targets(action: SetAction, facts: Facts) -> list[Expr]:
    """The parameters an action is on: those named, or all the prunable weights of its model."""
    if action.targets:
        return list(action.targets)
    assert action.set.model is not None
    return [
        ParameterRef(model=action.set.model, name=p.name, shape=p.shape)
        for p in facts.models[action.set.model].parameters
        if p.prunable
    ]


def name_of(target: Expr) -> str:
    """What tells the parameters of sets apart."""
    match target:
        case ParameterRef(model=model, name=name):
            return f"{model}.{name}"
        case Name(id=name):
            return name
        case _:
            return repr(target)


def sharing(actions: Sequence[SetAction], facts: Facts) -> list[list[SetAction]]:
    """The actions in groups, in order: two are in one group where they share a parameter."""
    groups: list[list[SetAction]] = []
    for action in actions:
        names = _names(action, facts)
        near = [g for g in groups if any(names & _names(other, facts) for other in g)]
        apart = [g for g in groups if g not in near]
        groups = [*apart, [*(other for g in near for other in g), action]]
    ordered = [sorted(group, key=actions.index) for group in groups]
    return sorted(ordered, key=lambda group: actions.index(group[0]))


def sharing_notes(actions: Sequence[SetAction], facts: Facts) -> tuple[str, ...]:
    """What to know of projections onto several sets on the same parameters."""
    projected = projections(actions)
    return tuple(
        f"{listing(families, 'and')} share parameters: each step "
        "projects in turn until all hold. For convex sets that is the nearest common point "
        "(Dykstra); for others a common point, if there is one near, but not the nearest"
        for group in sharing(projected, facts)
        if len(families := dict.fromkeys(action.family for action in group)) > 1
    )


def _names(action: SetAction, facts: Facts) -> frozenset[str]:
    named = (item for item in targets(action, facts) if isinstance(item, ParameterRef | Name))
    return frozenset(map(name_of, named))

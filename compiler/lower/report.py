"""What the runtime must know of constraints and metrics to verify and report them."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

from cspec.compiler.axes.inference import Inference
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.expressions.text import text
from cspec.compiler.lower.tolerances import tolerance_of
from cspec.compiler.methods.each_example import has_rows
from cspec.compiler.passes.canonical import rescales
from cspec.compiler.passes.expansion.noise import in_words
from cspec.compiler.passes.expansion.worst_case import Attack, attack_of, harder, is_searched
from cspec.compiler.records.lowered import Lowered
from cspec.compiler.records.problem import (
    Constraint,
    PerExample,
    Problem,
    Violations,
    WorstCase,
)
from cspec.compiler.records.program import ConstraintFacts, MeanFacts, VerifyFacts
from cspec.compiler.surrogates.random_means import said_of_classes
from cspec.compiler.surrogates.words import as_at_first
from cspec.dsl.check import Checked
from cspec.dsl.explicit.measured_on import TAILS, measured_on
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.settings.base import Every
from cspec.dsl.settings.methods import Method
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import (
    Call,
    Comprehension,
    Expectation,
    Expr,
    Name,
    Node,
    Product,
    Var,
    Verify,
    walk,
)
from cspec.dsl.words.sets import EQUALITIES

AIM = 1e-5
"""Of the comparisons of a rule on each example, in their units."""
MOST = 100
"""Places of a tensor that are recorded; of groups and requirements all are."""


def constraint_facts(
    lowered: Lowered, checked: Checked, inference: Inference | None = None
) -> tuple[ConstraintFacts, ...]:
    """One record a constraint, in the order of the problem."""
    segments = {
        id(part.constraint): (part.start, part.stop, rule.rule.name)
        for rule in lowered.rules
        for part in rule.parts
    }
    return tuple(
        facts_of(c, checked, inference, segments.get(id(c))) for c in lowered.problem.constraints
    )


def facts_of(
    c: Constraint,
    checked: Checked,
    inference: Inference | None = None,
    segment: tuple[int, int, str] | None = None,
) -> ConstraintFacts:
    """The record of one constraint, by default before it has a rule."""
    soft, method = c.soft, c.method if isinstance(c.method, Method) else None
    exact, tolerance = tolerance_of(c, checked)
    return ConstraintFacts(
        label=c.full_label,
        family=c.label,
        text=c.text,
        relation=c.relation,
        tolerance=tolerance,
        exact=exact,
        soft=soft is not None,
        weight=0.0 if soft is None else soft.weight,
        power=1 if soft is None else soft.power,
        method="soft" if soft is not None else "" if method is None else method.word,
        reason=c.reason,
        rule=segment[2] if segment else None,
        # The data of requirements with rows of their own, none of entries of the vector.
        each=c.each.dataset if c.each is not None and has_rows(c) else None,
        level=_level(c, checked),
        share=c.event is not None and c.each is not None,
        aim=AIM if c.event is not None and c.each is not None and not c.true_or_false else 0.0,
        searched=_searched(c, checked.params),
        drawn=_drawn(c, checked.params),
        segment=segment[:2] if segment else None,
        sign=-1.0 if c.relation == ">=" or c.mirrored else 1.0,
        datasets=tuple(dict.fromkeys(name for name, _ in _data_of(c))),
        named=any(written for _, written in _data_of(c)),
        surrogate=c.surrogate_text if c.gradient_parts is not None else None,
        stand_in=_stand_ins(c),
        multipliers=method is not None and method.has_multipliers and segment is not None,
        cases=tuple(words for words, _ in c.cases),
        constant=c.constant,
        prices=method is None or method.prices,
        margin=c.margin,
        line=checked.source.position(c.span.start).line,
        residual=segment is not None and c.relation == "in" and c.known_set.word in EQUALITIES,
        means=() if inference is None else means_of((c.value, c.judged_by), inference),
        rescaled=not c.whole and rescales(c.value, checked.params),
    )


def _searched(c: Constraint, params: Values) -> str:
    """The attack that the verdict is measured by."""
    attacks = []
    for node in (node for side in (c.value, c.bound) for node in walk(side)):
        if isinstance(node, WorstCase):
            attacks.append(Attack(*node.attack))
        elif isinstance(node, Comprehension) and is_searched(node):  # before data are bound
            attacks.append(attack_of(node, params))
    hard = (f"{a.steps} steps x {a.restarts} starts" for a in map(harder, attacks))
    return ", ".join(dict.fromkeys(hard))


def _drawn(c: Constraint, params: Values) -> str:
    """The draws of noise that the verdict is measured by."""
    nodes = [node for side in (c.value, c.bound) for node in walk(side)]
    return ", ".join(dict.fromkeys(filter(None, (in_words(node, params) for node in nodes))))


def _level(c: Constraint, checked: Checked) -> str:
    """The variable that stands for the worst example of the objective, which is in no line."""
    if not isinstance(c.bound, Name):
        return ""
    written, made = (
        any(isinstance(item, Var) and item.name == c.bound.id for item in spec.items)
        for spec in (checked.spec, checked.elaborated)
    )
    return c.bound.id if made and not written else ""


def _stand_ins(c: Constraint) -> tuple[str, ...]:
    """What moves the model, as at the start of the run, each once."""
    parts = (as_at_first(part) for part in c.gradient_parts or ())
    return tuple(dict.fromkeys(stated(part, c.relation) for part in parts))


def stated(part: Expr, relation: str) -> str:
    """`g <= 0` or `h == 0`; over every class in words, where the classes are not known yet."""
    whole = f"{text(part)} {'==' if relation == '==' else '<='} 0"
    return whole + said_of_classes(part)


def _data_of(c: Constraint) -> Iterator[tuple[str, bool]]:
    """The datasets of a constraint, and whether its means name them: of quantifiers, then sides.

    `forall (x, y) in train` can't leave its data out, so it says no more than `E[..]` does.
    """
    for binder in c.binders:
        if len(binder.names) > 1 and isinstance(binder.domain, Name):
            yield binder.domain.id, False
    for side in (c.value, c.judged_by):
        for node in walk(side):
            if isinstance(node, PerExample):
                yield node.dataset, False
        yield from measured_on(side)


def verify_facts(checked: Checked) -> tuple[VerifyFacts, ...]:
    """One record a `verify` line."""
    return tuple(_of_line(i, checked) for i in checked.elaborated.items if isinstance(i, Verify))


def _of_line(item: Verify, checked: Checked) -> VerifyFacts:
    given, every = item.confidence, None
    if item.every is not None:
        count, unit = item.every
        every = Every(count, "step" if unit.startswith("step") else "epoch")
    return VerifyFacts(
        labels=item.labels,
        dataset=item.dataset,
        every=every,
        confidence=None if given is None else value_or_none(given, checked.params),
    )


def means_of(sides: Sequence[Expr], inference: Inference) -> tuple[MeanFacts, ...]:
    """One record a mean, in the order in which they are measured.

    None at all where there is nothing that could be missing.
    """
    found = [mean for side in sides for mean in _means(side, inference, "")]
    return tuple(found) if any(mean != MeanFacts() for mean in found) else ()


def _means(node: Node, inference: Inference, denominator: str) -> Iterator[MeanFacts]:
    match node:
        case Expectation():
            yield _of_mean(node, inference, denominator)
        case Call() if function_name(node) in TAILS:
            yield MeanFacts(denominator=denominator)
        case Product(operands=(first, *others), operators=operators):
            yield from _means(first, inference, "")
            for operator, operand in zip(operators, others, strict=True):
                divides = operator == "/" and isinstance(operand, Expectation)
                yield from _means(operand, inference, text(operand) if divides else "")
        case _:
            for child in node.children():
                yield from _means(child, inference, "")


def _of_mean(mean: Expectation, inference: Inference, denominator: str) -> MeanFacts:
    found = inference.grouping(mean)
    if found.columns:
        condition = ", ".join(text(part) for part in (*found.columns, *found.events))
        groups = tuple(group.text for group in found.groups)
        return MeanFacts(condition=condition, groups=groups, denominator=denominator)
    condition = " and ".join(text(event) for event in found.events)
    return MeanFacts(condition=condition, denominator=denominator)


def metric_entries(problem: Problem, inference: Inference) -> dict[str, tuple[str, ...]]:
    """Names of the numbers of each metric that is several, in order; empty where not known yet.

    P[pred == 1 | sex]     m[Female], m[Male]
    W[0]                   m[0], m[1], m[2]
    violations             m[dp], m[eo.tpr]

    Raises:
        SpecError: CS307, a tensor of too many numbers to be recorded one by one.
    """
    found: dict[str, tuple[str, ...]] = {}
    wrong: list[Diagnostic] = []
    for name, value in problem.metrics:
        names = _names(value, inference)
        if names is None:
            continue
        found[name] = names
        told_apart = isinstance(value, Violations) or inference.axes(value).groups
        if len(names) > MOST and not told_apart:
            wrong.append(_too_many(name, value, len(names)))
    if wrong:
        raise SpecError(wrong)
    return found


def _names(value: Expr, inference: Inference) -> tuple[str, ...] | None:
    """None of a single number, and of what is not known to have several."""
    if isinstance(value, Violations):
        return None if value.largest else tuple(label for label, _ in value.labels)
    axes = inference.axes(value)
    if axes.each is not None or not axes.shape:
        return None
    if axes.groups:
        return _groups(value, inference)
    if prod(axes.shape) > MOST:
        return ("",) * prod(axes.shape)
    return tuple(", ".join(map(str, place)) for place in product(*map(range, axes.shape)))


def _groups(value: Expr, inference: Inference) -> tuple[str, ...] | None:
    """The groups of the means that an expression is made of; arithmetic keeps their order."""
    for node in walk(value):
        if isinstance(node, Expectation) and node.dataset is not None:
            found = inference.grouping(node)
            if found.columns:
                return tuple(group.text for group in found.groups)
    return None


def _too_many(name: str, value: Expr, count: int) -> Diagnostic:
    return Diagnostic(
        code="CS307",
        message=f"metric `{name}` is {count:,} numbers",
        span=value.span,
        label="which of them, or what of them all?",
        notes=(f"at most {MOST} numbers of a metric are recorded one by one",),
        helps=("write one entry, or one number of them all: `max(...)`, `norm(..., 2)`",),
    )

"""What the runtime must know of each constraint to verify and report it."""

from __future__ import annotations

from collections.abc import Iterator

from cspec.compiler.axes.inference import Inference
from cspec.compiler.expressions.text import text
from cspec.compiler.lower.means import means_of
from cspec.compiler.methods.each_example import has_rows
from cspec.compiler.passes.canonical import rescales
from cspec.compiler.passes.expansion.noise import in_words
from cspec.compiler.passes.expansion.worst_case import Attack, attack_of, harder, is_searched
from cspec.compiler.records.lowered import Lowered
from cspec.compiler.records.problem import Constraint, Drawn, PerExample, WorstCase
from cspec.compiler.records.program import ConstraintFacts, VerifyFacts
from cspec.compiler.surrogates.class_means import said_of_classes
from cspec.compiler.surrogates.words import as_at_first
from cspec.dsl.check import Checked
from cspec.dsl.explicit.measured_on import measured_on
from cspec.dsl.settings.base import Every
from cspec.dsl.settings.methods import Method
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import (
    Call,
    Compare,
    Comprehension,
    Expectation,
    Expr,
    Name,
    Negate,
    Product,
    Sum,
    Var,
    Verify,
    walk,
)
from cspec.dsl.words.sets import DISCRETE, EQUALITIES

AIM = 1e-5
"""Of the comparisons of a rule on each example, in their units."""


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
        _facts(c, segments.get(id(c)), checked, inference) for c in lowered.problem.constraints
    )


def facts_of(
    c: Constraint, checked: Checked, inference: Inference | None = None
) -> ConstraintFacts:
    """The record of one constraint, before it has a rule."""
    return _facts(c, None, checked, inference)


def _facts(
    c: Constraint,
    segment: tuple[int, int, str] | None,
    checked: Checked,
    inference: Inference | None,
) -> ConstraintFacts:
    method = c.method
    exact, tolerance = _tolerance(c, checked)
    return ConstraintFacts(
        label=c.full_label,
        family=c.label,
        text=c.text,
        relation=c.relation,
        tolerance=tolerance,
        exact=exact,
        soft=c.soft is not None,
        weight=c.soft.weight if c.soft is not None else 0.0,
        power=c.soft.power if c.soft is not None else 1,
        method="soft"
        if c.soft is not None
        else (method.word if isinstance(method, Method) else ""),
        reason=c.reason,
        rule=segment[2] if segment else None,
        each=_each(c),
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
        multipliers=isinstance(method, Method) and method.has_multipliers and segment is not None,
        cases=tuple(words for words, _ in c.cases),
        constant=c.constant,
        prices=not isinstance(method, Method) or method.prices,
        margin=c.margin,
        line=checked.source.position(c.span.start).line,
        residual=segment is not None and _is_residual(c),
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
    hard = map(harder, attacks)
    found = dict.fromkeys(f"{a.steps} steps x {a.restarts} starts" for a in hard)
    return ", ".join(found)


def _drawn(c: Constraint, params: Values) -> str:
    """The draws of noise that the verdict is measured by."""
    nodes = [node for side in (c.value, c.bound) for node in walk(side)]
    return ", ".join(dict.fromkeys(filter(None, (in_words(node, params) for node in nodes))))


def _each(c: Constraint) -> str | None:
    """The data of requirements with rows of their own, none of entries of the vector."""
    return c.each.dataset if c.each is not None and has_rows(c) else None


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


def _is_residual(c: Constraint) -> bool:
    return c.relation == "in" and c.set is not None and c.set.word in EQUALITIES


def stated(part: Expr, relation: str) -> str:
    """`g <= 0` or `h == 0`; over every class in words, where the classes are not known yet."""
    whole = f"{text(part)} {'==' if relation == '==' else '<='} 0"
    return whole + said_of_classes(part)


def _tolerance(c: Constraint, checked: Checked) -> tuple[bool, float]:
    """What `within` is where nothing is given: a default by kind, in the constraint's units."""
    if c.tolerance_given:
        return False, c.tolerance
    if _is_count(c, checked.params):
        return True, 0.0
    bound = _magnitude(c, checked)
    if not checked.symbols.datasets() and not checked.symbols.models():
        return False, 1e-6
    if c.relation in ("==", "in"):
        return False, 1e-3 * bound
    return False, 1e-6 * bound


def _magnitude(c: Constraint, checked: Checked) -> float:
    """max(1, |bound|)."""
    bound = value_or_none(c.judged_by, checked.params) if c.relation != "in" else None
    return max(1.0, abs(bound or 0.0))


def _is_count(c: Constraint, params: Values) -> bool:
    """Whether what is measured is a count, or arithmetic of counts and numbers, at any scale."""
    if (c.set is not None and c.set.word in DISCRETE) or (c.event is not None and c.binders):
        return True
    return _counts(c.value, params)


def _counts(value: Expr, params: Values) -> bool:
    match value:
        case Compare():
            return True
        case Expectation():
            return value.kind == "P" or _counts(value.body, params)
        case Call(function=Name(id="gap" | "ratio" | "max" | "min" | "abs"), arguments=parts):
            pass
        case Sum(operands=parts):
            pass
        case Product(operands=parts, operators=operators) if "@" not in operators:
            pass
        case Negate(operand=inner) | Comprehension(body=inner) | Drawn(body=inner):
            parts = (inner,)
        case _:
            return False
    moving = [part for part in parts if value_or_none(part, params) is None]
    return bool(moving) and all(_counts(part, params) for part in moving)


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
    facts = []
    for item in checked.elaborated.items:
        if isinstance(item, Verify):
            confidence = None
            if item.confidence is not None:
                confidence = value_or_none(item.confidence, checked.params)
            every = None
            if item.every is not None:
                count, unit = item.every
                every = Every(count, "step" if unit.startswith("step") else "epoch")
            facts.append(
                VerifyFacts(
                    labels=item.labels, dataset=item.dataset, every=every, confidence=confidence
                )
            )
    return tuple(facts)

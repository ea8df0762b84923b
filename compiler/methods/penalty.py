"""Fixed penalties: one coefficient, no multipliers. Baselines to compare with.

penalty            L = f + c v              v = value - bound, signed: rewards slack, too
exact_penalty      L = f + c [v]+           exact for c above the largest multiplier; kinked
quadratic_penalty  L = f + c/2 [v]+^2       smooth; the solution is violated by about lambda* / c

v is the violation as written: for `>=` bound - value, of `abs`, `gap`, `max`, `ratio` the whole
expression and not the sum over its canonical parts, so that the part that is truly most violated
pulls and none cancels another. For equalities v is |value - bound|. Of a relation between many
numbers (W @ W.T == eye) and of a set, v has many entries, and L the sum over them: c/2 ||v||^2.

`penalty` is position paper (arXiv 2505.20628), eq. 2.
"""

from __future__ import annotations

from cspec.compiler.records.fragment import Fragment, Rule
from cspec.compiler.records.graph import Kind, Operation, Update
from cspec.dsl.settings.methods import ExactPenalty, Penalty, QuadraticPenalty

ACTIVE = "sign(relu(true))"
"""1 where the constraint is violated, 0 elsewhere, in the precision of the run."""


def penalty(rule: Rule) -> Fragment:
    """f + c v."""
    settings: Penalty = rule.settings
    weight = {
        "<=": "c + 0 * true",
        "==": "c * sign(true)",
        "mixed": "c * where(floor < 0, sign(true), 1 + 0 * true)",
    }[rule.relation]
    value = {
        "<=": "c * g",
        "==": "c * abs(g)",
        "mixed": "c * where(floor < 0, abs(g), g)",
    }[rule.relation]
    return _combine(rule, settings.coefficient, weight, value, "f + c (value - bound)")


def exact_penalty(rule: Rule) -> Fragment:
    """f + c [v]+."""
    settings: ExactPenalty = rule.settings
    weight = {
        "<=": f"c * {ACTIVE}",
        "==": "c * sign(true)",
        "mixed": f"c * where(floor < 0, sign(true), {ACTIVE})",
    }[rule.relation]
    value = {
        "<=": "c * relu(g)",
        "==": "c * abs(g)",
        "mixed": "c * where(floor < 0, abs(g), relu(g))",
    }[rule.relation]
    return _combine(rule, settings.coefficient, weight, value, "f + c [value - bound]+")


def quadratic_penalty(rule: Rule) -> Fragment:
    """f + c/2 [v]+^2."""
    settings: QuadraticPenalty = rule.settings
    weight = rule.projected("c * true")
    value = f"c / 2 * {rule.projected('g')} ** 2"
    return _combine(rule, settings.coefficient, weight, value, "f + c/2 [value - bound]+^2")


def _combine(rule: Rule, coefficient: float, weight: str, value: str, meaning: str) -> Fragment:
    return Fragment(
        operations=(
            Operation(
                kind=Kind.COMBINE,
                name=rule.name,
                rule=rule.name,
                updates=(
                    Update(target="weight", formula=weight),
                    Update(target="value", formula=value),
                ),
                constants={"c": coefficient},
                meaning=f"L = {meaning}",
            ),
        )
    )

"""Fixed penalties: one coefficient, no multipliers. Baselines to compare with.

penalty            L = f + c g              position paper, eq. 2 (signed: rewards slack, too)
exact_penalty      L = f + c [g]+           exact for c above the largest multiplier; kinked
quadratic_penalty  L = f + c/2 [g]+^2       smooth; the solution is violated by about lambda* / c

For equalities [g]+ reads |h| and [g]+^2 reads h^2.
"""

from __future__ import annotations

from cspec.compiler.graph import Kind, Operation, Update
from cspec.compiler.methods.base import Fragment, Rule
from cspec.dsl.settings.methods import ExactPenalty, Penalty, QuadraticPenalty


def penalty(rule: Rule) -> Fragment:
    """f + c g."""
    settings: Penalty = rule.settings
    return _combine(rule, settings.coefficient, "c + 0 * true", "c * g", "f + c g")


def exact_penalty(rule: Rule) -> Fragment:
    """f + c [g]+."""
    settings: ExactPenalty = rule.settings
    weight = {
        "<=": "c * (true > 0)",
        "==": "c * sign(true)",
        "mixed": "c * where(floor < 0, sign(true), true > 0)",
    }[rule.relation]
    value = {
        "<=": "c * relu(g)",
        "==": "c * abs(g)",
        "mixed": "c * where(floor < 0, abs(g), relu(g))",
    }[rule.relation]
    return _combine(rule, settings.coefficient, weight, value, "f + c [g]+")


def quadratic_penalty(rule: Rule) -> Fragment:
    """f + c/2 [g]+^2."""
    settings: QuadraticPenalty = rule.settings
    weight = rule.projected("c * true")
    value = f"c / 2 * {rule.projected('g')} ** 2"
    return _combine(rule, settings.coefficient, weight, value, "f + c/2 [g]+^2")


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

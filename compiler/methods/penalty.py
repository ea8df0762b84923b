"""Fixed penalties: one coefficient, no multipliers. Baselines to compare with.

penalty            L = f + c v              v = value - bound, signed: rewards slack, too
exact_penalty      L = f + c [v]+           exact for c above the largest multiplier; kinked
quadratic_penalty  L = f + c/2 [v]+^2       smooth; the solution is violated by about lambda* / c

v is the violation as written: for `>=` bound - value, of `abs`, `gap`, `max`, `ratio` the whole
expression and not the sum over its canonical parts, so that the part that is truly most violated
pulls and none cancels another. For equalities v is |value - bound|. Of a relation between many
numbers (W @ W.T == eye) and of a set, v has many entries, and L the sum over them: c/2 ||v||^2.

On batches the means in v are those over late steps, as of preferences (`runtime.steps.late`): the
violation of a batch is above that of the data in the mean, and pulls where nothing is violated.

`penalty` is position paper (arXiv 2505.20628), eq. 2.
"""

from cspec.compiler.records.fragment import Fragment, Rule
from cspec.compiler.records.graph import Kind
from cspec.dsl.settings.methods import ExactPenalty, Penalty, QuadraticPenalty

ACTIVE = "sign(relu(true))"
"""1 where the constraint is violated, 0 elsewhere, in the precision of the run."""


def penalty(rule: Rule) -> Fragment:
    """f + c v."""
    settings: Penalty = rule.settings
    below = rule.relation == "<="
    weight = "c + 0 * true" if below else f"c * {rule.either('sign(true)', '1 + 0 * true')}"
    value = f"c * {rule.either('abs(g)', 'g')}"
    return _combine(rule, settings.coefficient, weight, value, "f + c (value - bound)")


def exact_penalty(rule: Rule) -> Fragment:
    """f + c [v]+."""
    settings: ExactPenalty = rule.settings
    weight = f"c * {rule.either('sign(true)', ACTIVE)}"
    value = f"c * {rule.either('abs(g)', 'relu(g)')}"
    kinked = ("kinked <- c",) if rule.batched else ()
    return _combine(rule, settings.coefficient, weight, value, "f + c [value - bound]+", kinked)


def quadratic_penalty(rule: Rule) -> Fragment:
    """f + c/2 [v]+^2."""
    settings: QuadraticPenalty = rule.settings
    weight = rule.projected("c * true")
    value = f"c / 2 * {rule.projected('g')} ** 2"
    return _combine(rule, settings.coefficient, weight, value, "f + c/2 [value - bound]+^2")


def _combine(
    rule: Rule,
    coefficient: float,
    weight: str,
    value: str,
    meaning: str,
    more: tuple[str, ...] = (),
) -> Fragment:
    lines = (f"weight <- {weight}", f"value <- {value}", *more)
    constants = {"c": coefficient}
    late = ", means of data over late steps" if rule.batched and not rule.by_value else ""
    said = f"L = {meaning}{late}"
    combine = rule.operation(Kind.COMBINE, rule.name, said, *lines, constants=constants)
    return Fragment(operations=(combine,), of_means=True)

"""How a constraint is judged and priced: tolerance, data, evidence, sign of its multiplier."""

from __future__ import annotations

from collections.abc import Sequence

from cspec.compiler.records.certificate import LeafFacts
from cspec.compiler.records.problem import Constraint
from cspec.compiler.records.program import ConstraintFacts, VerifyFacts
from cspec.compiler.records.which_data import decided
from cspec.dsl.explicit.points import is_points
from cspec.dsl.names.symbols import is_pairs
from cspec.dsl.settings.methods import Method


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

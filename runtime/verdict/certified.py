"""Certificates in verdicts: what a run says of them in its table, its status and its notes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cspec.compiler.records.program import Program
from cspec.runtime.result.constraint import Certificate, CertifiedMean, ConstraintResult

SHOWN = 8
"""Means of one certificate that a note lists."""
NOTHING = 1e-9


def with_certificates(
    constraints: Sequence[ConstraintResult], found: Mapping[str, Certificate]
) -> tuple[ConstraintResult, ...]:
    """The verdicts with the certificates that there are."""
    return tuple(
        c
        if c.name not in found
        else replace(
            c,
            certificate=found[c.name],
            evidence="certified" if found[c.name].certified and c.satisfied else c.evidence,
        )
        for c in constraints
    )


def all_certified(program: Program, constraints: Sequence[ConstraintResult]) -> bool:
    """Whether every requirement that asks for a certificate has one, and it holds."""
    asked = {c.label for c in program.constraints if c.certificate is not None}
    return all(
        c.certificate is not None and c.certificate.certified
        for c in constraints
        if c.name in asked
    )


def certified_notes(constraints: Sequence[ConstraintResult]) -> list[str]:
    """One note a certificate, and what all of them say together."""
    found = [(c.name, c.certificate) for c in constraints if c.certificate is not None]
    notes = [f"{name}: {said(proof)}" for name, proof in found]
    held = sum(proof.certified for _, proof in found)
    if 1 < held < len(found):
        notes.append(
            f"each of the {held} certificates holds at its own confidence; of all {held} together "
            "the errors add up"
        )
    elif held > 1:
        notes.append(
            "certificates: each requirement alone, and all of them together, at the confidence "
            "asked for (a violated one would have to pass its own test)"
        )
    if found:
        notes.append(
            "certificates are about examples drawn apart as those of the split were; they say "
            "nothing of other populations or of wrong labels"
        )
    return notes


def said(proof: Certificate) -> str:
    """`certified at 95%: 0.03 <= 0.05, upper bound 0.047; ...`."""
    side = "upper" if proof.relation == "<=" else "lower"
    counted = "; ".join(_mean(mean) for mean in proof.means[:SHOWN])
    more = f"; {len(proof.means) - SHOWN} more" if len(proof.means) > SHOWN else ""
    spent = 1 - proof.confidence - proof.error
    earlier = f" (earlier looks at these rows spent {spent:.4g})" if spent > NOTHING else ""
    what = (
        f"{side} bound {proof.bound:.4g} at {1 - proof.error:.4g} confidence{earlier}, estimate "
        f"{proof.estimate:.4g}, {proof.relation} {proof.threshold:.4g} asked for"
    )
    if proof.why:
        return f"not certified on {proof.data}: {proof.why}"
    if proof.certified:
        return f"certified on {proof.data}: {what} ({counted}{more})"
    return f"not certified on {proof.data}: {what}; {_needed(proof)} ({counted}{more})"


def _needed(proof: Certificate) -> str:
    if proof.needed is not None:
        return f"at this estimate it would take about {proof.needed:,} examples in {proof.data}"
    sign = 1 if proof.relation == "<=" else -1
    if not math.isnan(proof.estimate) and sign * proof.estimate < sign * proof.threshold:
        return "no number of examples would do at this estimate"
    return "the estimate itself is not inside the bound, so no number of examples would do"


def _mean(mean: CertifiedMean) -> str:
    name = mean.text + (f" [{mean.group}]" if mean.group else "")
    count = f"{mean.k} of {mean.n}" if mean.k is not None else f"{mean.mean:.4g} of {mean.n}"
    if mean.together_error:
        return f"{name} {count}, tested together at error {mean.together_error:.3g}"
    sides = [
        f"{word} {value:.4g} at error {error:.3g}"
        for word, value, error in (
            ("<=", mean.upper, mean.upper_error),
            (">=", mean.lower, mean.lower_error),
        )
        if value is not None
    ]
    return f"{name} {count}" + (f", {' and '.join(sides)}" if sides else "")

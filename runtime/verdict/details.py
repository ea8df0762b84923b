"""What a method counted on the way: numbers beside the verdicts, by the rule that counted them.

    sal      updates, updates accepted, largest multiplier, last penalty
    admm     relative residual ||x - z|| / ||x||, last rho, each metric before fine-tuning

They are of the end of the run, whatever iterate is delivered.
"""

from __future__ import annotations

from cspec.runtime.session.session import Session

MULTIPLIER = "largest multiplier"
PENALTY = "last penalty"
BEFORE = "before fine-tuning"


def details(session: Session) -> dict[str, dict[str, float]]:
    """What the loop counted, and the size of each rule's multipliers and penalties at its end."""
    found = {rule: dict(counted) for rule, counted in session.details.items()}
    for key, value in session.state.items():
        name, noted, metric = key.partition(".before.")
        if noted:
            found.setdefault(name, {})[f"{metric} {BEFORE}"] = float(value)
    segments: dict[str, list[tuple[int, int]]] = {}
    for constraint in session.program.constraints:
        if constraint.rule is not None and constraint.segment is not None:
            segments.setdefault(constraint.rule, []).append(constraint.segment)
    multipliers = session.state.get("multipliers")
    for rule, places in segments.items():
        counted = found.setdefault(rule, {})
        if multipliers is not None:
            sizes = [multipliers[a:b].abs().max() for a, b in places if b > a]
            if sizes:
                counted[MULTIPLIER] = max(map(float, sizes))
        penalties = session.state.get("penalty" if len(segments) == 1 else f"{rule}.penalty")
        if penalties is not None and penalties.numel():
            counted[PENALTY] = float(penalties.max())
    return {rule: counted for rule, counted in found.items() if counted}

"""What a method may not exceed: fixed coefficients, caps of penalties and of multipliers.

Read from the update graph of the program and from the state at the end of a run, for the
sentences of `diagnosis`.
"""

from dataclasses import dataclass

from cspec.compiler.records.graph import Kind
from cspec.compiler.records.program import ConstraintFacts
from cspec.dsl.settings.methods import FIXED
from cspec.runtime.result.entries import within_rule
from cspec.runtime.session.session import Session

REACHED = 0.99
"""Share of a cap from which it is reached."""


@dataclass(frozen=True)
class MethodLimits:
    """Of one constraint; None where its method has no such number."""

    coefficient: float | None = None
    """The fixed coefficient of a penalty method."""
    penalty: float | None = None
    """The penalty of its largest entry at the end."""
    max_penalty: float | None = None
    max_multiplier: float | None = None
    found: bool = False
    """Whether the run chose the cap of penalties itself, in the units of the problem."""

    @property
    def penalty_at_cap(self) -> bool:
        """Whether the penalty can't grow any more."""
        if self.penalty is None or self.max_penalty is None:
            return False
        return self.penalty >= REACHED * self.max_penalty

    def multiplier_at_cap(self, multiplier: float) -> bool:
        """Whether the multiplier can't grow any more."""
        return self.max_multiplier is not None and multiplier >= REACHED * self.max_multiplier


def limits_of(session: Session, c: ConstraintFacts) -> MethodLimits:
    """The numbers of a constraint's rule."""
    operations = [op for op in session.program.graph.operations if op.rule == c.rule]
    constants: dict[str, float] = {}
    for operation in operations:
        if operation.kind is Kind.COMBINE and c.method in FIXED:
            constants["coefficient"] = operation.constants["c"]
        elif operation.kind in (Kind.DUAL_STEP, Kind.PENALTY_STEP):
            constants |= operation.constants
    return MethodLimits(
        coefficient=constants.get("coefficient"),
        penalty=_entry(session, c, "penalty"),
        max_penalty=constants.get("max_penalty", constants.get("most", _entry(session, c, "most"))),
        found=any(op.kind is Kind.UNITS and "most" not in op.options for op in operations),
        max_multiplier=constants.get("cap"),
    )


def _entry(session: Session, c: ConstraintFacts, name: str) -> float | None:
    """The largest of a constraint's entries in what its rule has of its own."""
    held = session.state.get(f"{c.rule}.{name}", session.state.get(name))
    if held is None or c.segment is None:
        return None
    entries = held[within_rule(session.program.constraints, c)]
    return float(entries.max()) if entries.numel() else None

"""What a handle finds on data of the caller's: the verdict on each constraint."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.measure.requirements import Measurement, judged
from cspec.runtime.result.constraint import ConstraintResult, called
from cspec.runtime.result.entries import violations
from cspec.runtime.result.result import constraint_lines
from cspec.runtime.verdict.kkt import dual_state


@dataclass(frozen=True)
class Verdicts:
    """The verdict table of `run` for data of the caller's own.

    `verdicts["dp"]` is the record of one constraint, `for verdict in verdicts` goes through them;
    printed, it is the table.
    """

    constraints: tuple[ConstraintResult, ...]
    objective: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What is said of requirements and metrics that could not be measured."""

    @property
    def satisfied(self) -> bool:
        """Whether every requirement is met; preferences do not count."""
        return all(c.satisfied for c in self.constraints if not c.soft)

    def __iter__(self) -> Iterator[ConstraintResult]:
        return iter(self.constraints)

    def __len__(self) -> int:
        return len(self.constraints)

    def __getitem__(self, name: str | int) -> ConstraintResult:
        return self.constraints[name] if isinstance(name, int) else called(self.constraints, name)

    def __str__(self) -> str:
        lines = [f"objective {self.objective:.6g}", *constraint_lines(self.constraints)]
        lines += [f"{name} {value:.6g}" for name, value in self.metrics.items()]
        lines += self.notes
        return "\n".join(lines)


def of_parameters(constraint: ConstraintFacts) -> bool:
    """Whether its entries are value - bound of parameters alone, which a step moves."""
    plain = constraint.relation in ("<=", ">=", "==") and not constraint.rescaled
    return plain and constraint.segment is not None and not constraint.datasets


def moved_back(
    found: Mapping[str, float],
    constraints: Sequence[ConstraintFacts],
    now: Tensor,
    then: Tensor,
) -> dict[str, float]:
    """Values by label with those of parameters as they were where `then` was measured."""
    after, before = violations(now, constraints), violations(then, constraints)
    return {**found} | {
        c.label: found[c.label] - c.sign * (after[c.label] - before[c.label])
        for c in constraints
        if of_parameters(c)
    }


def verdicts_of(
    constraints: Sequence[ConstraintFacts],
    measured: Mapping[str, Measurement],
    multipliers: Mapping[str, float],
) -> tuple[ConstraintResult, ...]:
    """One record a constraint; prices are the multipliers that the loop has committed."""
    return tuple(
        replace(
            judged(c, measured[c.label]),
            multiplier=multipliers.get(c.label),
            dual_state=dual_state((), c, multipliers.get(c.label)),
        )
        for c in constraints
    )

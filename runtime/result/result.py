"""What a run found: a verdict for each requirement, and everything needed to judge it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from torch import nn

from cspec.dsl.text.visible import visible_json, visible_line
from cspec.runtime.result.constraint import ConstraintResult, called
from cspec.runtime.result.history import Row
from cspec.runtime.result.iterate import Iterate

Status = Literal[
    "satisfied",
    "violated",
    "uncertified",
    "suspected_infeasible",
    "infeasible",
    "nonfinite",
    "interrupted",
]
EXIT_CODES: dict[Status, int] = {
    "satisfied": 0,
    "violated": 3,
    "uncertified": 3,
    "suspected_infeasible": 4,
    "infeasible": 4,
    "nonfinite": 5,
    "interrupted": 130,
}
AGAIN = "measured again"
"""How a result ends that no training led to."""
HEADER = ("requirement", "value", "relation", "bound", "met", "multiplier", "on")
"""Of the table of verdicts."""
TOLD = (
    "spec", "status", "termination", "objective", "constraints", "vars", "metrics", "steps",
    "epochs", "seconds", "method", "seed", "out", "notes", "details", "skipped_steps", "conflict",
    "kkt", "last",
)  # fmt: skip
"""What the report says of a result, in this order."""


@dataclass(frozen=True)
class Kkt:
    """First-order conditions at the chosen iterate; NaN where one could not be measured."""

    stationarity: float
    """|| grad L || / || grad f ||, L = f + sum of multipliers x g. With parameters in sets: the
    length of the projected gradient of L, relative to the largest of || grad f || at the end and
    before the first step."""
    feasibility: float
    """The largest violation, in the units as written."""
    complementarity: float
    """The largest |multiplier x slack|."""
    sources: dict[str, str]
    """For each constraint where its multiplier comes from: `method`, `least squares`, `none`."""
    projected_gradient: float | None = None
    """|| P(x - grad L) - x || / max(1, || grad L ||), P the projection onto the sets; None where
    no projected gradient method ran. It is the stationarity then."""
    scope: str = ""
    """Where parameters are in sets, what the stationarity is about: all of them within their sets,
    or those that counts and grids leave free."""


@dataclass(frozen=True)
class Result:
    """The outcome of a run. `result["dp"]` is the verdict on one constraint.

    `status` is about the requirements, `termination` about how the run ended. The numbers belong
    to `best` (feasibility first, objective second), whose parameters are in `models`; `last` is
    the last iterate.
    """

    spec: str
    status: Status
    termination: str
    objective: float
    constraints: tuple[ConstraintResult, ...]
    vars: dict[str, float | list[Any]]
    metrics: dict[str, float]
    steps: int
    epochs: int
    seconds: float
    method: str
    seed: int
    out: str | None
    history: tuple[Row, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()
    details: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """What methods counted, by rule: `{"sal": {"updates": 40, "updates accepted": 13, ...}}`."""
    models: Mapping[str, nn.Module] = field(default_factory=dict, repr=False)
    best: Iterate | None = field(default=None, repr=False)
    last: Iterate | None = field(default=None, repr=False)
    skipped_steps: int = 0
    kkt: Kkt | None = None
    conflict: tuple[str, ...] = ()
    """With an infeasible status: the constraints that can't be met together."""

    def __str__(self) -> str:
        """Status, one line a requirement, variables, metrics, notes: a plain text table."""
        lines = [f"{self.spec}: {self.status} ({self.termination}, {self.steps} steps)"]
        lines.append(f"objective {number(self.objective)}")
        lines += constraint_lines(self.constraints)
        lines += [f"{name} = {value}" for name, value in self.vars.items()]
        lines += [f"{name} {number(value)}" for name, value in self.metrics.items()]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(visible_line(line).rstrip() for line in lines)

    @property
    def exit_code(self) -> int:
        """The exit code of the command line."""
        return EXIT_CODES[self.status]

    @property
    def satisfied(self) -> bool:
        """Whether every requirement was met."""
        return self.status == "satisfied"

    @property
    def model(self) -> nn.Module:
        """The only model.

        Raises:
            AttributeError: none, or several: use `models["name"]`.
        """
        if len(self.models) != 1:
            raise AttributeError(f'this run has {len(self.models)} models; use models["name"]')
        return next(iter(self.models.values()))

    def __getitem__(self, name: str) -> ConstraintResult:
        return called(self.constraints, name)

    def as_json(self) -> dict[str, Any]:
        """The object that `run --json` prints last; numbers that are not finite become null."""
        told = {name: getattr(self, name) for name in TOLD} | {
            "constraints": [asdict(c) for c in self.constraints],
            "details": {rule: dict(counted) for rule, counted in self.details.items()},
            "kkt": None if self.kkt is None else asdict(self.kkt),
            "last": None if self.last is None else _iterate_json(self.last),
        }
        cleaned: dict[str, Any] = finite_or_none({"type": "result", **told})
        return cleaned

    def to_json(self) -> str:
        """`as_json` as one line of JSON."""
        return visible_json(json.dumps(self.as_json(), allow_nan=False, ensure_ascii=False))


def _iterate_json(iterate: Iterate) -> dict[str, Any]:
    return {
        "step": iterate.step,
        "epoch": iterate.epoch,
        "objective": iterate.objective,
        "violation": iterate.violation,
        "constraints": iterate.values,
        "metrics": iterate.metrics,
        "split": iterate.split,
    }


def finite_or_none(value: Any) -> Any:
    """The same plain value with null for NaN and infinite numbers, which JSON can't say."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: finite_or_none(item) for key, item in value.items()}
        case list() | tuple():
            return [finite_or_none(item) for item in value]
    return value


def number(value: float | None) -> str:
    """A number of a table: six digits, or what there is in its place."""
    if value is None:
        return "-"
    return "not measured" if math.isnan(value) else f"{value:.6g}"


def _row(constraint: ConstraintResult) -> tuple[str, ...]:
    met = "yes" if constraint.satisfied else "NO"
    proof = constraint.certificate
    if constraint.satisfied and proof is not None:
        met = "certified" if proof.certified else "not certified"
    return (
        constraint.name,
        number(constraint.value),
        constraint.relation,
        number(constraint.bound),
        "soft" if constraint.soft else met,
        number(constraint.multiplier),
        constraint.split or "parameters",
    )


def constraint_lines(constraints: Sequence[ConstraintResult]) -> list[str]:
    """Verdicts as a plain text table, for scripts that run without the interface.

    A header and one line a constraint, in columns; nothing where there is none.
    """
    if not constraints:
        return []
    rows = [HEADER, *(tuple(map(visible_line, _row(c))) for c in constraints)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    return ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]

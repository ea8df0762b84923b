"""The verdict on one constraint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cspec.runtime.result.certificate import Certificate

DualState = Literal["active", "inactive", "growing"]


@dataclass(frozen=True)
class ConstraintResult:
    """The verdict on one constraint, in the units it was written in.

    `multiplier` is >= 0 for inequalities however they were written, of either sign for `==`
    (where L has + multiplier (left - right) as written). Of a constraint of many entries it is one
    number, see `entries.price`, and `multiplier_norm` is the Euclidean norm of all. `sensitivity`
    is the change of the objective as written per unit that the bound as written is raised, None
    where the run's end is not stationary enough to tell.
    """

    name: str
    kind: Literal["inequality", "equality", "membership"]
    value: float
    bound: float
    relation: Literal["<=", ">=", "==", "in"]
    violation: float
    tolerance: float
    satisfied: bool
    text: str = ""
    soft: bool = False
    multiplier: float | None = None
    multiplier_norm: float | None = None
    sensitivity: float | None = None
    dual_state: DualState | None = None
    split: str | None = None
    n: int | None = None
    standard_error: float | None = None
    evidence: Literal["exact", "sampled", "searched", "certified"] = "exact"
    method: str = ""
    members: tuple[str, ...] = ()
    hardest: tuple[tuple[int, float], ...] = ()
    """Of a requirement on each example, the rows (from 0) with the largest multipliers, and those.

    All of them are in the state of an iterate: `result.best.state["label.multipliers"]`.
    """
    certificate: Certificate | None = None
    """Where `verify ... with confidence` decides it."""


def called(constraints: Sequence[ConstraintResult], name: str) -> ConstraintResult:
    """The verdict on the constraint of this name.

    Raises:
        KeyError: none; it lists those that there are.
    """
    for constraint in constraints:
        if constraint.name == name:
            return constraint
    known = ", ".join(c.name for c in constraints) or "none"
    raise KeyError(f"no constraint `{name}`; constraints: {known}")

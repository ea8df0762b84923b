"""The verdict on one constraint, and a certificate: what is shown of it with confidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

DualState = Literal["active", "inactive", "growing"]


@dataclass(frozen=True)
class CertifiedMean:
    """One mean: what was counted, and the part of the error that its bounds were paid with."""

    text: str
    group: str
    """Which group, where a mean is by group."""
    n: int
    k: int | None
    """Of a fraction how many; None for the mean of a quantity."""
    mean: float
    upper: float | None = None
    upper_error: float = 0.0
    lower: float | None = None
    lower_error: float = 0.0
    together_error: float = 0.0
    """Of an exact test of two rates, which uses no bounds of each."""


@dataclass(frozen=True)
class Certificate:
    """With probability at least `confidence` over the split, a violated requirement fails here.

    `bound` is one-sided, of what `about` says: it is compared with `threshold` by `relation`.
    """

    confidence: float
    error: float
    """What was left of 1 - confidence for this look."""
    data: str
    certified: bool
    about: str
    relation: str
    estimate: float
    bound: float
    threshold: float
    means: tuple[CertifiedMean, ...] = ()
    needed: int | None = None
    """Where it fails: about how many examples a split would take at the estimate seen; None where
    none would do, or where it holds."""
    why: str = ""
    """Where it fails for another reason than the bound: an empty group, earlier looks."""


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

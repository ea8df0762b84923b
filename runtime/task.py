"""What a solver is given and what it gives back: records that know nothing of a run.

The functions and tensors are those of the emitted module: `measure(primal, batch)` gives f, g and
the true constraints at what the tensors hold, so a solver moves the variables in place and leaves
them where its end is. It tells of each step by `seen`, and looks at `interrupted` in between.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts, VariableSetup

Measure = Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[Tensor, Tensor, Tensor]]
"""f, g with gradient, and the true constraints, of variables and data."""


@dataclass(frozen=True)
class Task:
    """A problem: minimize f subject to g <= 0 or == 0 from what the variables hold."""

    measure: Measure
    primal: Mapping[str, Any]
    """The variables by name, moved in place, and all else that functions read."""
    variables: tuple[VariableSetup, ...]
    """Names, shapes and bounds of what moves, in order."""
    batch: Mapping[str, Any]
    """The whole data; empty where there are none."""
    objective: Callable[[], Tensor]
    """The objective as it is minimized, at what the variables hold, without stand-ins."""
    sense: str = "minimize"
    """How the objective is written: `maximize` has its negative for f."""
    written: str = ""
    """The objective as people wrote it."""
    constraints: tuple[ConstraintFacts, ...] = ()
    foreign: bool = False
    """Whether functions of a person's own are called: their slopes are looked at."""
    seed: int = 0
    seen: Callable[[Tensor, Tensor], None] = lambda f, g: None
    """Told of f and g of each step."""
    interrupted: Callable[[], bool] = lambda: False
    flush: Callable[[], None] = lambda: None
    """Shows whoever watches what was told so far."""


@dataclass(frozen=True)
class Outcome:
    """Where a solver ended; the variables hold the point."""

    termination: str = ""
    """`converged`, `no further progress`, `unbounded`, `interrupted`; empty where nothing ended."""
    notes: tuple[str, ...] = ()
    end: tuple[Tensor, Tensor] | None = None
    """f and g there, where they were not told yet; None also where nothing was found."""
    multipliers: Tensor | None = None
    """One an entry of g; None where the solver has none."""
    residual: float | None = None
    """Stationarity, where it can't be measured anew from f and g of the spec."""
    projected_gradient: float | None = None
    """Relative to the gradient, where sets are held by projection."""


class Stopped(Exception):  # noqa: N818
    """The run was interrupted; the variables hold the last iterate."""

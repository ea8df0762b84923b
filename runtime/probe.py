"""Can the violation be lowered at all? A short descent on the violated constraints alone.

A multiplier that grows while its constraint stays violated has two causes: steps that are too
small, and requirements that can't be met together. The trajectory looks the same for both, so the
end of such a run is probed: gradient descent on

    V(x) = 1/2 sum ([g_i(x)]+ / ||grad g_i||)^2,        h_j in place of [g_i]+ for equalities,

without the objective, within the sets that are projected onto, with Barzilai-Borwein steps and an
Armijo line search along the projection arc (Birgin, Martinez and Raydan 2000). Where V stops at a
positive value, the gradients of the constraints balance there: no direction lowers all of them.
That is a local statement, hence *suspected* infeasible. The run's parameters are put back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cspec.compiler.program import ConstraintFacts
from cspec.runtime.modes import evaluating, undisturbed
from cspec.runtime.snapshots import load_tensors, tensors_of

if TYPE_CHECKING:
    from cspec.runtime.session import Session

ROWS = 20_000
"""Larger data are represented by a few batches."""
BATCHES = 8
WORK = 2e10
"""Rows x parameters x iterations up to which the whole data are used ..."""
MOST_WORK = 1e11
"""... and, on a CPU, up to which anything is: some ten seconds. Beyond, nothing is claimed."""
ITERATIONS = 150
"""Each costs about two passes; a violation that can be lowered is, within a few dozen."""
MET = 0.25
"""Share of the first violation up to which it counts as lowered."""
STALLED = 0.01
"""Relative decrease of V over the last fifth of the steps below which it has stopped."""
BALANCED = 0.1
"""Share of the pulls on the parameters that may be left where they are said to cancel."""
PART = 0.05
"""Share of the largest pull from which a constraint belongs to a conflict."""
SPLIT_METHODS = frozenset({"admm", "frank_wolfe"})
"""Methods whose sets hold by steps of their own: a descent would leave them, so nothing is probed.
(Maps and projected outputs are part of what is measured.)"""


@dataclass(frozen=True)
class Slope:
    """Angles at one iterate."""

    norms: dict[str, float]
    """|| grad g || of each constraint looked at."""
    with_objective: dict[str, float]
    """Cosine of grad f and grad g; NaN where one is 0."""
    between: dict[tuple[str, str], float]
    """Cosine of two constraints' gradients."""


@dataclass(frozen=True)
class Probe:
    """What the descent on the violation found."""

    lowered: bool
    """The violation fell to a quarter or less: the requirements can be met, or nearly."""
    stuck: bool
    """It made way and stopped above that, where the pulls cancel."""
    conflict: tuple[str, ...]
    """The constraints that pull against each other where it stopped."""
    before: float
    after: float
    """The largest violation before and after, canonical."""
    iterations: int
    held: bool = False
    """Where it stopped, projections take back the larger part of what lowers the violation."""


def affordable(session: Session) -> bool:
    """Whether a gradient of the constraints alone means anything here, and is not too much work."""
    methods = {c.method for c in session.program.constraints}
    if methods & SPLIT_METHODS or not session.parameters:
        return False
    if "projection" in methods and session.models():
        return False  # counts of weights and the like: a descent that stops there shows nothing
    return session.device.type != "cpu" or _work(session, _batches(session)) <= MOST_WORK


def slopes(session: Session, looked_at: Sequence[ConstraintFacts]) -> Slope:
    """Angles between the gradients of the objective and of some constraints."""
    parameters = session.parameters
    named: dict[str, Tensor] = {}
    with undisturbed(), evaluating(session.models()), torch.enable_grad():
        f, g = _functions(session, _batches(session))
        base = _flat(f, parameters)
        for c in looked_at:
            entry = _largest(g, c)
            if entry is not None:
                named[c.label] = _flat(entry, parameters)
    labels = list(named)
    return Slope(
        norms={k: float(v.norm()) for k, v in named.items()},
        with_objective={k: _cosine(base, v) for k, v in named.items()},
        between={
            (a, b): _cosine(named[a], named[b])
            for i, a in enumerate(labels)
            for b in labels[i + 1 :]
        },
    )


def probe(session: Session) -> Probe:
    """Descend on the violation alone from the iterate that is loaded; then put it back."""
    kept = tensors_of(session.primal)
    with undisturbed(), evaluating(session.models()), torch.enable_grad():
        try:
            return _descend(session)
        finally:
            load_tensors(session.primal, kept)


# --- functions -----------------------------------------------------------------------------------


def _batches(session: Session) -> list[Any]:
    large = any(len(data) > ROWS for data in session.data.values())
    whole = [session.whole_batch()]
    if not large and _work(session, whole) <= WORK:
        return whole
    return [session.batch_at(step) for step in range(BATCHES)]


def _work(session: Session, batches: Sequence[Any]) -> float:
    """Rows x parameters x iterations of a descent."""
    rows = sum(
        max((len(column) for column in columns.values()), default=1)
        for batch in batches
        for columns in batch.values()
        if not isinstance(columns, Tensor)
    )
    return float(max(1, rows)) * sum(p.numel() for p in session.parameters) * ITERATIONS


def _functions(session: Session, batches: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """f and g, averaged over batches; entries that were not measured count 0."""
    found = [session.module["measure"](session.primal, batch) for batch in batches]
    f = torch.stack([item[0].reshape(()) for item in found]).mean()
    g = torch.stack([torch.nan_to_num(item[1], nan=0.0) for item in found]).mean(0)
    return f, g


def _flat(value: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    if not value.requires_grad:
        size = sum(p.numel() for p in parameters)
        return torch.zeros(size, dtype=torch.float64, device=parameters[0].device)
    found = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
    return torch.cat(
        [
            (torch.zeros_like(p) if d is None else d).reshape(-1).double()
            for p, d in zip(parameters, found, strict=True)
        ]
    )


def _largest(g: Tensor, c: ConstraintFacts) -> Tensor | None:
    """The entry of a constraint that is violated most."""
    if c.segment is None or c.segment[1] <= c.segment[0]:
        return None
    entries = g[c.segment[0] : c.segment[1]]
    size = entries.abs() if c.equal else entries
    return entries[int(size.detach().argmax())]


def _cosine(a: Tensor, b: Tensor) -> float:
    size = float(a.norm() * b.norm())
    return float(a @ b) / size if size > 0 else math.nan


# --- descent -------------------------------------------------------------------------------------


class _Violation:
    """V, its gradient, and where its parts belong."""

    def __init__(self, session: Session) -> None:
        self.session, self.batches = session, _batches(session)
        self.hard = [c for c in session.program.constraints if c.segment and not c.soft]
        _, g = _functions(session, self.batches)
        self.equal = torch.zeros_like(g, dtype=torch.bool)
        self.counted = torch.zeros_like(g, dtype=torch.bool)
        for c in self.hard:
            assert c.segment is not None
            self.counted[slice(*c.segment)] = True
            self.equal[slice(*c.segment)] = c.equal
        self.weights = self._weights(g)

    def _weights(self, g: Tensor) -> Tensor:
        """1 / || grad g_i || of each constraint's worst entry, for all of its entries."""
        weights = torch.zeros_like(g)
        for c in self.hard:
            assert c.segment is not None
            entry = _largest(g, c)
            size = 0.0 if entry is None else float(_flat(entry, self.session.parameters).norm())
            weights[slice(*c.segment)] = 1.0 / size if size > 0 else 1.0
        return weights.detach()

    def parts(self) -> Tensor:
        """The violations, in the constraints' units."""
        _, g = _functions(self.session, self.batches)
        size = torch.where(self.equal, g, torch.relu(g))
        return torch.where(self.counted, size, torch.zeros_like(size))

    def value(self) -> Tensor:
        return 0.5 * (self.parts() * self.weights).square().sum()

    def amounts(self) -> dict[str, float]:
        """The violation of each constraint."""
        parts = self.parts().detach().abs()
        return {c.label: float(parts[slice(*c.segment)].max()) for c in self.hard if c.segment}

    def pulls(self) -> dict[str, float]:
        """The size of each constraint's part in the gradient of V."""
        found = {}
        parts = (self.parts() * self.weights).square() * 0.5
        for c in self.hard:
            assert c.segment is not None
            found[c.label] = float(
                _flat(parts[slice(*c.segment)].sum(), self.session.parameters).norm()
            )
        return found


def _descend(session: Session) -> Probe:
    violation = _Violation(session)
    parameters = session.parameters
    project: Callable[..., Any] | None = session.module.get("project")
    tolerances = {c.label: c.tolerance for c in violation.hard}
    before = violation.amounts()
    start = value = float(violation.value().detach())
    path = [value]
    point, gradient = _point(parameters), _flat(violation.value(), parameters)
    first, step = float(gradient.norm()), 1.0
    for _ in range(ITERATIONS):
        if value <= MET**2 * start or not float(gradient.norm()) > 0:
            break
        moved = _arc(session, violation, project, point, gradient, value, step)
        if moved is None:
            break
        new, value = moved
        slope = _flat(violation.value(), parameters)
        change, turn = new - point, slope - gradient
        curvature = float(change @ turn)
        step = float(change @ change) / curvature if curvature > 0 else 2 * step
        point, gradient = new, slope
        path.append(value)
    after = violation.amounts()
    met = all(size <= 2 * tolerances[label] for label, size in after.items())
    lowered = met or value <= MET**2 * start
    tail = path[-max(2, len(path) // 5) :]
    left = _left(session, project, point, gradient)
    pulls = sum(violation.pulls().values())
    started = pulls > 0 and left <= BALANCED * max(pulls, first)
    stalled = len(path) <= ITERATIONS or tail[-1] >= (1 - STALLED) * tail[0]
    return Probe(
        lowered=lowered,
        stuck=started and not lowered and stalled,
        conflict=() if lowered else _conflict(violation, after, tolerances),
        before=max(before.values(), default=0.0),
        after=max(after.values(), default=0.0),
        iterations=len(path) - 1,
        held=project is not None and left < 0.5 * float(gradient.norm()),
    )


def _left(
    session: Session, project: Callable[..., Any] | None, point: Tensor, gradient: Tensor
) -> float:
    """The size of the gradient without what the sets hold back: a short step, projected."""
    size = float(gradient.norm())
    if project is None or size == 0:
        return size
    step = 1e-4 * max(1.0, float(point.norm())) / size
    _put(session.parameters, point - step * gradient)
    project(session.primal, None, 1.0)
    moved = float((_point(session.parameters) - point).norm()) / step
    _put(session.parameters, point)
    return moved


def _conflict(
    violation: _Violation, after: dict[str, float], tolerances: dict[str, float]
) -> tuple[str, ...]:
    pulls = violation.pulls()
    most = max(pulls.values(), default=0.0)
    return tuple(
        label
        for label, size in after.items()
        if size > tolerances[label] and pulls[label] >= PART * most
    )


def _point(parameters: Sequence[Tensor]) -> Tensor:
    return torch.cat([p.detach().reshape(-1).double() for p in parameters])


@torch.no_grad()
def _put(parameters: Sequence[Tensor], point: Tensor) -> None:
    start = 0
    for p in parameters:
        p.copy_(point[start : start + p.numel()].reshape(p.shape))
        start += p.numel()


def _arc(
    session: Session,
    violation: _Violation,
    project: Callable[..., Any] | None,
    point: Tensor,
    gradient: Tensor,
    value: float,
    step: float,
) -> tuple[Tensor, float] | None:
    """The first point along the projected path that lowers V enough; None where none does."""
    for _ in range(30):
        _put(session.parameters, point - step * gradient)
        if project is not None:
            project(session.primal, None, 1.0)
        new = _point(session.parameters)
        with torch.no_grad():
            found = float(violation.value())
        if found <= value - 1e-4 * float((point - new) @ gradient) and found < value:
            return new, found
        step /= 4
    _put(session.parameters, point)
    return None

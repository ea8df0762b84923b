"""The violation of all requirements as one function of what is trained, and its gradient.

    V(x) = 1/2 sum ([g_i(x)]+ / ||grad g_i||)^2,        h_j in place of [g_i]+ for equalities,

without the objective. Where surrogates stand in for requirements that are flat, V is of the
surrogates; what is told of a requirement is its true violation.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.measure.slopes import gradients
from cspec.runtime.result.entries import marked, spread
from cspec.runtime.session.session import Session

BATCHES = 8
"""What represents data that are too large."""
WORK = 2e10
"""Rows x parameters x iterations up to which the whole data are used."""
ITERATIONS = 150
"""Of a descent. Each costs about two passes; a violation that can be lowered is, within dozens."""


TEMPERATURES = (1.0, 1 / 16, 1 / 64, 4.0)
"""Of surrogates that sharpen along a run, tried where that of its end leads nowhere: the first
pulls from far away, sharper ones see only who is about to cross."""


def temperatures(session: Session) -> tuple[float, ...]:
    """Those to try, none where no surrogate has one that moves."""
    return TEMPERATURES if "temperature" in session.module else ()


def at_temperature(batch: dict[str, Any], asked: float | None) -> dict[str, Any]:
    """The batch with surrogates of another temperature (None: that of the step)."""
    return batch if asked is None else {**batch, "temperature": torch.tensor(asked)}


def batches_of(session: Session) -> list[Any]:
    """The whole data, or a few batches of large ones."""
    whole = [session.whole_batch()]
    if not session.large and work(session, whole) <= WORK:
        return whole
    return [session.batch_at(step) for step in range(BATCHES)]


def work(session: Session, batches: Sequence[Any]) -> float:
    """Rows x parameters x iterations of a descent."""
    rows = sum(
        max((len(column) for column in columns.values()), default=1)
        for batch in batches
        for columns in batch.values()
        if not isinstance(columns, Tensor)
    )
    return float(max(1, rows)) * sum(p.numel() for p in session.parameters) * ITERATIONS


def functions_of(session: Session, batches: Sequence[Any]) -> tuple[Tensor, Tensor, Tensor]:
    """f, g and the true constraints, averaged over batches; what was not measured counts 0."""
    found = [session.module["measure"](session.primal, batch) for batch in batches]
    f = torch.stack([item[0].reshape(()) for item in found]).mean()
    g, true = (
        torch.stack([torch.nan_to_num(item[place], nan=0.0) for item in found]).mean(0)
        for place in (1, 2)
    )
    return f, g, true


def gradient_of(value: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """The gradient as one float64 vector."""
    return torch.cat([d.reshape(-1).double() for d in gradients(value, parameters)])


FEW = 16
"""Entries whose gradients are taken one after another."""


def jacobian_of(values: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """The gradients of all entries, one a row, float64; of many at once where autograd can."""
    if len(values) > FEW and values.requires_grad:
        try:
            return _at_once(values, parameters)
        except RuntimeError:
            pass  # an operation of the model's own, without a batched backward
    rows = [gradient_of(value, parameters) for value in values]
    size = sum(p.numel() for p in parameters)
    return torch.stack(rows) if rows else values.new_zeros((0, size), dtype=torch.float64)


def _at_once(values: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    eye = torch.eye(len(values), dtype=values.dtype, device=values.device)
    found = torch.autograd.grad(
        values, parameters, eye, retain_graph=True, allow_unused=True, is_grads_batched=True
    )
    parts = [
        p.new_zeros((len(values), p.numel())) if d is None else d.reshape(len(values), -1)
        for p, d in zip(parameters, found, strict=True)
    ]
    return torch.cat([part.double() for part in parts], dim=1)


def largest_entry(g: Tensor, c: ConstraintFacts) -> Tensor | None:
    """The entry of a constraint that is violated most."""
    if c.segment is None or c.segment[1] <= c.segment[0]:
        return None
    entries = g[c.segment[0] : c.segment[1]]
    size = entries.abs() if c.equal else entries
    return entries[int(size.detach().argmax())]


def point_of(parameters: Sequence[Tensor]) -> Tensor:
    """All parameters as one float64 vector."""
    return torch.cat([p.detach().reshape(-1).double() for p in parameters])


@torch.no_grad()
def put(parameters: Sequence[Tensor], point: Tensor) -> None:
    """Set all parameters."""
    parts = torch.split(point, [p.numel() for p in parameters])
    for p, part in zip(parameters, parts, strict=True):
        p.copy_(part.reshape(p.shape))


STRICT = 1e-4
"""Share of its scale to which a requirement is met, where its tolerance is wider."""


def own_scale(session: Session, c: ConstraintFacts) -> float:
    """How far from its bound a run has seen a requirement: the largest |value - bound| that was
    measured; infinite where nothing was.

    A requirement that is multiplied by 1/1000 has violations of 1/1000, and its tolerance is as
    before. Verdicts keep to the tolerance; what is chosen among iterates keeps to the requirement.
    """
    readings = (iterate.reading(c.label) for iterate in session.measured)
    sizes = [abs(value - bound) for value, bound in readings]
    return max((size for size in sizes if math.isfinite(size)), default=math.inf)


def put_within(session: Session, point: Tensor) -> None:
    """Set all parameters, to the nearest place in the sets that they are held in."""
    put(session.parameters, point)
    if "project" in session.module:
        session.module["project"](session.primal, None, 1.0)


class Violation:
    """V, its gradient, and where its parts belong."""

    def __init__(self, session: Session) -> None:
        self.session, self.batches = session, batches_of(session)
        constraints = session.program.constraints
        self.hard = [c for c in constraints if c.segment and not c.soft]
        self._places = {c.label: slice(*c.segment) for c in self.hard if c.segment}
        self.stands_in = any(c.surrogate is not None for c in self.hard)
        """Whether surrogates are differentiated in the place of requirements."""
        _, g, _ = self._functions()
        self.equal = marked(constraints, lambda c: c.equal).to(g.device)
        self.counted = marked(constraints, lambda c: not c.soft).to(g.device)
        self.norms: dict[str, float] = {}
        """|| grad g || of each constraint's worst entry, where this was made."""
        self.weights = spread(constraints, partial(self._weight, g)).to(g)

    def _functions(self) -> tuple[Tensor, Tensor, Tensor]:
        return functions_of(self.session, self.batches)

    def _weight(self, g: Tensor, c: ConstraintFacts) -> float:
        """1 / || grad g_i || of a constraint's worst entry, for all of its entries."""
        if c.soft:
            return 0.0
        entry = largest_entry(g, c)
        parameters = self.session.parameters
        size = 0.0 if entry is None else float(gradient_of(entry, parameters).norm())
        self.norms[c.label] = size
        return 1.0 / size if size > 0 else 1.0

    def _sizes(self, entries: Tensor) -> Tensor:
        """[g]+ and h of what counts."""
        size = torch.where(self.equal, entries, torch.relu(entries))
        return torch.where(self.counted, size, torch.zeros_like(size))

    def parts(self) -> Tensor:
        """The violations as they are differentiated, in the constraints' units."""
        return self._sizes(self._functions()[1])

    def value(self) -> Tensor:
        """V."""
        return 0.5 * (self.parts() * self.weights).square().sum()

    @torch.no_grad()
    def true_value(self) -> float:
        """V of the true constraints, with the surrogates' scales."""
        true = self._sizes(self._functions()[2])
        return float(0.5 * (true.to(self.weights) * self.weights).square().sum())

    def pull(self) -> Tensor:
        """The gradient of V with the true violations as weights of the surrogates' slopes."""
        _, g, true = self._functions()
        sizes = self._sizes(true.detach()).to(self.weights)
        return gradient_of((sizes * self.weights.square() * g).sum(), self.session.parameters)

    def amounts(self) -> dict[str, float]:
        """The true violation of each constraint."""
        with torch.no_grad():
            parts = self._sizes(self._functions()[2]).abs()
        return {label: float(parts[place].max()) for label, place in self._places.items()}

    def pulls(self) -> dict[str, float]:
        """The size of each constraint's part in the gradient of V."""
        parts = (self.parts() * self.weights).square() * 0.5
        return {
            label: float(gradient_of(parts[place].sum(), self.session.parameters).norm())
            for label, place in self._places.items()
        }

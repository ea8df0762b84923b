"""A deterministic problem over decision variables as functions of one flat tensor.

minimize f(x) subject to g_i(x) <= 0 or == 0 and x in S, S a product over the variables of sets with
a projection. What is differentiated is the augmented Lagrangian (Rockafellar 1973)

    L(x) = f + sum over == of (m g + c/2 g^2) + sum over <= of ([m + c g]+^2 - m^2) / (2 c)

which is f itself where there are no functions beside the sets. Values that are not finite count as
infinite, so that a line search turns back.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from cspec.runtime.measure.slopes import gradients
from cspec.runtime.operators import Operator, Sparse
from cspec.runtime.operators.together.joint import Chain, SparseBox, joint
from cspec.runtime.task import Task

Held = tuple[str, Operator]
"""A variable's name and a set that it is held in."""


class SetProblem:
    """The problem of a session over a flat tensor of its decision variables, in order."""

    def __init__(
        self,
        task: Task,
        equalities: Sequence[bool],
        sets: Sequence[Held],
        rows: Sequence[int] | None = None,
    ) -> None:
        self._task = task
        names = [v.name for v in task.variables]
        self._tensors: list[Tensor] = [task.primal[name] for name in names]
        held = {name: [onto for other, onto in sets if other == name] for name in names}
        self.operators = [joint(held[name]) if held[name] else None for name in names]
        """The set that each variable is held in, if there is any."""
        like = self._tensors[0]
        self.size = sum(t.numel() for t in self._tensors)
        self._rows = None if rows is None else torch.tensor(list(rows), dtype=torch.long)
        whole = torch.tensor(equalities, dtype=torch.bool, device=like.device)
        self.equalities = whole if self._rows is None else whole[self._rows]
        self.multipliers = like.new_zeros(len(self.equalities))
        self.penalty = like.new_ones(len(self.equalities))
        self.f, self.g = math.nan, self.multipliers
        """Objective and constraints at the point last evaluated."""
        self.all_g = like.new_zeros(len(whole))
        """Also those that are left out."""
        self.evaluations = 0
        self._loss: Tensor | None = None

    @property
    def convex_sets(self) -> bool:
        """Whether every set is convex."""
        return all(operator is None or operator.convex for operator in self.operators)

    # --- points ---

    def point(self) -> Tensor:
        """The variables as they are."""
        return torch.cat([t.detach().reshape(-1) for t in self._tensors])

    @torch.no_grad()
    def put(self, x: Tensor) -> None:
        """Give the variables the values of `x`."""
        for tensor, part in zip(self._tensors, self.parts(x), strict=True):
            tensor.copy_(part)

    def parts(self, x: Tensor) -> list[Tensor]:
        """The entries of each variable, in its shape."""
        flat = torch.split(x, [t.numel() for t in self._tensors])
        return [part.reshape(t.shape) for part, t in zip(flat, self._tensors, strict=True)]

    @torch.no_grad()
    def project(self, x: Tensor) -> Tensor:
        """The nearest member of S."""
        return self._onto(self.operators, x)

    @torch.no_grad()
    def project_convex(self, x: Tensor) -> Tensor:
        """The nearest point in those sets that are convex; the others are left out."""
        return self._onto([o if o is not None and o.convex else None for o in self.operators], x)

    def _onto(self, operators: Sequence[Operator | None], x: Tensor) -> Tensor:
        pairs = zip(self.parts(x), operators, strict=True)
        parts = [part if operator is None else operator.project(part) for part, operator in pairs]
        return torch.cat([part.reshape(-1) for part in parts])

    # --- values and derivatives ---

    def value(self, x: Tensor) -> float:
        """L at `x`; infinite where it is no number."""
        self.evaluations += 1
        self.put(x)
        with torch.enable_grad():
            f, g, every = self._measured()
            self._loss = self._lagrangian(f, g)
        self.f, self.g, self.all_g = float(f.detach()), g.detach(), every.detach()
        total = float(self._loss.detach())
        return total if math.isfinite(total) else math.inf

    def _measured(self) -> tuple[Tensor, Tensor, Tensor]:
        """f, the constraints that were chosen, and all of them, where the variables are."""
        f, every, _ = self._task.measure(self._task.primal, self._task.batch)
        return f, every if self._rows is None else every[self._rows], every

    def _lagrangian(self, f: Tensor, g: Tensor) -> Tensor:
        if not self.equalities.numel():
            return f
        m, c = self.multipliers, self.penalty
        quadratic = m * g + c / 2 * g.square()
        terms = torch.where(self.equalities | (m + c * g > 0), quadratic, -m.square() / (2 * c))
        return f + terms.sum()

    def gradient(self) -> Tensor:
        """The gradient of L at the point last evaluated; variables that play no part get 0."""
        loss, self._loss = self._loss, None
        return torch.zeros_like(self.point()) if loss is None else self._slope(loss)

    def objective_slope(self, x: Tensor) -> Tensor:
        """The gradient of f at a point."""
        self.put(x)
        with torch.enable_grad():
            return self._slope(self._measured()[0])

    def jacobian(self, x: Tensor) -> Tensor:
        """dg/dx (functions, entries) at a point."""
        self.put(x)
        with torch.enable_grad():
            return torch.stack([self._slope(row) for row in self._measured()[1]])

    def _slope(self, value: Tensor) -> Tensor:
        return torch.cat([part.reshape(-1) for part in gradients(value, self._tensors)])

    def spread(self, values: Tensor) -> Tensor:
        """One value a constraint that was chosen among all, 0 for the others."""
        if self._rows is None:
            return values
        return torch.zeros_like(self.all_g).index_copy(0, self._rows, values)

    def over(self) -> Tensor:
        """h, and [g]+, of each constraint at the point last evaluated."""
        return self.g.where(self.equalities, self.g.clamp(min=0))

    def worst(self) -> float:
        """The largest of them in size; 0 where there are none."""
        return float(self.over().abs().max()) if self.g.numel() else 0.0

    def violation(self) -> Tensor:
        """|h|, or |max(g, -m/c)|, of each constraint at the point last evaluated."""
        slack = torch.maximum(self.g, -self.multipliers / self.penalty)
        return torch.where(self.equalities, self.g, slack).abs()

    def update_multipliers(self, largest: float) -> None:
        """m <- m + c h and [m + c g]+, at the point last evaluated, within a safeguard."""
        moved = self.multipliers + self.penalty * self.g
        moved = torch.where(self.equalities, moved, moved.clamp(min=0))
        self.multipliers = moved.clamp(-largest, largest)


def supports(problem: SetProblem) -> list[tuple[int, Sparse]]:
    """Places of the variables that have few nonzero entries, with the set that says so."""
    found = []
    for place, operator in enumerate(problem.operators):
        members = operator.sets if isinstance(operator, Chain) else (operator,)
        for member in members:
            if isinstance(member, SparseBox):
                found.append((place, Sparse(member.amount)))
            elif isinstance(member, Sparse):
                found.append((place, member))
    return found

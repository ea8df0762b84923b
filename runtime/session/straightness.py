"""A learning rate that nobody gave follows the path: too small a one shows in how straight it is.

Adam moves an entry by at most its rate a step. Over a window of w steps what moves goes

    straightness = |x - x_before| / (sum of rates x sqrt(entries))        in [0, 1]

1 where every step went the same way (the solution is far, at this rate), about 1 / sqrt(w) where
gradients are noise, 0 where it circles. Measured: linear regression with weights far away 0.5 to
1.0 for thousands of steps at rate 1e-3, networks below 0.2 after the first hundred. So the rate of
a group doubles after a window that was straight, and halves back after one that circled. A straight
way that leads off, to more violation and a worse objective at once, halves it for good: there Adam
runs from its own steps, and gets no faster again. One on which neither gets better moves no rate.

Plain gradient steps have no such length. There the halves of a window tell,

    straightness = |x - x_before| / (|x - x_half| + |x_half - x_before|)

0.7 where gradients are noise, 1 on a straight way: it is looked at, and moves no rate.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.result.entries import violations

WINDOWS = 100
"""Windows a run ..."""
LEAST = 25
"""... of at least so many steps."""
STRAIGHT = 0.3
STRAIGHT_HALVES = 0.98
"""From which a way of two halves is straight: they turn by less than 23 degrees."""
CIRCLES = 0.05
MOST = 2.0**20
"""The largest factor on the rate that the run started with."""


WORSE = 1.5
"""Times the violation of a window before, from which a way leads off ..."""
POORER = 0.1
"""... where the objective is worse by this share of itself."""


BLOCK = 64
"""Steps whose measurements are added up at once: a step only keeps what it has."""

Merit = tuple[float, float]
"""The objective to be minimized, and the largest violation."""


def leads_off(before: Merit, now: Merit) -> bool:
    """Whether both the requirements and the objective are clearly worse than a window before."""
    (f0, v0), (f, v) = before, now
    if not math.isfinite(f):
        return True
    return 0 < WORSE * v0 < v and f > f0 + POORER * abs(f0)


def pays(now: Merit, best: Merit) -> bool:
    """Whether the objective or the violation is smaller than in any window before.

    A pair of multipliers and a model that circle go straight on between their turns, and neither
    gets better than it was: there a larger rate makes the circles larger.
    """
    return now[0] < best[0] or now[1] < best[1]


class Standing:
    """How a run stands: means of the objective and of the requirements over a window of steps.

    One batch says little of a rate: of 500 people, 12 may be those that a requirement is about. So
    what was measured since the last `clear` is averaged, entries that a batch did not measure left
    out, and the violation is that of the means. Nothing waits for the device before `merit`.
    """

    def __init__(self, constraints: Sequence[ConstraintFacts]) -> None:
        self._constraints = [c for c in constraints if c.segment is not None]
        self._equal = {c.label for c in self._constraints if c.equal}
        self._seen = all(c.each is None for c in constraints)
        """Whether all that is required is among the entries: of each example nothing is."""
        self._late: list[tuple[Tensor, Tensor]] = []
        self._sums: Tensor | None = None
        """Two rows: of f and g what was measured, and how often."""

    def add(self, f: Tensor, true: Tensor | None) -> None:
        """Note what a step measured: f as it is minimized, and the true constraints, detached."""
        if not self._seen:
            return
        self._late.append((f.detach(), f.new_zeros(0) if true is None else true))
        if len(self._late) == BLOCK:
            self._sums, self._late = self._added(), []

    def clear(self) -> None:
        """Begin a window."""
        self._late, self._sums = [], None

    def merit(self) -> Merit | None:
        """The means since the window began; None where nothing tells."""
        sums = self._added()
        if sums is None:
            return None
        means = sums[0] / sums[1]
        found = violations(means[1:], self._constraints)
        sizes = (abs(v) if label in self._equal else v for label, v in found.items())
        return float(means[0]), max((0.0, *sizes))

    def _added(self) -> Tensor | None:
        if not self._late:
            return self._sums
        rows = self._rows()
        added = torch.stack([rows.nansum(0), (~rows.isnan()).sum(0).to(rows)])
        return added if self._sums is None else self._sums + added

    def _rows(self) -> Tensor:
        return torch.stack([torch.cat([f.reshape(1), true]) for f, true in self._late])

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: the steps of a block stay apart, for the same sums."""
        return {"sums": self._sums, "late": self._rows() if self._late else None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        self._sums, late = state["sums"], state["late"]
        self._late = [] if late is None else [(row[0], row[1:]) for row in late]


KEPT = ("factor", "straightness", "taken", "way", "before", "half", "merit", "most", "best", "paid")
"""What a resumed run needs of a follower."""


class Follower:
    """The factor of one group of parameters; where it does not act, it only looks."""

    def __init__(self, group: dict[str, Any], total_steps: int, acts: bool) -> None:
        self.group, self.acts = group, acts
        self.straightness = math.nan
        """Of the last window."""
        self.window = max(LEAST, total_steps // WINDOWS)
        self.factor = 1.0
        self.most = MOST
        """The largest factor that is taken; less once one has led off."""
        self.taken, self.way = 0, 0.0
        self.merit: Merit | None = None
        self.best: Merit = (math.inf, math.inf)
        """The smallest objective and violation of a window, each by itself."""
        self.paid = True
        self.before = self.half = self._point()
        self._adaptive = "betas" in group

    @property
    def begins(self) -> bool:
        """Whether a window begins with the next step."""
        return self.taken == 0

    @property
    def travels(self) -> bool:
        """Whether the last window was straight, and led somewhere as far as is known."""
        return self.paid and self.straightness > (STRAIGHT if self._adaptive else STRAIGHT_HALVES)

    @torch.no_grad()
    def _point(self) -> Tensor:
        return torch.cat([p.detach().reshape(-1) for p in self.group["params"]])

    def step(self, merit: Callable[[], Merit | None] = lambda: None) -> float:
        """Note a step that was taken at the group's rate; the factor of the next one."""
        self.taken += 1
        self.way += float(self.group["lr"])
        if not self._adaptive and self.taken == self.window // 2:
            self.half = self._point()
        if self.taken < self.window:
            return self.factor
        point = self._point()
        moved = float((point - self.before).norm())
        self.straightness = moved / max(self._longest(point), 1e-300)
        if self.acts:
            self._act(merit())
        self.taken, self.way, self.before = 0, 0.0, point
        return self.factor

    def _act(self, now: Merit | None) -> None:
        """The factor, by the window that ended and by how the run stood at its ends."""
        before, self.merit = self.merit, now
        slower = max(self.factor / 2, 1.0)
        self.paid = now is None or pays(now, self.best)
        if self.straightness < CIRCLES:
            self.factor = slower
        elif self.straightness > STRAIGHT:
            if before is not None and now is not None and leads_off(before, now):
                self.most = self.factor = slower
            elif self.paid:
                self.factor = min(2 * self.factor, self.most)
        if now is not None:
            self.best = min(self.best[0], now[0]), min(self.best[1], now[1])

    def _longest(self, point: Tensor) -> float:
        if self._adaptive:
            return float(self.way * max(1, point.numel()) ** 0.5)
        return float((point - self.half).norm() + (self.half - self.before).norm())

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {name: getattr(self, name) for name in KEPT}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        for name in KEPT:
            held = state[name]
            setattr(self, name, held.to(self.before) if isinstance(held, Tensor) else held)

"""A learning rate that nobody gave follows the path: too small a one shows in how straight it is.

Adam moves an entry by at most its rate a step. Over a window of w steps what moves goes

    straightness = |x - x_before| / (sum of rates x sqrt(entries))        in [0, 1]

1 where every step went the same way (the solution is far, at this rate), about 1 / sqrt(w) where
gradients are noise, 0 where it circles. Measured: linear regression with weights far away 0.5 to
1.0 for thousands of steps at rate 1e-3, networks below 0.2 after the first hundred. So the rate of
a group doubles after a window that was straight, and halves back after one that circled.

Plain gradient steps have no such length. There the halves of a window tell,

    straightness = |x - x_before| / (|x - x_half| + |x_half - x_before|)

0.7 where gradients are noise, 1 on a straight way: it is looked at, and moves no rate.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

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


class Follower:
    """The factor of one group of parameters; where it does not act, it only looks."""

    def __init__(self, group: dict[str, Any], total_steps: int, acts: bool) -> None:
        self.group, self.acts = group, acts
        self.straightness = math.nan
        """Of the last window."""
        self.window = max(LEAST, total_steps // WINDOWS)
        self.factor = 1.0
        self._taken, self._way = 0, 0.0
        self._before = self._half = self._point()
        self._adaptive = "betas" in group

    @property
    def travels(self) -> bool:
        """Whether the last window was straight."""
        return self.straightness > (STRAIGHT if self._adaptive else STRAIGHT_HALVES)

    @torch.no_grad()
    def _point(self) -> Tensor:
        return torch.cat([p.detach().reshape(-1) for p in self.group["params"]])

    def step(self) -> float:
        """Note a step that was taken at the group's rate; the factor of the next one."""
        self._taken += 1
        self._way += float(self.group["lr"])
        if not self._adaptive and self._taken == self.window // 2:
            self._half = self._point()
        if self._taken < self.window:
            return self.factor
        point = self._point()
        moved = float((point - self._before).norm())
        self.straightness = moved / max(self._longest(point), 1e-300)
        if self.acts and self.straightness > STRAIGHT:
            self.factor = min(2 * self.factor, MOST)
        elif self.acts and self.straightness < CIRCLES:
            self.factor = max(self.factor / 2, 1.0)
        self._taken, self._way, self._before = 0, 0.0, point
        return self.factor

    def _longest(self, point: Tensor) -> float:
        if self._adaptive:
            return float(self._way * max(1, point.numel()) ** 0.5)
        return float((point - self._half).norm() + (self._half - self._before).norm())

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {
            "factor": self.factor,
            "straightness": self.straightness,
            "taken": self._taken,
            "way": self._way,
            "before": self._before,
            "half": self._half,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        self.factor, self._way = float(state["factor"]), float(state["way"])
        self._taken, self.straightness = int(state["taken"]), float(state["straightness"])
        self._before = state["before"].to(self._before)
        self._half = state["half"].to(self._before)

"""Learning-rate schedules: a factor on each group's own rate, a function of the step alone."""

import math
from typing import Any

import torch
from torch import Tensor

from cspec.dsl.settings.fit import Cosine, Exponential, Linear, StepDecay
from cspec.dsl.settings.fit import Schedule as ScheduleSettings
from cspec.runtime.session.optimizers import Optimizers
from cspec.runtime.session.straightness import Follower, Standing


def factor(settings: ScheduleSettings, step: int, total_steps: int, epoch_steps: int) -> float:
    """Share of the learning rate used by step number `step` (from 0).

    Warm-up: (step + 1) / warmup. Then, with t the share of the remaining run in [0, 1]:
    cosine final + (1 - final) (1 + cos(pi t)) / 2; linear 1 - (1 - final) t; exponential
    decay^epoch; step factor^(epoch // every), epochs counted from the start of the run.
    """
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    share = min(1.0, (step - settings.warmup) / max(1, total_steps - settings.warmup))
    epoch = step // max(1, epoch_steps)
    match settings:
        case Cosine(hold=hold):
            share = max(0.0, share - hold) / (1 - hold)
            return settings.final + (1 - settings.final) * (1 + math.cos(math.pi * share)) / 2
        case Linear():
            return 1 - (1 - settings.final) * share
        case Exponential():
            return settings.decay**epoch
        case StepDecay():
            return settings.factor ** (epoch // settings.every)
        case _:
            return 1.0


class RateSchedule:
    """Sets the learning rate of every group; `step()` after each optimizer step."""

    def __init__(
        self,
        settings: ScheduleSettings,
        optimizer: torch.optim.Optimizer | Optimizers,
        total_steps: int,
        epoch_steps: int,
    ) -> None:
        self.settings = settings
        self.optimizer = optimizer
        self.total_steps = total_steps
        self.epoch_steps = epoch_steps
        self.taken = 0
        self._rates = [float(group["lr"]) for group in optimizer.param_groups]
        self._followers = [
            Follower(group, total_steps, acts=settings.follow and "betas" in group)
            for group in optimizer.param_groups
        ]
        """One a group; those of Adam act."""
        self.times: float | None = None
        """What rehearsals multiplied the rates by; None where there were none."""
        self._rehearsed: tuple[float, int] | None = None
        self.standing = Standing(())
        """Of the window: what is minimized, and how much is violated."""
        self._apply()

    def rehearse(self, times: float, steps: int) -> None:
        """Rates so many times as large, which fall to 0 within so many steps; nothing follows."""
        self._rehearsed = (times, steps)
        self._apply()

    def take(self, times: float) -> None:
        """The end of rehearsals: from now on rates are so many times as large."""
        self._rehearsed, self.times = None, times
        self._rates = [times * rate for rate in self._rates]
        self._apply()

    def _apply(self) -> None:
        if self._rehearsed is not None:
            times, steps = self._rehearsed
            share = times * factor(Cosine(), self.taken, steps, self.epoch_steps)
            for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
                group["lr"] = rate * share
            return
        share = factor(self.settings, self.taken, self.total_steps, self.epoch_steps)
        groups = zip(self.optimizer.param_groups, self._rates, self._followers, strict=True)
        for group, rate, follower in groups:
            group["lr"] = rate * follower.factor * share

    def step(self) -> None:
        """Move on to the rate of the next step."""
        self.taken += 1
        if self._rehearsed is None:
            self._watch()
        self._apply()

    def look(self, step: int, f: Tensor, true: Tensor) -> None:
        """See what a step measured, and in a run whose rate stays how straight the path is.

        There nothing calls `step`.
        """
        if self.settings.follow:
            self.standing.add(f, true)
        if step > self.taken and self._rehearsed is None:
            self.taken = step
            self._watch()

    def _watch(self) -> None:
        for follower, group in zip(self._followers, self.optimizer.param_groups, strict=True):
            # A checkpoint that is loaded puts other dictionaries in the place of the groups.
            follower.group = group
            follower.step(self.standing.merit)
        if any(follower.begins for follower in self._followers):
            self.standing.clear()

    @property
    def fastest(self) -> float:
        """The largest rate that a group started with."""
        return max(self._rates, default=0.0)

    @property
    def travelling(self) -> float | None:
        """The first rate of a group whose path was straight lately; None where all had arrived."""
        both = zip(self._rates, self._followers, strict=True)
        rates = [rate for rate, follower in both if follower.travels]
        return min(rates, default=None)

    def last(self, steps: int) -> None:
        """Let the schedule last this many steps: also of a run that is resumed in their midst."""
        self.total_steps = steps
        self._apply()

    def restart(self) -> None:
        """Back to the rate of the first step."""
        self.taken = 0
        self._apply()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        followers = [follower.state_dict() for follower in self._followers]
        return {
            "taken": self.taken,
            "rates": self._rates,
            "times": self.times,
            "followers": followers,
            "standing": self.standing.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        self.taken = int(state["taken"])
        self._rates = [float(rate) for rate in state["rates"]]
        self.times, self._rehearsed = state.get("times"), None
        self.standing.load_state_dict(state["standing"])
        for follower, held in zip(self._followers, state["followers"], strict=True):
            follower.load_state_dict(held)
        self._apply()

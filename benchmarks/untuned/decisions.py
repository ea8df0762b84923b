"""Decision variables with data: stock, portfolios, prices, places, regressions by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor

from untuned.datasets import demand, linear_data, places, regression, returns
from untuned.programs import (
    absolute_regression,
    portfolio_cvar,
    risk_budget,
)
from untuned.task import Arrays, Columns, Half, Task, Variables, bce, mean

Objective = Callable[[Variables, Columns], Tensor]
Counts = Callable[[Variables, Columns], Mapping[str, Tensor]]
Optimum = Literal["slsqp", "projected"] | Callable[[Columns], float]


@cache
def two_demands(n: int = 400) -> Arrays:
    """Two demands that depend on each other."""
    draw = np.random.default_rng(6)
    common = draw.gamma(2.0, 5.0, size=n)
    return {"d": 30 + common + draw.gamma(2.0, 5.0, n), "e": 20 + common + draw.gamma(1.0, 5.0, n)}


def task(
    name: str,
    half: Half,
    data: Callable[[], Arrays],
    start: Mapping[str, Tensor | float],
    objective: Objective,
    counts: Counts,
    optimum: Optimum = "slsqp",
    equal: tuple[str, ...] = (),
    allowed: float = 1e-4,
) -> Task:
    """A task over decision variables; nothing in it needs another form to have a gradient."""
    return Task(
        name=name,
        family="decisions",
        half=half,
        data=data,
        start=partial(Variables, **start),
        objective=lambda m, d, soft: objective(cast(Variables, m), d),
        requirements=lambda m, d, soft: counts(cast(Variables, m), d),
        equal=frozenset(equal),
        allowed=allowed,
        optimum=optimum,
        variables=True,
    )


def tail(values: Tensor, level: float) -> Tensor:
    """Mean of the worst (1 - level): min over t of t + E[max(v - t, 0)]/(1 - level)."""
    ordered = values.sort(descending=True).values
    share = (1 - level) * len(values)
    weight = (share - torch.arange(len(values), dtype=values.dtype)).clamp(0, 1)
    return (ordered * weight).sum() / share


def gain(m: Variables, d: Columns) -> Tensor:
    """w @ x, (N,)."""
    return d["x"] @ m.w


def budget(m: Variables) -> dict[str, Tensor]:
    """sum(w) == 1, w >= 0."""
    return {"budget": m.w.sum() - 1, "long": -m.w}


def newsvendor_optimum(d: Columns) -> float:
    """The profit is piecewise linear in q: the best of its kinks and of the bound's."""
    values = d["d"].sort().values
    short = (values[None] - values[:, None]).clamp(min=0).mean(1)
    profit = (5 * torch.minimum(values[:, None], values[None]) - 3 * values[:, None]).mean(1)
    # The least q within the bound lies between two demands, where the profit is linear.
    after = int((short <= 3).nonzero()[0])
    share = (short[after - 1] - 3) / (short[after - 1] - short[after])
    edge = profit[after - 1] + share * (profit[after] - profit[after - 1])
    return -max(edge.item(), profit[after:].max().item())


def pinball_optimum(d: Columns) -> float:
    """The loss is convex: at its quantile, or where the spare stock meets its bound."""
    values = d["d"].sort().values
    apart = values[None] - values[:, None]
    loss = torch.maximum(0.9 * apart, -0.1 * apart).mean(1)
    spare = (-apart).clamp(min=0).mean(1)
    last = int((spare <= 10).nonzero()[-1])
    share = (10 - spare[last]) / (spare[last + 1] - spare[last])
    edge = loss[last] + share * (loss[last + 1] - loss[last])
    return min(edge.item(), loss[: last + 1].min().item())


def served_optimum(d: Columns) -> float:
    """The smallest demand that serves 90%."""
    values = d["d"].sort().values
    return values[int(np.ceil(0.9 * len(values) - 1e-9)) - 1].item()


def joint_optimum(d: Columns) -> float:
    """All pairs of demands as stocks."""
    first, second = d["d"].sort().values, d["e"].sort().values
    low = (d["d"][:, None] <= first).double()
    high = (d["e"][:, None] <= second).double()
    served = low.T @ high / len(first)
    cost = first[:, None] + 2 * second[None]
    return cost[served >= 0.9 - 1e-12].min().item()


def _square(m: Variables, d: Columns) -> Tensor:
    return mean((gain(m, d) - d["y"]).square())


def _moments(m: Variables, d: Columns) -> dict[str, Tensor]:
    moved = m.a * d["d"] / 50 + m.b
    return {"first": mean(moved) - 2, "second": mean(moved.square()) - 4.1}


def _logit(m: Variables, d: Columns) -> Tensor:
    return gain(m, d) + m.b


def _zeros(count: int) -> dict[str, Tensor | float]:
    return {"w": torch.zeros(count)}


EQUAL_PARTS: dict[str, Tensor | float] = {"w": torch.full((4,), 0.25)}
LINE = partial(regression, 300, 8)
TASKS = (
    task(
        "newsvendor",
        "development",
        demand,
        {"q": 40.0},
        lambda m, d: -mean(5 * torch.minimum(m.q, d["d"]) - 3 * m.q),
        lambda m, d: {"short": mean((d["d"] - m.q).relu()) - 3},
        newsvendor_optimum,
    ),
    task(
        "portfolio_variance",
        "held",
        returns,
        EQUAL_PARTS,
        lambda m, d: mean(gain(m, d).square()),
        lambda m, d: {"gain": 0.5 - mean(gain(m, d))} | budget(m),
        equal=("budget",),
    ),
    task(
        "portfolio_cvar",
        "development",
        returns,
        EQUAL_PARTS,
        lambda m, d: tail(-gain(m, d), 0.9),
        lambda m, d: {"gain": 0.5 - mean(gain(m, d))} | budget(m),
        portfolio_cvar,
        equal=("budget",),
    ),
    task(
        "served",
        "held",
        demand,
        {"q": 40.0},
        lambda m, d: m.q.sum(),
        lambda m, d: {"served": 0.9 - (d["d"] <= m.q).double().mean()},
        served_optimum,
        allowed=1e-9,
    ),
    task(
        "pinball",
        "held",
        demand,
        {"q": 40.0},
        lambda m, d: mean(torch.maximum(0.9 * (d["d"] - m.q), 0.1 * (m.q - d["d"]))),
        lambda m, d: {"spare": mean((m.q - d["d"]).relu()) - 10},
        pinball_optimum,
        allowed=1e-3,
    ),
    task(
        "simplex_regression",
        "development",
        LINE,
        {"w": torch.full((8,), 0.125)},
        _square,
        lambda m, d: {"total": m.w.sum() - 1, "long": -m.w},
        equal=("total",),
    ),
    task(
        "absolute_regression",
        "held",
        LINE,
        _zeros(8),
        lambda m, d: mean((gain(m, d) - d["y"]).abs()),
        lambda m, d: {"size": m.w.abs().sum() - 2},
        absolute_regression,
    ),
    task(
        "price",
        "development",
        demand,
        {"p": 10.0},
        lambda m, d: -mean(m.p * ((d["d"] - m.p) / 5).sigmoid()),
        lambda m, d: {"share": 0.9 - mean(((d["d"] - m.p) / 5).sigmoid())},
    ),
    task(
        "facility",
        "held",
        places,
        {"z": torch.zeros(2)},
        lambda m, d: mean((d["x"] - m.z).norm(dim=1)),
        lambda m, d: {"line": m.z.sum() - 2},
    ),
    task(
        "enclosing_circle",
        "development",
        places,
        {"z": torch.zeros(2), "r": 1.0},
        lambda m, d: m.r.sum(),
        lambda m, d: {"inside": (d["x"] - m.z).norm(dim=1) - m.r},
    ),
    task(
        "two_moments",
        "development",
        demand,
        {"a": 1.0, "b": 0.0},
        lambda m, d: torch.square(m.a - 1) + m.b.square(),
        _moments,
        equal=("first",),
    ),
    task(
        "logistic_variables",
        "held",
        linear_data,
        {"w": torch.zeros(4), "b": 0.0},
        lambda m, d: mean(bce(_logit(m, d), d["c"])),
        lambda m, d: {
            "size": m.w.square().sum() - 1,
            "level": mean(_logit(m, d).sigmoid()) - 0.5,
        },
        equal=("level",),
    ),
    task(
        "joint_service",
        "development",
        two_demands,
        {"q": torch.full((2,), 40.0)},
        lambda m, d: m.q[0] + 2 * m.q[1],
        lambda m, d: {"served": 0.9 - ((d["d"] <= m.q[0]) & (d["e"] <= m.q[1])).double().mean()},
        joint_optimum,
        allowed=1e-9,
    ),
    task(
        "risk_budget",
        "held",
        returns,
        EQUAL_PARTS,
        lambda m, d: -mean(gain(m, d)),
        lambda m, d: {"tail": tail(-gain(m, d), 0.9) - 2} | budget(m),
        risk_budget,
        equal=("budget",),
    ),
)

"""Smooth functions of data with known optimum: small linear and logistic models."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from untuned.datasets import linear_data
from untuned.task import Columns, Half, Task, bce, mean, output

Function = Callable[[Tensor, Columns], Tensor]
"""Of outputs (N,) and columns, a number."""


def linear() -> nn.Module:
    """An affine map of four features."""
    torch.manual_seed(0)
    return nn.Linear(4, 1)


def square(f: Tensor, d: Columns, where: Tensor | None = None) -> Tensor:
    """Mean squared error."""
    return mean((f - d["y"]).square(), where)


def logistic(f: Tensor, d: Columns, where: Tensor | None = None) -> Tensor:
    """Mean logistic loss of the class `c`."""
    return mean(bce(f, d["c"]), where)


def task(name: str, half: Half, objective: Function, *equal: str, **functions: Function) -> Task:
    """A task over the linear model; functions by label are at most 0."""
    return Task(
        name=name,
        family="smooth",
        half=half,
        data=linear_data,
        start=linear,
        objective=lambda m, d, soft: objective(output(m, d), d),
        requirements=lambda m, d, soft: {k: g(output(m, d), d) for k, g in functions.items()},
        equal=frozenset(equal),
        optimum="slsqp",
    )


def _worst(f: Tensor, d: Columns) -> Tensor:
    return torch.maximum(square(f, d, d["s"] == 0), square(f, d, d["s"] == 1))


def _difference(f: Tensor, d: Columns) -> Tensor:
    return mean(f, d["s"] == 0) - mean(f, d["s"] == 1)


def _weights(m: nn.Module, d: Columns, soft: bool) -> Tensor:
    return sum((p.square().sum() for p in m.parameters() if p.dim() > 1), torch.zeros(()))


def _smallest() -> Task:
    plain = task("smallest_weights", "development", square, close=lambda f, d: square(f, d) - 0.6)
    return Task(**{**plain.__dict__, "objective": _weights})


TASKS = (
    task("mean_cap", "development", square, cap=lambda f, d: mean(f) + 0.4),
    task("mean_equal", "held", square, "level", level=lambda f, d: mean(f) - 1),
    task("conditional_mean", "held", square, cap=lambda f, d: mean(f, d["s"] == 1) - 0.2),
    task(
        "group_loss",
        "development",
        lambda f, d: square(f, d, d["s"] == 0),
        other=lambda f, d: square(f, d, d["s"] == 1) - 0.32,
    ),
    task("worst_group", "development", _worst, cap=lambda f, d: mean(f) + 0.1),
    task(
        "recall_loss",
        "held",
        logistic,
        positives=lambda f, d: logistic(f, d, d["c"] == 1) - 0.3,
    ),
    task(
        "mean_chain",
        "development",
        square,
        **{"range.lo": lambda f, d: 1 - mean(f), "range.hi": lambda f, d: mean(f) - 1.5},
    ),
    task("maximize_mean", "held", lambda f, d: -mean(f), close=lambda f, d: square(f, d) - 0.6),
    _smallest(),
    task(
        "equal_and_cap",
        "development",
        square,
        "level",
        level=lambda f, d: mean(f, d["s"] == 1) - 0.2,
        power=lambda f, d: mean(f.square()) - 4,
    ),
    task("mean_gap", "held", square, gap=lambda f, d: _difference(f, d).abs() - 0.1),
    task(
        "loss_by_group",
        "development",
        logistic,
        **{
            "each[0]": lambda f, d: logistic(f, d, d["s"] == 0) - 0.394,
            "each[1]": lambda f, d: logistic(f, d, d["s"] == 1) - 0.394,
        },
    ),
    task(
        "inactive_cap",
        "held",
        square,
        power=lambda f, d: mean(f.square()) - 4,
        far=lambda f, d: mean(f) - 50,
    ),
    task(
        "residual_moment",
        "development",
        square,
        "moment",
        moment=lambda f, d: mean((f - d["y"]) * d["x"][:, 0], d["s"] == 1) - 0.5,
    ),
    task(
        "mean_probability",
        "held",
        logistic,
        "level",
        level=lambda f, d: mean(f.sigmoid()) - 0.4,
    ),
    task(
        "loss_ratio",
        "held",
        square,
        ratio=lambda f, d: square(f, d, d["s"] == 1) / square(f, d, d["s"] == 0) - 0.8,
    ),
)

"""Small networks on real data: class losses, groups, tails, sizes of weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from untuned import datasets
from untuned.decisions import tail
from untuned.models import convolutions, entropy, logistic, mlp, weights
from untuned.task import Arrays, Columns, Half, Task, bce, ce, chosen, mean, output, outputs

Counts = Callable[[nn.Module, Columns, bool], Mapping[str, Tensor]]


def square(m: nn.Module, d: Columns, soft: bool) -> Tensor:
    """Mean squared error."""
    return mean((output(m, d) - d["y"]).square())


def class_loss(m: nn.Module, d: Columns, label: int) -> Tensor:
    """E[ce | y == label]."""
    return mean(ce(outputs(m, d), d["y"]), d["y"] == label)


def group_loss(m: nn.Module, d: Columns, column: str, value: int) -> Tensor:
    """E[bce | column == value]."""
    return mean(bce(output(m, d), d["y"]), d[column] == value)


def size(m: nn.Module, bound: float) -> Tensor:
    """Sum of the squares of all weights, less the bound, relative to it."""
    return torch.stack([w.square().sum() for w in weights(m)]).sum() / bound - 1


def each_class(bound: float, count: int) -> Counts:
    """E[ce | y == k] <= bound for every class."""
    return lambda m, d, soft: {f"each[{k}]": class_loss(m, d, k) - bound for k in range(count)}


def task(
    name: str,
    half: Half,
    data: Callable[..., Arrays],
    start: Callable[[], nn.Module],
    objective: Callable[[nn.Module, Columns, bool], Tensor],
    counts: Counts,
    equal: tuple[str, ...] = (),
    tested: bool = False,
    allowed: float = 1e-4,
) -> Task:
    """A task judged by its objective, or (`tested`) by its errors on the data for testing."""
    return Task(
        name=name,
        family="networks",
        half=half,
        data=data,
        start=start,
        objective=objective,
        requirements=counts,
        equal=frozenset(equal),
        allowed=allowed,
        test=partial(data, train=False) if tested else None,
    )


def _no_bias(m: nn.Module, d: Columns, soft: bool) -> dict[str, Tensor]:
    residual = output(m, d) - d["y"]
    return {"first": mean(residual, d["s"] == 0), "second": mean(residual, d["s"] == 1)}


def _spectral(m: nn.Module, d: Columns, soft: bool) -> dict[str, Tensor]:
    norms = [torch.linalg.matrix_norm(w, 2) for w in weights(m)]
    return {"smooth": torch.stack(norms) - 1.5}


def _tail(m: nn.Module, d: Columns, soft: bool) -> dict[str, Tensor]:
    return {"tail": tail((output(m, d) - d["y"]).abs(), 0.9) - 1.2}


def _loss_gap(m: nn.Module, d: Columns, soft: bool) -> dict[str, Tensor]:
    return {"gap": (group_loss(m, d, "s", 0) - group_loss(m, d, "s", 1)).abs() - 0.01}


def _counts(m: nn.Module, d: Columns, soft: bool) -> dict[str, Tensor]:
    logits = outputs(m, d)
    found = {}
    for k in range(10):
        apart = mean(chosen(logits, k, soft)) - mean((d["y"] == k).to(logits.dtype))
        found[f"mix[{k}]"] = apart.abs() - 0.005
    return found


def _eights(m: nn.Module, d: Columns, soft: bool) -> dict[str, Tensor]:
    return {"eights": 0.99 - mean(chosen(outputs(m, d), 8, soft), d["y"] == 8)}


def images(train: bool = True) -> Arrays:
    """Digits as (1, 8, 8)."""
    found = datasets.digits(train)
    return {"x": found["x"].reshape(-1, 1, 8, 8), "y": found["y"]}


DIGITS, MLP = datasets.digits, mlp(64, 32, 10)
TASKS = (
    task(
        "diabetes_no_bias",
        "development",
        datasets.diabetes,
        mlp(10, 16, 1),
        square,
        _no_bias,
        equal=("first", "second"),
    ),
    task(
        "cancer_class_loss",
        "held",
        datasets.cancer,
        mlp(30, 16, 1),
        logistic,
        lambda m, d, soft: {"malignant": group_loss(m, d, "y", 0) - 0.02},
        tested=True,
    ),
    task(
        "wine_class_loss",
        "development",
        datasets.wine,
        mlp(13, 16, 3),
        entropy,
        each_class(0.02, 3),
        tested=True,
    ),
    task(
        "digits_weights",
        "held",
        DIGITS,
        MLP,
        entropy,
        lambda m, d, soft: {"size": size(m, 60.0)},
    ),
    task("digits_spectral", "development", DIGITS, MLP, entropy, _spectral),
    task("digits_class_loss", "development", DIGITS, MLP, entropy, each_class(0.03, 10), (), True),
    task("diabetes_tail", "held", datasets.diabetes, mlp(10, 16, 1), square, _tail),
    task(
        "mnist_weights",
        "development",
        datasets.mnist,
        mlp(196, 32, 10),
        entropy,
        lambda m, d, soft: {"size": size(m, 60.0)},
    ),
    task("digits_convolution", "held", images, convolutions, entropy, _eights, (), True, 1e-9),
    task("compas_loss_gap", "held", datasets.compas, mlp(6, 16, 1), logistic, _loss_gap),
    task(
        "adult_group_loss",
        "development",
        datasets.adult,
        mlp(6, 16, 1),
        lambda m, d, soft: group_loss(m, d, "s", 0),
        lambda m, d, soft: {"men": group_loss(m, d, "s", 1) - 0.45},
    ),
    task("digits_counts", "held", DIGITS, MLP, entropy, _counts, (), True, 1e-9),
)

"""Rates and groups: counts of predictions by class and by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from untuned import datasets
from untuned.models import entropy, linear, logistic, mlp
from untuned.task import Arrays, Columns, Half, Task, chosen, mean, output, outputs, over

Rates = Callable[[nn.Module, Columns, bool], Mapping[str, Tensor]]


def positive(m: nn.Module, d: Columns, soft: bool, where: Tensor | None = None) -> Tensor:
    """P[pred == 1 | where] of one logit."""
    return mean(over(output(m, d), 0.0, soft), where)


def precision(m: nn.Module, d: Columns, soft: bool) -> Tensor:
    """P[y == 1 | pred == 1]; 0 where nothing is predicted 1."""
    event = over(output(m, d), 0.0, soft)
    return (event * d["y"]).sum() / event.sum().clamp(min=1e-12)


def gap(m: nn.Module, d: Columns, soft: bool, label: int | None = None) -> Tensor:
    """Largest difference of P[pred == 1 | s, y == label] between the groups."""
    among = torch.ones_like(d["s"], dtype=torch.bool) if label is None else d["y"] == label
    first, second = (positive(m, d, soft, among & (d["s"] == g)) for g in (0, 1))
    return (first - second).abs()


def recall_of(label: int, floor: float) -> Callable[[nn.Module, Columns, bool], Tensor]:
    """floor - P[pred == label | y == label] of several logits."""
    return lambda m, d, soft: floor - mean(chosen(outputs(m, d), label, soft), d["y"] == label)


def task(
    name: str,
    half: Half,
    data: Callable[[], Arrays],
    start: Callable[[], nn.Module],
    rates: Rates,
    objective: Callable[[nn.Module, Columns, bool], Tensor] = logistic,
    test: Callable[[], Arrays] | None = None,
) -> Task:
    """A task whose requirements are compared exactly."""
    return Task(
        name=name,
        family="rates",
        half=half,
        data=data,
        start=start,
        objective=objective,
        requirements=rates,
        allowed=1e-9,
        test=test,
    )


def _digits_each(m: nn.Module, d: Columns, soft: bool) -> Mapping[str, Tensor]:
    return {f"each[{k}]": recall_of(k, 0.99)(m, d, soft) for k in range(10)}


def _recall_by_group(m: nn.Module, d: Columns, soft: bool) -> Mapping[str, Tensor]:
    groups = {g: (d["y"] == 1) & (d["s"] == g) for g in (0, 1)}
    return {f"recall[{g}]": 0.8 - positive(m, d, soft, where) for g, where in groups.items()}


def _four_fifths(m: nn.Module, d: Columns, soft: bool) -> Mapping[str, Tensor]:
    found = torch.stack([positive(m, d, soft, d["s"] == g) for g in (0, 1)])
    return {"ratio": 0.8 - found.min() / found.max().clamp(min=1e-12)}


GROUPS = datasets.groups_data
TASKS = (
    task(
        "recall",
        "development",
        GROUPS,
        linear(5),
        lambda m, d, soft: {"recall": 0.9 - positive(m, d, soft, d["y"] == 1)},
    ),
    task(
        "false_alarm",
        "held",
        GROUPS,
        linear(5),
        lambda m, d, soft: {"alarms": positive(m, d, soft, d["y"] == 0) - 0.03},
    ),
    task(
        "precision",
        "development",
        GROUPS,
        linear(5),
        lambda m, d, soft: {"precise": 0.9 - precision(m, d, soft)},
    ),
    task(
        "parity",
        "development",
        GROUPS,
        linear(5),
        lambda m, d, soft: {"parity": gap(m, d, soft) - 0.02},
    ),
    task(
        "equal_opportunity",
        "held",
        GROUPS,
        mlp(5, 16, 1),
        lambda m, d, soft: {"equal": gap(m, d, soft, 1) - 0.02},
    ),
    task(
        "equal_odds",
        "development",
        GROUPS,
        mlp(5, 16, 1),
        lambda m, d, soft: {
            "positives": gap(m, d, soft, 1) - 0.03,
            "negatives": gap(m, d, soft, 0) - 0.03,
        },
    ),
    task(
        "quota",
        "held",
        GROUPS,
        linear(5),
        lambda m, d, soft: {"quota": positive(m, d, soft) - 0.15},
    ),
    task(
        "digits_each_class",
        "development",
        datasets.digits,
        mlp(64, 32, 10),
        _digits_each,
        entropy,
        test=lambda: datasets.digits(train=False),
    ),
    task(
        "cancer_recall",
        "development",
        datasets.cancer,
        linear(30),
        lambda m, d, soft: {"recall": 0.99 - 1 + positive(m, d, soft, d["y"] == 0)},
        test=lambda: datasets.cancer(train=False),
    ),
    task(
        "adult_parity",
        "development",
        datasets.adult,
        mlp(6, 16, 1),
        lambda m, d, soft: {"parity": gap(m, d, soft) - 0.03},
    ),
    task(
        "compas_alarms",
        "held",
        datasets.compas,
        linear(6),
        lambda m, d, soft: {"alarms": gap(m, d, soft, 0) - 0.03},
    ),
    task(
        "iris_class",
        "held",
        datasets.iris,
        linear(4, 3),
        lambda m, d, soft: {"versicolor": recall_of(1, 0.98)(m, d, soft)},
        entropy,
    ),
    task(
        "mnist_recall",
        "held",
        datasets.mnist,
        mlp(196, 32, 10),
        lambda m, d, soft: {"eights": recall_of(8, 0.99)(m, d, soft)},
        entropy,
        test=lambda: datasets.mnist(train=False),
    ),
    task(
        "recall_at_precision",
        "held",
        GROUPS,
        linear(5),
        lambda m, d, soft: {"precise": 0.8 - precision(m, d, soft)},
        lambda m, d, soft: -positive(m, d, soft, d["y"] == 1),
    ),
    task("recall_by_group", "held", GROUPS, linear(5), _recall_by_group),
    task("four_fifths", "development", GROUPS, linear(5), _four_fifths),
)

"""Surrogates of another number of parts than the requirement, and stand-ins by name: steps by hand.

Every multiplier moves by the true value of its own part; the model follows the sum of the
multipliers times the surrogate's gradient.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from training.worlds import World, world

import cspec

STEPS = 6
RATE, DUAL = 0.1, 0.5
FIT = f"fit(optimizer=sgd(lr={RATE}), steps={STEPS}, batch_size=full, seed=0, precision=float64)"
LAGRANGIAN = f"using lagrangian(dual=sgd(lr={DUAL}))"
HEAD = "data train(x, y, g, w)\nmodel f\nminimize ce\n"


class Pull(NamedTuple):
    """One requirement by hand: its true parts, and what the model follows for each."""

    true: Callable[[Tensor, World], Tensor]
    """Logits -> entries, each <= 0."""
    seen: Callable[[Tensor, World], Tensor]
    """Logits -> the same entries as the step sees them, or one number for all of them."""


def by_hand(made: World, pulls: list[Pull]) -> tuple[list[Tensor], list[Tensor]]:
    """Parameters and multipliers after some steps: multipliers first, then the model."""
    model = copy.deepcopy(made.models["f"])
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    multipliers: list[Tensor] = [torch.zeros(1).double() for _ in pulls]
    for _ in range(STEPS):
        z = model(made.data["x"])
        loss = functional.cross_entropy(z, made.data["y"])
        for place, pull in enumerate(pulls):
            true = torch.atleast_1d(pull.true(z.detach(), made))
            multipliers[place] = torch.relu(multipliers[place] + DUAL * true)
            loss = loss + (multipliers[place] * pull.seen(z, made)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [p.detach() for p in model.parameters()], multipliers


def by_cspec(made: World, lines: str) -> tuple[list[Tensor], Tensor]:
    model: nn.Module = copy.deepcopy(made.models["f"])
    result = cspec.run(f"{HEAD}s.t. {lines}\n{LAGRANGIAN}\n{FIT}", f=model, train=dict(made.data))
    assert result.last is not None
    tensors = [result.last.tensors[f"f.{name}"] for name, _ in model.named_parameters()]
    return tensors, result.last.state["multipliers"]


def rate(z: Tensor, k: int) -> Tensor:
    return (z.argmax(1) == k).double().mean()


def by_group(values: Tensor, made: World) -> Tensor:
    return torch.stack([values[made.data["g"] == k].mean() for k in range(3)])


def pairs(values: Tensor) -> Tensor:
    return torch.stack([values[i] - values[j] for i in range(3) for j in range(3) if i != j])


def gaps(z: Tensor, made: World) -> Tensor:
    return pairs(by_group((z.argmax(1) == 1).double(), made)) - 0.05


SMOOTH = Pull(
    lambda z, w: functional.cross_entropy(z[w.data["g"] == 1], w.data["y"][w.data["g"] == 1]) - 0.2,
    lambda z, w: functional.cross_entropy(z[w.data["g"] == 1], w.data["y"][w.data["g"] == 1]) - 0.2,
)

ABS = Pull(lambda z, w: rate(z, 1) - 0.1, lambda z, w: z[:, 1].mean().abs() - 0.1)
LENT = Pull(gaps, lambda z, w: functional.softmax(z, 1)[:, 1].mean())
BOTH_SIDES = Pull(
    lambda z, w: torch.stack([rate(z, 1) - 0.1, -rate(z, 1) - 0.1]),
    lambda z, w: torch.stack([z[:, 1].mean() - 0.1, -z[:, 1].mean() - 0.1]),
)
OTHER_GROUPS = Pull(
    gaps,
    lambda z, w: (
        torch.stack([functional.softmax(z, 1)[w.data["w"] > c, 1].mean() for c in (0.5, 0.8)]).max()
        - 0.05
    ),
)


@pytest.mark.parametrize(
    ("line", "pull"),
    [
        ("P[pred == 1] <= 0.1 with surrogate abs(E[f(x)[1]])", ABS),
        ("gap(P[pred == 1 | g]) <= 0.05 with surrogate E[prob[1]]", LENT),
        ("abs(P[pred == 1]) <= 0.1 with surrogate abs(E[f(x)[1]])", BOTH_SIDES),
        (
            "gap(P[pred == 1 | g]) <= 0.05 "
            "with surrogate max(E[prob[1] | w > 0.5], E[prob[1] | w > 0.8])",
            OTHER_GROUPS,
        ),
    ],
)
@pytest.mark.parametrize("beside", [False, True])
def test_multipliers_weigh_the_surrogate_whatever_its_parts(
    line: str, pull: Pull, beside: bool
) -> None:
    made = world(3, 3)
    lines = f"a: {line}" + ("\n     b: E[ce | g == 1] <= 0.2" if beside else "")
    found, multipliers = by_cspec(made, lines)
    wanted, prices = by_hand(made, [pull, SMOOTH] if beside else [pull])
    assert torch.allclose(multipliers, torch.cat(prices), rtol=0, atol=1e-12)
    for mine, hand in zip(found, wanted, strict=True):
        assert torch.allclose(mine, hand, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "method",
    [
        "exact_penalty(coefficient=2)",
        "quadratic_penalty(coefficient=2)",
        "augmented_lagrangian(every=step)",
        "proxy_lagrangian",
        "sal",
    ],
)
@pytest.mark.parametrize(
    "line",
    [
        "gap(P[pred == 1 | g]) <= 0.01 with surrogate E[prob[1]]",
        "P[pred == 1] <= 0.01 with surrogate abs(E[f(x)[1]])",
        "max(P[pred == 1 | g]) <= 0.01 with surrogate cvar(f(x)[1], 50%)",
    ],
)
def test_every_method_follows_such_a_surrogate(method: str, line: str) -> None:
    made = world(3, 3)
    text = f"a: {line} by {method}\n     b: E[ce | g == 1] <= 0.2 by lagrangian"
    bound, _ = by_cspec(made, text)
    free, _ = by_cspec(made, "b: E[ce | g == 1] <= 0.2 by lagrangian")
    assert max(float((a - b).abs().max()) for a, b in zip(bound, free, strict=True)) > 1e-6


# --- stand-ins by name ---------------------------------------------------------------------------


def margin(z: Tensor, k: Tensor | int) -> Tensor:
    """z[k] minus the largest other output, example by example."""
    labels = torch.full((len(z),), k) if isinstance(k, int) else k
    rows = []
    for row, label in zip(z, labels.tolist(), strict=True):
        others = [row[j] for j in range(len(row)) if j != label]
        rows.append(row[label] - torch.stack(others).max())
    return torch.stack(rows)


def upper(m: Tensor) -> Tensor:
    return torch.clamp(1 + m, min=0)


def lower(m: Tensor) -> Tensor:
    return 1 - torch.clamp(1 - m, min=0)


@pytest.mark.parametrize(
    ("line", "pull"),
    [
        (
            "P[pred == y] >= 0.95 with surrogate hinge",
            Pull(
                lambda z, w: 0.95 - (z.argmax(1) == w.data["y"]).double().mean(),
                lambda z, w: 0.95 - lower(margin(z, w.data["y"])).mean(),
            ),
        ),
        (
            "P[pred != y] <= 0.05 with surrogate hinge",
            Pull(
                lambda z, w: (z.argmax(1) != w.data["y"]).double().mean() - 0.05,
                lambda z, w: (1 - lower(margin(z, w.data["y"]))).mean() - 0.05,
            ),
        ),
        (
            "P[pred == 1] <= 0.05 with surrogate hinge",
            Pull(lambda z, w: rate(z, 1) - 0.05, lambda z, w: upper(margin(z, 1)).mean() - 0.05),
        ),
        (
            "gap(P[pred == 1 | g]) <= 0.05 with surrogate hinge",
            Pull(
                gaps,
                lambda z, w: torch.stack(
                    [
                        by_group(upper(margin(z, 1)), w)[i] - by_group(lower(margin(z, 1)), w)[j]
                        for i in range(3)
                        for j in range(3)
                        if i != j
                    ]
                ),
            ),
        ),
        (
            "P[f(x)[0] > 0 and y == 1] <= 0.05 with surrogate ramp(width=2)",
            Pull(
                lambda z, w: ((z[:, 0] > 0) & (w.data["y"] == 1)).double().mean() - 0.05,
                lambda z, w: ((0.5 + z[:, 0] / 2).clamp(0, 1) * (w.data["y"] == 1)).mean() - 0.05,
            ),
        ),
        (
            "P[f(x)[0] > 0] <= 0.05 with surrogate dl2",
            Pull(
                lambda z, w: (z[:, 0] > 0).double().mean() - 0.05,
                lambda z, w: z[:, 0].clamp(min=0).mean() - 0.05,
            ),
        ),
        (
            "P[pred == 1] <= 0.05 with surrogate sigmoid(temperature=0.5)",
            Pull(
                lambda z, w: rate(z, 1) - 0.05,
                lambda z, w: functional.softmax(z / 0.5, 1)[:, 1].mean() - 0.05,
            ),
        ),
    ],
)
def test_stand_ins_by_name(line: str, pull: Pull) -> None:
    made = world(4, 3)
    found, multipliers = by_cspec(made, f"a: {line}")
    wanted, prices = by_hand(made, [pull])
    assert torch.allclose(multipliers, torch.cat(prices), rtol=0, atol=1e-12)
    for mine, hand in zip(found, wanted, strict=True):
        assert torch.allclose(mine, hand, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (
            "abs(P[pred == 1] - 0.2) <= 0.01",
            lambda z, w: torch.maximum(
                upper(margin(z, 1)).mean() - 0.2, 0.2 - lower(margin(z, 1)).mean()
            ),
        ),
        (
            "gap(P[pred == 1 | g]) <= 0.01",
            lambda z, w: (
                by_group(upper(margin(z, 1)), w).max() - by_group(lower(margin(z, 1)), w).min()
            ),
        ),
    ],
)
def test_a_fixed_penalty_sees_each_side_of_the_whole_violation(
    line: str, seen: Callable[[Tensor, World], Tensor]
) -> None:
    """Not its canonical parts: `abs` and `gap` as written, of the hinge that each side has."""
    made = world(4, 3)
    model = copy.deepcopy(made.models["f"])
    z = model(made.data["x"])
    loss = functional.cross_entropy(z, made.data["y"]) + 2 * torch.relu(seen(z, made) - 0.01)
    loss.backward()
    result = cspec.run(
        f"{HEAD}s.t. a: {line} with surrogate hinge by exact_penalty(coefficient=2)\n"
        + FIT.replace(f"steps={STEPS}", "steps=1"),
        f=copy.deepcopy(made.models["f"]),
        train=dict(made.data),
    )
    assert result.last is not None
    for name, p in model.named_parameters():
        assert p.grad is not None
        wanted = p.detach() - RATE * p.grad
        assert torch.allclose(result.last.tensors[f"f.{name}"], wanted, rtol=0, atol=1e-12)


def test_a_hinge_below_pulls_where_one_above_is_flat() -> None:
    """One logit far on the wrong side: the upper hinge has no gradient there."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 1, generator=generator, dtype=torch.float64)
    y = (x[:, 0] > 0).long()
    model = nn.Linear(1, 1).double()
    with torch.no_grad():
        model.weight.fill_(1.0)
        model.bias.fill_(-5.0)
    result = cspec.run(
        "data train(x, y)\nmodel f\nsatisfy\ns.t. a: P[pred == y] >= 0.95 with surrogate hinge\n"
        "using lagrangian(dual=sgd(lr=0.5))\nfit(optimizer=sgd(lr=0.1), steps=300, "
        "batch_size=full, seed=0, precision=float64)",
        f=model,
        train={"x": x, "y": y},
    )
    assert result.last is not None and result.last.values["a"] == pytest.approx(58 / 60)


def test_no_multiplier_moves_by_a_group_that_a_batch_lacks() -> None:
    made = world(5, 3)
    some = {name: column[made.data["g"] != 2] for name, column in made.data.items()}
    lacking = World(made.classes, made.outputs, made.models, some)
    lines = "a: max(P[y == 1 | g, pred == 1]) <= 0.01"
    found, multipliers = by_cspec(lacking, lines)
    assert all(p.isfinite().all() for p in found) and multipliers.isfinite().all()

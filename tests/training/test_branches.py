"""Kinks around rates: the step follows the branch that is true; by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import cspec

RATE = 0.05
X = torch.tensor([[-3.0], [0.1], [0.1], [0.1], [1.0], [1.0], [-0.1], [-0.1]], dtype=torch.float64)
G = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
HEAD = "data train(x, y, g)\nmodel f\nminimize bce(f(x), y)\n"
FIT = f"fit(optimizer=sgd(lr={RATE}), steps=3, batch_size=full, seed=0, precision=float64)"

# Group 0 is predicted 1 at 75% and group 1 at 50%; by their sigmoids group 1 lies higher.
SOFT = "E[prob | g == {}]"
TRUE = "P[pred == 1 | g == {}]"
WRITTEN = [
    "abs(A - B) <= 5% {}",
    "gap(P[pred == 1 | g]) <= 5% {}",
    "abs(A - B) + relu(A - 90%) <= 5% {}",
    "max(A, B) - min(A, B) <= 5% {}",
    "2*abs(B - A) <= 5% {}",
    "5% >= max(A - B, B - A) {}",
]


def data() -> dict[str, Tensor]:
    return {"x": X, "y": torch.tensor([0, 1, 0, 1, 0, 1, 0, 1]), "g": G}


def model() -> nn.Linear:
    made = nn.Linear(1, 1).double()
    with torch.no_grad():
        made.weight.fill_(1.0)
        made.bias.zero_()
    return made


def written(line: str) -> str:
    return line.replace("A", TRUE.format(0)).replace("B", TRUE.format(1))


def delivered(lines: str) -> list[Tensor]:
    result = cspec.run(f"{HEAD}s.t. c: {lines}\n{FIT}", f=model(), train=data())
    assert result.last is not None
    return [result.last.tensors[f"f.{name}"] for name, _ in model().named_parameters()]


def by_hand(weigh: Callable[[Tensor, Tensor], Tensor]) -> list[Tensor]:
    """Three steps; `weigh` is given the rates and the sigmoids' means of the groups."""
    made, columns = model(), data()
    for _ in range(3):
        z = made(X)[:, 0]
        true = torch.stack([(z > 0)[k == G].double().mean() for k in range(2)])
        soft = torch.stack([z.sigmoid()[k == G].mean() for k in range(2)])
        loss = functional.binary_cross_entropy_with_logits(z, columns["y"].double())
        made.zero_grad()
        (loss + weigh(true, soft)).backward()
        with torch.no_grad():
            for parameter in made.parameters():
                assert parameter.grad is not None
                parameter -= RATE * parameter.grad
    return [p.detach() for p in made.parameters()]


def apart(true: Tensor, soft: Tensor) -> Tensor:
    """soft |A - B| as it truly lies."""
    sign = torch.sign(true[0] - true[1])
    difference = soft[0] - soft[1]
    return difference.abs() if sign == 0 else sign * difference


def assert_equal(one: list[Tensor], other: list[Tensor]) -> None:
    for left, right in zip(one, other, strict=True):
        torch.testing.assert_close(left, right, rtol=0, atol=1e-12)


def test_the_surrogates_are_ordered_the_other_way_round() -> None:
    z = X[:, 0]
    assert (z > 0)[G == 0].double().mean() > (z > 0)[G == 1].double().mean()
    assert z.sigmoid()[G == 0].mean() < z.sigmoid()[G == 1].mean()


@pytest.mark.parametrize("line", WRITTEN)
def test_penalties_follow_the_side_that_is_truly_larger(line: str) -> None:
    found = delivered(written(line.format("by exact_penalty(coefficient=2)")))
    factor = 4 if line.startswith("2*") else 2
    assert_equal(found, by_hand(lambda true, soft: factor * apart(true, soft)))


@pytest.mark.parametrize("line", WRITTEN)
def test_so_do_preferences(line: str) -> None:
    found = delivered(written(line.format("soft(weight=2)")))
    factor = 4 if line.startswith("2*") else 2
    assert_equal(found, by_hand(lambda true, soft: factor * apart(true, soft)))


def test_multipliers_of_what_is_not_split_do() -> None:
    line = written("abs(A - B) + relu(A - 90%) <= 5% by lagrangian(dual=sgd(lr=1))")
    multiplier = 0.0

    def weigh(true: Tensor, soft: Tensor) -> Tensor:
        nonlocal multiplier
        violation = float((true[0] - true[1]).abs()) - 0.05
        multiplier = max(multiplier + violation, 0.0)
        return multiplier * apart(true, soft)

    assert_equal(delivered(line), by_hand(weigh))


def test_equalities_do() -> None:
    line = written("abs(A - B) == 5% by lagrangian(dual=sgd(lr=1))")
    multiplier = 0.0

    def weigh(true: Tensor, soft: Tensor) -> Tensor:
        nonlocal multiplier
        multiplier += float((true[0] - true[1]).abs()) - 0.05
        return multiplier * apart(true, soft)

    assert_equal(delivered(line), by_hand(weigh))


def test_a_surrogate_of_ones_own_with_the_same_kinks_is_followed_likewise() -> None:
    line = written("abs(A - B) <= 5% by exact_penalty(coefficient=2)")
    typed = f"{line} with surrogate abs({SOFT.format(0)} - {SOFT.format(1)})"
    assert_equal(delivered(line), delivered(typed))


def test_one_with_other_kinks_follows_itself() -> None:
    line = f"{TRUE.format(0)} <= 5% by exact_penalty(coefficient=2)"
    found = delivered(f"{line} with surrogate abs({SOFT.format(0)} - {SOFT.format(1)})")
    assert_equal(found, by_hand(lambda true, soft: 2 * (soft[0] - soft[1]).abs()))


def test_an_objective_narrows_the_true_gap() -> None:
    spec = "data train(x, y, g)\nmodel f\nminimize bce(f(x), y) + 2*gap(P[pred == 1 | g])\n" + FIT
    result = cspec.run(spec, f=model(), train=data())
    assert result.last is not None
    found = [result.last.tensors[f"f.{name}"] for name, _ in model().named_parameters()]
    assert_equal(found, by_hand(lambda true, soft: 2 * apart(true, soft)))


def test_multipliers_that_move_by_the_surrogate_leave_its_branches_alone() -> None:
    line = written(
        "abs(A - B) + relu(A - 90%) <= 1% by lagrangian(dual=sgd(lr=1), dual_on=surrogate)"
    )
    multiplier = 0.0

    def weigh(true: Tensor, soft: Tensor) -> Tensor:
        nonlocal multiplier
        seen = (soft[0] - soft[1]).abs()
        multiplier = max(multiplier + float(seen.detach()) - 0.01, 0.0)
        return multiplier * seen

    assert_equal(delivered(line), by_hand(weigh))


def test_a_loop_of_ones_own_takes_the_same_steps() -> None:
    made = model()
    optimizer = torch.optim.SGD(made.parameters(), lr=RATE)
    spec = HEAD + "s.t. c: gap(P[pred == 1 | g]) <= 5% by exact_penalty(coefficient=2)"
    handle = cspec.bind(spec, f=made, optimizer=optimizer, groups={"g": [0, 1]})
    for _ in range(3):
        handle.step(**copy.deepcopy(data()))
    found = [p.detach() for p in made.parameters()]
    assert_equal(found, by_hand(lambda true, soft: 2 * apart(true, soft)))

"""`cost[y]`, `cost[y, pred]`: entries of a tensor that labels choose, against plain loops."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import cspec
from cspec.dsl.messages.diagnostic import SpecError

FIT = "fit(optimizer=sgd(lr=1e-9), steps=1, batch_size=full)\n"
N = 12
MATRIX = [[0.0, 1.0, 2.0], [3.0, 0.0, 1.0], [5.0, 4.0, 0.0]]
COST = [1.0, 2.0, 4.0]
PARAMS = "param matrix[3, 3]\nparam cost[3]\n"


def classified(text: str) -> tuple[cspec.Result, list[int], list[int]]:
    """The run, and of each example its label and its predicted class."""
    torch.manual_seed(0)
    x, y, f = torch.randn(N, 3), torch.randint(0, 3, (N,)), nn.Linear(3, 3)
    used = [line for line in PARAMS.splitlines() if line.split("[")[0].split()[1] in text]
    params = {k: v for k, v in {"matrix": MATRIX, "cost": COST}.items() if k in text}
    head = "\n".join(["data d(x, y)", "model f", *used, "minimize ce"])
    made = cspec.run(f"{head}\n{text}\n{FIT}", d={"x": x, "y": y}, f=f, **params)
    return made, y.tolist(), f(x).argmax(1).tolist()


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("matrix[y, pred]", lambda y, p: MATRIX[y][p]),
        ("matrix[pred, y]", lambda y, p: MATRIX[p][y]),
        ("matrix[y][pred]", lambda y, p: MATRIX[y][p]),
        ("matrix[1, y]", lambda y, p: MATRIX[1][y]),
        ("matrix[y, 1]", lambda y, p: MATRIX[y][1]),
        ("cost[pred]", lambda y, p: COST[p]),
        ("cost[y]", lambda y, p: COST[y]),
        ("cost[y] * (pred != y)", lambda y, p: COST[y] * (p != y)),
    ],
)
def test_labels_choose_an_entry_for_each_example(text: str, entry: Any) -> None:
    made, y, predicted = classified(f"metric m = E[{text}]")

    wanted = sum(entry(a, b) for a, b in zip(y, predicted, strict=True)) / N
    assert made.metrics["m"] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    "labels",
    [
        torch.tensor([0, 1, 1] * 4),
        torch.tensor([0.0, 1.0, 1.0] * 4),
        torch.tensor([False, True, True] * 4),
        torch.tensor([-1, 1, 1] * 4),
        torch.tensor([-1.0, 1.0, 1.0] * 4),
        ["no", "yes", "yes"] * 4,
    ],
)
def test_labels_of_two_classes_are_places_0_and_1(labels: Any) -> None:
    text = "data d(x, y, z)\nmodel f\nparam cost[2]\nminimize mse\nmetric m = E[cost[z]]\n"
    data = {"x": torch.randn(N, 3), "y": torch.randn(N), "z": labels}

    made = cspec.run(text + FIT, d=data, f=nn.Linear(3, 1), cost=[3.0, 6.0])

    assert made.metrics["m"] == pytest.approx(5.0)


@pytest.mark.parametrize("index", ["z[0]", "z[1] + 1", "2 - z[0]", "2*z[1]"])
def test_whole_numbers_made_of_columns_are_places(index: str) -> None:
    z = torch.randint(0, 2, (N, 2), generator=torch.Generator().manual_seed(0))
    text = f"data d(x, y, z)\nmodel f\nparam cost[3]\nminimize mse\nmetric m = E[cost[{index}]]\n"
    data = {"x": torch.randn(N, 3), "y": torch.randn(N), "z": z}

    made = cspec.run(text + FIT, d=data, f=nn.Linear(3, 1), cost=COST)

    forms = {"z[0]": lambda a, b: a, "z[1] + 1": lambda a, b: b + 1, "2 - z[0]": lambda a, b: 2 - a}
    places = [forms.get(index, lambda a, b: 2 * b)(*row) for row in z.tolist()]
    assert made.metrics["m"] == pytest.approx(sum(COST[place] for place in places) / N)


def test_real_labels_weigh_a_loss_and_a_requirement() -> None:
    torch.manual_seed(0)
    x, y, f = torch.randn(N, 3), torch.tensor([0.0, 1.0, 1.0] * 4), nn.Linear(3, 1)
    text = "minimize E[cost[y] * bce(f(x), y)]\ns.t. a: E[cost[y] * prob] <= 9"

    made = cspec.run(
        f"data d(x, y)\nmodel f\nparam cost[2]\n{text}\n{FIT}",
        d={"x": x, "y": y},
        f=f,
        cost=[3.0, 6.0],
    )

    prob = torch.sigmoid(f(x)[:, 0]).tolist()
    wanted = sum((6.0 if label else 3.0) * p for label, p in zip(y, prob, strict=True)) / N
    assert made.constraints[0].value == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        (torch.tensor([0, 1, 5] * 4), "CS210"),
        (torch.tensor([-2, 0, 1] * 4), "CS210"),
        (torch.rand(N), "CS333"),
    ],
)
def test_what_is_no_place_is_said_before_the_run(labels: Any, code: str) -> None:
    text = "data d(x, y, z)\nmodel f\nparam cost[3]\nminimize mse\nmetric m = E[cost[z]]\n"
    data = {"x": torch.randn(N, 3), "y": torch.randn(N), "z": labels}

    with pytest.raises(SpecError) as raised:
        cspec.run(text + FIT, d=data, f=nn.Linear(3, 1), cost=COST)

    assert raised.value.diagnostics[0].code == code


def test_a_requirement_on_the_cost_of_what_is_predicted_is_told_its_form() -> None:
    with pytest.raises(SpecError, match="no gradient") as raised:
        classified("s.t. a: E[cost[pred]] <= 1")
    made, _, predicted = classified("s.t. a: E[sum(cost[k] * (pred == k) for k in range(3))] <= 9")

    assert "sum(c[k] * (pred == k) for k in range(3))" in raised.value.diagnostics[0].helps[0]
    wanted = sum(COST[p] for p in predicted) / N
    assert made.constraints[0].value == pytest.approx(wanted, abs=1e-6)


def test_labels_of_tokens_choose_an_entry_for_each_token() -> None:
    torch.manual_seed(0)
    words = torch.randint(0, 3, (N, 4))
    tagger = nn.Sequential(nn.Embedding(3, 4), nn.Linear(4, 3))
    text = "data d(x, y)\nmodel f\nparam cost[3]\nminimize E[cost[y] * ce(f(x), y)]\n"

    made = cspec.run(
        f"{text}metric m = E[cost[y] * (pred != y)]\n{FIT}",
        d={"x": words, "y": words},
        f=tagger,
        cost=COST,
    )

    pairs = zip(words.flatten().tolist(), tagger(words).argmax(-1).flatten().tolist(), strict=True)
    each = [COST[label] * (label != predicted) for label, predicted in pairs]
    assert made.metrics["m"] == pytest.approx(sum(each) / len(each))

"""Which column's classes a model predicts, where the model stands in no loss."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cspec
from cspec import SpecError

HEAD = "data train(x, y, rater, sex)\nmodel f\nmodel g\n"
STILL = "\nfit(optimizer=sgd(lr=1e-30), steps=1, batch_size=full, precision=float64)\n"
ANIMALS, OTHERS = ["cat", "dog", "owl"], ["dog", "emu", "owl"]


class Animals:
    """Labels of two raters whose words are not the same, a group, and two models."""

    def __init__(self) -> None:
        draw = np.random.default_rng(0)
        torch.manual_seed(0)
        self.data: dict[str, Any] = {
            "x": draw.normal(size=(60, 2)),
            "y": draw.choice(ANIMALS, 60),
            "rater": draw.choice(OTHERS, 60),
            "sex": draw.choice(["F", "M", "X"], 60),
        }
        self.models = {name: nn.Linear(2, 3).double() for name in "fg"}

    def predicted(self, model: str, words: list[str]) -> Any:
        with torch.no_grad():
            codes = self.models[model](torch.as_tensor(self.data["x"])).argmax(1)
        return np.array(words)[codes.numpy()]

    def metrics(self, text: str) -> dict[str, float]:
        return cspec.run(f"{HEAD}{text}{STILL}", train=self.data, **self.models).metrics


@pytest.fixture
def animals() -> Animals:
    return Animals()


@pytest.mark.parametrize("order", [("y", "rater"), ("rater", "y")])
def test_it_predicts_what_the_losses_are_about(animals: Animals, order: tuple[str, ...]) -> None:
    lines = [f"metric {column}_ = P[pred(g(x)) == {column}]" for column in order]
    found = animals.metrics("\n".join(["minimize ce(f(x), y)", *lines]))
    words = animals.predicted("g", ANIMALS)
    for column in order:
        assert found[f"{column}_"] == pytest.approx((words == animals.data[column]).mean())


def test_it_predicts_what_the_model_beside_it_does(animals: Animals) -> None:
    found = animals.metrics(
        "minimize ce(f(x), y)\nmetric churn = P[pred(f(x)) != pred(g(x))]\n"
        'metric agreed = P[pred(g(x)) == rater]\nmetric owls = P[pred(g(x)) == "owl"]'
    )
    f, g = animals.predicted("f", ANIMALS), animals.predicted("g", ANIMALS)
    wanted = {
        "churn": (f != g).mean(),
        "agreed": (g == animals.data["rater"]).mean(),
        "owls": (g == "owl").mean(),
    }
    assert found == pytest.approx(wanted)


def test_a_column_of_other_words_is_what_it_predicts(animals: Animals) -> None:
    found = animals.metrics("minimize ce(f(x), y)\nmetric m = P[pred(g(x)) == sex]")
    words = animals.predicted("g", ["F", "M", "X"])
    assert found["m"] == pytest.approx((words == animals.data["sex"]).mean())


def test_a_copy_predicts_what_the_model_does(animals: Animals) -> None:
    found = animals.metrics(
        "model old = frozen(g)\nminimize ce(f(x), y) + ce(g(x), rater)\n"
        "metric m = P[pred(old(x)) == y]"
    )
    words = animals.predicted("g", OTHERS)
    assert found["m"] == pytest.approx((words == animals.data["y"]).mean())


def test_words_of_which_some_are_shared_are_asked_about(animals: Animals) -> None:
    line = "metric m = P[pred(g(x)) == rater]"
    with pytest.raises(SpecError) as caught:
        animals.metrics(f"minimize ce(f(x), y)\n{line}")
    (found,) = caught.value.diagnostics
    assert (found.code, len(found.helps)) == ("CS332", 2)
    for column, words in (("y", ANIMALS), ("rater", OTHERS)):
        text = f"minimize ce(f(x), y)\n{line}\nmetric loss_of_g = E[ce(g(x), {column})]"
        agreed = animals.predicted("g", words) == animals.data["rater"]
        assert animals.metrics(text)["m"] == pytest.approx(agreed.mean())


@pytest.mark.parametrize("word", ANIMALS)
def test_the_step_sees_labels_of_another_column_by_their_words(animals: Animals, word: str) -> None:
    """`pred == rater or pred == word`: the word's probability, and the label's if it is another."""
    text = (
        f'minimize ce(f(x), y)\ns.t. c: P[pred(f(x)) == rater or pred(f(x)) == "{word}"] <= 0\n'
        "using penalty(coefficient=1)\n"
        "fit(optimizer=sgd(lr=1), steps=1, batch_size=full, precision=float64)\n"
    )
    model = animals.models["f"]
    before, bias = model.weight.detach().clone(), model.bias.detach().clone()
    result = cspec.run(HEAD.replace("model g\n", "") + text, train=animals.data, f=model)
    place = {name: code for code, name in enumerate(ANIMALS)}
    weight = before.clone().requires_grad_()
    logits = torch.as_tensor(animals.data["x"]) @ weight.T + bias
    total = torch.zeros((), dtype=torch.float64)
    for row, y, rater in zip(logits, animals.data["y"], animals.data["rater"], strict=True):
        chances = row.softmax(0)
        loss = -row.log_softmax(0)[place[y]]
        other = chances[place[rater]] if rater in place and rater != word else 0.0
        total = total + loss + chances[place[word]] + other
    (slope,) = torch.autograd.grad(total / len(logits), weight)
    assert result.last is not None
    assert torch.allclose(result.last.tensors["f.weight"], before - slope, atol=1e-12)


def test_a_column_in_a_sum_with_a_loss_is_no_target(animals: Animals) -> None:
    animals.data["rater"] = animals.data["x"][:, 0] > 0
    found = animals.metrics(
        "minimize E[rater + where(x[1] > 0, ce(f(x), y), 1)] + E[rater - 2*prob(g(x))[0]]\n"
        "metric a = P[pred(f(x)) == y]\nmetric b = P[pred(g(x)) == y]"
    )
    for name, model in (("a", "f"), ("b", "g")):
        agreed = animals.predicted(model, ANIMALS) == animals.data["y"]
        assert found[name] == pytest.approx(agreed.mean())

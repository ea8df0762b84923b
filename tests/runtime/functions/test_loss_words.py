"""The records of losses beside the bodies that are the losses, by numbers alone."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import cspec
from cspec.dsl.words.losses import LOSS_WORDS, LossWord
from cspec.runtime.functions import FUNCTIONS, ShapeMismatch

ROWS, CLASSES = 40, 3
TARGETS = {"number", "class", "probability", "side"}


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _outputs(loss: LossWord, seed: int, width: int) -> Tensor:
    shape = (ROWS, width) if width > 1 else (ROWS,)
    made = 3 * torch.randn(shape, generator=_seeded(seed), dtype=torch.float64)
    return made - made.abs().max() if loss.outputs == "log_probabilities" else made


def _targets(loss: LossWord, seed: int, width: int) -> Tensor:
    if loss.targets == "number":
        return _outputs(loss, seed + 100, width)
    if loss.targets == "probability":
        return torch.rand(ROWS, generator=_seeded(seed), dtype=torch.float64)
    classes = 2 if width == 1 else width
    return torch.randint(classes, (ROWS,), generator=_seeded(seed))


def _widths(loss: LossWord) -> list[int]:
    return {"class": [CLASSES], "side": [1, CLASSES], "probability": [1], "number": [1, CLASSES]}[
        loss.targets
    ]


def _cases() -> list[tuple[str, int]]:
    return [(word, width) for word, loss in LOSS_WORDS.items() for width in _widths(loss)]


def test_every_body_of_a_loss_has_a_record() -> None:
    of_losses = {
        word for word, body in FUNCTIONS.items() if body.__module__.endswith("functions.losses")
    }
    assert of_losses == set(LOSS_WORDS)
    assert {loss.targets for loss in LOSS_WORDS.values()} == TARGETS


@pytest.mark.parametrize(("word", "width"), _cases())
def test_convex_in_the_outputs_as_the_record_says(word: str, width: int) -> None:
    loss, body = LOSS_WORDS[word], FUNCTIONS[word]
    for seed in range(10):
        a, b = _outputs(loss, seed, width), _outputs(loss, seed + 50, width)
        y = _targets(loss, seed, width)
        middle = body((a + b) / 2, y)
        assert loss.convex
        assert (middle <= (body(a, y) + body(b, y)) / 2 + 1e-9).all()


@pytest.mark.parametrize(("word", "width"), _cases())
def test_smooth_where_slopes_beside_each_other_stay_near(word: str, width: int) -> None:
    """Along a line a gradient that jumps does so however near two points are; others do not."""
    loss, body = LOSS_WORDS[word], FUNCTIONS[word]
    start, way = _outputs(loss, 1, width), _outputs(loss, 2, width)
    y = _targets(loss, 1, width)

    def slope(t: Tensor) -> Tensor:
        z = (start + t * way).requires_grad_()
        (gradient,) = torch.autograd.grad(body(z, y).sum(), z)
        return gradient

    steps = torch.linspace(-2, 2, 4001, dtype=torch.float64)
    slopes = torch.stack([slope(t) for t in steps])
    jumps = (slopes[1:] - slopes[:-1]).abs().max()
    assert (float(jumps) < 0.05) == loss.smooth, float(jumps)


@pytest.mark.parametrize(("word", "width"), _cases())
def test_no_value_lies_below_the_least(word: str, width: int) -> None:
    loss, body = LOSS_WORDS[word], FUNCTIONS[word]
    values = [body(_outputs(loss, s, width), _targets(loss, s, width)).min() for s in range(20)]
    if loss.targets == "number":  # at the targets themselves
        values.append(body(_targets(loss, 0, width), _targets(loss, 0, width)).min())
    if math.isinf(loss.low):
        positive = torch.full((ROWS, width), 2.0, dtype=torch.float64)
        assert body(positive, _targets(loss, 0, width)).min() < 0
    else:
        assert loss.low <= min(values) < loss.low + 0.1


@pytest.mark.parametrize("word", LOSS_WORDS)
def test_targets_are_what_the_record_says(word: str) -> None:
    """One output a class needs labels below their number; others take numbers of their shape."""
    loss, body = LOSS_WORDS[word], FUNCTIONS[word]
    several = _outputs(loss, 3, CLASSES)
    labels = torch.arange(ROWS) % CLASSES
    if loss.per_class(several=True):
        values = body(several, labels)
        assert values.shape == (ROWS,)
        other = several.roll(1, 0)
        other[0] = several[0]
        assert body(other, labels)[0] == values[0]  # of its own example
        with pytest.raises(ShapeMismatch):
            body(several, several)
    else:
        with pytest.raises(ShapeMismatch):
            body(several, labels)
        assert body(several, torch.rand(ROWS, CLASSES)).shape == (ROWS,)


@pytest.mark.parametrize("word", [w for w, loss in LOSS_WORDS.items() if loss.of_logits])
def test_losses_of_logits_are_those_of_the_probabilities(word: str) -> None:
    """Logits of a certain answer give `-log p` of it: the softmax (or sigmoid) is inside."""
    z = _outputs(LOSS_WORDS[word], 4, 1)
    both = torch.stack([torch.zeros(ROWS, dtype=z.dtype), z], 1)
    given = both if LOSS_WORDS[word].targets == "class" else z
    ones = torch.ones(ROWS, dtype=torch.int64)
    assert torch.allclose(FUNCTIONS[word](given, ones), -torch.sigmoid(z).log())


@pytest.mark.parametrize("word", [w for w, loss in LOSS_WORDS.items() if loss.targets == "side"])
def test_sides_are_signs_or_bits(word: str) -> None:
    score = _outputs(LOSS_WORDS[word], 5, 1)
    bits = torch.arange(ROWS) % 2
    assert torch.equal(FUNCTIONS[word](score, bits), FUNCTIONS[word](score, 2 * bits - 1))


@pytest.mark.parametrize("word", [w for w, loss in LOSS_WORDS.items() if loss.of_classes])
def test_the_accuracy_of_a_classifier_is_recorded_whatever_its_loss(word: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(40, 3)
    y = (x[:, 0] > 0).long()
    loss = LOSS_WORDS[word]
    net: torch.nn.Module = torch.nn.Linear(3, 2 if loss.targets == "class" else 1)
    if loss.outputs == "log_probabilities":
        net = torch.nn.Sequential(net, torch.nn.LogSoftmax(1))
    result = cspec.run(
        f"minimize {word}\nfit(epochs=1)", data={"x": x, "y": y}, test={"x": x, "y": y}, model=net
    )
    with torch.no_grad():
        z = result.models["model"](x)
    predicted = z.argmax(1) if loss.targets == "class" else (z.reshape(-1) > 0).long()
    assert result.metrics["accuracy"] == pytest.approx(float((predicted == y).float().mean()))

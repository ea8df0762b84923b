"""Losses per example against their formulas, entry by entry, and their refusals."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from cspec.runtime.functions import FUNCTIONS, ShapeMismatch
from cspec.runtime.functions.losses import bce, ce, hinge, huber, mae, mse, nll
from cspec.runtime.functions.shapes import LabelMismatch

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]], dtype=torch.float64)
LABELS = torch.tensor([0, 2])
SCORES = torch.tensor([1.5, -0.25, 0.0], dtype=torch.float64)
BITS = torch.tensor([1, 0, 1])
LOSSES = {loss.__name__: loss for loss in (ce, nll, hinge, bce, mse, mae, huber)}


def test_ce_is_logsumexp_minus_own_logit() -> None:
    rows = LOGITS.tolist()
    expected = [
        math.log(sum(map(math.exp, row))) - row[label]
        for row, label in zip(rows, LABELS.tolist(), strict=True)
    ]
    assert ce(LOGITS, LABELS).tolist() == pytest.approx(expected, abs=1e-12)
    log_p = torch.log_softmax(LOGITS, 1)
    assert nll(log_p, LABELS).tolist() == pytest.approx(expected, abs=1e-12)


def test_bce_is_softplus_minus_y_z_for_labels_of_any_dtype() -> None:
    expected = [
        math.log1p(math.exp(z)) - y * z for z, y in zip(SCORES.tolist(), BITS.tolist(), strict=True)
    ]
    for labels in (BITS, BITS.bool(), BITS.float(), BITS.to(torch.uint8)):
        assert bce(SCORES, labels).tolist() == pytest.approx(expected, abs=1e-12)
    assert torch.allclose(bce(SCORES[:, None], BITS), bce(SCORES, BITS))


def test_regression_losses_average_the_outputs_of_an_example() -> None:
    prediction = torch.tensor([[1.0, 4.0], [0.0, -2.0]])
    target = torch.tensor([[0.0, 1.0], [0.5, -2.0]])
    assert mse(prediction, target).tolist() == [5.0, 0.125]
    assert mae(prediction, target).tolist() == [2.0, 0.25]
    assert huber(prediction, target, delta=2.0).tolist() == [(0.5 + 2 * (3 - 1)) / 2, 0.0625]


def test_hinge_binary_and_crammer_singer() -> None:
    assert hinge(SCORES, BITS).tolist() == [0.0, 0.75, 1.0]
    assert hinge(SCORES[:, None], BITS).tolist() == [0.0, 0.75, 1.0]
    expected = [max(0.0, 1 + 0.5 - 2.0), max(0.0, 1 + 0.2 - 0.3)]
    assert hinge(LOGITS, LABELS).tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("word", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_mean_in_one_operation_is_the_mean_of_the_losses(
    word: str, dtype: torch.dtype, outputs: int
) -> None:
    draw = torch.Generator().manual_seed(outputs)
    z = torch.randn(257, outputs, generator=draw, dtype=dtype)
    numbers = torch.randn(257, outputs, generator=draw, dtype=dtype)
    labels = torch.randint(max(2, outputs), (257,), generator=draw)
    of_numbers = word in ("mse", "mae", "huber")
    if word in ("ce", "nll") and outputs == 1:
        return  # one output a class
    if word == "bce":
        labels = (numbers > 0).long()
    one, both = (z.clone().requires_grad_() for _ in range(2))
    target = numbers if of_numbers else labels
    loss = LOSSES[word]
    joint = loss(one, target, reduction="mean")
    apart = loss(both, target).mean()
    joint.backward()
    apart.backward()
    assert joint.ndim == 0 and joint.dtype is dtype
    exact = {"rtol": 1e-6, "atol": 1e-9} if dtype is torch.float32 else {}
    torch.testing.assert_close(joint, apart, **exact)
    torch.testing.assert_close(one.grad, both.grad, **exact)


def test_a_mean_over_tokens_is_asked_for_by_name() -> None:
    z, y = torch.zeros(2, 5, 3), torch.zeros(2, 5, dtype=torch.long)
    with pytest.raises(ShapeMismatch, match="2 by 5"):
        ce(z, y, reduction="mean")


def test_hinge_has_the_gradient_of_the_largest_other_class() -> None:
    scores = LOGITS.clone().requires_grad_()
    hinge(scores, LABELS).sum().backward()
    assert scores.grad is not None
    assert scores.grad.tolist() == [[0, 0, 0], [0, 1, -1]]


@pytest.mark.parametrize("loss", [bce, mse, mae, huber])
def test_nothing_is_broadcast(loss: object) -> None:
    assert callable(loss)
    with pytest.raises(ShapeMismatch, match=r"shape 4 .* shape 3"):
        loss(torch.zeros(4), torch.zeros(3))
    with pytest.raises(ShapeMismatch, match=r"shape 4 by 2 .* shape 4"):
        loss(torch.zeros(4, 2), torch.zeros(4))
    assert loss(torch.zeros(4, 1), torch.zeros(4)).shape == (4,)
    assert loss(torch.zeros(4), torch.zeros(4, 1)).shape == (4,)


@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        (torch.zeros(4, 3), torch.zeros(5, dtype=torch.int64), "4 by 3 and the labels 5"),
        (torch.zeros(4), torch.zeros(4, dtype=torch.int64), "scores are 4"),
        (torch.zeros(4, 1), torch.zeros(4, dtype=torch.int64), "use bce"),
    ],
)
def test_ce_says_what_does_not_fit(logits: Tensor, labels: Tensor, words: str) -> None:
    with pytest.raises(ShapeMismatch, match=words):
        ce(logits, labels)


@pytest.mark.parametrize("name", ["ce", "nll", "hinge"])
@pytest.mark.parametrize(
    ("outputs", "labels", "words"),
    [
        ((2, 3), [0.0, 1.0], r"torch\.float32"),
        ((2, 3), [1, 3], "3 outputs needs labels 0 to 2, but they hold 3"),
        ((2, 3), [-1, 1], "but they hold -1"),
        ((2, 2, 3), [[0, 1], [2, 4]], "but they hold 4"),
    ],
)
def test_losses_of_classes_refuse_labels_that_are_no_class_numbers(
    name: str, outputs: tuple[int, ...], labels: Any, words: str
) -> None:
    with pytest.raises(LabelMismatch, match=words):
        LOSSES[name](torch.zeros(outputs), torch.tensor(labels))


@pytest.mark.parametrize("labels", [[1, 2], [0.0, 0.5], [-1, 0], [0, 255], [1.0, math.nan]])
def test_hinge_of_one_score_refuses_labels_that_are_no_side(labels: Any) -> None:
    with pytest.raises(LabelMismatch, match="labels 0 and 1, or -1 and 1, but they hold"):
        hinge(torch.zeros(2), torch.tensor(labels))


@pytest.mark.parametrize("name", ["ce", "bce", "mse", "mae", "huber", "hinge"])
def test_slopes_match_finite_differences(name: str) -> None:
    torch.manual_seed(0)
    labels = torch.tensor([0, 1, 1, 0, 1])
    shape = (5, 3) if name == "ce" else (5,)
    outputs = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: FUNCTIONS[name](z, labels), (outputs,))


@pytest.mark.parametrize("name", ["ce", "nll", "hinge", "bce", "mse", "mae", "huber"])
@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 3), (5, 2, 3)])
def test_one_number_is_the_target_of_every_example(name: str, shape: tuple[int, ...]) -> None:
    """`ce(z, 2)`, `bce(z, 1)`: as with the number written in every row, whatever its type."""
    loss = LOSSES[name]
    single = len(shape) == 1 or shape[-1] == 1
    classes = name in ("ce", "nll") or (name == "hinge" and not single)
    if (classes and single) or (name == "hinge" and len(shape) == 3 and single):
        return
    torch.manual_seed(0)
    z = torch.randn(shape)
    number = 1
    rows = torch.full(shape[:-1] if classes else shape, number)
    expected = loss(z, rows)
    for target in (number, float(number), torch.tensor(number)):
        assert torch.equal(loss(z, target), expected)

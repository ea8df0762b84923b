"""Predictions, probabilities and margins."""

import pytest
import torch

from cspec.runtime.functions.classification import (
    class_prob,
    label_prob,
    margin,
    pred,
    prob,
)
from cspec.runtime.functions.losses import ce, hinge, nll
from cspec.runtime.functions.shapes import ShapeMismatch

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3], [0.0, 3.0, 1.0]], dtype=torch.float64)
LABELS = torch.tensor([0, 1, 1])
LOGIT = torch.tensor([1.5, -0.25, 0.0], dtype=torch.float64)


def test_prob_sums_to_one_or_is_class_one() -> None:
    assert prob(LOGITS).sum(1).tolist() == pytest.approx([1, 1, 1])
    assert torch.allclose(prob(LOGIT[:, None]), torch.sigmoid(LOGIT))


def test_pred_is_the_argmax_or_the_sign() -> None:
    assert pred(LOGITS).tolist() == [0, 2, 1]
    assert pred(LOGIT).tolist() == [1, 0, 0]
    assert pred(LOGIT[:, None]).dtype == torch.int64


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_class_by_probability_and_by_margin(index: int) -> None:
    event = pred(LOGITS) == index
    assert torch.allclose(class_prob(LOGITS / 1e-3, index), event.double())
    assert torch.allclose(class_prob(LOGITS, index), prob(LOGITS)[:, index])
    assert torch.equal(margin(LOGITS, index) > 0, event)


def test_a_single_logit_is_two_classes() -> None:
    assert torch.allclose(class_prob(LOGIT, 1), torch.sigmoid(LOGIT))
    assert torch.allclose(class_prob(LOGIT, 0), torch.sigmoid(-LOGIT))
    assert margin(LOGIT, 0).tolist() == (-LOGIT).tolist()
    assert margin(LOGIT[:, None], 1).tolist() == LOGIT.tolist()


def test_labels_pick_their_own() -> None:
    picked = torch.stack([class_prob(LOGITS, int(y))[i] for i, y in enumerate(LABELS)])
    assert torch.allclose(label_prob(LOGITS, LABELS), picked)
    margins = torch.stack([margin(LOGITS, int(y))[i] for i, y in enumerate(LABELS)])
    assert torch.allclose(margin(LOGITS, LABELS), margins)
    bits = torch.tensor([1, 0, 1])
    for same in (bits, bits.bool(), bits.double()):
        assert torch.allclose(label_prob(LOGIT, same), torch.sigmoid(LOGIT * (2 * bits - 1)))
        assert torch.allclose(margin(LOGIT, same), LOGIT * (2 * bits - 1))


@pytest.mark.parametrize("classes", [(0, 1), (1, 2), (2, 0)])
def test_several_classes_against_the_others(classes: tuple[int, int]) -> None:
    (other,) = {0, 1, 2} - set(classes)
    wanted = [max(row[k] for k in classes) - row[other] for row in LOGITS.tolist()]
    assert margin(LOGITS, *classes).tolist() == pytest.approx(wanted)
    with pytest.raises(ValueError, match="needs another class"):
        margin(LOGITS, 0, 1, 2)


def test_a_label_outside_of_the_classes_is_never_predicted() -> None:
    outside = torch.tensor([-1, 3, 1])
    logits = LOGITS.clone().requires_grad_()
    chances = label_prob(logits, outside)
    assert chances.tolist() == pytest.approx([0, 0, prob(LOGITS)[2, 1].item()])
    assert margin(logits, outside).tolist() == [-1, -1, 2]
    (chances.sum() + margin(logits, outside).sum()).backward()
    assert logits.grad is not None and logits.grad[:2].abs().max() == 0
    assert label_prob(LOGIT, torch.tensor([2, -1, 1])).tolist()[:2] == [0, 0]
    assert label_prob(LOGITS, torch.tensor([0.5, 1.0, 2.0])).tolist()[0] == 0


def test_probabilities_and_margins_have_a_gradient() -> None:
    logits = LOGITS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: class_prob(z / 0.7, 1), (logits,))
    assert torch.autograd.gradcheck(lambda z: label_prob(z / 0.7, LABELS), (logits,))
    assert torch.autograd.gradcheck(lambda z: margin(z, LABELS), (logits,))
    assert torch.autograd.gradcheck(lambda z: margin(z, 0, 2), (logits,))


def test_refusals_name_the_class_and_the_shape() -> None:
    with pytest.raises(ValueError, match=r"class 3 does not exist: .* 0 to 2"):
        class_prob(LOGITS, 3)
    with pytest.raises(ValueError, match=r"class 2 does not exist: .* 0 to 1"):
        margin(LOGIT, 2)
    with pytest.raises(ShapeMismatch, match="a single number"):
        prob(torch.zeros(()))


def test_tokens_have_classes_of_their_own() -> None:
    """(examples, tokens, classes) is (examples * tokens, classes), token by token."""
    logits = torch.randn(4, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(20).reshape(4, 5) % 3
    flat, each = logits.reshape(20, 3), labels.reshape(20)
    assert torch.equal(pred(logits).reshape(20), pred(flat))
    assert torch.equal(prob(logits).reshape(20, 3), prob(flat))
    for of_tokens, of_examples in (
        (class_prob(logits, 2), class_prob(flat, 2)),
        (label_prob(logits, labels), label_prob(flat, each)),
        (margin(logits, 1), margin(flat, 1)),
        (margin(logits, labels), margin(flat, each)),
        (ce(logits, labels), ce(flat, each)),
        (nll(logits, labels), nll(flat, each)),
        (hinge(logits, labels), hinge(flat, each)),
    ):
        assert torch.allclose(of_tokens.reshape(20), of_examples, rtol=1e-14, atol=0)

"""Predictions, probabilities, surrogates and margins."""

import pytest
import torch

from cspec.runtime.functions.classification import (
    class_margin,
    class_prob,
    label_margin,
    label_prob,
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
def test_surrogate_tends_to_the_event(index: int) -> None:
    event = (pred(LOGITS) == index).double()
    assert torch.allclose(class_prob(LOGITS, index, temperature=1e-3), event)
    assert torch.allclose(class_prob(LOGITS, index), prob(LOGITS)[:, index])
    assert torch.equal(class_margin(LOGITS, index) > 0, event.bool())


def test_surrogate_of_a_single_logit() -> None:
    assert torch.allclose(class_prob(LOGIT, 1, 0.5), torch.sigmoid(LOGIT / 0.5))
    assert torch.allclose(class_prob(LOGIT, 0, 0.5), torch.sigmoid(-LOGIT / 0.5))
    assert class_margin(LOGIT, 0).tolist() == (-LOGIT).tolist()


def test_label_surrogate_and_margin_pick_the_label() -> None:
    picked = torch.stack([class_prob(LOGITS, int(y), 2.0)[i] for i, y in enumerate(LABELS)])
    assert torch.allclose(label_prob(LOGITS, LABELS, 2.0), picked)
    margins = torch.stack([class_margin(LOGITS, int(y))[i] for i, y in enumerate(LABELS)])
    assert torch.allclose(label_margin(LOGITS, LABELS), margins)
    bits = torch.tensor([1, 0, 1])
    assert torch.allclose(label_prob(LOGIT, bits), torch.sigmoid(LOGIT * (2 * bits - 1)))
    assert torch.allclose(label_margin(LOGIT, bits), LOGIT * (2 * bits - 1))


def test_surrogates_have_a_gradient() -> None:
    logits = LOGITS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: class_prob(z, 1, 0.7), (logits,))
    assert torch.autograd.gradcheck(lambda z: label_prob(z, LABELS, 0.7), (logits,))


def test_refusals_name_the_class_and_the_shape() -> None:
    with pytest.raises(ValueError, match=r"class 3 does not exist: .* 0 to 2"):
        class_prob(LOGITS, 3)
    with pytest.raises(ValueError, match=r"class 2 does not exist: .* 0 to 1"):
        class_margin(LOGIT, 2)
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
        (class_margin(logits, 1), class_margin(flat, 1)),
        (label_margin(logits, labels), label_margin(flat, each)),
        (ce(logits, labels), ce(flat, each)),
        (nll(logits, labels), nll(flat, each)),
        (hinge(logits, labels), hinge(flat, each)),
    ):
        assert torch.allclose(of_tokens.reshape(20), of_examples, rtol=1e-14, atol=0)

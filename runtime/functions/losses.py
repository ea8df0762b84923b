"""Losses per example, shape (B,): the language's `ce bce mse mae nll huber hinge`.

`E[...]` takes the mean: nothing is averaged over examples here, but by `reduction="mean"`, which
is `mean(loss(outputs, targets))` in one operation of torch, 0-dim. Outputs are logits. A target
that is one number is that of every example: `ce(z, 3)`, `mse(z, 0.5)`.
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from cspec.runtime.functions.classification import lead
from cspec.runtime.functions.shapes import (
    LabelMismatch,
    ShapeMismatch,
    aligned,
    class_labels,
    in_few,
    in_words,
    require_classes,
    single_logit,
)
from cspec.runtime.functions.statistics import mean

Loss = Callable[..., Tensor]
Reduction = Literal["none", "mean"]
"""One loss an example, or their mean."""


def _over_outputs(entries: Tensor) -> Tensor:
    """Mean over every dimension but the first: (B, ...) -> (B,); a mean of all stays one."""
    return entries.flatten(1).mean(1) if entries.ndim > 1 else entries


def _of_classes(
    loss: Loss, scores: Tensor, labels: Tensor, what: str, reduction: Reduction
) -> Tensor:
    """A loss of torch on classes; it takes the mean itself where one is a number an example."""
    try:
        if scores.ndim == 2:
            return loss(scores, labels, reduction=reduction)
        losses = loss(scores.movedim(-1, 1), labels, reduction="none")  # (B, C, T)
    except (IndexError, RuntimeError):
        require_classes(scores, labels, what)
        raise
    return mean(losses) if reduction == "mean" else losses


def _lead(scores: Tensor, labels: Tensor, what: str) -> Tensor:
    try:
        return lead(scores, labels)
    except RuntimeError:
        require_classes(scores, labels, what)
        raise


def _require_sides(labels: Tensor, what: str) -> None:
    """Labels of one score, which the host has, say a side of 0.

    Raises:
        LabelMismatch: other labels than 0 and 1, or -1 and 1.
    """
    if labels.is_cpu and labels.dtype is not torch.bool and labels.numel():
        other = -1 if labels.min() < 0 else 0
        strange = labels[(labels != 1) & (labels != other)]
        if strange.numel():
            raise LabelMismatch(
                f"{what} of one output needs labels 0 and 1, or -1 and 1, but they hold "
                f"{in_few(strange)}"
            )


def _compared(
    loss: Loss, output: Tensor, target: Tensor | float, what: str, **settings: Any
) -> Tensor:
    """A loss of torch between two tensors of one shape, labels of any dtype as numbers."""
    output, target = aligned(output, target, what)
    return _over_outputs(loss(output, target.to(output.dtype), **settings))


def ce(logits: Tensor, labels: Tensor | float, reduction: Reduction = "none") -> Tensor:
    """Cross entropy in nats, `logsumexp(z) - z[y]`: (B, C), (B,) -> (B,).

    Of tokens (B, T, C), (B, T) -> (B, T).

    Raises:
        ShapeMismatch: logits that are not (B, C) with at least two classes, other label counts.
        LabelMismatch: labels that are not integers 0 ... C - 1.
    """
    labels = class_labels(logits, labels, "ce")
    if logits.shape[-1] < 2:
        raise ShapeMismatch(
            f"ce needs one output a class, but the output is {in_words(logits)}; "
            "for a single output use bce"
        )
    return _of_classes(functional.cross_entropy, logits, labels, "ce", reduction)


def bce(logits: Tensor, targets: Tensor | float, reduction: Reduction = "none") -> Tensor:
    """Binary cross entropy of logits, `softplus(z) - y z`: (B,) or (B, 1) -> (B,).

    Targets are 0/1 of any dtype (or probabilities). More outputs, (B, K) against (B, K), are
    independent labels: the mean over them.

    Raises:
        ShapeMismatch: shapes that differ by more than a trailing 1.
    """
    loss = functional.binary_cross_entropy_with_logits
    return _compared(loss, logits, targets, "bce", reduction=reduction)


def mse(prediction: Tensor, target: Tensor | float, reduction: Reduction = "none") -> Tensor:
    """Squared error, mean over the outputs of an example: (B, ...) -> (B,)."""
    return _compared(functional.mse_loss, prediction, target, "mse", reduction=reduction)


def mae(prediction: Tensor, target: Tensor | float, reduction: Reduction = "none") -> Tensor:
    """Absolute error, mean over the outputs of an example: (B, ...) -> (B,)."""
    return _compared(functional.l1_loss, prediction, target, "mae", reduction=reduction)


def huber(
    prediction: Tensor, target: Tensor | float, delta: float = 1.0, reduction: Reduction = "none"
) -> Tensor:
    """Huber loss: `r^2/2` where `|r| <= delta`, else `delta (|r| - delta/2)`; (B, ...) -> (B,).

    Source: Huber 1964, "Robust estimation of a location parameter".
    """
    settings = {"reduction": reduction, "delta": delta}
    return _compared(functional.huber_loss, prediction, target, "huber", **settings)


def nll(log_probabilities: Tensor, labels: Tensor | float, reduction: Reduction = "none") -> Tensor:
    """Negative log likelihood `-log p[y]` of given log probabilities: (B, C), (B,) -> (B,).

    Of tokens (B, T, C), (B, T) -> (B, T).
    """
    labels = class_labels(log_probabilities, labels, "nll")
    return _of_classes(functional.nll_loss, log_probabilities, labels, "nll", reduction)


def hinge(scores: Tensor, labels_B: Tensor | float, reduction: Reduction = "none") -> Tensor:
    """Hinge loss of labels in {0, 1}, in {-1, 1}, or of classes; -> (B,).

    One score: `max(0, 1 - t s)`, t = 1 where y > 0 and -1 elsewhere. Classes:
    `max(0, 1 + max_{j != y} s_j - s_y)`.
    Source: Crammer and Singer 2001, "On the algorithmic implementation of multiclass
    kernel-based vector machines", the margin loss of section 3.

    Raises:
        LabelMismatch: other labels.
    """
    score_B = single_logit(scores)
    if score_B is not None:
        score_B, labels_B = aligned(score_B, labels_B, "hinge")
        _require_sides(labels_B, "hinge")
        margin_B = torch.where(labels_B > 0, score_B, -score_B)
    else:
        margin_B = _lead(scores, class_labels(scores, labels_B, "hinge"), "hinge")
    losses = functional.relu(1 - margin_B)
    return mean(losses) if reduction == "mean" else losses

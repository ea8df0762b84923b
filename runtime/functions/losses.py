"""Losses per example, shape (B,): the language's `ce bce mse mae nll huber hinge`.

`E[...]` takes the mean; nothing is averaged over examples here. Outputs are logits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor
from torch.nn import functional

from cspec.runtime.functions.shapes import (
    ShapeMismatch,
    aligned,
    class_labels,
    in_words,
    single_logit,
)

Loss = Callable[..., Tensor]


def _number_for_each(of_classes: bool) -> Callable[[Loss], Loss]:
    """A loss whose target may be one number, that of every example: `ce(z, 3)`, `mse(z, c)`."""

    def wrap(loss: Loss) -> Loss:
        @wraps(loss)
        def taking_numbers(outputs: Tensor, target: Tensor | float, **settings: float) -> Tensor:
            given = torch.as_tensor(target, device=outputs.device)
            if given.ndim or not outputs.ndim:
                return loss(outputs, target, **settings)
            classes = of_classes and single_logit(outputs) is None
            if classes and given == given.round():
                given = given.long()  # a param is a float
            shape = outputs.shape[:-1] if classes else outputs.shape
            return loss(outputs, given.expand(shape), **settings)

        return taking_numbers

    return wrap


def _over_outputs(entries: Tensor) -> Tensor:
    """Mean over every dimension but the first: (B, ...) -> (B,)."""
    return entries.flatten(1).mean(1) if entries.ndim > 1 else entries


def _numeric_target(output: Tensor, target: Tensor) -> Tensor:
    """Labels of any dtype as numbers of the output's dtype (whole numbers included)."""
    return target.to(output.dtype)


@_number_for_each(of_classes=True)
def ce(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy in nats, `logsumexp(z) - z[y]`: (B, C), (B,) -> (B,).

    Of tokens (B, T, C), (B, T) -> (B, T).

    Raises:
        ShapeMismatch: logits that are not (B, C) with at least two classes, other label counts.
        TypeError: labels that are not integers.
    """
    labels = class_labels(logits, labels, "ce")
    if logits.shape[-1] < 2:
        raise ShapeMismatch(
            f"ce needs one output a class, but the output is {in_words(logits)}; "
            "for a single output use bce"
        )
    return functional.cross_entropy(_classes_second(logits), labels, reduction="none")


def _classes_second(scores: Tensor) -> Tensor:
    """(B, T, C) as torch's losses take it: (B, C, T)."""
    return scores.movedim(-1, 1) if scores.ndim > 2 else scores


@_number_for_each(of_classes=False)
def bce(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross entropy of logits, `softplus(z) - y z`: (B,) or (B, 1) -> (B,).

    Targets are 0/1 of any dtype (or probabilities). More outputs, (B, K) against (B, K), are
    independent labels: the mean over them.

    Raises:
        ShapeMismatch: shapes that differ by more than a trailing 1.
    """
    logits, targets = aligned(logits, targets, "bce")
    targets = _numeric_target(logits, targets)
    return _over_outputs(
        functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    )


@_number_for_each(of_classes=False)
def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Squared error, mean over the outputs of an example: (B, ...) -> (B,)."""
    prediction, target = aligned(prediction, target, "mse")
    return _over_outputs((prediction - _numeric_target(prediction, target)).square())


@_number_for_each(of_classes=False)
def mae(prediction: Tensor, target: Tensor) -> Tensor:
    """Absolute error, mean over the outputs of an example: (B, ...) -> (B,)."""
    prediction, target = aligned(prediction, target, "mae")
    return _over_outputs((prediction - _numeric_target(prediction, target)).abs())


@_number_for_each(of_classes=False)
def huber(prediction: Tensor, target: Tensor, delta: float = 1.0) -> Tensor:
    """Huber loss: `r^2/2` where `|r| <= delta`, else `delta (|r| - delta/2)`; (B, ...) -> (B,).

    Source: Huber 1964, "Robust estimation of a location parameter".
    """
    prediction, target = aligned(prediction, target, "huber")
    target = _numeric_target(prediction, target)
    return _over_outputs(functional.huber_loss(prediction, target, reduction="none", delta=delta))


@_number_for_each(of_classes=True)
def nll(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """Negative log likelihood `-log p[y]` of given log probabilities: (B, C), (B,) -> (B,).

    Of tokens (B, T, C), (B, T) -> (B, T).
    """
    labels = class_labels(log_probabilities, labels, "nll")
    return functional.nll_loss(_classes_second(log_probabilities), labels, reduction="none")


@_number_for_each(of_classes=True)
def hinge(scores: Tensor, labels_B: Tensor) -> Tensor:
    """Hinge loss of labels in {0, 1}, in {-1, 1}, or of classes; -> (B,).

    One score: `max(0, 1 - t s)`, t = 1 where y > 0 and -1 elsewhere. Classes:
    `max(0, 1 + max_{j != y} s_j - s_y)`.
    Source: Crammer and Singer 2001, "On the algorithmic implementation of multiclass
    kernel-based vector machines", the margin loss of section 3.
    """
    score_B = single_logit(scores)
    if score_B is not None:
        score_B, labels_B = aligned(score_B, labels_B, "hinge")
        side_B = torch.where(labels_B > 0, 1.0, -1.0).to(score_B.dtype)
        return functional.relu(1 - side_B * score_B)
    labels_B = class_labels(scores, labels_B, "hinge")
    own = labels_B.unsqueeze(-1)
    others = scores.scatter(-1, own, -torch.inf)
    return functional.relu(1 + others.amax(-1) - scores.gather(-1, own).squeeze(-1))

"""Predictions of a classifier, probabilities of its classes, and margins.

A model returns logits, classes along the last axis: (B, C), or (B, T, C) of T tokens; or a single
logit (B,) or (B, 1) whose sign decides class 1. A label outside of 0 ... C - 1 is no class: it is
never predicted, its probability is 0.
"""

import torch
from torch import Tensor

from cspec.runtime.functions.shapes import (
    ShapeMismatch,
    aligned,
    are_within,
    in_words,
    label_mismatch,
    single_logit,
)


def _class_scores(scores: Tensor, what: str) -> Tensor:
    if scores.ndim < 2:
        raise ShapeMismatch(
            f"{what} needs logits of shape examples by classes, or one logit an example, "
            f"but they are {in_words(scores)}"
        )
    return scores


def _class_index(index: float, classes: int) -> int:
    """The class number as an integer; numbers of a spec may arrive as floats."""
    if index != int(index) or not 0 <= index < classes:
        raise ValueError(
            f"class {index:g} does not exist: the model has classes 0 to {classes - 1}"
        )
    return int(index)


def _labels(logits: Tensor, labels: Tensor, what: str) -> tuple[Tensor, Tensor | None]:
    """Labels as indices of the last axis, and which of them are classes; None where all are.

    Raises:
        ShapeMismatch: another number of labels than examples (or tokens).
    """
    if labels.ndim == logits.ndim and labels.shape[-1] == 1:
        labels = labels.squeeze(-1)
    if labels.shape != logits.shape[:-1]:
        raise label_mismatch(logits, labels, what)
    if are_within(labels, logits.shape[-1]):
        return labels, None
    index = labels.long()
    known = (labels == index) & (index >= 0) & (index < logits.shape[-1])
    return torch.where(known, index, 0), known


def prob(logits: Tensor) -> Tensor:
    """Probabilities: softmax (..., C) of class logits; sigmoid (B,), of class 1, of one logit."""
    logit_B = single_logit(logits)
    if logit_B is not None:
        return torch.sigmoid(logit_B)
    return torch.softmax(_class_scores(logits, "prob"), dim=-1)


def pred(logits: Tensor) -> Tensor:
    """Predicted class, int64: argmax of class logits; 1 where a single logit is > 0."""
    logit_B = single_logit(logits)
    if logit_B is not None:
        return (logit_B > 0).long()
    return _class_scores(logits, "pred").argmax(dim=-1)


def class_prob(logits: Tensor, index: float) -> Tensor:
    """`prob(z)[k]`, of one number an example also of a single logit: sigmoid(z), sigmoid(-z).

    Raises:
        ValueError: no such class.
    """
    logit_B = single_logit(logits)
    if logit_B is not None:
        k = _class_index(index, 2)
        return torch.sigmoid((2 * k - 1) * logit_B)
    logits = _class_scores(logits, "prob")
    k = _class_index(index, logits.shape[-1])
    return torch.softmax(logits, dim=-1)[..., k]


def label_prob(logits: Tensor, labels: Tensor) -> Tensor:
    """`prob(z)[y]`: the probability of each example's own label."""
    logit_B = single_logit(logits)
    if logit_B is not None:
        logit_B, labels = aligned(logit_B, labels, "prob[y]")
        chance = torch.sigmoid((2 * labels.to(logit_B.dtype) - 1) * logit_B)
        return torch.where((labels == 0) | (labels == 1), chance, 0.0)
    return label_chance(torch.softmax(logits, dim=-1), labels)


def label_chance(chances: Tensor, labels: Tensor) -> Tensor:
    """Each example's probability of its own label, of those of all classes: (B, C) -> (B,)."""
    index, known = _labels(chances, labels, "prob[y]")
    chance = chances.gather(-1, index.unsqueeze(-1)).squeeze(-1)
    return chance if known is None else torch.where(known, chance, 0.0)


def margin(logits: Tensor, *classes: float | Tensor) -> Tensor:
    """How far a class (any of several, or each example's label) is from losing, one an example.

    The largest output among the classes minus the largest of the others: positive exactly where one
    of them is predicted (ties aside). Of a single logit z it is z for class 1 and -z for class 0.
    A label that is no class has the margin -1.

    Raises:
        ValueError: no such class, or none is left beside them.
    """
    labels = [item for item in classes if isinstance(item, Tensor)]
    if labels:
        return _label_margin(logits, labels[0])
    logit_B = single_logit(logits)
    count = 2 if logit_B is not None else _class_scores(logits, "margin").shape[-1]
    chosen = {_class_index(item, count) for item in classes if not isinstance(item, Tensor)}
    if len(chosen) == count:
        raise ValueError("a margin to the other classes needs another class")
    if logit_B is not None:
        return (2 * chosen.pop() - 1) * logit_B
    others = [k for k in range(count) if k not in chosen]
    return logits[..., sorted(chosen)].amax(-1) - logits[..., others].amax(-1)


def _label_margin(logits: Tensor, labels: Tensor) -> Tensor:
    logit_B = single_logit(logits)
    if logit_B is not None:
        logit_B, labels = aligned(logit_B, labels, "margin(z, y)")
        own = (2 * labels.to(logit_B.dtype) - 1) * logit_B
        return torch.where((labels == 0) | (labels == 1), own, -1.0)
    index, known = _labels(logits, labels, "margin(z, y)")
    own = lead(logits, index)
    return own if known is None else torch.where(known, own, -1.0)


def lead(scores: Tensor, index: Tensor) -> Tensor:
    """How far the score of one class is above the largest of the others, one an example."""
    place = index.unsqueeze(-1)
    others = scores.scatter(-1, place, -torch.inf).amax(-1)
    return scores.gather(-1, place).squeeze(-1) - others

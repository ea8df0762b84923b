"""Predictions of a classifier and the differentiable stand-ins of `pred == k`.

A model returns logits (B, C), or a single logit (B,) or (B, 1) whose sign decides class 1.
"""

import torch
from torch import Tensor

from cspec.runtime.functions.shapes import (
    ShapeMismatch,
    aligned,
    class_labels,
    in_words,
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


def prob(logits: Tensor) -> Tensor:
    """Probabilities: softmax (B, C) of class logits; sigmoid (B,), of class 1, of one logit.

    Of tokens (B, T, C): along the classes, the last axis.
    """
    logit_B = single_logit(logits)
    if logit_B is not None:
        return torch.sigmoid(logit_B)
    return torch.softmax(_class_scores(logits, "prob"), dim=-1)


def pred(logits: Tensor) -> Tensor:
    """Predicted class, int64 (B,): argmax of class logits; 1 where a single logit is > 0.

    Of tokens (B, T, C) -> (B, T).
    """
    logit_B = single_logit(logits)
    if logit_B is not None:
        return (logit_B > 0).long()
    return _class_scores(logits, "pred").argmax(dim=-1)


def class_prob(logits: Tensor, index: float, temperature: float = 1.0) -> Tensor:
    """Surrogate of `pred == index`: its probability at a temperature t, (B,).

    `softmax(z/t)[index]`; of a single logit `sigmoid(z/t)` for class 1, `sigmoid(-z/t)` for 0.
    Tends to the event itself as t tends to 0.

    Raises:
        ValueError: no such class.
    """
    logit_B = single_logit(logits)
    if logit_B is not None:
        k = _class_index(index, 2)
        return torch.sigmoid((2 * k - 1) * logit_B / temperature)
    logits = _class_scores(logits, "class_prob")
    k = _class_index(index, logits.shape[-1])
    return torch.softmax(logits / temperature, dim=-1)[..., k]


def label_prob(logits: Tensor, labels_B: Tensor, temperature: float = 1.0) -> Tensor:
    """Surrogate of `pred == y`: the probability of the label at a temperature t, (B,)."""
    logit_B = single_logit(logits)
    if logit_B is not None:
        logit_B, labels_B = aligned(logit_B, labels_B, "pred == y")
        return torch.sigmoid((2 * labels_B.to(logit_B.dtype) - 1) * logit_B / temperature)
    labels_B = class_labels(logits, labels_B, "pred == y")
    probabilities = torch.softmax(logits / temperature, dim=-1)
    return probabilities.gather(-1, labels_B.unsqueeze(-1)).squeeze(-1)


def class_margin(logits: Tensor, index: float) -> Tensor:
    """Margin of class `index`, (B,): positive exactly where it is predicted (ties aside).

    `z_index - max_{j != index} z_j`; of a single logit `z` for class 1 and `-z` for class 0.
    """
    logit_B = single_logit(logits)
    if logit_B is not None:
        k = _class_index(index, 2)
        return (2 * k - 1) * logit_B
    logits = _class_scores(logits, "class_margin")
    k = _class_index(index, logits.shape[-1])
    others = torch.cat([logits[..., :k], logits[..., k + 1 :]], dim=-1)
    return logits[..., k] - others.amax(-1)


def label_margin(logits: Tensor, labels_B: Tensor) -> Tensor:
    """Margin of the label, (B,): `z_y - max_{j != y} z_j`, or `(2y - 1) z` of a single logit."""
    logit_B = single_logit(logits)
    if logit_B is not None:
        logit_B, labels_B = aligned(logit_B, labels_B, "pred == y")
        return (2 * labels_B.to(logit_B.dtype) - 1) * logit_B
    labels_B = class_labels(logits, labels_B, "pred == y")
    own = labels_B.unsqueeze(-1)
    others = logits.scatter(-1, own, -torch.inf)
    return logits.gather(-1, own).squeeze(-1) - others.amax(-1)

"""The losses of the language: all that is known of each word, in one record.

What a loss computes is its body in `runtime/functions/losses.py`; a test compares the records with
the bodies. A call is `loss(outputs, targets)`, one number an example.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

Outputs = Literal["values", "scores", "logits", "log_probabilities"]
"""What a loss takes the outputs of a model for; `scores` are logits of no probability."""
Targets = Literal["number", "class", "probability", "side"]
"""What a loss compares outputs with: numbers of their shape; the number of a class, of one output
a class; the probability of class 1 (a label 0 or 1), of one logit; the side of 0 that one score
belongs to (labels 0 and 1, or -1 and 1), or the number of a class of one score a class."""


class LossWord(NamedTuple):
    """What is known of a loss by its word."""

    word: str
    doc: str
    outputs: Outputs
    targets: Targets
    smooth: bool
    """Its gradient by the outputs is continuous."""
    convex: bool = True
    """In the outputs, at any targets."""
    low: float = 0
    """No value lies below it."""

    @property
    def of_classes(self) -> bool:
        """Its targets are labels: outputs and targets are different things."""
        return self.targets != "number"

    @property
    def of_logits(self) -> bool:
        """It makes probabilities of the outputs itself."""
        return self.outputs == "logits"

    def per_class(self, several: bool) -> bool:
        """Whether it has one output a class, where a model has `several` or else one."""
        return self.targets == "class" or (self.targets == "side" and several)


LOSS_WORDS: dict[str, LossWord] = {
    record.word: record
    for record in (
        LossWord(
            "ce", "cross-entropy of logits and class numbers, in nats", "logits", "class", True
        ),
        LossWord(
            "bce", "binary cross-entropy of logits and 0/1 labels, in nats", "logits",
            "probability", True,
        ),
        LossWord("mse", "squared error, mean over the outputs", "values", "number", True),
        LossWord("mae", "absolute error, mean over the outputs", "values", "number", False),
        LossWord(
            "nll", "negative log-likelihood of log-probabilities and class numbers",
            "log_probabilities", "class", True, low=-math.inf,
        ),
        LossWord(
            "huber", "Huber error with threshold 1, mean over the outputs", "values", "number", True
        ),
        LossWord(
            "hinge", "hinge loss of scores and 0/1 labels or class numbers", "scores", "side", False
        ),
    )
}  # fmt: skip


def _words(test: Callable[[LossWord], bool]) -> tuple[str, ...]:
    return tuple(record.word for record in LOSS_WORDS.values() if test(record))


LOSSES = tuple(LOSS_WORDS)
OF_CLASSES = _words(lambda loss: loss.of_classes)
OF_NUMBERS = _words(lambda loss: not loss.of_classes)
OF_LOGITS = _words(lambda loss: loss.of_logits)
OF_SCORES = _words(lambda loss: loss.outputs in ("logits", "scores"))
"""Losses whose outputs are no probabilities, nor logarithms of them."""
OF_LOG_PROBABILITIES = _words(lambda loss: loss.outputs == "log_probabilities")
PER_CLASS = _words(lambda loss: loss.of_logits and loss.targets == "class")
"""The loss that makes log-probabilities of logits itself, one output a class."""
OF_ONE_LOGIT = _words(lambda loss: loss.of_logits and loss.targets == "probability")
"""The loss that makes the probability of class 1 of one logit."""
SMOOTH = _words(lambda loss: loss.smooth)
KINKED = _words(lambda loss: not loss.smooth)

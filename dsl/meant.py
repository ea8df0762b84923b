"""Words that other libraries and papers use, and how the language says them."""

from __future__ import annotations

from typing import NamedTuple


class Meant(NamedTuple):
    """What to write, and the word itself where one word replaces the other."""

    help: str
    word: str | None = None


_WORDS: dict[str, tuple[str, ...]] = {
    "ce": (
        "cross_entropy", "crossentropy", "crossentropyloss", "cross_entropy_loss", "xent",
        "softmax_cross_entropy", "categorical_crossentropy", "log_loss", "logloss",
    ),
    "bce": (
        "binary_cross_entropy", "binary_crossentropy", "bceloss", "bcewithlogitsloss",
        "binary_cross_entropy_with_logits",
    ),
    "mse": ("mean_squared_error", "mseloss", "mse_loss", "l2_loss", "squared_error"),
    "mae": ("mean_absolute_error", "maeloss", "l1loss", "l1_loss", "absolute_error"),
    "huber": ("smooth_l1", "smooth_l1_loss", "huber_loss", "huberloss", "smoothl1loss"),
    "nll": ("nll_loss", "nllloss", "negative_log_likelihood"),
    "hinge": ("hinge_loss", "hingeloss", "svm"),
    "l2": ("frobenius", "fro", "l2norm", "l2_norm", "norm2", "euclidean"),
    "l1": ("l1norm", "l1_norm", "norm1", "lasso"),
    "sumsq": ("l2_squared", "squared_norm", "sum_of_squares", "weight_decay"),
    "stiefel": ("orthogonal", "orthonormal", "orthogonality"),
    "nonneg": ("nonnegative", "non_negative", "positive"),
    "rank": ("low_rank", "lowrank"),
    "params": ("num_params", "nparams", "n_params", "num_parameters", "parameter_count"),
    "flops": ("macs", "flop", "operations"),
    "pred": ("prediction", "predictions", "predicted", "y_pred", "yhat", "y_hat"),
    "spectral": ("spectral_norm", "operator_norm", "lipschitz"),
    "nuclear": ("nuclear_norm", "trace_norm"),
    "ratio": ("disparate_impact",),
    "inf": ("infinity", "oo"),
}  # fmt: skip
"""Our word, and what it is called elsewhere (in small letters)."""

_FORMS: dict[str, tuple[str, ...]] = {
    "the share of right predictions is `P[pred == y]`": ("accuracy", "acc"),
    "the share of wrong predictions is `P[pred != y]`": ("error_rate", "error", "err"),
    "90% sparsity is `density(net) <= 10%`": ("sparsity", "sparseness", "l0", "nnz"),
    "name the loss: `ce` for classes, `bce` for two, `mse` or `mae` for numbers": (
        "loss", "objective", "cost", "risk",
    ),
    "a mean over the data is `E[...]`": ("mean", "avg", "average", "expectation", "expected"),
    "a fraction of the data is `P[...]`": ("pr", "probability", "rate", "fraction", "freq"),
    "parity of rates is `gap(P[pred == 1 | column]) <= 5%`": (
        "demographic_parity", "statistical_parity", "parity", "dp", "disparity",
    ),
    "true-positive rates are `P[pred == 1 | y == 1 and column == a]`": (
        "tpr", "recall", "equal_opportunity", "equalized_odds", "sensitivity",
    ),
    "false-positive rates are `P[pred == 1 | y == 0]`": ("fpr", "false_positive_rate"),
    "precision is `P[y == 1 | pred == 1]`": ("precision", "ppv"),
    "the positive part of x is `max(x, 0)`": ("relu", "pos", "positive_part"),
    "powers are `x^2`": ("square", "sq"),
}  # fmt: skip
"""What to write for what has no word of its own."""

_MEANT = {
    **{other: Meant(f"did you mean `{word}`?", word) for word, o in _WORDS.items() for other in o},
    **{other: Meant(form) for form, others in _FORMS.items() for other in others},
}


def meant(word: str) -> Meant | None:
    """How the language says a word of another; None for a word that nobody uses for these."""
    return _MEANT.get(word.lower())

"""Shapes are compared by hand, so that torch never broadcasts an output against a target."""

from torch import Tensor, aminmax, as_tensor, int64

Value = Tensor | float | int | bool
"""What an expression of the language may evaluate to: a tensor or a Python number."""


class ShapeMismatch(ValueError):  # noqa: N818 (a name of the public interface)
    """Two tensors that must describe the same examples do not have matching shapes."""


class LabelMismatch(ShapeMismatch):
    """Labels that are no classes of the outputs beside them."""


def in_words(tensor: Tensor) -> str:
    """The shape of `tensor` as a reader would say it: `10 by 3`, `10`, `a single number`."""
    return " by ".join(str(size) for size in tensor.shape) or "a single number"


def one_tensor(value: object) -> Tensor:
    """What a model returns, a number as a tensor.

    Raises:
        ShapeMismatch: a tuple, a mapping or another object.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (float, int)):
        return as_tensor(value)
    kind = type(value).__name__
    article = "an" if kind[0].lower() in "aeiou" else "a"
    raise ShapeMismatch(
        f"the output of a model must be one tensor, but it is {article} {kind}; "
        "return the logits alone, or pick them out with a function of your own"
    )


def aligned(output: Tensor | float, target: Tensor | float, what: str) -> tuple[Tensor, Tensor]:
    """Bring `output` and `target` to one shape; only a trailing dimension of size 1 is dropped.

    A target that is one number is that of every entry.

    Raises:
        ShapeMismatch: any other difference, with both shapes and the name `what` of the caller.
    """
    output = one_tensor(output)
    if not isinstance(target, Tensor) or not target.ndim:
        return output, as_tensor(target, device=output.device).expand(output.shape)
    if output.shape == target.shape:
        return output, target
    if output.ndim == target.ndim + 1 and output.shape[-1] == 1:
        output = output.squeeze(-1)
    elif target.ndim == output.ndim + 1 and target.shape[-1] == 1:
        target = target.squeeze(-1)
    if output.shape != target.shape:
        raise ShapeMismatch(
            f"{what} compares an output of shape {in_words(output)} "
            f"with a target of shape {in_words(target)}; the two shapes must be equal"
        )
    return output, target


def class_labels(scores: Tensor | float, labels: Tensor | float, what: str) -> Tensor:
    """Integer labels, (B,) for scores (B, C) and (B, T) for scores of tokens (B, T, C).

    Labels (B, 1) lose their last dimension beside scores (B, C); one number is the label of all.

    Raises:
        ShapeMismatch: scores without an axis of classes, or another number of labels.
        LabelMismatch: labels that are not whole numbers (class codes).
    """
    scores = one_tensor(scores)
    if not isinstance(labels, Tensor) or not labels.ndim:
        label = as_tensor(labels, device=scores.device)
        # A param is a float.
        labels = (label.long() if label == label.round() else label).expand(scores.shape[:-1])
    plain = labels.dtype is int64 and labels.ndim == 1 and scores.ndim == 2
    if plain and labels.shape == scores.shape[:1]:
        return labels  # as most are
    if scores.ndim == 2 and labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels.squeeze(1)
    if scores.ndim < 2 or labels.shape != scores.shape[:-1]:
        raise label_mismatch(scores, labels, what)
    if labels.is_floating_point() or labels.is_complex():
        raise LabelMismatch(
            f"{what} needs labels that are class numbers 0, 1, ..., but they are {labels.dtype}"
        )
    return labels if labels.dtype is int64 else labels.long()


def require_classes(scores: Tensor, labels: Tensor, what: str) -> None:
    """Asked where torch has refused labels: nothing is looked at before.

    Raises:
        LabelMismatch: a label outside of 0 ... C - 1.
    """
    classes = scores.shape[-1]
    strange = labels[(labels < 0) | (labels >= classes)]
    if strange.numel():
        raise LabelMismatch(
            f"{what} of {classes} outputs needs labels 0 to {classes - 1}, but they hold "
            f"{in_few(strange)}"
        )


def in_few(values: Tensor) -> str:
    """The first distinct values, for people: `1, 2`."""
    return ", ".join(f"{value:g}" for value in sorted(set(values.flatten().tolist()))[:4])


def label_mismatch(scores: Tensor, labels: Tensor, what: str) -> ShapeMismatch:
    """The error for scores without an axis of classes, or another number of labels."""
    return ShapeMismatch(
        f"{what} needs scores of shape examples by classes and one label an example, "
        f"but the scores are {in_words(scores)} and the labels {in_words(labels)}"
    )


def single_logit(scores: Tensor) -> Tensor | None:
    """The logits `(B,)` of a binary model that returns `(B,)` or `(B, 1)`; None for classes."""
    scores = one_tensor(scores)
    if scores.ndim == 1:
        return scores
    if scores.ndim == 2 and scores.shape[1] == 1:
        return scores.squeeze(1)
    return None


def are_within(values: Tensor, classes: int) -> bool:
    """Whether whole numbers, which the host has, are codes of so many classes as they stand."""
    if values.dtype is not int64 or not values.is_cpu or not values.numel():
        return False
    lowest, highest = aminmax(values)
    return lowest.item() >= 0 and highest.item() < classes

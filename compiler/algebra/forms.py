"""What is known of one expression over decision variables: its shape, curvature and range.

Of functions of vectors and matrices, which `structure` asks about: affine in their argument are
trace, diag, mean, cumsum, dot with constants. Convex: variance, std, kl (jointly) and the sum of
the k largest entries of what is convex. Concave: entropy. Nothing is claimed of det, logdet, inv,
expm, median (Boyd and Vandenberghe 2004, section 3.1).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from cspec.dsl.values.shapes import RULES, Shape, Unfit, word_shape


class UnknownForm(Exception):  # noqa: N818
    """A form that is not read here."""


class Form(NamedTuple):
    """What is known of one expression; the range holds for every entry."""

    shape: Shape
    convex: bool
    concave: bool
    smooth: bool
    """Twice differentiable where it is defined."""
    low: float = -math.inf
    high: float = math.inf
    constant: bool = False

    @property
    def affine(self) -> bool:
        """Both convex and concave."""
        return self.convex and self.concave


_CORNERED = frozenset({"median", "topk", "clip", "where", "floor", "argmax"})
"""Functions with kinks or steps."""


def tensor_form(
    name: str, arguments: Sequence[Form], numbers: Sequence[float | None]
) -> Form | None:
    """The form of a function of the table; None for other functions and shapes that do not fit."""
    if name == "floor" and len(arguments) == 1:
        known = arguments[0]
        return _bent(known, known.shape, (known.low - 1, known.high))._replace(smooth=False)
    if name not in RULES:
        return None
    shape = word_shape(name, [form.shape for form in arguments], numbers)
    if shape is None or isinstance(shape, Unfit):
        return None
    if all(form.constant for form in arguments):
        return arguments[0]._replace(
            shape=shape, convex=True, concave=True, smooth=True, low=-math.inf, high=math.inf
        )
    first = arguments[0]
    count = math.prod(first.shape)
    match name:
        case "trace":
            low, high = shape_range(first, math.isqrt(count))
            return first._replace(shape=shape, low=low, high=high)
        case "mean":
            return first._replace(shape=shape)
        case "cumsum":
            low, high = shape_range(first, count)
            return first._replace(low=min(first.low, low), high=max(first.high, high))
        case "diag":
            spread = len(first.shape) == 1
            low, high = (min(first.low, 0.0), max(first.high, 0.0)) if spread else first[4:6]
            bent = first if not spread or first.affine else _bent(first, shape, (low, high))
            return bent._replace(shape=shape, low=low, high=high)
        case "variance" | "std":
            return _bent(first, shape, (0.0, math.inf))._replace(convex=first.affine)
        case "entropy":
            low = 0.0 if first.low >= 0 and first.high <= 1 else -math.inf
            return _bent(first, shape, (low, math.inf))._replace(concave=first.affine)
        case "kl":
            convex = all(form.affine for form in arguments)
            smooth = all(form.smooth for form in arguments)
            return _bent(first, shape)._replace(convex=convex, smooth=smooth)
        case "clip" | "where":
            values = arguments if name == "clip" else arguments[1:]
            ends = (min(form.low for form in values), max(form.high for form in values))
            return _bent(first, shape, ends)._replace(smooth=False)
        case "median" | "topk":
            return _bent(first, shape, (first.low, first.high))._replace(smooth=False)
    return _bent(first, shape)._replace(smooth=first.smooth and name not in _CORNERED)


def largest_form(inner: Form, k: float) -> Form:
    """The sum of the k largest entries: convex where they are."""
    ends = shape_range(inner, int(k))
    return _bent(inner, (), ends)._replace(convex=inner.convex, smooth=False)


def shape_range(form: Form, count: int) -> tuple[float, float]:
    """The range of a sum of `count` entries."""
    return count * form.low, count * form.high


def _bent(
    form: Form, shape: tuple[int, ...], ends: tuple[float, float] = (-math.inf, math.inf)
) -> Form:
    """A form of which no curvature is claimed."""
    low, high = ends
    return Form(shape, False, False, form.smooth, low, high)

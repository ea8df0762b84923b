"""Truth of comparisons and rules: exact, and two differentiable readings.

*Product logic* works with truth values in [0, 1], 1 being true (Reichenbach implication).
*DL2* works with losses >= 0, 0 being true: Fischer et al. 2019, "DL2: training and querying neural
networks with logic", section 3; a negation is pushed to the comparisons before translating.
"""

import torch
from torch import Tensor
from torch.nn import functional

from cspec.runtime.functions.elementary import as_tensor
from cspec.runtime.functions.shapes import Value


def implies(premise: Tensor, conclusion: Tensor) -> Tensor:
    """Exact truth of `A => B`: false only where A holds and B does not."""
    return ~premise | conclusion


def soft_less(a: Value, b: Value, temperature: float = 1.0) -> Tensor:
    """Truth of `a < b` (or `a <= b`) in [0, 1]: `sigmoid((b - a) / temperature)`."""
    return torch.sigmoid((as_tensor(b) - as_tensor(a)) / temperature)


def soft_equal(a: Value, b: Value, temperature: float = 1.0) -> Tensor:
    """Truth of `a == b` in [0, 1]: `exp(-((a - b) / temperature)^2)`."""
    return torch.exp(-((as_tensor(a) - as_tensor(b)) / temperature).square())


def sigmoid_event(margin: Tensor, temperature: float = 1.0) -> Tensor:
    """Smooth stand-in of `margin > 0`: `sigmoid(margin / temperature)`; no bound of the event."""
    return torch.sigmoid(margin / temperature)


def ramp_event(margin: Tensor, width: float = 1.0) -> Tensor:
    """Clipped line of `margin > 0`, rising over `width`: `clip(1/2 + margin / width, 0, 1)`."""
    return (0.5 + margin / width).clamp(0, 1)


def hinge_event(margin: Tensor, upper: bool = True) -> Tensor:
    """Bound of `1{margin > 0}` that is convex, `[1 + m]+` above, or concave, `1 - [1 - m]+` below.

    Use the upper one where the event is to be rare, the lower one where it is to be frequent.
    """
    return functional.relu(1 + margin) if upper else 1 - functional.relu(1 - margin)


def product_not(a: Tensor) -> Tensor:
    """1 - a."""
    return 1 - a


def product_and(a: Tensor, b: Tensor) -> Tensor:
    """a b."""
    return a * b


def product_or(a: Tensor, b: Tensor) -> Tensor:
    """a + b - a b."""
    return a + b - a * b


def product_implies(a: Tensor, b: Tensor) -> Tensor:
    """1 - a + a b, the truth of `not A or B`."""
    return 1 - a + a * b


def dl2_less_equal(a: Value, b: Value) -> Tensor:
    """Loss of `a <= b`: `[a - b]+`."""
    return functional.relu(as_tensor(a) - as_tensor(b))


def dl2_less(a: Value, b: Value, strictness: float = 1.0) -> Tensor:
    """Loss of `a < b`: `[a - b]+`, plus `strictness` where the two are equal."""
    difference = as_tensor(a) - as_tensor(b)
    return functional.relu(difference) + strictness * (difference == 0).to(difference.dtype)


def dl2_equal(a: Value, b: Value) -> Tensor:
    """Loss of `a == b`: `|a - b|`."""
    return (as_tensor(a) - as_tensor(b)).abs()


def dl2_and(a: Tensor, b: Tensor) -> Tensor:
    """Loss of `A and B`: the sum, zero only where both are."""
    return a + b


def dl2_or(a: Tensor, b: Tensor) -> Tensor:
    """Loss of `A or B`: the product, zero where one is."""
    return a * b


def dl2_implies(negated_premise: Tensor, conclusion: Tensor) -> Tensor:
    """Loss of `A => B` from the losses of `not A` and of B: their product."""
    return dl2_or(negated_premise, conclusion)

"""Measurements that wait for the optimizer's step."""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor


class Pending:
    """True constraints of one call of `loss`, and the gradient that its loss was given.

    `loss.backward()` gives 1, `(loss / k).backward()` 1/k, `(loss * n / N).backward()` n/N: the
    weight of this batch in the step of the model. None until a gradient has been computed: it is
    the hook of its loss, and calls `count` with itself then.
    """

    __slots__ = ("changed", "count", "examples", "true", "weight")
    __torch_unserializable__ = True  # a loss may be saved; without its hook, and without a warning

    def __init__(
        self,
        true: Tensor,
        examples: int,
        count: "Callable[[Pending], None] | None" = None,
        changed: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.true, self.examples, self.count = true, examples, count
        self.changed = changed
        """Entries of the state that become these once it counts."""
        self.weight: Tensor | None = None

    def await_gradient(self, loss: Tensor) -> None:
        """Be the hook of a loss."""
        if loss.grad_fn is None:
            loss.register_hook(self)  # type: ignore[no-untyped-call]
        else:  # the same without a handle for taking it off again, which costs more than it does
            loss._backward_hooks = OrderedDict(cspec=self)
            loss.grad_fn._register_hook_dict(loss)

    def __call__(self, gradient: Tensor) -> None:
        """Hear of the gradient of the loss; of one that is computed twice they add up."""
        if self.weight is None and gradient.ndim == 0 and not gradient.requires_grad:
            self.weight = gradient  # as nearly all are
        else:
            given = gradient.detach().reshape(())
            self.weight = given if self.weight is None else self.weight + given
        if self.count is not None:
            self.count(self)


def of_a_step(measurements: Sequence[Pending]) -> Tensor | None:
    """Mean of the true constraints over the calls of one step, weighing as in its gradient.

    Where no gradient was computed, calls weigh alike. A factor that all of them share (a loss
    scaler's) cancels.
    """
    if not measurements:
        return None
    if len(measurements) == 1 and _counts(measurements[0].weight):
        return measurements[0].true
    used = [item for item in measurements if item.weight is not None] or measurements
    ones = used[0].true.new_ones(())
    weights = [ones if item.weight is None else item.weight for item in used]
    return _mean(used, torch.stack([weight.to(ones) for weight in weights]))


def _counts(weight: Tensor | None) -> bool:
    """Whether the weight of the only measurement cancels; asked where the host need not wait."""
    if weight is None:
        return True
    return weight.is_cpu and (given := weight.item()) != 0 and math.isfinite(given)


def of_an_epoch(measurements: Sequence[Pending]) -> Tensor | None:
    """Mean of the true constraints over the steps of an epoch, weighing by their examples.

    Equal to the value on all the examples together where a constraint is a mean over examples or
    a function of parameters, and nothing moved.
    """
    if not measurements:
        return None
    examples = [float(item.examples) for item in measurements]
    return _mean(measurements, measurements[0].true.new_tensor(examples))


def _mean(measurements: Sequence[Pending], by: Tensor) -> Tensor:
    """Entry by entry, over those that measured it; NaN where none did."""
    rows = torch.stack([item.true for item in measurements])
    weights = by.unsqueeze(1)
    measured = ~rows.isnan()
    total = (torch.where(measured, rows, 0.0) * weights).sum(0)
    count = (measured * weights).sum(0)
    return torch.where(count != 0, total / torch.where(count != 0, count, 1.0), torch.nan)

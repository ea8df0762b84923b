"""torch's optimizers without torch's compiler, and Adam by one kernel on the CPU too.

What `torch.compile` has to leave alone is marked in `torch.optim`, and the first call of anything
marked imports the whole compiler: 0.7 s of CPU in every process, longer than a small run trains.
Nothing here compiles the step of an optimizer, so the same functions are called without the marks.
"""

from collections.abc import Callable, Iterable
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor


class Unmarked(torch.optim.Optimizer):
    """A base of torch's optimizers, asked before `torch.optim.Optimizer` is."""

    add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = unwrap(torch.optim.Optimizer.zero_grad)
    state_dict = unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict = unwrap(torch.optim.Optimizer.load_state_dict)


def _step_of(optimizer: type[torch.optim.Optimizer]) -> Callable[..., Any]:
    """The step as torch's file has it, without gradients of its own arithmetic."""
    step: Callable[..., Any] = torch.no_grad()(unwrap(optimizer.step))
    return step


class SGD(Unmarked, torch.optim.SGD):
    """`torch.optim.SGD`."""

    step = _step_of(torch.optim.SGD)


class LBFGS(Unmarked, torch.optim.LBFGS):
    """`torch.optim.LBFGS`."""

    step = _step_of(torch.optim.LBFGS)


class _Fused(Unmarked):
    """Moments and step of a tensor in one pass over its memory: a third of the time on a CPU."""

    def step(self, closure: Any = None) -> Any:
        """One step of every tensor that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                # The kernel walks through memory, whatever the strides say.
                if p.grad is not None and p.grad.stride() != p.stride():
                    p.grad = torch.empty_like(p).copy_(p.grad)
        return _ADAM_STEP(self, closure)


_ADAM_STEP = _step_of(torch.optim.Adam)


class Adam(_Fused, torch.optim.Adam):
    """`torch.optim.Adam`."""


class AdamW(_Fused, torch.optim.AdamW):
    """`torch.optim.AdamW`."""


def fusible(parameters: Iterable[Tensor]) -> bool:
    """Whether a fused kernel steps all of these: real floats on CPU or CUDA, without holes."""
    return all(
        p.device.type in ("cpu", "cuda")
        and p.is_floating_point()
        and torch.empty_like(p).stride() == p.stride()
        for p in parameters
    )

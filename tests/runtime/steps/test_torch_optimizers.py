"""Optimizers of torch by their own names: the same steps, in any layout, and no compiler."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from cspec.dsl.settings.fit import AdamOptimizer
from cspec.runtime.session.optimizers import build_optimizers
from cspec.runtime.steps import torch_optimizers

FLAT, ACROSS, LAST = "flat", "across", "channels last"


def parameter(layout: str, dtype: torch.dtype) -> nn.Parameter:
    torch.manual_seed(0)
    if layout == LAST:
        return nn.Parameter(
            torch.randn(4, 3, 5, 2, dtype=dtype).to(memory_format=torch.channels_last)
        )
    return nn.Parameter(
        torch.randn(7, 4, dtype=dtype) if layout == FLAT else torch.randn(4, 7, dtype=dtype).t()
    )


def gradient(of: Tensor, layout: str, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(of.shape, dtype=of.dtype, generator=generator)
    if layout == "one column":
        return drawn[:, :1].expand(of.shape)
    if layout == ACROSS:
        return drawn.transpose(0, 1).contiguous().transpose(0, 1)
    return drawn


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("of_gradient", [FLAT, ACROSS, "one column"])
@pytest.mark.parametrize("of_parameter", [FLAT, ACROSS, LAST])
@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD"])
def test_steps_are_those_of_torch_in_any_layout(
    name: str, of_parameter: str, of_gradient: str, dtype: torch.dtype
) -> None:
    ours, theirs = (parameter(of_parameter, dtype) for _ in range(2))
    more = {"momentum": 0.9} if name == "SGD" else {"fused": True}
    step = getattr(torch_optimizers, name)([ours], lr=0.01, weight_decay=0.1, **more)
    more.pop("fused", None)
    plain = getattr(torch.optim, name)([theirs], lr=0.01, weight_decay=0.1, foreach=False, **more)
    for seed in range(5):
        ours.grad = gradient(ours, of_gradient, seed)
        theirs.grad = gradient(theirs, of_gradient, seed)
        step.step()
        plain.step()
    # One kernel rounds otherwise than ten: some units of the last place, of numbers around 1.
    torch.testing.assert_close(ours, theirs, rtol=0, atol=32 * torch.finfo(dtype).eps)


def test_what_a_kernel_does_not_take_goes_without_it() -> None:
    whole = torch.zeros(3, 2)
    assert torch_optimizers.fusible([whole, whole.t()])
    assert not torch_optimizers.fusible([whole, torch.zeros(2, dtype=torch.complex64)])
    assert not torch_optimizers.fusible([torch.zeros(3, 4)[:, ::2]])


def test_states_are_read_by_torch_and_back() -> None:
    kept = nn.Parameter(torch.tensor([1.0, -2.0]))
    first = torch_optimizers.Adam([kept], lr=0.1, fused=True)
    kept.grad = torch.tensor([0.5, 0.25])
    first.step()
    again = nn.Parameter(kept.detach().clone())
    second = torch.optim.Adam([again], lr=0.1)
    second.load_state_dict(first.state_dict())
    third = torch_optimizers.Adam([again], lr=0.1, fused=True)
    third.load_state_dict(second.state_dict())
    again.grad = kept.grad.clone()
    first.step()
    third.step()
    torch.testing.assert_close(kept, again, rtol=0, atol=1e-6)


def test_a_run_does_without_the_compiler() -> None:
    program = """
import sys, torch, cspec
x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
y = (x[:, 0] > 0).long()
spec = "data d(x, y)\\nmodel f = linear\\nminimize ce\\ns.t. P[pred == 1] <= 0.4\\nfit(epochs=2)"
cspec.run(spec, d=(x, y))
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "False"


def test_the_memory_of_optimizers_is_asked_by_parameter() -> None:
    kept = nn.Parameter(torch.zeros(3))
    optimizers = build_optimizers([AdamOptimizer()], {"p": kept})
    kept.grad = torch.ones(3)
    optimizers.step()
    assert optimizers.state.get(kept, {})["step"].item() == 1

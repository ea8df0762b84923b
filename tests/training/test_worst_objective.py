"""The largest value of all examples as an objective, against linear programming."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import nn

import cspec

ROWS, POWERS = 40, 3


def made(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(ROWS, generator=generator) * 2 - 1
    y = torch.exp(x) + 0.05 * torch.randn(ROWS, generator=generator)
    return torch.stack([x**k for k in range(POWERS)], 1), y


def chebyshev(features: torch.Tensor, y: torch.Tensor) -> float:
    """min over w of max |X w - y|, as a linear program."""
    matrix, aim = features.double().numpy(), y.double().numpy()
    one = np.ones((len(aim), 1))
    found = linprog(
        [0.0] * POWERS + [1.0],
        A_ub=np.block([[matrix, -one], [-matrix, -one]]),
        b_ub=np.r_[aim, -aim],
        bounds=[(None, None)] * POWERS + [(0, None)],
    )
    return float(found.fun)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_best_uniform_fit(seed: int) -> None:
    data = made(seed)
    torch.manual_seed(seed)
    model = nn.Linear(POWERS, 1, bias=False)
    result = cspec.run(
        "data D(x, y)\nmodel f\nminimize max(abs(f(x) - y) for (x, y) in D)\nfit(steps=2000)\n",
        data=data,
        f=model,
    )
    with torch.no_grad():
        largest = float((model(data[0])[:, 0] - data[1]).abs().max())
    assert largest == pytest.approx(chebyshev(*data), rel=1e-2)  # first-order steps, 2,000
    assert result.objective == pytest.approx(largest, abs=1e-5)
    assert result["each"].multiplier == pytest.approx(1, rel=1e-2)


def test_the_largest_margin_over_pairs() -> None:
    """maximize the least f(a) - f(b) with |w| <= 1: the distance of the two hulls, here known."""
    x = torch.tensor([[2.0, 0.0], [3.0, 1.0], [2.0, 2.0], [0.0, 0.0], [-1.0, 1.0], [0.0, -2.0]])
    y = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    model = nn.Linear(2, 1, bias=False)
    result = cspec.run(
        "data D(x, y)\nmodel f\n"
        "maximize min(f(a.x) - f(b.x) for (a, b) in pairs(D) where a.y == 1 and b.y == 0)\n"
        "s.t. norm(f.weight, 2) <= 1\nfit(steps=600)\n",
        data=(x, y),
        f=model,
    )
    with torch.no_grad():
        scores = model(x)[:, 0]
    assert float(scores[:3].min() - scores[3:].max()) == pytest.approx(2, abs=5e-3)
    assert result.satisfied

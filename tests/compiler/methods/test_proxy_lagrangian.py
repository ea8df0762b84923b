"""The simplex game: its updates, and a rate with a known answer."""

from __future__ import annotations

import pytest
import torch

from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.methods.proxy_lagrangian import external_regret, stationary, swap_regret

RATE = """
data train(x, y) = two_gaussians(n=100, seed=0)
model f = linear
minimize bce(f(x), y)
s.t. quota: P[pred == 0] >= 70%
using {method}
fit(optimizer=sgd(lr=0.02), steps=1500, batch_size=full)
"""


def test_stationary_distribution_is_left_where_it_is():
    matrix = torch.rand(4, 4, generator=torch.Generator().manual_seed(0)) + 0.01
    matrix /= matrix.sum(dim=0)
    found = stationary(matrix.reshape(-1))
    assert torch.allclose(matrix @ found, found, atol=1e-6)
    assert found.sum().item() == pytest.approx(1.0)


def test_swap_update_is_the_formula():
    matrix = torch.tensor([[0.9, 0.6], [0.1, 0.4]])
    weights = stationary(matrix.reshape(-1))
    logs = matrix.log() + 0.5 * torch.tensor([[0.0, 0.0], [2.0, 2.0]]) * weights
    expected = logs.exp() / logs.exp().sum(dim=0)
    found = swap_regret(matrix.reshape(-1), torch.tensor([2.0]), 0.5, 1e-3)
    assert torch.allclose(found.reshape(2, 2), expected, atol=1e-6)


def test_external_update_stays_on_the_simplex():
    found = external_regret(torch.tensor([0.2, 0.8]), torch.tensor([3.0]), 0.1)
    assert found.tolist() == pytest.approx([0.05, 0.95])
    unmeasured = external_regret(torch.tensor([0.2, 0.8]), torch.tensor([float("nan")]), 0.1)
    assert unmeasured.tolist() == pytest.approx([0.2, 0.8])


@pytest.mark.parametrize("regret", ["swap", "external"])
def test_rate_is_met_at_the_price_of_the_lagrangian(run, regret):
    reference = run(RATE.format(method="lagrangian(dual=sgd(lr=0.1))"))
    result = run(RATE.format(method=f"proxy_lagrangian(regret={regret})"))
    assert result.status == "satisfied"
    assert result.objective == pytest.approx(reference.objective, abs=0.02)
    price = reference.constraints[0].multiplier
    assert result.constraints[0].multiplier == pytest.approx(price, rel=0.35)


def test_equalities_are_refused(build):
    with pytest.raises(SpecError, match="players weigh inequalities"):
        build("var x = 1\nminimize x^2\ns.t. c: x == 2\nusing proxy_lagrangian")

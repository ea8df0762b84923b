"""`lagrangian(multipliers=mlp(hidden=[64]))`: one network gives the multipliers of all examples."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import cspec
from cspec.runtime.methods.each_example import climb_network, multiplier_network

HEAD = "data train(x, y)\nmodel f = mlp(hidden=[32], act=tanh)\nminimize E[f(x)^2]\n"
NETWORK = "by lagrangian(multipliers=mlp(hidden=[16]))"


def line(n: int = 64) -> dict[str, Any]:
    x = torch.linspace(-1, 1, n).reshape(-1, 1)
    return {"x": x, "y": x[:, 0].clone()}


def torch_network(vector: torch.Tensor, inputs: int, hidden: int) -> nn.Sequential:
    """The same network made of layers."""
    net = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, 1))
    nn.utils.vector_to_parameters(vector, net.parameters())
    return net


@pytest.mark.parametrize("lr", [0.01, 0.3])
@pytest.mark.parametrize("adam", [True, False])
def test_the_ascent_is_that_of_an_optimizer_of_torch(lr: float, adam: bool) -> None:
    torch.manual_seed(0)
    layers, columns = [6, 5, 1], [torch.randn(7, 2, 2), torch.randn(7, 2)]
    state = {"c.network": multiplier_network(layers), "c.moments": torch.zeros(2 * 41 + 1)}
    state["c.multipliers"] = torch.zeros(7)
    net = torch_network(state["c.network"].clone(), 6, 5)
    flat = torch.cat([c.reshape(7, -1) for c in columns], 1)
    optimizer: torch.optim.Optimizer = torch.optim.SGD(net.parameters(), lr=lr, maximize=True)
    if adam:
        optimizer = torch.optim.Adam(
            net.parameters(), lr=lr, betas=(0.0, 0.999), eps=1e-12, maximize=True
        )
    for _ in range(5):
        values = torch.randn(7)
        values[3] = torch.nan  # nothing is asked of this one
        found = climb_network(
            state, "c", layers, columns, values, True,
            lr=lr, betas=(0.0, 0.999) if adam else None, act="tanh",
        )  # fmt: skip
        optimizer.zero_grad()
        asked = torch.tensor([0, 1, 2, 4, 5, 6])
        given = nn.functional.softplus(net(flat)[:, 0])
        (values[asked] * given[asked]).mean().backward()
        optimizer.step()
        given = nn.functional.softplus(net(flat)[:, 0]).detach()
        assert torch.allclose(found[asked], given[asked], rtol=1e-4, atol=1e-6)
        assert found[3] == 0


def test_multipliers_are_those_of_the_problem() -> None:
    """min E[f^2], f(x) >= x: f = [x]+, and the multipliers of N rows are 2 [x]+/N."""
    rows = line()
    result = cspec.run(
        f"{HEAD}s.t. c: forall (x, y) in train: f(x) >= y {NETWORK} within 0.05\n"
        "fit(steps=1500, batch_size=full, optimizer=adam(lr=0.01))",
        train=rows,
    )
    found = result["c"]
    assert found.satisfied
    own = 64 * torch.as_tensor(result.best.state["c.multipliers"]).float().reshape(-1)
    wanted = 2 * rows["y"].clamp(min=0)
    assert float((own - wanted).abs().mean()) < 0.25
    assert float(torch.corrcoef(torch.stack([own, wanted]))[0, 1]) > 0.95


@pytest.mark.parametrize(
    "line_",
    [
        f"E[f(x)] <= 1 {NETWORK}",
        "forall (x, y) in train: f(x) <= 1 by lagrangian(multipliers=mlp, order=primal_first)",
        "forall (x, y) in train: f(x) <= 1 by lagrangian(multipliers=mlp, dual=nupi)",
    ],
)
def test_what_a_network_can_not_do_is_refused_by_check(line_: str) -> None:
    assert [d.code for d in cspec.check(f"{HEAD}s.t. c: {line_}")] == ["CS520"]


def test_settings_of_the_network_are_checked() -> None:
    network = "lagrangian(multipliers=mlp(hiden=[3]))"
    text = f"{HEAD}s.t. c: forall (x, y) in train: f(x) <= 1 by {network}"
    assert [d.code for d in cspec.check(text)] == ["CS502"]

"""Parameters by their way in Python: `net.layers[0].weight` is one parameter, and no list."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

import cspec

SPEC = """
data train(x, y)
model net
minimize ce + 0.01*l2(net.first.weight)
s.t.
 s: spectral(net.layers[0].weight) <= 0.5
 r: net.layers[1].bias in simplex
 d: density(net.first.weight) <= 50%
 e: max(abs(net.first.bias)) <= 0.1
 k: net.layers[1].weight[0, 1] == 0.25
metric a = norm(net.layers[0].weight, 2)
metric b = net.layers[1].weight[0, 1] + 1
fit(epochs=5)
"""


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 6)
        self.layers = nn.ModuleList([nn.Linear(6, 6), nn.Linear(6, 2)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.layers[0](torch.relu(self.first(x))))
        out: torch.Tensor = self.layers[1](hidden)
        return out


def bound() -> tuple[Net, tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(0)
    x = torch.randn(200, 4)
    return Net(), (x, (x[:, 0] > 0).long())


def test_each_names_one_parameter() -> None:
    net, data = bound()
    result = cspec.run(SPEC, net=net, train=data)
    assert [c.name for c in result.constraints] == ["s", "r", "d", "e", "k"]  # no members
    first, (second, last) = net.first, (layer.weight for layer in net.layers)
    spectral = float(torch.linalg.matrix_norm(second.detach(), 2))
    assert result["s"].value == pytest.approx(spectral, rel=1e-5) and spectral <= 0.5 + 1e-5
    assert float(net.layers[1].bias.detach().sum()) == pytest.approx(1, abs=1e-5)
    assert float((first.weight != 0).float().mean()) <= 0.5
    assert float(first.bias.detach().abs().max()) <= 0.1 + 1e-6
    assert float(last.detach()[0, 1]) == 0.25
    assert result.metrics["a"] == pytest.approx(float(second.detach().norm()), rel=1e-5)
    assert result.metrics["b"] == pytest.approx(1.25)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("spectral(net.first.wieght) <= 1", "write `net.first.weight`"),
        ("l2(net.layers.2.weight) <= 1", "write `layers[2]`"),
        ("l2(net.layers[2].weight) <= 1", "write `net.layers[1].weight`"),
        ("l2(net.layers[1].bia) <= 1", "write `net.layers[1].bias`"),
        ("net.layers.zero.weight >= 0", "no parameter"),
        ("sumsq(net.layers[0].first) <= 3", "has no parameter `layers.0.first`"),
    ],
)
def test_what_the_model_does_not_have_is_told(written: str, said: str) -> None:
    net, data = bound()
    with pytest.raises(cspec.SpecError, match=re.escape(said)):
        cspec.run(f"data train(x, y)\nmodel net\nminimize ce\ns.t. {written}", net=net, train=data)


def test_in_an_own_loop() -> None:
    net, (x, y) = bound()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    text = "data train(x, y)\nmodel net\nminimize ce(net(x), y)\ns.t. net.first.weight >= 0"
    handle = cspec.bind(text, net=net, optimizer=optimizer)
    for _ in range(3):
        handle.step(x=x, y=y)
    assert float(net.first.weight.detach().min()) >= 0

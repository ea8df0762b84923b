"""Preferences about means over data: of the data, whatever batches show of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import cspec

HEAD = "data train(x, t, g)\nmodel f = linear\nminimize E[mse(f(x), t)]\ns.t. s: "
HOLDING = [
    'E[f(x) | g == "u"] <= 2',
    "E[f(x)] >= -2",
    "P[f(x) > 4] <= 60%",
    "gap(E[f(x) | g]) <= 1",
    'E[f(x) | g == "u"] / E[f(x)^2] <= 1',
    "abs(E[f(x)]) <= 2",
]
"""Met by f(x) = x on all rows, and broken on halves of them."""


def table() -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Two halves, of high and of low values; in each the groups differ, and together do not."""
    x = torch.tensor([5.0, 4.0, 9.0, 4.0, 6.0, 12.0, -3.0, -4.0, -5.0, -6.0, -12.0, -10.0])
    return x[:, None], x + torch.linspace(-1, 1, 12), np.array(["u", "v"] * 6)


@pytest.mark.parametrize("wanted", HOLDING)
@pytest.mark.parametrize("power", [1, 2])
def test_what_holds_on_the_data_pulls_nowhere(wanted: str, power: int) -> None:
    x, t, g = table()
    net = nn.Linear(1, 1)
    with torch.no_grad():
        net.weight.fill_(1.0)
        net.bias.fill_(0.0)
    spec = HEAD + f"{wanted} soft(weight=9, power={power})"
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    handle = cspec.bind(spec, f=net, optimizer=optimizer, train=(x, t, g))
    for step in range(800):
        rows = np.arange(6) + 6 * (step % 2)
        optimizer.zero_grad()
        handle.loss(x=x[rows], t=t[rows], g=list(g[rows])).backward()
        optimizer.step()
        if step < 798:
            continue
        plain = ((net(x[rows])[:, 0] - t[rows]) ** 2).mean()
        alone = torch.autograd.grad(plain, list(net.parameters()))
        for parameter, slope in zip(net.parameters(), alone, strict=True):
            torch.testing.assert_close(parameter.grad, slope, atol=1e-6, rtol=0)


def test_a_saved_state_goes_on_as_it_was() -> None:
    x, t, g = table()
    torch.manual_seed(0)
    losses = []
    net = nn.Linear(1, 1)
    spec = HEAD + 'E[f(x) | g == "u"] <= -3 soft(weight=9)'
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    handle = cspec.bind(spec, f=net, optimizer=optimizer, train=(x, t, g))
    for rows in (slice(0, 5), slice(5, 10), slice(2, 6)):
        handle.step(x=x[rows], t=t[rows], g=list(g[rows]))
    other = cspec.bind(spec, f=net, optimizer=optimizer, train=(x, t, g), hook=False)
    other.load_state_dict(handle.state_dict())
    for each in (handle, other):
        losses.append(each.loss(x=x[4:9], t=t[4:9], g=list(g[4:9])).item())
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("spec", "averaged"),
    [
        (HEAD + "E[f(x)] <= 0 soft\nfit(batch_size=4)", True),
        (HEAD + "gap(P[f(x) > 0 | g]) <= 10% soft(power=2)\nfit(batch_size=4)", True),
        (HEAD + "E[f(x)] <= 0 soft\nfit(batch_size=full)", False),
        (HEAD + "sumsq(f.weights) <= 1 soft\nfit(batch_size=4)", False),
        (HEAD + "forall (x, t) in train: f(x) <= 1 soft\nfit(batch_size=4)", False),
    ],
)
def test_batches_alone_are_averaged(spec: str, averaged: bool) -> None:
    source = cspec.compile(spec, train=table()).source
    assert ("late(" in source) is averaged

"""Preferences and penalties about means over data: of the data, whatever batches show of them."""

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


HOW = [
    "soft(weight=9)",
    "soft(weight=9, power=2)",
    "by exact_penalty(coefficient=9)",
    "by quadratic_penalty(coefficient=9)",
]


def table() -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Two halves, of high and of low values; in each the groups differ, and together do not."""
    x = torch.tensor([5.0, 4.0, 9.0, 4.0, 6.0, 12.0, -3.0, -4.0, -5.0, -6.0, -12.0, -10.0])
    return x[:, None], x + torch.linspace(-1, 1, 12), np.array(["u", "v"] * 6)


@pytest.mark.parametrize("wanted", HOLDING)
@pytest.mark.parametrize("how", HOW)
def test_what_holds_on_the_data_pulls_nowhere(wanted: str, how: str) -> None:
    x, t, g = table()
    net = nn.Linear(1, 1)
    with torch.no_grad():
        net.weight.fill_(1.0)
        net.bias.fill_(0.0)
    spec = HEAD + f"{wanted} {how}"
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


@pytest.mark.parametrize("g", ["E[f(x)] + 1", 'E[f(x) | g == "u"] + 3', "gap(E[f(x) | g]) - 0.5"])
@pytest.mark.parametrize("how", [*HOW, "by penalty(coefficient=2)"])
def test_what_is_violated_on_the_data_pulls_as_on_the_data(g: str, how: str) -> None:
    x, t, groups = table()
    x = x / 10 + torch.tensor(groups == "u")[:, None]
    net = nn.Linear(1, 1)
    with torch.no_grad():
        net.weight.fill_(1.0)
        net.bias.fill_(1.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    handle = cspec.bind(HEAD + f"{g} <= 0 {how}", f=net, optimizer=optimizer, train=(x, t, groups))
    found = []
    pairs = np.arange(12) // 2 % 2
    for step in range(300):
        rows = np.flatnonzero(pairs == step % 2)
        optimizer.zero_grad()
        handle.loss(x=x[rows], t=t[rows], g=list(groups[rows])).backward()
        optimizer.step()
        found.append([parameter.grad.clone() for parameter in net.parameters()])
    z = net(x)[:, 0]
    u, v = (z[torch.tensor(groups == name)].mean() for name in "uv")
    amount = {"E[f(x)] + 1": z.mean() + 1, 'E[f(x) | g == "u"] + 3': u + 3}.get(g, abs(u - v) - 0.5)
    wanted = {
        HOW[0]: 9 * amount, HOW[1]: 9 * amount**2,
        HOW[2]: 9 * amount, HOW[3]: 4.5 * amount**2,
    }.get(how, 2 * amount)  # fmt: skip
    slopes = torch.autograd.grad(((z - t) ** 2).mean() + wanted, list(net.parameters()))
    for one, other, slope in zip(*found[-2:], slopes, strict=True):
        torch.testing.assert_close((one + other) / 2, slope, rtol=0.03, atol=0.05)


@pytest.mark.parametrize("how", HOW)
def test_a_saved_state_goes_on_as_it_was(how: str) -> None:
    x, t, g = table()
    torch.manual_seed(0)
    losses = []
    net = nn.Linear(1, 1)
    spec = HEAD + f'E[f(x) | g == "u"] <= -3 {how}'
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
        (HEAD + "E[f(x)] <= 0 by exact_penalty\nfit(batch_size=4)", True),
        (HEAD + "gap(E[f(x) | g]) <= 0.1 by penalty\nfit(batch_size=4)", True),
        (HEAD + "E[f(x)] <= 0 by lagrangian\nfit(batch_size=4)", False),
        (HEAD + "E[f(x)] <= 0 soft\nfit(batch_size=full)", False),
        (HEAD + "E[f(x)] <= 0 by exact_penalty\nfit(batch_size=full)", False),
        (HEAD + "sumsq(f.weights) <= 1 by exact_penalty\nfit(batch_size=4)", False),
        (HEAD + "sumsq(f.weights) <= 1 soft\nfit(batch_size=4)", False),
        (HEAD + "forall (x, t) in train: f(x) <= 1 soft\nfit(batch_size=4)", False),
    ],
)
def test_batches_alone_are_averaged(spec: str, averaged: bool) -> None:
    source = cspec.compile(spec, train=table()).source
    assert ("late(" in source) is averaged


def test_preferences_on_one_mean_each_weigh_it() -> None:
    lines = "E[f(x)] <= 0 soft\nu: E[f(x)] >= 1 soft\nv: E[f(x)] == 2 by exact_penalty\n"
    source = cspec.compile(HEAD + lines + "fit(batch_size=4)", train=table()).source
    assert source.count("late_violation(") == 3

"""Pruning in a loop of the user's own: the ramp follows its steps, the mask stays."""

import torch
from torch import nn

import cspec

SPEC = "given loss\nmodel net\nminimize loss\ns.t. prune: density(net) <= 10%{how}\n"


def pruned_at(how: str = "", steps: int = 40) -> list[torch.Tensor]:
    """Which weights are not zero after each optimizer step."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(12, 30), nn.ReLU(), nn.Linear(30, 3))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    handle = cspec.bind(SPEC.format(how=how), net=net, optimizer=optimizer, steps=steps)
    x, y = torch.randn(64, 12), torch.randint(3, (64,))
    masks = []
    for _ in range(steps):
        handle.step(loss=nn.functional.cross_entropy(net(x), y))
        masks.append(torch.cat([(p != 0).flatten() for p in net.parameters() if p.ndim > 1]))
    return masks


def test_dense_then_the_ramp_then_one_mask() -> None:
    masks = pruned_at()
    shares = [float(mask.double().mean()) for mask in masks]
    assert shares[2] == 1 and shares == sorted(shares, reverse=True)
    assert 0.1 < shares[20] < 0.5
    assert int(masks[-1].sum()) == int(0.1 * 450)
    assert all(torch.equal(mask, masks[-1]) for mask in masks[24:])


def test_one_shot_keeps_its_mask() -> None:
    masks = pruned_at(" by projection(warmup=0.5, ramp=0, freeze=true)")
    assert all(bool(mask.all()) for mask in masks[:18])
    assert all(torch.equal(mask, masks[-1]) for mask in masks[20:])

"""Density, counts and operations of plain and gated networks, counted by hand."""

import pytest
import torch
from torch import nn

from cspec.runtime.functions import (
    bytes_,
    density,
    expected_density,
    flops,
    params,
    prunable,
)
from cspec.runtime.models import HardConcreteLinear, clamp_gates, deploy_, mlp


def _conv_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 5)
    )


def test_prunable_leaves_biases_normalization_and_gates_out() -> None:
    assert [name for name, _ in prunable(_conv_net())] == ["0.weight", "4.weight"]
    gated = mlp(4, 3, hidden=[5], gates="hard_concrete")
    assert [name for name, _ in prunable(gated)] == ["fc1.weight", "fc2.weight"]
    block = nn.TransformerEncoderLayer(8, 2, 16)
    assert not any("norm" in name or "bias" in name for name, _ in prunable(block))
    assert "self_attn.in_proj_weight" in dict(prunable(block))


def test_shared_weights_count_once() -> None:
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    assert len(prunable(tied)) == 1


def test_density_counts_exactly() -> None:
    net = nn.Linear(10, 10)
    with torch.no_grad():
        net.weight.fill_(1.0).view(-1)[:30] = 0.0
    assert density(net).item() == 0.7
    assert expected_density(net).item() == pytest.approx(0.7)
    with pytest.raises(ValueError, match="no prunable weight"):
        density(nn.ReLU())


def test_gates_that_are_off_count_as_zero() -> None:
    layer = HardConcreteLinear(10, 10)
    with torch.no_grad():
        layer.weight.fill_(1.0).view(-1)[:10] = 0.0
        layer.log_alpha.fill_(4.0).view(-1)[5:45] = -4.0
    assert density(layer).item() == 0.55
    assert density(layer).item() == density(deploy_(layer)).item()
    shares = torch.sigmoid(torch.tensor([4.0, -4.0], dtype=torch.float64) + 1.598597)
    expected = (60 * shares[0] + 40 * shares[1]) / 100
    assert expected_density(layer).item() == pytest.approx(expected.item(), abs=1e-6)


def test_expected_density_moves_the_gates() -> None:
    torch.manual_seed(0)
    net = mlp(6, 3, hidden=[8], gates="hard_concrete", drop_rate=0.5)
    gates = [p for name, p in net.named_parameters() if name.endswith("log_alpha")]
    optimizer = torch.optim.Adam(gates, lr=0.2)
    for _ in range(60):
        optimizer.zero_grad()
        expected_density(net).backward()
        optimizer.step()
        clamp_gates(net)
    assert density(net).item() == 0.0
    assert min(g.min().item() for g in gates) >= -4.6 - 1e-6


def test_parameters_bytes_and_operations_by_hand() -> None:
    net = _conv_net()
    assert params(net).item() == 18 + 2 + 4 + 160 + 5
    assert bytes_(net).item() == 4 * params(net).item()
    assert flops(net, (1, 4, 4)).item() == 2 * (18 * 16 + 160)
    with torch.no_grad():
        net[4].weight[:, :16] = 0.0
    assert params(net).item() == 18 + 2 + 4 + 80 + 5
    assert flops(net, (1, 4, 4)).item() == 2 * (18 * 16 + 80)
    assert net[1].training and net[1].num_batches_tracked.item() == 0


def test_expected_counts_have_a_gradient() -> None:
    net = mlp(4, 2, hidden=[3], gates="hard_concrete")
    for cost in (params(net, expected=True), flops(net, (4,), expected=True)):
        gradients = torch.autograd.grad(cost, [p for n, p in net.named_parameters() if "log" in n])
        assert all(bool((g > 0).all()) for g in gradients)
    assert params(net).item() == 12 + 3 + 6 + 2


def test_operations_remember_the_shape_of_an_example() -> None:
    net = _conv_net()
    with pytest.raises(ValueError, match="depend on the shape of an example"):
        flops(net)
    assert flops(net, (1, 4, 4)).item() == flops(net).item()

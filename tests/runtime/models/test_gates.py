"""Hard-concrete gates against their formulas and against sampling."""

import copy
import math

import pytest
import torch

from cspec.runtime.models import (
    HardConcreteConv2d,
    HardConcreteLinear,
    build,
    clamp_gates,
    deploy_,
    frozen,
    gate_parameters,
    has_gates,
)


def _spread(layer: HardConcreteLinear | HardConcreteConv2d, low: float, high: float) -> None:
    values = torch.linspace(low, high, layer.log_alpha.numel())
    with torch.no_grad():
        layer.log_alpha.copy_(values.reshape(layer.log_alpha.shape))


def test_start_is_dense_around_the_drop_rate() -> None:
    torch.manual_seed(0)
    layer = HardConcreteLinear(50, 40, drop_rate=0.01)
    assert layer.log_alpha.mean().item() == pytest.approx(math.log(99), abs=1e-3)
    assert layer.log_alpha.std().item() == pytest.approx(0.01, rel=0.1)
    assert bool((layer.deployed_gate() == 1).all())
    with pytest.raises(ValueError, match="drop_rate must lie"):
        HardConcreteLinear(2, 2, drop_rate=1.0)


def test_expected_l0_is_the_frequency_of_open_gates() -> None:
    torch.manual_seed(0)
    layer = HardConcreteLinear(6, 5)
    _spread(layer, -4, 4)
    open_share = torch.stack([layer.sampled_gate() > 0 for _ in range(4000)]).double().mean()
    assert layer.expected_l0().item() / 30 == pytest.approx(open_share.item(), abs=0.01)


def test_deployed_gate_closes_and_opens_at_the_stated_log_alpha() -> None:
    layer = HardConcreteLinear(3, 1)
    with torch.no_grad():
        layer.log_alpha.copy_(torch.tensor([[-2.40, -2.39, 2.40]]))
    gate = layer.deployed_gate().flatten()
    assert gate[0] == 0 and 0 < gate[1] < 0.01 and gate[2] == 1
    assert layer.deployed_mask().tolist() == [[False, True, True]]


def test_training_samples_and_evaluation_does_not() -> None:
    torch.manual_seed(0)
    layer = HardConcreteLinear(8, 4, drop_rate=0.5)
    x = torch.randn(3, 8)
    assert not torch.equal(layer(x), layer(x))
    torch.manual_seed(7)
    first = layer(x)
    torch.manual_seed(7)
    assert torch.equal(first, layer(x))
    layer.eval()
    state = torch.get_rng_state()
    assert torch.equal(layer(x), layer(x))
    assert torch.equal(state, torch.get_rng_state())


def test_gradient_reaches_weights_and_gates() -> None:
    torch.manual_seed(0)
    layer = HardConcreteConv2d(2, 3, 3, padding=1, drop_rate=0.5)
    layer(torch.randn(4, 2, 5, 5)).square().sum().backward()
    for parameter in (layer.weight, layer.log_alpha, layer.bias):
        assert parameter is not None and parameter.grad is not None
        assert parameter.grad.abs().max() > 0 and parameter.grad.isfinite().all()


def test_clamp_keeps_gates_recoverable() -> None:
    net = build("mlp", inputs=(4,), outputs=2, gates="hard_concrete")
    with torch.no_grad():
        for parameter in gate_parameters(net):
            parameter.fill_(-30.0)
    clamp_gates(net)
    assert [p.max().item() for p in gate_parameters(net)] == pytest.approx([-4.6] * 3)


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn"])
def test_deployed_network_computes_the_same(name: str) -> None:
    torch.manual_seed(0)
    net = build(name, inputs=(1, 8, 8), outputs=3, gates="hard_concrete", drop_rate=0.5)
    for layer in net.modules():
        if isinstance(layer, (HardConcreteLinear, HardConcreteConv2d)):
            _spread(layer, -4, 4)
    x = torch.randn(5, 1, 8, 8)
    expected = net.eval()(x)
    swapped = deploy_(copy.deepcopy(net))
    plain = build(name, inputs=(1, 8, 8), outputs=3)
    plain.load_state_dict(swapped.state_dict())
    torch.testing.assert_close(plain.eval()(x), expected)
    assert has_gates(net) and not has_gates(swapped)
    torch.testing.assert_close(swapped(x), expected)
    assert [n for n, _ in swapped.named_parameters()] == [n for n, _ in plain.named_parameters()]


def test_frozen_copy_never_moves() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(3))
    still = frozen(net)
    x = torch.randn(8, 3)
    before = still(x)
    holder = torch.nn.ModuleList([still])
    holder.train()
    still.train()
    with torch.no_grad():
        net[0].weight.add_(1.0)
    torch.testing.assert_close(still(x), before)
    assert not any(p.requires_grad for p in still.parameters()) and net[0].weight.requires_grad
    assert not any(m.training for m in still.modules())
    assert isinstance(still, torch.nn.Sequential)
    assert list(still.state_dict()) == list(net.state_dict())
    torch.testing.assert_close(frozen(still)(x), before)

"""Gates that are decided: which stay, how many, and what the network computes then."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cspec.runtime.functions import density
from cspec.runtime.methods.gates import decide_gates
from cspec.runtime.models import clamp_gates, gated_layers, mlp
from cspec.runtime.models.gates import HardConcrete


def net(seed: int = 0, spread: float = 4.0) -> nn.Module:
    torch.manual_seed(seed)
    model = mlp(6, 3, hidden=[8, 5], gates="hard_concrete")
    for layer in layers(model):
        nn.init.normal_(layer.log_alpha, 0.0, spread)
    clamp_gates(model)
    return model


def layers(model: nn.Module) -> list[HardConcrete]:
    return [layer for _, layer in gated_layers(model)]


def flat(model: nn.Module, name: str) -> np.ndarray:
    return np.concatenate(
        [getattr(layer, name).detach().numpy().ravel() for layer in layers(model)]
    )


def over(model: nn.Module, bound: float) -> Tensor:
    return (density(model) - bound).reshape(1)


@pytest.mark.parametrize("bound", [0.9, 0.5, 0.31, 0.1])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_as_many_gates_stay_as_the_bound_allows(seed: int, bound: float) -> None:
    model = net(seed)
    decide_gates([model], lambda: over(model, bound), due=True)
    total = flat(model, "weight").size
    kept = int((flat(model, "log_alpha") > 0).sum())
    assert kept == int(bound * total + 1e-9)
    assert float(density(model)) == kept / total <= bound


def test_the_most_open_gates_stay_and_of_equal_ones_those_of_larger_weights() -> None:
    model = net()
    before, size = flat(model, "log_alpha"), np.abs(flat(model, "weight"))
    decide_gates([model], lambda: over(model, 0.3), due=True)
    open_ = flat(model, "log_alpha") > 0
    order = np.lexsort((size, before))[::-1]
    least = 5  # each of three layers keeps a fifth of the share, whatever its order
    assert set(order[: open_.sum() - least]) <= set(np.flatnonzero(open_))


def test_the_network_computes_what_it_did_where_nothing_changes_sides() -> None:
    model = net(spread=3.0).eval()
    x = torch.randn(20, 6)
    expected = model(x)
    share = float(density(model))
    for layer in layers(model):  # shut for certain, so that the order is that of the deployed gates
        layer.log_alpha.data[layer.deployed_gate() == 0] = -4.6
    decide_gates([model], lambda: over(model, share), due=True)
    assert torch.allclose(model(x), expected, atol=1e-6)
    assert torch.equal(model(x), model.train()(x))  # nothing is drawn any more


def test_decided_gates_stay_whatever_an_optimizer_does_to_them() -> None:
    model = net()
    decide_gates([model], lambda: over(model, 0.4), due=True)
    weights, gates = flat(model, "weight").copy(), flat(model, "log_alpha").copy()
    for layer in layers(model):
        layer.log_alpha.data.add_(torch.randn_like(layer.log_alpha))
    decide_gates([model], lambda: over(model, 0.4), due=True)
    assert np.array_equal(flat(model, "log_alpha"), gates)
    assert np.array_equal(flat(model, "weight"), weights)


def test_a_tighter_bound_decides_again() -> None:
    model = net()
    decide_gates([model], lambda: over(model, 0.4), due=True)
    decide_gates([model], lambda: over(model, 0.2), due=True)
    assert 0.19 < float(density(model)) <= 0.2


def test_a_bound_that_no_gates_meet_leaves_them_as_they_are() -> None:
    model = net()
    before = flat(model, "log_alpha").copy(), flat(model, "weight").copy()
    decide_gates([model], lambda: over(model, -0.1), due=True)
    assert np.array_equal(flat(model, "log_alpha"), before[0])
    assert np.array_equal(flat(model, "weight"), before[1])


def test_every_layer_keeps_something() -> None:
    model = net()
    for layer in layers(model)[:1]:
        layer.log_alpha.data.fill_(-4.6)
    decide_gates([model], lambda: over(model, 0.3), due=True)
    assert all(bool((layer.log_alpha > 0).any()) for layer in layers(model))

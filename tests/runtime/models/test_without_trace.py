"""Modes of torch that are on around a call: what `run` and the verdicts of a handle see of them."""

from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from torch import Tensor, nn

import cspec

X = torch.randn(96, 3, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()
MODES = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "no_grad": torch.no_grad,
    "inference": torch.inference_mode,
}


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))


def ran(mode: AbstractContextManager[object]) -> tuple[float, Tensor]:
    net = network()
    with mode:
        net(X)  # automatic casts keep these weights
        result = cspec.run(
            "minimize ce\ns.t. a: P[pred == 1] <= 30%\nfit(epochs=4, batch_size=16)",
            model=net,
            data=(X, Y),
        )
        outputs = net(X).float()
    by_hand = nn.functional.cross_entropy(outputs, Y).item()
    assert result.objective == pytest.approx(by_hand, rel=1e-2)
    return result.objective, next(net.parameters()).detach()


@pytest.mark.parametrize("mode", MODES)
def test_a_run_is_the_same_inside_of_them(mode: str) -> None:
    plain, weights = ran(nullcontext())
    found, others = ran(MODES[mode]())
    assert found == plain and weights.equal(others)


@pytest.mark.parametrize("mode", MODES)
def test_verdicts_are_those_of_the_weights_that_there_are(mode: str) -> None:
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    spec = "data train(x, y)\nmodel f\nminimize ce(f(x), y)\ns.t. a: E[sumsq(f(x))] <= 0.3"
    handle = cspec.bind(spec, f=net, optimizer=optimizer, train=(X, Y))
    with MODES[mode]():
        net(X)
        for parameter in net.parameters():
            parameter.data.mul_(2)
        found = handle.verify()
        end = handle.restore()
    assert end.satisfied
    for value, outputs in ((end["a"].value, net(X)), (found["a"].value, _doubled()(X))):
        assert value == pytest.approx(outputs.square().sum(1).mean().item(), rel=1e-5)


def _doubled() -> nn.Module:
    net = network()
    for parameter in net.parameters():
        parameter.data.mul_(2)
    return net


def test_the_loss_of_a_loop_is_in_the_types_of_the_loop() -> None:
    net = network()
    spec = "data train(x, y)\nmodel f\nminimize E[sumsq(f(x))]"
    handle = cspec.bind(spec, f=net, optimizer=torch.optim.SGD(net.parameters(), lr=0.1))
    with MODES["autocast"]():
        loss, by_hand = handle.loss(x=X, y=Y), net(X).square().sum(1).mean()
    assert loss.item() == pytest.approx(by_hand.item(), rel=1e-6)
    assert loss.item() != net(X).square().sum(1).mean().item()

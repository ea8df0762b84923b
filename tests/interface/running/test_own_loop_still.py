"""What the optimizer of somebody's own loop does not train stays as it is, to the bit."""

import math

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec.runtime.own_loop.verdicts import Verdicts

X = torch.randn(128, 3, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()
SPEC = "data train(x, y)\nmodel f\nminimize ce(f(x), y)\ns.t. a: "


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))


def weights(net: nn.Sequential) -> tuple[Tensor, Tensor]:
    return net[0].weight, net[2].weight  # type: ignore[return-value]


def kept(rule: str, net: nn.Sequential, held: nn.Module, steps: int = 20) -> Verdicts:
    """The verdict behind some steps; the first layer is as it was after each of them."""
    optimizer = torch.optim.SGD(held.parameters(), lr=0.1, momentum=0.9)
    handle = cspec.bind(SPEC + rule, f=net, optimizer=optimizer, steps=steps)
    net[0].requires_grad_(held is not net)  # frozen only now, where the optimizer holds all
    before = net[0].weight.detach().clone()
    for _ in range(steps):
        handle.step(x=X, y=Y)
        assert before.equal(net[0].weight)
    found = handle.verify((X, Y))
    assert before.equal(net[0].weight)
    return found


@pytest.mark.parametrize("all_held", [True, False], ids=["frozen later", "not held"])
def test_each_weight_has_a_set(all_held: bool) -> None:
    net = network()
    found = kept("forall W in f.weights: norm(W, inf) <= 0.1", net, net if all_held else net[2])
    first, last = (float(w.detach().abs().max()) for w in weights(net))
    assert last <= 0.1 + 1e-6 < first
    assert [c.satisfied for c in found] == [False, True]
    assert [c.value for c in found] == pytest.approx([first, last])


@pytest.mark.parametrize("all_held", [True, False], ids=["frozen later", "not held"])
def test_a_ball_of_all_weights_leaves_what_the_still_ones_leave(all_held: bool) -> None:
    net = network()
    rest = float(net[0].weight.detach().square().sum())
    found = kept("norm(f.weights, 2) <= 1.6 by projection", net, net if all_held else net[2])
    last = float(net[2].weight.detach().square().sum())
    assert found["a"].value == pytest.approx(math.sqrt(rest + last), rel=1e-5)
    assert found["a"].value < 1.601


def test_pruning_takes_no_weight_that_is_frozen() -> None:
    net = network()
    found = kept("density(f) <= 75% by projection(warmup=0, ramp=0.3, freeze=true)", net, net)
    left = sum(int((w != 0).sum()) for w in weights(net))
    assert found["a"].value == pytest.approx(left / 40) and left < 40


def test_what_trains_again_is_projected_again() -> None:
    net = network()
    optimizer = torch.optim.SGD(net[2].parameters(), lr=0.1)
    rule = "forall W in f.weights: norm(W, inf) <= 0.1"
    handle = cspec.bind(SPEC + rule, f=net, optimizer=optimizer)
    handle.step(x=X, y=Y)
    assert float(net[0].weight.detach().abs().max()) > 0.1
    optimizer.add_param_group({"params": list(net[0].parameters())})
    handle.step(x=X, y=Y)
    assert handle.verify((X, Y)).satisfied


def test_neither_steps_nor_a_restoration_move_a_model_that_is_not_held() -> None:
    a, b = nn.Linear(3, 2), nn.Linear(3, 2)
    before = b.weight.detach().clone()
    spec = """data train(x, y)
        model a
        model b
        minimize ce(a(x), y)
        s.t. k: E[kl(prob(b(x)), prob(a(x)))] <= 0.01
             n: forall W in b.weights: l2(W) <= 0.2"""
    optimizer = torch.optim.Adam(a.parameters(), lr=0.01)
    handle = cspec.bind(spec, a=a, b=b, optimizer=optimizer)
    for _ in range(20):
        handle.step(x=X, y=Y)
    found = handle.restore((X, Y))
    assert before.equal(b.weight)
    n = found["n[weight]"]
    assert not n.satisfied and n.value == pytest.approx(float(before.norm()))


@pytest.mark.parametrize(
    "rule", ["forall W in f.weights: norm(W, inf) <= 0.1", "density(f) <= 50%", "E[ce] <= 0.1 soft"]
)
def test_where_there_is_nothing_to_restore_sets_are_projected_onto(rule: str) -> None:
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    handle = cspec.bind(SPEC + rule, f=net, optimizer=optimizer, steps=30)
    handle.step(x=X, y=Y)
    with torch.no_grad():
        net[0].weight[0, 0] = 2.0  # outside
    found = handle.restore((X, Y))
    assert found.satisfied
    largest = max(float(w.detach().abs().max()) for w in weights(net))
    left = sum(int((w != 0).sum()) for w in weights(net))
    assert (largest <= 0.1 + 1e-6) == ("norm" in rule)
    assert (left <= 20) == ("density" in rule)


def test_a_loop_too_short_to_be_restored_is_told_so() -> None:
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    handle = cspec.bind(SPEC + "P[pred == 1] <= 30%", f=net, optimizer=optimizer, steps=9)
    with pytest.raises(cspec.SpecError, match="fewer than 30 steps"):
        handle.restore((X, Y))

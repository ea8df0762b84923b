"""Batches without a group: their requirement waits, whatever is computed from the group's mean."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cspec

ROWS = 90
BENT = [
    "std(P[pred == 1 | g]) <= 0.01",
    "l2(E[prob[1] | g]) <= 0.01",
    'norm(E[prob | g == "w"] - E[prob | g == "u"], 2) <= 0.01',
    'kl(E[prob | g == "w"], E[prob]) <= 0.01',
    'E[(ce - E[ce | g == "w"])^2] <= 0.01',
    'E[ce | g == "w"]*P[pred == 1] <= 0.01',
    'exp(E[ce | g == "w"] - E[ce]) <= 0.01',
    'E[ce | g == "w"]^2/(1 + E[ce | g == "u"]) <= 0.01',
    'cvar(ce, 0.5, where=g == "w")^2 <= 0.01',
    'sqrt(E[ce | g == "w"]) <= 0.01',
    'abs(E[ce | g == "w"] - E[ce]) == 0',
]


def table() -> tuple[Tensor, Tensor, np.ndarray]:
    torch.manual_seed(0)
    x = torch.randn(ROWS, 3)
    return x, (x[:, 0] > 0).long(), np.array(["u"] * 60 + ["v"] * 25 + ["w"] * 5)


@pytest.mark.parametrize("form", BENT)
def test_the_objective_moves_the_model_alone_where_a_group_is_missing(form: str) -> None:
    x, y, g = table()
    torch.manual_seed(1)
    net, plain = nn.Linear(3, 2), nn.Linear(3, 2)
    plain.load_state_dict(net.state_dict())
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    spec = f"data train(x, y, g)\nmodel net\nminimize ce\ns.t. c: {form}\nusing lagrangian"
    handle = cspec.bind(spec, net=net, optimizer=optimizer, train=(x, y, g))
    rows = list(range(20))  # of the first group alone
    for _ in range(3):
        optimizer.zero_grad()
        handle.loss(x=x[rows], y=y[rows], g=list(g[rows])).backward()
        optimizer.step()
        nn.functional.cross_entropy(plain(x[rows]), y[rows]).backward()
        with torch.no_grad():
            for p in plain.parameters():
                assert p.grad is not None
                p -= 0.1 * p.grad
                p.grad = None
    torch.testing.assert_close(net.weight, plain.weight)
    assert all(value == 0 for value in handle.multipliers.values())


def test_groups_that_are_there_move_theirs() -> None:
    """E[ce | g]*P[pred == 1] of each group: the ones present by their own product."""
    x, y, g = table()
    torch.manual_seed(1)
    net = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    spec = (
        "data train(x, y, g)\nmodel net\nminimize ce\n"
        "s.t. c: forall k in values(g): E[ce | g == k]*E[ce] <= 0.01\n"
        "using lagrangian(dual=sgd(lr=1))"
    )
    handle = cspec.bind(spec, net=net, optimizer=optimizer, train=(x, y, g))
    rows = [*range(10), *range(60, 70)]  # u and v
    loss = handle.loss(x=x[rows], y=y[rows], g=list(g[rows]))
    loss.backward()
    optimizer.step()
    each = nn.functional.cross_entropy(net(x[rows]), y[rows], reduction="none").detach()
    for k, part in (("u", each[:10]), ("v", each[10:])):
        expected = float(part.mean() * each.mean()) - 0.01
        assert handle.multipliers[f"c[{k}]"] == pytest.approx(expected, rel=1e-5)
    assert handle.multipliers["c[w]"] == 0 and math.isnan(handle.violations["c[w]"])
    optimizer.zero_grad()
    handle.loss(x=x[rows], y=y[rows], g=list(g[rows])).backward()
    assert net.weight.grad is not None
    found = net.weight.grad.clone()
    net.zero_grad()
    live = nn.functional.cross_entropy(net(x[rows]), y[rows], reduction="none")
    total = live.mean()
    for k, part in (("u", live[:10]), ("v", live[10:])):
        total = total + handle.multipliers[f"c[{k}]"] * (part.mean() * live.mean() - 0.01)
    total.backward()
    torch.testing.assert_close(found, net.weight.grad)


DISTANCE = "sumsq(f(x) - ref(x))"


@pytest.mark.parametrize("form", ["sqrt(E[{}])", "E[{}]^0.5", "E[{}]^(1/2)", "E[sqrt({})]"])
def test_a_root_at_zero_has_a_gradient(form: str) -> None:
    x, y, _ = table()
    torch.manual_seed(1)
    net = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    spec = (
        "data train(x, y)\nmodel f\nmodel ref = frozen(f)\nminimize ce(f(x), y)\n"
        f"s.t. {form.format(DISTANCE)} <= 0.5"
    )
    handle = cspec.bind(spec, f=net, optimizer=optimizer, train=(x, y))
    before = net.weight.detach().clone()
    for _ in range(2):
        optimizer.zero_grad()
        handle.loss(x=x, y=y).backward()
        optimizer.step()
    assert net.weight.isfinite().all() and not torch.equal(net.weight, before)

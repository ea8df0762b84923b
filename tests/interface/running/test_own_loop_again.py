"""A loop taken up again: model, optimizer, `bind`, then their states, in a new process's order."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

import cspec
from cspec.runtime.own_loop.handle import Handle

DRAW = torch.Generator().manual_seed(0)
X = torch.randn(120, 4, generator=DRAW)
Y = (X[:, 0] > 0).long()
REFERENCE = """
data train(x, y)
model net
model ref = frozen(net)
minimize ce(net(x), y)
s.t. near: E[kl(prob(ref(x)), prob(net(x)))] <= 0.5
"""
PRUNED = """
data train(x, y)
model net
minimize ce(net(x), y)
s.t. few: density(net) <= 50% by projection(warmup=0.2, ramp=0.2, freeze=true)
"""


def started(spec: str, *states: dict[str, Any]) -> tuple[nn.Module, Handle]:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 2))
    if states:
        net.load_state_dict(states[0])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
    handle = cspec.bind(spec, net=net, optimizer=optimizer, steps=30)
    if states:
        optimizer.load_state_dict(states[1])
        handle.load_state_dict(states[2])
    return net, handle


def saved(net: nn.Module, handle: Handle) -> list[dict[str, Any]]:
    return [copy.deepcopy(part.state_dict()) for part in (net, handle.optimizer, handle)]


def test_the_reference_is_that_of_the_start() -> None:
    net, handle = started(REFERENCE)
    first = copy.deepcopy(net).eval()
    for _ in range(20):
        handle.step(x=X, y=Y)
    again, other = started(REFERENCE, *saved(net, handle))
    with torch.no_grad():
        p, q = first(X).softmax(1), again.eval()(X).softmax(1)
    by_hand = float((p * (p.log() - q.log())).sum(1).mean())
    assert by_hand > 0.1
    for each in (handle, other):
        assert each.verify((X, Y))["near"].value == pytest.approx(by_hand, rel=1e-4)
    assert not other.notes


def test_a_state_without_its_reference_is_told() -> None:
    states = saved(*started(REFERENCE))
    del states[2]["references"]
    _, handle = started(REFERENCE, *states)
    assert len(handle.notes) == 1 and "has no `ref`" in handle.notes[0]


def test_what_was_pruned_for_good_stays_so() -> None:
    net, handle = started(PRUNED)
    early = saved(net, handle)
    for _ in range(20):
        handle.step(x=X, y=Y)
    again, other = started(PRUNED, *saved(net, handle))
    for _ in range(5):
        handle.step(x=X, y=Y)
        other.step(x=X, y=Y)
    for one, two in zip(net.parameters(), again.parameters(), strict=True):
        assert one.equal(two)
    other.load_state_dict(early[2])
    assert not any("held" in name for name in other.state)


def test_a_model_to_compare_with_is_used_as_it_will_be() -> None:
    torch.manual_seed(2)
    teacher = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
    teacher.requires_grad_(False)
    student = nn.Linear(4, 2)
    spec = REFERENCE.replace("model ref = frozen(net)", "model ref")
    optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
    handle = cspec.bind(spec, net=student, ref=teacher, optimizer=optimizer)
    teacher.train()  # as a trainer does before each epoch
    means = teacher[1].running_mean.clone()  # type: ignore[operator]
    handle.loss(x=X, y=Y)
    with torch.no_grad():
        p, q = copy.deepcopy(teacher).eval()(X).softmax(1), student(X).softmax(1)
    by_hand = float((p * (p.log() - q.log())).sum(1).mean())
    assert handle.violations["near"] + 0.5 == pytest.approx(by_hand, rel=1e-4)
    assert means.equal(teacher[1].running_mean)  # type: ignore[arg-type]
    teacher.requires_grad_(True).train()
    handle.loss(x=X, y=Y)
    assert teacher.training

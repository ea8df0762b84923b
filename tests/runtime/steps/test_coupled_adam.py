"""Adam whose steps are multiples of Euclidean ones within what sets couple."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cspec.dsl.settings.fit import AdamOptimizer, AdamwOptimizer, SgdOptimizer
from cspec.runtime.operators import Ball, Box, Jointly, Simplex, Stiefel, Symmetric
from cspec.runtime.session.optimizers import build_optimizers
from cspec.runtime.steps.coupled_adam import CoupledAdam
from cspec.runtime.steps.coupling import Cluster, clusters
from cspec.runtime.steps.projection import COUPLED_MOMENT, Held, project_

Loss = Callable[[], Tensor]


def parameter(*shape: int, seed: int = 0) -> nn.Parameter:
    generator = torch.Generator().manual_seed(seed)
    return nn.Parameter(torch.randn(*shape, generator=generator, dtype=torch.float64))


def optimizer(found: list[Cluster], **settings: object) -> CoupledAdam:
    given = {"lr": 0.02, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
    return CoupledAdam(found, **{**given, "decoupled": False, **settings})  # type: ignore[arg-type]


def descend(adam: CoupledAdam, loss: Loss, held: list[Held], steps: int) -> None:
    for step in range(steps):
        adam.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        for group in adam.param_groups:
            group["lr"] = 0.02 * min(1.0, 2 * (1 - step / steps))
        adam.step()
        for operator, tensors in held:
            project_(operator, tensors)


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
def test_blocks_of_one_entry_are_adam(kind: type[torch.optim.Adam]) -> None:
    plain, own = parameter(3, 2), parameter(3, 2)
    alone = Cluster((own,), (torch.arange(6),), ())
    theirs = kind([plain], lr=0.02, weight_decay=0.1)
    mine = optimizer([alone], weight_decay=0.1, decoupled=kind is torch.optim.AdamW)
    for _ in range(30):
        for p in (plain, own):
            p.grad = (p.detach() ** 3 + 1).clone()
        theirs.step()
        mine.step()
    assert torch.allclose(plain, own, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "operator", [Ball(1.0, 1), Ball(1.0, 2), Simplex(), Symmetric()], ids=lambda o: o.name
)
def test_it_comes_to_the_minimum_within_a_set(operator: Ball | Simplex | Symmetric) -> None:
    """Against projected gradient steps of the safe length, 20,000 of them."""
    A, B = parameter(8, 4, seed=1).detach() * torch.logspace(0, 1, 4), parameter(8, 4, seed=2)
    target = B.detach()

    def loss(W: Tensor) -> Tensor:
        return (A @ W.mT - target).square().mean()

    x = operator.project(torch.zeros(4, 4, dtype=torch.float64))
    rate = target.numel() / (2 * float(torch.linalg.matrix_norm(A, 2)) ** 2)
    for _ in range(20_000):
        x = operator.project(x - rate * 2 * (A @ x.mT - target).mT @ A / target.numel())
    W = parameter(4, 4)
    held: list[Held] = [(operator, [W])]
    project_(*held[0])
    descend(optimizer(clusters(held)), lambda: loss(W), held, 1500)
    assert float(loss(W).detach()) == pytest.approx(float(loss(x)), rel=1e-7)


def test_two_tensors_in_one_ball() -> None:
    """min (a - 3)^2 + 100 (b - 1)^2 over a^2 + b^2 <= 1, by a search over the angle."""
    a, b = parameter(1), parameter(1, seed=1)
    held: list[Held] = [(Jointly(Ball(1.0)), [a, b])]

    def loss() -> Tensor:
        return ((a - 3) ** 2 + 100 * (b - 1) ** 2).sum()

    found = clusters(held)
    assert [len(c.tensors) for c in found] == [2]
    descend(optimizer(found), loss, held, 1500)
    angles = torch.linspace(0, 6.2832, 200_001, dtype=torch.float64)
    best = ((angles.cos() - 3) ** 2 + 100 * (angles.sin() - 1) ** 2).min()
    assert float(loss().detach()) == pytest.approx(float(best), rel=1e-7)


def test_sets_that_share_tensors_are_one_cluster() -> None:
    a, b, c = parameter(2), parameter(2), parameter(2)
    held: list[Held] = [(Jointly(Ball(1.0)), [a, b]), (Jointly(Ball(2.0)), [b, c])]
    (found,) = clusters(held)
    assert [id(t) for t in found.tensors] == [id(a), id(b), id(c)]
    assert torch.cat(found.labels).unique().numel() == 1
    assert clusters([(Box(0.0, 1.0), [a, b, c])]) == []


def test_its_state_goes_on_to_the_last_bit() -> None:
    def made() -> tuple[nn.Parameter, CoupledAdam, list[Held]]:
        W = parameter(4, 3)
        held: list[Held] = [(Simplex(), [W])]
        return W, optimizer(clusters(held), weight_decay=0.01), held

    W, adam, held = made()
    target = parameter(4, 3, seed=5).detach()
    descend(adam, lambda: (W - target).square().sum(), held, 7)
    state, at = copy.deepcopy(adam.state_dict()), W.detach().clone()
    again, other, held_again = made()
    other.load_state_dict(state)
    with torch.no_grad():
        again.copy_(at)
    descend(adam, lambda: (W - target).square().sum(), held, 7)
    descend(other, lambda: (again - target).square().sum(), held_again, 7)
    assert torch.equal(W, again)


def test_a_tensor_without_a_gradient_stays() -> None:
    a, b = parameter(2), parameter(2, seed=1)
    held: list[Held] = [(Jointly(Ball(9.0)), [a, b])]
    adam, before = optimizer(clusters(held), weight_decay=0.1, decoupled=True), b.detach().clone()
    a.grad = torch.ones_like(a)
    adam.step()
    assert torch.equal(b, before)
    assert not torch.equal(a, parameter(2))


def test_each_optimizer_has_its_part() -> None:
    named = {name: parameter(3, 2, seed=i) for i, name in enumerate(("n.a", "n.b", "n.c"))}
    found = clusters([(Simplex(), list(named.values())[:2])])
    settings = [AdamwOptimizer(params="n.a"), SgdOptimizer(params="n.b"), AdamOptimizer()]
    parts = build_optimizers(settings, named, found).parts
    assert [type(p).__name__ for p in parts] == ["CoupledAdam", "SGD", "Adam"]
    assert parts[0].param_groups[0]["decoupled"] is True


def test_momentum_on_a_curved_set_is_tangential() -> None:
    W = parameter(5, 3)
    held: list[Held] = [(Stiefel(), [W])]
    project_(*held[0])
    adam = optimizer(clusters(held))
    W.grad = parameter(5, 3, seed=3).detach()
    adam.step()
    project_(Stiefel(), [W], adam)
    M = adam.state[W][COUPLED_MOMENT]
    assert torch.allclose(W.mT @ M + M.mT @ W, torch.zeros(3, 3, dtype=M.dtype), atol=1e-10)

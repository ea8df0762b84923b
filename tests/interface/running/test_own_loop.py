"""`cspec.bind` in loops as people write them: a loss scaler, `given` values, two datasets."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec import SpecError


def classifier() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(4, 3)


def examples(seed: int = 0, count: int = 24) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 4, generator=generator), torch.randint(
        0, 3, (count,), generator=generator
    )


SCALED = """
minimize E[ce(model(x), y) on data]
s.t. small: sumsq(model.weights) <= 0.1
using lagrangian(dual=sgd(lr=0.1), order=simultaneous)
"""


def test_a_step_that_the_loss_scaler_skips_moves_no_multiplier() -> None:
    net, (x, y) = classifier(), examples()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    handle = cspec.bind(SCALED, model=net, optimizer=optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8)
    seen = []
    for step in range(4):
        optimizer.zero_grad()
        loss = handle.loss(x=x, y=y)
        scaler.scale(loss).backward()
        if step == 2:
            net.weight.grad[0, 0] = torch.inf  # type: ignore[index]
        scaler.step(optimizer)
        scaler.update()
        seen.append((handle.multipliers["small"], net.weight.detach().clone()))
    assert 0 < seen[0][0] < seen[1][0]
    assert seen[2][0] == seen[1][0] and torch.equal(seen[2][1], seen[1][1])
    # The skipped measurement is gone: the next one counts alone, not averaged with it.
    raised = seen[3][0] - seen[2][0]
    assert raised == pytest.approx(0.1 * (seen[2][1].square().sum().item() - 0.1), rel=1e-5)


def test_autocast_leaves_multipliers_in_the_parameters_precision() -> None:
    net, (x, y) = classifier(), examples()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    handle = cspec.bind(SCALED, model=net, optimizer=optimizer)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = handle.loss(x=x, y=y)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    assert handle.state["multipliers"].dtype == torch.float32
    assert handle.multipliers["small"] > 0


def test_given_values_move_the_model_by_the_surrogate_and_the_multiplier_by_the_truth() -> None:
    spec = """
    given loss, cost, stand_in
    minimize loss
    s.t. budget: cost <= 1 with surrogate stand_in
    using lagrangian(dual=sgd(lr=0.5), order=simultaneous)
    """
    weight = nn.Parameter(torch.tensor([2.0]))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    handle = cspec.bind(spec, optimizer=optimizer)
    for cost in (3.0, 3.0):
        optimizer.zero_grad()
        handle.loss(loss=-weight.sum(), cost=cost, stand_in=4 * weight.sum()).backward()
        optimizer.step()
    # Multipliers 0.5 (3 - 1) = 1, then 2; the first step has none, the second has 1.
    assert handle.multipliers == {"budget": pytest.approx(2.0)}
    assert weight.item() == pytest.approx(2.0 + 0.1 - 0.1 * (-1 + 4 * 1.0))


TWO = """
data data, old
minimize E[ce(model(x), y) on data]
s.t. keep: E[ce(model(x), y) on old] <= 0.5
using lagrangian(dual=sgd(lr=0.1), order=simultaneous)
"""


def test_a_batch_of_each_of_two_datasets() -> None:
    net = classifier()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    (x, y), (old_x, old_y) = examples(0), examples(1, 10)
    handle = cspec.bind(TWO, model=net, optimizer=optimizer)
    optimizer.zero_grad()
    loss = handle.loss(x=x, y=y, old={"x": old_x, "y": old_y})
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    with torch.no_grad():
        new, old = (
            nn.functional.cross_entropy(net(a), b).item() for a, b in ((x, y), (old_x, old_y))
        )
    assert loss.item() == pytest.approx(new, rel=1e-6)
    expected = 0.1 * (old - 0.5)
    assert handle.multipliers["keep"] == pytest.approx(expected, rel=1e-5)


def test_what_misses_in_the_second_dataset_is_named() -> None:
    net, (x, y) = classifier(), examples()
    handle = cspec.bind(TWO, model=net, optimizer=torch.optim.SGD(net.parameters(), lr=0.1))
    with pytest.raises(SpecError) as caught:
        handle.loss(x=x, y=y, old={"x": x})
    assert [d.message for d in caught.value.diagnostics] == ["`loss` needs old.y=..."]

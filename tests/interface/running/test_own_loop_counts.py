"""What moves the multipliers of a loop of one's own, beside the same loop written by hand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec import SpecError
from cspec.runtime.own_loop.handle import Handle

RATE = """
data train(x, y)
model net
minimize ce
s.t. a: E[ce(net(x), y) | y == 1] <= 0.3
using lagrangian(dual=sgd(lr=0.1))
"""


def examples(seed: int = 0) -> tuple[Tensor, Tensor]:
    x = torch.randn(64, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x, (x[:, 0] > 0).long()


def network() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(6, 2, dtype=torch.float64)


def by_hand(steps: int, batches: int = 1) -> tuple[float, Tensor]:
    """min E[ce] s.t. E[ce | y = 1] <= 0.3: model and multiplier from the same measurement."""
    net, (x, y), multiplier = network(), examples(), 0.0
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        measured = []
        for part_x, part_y in zip(x.chunk(batches), y.chunk(batches), strict=True):
            each = nn.functional.cross_entropy(net(part_x), part_y, reduction="none")
            g = each[part_y == 1].mean() - 0.3
            ((each.mean() + multiplier * g) / batches).backward()
            measured.append(float(g.detach()))
        optimizer.step()
        multiplier = max(0.0, multiplier + 0.1 * sum(measured) / batches)
    return multiplier, net.weight.detach()


def no_backward(handle: Handle, x: Tensor, y: Tensor) -> None:
    handle.loss(x=x, y=y)


def in_evaluation(handle: Handle, x: Tensor, y: Tensor) -> None:
    net = handle.primal["net"]
    net.eval()
    handle.loss(x=x, y=y)
    net.train()


def within(mode: Callable[[], object]) -> Callable[[Handle, Tensor, Tensor], None]:
    def look(handle: Handle, x: Tensor, y: Tensor) -> None:
        with mode():  # type: ignore[attr-defined]
            handle.loss(x=x, y=y)

    return look


def thrown_away(handle: Handle, x: Tensor, y: Tensor) -> None:
    handle.loss(x=x, y=y).backward()  # type: ignore[no-untyped-call]
    handle.optimizer.zero_grad()


def evaluated(handle: Handle, x: Tensor, y: Tensor) -> None:
    handle.evaluate((x, y))
    handle.verify(x=x, y=y)
    _ = handle.values


LOOKS = {
    "no_grad": within(torch.no_grad),
    "inference_mode": within(torch.inference_mode),
    "without backward": no_backward,
    "in evaluation": in_evaluation,
    "gradient thrown away": thrown_away,
    "evaluate and verify": evaluated,
    "nothing": within(nullcontext),
}


@pytest.mark.parametrize("when", ["before zero_grad", "before backward", "after step"])
@pytest.mark.parametrize("look", LOOKS)
def test_looking_at_other_data_moves_nothing(look: str, when: str) -> None:
    net, (x, y), (other, _) = network(), examples(), examples(1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    handle = cspec.bind(RATE, net=net, optimizer=optimizer, train=examples())
    for _ in range(5):
        if when == "before zero_grad":
            LOOKS[look](handle, 9 * other, 1 - y)
        optimizer.zero_grad()
        loss = handle.loss(x=x, y=y)
        if when == "before backward":
            LOOKS[look](handle, 9 * other, 1 - y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if when == "after step":
            LOOKS[look](handle, 9 * other, 1 - y)
    multiplier, weight = by_hand(5)
    assert handle.multipliers["a"] == pytest.approx(multiplier, abs=1e-12)
    torch.testing.assert_close(net.weight.detach(), weight, rtol=0, atol=1e-12)


def test_two_backward_passes_of_one_loss_count_once() -> None:
    net, (x, y) = network(), examples()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    handle = cspec.bind(RATE, net=net, optimizer=optimizer)
    loss = handle.loss(x=x, y=y)
    loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    each = nn.functional.cross_entropy(net(x), y, reduction="none")
    assert handle.multipliers["a"] == pytest.approx(
        0.1 * (float(each[y == 1].mean().detach()) - 0.3)
    )


GIVEN = "given loss, kl\nminimize loss\ns.t. c: kl <= 4\n"


def circle(text: str, steps: int, **settings: object) -> tuple[float, float]:
    """min (x - 5)^2 s.t. x^2 <= 4 by a loop of one's own: x* = 2, multiplier 1.5."""
    x = nn.Parameter(torch.tensor(1.0))
    optimizer = torch.optim.SGD([x], lr=0.05)
    handle = cspec.bind(GIVEN + text, optimizer=optimizer, **settings)  # type: ignore[arg-type]
    for _ in range(steps):
        optimizer.zero_grad()
        handle.loss(loss=(x - 5) ** 2, kl=x**2).backward()
        optimizer.step()
    return x.item(), handle.multipliers["c"]


@pytest.mark.parametrize("steps", [500, 2000])
@pytest.mark.parametrize(
    "text", ["using augmented_lagrangian(penalty=1)", "using augmented_lagrangian(every=epoch)"]
)
def test_multipliers_of_an_epoch_move_in_a_loop_without_epochs(text: str, steps: int) -> None:
    assert circle(text, steps) == (pytest.approx(2, abs=1e-3), pytest.approx(1.5, abs=1e-2))


METHODS = [
    "",
    "using lagrangian",
    "using lagrangian(dual=nupi)",
    "using lagrangian(dual=pid(kp=0.1, ki=0.01))",
    "using lagrangian(dual=adam(lr=1e-2))",
    "using lagrangian(dual=sgd(lr=0.05, momentum=0.5))",
    "using lagrangian(order=optimistic)",
    "using lagrangian(every=5)",
    "using augmented_lagrangian",
    "using augmented_lagrangian(every=step, lr=0.1, growth=1)",
    "using augmented_lagrangian(rule=lancelot, penalty=1)",
]


@pytest.mark.parametrize("text", METHODS)
def test_every_default_method_runs_on_given_values(text: str) -> None:
    x, multiplier = circle(text, 800)
    assert x == pytest.approx(2, abs=0.02) and multiplier == pytest.approx(1.5, abs=0.03)


@pytest.mark.parametrize(
    "relation", ["kl == 4", "abs(kl - 2) <= 2", "max(kl, 1) <= 4", "1 <= kl <= 4"]
)
def test_every_form_runs_on_given_values(relation: str) -> None:
    x = nn.Parameter(torch.tensor(1.0))
    optimizer = torch.optim.SGD([x], lr=0.05)
    handle = cspec.bind(f"given loss, kl\nminimize loss\ns.t. c: {relation}", optimizer=optimizer)
    for _ in range(800):
        optimizer.zero_grad()
        handle.loss(loss=(x - 5) ** 2, kl=x**2).backward()
        optimizer.step()
    assert x.item() == pytest.approx(2, abs=0.02)


def test_small_batches_of_given_values_count_together() -> None:
    moved = []
    for parts in (1, 4):
        x = nn.Parameter(torch.tensor([3.0, 1.0, 2.0, 4.0]))
        optimizer = torch.optim.SGD([x], lr=0.01)
        handle = cspec.bind(GIVEN + "using lagrangian(dual=sgd(lr=0.1))", optimizer=optimizer)
        for _ in range(3):
            optimizer.zero_grad()
            for part in x.chunk(parts):
                (
                    handle.loss(loss=(part - 5).square().mean(), kl=part.square().mean()) / parts
                ).backward()
            optimizer.step()
        moved.append((handle.multipliers["c"], x.detach()))
    assert moved[0][0] == pytest.approx(moved[1][0], rel=1e-6) and moved[0][0] > 0.5
    torch.testing.assert_close(moved[0][1], moved[1][1])


def test_epochs_are_the_loops_own_from_its_first_on() -> None:
    x = nn.Parameter(torch.tensor(3.0))
    optimizer = torch.optim.SGD([x], lr=0.0)
    text = GIVEN + "using augmented_lagrangian(penalty=0.1, growth=1, every=epoch)"
    handle = cspec.bind(text, optimizer=optimizer)
    seen = []
    for step in range(1, 131):
        optimizer.zero_grad()
        handle.loss(loss=x, kl=x**2).backward()
        optimizer.step()
        if step in (60, 70):
            handle.end_epoch()
        seen.append(round(handle.multipliers["c"] / 0.5))
    # g = 5, so 0.5 an epoch: at step 50 by itself, at 60 and 70 by the loop, never again.
    assert [seen[i - 1] for i in (49, 50, 59, 60, 69, 70, 100, 130)] == [0, 1, 1, 2, 2, 3, 3, 3]


def test_an_optimizer_of_something_else_is_refused() -> None:
    net, other = network(), network()
    with pytest.raises(SpecError, match="holds no parameter of `net`") as caught:
        cspec.bind(RATE, net=net, optimizer=torch.optim.Adam(other.parameters()))
    assert [d.code for d in caught.value.diagnostics] == ["CS634"]


def test_an_optimizer_of_a_part_is_noted() -> None:
    net = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 2))
    optimizer = torch.optim.Adam(net[1].parameters())
    handle = cspec.bind(RATE, net=net, optimizer=optimizer)
    assert any("trains 2 of 4" in note for note in handle.notes)
    net[0].requires_grad_(False)
    assert not cspec.bind(RATE, net=net, optimizer=torch.optim.Adam(net[1].parameters())).notes


def test_hooks_of_the_loop_stand_beside_that_which_counts(tmp_path: Path) -> None:
    net, (x, y) = network(), examples()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    handle = cspec.bind(RATE, net=net, optimizer=optimizer, train={"x": x, "y": y})
    seen: list[float] = []
    for step in range(3):
        loss = handle.loss(x=x, y=y)
        torch.save({"loss": loss}, tmp_path / "loss.pt")  # warns of hooks that get lost
        removed = loss.register_hook(lambda gradient: seen.append(float(gradient)))
        if step == 1:
            removed.remove()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert seen == [1.0, 1.0]
    assert handle.steps == 3
    assert handle.multipliers["a"] == pytest.approx(by_hand(3)[0])


def test_bounds_that_move_follow_the_steps_of_the_loop() -> None:
    moving = RATE.replace("<= 0.3", "<= ramp(0.9, 0.1, steps=4)")
    net, (x, y) = network(), examples()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    handle = cspec.bind(moving, net=net, optimizer=optimizer, train={"x": x, "y": y})
    for step in range(6):
        each = nn.functional.cross_entropy(net(x), y, reduction="none")
        bound = 0.9 + (0.1 - 0.9) * min(step / 4, 1.0)
        expected = float((each[y == 1].mean() - bound).detach())
        loss = handle.loss(x=x, y=y)
        assert handle.violations["a"] == pytest.approx(expected, abs=1e-14)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_bounds_that_move_by_epochs_follow_those_of_the_loop() -> None:
    net, (x, y) = network(), examples()
    moving = RATE.replace("<= 0.3", "<= ramp(0.9, 0.1, epochs=4)")
    handle = cspec.bind(moving, net=net, optimizer=torch.optim.SGD(net.parameters(), lr=0.01))
    bounds = []
    for _ in range(6):
        for _ in range(3):
            handle.step(x=x, y=y)
        bounds.append(handle.values["a"] - handle.violations["a"])
        handle.end_epoch()
    expected = [0.9 - 0.8 * 2 / 200, 0.7, 0.5, 0.3, 0.1, 0.1]  # before the first, 50 steps each
    assert bounds == pytest.approx(expected, abs=1e-6)


def test_a_count_that_shrinks_by_epochs_is_refused_with_the_steps_to_write() -> None:
    net = network()
    counted = RATE.replace(
        "s.t.", "s.t. d: density(net) <= ramp(100%, 20%, epochs=4) by projection\n     "
    )
    with pytest.raises(SpecError) as caught:
        cspec.bind(counted, net=net, optimizer=torch.optim.SGD(net.parameters(), lr=0.01))
    (found,) = caught.value.diagnostics
    assert found.code == "CS632" and "ramp(100%, 20%, steps=200)" in found.helps[0]


@pytest.mark.parametrize(
    ("rule", "size"),
    [
        ("sum(sumsq(W) for W in net.weights) <= 0.1", lambda w: w.square().sum()),
        ("norm(net.weights, 2) >= 9", lambda w: w.norm()),
        ("3 == norm(net.weights, 1)", lambda w: w.abs().sum()),
        ("forall W in net.weights: abs(W) <= 0.3", lambda w: w.abs().max()),
        ("norm(net.weights, 2) <= ramp(3, 1, steps=50)", lambda w: w.norm()),
    ],
)
def test_values_of_weights_are_those_of_the_last_loss(
    rule: str, size: Callable[[Tensor], Tensor]
) -> None:
    net, (x, y) = network(), examples()
    spec = f"data train(x, y)\nmodel net\nminimize ce(net(x), y)\ns.t. a: {rule} by lagrangian"
    handle = cspec.bind(spec, net=net, optimizer=torch.optim.SGD(net.parameters(), lr=0.5))
    for _ in range(2):
        expected = size(net.weight.detach()).item()
        handle.step(x=x, y=y)
        (value,) = handle.values.values()
        assert value == pytest.approx(expected, rel=1e-6)
        assert abs(size(net.weight.detach()).item() - expected) > 1e-4

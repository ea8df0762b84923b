"""Constraints in a plain loop: accumulation, clipping, skipped steps."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cspec.compiler.records.graph import Kind, Operation, UpdateGraph
from cspec.compiler.records.program import ConstraintFacts, DataSetup, Program
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.own_loop.handle import Handle

SOURCE = """
import torch
from cspec.runtime.functions import ce, mean, sumsq

def initial_state():
    return {"multipliers": torch.zeros(2)}

def measure(primal, batch):
    z = primal["net"](batch["train"]["x"])
    f = mean(ce(z, batch["train"]["y"]))
    g = torch.stack([mean(z.square().mean(1)) - 0.01, sumsq(primal["net"].weight) - 0.1])
    return f, g, g.detach()

def ascend(state, true):
    old = state["multipliers"]
    state["multipliers"] = torch.where(torch.isnan(true), old, torch.relu(old + 0.3 * true))

def combine(f, g, true, state):
    return f + (state["multipliers"] * g).sum()
"""


def fact(label: str, index: int) -> ConstraintFacts:
    return ConstraintFacts(
        label=label,
        family=label,
        text=label,
        relation="<=",
        tolerance=0,
        method="lagrangian",
        rule="lagrangian",
        segment=(index, index + 1),
        multipliers=True,
        datasets=("train",) if index == 0 else (),
    )


@pytest.fixture
def program(variable_program: Callable[..., Program]) -> Program:
    ascend = Operation(kind=Kind.DUAL_STEP, name="ascend")
    return variable_program(SOURCE).model_copy(
        update={
            "variables": (),
            "objective_datasets": ("train",),
            "constraints": (fact("small", 0), fact("short", 1)),
            "data": (DataSetup(targets=(("train", (("x", "x"), ("y", "y"))),)),),
            "graph": UpdateGraph(operations=(ascend,)),
        }
    )


def make(program: Program, **settings: Any) -> tuple[Handle, nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    net = nn.Linear(5, 3).double()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    return Handle(program, {"net": net}, optimizer, **settings), net, optimizer


def stream(steps: int) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        (
            torch.randn(32, 5, generator=generator, dtype=torch.float64),
            torch.randint(3, (32,), generator=generator),
        )
        for _ in range(steps)
    ]


def train(program: Program, parts: int, skipped: tuple[int, ...] = (), to_none: bool = True):
    handle, net, optimizer = make(program)
    path = []
    for number, (x, y) in enumerate(stream(20)):
        optimizer.zero_grad(set_to_none=to_none)
        for piece_x, piece_y in zip(x.chunk(parts), y.chunk(parts), strict=True):
            (handle.loss(x=piece_x, y=piece_y) / parts).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        if number not in skipped:
            optimizer.step()
        path.append(list(handle.multipliers.values()))
    return torch.tensor(path, dtype=torch.float64), net.weight.detach().clone()


@pytest.mark.parametrize("to_none", [True, False])
@pytest.mark.parametrize("skipped", [(), (3, 7, 8)])
def test_four_small_batches_move_multipliers_like_the_large_one(
    program: Program, skipped: tuple[int, ...], to_none: bool
) -> None:
    whole, weight = train(program, 1, skipped, to_none)
    parts, weight_parts = train(program, 4, skipped, to_none)
    assert whole[-1].min() > 0.1
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-9)
    torch.testing.assert_close(weight_parts, weight, rtol=0, atol=1e-9)


def test_a_skipped_step_moves_nothing_and_leaves_no_trace(program: Program) -> None:
    handle, net, optimizer = make(program)
    other, twin, second = make(program)
    batches = stream(3)
    for number, (x, y) in enumerate(batches):
        if number == 1:
            net.zero_grad()  # by the model, which the optimizer does not see
            handle.loss(x=100 * x, y=y).backward()
            before = dict(handle.multipliers)
            net.zero_grad()
            assert handle.multipliers == before and handle.steps == 1
            continue
        for h, o in ((handle, optimizer), (other, second)):
            loss = h.loss(x=x, y=y)
            o.zero_grad()  # between loss and backward: the measurement stays
            loss.backward()
            o.step()
    assert handle.steps == other.steps == 2
    assert handle.multipliers == pytest.approx(other.multipliers, abs=1e-12)
    torch.testing.assert_close(net.weight, twin.weight)


def test_losses_may_be_added_before_one_backward(program: Program) -> None:
    handle, _, optimizer = make(program)
    other, _, second = make(program)
    (x, y), *_ = stream(1)
    for _ in range(3):
        optimizer.zero_grad()
        pieces = zip(x.chunk(4), y.chunk(4), strict=True)
        (sum(handle.loss(x=a, y=b) for a, b in pieces) / 4).backward()
        optimizer.step()
        second.zero_grad()
        other.loss(x=x, y=y).backward()
        second.step()
    assert handle.multipliers == pytest.approx(other.multipliers, abs=1e-12)


def test_step_equals_the_lines_it_stands_for_and_update_the_hook(program: Program) -> None:
    handle, net, _ = make(program)
    manual, twin, optimizer = make(program, hook=False)
    for x, y in stream(5):
        handle.step(x=x, y=y)
        optimizer.zero_grad()
        manual.loss(x=x, y=y).backward()
        optimizer.step()
        manual.update()
    assert handle.multipliers == pytest.approx(manual.multipliers, abs=1e-12)
    torch.testing.assert_close(net.weight, twin.weight)


def test_a_gradient_that_is_not_finite_moves_nothing(program: Program) -> None:
    handle, net, _ = make(program)
    (x, y), (bad, _) = stream(2)
    handle.step(x=x, y=y)
    weight, multipliers = net.weight.detach().clone(), dict(handle.multipliers)
    bad[0, 0] = torch.nan
    handle.step(x=bad, y=y)
    assert torch.equal(net.weight, weight) and handle.multipliers == multipliers
    handle.step(x=x, y=y)
    assert not torch.equal(net.weight, weight) and bool(torch.isfinite(net.weight).all())


def test_state_is_saved_and_loaded(program: Program) -> None:
    handle, net, optimizer = make(program)
    batches = stream(6)
    for x, y in batches[:3]:
        handle.step(x=x, y=y)
    # torch's own state dicts share their tensors with the running optimizer.
    saved = copy.deepcopy((handle.state_dict(), optimizer.state_dict(), net.state_dict()))
    again, twin, second = make(program)
    again.load_state_dict(saved[0])
    second.load_state_dict(saved[1])
    twin.load_state_dict(saved[2])
    for x, y in batches[3:]:
        handle.step(x=x, y=y)
        again.step(x=x, y=y)
    assert handle.multipliers == again.multipliers and torch.equal(net.weight, twin.weight)
    foreign = {**saved[0], "digest": "other"}
    with pytest.raises(SpecError, match="another spec"):
        again.load_state_dict(foreign)


def test_names_that_miss_or_do_not_belong_are_all_said(program: Program) -> None:
    handle, _, _ = make(program)
    with pytest.raises(SpecError) as caught:
        handle.loss(x=torch.zeros(2, 5), z=1)
    text = str(caught.value)
    assert "needs y=" in text and "does not know z=" in text


def test_methods_that_own_the_step_are_refused_by_name(program: Program) -> None:
    net = nn.Linear(5, 3)
    with pytest.raises(SpecError, match="lbfgs"):
        Handle(program, {"net": net}, torch.optim.LBFGS(net.parameters()))
    sqp = program.constraints[0].model_copy(update={"method": "sqp"})
    with pytest.raises(SpecError, match=r"sqp \(`small`\)"):
        Handle(
            program.model_copy(update={"constraints": (sqp,)}),
            {"net": net},
            torch.optim.SGD(net.parameters()),
        )


def test_epoch_updates_wait_for_the_end_of_the_epoch(program: Program) -> None:
    ascend = Operation(kind=Kind.DUAL_STEP, name="ascend", trigger=(1, "epoch"))
    handle, _, _ = make(program.model_copy(update={"graph": UpdateGraph(operations=(ascend,))}))
    for x, y in stream(3):
        handle.step(x=x, y=y)
    assert set(handle.multipliers.values()) == {0.0}
    handle.end_epoch()
    assert max(handle.multipliers.values()) > 0

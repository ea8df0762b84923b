"""Batches, schedules, optimizers, modes, checkpoints: the parts of a session."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.settings.fit import (
    AdamOptimizer,
    Constant,
    Cosine,
    Exponential,
    FitSettings,
    LbfgsOptimizer,
    Linear,
    SgdOptimizer,
    StepDecay,
)
from cspec.runtime.data import Dataset
from cspec.runtime.models.without_trace import chunked, measuring
from cspec.runtime.session import checkpoint
from cspec.runtime.session.batches import Batches, EpochPlan
from cspec.runtime.session.checkpoint import CheckpointError, generators, restore_generators
from cspec.runtime.session.optimizers import assign, build_optimizers
from cspec.runtime.session.schedules import factor


def dataset(name: str, rows: int) -> Dataset:
    return Dataset(name, {"x": torch.arange(float(rows)).unsqueeze(1), "y": torch.arange(rows)})


def test_an_epoch_sees_each_example_once_and_others_cycle() -> None:
    data = {"train": dataset("train", 10), "other": dataset("other", 3)}
    fit = FitSettings(batch_size={"train": 4, "other": 2})
    draw = Batches(data, EpochPlan("train", 3, 9), fit, seed=0)
    epochs = [torch.cat([draw.at(3 * e + k)["train"]["y"] for k in range(3)]) for e in range(3)]
    for order in epochs:
        assert sorted(order.tolist()) == list(range(10))
    assert epochs[0].tolist() != epochs[1].tolist()
    other = [draw.at(step)["other"]["y"] for step in range(4)]
    assert sorted(torch.cat(other[:2]).tolist()) == [0, 1, 2]
    late = Batches(data, EpochPlan("train", 3, 9), fit, seed=0).at(7)
    assert torch.equal(late["train"]["y"], draw.at(7)["train"]["y"])
    with pytest.raises(SpecError, match="`tran`"):
        Batches(data, EpochPlan("train", 3, 9), FitSettings(batch_size={"tran": 4}), seed=0)


@pytest.mark.parametrize(
    ("settings", "step", "expected"),
    [
        (Constant(), 50, 1.0),
        (Constant(warmup=4), 1, 0.5),
        (Cosine(), 0, 1.0),
        (Cosine(final=0.2), 50, 0.6),
        (Cosine(), 100, 0.0),
        (Linear(final=0.5), 100, 0.5),
        (Linear(warmup=20), 60, 0.5),
        (Exponential(decay=0.5), 25, 0.25),
        (StepDecay(every=2, factor=0.1), 45, 0.01),
    ],
)
def test_schedules(settings, step: int, expected: float) -> None:
    assert factor(settings, step, total_steps=100, epoch_steps=10) == pytest.approx(expected)


def test_globs_take_their_parameters_first() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    named = {f"net.{name}": p for name, p in net.named_parameters()}
    rest, biases = AdamOptimizer(), SgdOptimizer(params="*.bias")
    assert assign([rest, biases], named) == [
        ["net.0.weight", "net.1.weight"],
        ["net.0.bias", "net.1.bias"],
    ]
    with pytest.raises(SpecError, match="gate"):
        assign([SgdOptimizer(params="gate*")], named)
    with pytest.raises(SpecError, match="same parameters"):
        assign([rest, rest], named)
    with pytest.raises(SpecError, match="lbfgs"):
        build_optimizers([rest, LbfgsOptimizer(params="*.bias")], named)


@pytest.mark.parametrize("settings", [SgdOptimizer(momentum=0.9), AdamOptimizer()])
def test_a_bad_step_moves_neither_parameters_nor_optimizer(settings) -> None:
    parameter = nn.Parameter(torch.ones(3))
    optimizer = build_optimizers([settings], {"p": parameter})
    parameter.grad = torch.ones(3)
    optimizer.step()
    before = (parameter.detach().clone(), str(optimizer.state_dict()["parts"]))
    parameter.grad = torch.tensor([1.0, math.nan, 1.0])
    optimizer.step()
    assert torch.equal(parameter, before[0]) and str(optimizer.state_dict()["parts"]) == before[1]
    assert (optimizer.skipped, optimizer.in_a_row) == (1, 1)
    parameter.grad = torch.ones(3)
    optimizer.step()
    assert not torch.equal(parameter, before[0]) and optimizer.in_a_row == 0


def test_lbfgs_goes_back_where_its_step_left_the_numbers() -> None:
    parameter = nn.Parameter(torch.tensor([2.0]))
    optimizer = build_optimizers([LbfgsOptimizer(line_search="none")], {"p": parameter})

    def bad() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (parameter - 1).log().sum() * math.nan
        loss.backward()
        return loss

    optimizer.step(bad)
    assert parameter.item() == 2.0 and optimizer.skipped == 1

    def good() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (parameter - 3).square().sum()
        loss.backward()
        return loss

    optimizer.step(good)
    assert parameter.item() == pytest.approx(3.0, abs=1e-4)


def test_measuring_leaves_no_trace_and_chunks_agree() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Linear(4, 2)).double()
    net[1].eval()
    x = torch.randn(10_000, 3, dtype=torch.float64)
    state = torch.get_rng_state()
    with measuring([net]):
        torch.rand(5), np.random.rand()
        value = net(x)
    assert torch.equal(state, torch.get_rng_state())
    assert net.training and not net[1].training and "forward" not in net.__dict__
    torch.testing.assert_close(value, net.eval()(x))
    seen: list[int] = []
    net[0].register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    with chunked([net]):
        net(x)
    assert seen == [1024] * 9 + [784]


def test_checkpoints_hold_any_optimizer_and_refuse_changes(tmp_path: Path) -> None:
    tree = {
        "a": {0: [torch.ones(2), None], "b": (1, 2.5, math.inf, True)},
        "empty": {},
        "t": torch.zeros(0),
        "generators": generators(),
    }
    folder = tmp_path / "step"
    checkpoint.save(folder, tree)
    checkpoint.save(folder, tree)
    found = checkpoint.load(folder)
    assert found["a"][0][0].tolist() == [1, 1] and found["a"]["b"] == (1, 2.5, math.inf, True)
    expected = (torch.rand(2), np.random.rand())
    restore_generators(found["generators"])
    assert torch.equal(torch.rand(2), expected[0]) and np.random.rand() == expected[1]
    for name in ("tensors.safetensors", "manifest.json"):
        whole = (folder / name).read_bytes()
        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 1
        (folder / name).write_bytes(damaged)
        with pytest.raises(CheckpointError):
            checkpoint.load(folder)
        (folder / name).write_bytes(whole)
    (folder / "manifest.json").unlink()
    with pytest.raises(CheckpointError, match="incomplete"):
        checkpoint.load(folder)

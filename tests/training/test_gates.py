"""Sizes on gates in runs: delivered at their bounds, resumed to the same bits, in own loops."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from torch.nn import functional

import cspec
from cspec.runtime.models import deploy_, mlp
from cspec.runtime.run.folder import RunFolder

SPEC = """
data train(x, y) = digits
model f = mlp(hidden=[16], gates=hard_concrete)
minimize ce(f(x), y)
"""


def nonzeros(model: torch.nn.Module) -> tuple[int, int]:
    """Weights that are not zero once deployed, and all, counted one tensor at a time."""
    weights = [p for p in deploy_(model).parameters() if p.ndim >= 2]
    return sum(int((w != 0).sum()) for w in weights), sum(w.numel() for w in weights)


@pytest.mark.parametrize("bound", [0.6, 0.25, 0.05])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_density_is_delivered_at_its_bound(bound: float, seed: int) -> None:
    result = cspec.run(f"{SPEC}s.t. c: density(f) <= {bound}\nfit(steps=240)", seed=seed)
    left, total = nonzeros(result.models["f"])
    assert result["c"].satisfied and result["c"].value == left / total
    assert 0.96 * bound <= left / total <= bound


@pytest.mark.parametrize("size, bound", [("flops", 900), ("params", 500), ("bytes", 2000)])
def test_so_are_other_sizes(size: str, bound: int) -> None:
    result = cspec.run(f"{SPEC}s.t. c: {size}(f) <= {bound}\nfit(steps=240)")
    assert result["c"].satisfied and result["c"].value >= 0.96 * bound


def test_the_tightest_of_several_sizes_decides() -> None:
    result = cspec.run(f"{SPEC}s.t. a: density(f) <= 50%\n     b: params(f) <= 300\nfit(steps=240)")
    assert result["a"].satisfied and result["b"].satisfied and result["b"].value >= 290


def test_the_augmented_lagrangian_by_name_leaves_a_network() -> None:
    line = "s.t. c: density(f) <= 10%{}\nfit(steps=240, optimizer=[{}, adam(lr=0.01)])"
    gates = 'adam(params="*log_alpha", lr=0.1)'
    found = [
        cspec.run(SPEC + line.format(method, gates) + "\nmetric acc = P[pred == y]")
        for method in ("", " by augmented_lagrangian")
    ]
    assert all(0.096 <= result["c"].value <= 0.1 for result in found)
    own, named = (result.metrics["acc"] for result in found)
    assert own > 0.6 and named > own - 0.1


@pytest.mark.parametrize("share", [0.5, 0.79, 0.8, 0.93])
def test_a_run_that_is_cut_is_resumed_to_the_same_bits(
    share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"{SPEC}s.t. c: density(f) <= 20%\nfit(steps=60)"
    whole = cspec.run(text, out=tmp_path / "whole")
    tick = RunFolder.tick

    def counted(self: RunFolder, session: object) -> None:
        if session.step == round(share * 60):  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal.SIGTERM)
        tick(self, session)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "tick", counted)
        assert cspec.run(text, out=tmp_path / "cut").status == "interrupted"
    again = cspec.resume(tmp_path / "cut")
    assert again.constraints == whole.constraints
    for name, tensor in whole.models["f"].state_dict().items():
        assert torch.equal(tensor, again.models["f"].state_dict()[name]), name


def test_a_run_that_stops_early_is_decided() -> None:
    stop = "fit(epochs=9, optimizer=sgd(lr=1e-9))\nstop when stalled(epochs=1)"
    result = cspec.run(f"{SPEC}s.t. c: density(f) <= 20%\n{stop}")
    assert result.steps < 9 * 9 and result["c"].satisfied


@pytest.mark.parametrize("steps", [60, None])
def test_in_a_loop_whose_length_is_said(steps: int | None) -> None:
    torch.manual_seed(0)
    net = mlp(8, 3, hidden=[16], gates="hard_concrete")
    x = torch.randn(64, 8)
    y = x[:, :3].argmax(1)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    handle = cspec.bind(
        "data d(x, y)\nmodel f\nminimize ce(f(x), y)\ns.t. c: density(f) <= 30%",
        f=net, d=(x, y), optimizer=optimizer, steps=steps,
    )  # fmt: skip
    for _ in range(60):
        optimizer.zero_grad()
        handle.loss(x=x, y=y).backward()
        optimizer.step()
    left, total = nonzeros(net)
    assert (0.96 * 0.3 <= left / total <= 0.3) == (steps is not None)
    assert functional.cross_entropy(net(x), y) < 1.1


@pytest.mark.slow
def test_the_least_density_of_a_loss_that_can_be_reached_is_no_suspect() -> None:
    text = SPEC.replace("minimize ce(f(x), y)", "minimize density(f)")
    result = cspec.run(f"{text}s.t. good: E[ce(f(x), y)] <= 0.3\n")
    left, total = nonzeros(result.models["f"])
    assert result.satisfied and result["good"].value <= 0.3
    assert result.objective == left / total < 0.9

"""Counts along their ramp, step by step, and the mask at its end, counted entry by entry."""

from __future__ import annotations

from math import ceil, floor
from typing import Any

import pytest
import torch
from torch import nn

from cspec.dsl.messages.diagnostic import SpecError

SPEC = """data train(x, y) = digits(split=[1])
model net = {model}
minimize ce(net(x), y)
s.t. prune: {what}
fit({fit})
{rest}
"""


def spec(what: str, model: str = "mlp(hidden=[16, 16])", fit: str = "epochs=4", rest: str = ""):
    return SPEC.format(what=what, model=model, fit=fit, rest=rest)


def weights(net: nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in net.parameters() if p.ndim >= 2]


def nonzeros(tensors: list[torch.Tensor]) -> int:
    return sum(1 for w in tensors for entry in w.flatten().tolist() if entry != 0)


def watched(session, text: str) -> tuple[Any, list[tuple[float, list[torch.Tensor]]]]:
    run = session(text)
    seen: list[tuple[float, list[torch.Tensor]]] = []
    record = run.record

    def noted(*measured):
        seen.append((run.progress, weights(run.primal["net"])))
        record(*measured)

    run.record = noted
    run.module["train"](run)
    return run, seen


def share(progress: float, bound: float) -> float:
    """Zhu and Gupta's cubic from 10% to 60% of the run."""
    t = min(max((progress - 0.1) / 0.5, 0.0), 1.0)
    return bound + (1 - bound) * (1 - t) ** 3


def test_a_density_follows_the_cubic_and_then_its_mask(session):
    _, seen = watched(session, spec("density(net) <= 10%"))
    size = sum(w.numel() for w in seen[0][1])
    for progress, now in seen:
        assert nonzeros(now) <= share(progress, 0.1) * size + 1
        if progress < 0.6:
            assert nonzeros(now) >= share(progress, 0.1) * size - 1
    after = [torch.cat([(w != 0).flatten() for w in now]) for p, now in seen if p >= 0.6]
    assert all(torch.equal(mask, after[0]) for mask in after)
    assert int(after[0].sum()) == floor(0.1 * size)
    last = [now for p, now in seen if p >= 0.6]
    assert not torch.equal(last[0][0], last[-1][0])  # what is left goes on training


def test_blocks_shrink_from_the_whole_to_their_bound(session):
    _, seen = watched(session, spec("forall W in net.weights: W in nm(1, 4)"))
    for progress, now in seen:
        most = ceil(1 + 3 * share(progress, 0.0)) if progress < 0.6 else 1
        for w in now:
            blocks = w.reshape(-1, 4).tolist()
            assert max(sum(1 for entry in block if entry != 0) for block in blocks) <= most
    assert len({nonzeros(now) for _, now in seen}) > 2


def test_whole_channels_of_convolutions(run):
    result = run(
        spec(
            'forall W in net.weights("conv*"): W in channels(50%)', "cnn(channels=[4, 6])"
        ).replace("split=[1]", "split=[1], image=true")
    )
    assert result.status == "satisfied" and result.constraints[0].method == "projection"
    for name, w in result.models["net"].named_parameters():
        if name.startswith("conv") and w.ndim == 4:
            alive = sum(1 for kernel in w if any(e != 0 for e in kernel.flatten().tolist()))
            assert alive == len(w) // 2


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize(
    "what", ["density(net) <= 10%", "forall W in net.weights: density(W) <= 10%"]
)
def test_a_run_of_a_few_steps_ends_at_its_bound(run, steps, what):
    result = run(spec(what, fit=f"steps={steps}"))
    kept = weights(result.models["net"])
    assert result.status == "satisfied"
    assert 0 < nonzeros(kept) <= 0.1 * sum(w.numel() for w in kept)


def test_a_run_that_stops_on_the_ramp_ends_at_its_bound(run):
    rest = "stop when stalled(epochs=1, tolerance=1000000)"
    result = run(spec("density(net) <= 10%", fit="epochs=20", rest=rest))
    kept = weights(result.models["net"])
    assert result.steps < 100 and result.status == "satisfied"
    assert nonzeros(kept) == floor(0.1 * sum(w.numel() for w in kept))


def test_a_count_beside_another_set_needs_no_common_start(run):
    rest = "     low: forall W in net.weights: W >= -0.05"
    text = spec("density(net) <= 10%").replace("fit(", f"{rest}\nfit(")
    result = run(text)
    kept = weights(result.models["net"])
    assert result.status == "satisfied"
    assert nonzeros(kept) <= 0.1 * sum(w.numel() for w in kept)
    assert min(float(w.min()) for w in kept) >= -0.05


def test_no_layer_is_emptied_by_larger_ones(session):
    run = session(spec("density(net) <= 5%", fit="epochs=2"))
    with torch.no_grad():
        run.primal["net"].get_parameter("fc2.weight").mul_(1e-3)
    run.module["project"](run.primal, run.optimizer, 1.0)
    layers = weights(run.primal["net"])
    floor_ = 0.2 * 0.05
    assert all(nonzeros([w]) >= floor(floor_ * w.numel()) >= 1 for w in layers)
    assert nonzeros(layers) == floor(0.05 * sum(w.numel() for w in layers))


@pytest.mark.parametrize(
    ("what", "how", "why"),
    [
        ("forall W in net.weights: W >= 0", "ramp=0.3", "`ramp` is how a count shrinks"),
        ("density(net) <= ramp(100%, 10%)", "ramp=0.3", "says itself how its bound moves"),
        ("density(net) <= 10%", "warmup=0.5, ramp=0.5", "leave no step at the bound"),
    ],
)
def test_settings_that_would_not_act_are_refused(build, what, how, why):
    with pytest.raises(SpecError, match=why):
        build(spec(what, rest=f"using projection({how})"))

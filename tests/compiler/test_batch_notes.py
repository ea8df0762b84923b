"""Objectives with a kink in means over data, which batches show otherwise."""

from __future__ import annotations

import pytest
import torch

import cspec

X = torch.randn(12, 2, generator=torch.Generator().manual_seed(0))
DATA = {"x": X, "y": torch.arange(12) % 2, "g": ["u", "v", "v"] * 4}


@pytest.mark.parametrize(
    ("objective", "told"),
    [
        ("ce(f(x), y) + 10*max(0, E[prob[1]] - 0.3)", "max(0, E["),
        ("ce(f(x), y) + gap(E[prob[1] | g])", "gap(E["),
        ("max(E[ce(f(x), y) | g])", "max(E["),
        ("ce(f(x), y) + E[max(0, prob[1] - 0.3)]", None),
        ("ce(f(x), y) + max(0, sumsq(f.weights) - 1)", None),
        ("ce(f(x), y) + E[prob[1]]^2", None),
    ],
)
def test_a_kink_in_means_is_told_where_batches_show_it(objective: str, told: str | None) -> None:
    spec = f"data train(x, y, g)\nmodel f = linear\nminimize {objective}"
    for size, batches in ((4, True), ("full", False)):
        text = f"{spec}\nfit(optimizer=sgd(lr=0.1), batch_size={size})"
        said = [n for n in cspec.compile(text, train=DATA).notes if "is judged by batches" in n]
        assert len(said) == (batches and told is not None)
        assert all(str(told) in note for note in said)

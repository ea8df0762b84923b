"""Kernels of transposed convolutions: refused where outputs are meant, the same entry by entry."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import cspec
from cspec.dsl.messages.diagnostic import SpecError

X = torch.randn(20, 4, 6, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(20) % 2


def net(transposed: bool = True, **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    layer = (nn.ConvTranspose2d if transposed else nn.Conv2d)(4, 8, 3, **settings)
    pooled = nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(layer, pooled, nn.Flatten(), nn.Linear(8, 2))


def run(line: str, model: nn.Module) -> Any:
    text = f"minimize ce\n{line}\nfit(epochs=1, batch_size=10)"
    return cspec.run(text, model=model, data=(X, Y))


LINES = [
    "s.t. forall W in model.weights: W in channels(50%)",
    "s.t. forall W in model.weights: W in stiefel",
    "s.t. forall W in model.weights: W in rank(2)",
    "s.t. forall W in model.weights: W in sphere",
    "s.t. forall W in model.weights: spectral(W) <= 1",
    "s.t. forall W in model.weights: nuclear(W) <= 9",
    "s.t. forall W in model.weights: W.T @ W == eye",
    "s.t. forall W in model.weights: trace(W @ W.T) <= 9 soft(weight=1)",
    "metric s = max(spectral(W) for W in model.weights)",
    "minimize ce + 0.1*sum(nuclear(W) for W in model.weights)",
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("settings", [{}, {"groups": 2}])
def test_what_reads_rows_of_outputs_is_refused_by_name(line: str, settings: dict[str, int]) -> None:
    with pytest.raises(SpecError, match="transposed convolution") as caught:
        run(line, net(**settings)) if line[0] != "m" or "metric" in line else cspec.run(
            line, model=net(**settings), data=(X, Y)
        )
    assert {d.code for d in caught.value.diagnostics} == {"CS529"}
    assert "model.0.weight" in str(caught.value)


@pytest.mark.parametrize("dims", [1, 3])
def test_so_are_those_of_one_and_three_dimensions(dims: int) -> None:
    layer = {1: nn.ConvTranspose1d, 3: nn.ConvTranspose3d}[dims](4, 4, 2)
    model = nn.Sequential(layer, nn.Flatten(), nn.LazyLinear(2))
    x = torch.randn(20, 4, *[3] * dims)
    model(x)
    with pytest.raises(SpecError, match="transposed convolution"):
        cspec.run(
            "minimize ce\nmetric s = max(spectral(W) for W in model.weights)",
            model=model,
            data=(x, Y),
        )


@pytest.mark.parametrize(
    "line",
    [
        "s.t. forall W in model.weights: W in [-1, 1]",
        "s.t. forall W in model.weights: W in sparse(50%)",
        "s.t. forall W in model.weights: norm(W, 2) <= 5",
        "s.t. density(model) <= 50%",
        'metric s = max(spectral(W) for W in model.weights("3*"))',
    ],
)
def test_what_goes_entry_by_entry_or_names_other_layers_runs(line: str) -> None:
    assert run(line, net()).status in ("satisfied", "violated")
    assert run("metric s = max(spectral(W) for W in model.weights)", net(transposed=False))

"""Rules on each example, with what moves on the left and on the right, are one and the same."""

from __future__ import annotations

import pytest
import torch

import cspec

RULES = {
    "y == 1 => f(x)[0] >= 0.2": "y == 1 => 0.2 <= f(x)[0]",
    "y == 1 => f(x)[0] <= -0.1": "1 == y => -0.1 >= f(x)[0]",
    "y == 1 => f(x)[0] >= x[0]": "y == 1 => x[0] <= f(x)[0]",
    "f(x)[0] < 0.2 or y == 1": "0.2 > f(x)[0] or y == 1",
    "f(x)[0] >= 0.2 => y == 1": "0.2 <= f(x)[0] => y == 1",
    "not f(x)[0] >= 0.2 or y == 1": "not 0.2 <= f(x)[0] or y == 1",
    "y == 1 => pred(f(x)) == 1": "y == 1 => 1 == pred(f(x))",
    "y == 1 => f(x)[0] >= 0.1 and f(x)[0] <= 0.9": "y == 1 => 0.1 <= f(x)[0] <= 0.9",
    "y == 0 => f(x)[1] >= 0.1 and f(x)[1] <= 0.9": "y == 0 => f(x)[1] in [0.1, 0.9]",
    "y == 1 => f(x)[0] >= f(x)[1]": "y == 1 => f(x)[1] <= f(x)[0]",
}


def trained(rule: str) -> tuple[list[float], float]:
    """Weights, and the share of examples that break the rule."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(60, 3, generator=draw)
    data = {"x": x, "y": (x[:, 0] + 0.3 * torch.randn(60, generator=draw) > 0).long()}
    torch.manual_seed(1)
    text = f"data train(x, y)\nmodel f\nminimize ce\ns.t. c: forall (x, y) in train: {rule}\n"
    result = cspec.run(
        text + "fit(steps=60, batch_size=20)", f=torch.nn.Linear(3, 2), train=data
    )
    weights = [p.detach().flatten() for p in result.models["f"].parameters()]
    return torch.cat(weights).tolist(), result["c"].value


@pytest.mark.parametrize(("plain", "turned"), RULES.items())
def test_sides_of_a_comparison_change_places(plain: str, turned: str) -> None:
    weights, broken = trained(plain)
    assert trained(turned) == (pytest.approx(weights, abs=1e-5), broken)
    assert broken == 0, "each of them can be met"

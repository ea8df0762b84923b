"""Values that only the loop computes: those without a gradient, and those that `verify` needs."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cspec

NUMBER = "came without a gradient"


@pytest.mark.parametrize(
    ("rules", "values", "told"),
    [
        ("a: kl <= 4", lambda x: {"kl": (x**2).item()}, "`a`"),
        ("a: kl <= 4", lambda x: {"kl": x**2}, None),
        ("a: abs(kl - 4) <= 1\nb: q <= 3", lambda x: {"kl": x**2, "q": 2.0}, "`b`"),
        ("a: kl <= q", lambda x: {"kl": x**2, "q": 2.0}, None),
        ("a: q <= 1 with surrogate kl", lambda x: {"kl": x**2, "q": 3.0}, None),
        ("a: q <= 1 with surrogate kl", lambda x: {"kl": 2.0, "q": 3.0}, "`a`"),
    ],
)
def test_what_nothing_answers_to_is_told_once(
    rules: str, values: Callable[[Tensor], dict[str, Any]], told: str | None
) -> None:
    x = nn.Parameter(torch.tensor(1.0))
    names = ", ".join(["loss", *values(x)])
    spec = f"given {names}\nminimize loss\ns.t. {rules}"
    handle = cspec.bind(spec, optimizer=torch.optim.SGD([x], lr=0.05))
    for _ in range(3):
        handle.step(loss=(x - 5) ** 2, **values(x))
    assert len(handle.notes) == (told is not None)
    for note in handle.notes:
        assert NUMBER in note and told is not None and f"answers to {told}:" in note


def test_weights_are_judged_without_the_values_of_the_objective() -> None:
    net = nn.Linear(3, 2)
    spec = "given loss, kl\nmodel f\nminimize loss\ns.t. w: norm(f.weights, 2) <= 0.1\n{}"
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    handle = cspec.bind(spec.format(""), f=net, optimizer=optimizer)
    found = handle.verify()
    assert found["w"].value == pytest.approx(net.weight.norm().item())
    assert math.isnan(found.objective) and "needs loss" in found.notes[0]
    assert handle.verify(loss=2.0).objective == 2
    both = cspec.bind(spec.format("k: kl <= 1"), f=net, optimizer=optimizer)
    with pytest.raises(cspec.SpecError, match="this spec needs kl"):
        both.verify(loss=2.0)

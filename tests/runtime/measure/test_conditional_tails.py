"""`cvar(e, level, where=c)`, `quantile(e, q, where=c)`: of those that count, by plain loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import cspec
from cspec.dsl.messages.diagnostic import SpecError

HEAD = "data train(x, y, s)\nmodel f = linear\nminimize bce(f(x), y)\n"
FIT = "\nfit(epochs=3, batch_size=25)\n"


def rows(n: int = 120) -> dict[str, Any]:
    draw = np.random.default_rng(4)
    x = draw.normal(size=(n, 3)).astype("float32")
    return {"x": x, "y": (x[:, 0] > 0.3).astype(int), "s": draw.integers(0, 3, n)}


def losses(result: Any, data: dict[str, Any]) -> list[float]:
    with torch.no_grad():
        z = result.models["f"](torch.tensor(data["x"])).reshape(-1).double().tolist()
    return [math.log1p(math.exp(-v if y else v)) for v, y in zip(z, data["y"], strict=True)]


def worst(values: list[float], level: float) -> float:
    """The mean of the worst 1 - level, the last of them in part."""
    ordered, left = sorted(values, reverse=True), (1 - level) * len(values)
    total, size = 0.0, left
    for value in ordered:
        share = min(1.0, left)
        total, left = total + share * value, left - share
        if left <= 0:
            break
    return total / size


WHERE = {
    "y == 1": lambda y, s: y == 1,
    "s == 2 and y == 0": lambda y, s: s == 2 and y == 0,
    "s in {0, 2}": lambda y, s: s in (0, 2),
    "not y == 1": lambda y, s: y != 1,
}


@pytest.mark.parametrize("where", WHERE)
def test_values_are_those_of_plain_loops(where: str) -> None:
    data = rows()
    result = cspec.run(
        f"{HEAD}s.t. a: cvar(bce, 0.7, where={where}) <= 9\n"
        f"     b: quantile(bce(f(x), y), 25%, where={where}) <= 9\n"
        f"     c: forall g in values(s): cvar(bce(f(x), y), 60%, where=s == g) <= 9\n"
        f"metric m = cvar(bce, 0.7, where={where}) - cvar(bce, 0.7)\n"
        f"metric moved = quantile(bce, 50%, where=pred == 1){FIT}",
        train=data,
    )
    found = losses(result, data)
    triples = list(zip(found, data["y"], data["s"], strict=True))
    counted = [v for v, y, s in triples if WHERE[where](y, s)]
    assert result["a"].value == pytest.approx(worst(counted, 0.7), abs=1e-5)
    assert result["a"].n == len(counted)
    assert result["b"].value == pytest.approx(float(np.quantile(counted, 0.25)), abs=1e-5)
    for g in range(3):
        own = [v for v, _, s in triples if s == g]
        assert result[f"c[{g}]"].value == pytest.approx(worst(own, 0.6), abs=1e-5)
    assert result.metrics["m"] == pytest.approx(worst(counted, 0.7) - worst(found, 0.7), abs=1e-5)
    with torch.no_grad():
        told = result.models["f"](torch.tensor(data["x"])).reshape(-1) > 0
    ones = [v for v, one in zip(found, told.tolist(), strict=True) if one]
    assert result.metrics["moved"] == pytest.approx(float(np.median(ones)), abs=1e-5)


def test_it_pulls_at_those_that_count_alone() -> None:
    data = rows()
    text = "s.t. a: cvar(bce, 0.5, where=s == 1) <= 0.05\nfit(epochs=60, batch_size=25)\n"
    result, free = cspec.run(HEAD + text, train=data), cspec.run(HEAD + FIT, train=data)
    own = [v for v, s in zip(losses(result, data), data["s"], strict=True) if s == 1]
    before = [v for v, s in zip(losses(free, data), data["s"], strict=True) if s == 1]
    assert worst(own, 0.5) < 0.5 * worst(before, 0.5)
    assert result["a"].value == pytest.approx(worst(own, 0.5), abs=1e-5)


def test_nobody_counts() -> None:
    result = cspec.run(f"{HEAD}s.t. a: cvar(bce, 0.5, where=x[0] > 99) <= 9{FIT}", train=rows())
    assert math.isnan(result["a"].value) and not result["a"].satisfied


@pytest.mark.parametrize(
    ("written", "code", "said"),
    [
        ("cvar(bce, 0.9, where=pred == 1)", "CS310", "moves with what is trained"),
        ("cvar(bce, 0.9, where=0.5)", "CS302", "an event (true or false)"),
        ("cvar(bce | y == 1, 0.9)", "CS102", "takes no condition"),
        ("cvar(bce, 0.9, when=y == 1)", "CS502", "when"),
    ],
)
def test_what_is_refused(written: str, code: str, said: str) -> None:
    text = f"{HEAD}s.t. a: {written} <= 9{FIT}"
    assert any(d.code == code and said in d.message for d in cspec.check(text))
    with pytest.raises(SpecError):
        cspec.run(text, train=rows())

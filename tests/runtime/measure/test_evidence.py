"""Counts and standard errors against plain numpy, and verdicts where something is not there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cspec
from cspec.runtime.functions import mean
from cspec.runtime.functions.samples import listening
from cspec.runtime.measure.evidence import examples, standard_error

D = torch.float64
SPEC = """
data train(x, y, g, b){more}
model f
minimize {objective}
s.t. c: {constraint}
{verify}fit(optimizer=sgd(lr=1e-30), steps=2, batch_size=full, precision=float64)
"""


def table(seed: int, n: int, groups: int = 3) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {
        "x": torch.randn(n, 3, generator=draw, dtype=D),
        "y": torch.arange(n) % 2,
        "g": torch.arange(n) % groups,
        "b": torch.randn(n, generator=draw, dtype=D).exp(),
    }


def net() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def measured(constraint: str, verify: str = "", more: str = "", **data: Any) -> cspec.Result:
    objective = "E[ce(f(x), y) on train]"
    text = SPEC.format(constraint=constraint, verify=verify, more=more, objective=objective)
    return cspec.run(text, f=net(), **data)


Array = np.ndarray[Any, Any]


def columns(data: dict[str, torch.Tensor]) -> dict[str, Array]:
    """The columns, and the model's outputs: what an example has."""
    with torch.no_grad():
        z = net()(data["x"]).numpy()
    return {"z": z[:, 0], "pred": z.argmax(1), **{k: v.numpy() for k, v in data.items()}}


def error(values: Array) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def apart(*parts: Array) -> float:
    """Of a sum or difference of means of examples that are drawn apart."""
    return math.hypot(*(error(part) for part in parts))


def tail(values: Array, level: float) -> Array:
    """Scores whose mean is the CVaR: t + [v - t]+ / (1 - level), t the last value of the tail."""
    k = len(values) * (1 - level)
    t = np.sort(values)[::-1][math.ceil(k - 1e-9) - 1]
    return np.asarray(t + np.maximum(values - t, 0) / (1 - level))


Case = tuple[str, Callable[[dict[str, Array]], tuple[int, float]]]
CASES: list[Case] = [
    ("E[f(x)[0]] <= 3", lambda d: (len(d["z"]), error(d["z"]))),
    ("P[pred == 1] <= 0.9", lambda d: (len(d["z"]), error((d["pred"] == 1) * 1.0))),
    ("E[f(x)[0] | y == 1] <= 3", lambda d: (int((d["y"] == 1).sum()), error(d["z"][d["y"] == 1]))),
    (
        "P[pred == 1 | y == 1 and g == 2] <= 0.9",
        lambda d: (
            int(((d["y"] == 1) & (d["g"] == 2)).sum()),
            error((d["pred"] == 1)[(d["y"] == 1) & (d["g"] == 2)] * 1.0),
        ),
    ),
    (
        "E[f(x)[0] | g == 0] - E[f(x)[0] | g == 2] <= 3",
        lambda d: (
            int((d["g"] != 1).sum()),
            apart(d["z"][d["g"] == 0], d["z"][d["g"] == 2]),
        ),
    ),
    ("2*E[f(x)[0]] - 3*E[b] <= 9", lambda d: (len(d["z"]), error(2 * d["z"] - 3 * d["b"]))),
    ("E[f(x)[0]]^2 <= 9", lambda d: (len(d["z"]), error(2 * d["z"].mean() * d["z"]))),
    (
        "E[f(x)[0]]/E[abs(b)] <= 9",
        lambda d: (
            len(d["z"]),
            error(d["z"] / d["b"].mean() - d["z"].mean() / d["b"].mean() ** 2 * d["b"]),
        ),
    ),
    ("cvar(f(x)[0], 0.85) <= 9", lambda d: (len(d["z"]), error(tail(d["z"], 0.85)))),
    (
        "max(E[f(x)[0] | g]) <= 9",
        lambda d: (len(d["z"]), error(max((d["z"][d["g"] == k] for k in range(3)), key=np.mean))),
    ),
    (
        "gap(E[f(x)[0] | g]) <= 9",
        lambda d: (
            len(d["z"]),
            apart(
                max((d["z"][d["g"] == k] for k in range(3)), key=np.mean),
                min((d["z"][d["g"] == k] for k in range(3)), key=np.mean),
            ),
        ),
    ),
]


@pytest.mark.parametrize("n", [7, 60, 301])
@pytest.mark.parametrize(("constraint", "expected"), CASES, ids=[c for c, _ in CASES])
def test_counts_and_errors_are_those_of_the_examples(
    constraint: str, expected: Callable[[dict[str, Array]], tuple[int, float]], n: int
) -> None:
    data = table(seed=n, n=n)
    found = measured(constraint, train=data)["c"]
    if n == 7 and "and g == 2" in constraint:
        assert found.n == 1 and found.standard_error is None  # One example tells no spread.
        return
    count, spread = expected(columns(data))
    assert found.n == count
    assert found.standard_error == pytest.approx(spread, rel=1e-9)


@pytest.mark.parametrize(
    ("constraint", "asked"),
    [
        ("forall (x, g) in train where g == 1: f(x)[0] <= 1", lambda d: d["g"] == 1),
        ("forall (x, y, b) in train where y == 1 and b > 1: f(x)[0] == b", lambda d: d["b"] > 1),
        ("forall (x, b) in train where b > 1e9: f(x)[0] <= b", lambda d: d["b"] > 1e9),
        ("forall x in train: f(x)[0] <= 1", lambda d: d["y"] >= 0),
    ],
)
def test_of_a_requirement_on_each_those_count_that_are_asked(
    constraint: str, asked: Callable[[dict[str, Any]], Any]
) -> None:
    data, other = table(seed=1, n=60), table(seed=2, n=31)
    more, verify = ", val(x, y, g, b)", "verify c on val\n"
    for found, rows in (
        (measured(constraint, train=data), data),
        (measured(constraint, verify, more, train=data, val=other), other),
    ):
        counted = asked(rows) & ((rows["y"] == 1) | ("y == 1" not in constraint))
        assert found["c"].n == int(counted.sum()) and found["c"].standard_error is None


def test_a_quantile_has_the_error_of_a_bootstrap() -> None:
    data = table(seed=0, n=800)
    found = measured("quantile(f(x)[0], 0.7) <= 9", train=data)["c"]
    values, draw = columns(data)["z"], np.random.default_rng(0)
    spread = np.std([np.quantile(draw.choice(values, 800), 0.7) for _ in range(2000)])
    assert found.n == 800 and found.standard_error == pytest.approx(spread, rel=0.2)
    assert measured("quantile(f(x)[0], 1) <= 9", train=data)["c"].standard_error is None


def test_data_sets_are_drawn_apart() -> None:
    train, val = table(seed=1, n=50), table(seed=2, n=50)
    found = measured(
        "E[f(x)[0] on train] - E[f(x)[0] on val] <= 1", more=", val(x, y, g, b)",
        train=train, val=val,
    )["c"]  # fmt: skip
    assert found.n == 100 and found.split == "train + val"
    assert found.standard_error == pytest.approx(apart(columns(train)["z"], columns(val)["z"]))
    assert found.value == pytest.approx(columns(train)["z"].mean() - columns(val)["z"].mean())


@pytest.mark.parametrize("verify", ["verify all on val\n", "verify all on val every epoch\n"])
def test_a_requirement_that_names_its_data_keeps_them(verify: str) -> None:
    train, val = table(seed=1, n=50), table(seed=2, n=40)
    more = ", val(x, y, g, b)"
    both = measured(
        "E[f(x)[0] on train] - E[f(x)[0] on val] <= 1", verify, more, train=train, val=val
    )
    expected = columns(train)["z"].mean() - columns(val)["z"].mean()
    assert both["c"].value == pytest.approx(expected) and both["c"].split == "train + val"
    assert any(note.startswith("c: verified on train + val, which it names") for note in both.notes)
    named = measured("E[f(x)[0]] <= 1 on train", verify, more, train=train, val=val)
    assert named["c"].split == "train" and named["c"].n == 50
    moved = measured("E[f(x)[0]] <= 1", verify, more, train=train, val=val)
    assert moved["c"].split == "val" and moved["c"].n == 40
    assert not any("which it names" in note for note in moved.notes)


def test_one_data_set_is_moved_by_name() -> None:
    train, val = table(seed=1, n=50), table(seed=2, n=40)
    found = measured(
        "E[f(x)[0] on train] <= 1", "verify c on val\n", ", val(x, y, g, b)", train=train, val=val
    )["c"]
    assert found.split == "val" and found.value == pytest.approx(columns(val)["z"].mean())


@pytest.mark.parametrize(
    "constraint",
    [
        "E[f(x)[0] on train] - E[f(x)[0] on val] <= 1",
        "E[f(x)[0]] <= E[f(x)[0] on val]",
        "cvar(f(x)[0], 0.9) <= cvar(f(x)[0], 0.9, on=val)",
    ],
)
def test_one_about_several_data_sets_can_not_be_moved_by_name(constraint: str) -> None:
    text = SPEC.format(
        constraint=constraint, verify="verify c on test\n", objective="ce",
        more=", val(x, y, g, b), test(x, y, g, b)",
    )  # fmt: skip
    (found,) = cspec.check(text)
    assert (found.code, text[found.span.start : found.span.end]) == ("CS411", "c")


WITHOUT = [
    ("gap(E[f(x)[0] | g]) <= 9", "gap(E[f(x)[0] | g on val])"),
    ("ratio(P[pred == 1 | g]) >= 0", "ratio(P[pred == 1 | g on val])"),
    ("max(E[f(x)[0] | g]) <= 9", "max(E[f(x)[0] | g on val])"),
    ("min(E[f(x)[0] | g]) >= -9", "min(E[f(x)[0] | g on val])"),
    ("E[f(x)[0] | g == 2] <= 9", "E[f(x)[0] | g == 2 on val]"),
    ("E[f(x)[0] | g == 2 and y == 1] + 1 <= 9", "1 - E[f(x)[0] | g == 2 and y == 1 on val]"),
    ("abs(E[f(x)[0] | g == 2]) <= 9", "abs(E[f(x)[0] | g == 2 on val])"),
    (
        "max(E[ce | g == 0], E[ce | g == 2]) <= 9",
        "max(E[ce | g == 0 on val], E[ce | g == 2 on val])",
    ),
]


@pytest.mark.parametrize(("constraint", "metric"), WITHOUT)
def test_an_absent_group_is_not_measured_and_named(constraint: str, metric: str) -> None:
    """A group that the data which judge do not have; a batch without one only skips it."""
    train, val = table(seed=1, n=50), table(seed=2, n=40, groups=2)
    text = SPEC.replace("batch_size=full", "batch_size=4").format(
        constraint=constraint, verify="verify c on val\n", objective="ce",
        more=", val(x, y, g, b)",
    )  # fmt: skip
    result = cspec.run(f"{text}metric m = {metric}\n", f=net(), train=train, val=val)
    assert math.isnan(result["c"].value) and not result["c"].satisfied
    assert math.isnan(result.metrics["m"])
    assert result["c"].standard_error is None and result.status == "violated"
    assert result.best is not None and result.best.step == result.steps
    (said,) = (note for note in result.notes if note.startswith("c: not measured, so not met"))
    assert "`val`" in said and "g" in said and "2" in said
    if "==" not in constraint:
        assert all(math.isfinite(row.violations["c"]) for row in result.history)


EMPTY = [
    "P[pred == 1]/P[b > 1e9] >= 0.49",
    "E[f(x)[0] - 5]/P[b > 1e9] <= 0.49",
    "P[pred == 1 and b > 1e9]/P[b > 1e9] >= 0.49",
    "1 - P[pred == 1]/P[b > 1e9] <= 0.49",
    "E[f(x)[0]^2]/E[relu(b - 1e9)] >= 0.49",
]


@pytest.mark.parametrize("constraint", EMPTY)
def test_a_ratio_over_nothing_is_not_measured(constraint: str) -> None:
    value = constraint.split(" >= ")[0].split(" <= ")[0]
    text = SPEC.format(constraint=constraint, verify="", objective="ce", more="")
    result = cspec.run(f"{text}metric m = {value}\n", f=net(), train=table(seed=1, n=50))
    assert math.isnan(result["c"].value) and not result["c"].satisfied
    assert math.isnan(result.metrics["m"]) and result.status == "violated"
    assert any("its denominator, is 0 on `train`" in note for note in result.notes)


def test_measuring_with_errors_leaves_no_gradient_and_changes_no_value() -> None:
    result = measured("gap(E[f(x)[0] | g]) <= 9", train=table(seed=4, n=60))
    assert all(p.grad is None or not p.grad.requires_grad for p in result.model.parameters())
    z, g = columns(table(seed=4, n=60))["z"], table(seed=4, n=60)["g"].numpy()
    means = [z[g == k].mean() for k in range(3)]
    assert result["c"].value == pytest.approx(max(means) - min(means), abs=1e-12)


def test_tokens_are_drawn_with_their_example() -> None:
    """The error of a mean over tokens is that of a bootstrap over examples, not over tokens."""
    draw = torch.Generator().manual_seed(0)
    own = torch.randn(400, 1, generator=draw, dtype=D)
    values = own + 0.1 * torch.randn(400, 6, generator=draw, dtype=D)
    mask = torch.rand(400, 6, generator=draw) < 0.7
    mask[:50] = False
    with torch.enable_grad(), listening() as samples:
        value = mean(values, where=mask, tokens=1, on="train")
    assert float(value.detach()) == pytest.approx(float(values[mask].mean()))
    assert examples(samples) == int(mask.any(1).sum()) == 350
    resampled, random = [], np.random.default_rng(0)
    for _ in range(1500):
        rows = random.integers(0, 400, 400)
        resampled.append(float(values[rows][mask[rows]].mean()))
    spread = float(np.std(resampled))
    assert standard_error(value, samples) == pytest.approx(spread, rel=0.1)
    assert spread > 2 * error(values[mask].numpy())

"""Requirements of one form computed as one vector: the same numbers as each by itself."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec.compiler.algebra.members import Members
from cspec.runtime.run.execute import load_module

HEAD = "data train(x, y, g, q, a)\nmodel f\nminimize ce\ns.t. "
TAIL = "\nusing lagrangian(dual=sgd(lr=0.1))\nfit(batch_size=32, epochs=1)\n"

MEANS = (
    "E[f(x)[1] | g == k]",
    "P[pred == 1 | g == k]",
    "P[f(x)[0] > 0.3 | g == k]",
    "E[f(x)[1]*a | g == k and y == 1]",
    "P[pred == y | g == k, q == j]",
    "E[abs(f(x)[1] - 0.1*k)]",
    "P[f(x)[0] > 0.1*k]",
    "P[f(x)[0] > 0.1*k | y == 1]",
    "P[f(x)[0] > 0.1*k and a < 0.3]",
    "E[f(x)[0] | a > 0.1*k]",
    "E[(f(x)[0] - 0.1*k)^2 | g == k]",
    "E[a*f(x)[1]]",
    "E[f(x)[1] | g == k] / E[a^2]",
    "P[pred == 1 | g == k] - P[pred == 1]",
    "abs(E[f(x)[1] | g == k])",
    "max(E[f(x)[1] | g == k], E[f(x)[0] | g == k])",
    "E[f(x)[1] | g == k]^2 + 0.1*k",
    "exp(E[0.1*f(x)[1] | g == k])",
    "E[sigmoid(f(x)[1] - k) | q == 1]",
    "P[pred == 1 | g == k] / P[pred == 1 | q == 1]",
    "k*E[f(x)[1]]",
    "P[pred == k]",
    "E[prob(f(x))[k]]",
    "E[f(x)[k]*a | q == 1]",
    "E[f(x)[4 - k]^2 | g == k] / E[a^2]",
    "abs(P[pred == k | q == 0] - P[pred == k | q == 1])",
    "P[pred == k | y == k]",
    "P[f(x)[k] > prob[k] - 0.1*k]",
    "E[max(f(x)[k], x[0]) | g != k]",
    "E[f(x)[1] | g == 1]",
    "cvar(f(x)[1] - 0.1*k, 0.5)",
    "P[a > E[a | g == k]]",
)
BOUNDS = ("0.3", "0.1 + 0.05*k", "eps + 0.05*k", "eps")


def example(seed: int, rows: int = 90) -> tuple[nn.Module, dict[str, Tensor]]:
    """A small network with five outputs and its data; group 2 is rare."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 4, generator=draw)
    g = torch.randint(0, 5, (rows,), generator=draw)
    g[g == 2] = torch.where(torch.rand(int((g == 2).sum()), generator=draw) < 0.8, 1, 2)
    data = {
        "x": x,
        "y": torch.randint(0, 5, (rows,), generator=draw),
        "g": g,
        "q": torch.randint(0, 2, (rows,), generator=draw),
        "a": torch.randn(rows, generator=draw),
    }
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 5)), data


@contextmanager
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is put together in this block."""
    with monkeypatch.context() as patch:
        patch.setattr(Members, "fewest", 10**9)
        yield


def measured(text: str, model: nn.Module, data: dict[str, Tensor], batch: slice) -> dict[str, Any]:
    """All that the emitted module computes of a spec, and its source."""
    program = cspec.compile(text, f=model, train=data)
    module = load_module(program)
    torch.manual_seed(0)
    primal = {"f": model, "z": torch.linspace(-1, 1, 6).requires_grad_()}
    part = {name: values[batch] for name, values in data.items()}
    f, g, true = module["measure"](primal, {"train": part, "clock": torch.zeros(1)})
    weights = torch.linspace(0.5, 2, len(g))
    loss = f + module["weigh"](weights, g) if len(g) else f
    parameters = list(model.parameters())
    slopes = torch.autograd.grad(loss, parameters, allow_unused=True)
    with torch.no_grad():
        found = module["evaluate"](primal, {"train": part})
    return {
        "g": g, "true": true, "slopes": slopes, "report": numbers_of(found),
        "source": program.source,
        "dtypes": (g.dtype, true.dtype),
    }  # fmt: skip


def numbers_of(found: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[float, float]]:
    """Value and bound by label as numbers."""
    return {k: (float(torch.as_tensor(v).detach()), float(b)) for k, (v, b) in found.items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Equal within rounding, NaN where the other is NaN."""
    assert one["dtypes"] == other["dtypes"]
    for key in ("g", "true"):
        torch.testing.assert_close(one[key], other[key], equal_nan=True, rtol=2e-5, atol=2e-6)
    for a, b in zip(one["slopes"], other["slopes"], strict=True):
        torch.testing.assert_close(a, b, equal_nan=True, rtol=1e-4, atol=1e-5)
    assert one["report"].keys() == other["report"].keys()
    for label, pair in one["report"].items():
        assert pair == pytest.approx(other["report"][label], nan_ok=True, rel=1e-5, abs=1e-6), label


def constraint(mean: str, bound: str, relation: str) -> str:
    """One form as members of a quantifier."""
    over = "forall k in range(5), j in range(2)" if " j" in mean else "forall k in range(5)"
    return f"{over}: {mean} {relation} {bound}"


@pytest.mark.parametrize("mean", MEANS)
def test_members_are_what_each_is_by_itself(mean: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(mean)
    model, data = example(len(mean))
    bound, relation = draw.choice(BOUNDS), draw.choice(("<=", ">="))
    text = "param eps = 0.25\n" + HEAD + constraint(mean, bound, relation) + TAIL
    rows = slice(0, draw.choice((6, 32, 90)))
    try:
        with one_by_one(monkeypatch):
            expected = measured(text, model, data, rows)
    except cspec.SpecError as error:
        pytest.skip(str(error)[:100])
    same(measured(text, model, data, rows), expected)


LINES = (
    "; ".join(f"c{i}: E[f(x)[1]*a] <= {0.5 + 0.1 * i}" for i in range(6)),
    "; ".join(f"c{i}: P[pred == 1 | g == {i % 3}] >= {0.1 * i}" for i in range(7)),
    "; ".join(f"c{i}: 0.1 <= P[pred == 1 | g == {i}] <= {0.4 + 0.1 * i}" for i in range(5)),
    "; ".join(f"c{i}: E[f(x)[1] | g == {i}] <= 0.3; d{i}: E[a*f(x)[0]] >= {i}" for i in range(5)),
    "; ".join(f"c{i}: P[f(x)[0] > {0.1 * i} | g == 1] >= 0.2" for i in range(4))
    + "; forall W in f.weights: norm(W, 2) <= 3; forall W in f.weights: W <= 2",
    "forall k in values(g): 0.1 <= P[pred == 1 | g == k] <= 0.7; E[a*f(x)[1]] == 0",
    "forall k in values(g), j in values(q): P[pred == 1 | g == k, q == j] >= 0.1 "
    "by penalty(coefficient=1)\n"
    "s.t. forall k in range(5): E[f(x)[0] | g == k] == 0.1*k by augmented_lagrangian",
)


@pytest.mark.parametrize("lines", LINES)
def test_lines_are_what_each_is_by_itself(lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = example(3)
    text = HEAD + lines + TAIL
    try:
        with one_by_one(monkeypatch):
            expected = measured(text, model, data, slice(0, 40))
    except cspec.SpecError as error:
        pytest.skip(str(error)[:200])
    found = measured(text, model, data, slice(0, 40))
    same(found, expected)
    assert re.search(r"members\(\s*LABELS", found["source"])


def test_groups_are_those_of_a_plain_loop() -> None:
    model, data = example(5)
    text = HEAD + "forall k in values(g): E[f(x)[1] | g == k] >= 0.1" + TAIL
    found = measured(text, model, data, slice(0, 12))
    with torch.no_grad():
        scores = model(data["x"][:12])[:, 1].tolist()
    codes = data["g"][:12].tolist()
    for k in range(5):
        own = [score for score, code in zip(scores, codes, strict=True) if code == k]
        expected = sum(own) / len(own) if own else float("nan")
        assert found["report"][f"c1[{k}]"][0] == pytest.approx(expected, nan_ok=True, abs=1e-6)
        assert float(found["true"][k]) == pytest.approx(0.1 - expected, nan_ok=True, abs=1e-6)


def test_what_is_in_no_group_counts_in_none() -> None:
    model, data = example(7)
    text = HEAD + "forall k in {0, 1, 3, 4}: E[f(x)[1] | g == k] >= 0.1" + TAIL
    program = cspec.compile(text, f=model, train=data)
    module = load_module(program)
    other = {**data, "g": torch.full_like(data["g"], 9)}
    found = module["measure"]({"f": model}, {"train": other, "clock": torch.zeros(1)})
    assert bool(found[1].isnan().all())


def test_numbers_that_were_first_used_without_gradients_serve_steps() -> None:
    model, data = example(9)
    text = HEAD + "forall k in range(5): (k + 1)*E[f(x)[1]*(a + k) | g == k] <= 0.1*k" + TAIL
    module = load_module(cspec.compile(text, f=model, train=data))
    batch = {"train": data, "clock": torch.zeros(1)}
    with torch.inference_mode():
        module["measure"]({"f": model}, batch)
    _, g, _ = module["measure"]({"f": model}, batch)
    g.nansum().backward()


def test_entries_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "var z[6] = [1, 2, 3, 4, 5, 6]\nminimize sum(z)\n"
        "s.t. forall i in range(5): z[i+1]^2 >= z[i] + 0.1*i; z[0] >= 0.2; z[3] <= 7\n"
        "using lagrangian\nfit(steps=3)\n"
    )
    made = []
    for fewest in (10**9, 4):
        monkeypatch.setattr(Members, "fewest", fewest)
        module = load_module(cspec.compile(text))
        z = torch.tensor([0.3, -1.0, 0.7, 2.0, 1.0, -0.4], requires_grad=True)
        _, g, _ = module["measure"]({"z": z}, {"clock": torch.zeros(1)})
        slope = torch.autograd.grad((g * torch.arange(1.0, len(g) + 1)).sum(), z)[0]
        with torch.no_grad():
            made.append((g, slope, numbers_of(module["evaluate"]({"z": z.detach()}, {}))))
    torch.testing.assert_close(made[0][0], made[1][0])
    torch.testing.assert_close(made[0][1], made[1][1])
    assert made[0][2].keys() == made[1][2].keys()
    for label, pair in made[0][2].items():
        assert pair == pytest.approx(made[1][2][label]), label


@pytest.mark.parametrize("mean", MEANS[:9])
def test_evidence_is_that_of_each_by_itself(mean: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = example(11)[1]
    data["g"] = torch.where(data["g"] == 2, 1, data["g"])
    data["g"][0] = 2  # one example tells no spread
    text = HEAD + constraint(mean, "0.3", "<=") + TAIL
    try:
        with one_by_one(monkeypatch):
            one = cspec.run(text, f=example(11)[0], train=data)
    except cspec.SpecError as error:
        pytest.skip(str(error)[:100])
    other = cspec.run(text, f=example(11)[0], train=data)
    for a, b in zip(one.constraints, other.constraints, strict=True):
        assert (a.name, a.n, a.satisfied) == (b.name, b.n, b.satisfied)
        assert a.value == pytest.approx(b.value, nan_ok=True, rel=1e-4)
        assert (a.standard_error is None) == (b.standard_error is None)
        if a.standard_error is not None:
            assert a.standard_error == pytest.approx(b.standard_error, rel=1e-4)


def test_rows_of_whole_data_are_taken_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = example(9)
    text = HEAD + "forall k in range(20): E[abs(f(x)[1] - 0.1*k)] <= 3 + 0.02*k" + TAIL
    expected = measured(text, model, data, slice(0, 90))
    monkeypatch.setattr("cspec.compiler.algebra.members.LARGEST", 90 * 7)
    found = measured(text, model, data, slice(0, 90))
    same(found, expected)
    assert found["source"].count("**members(") == 3


def test_functions_do_not_grow_with_the_number_of_members() -> None:
    model, data = example(13)
    sizes = []
    for count in (10, 200):
        form = f"forall k in range({count}): E[abs(f(x)[1] - 0.1*k)] <= 3 + 0.02*k"
        source = cspec.compile(HEAD + form + TAIL, f=model, train=data).source
        functions = source[source.index("def measure") : source.index("def record()")]
        sizes.append(len(functions))
    assert sizes[1] - sizes[0] < 20

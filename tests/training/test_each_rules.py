"""Rules on each example and at points: the truth against plain loops, and what is told of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import cspec
from cspec.cli import main
from cspec.runtime.functions.examples import broken_or_room
from cspec.runtime.result.result import Result

Array = NDArray[Any]
HEAD = "data train(x, y, k)\nmodel f = mlp(hidden=[16])\nminimize ce(f(x), y)\ns.t. r: "
FIT = "\nfit(epochs=25, batch_size=32, optimizer=adam(lr=0.01))"


def table(seed: int, rows: int) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 3)).astype("float32")
    score = x @ [1.0, -1.0, 0.5] + 0.7 * random.normal(size=rows)
    return {"x": x, "y": (score > 0).astype(int) + (x[:, 2] > 0.8), "k": (x[:, 0] > 0).astype(int)}


def run(requirement: str, seed: int = 0, rows: int = 120, **names: Any) -> Result:
    return cspec.run(HEAD + requirement + FIT, train=table(seed, rows), **names)


def rows_of(result: Result, seed: int = 0, rows: int = 120) -> list[dict[str, Any]]:
    """Each row with what the model says of it, computed one by one."""
    data, model, found = table(seed, rows), result.models["f"].eval(), []
    for i in range(rows):
        with torch.no_grad():
            z = [float(v) for v in model(torch.tensor(data["x"][i : i + 1]))[0]]
        below = sum(math.exp(v - max(z)) for v in z)
        p = [math.exp(v - max(z)) / below for v in z]
        found.append({"p": p, "pred": z.index(max(z)), "y": data["y"][i], "k": data["k"][i]})
    return found


RULES = {
    "prob[2] > 0.3 => prob[1] > 0.25": lambda r: r["p"][2] <= 0.3 or r["p"][1] > 0.25,
    "prob[2] > 0.3 => prob[1] > 0.25 with surrogate product": lambda r: (
        r["p"][2] <= 0.3 or r["p"][1] > 0.25
    ),
    "prob[2] > 0.3 => prob[1] > 0.25 with surrogate dl2": lambda r: (
        r["p"][2] <= 0.3 or r["p"][1] > 0.25
    ),
    "pred == 2 => y == 2": lambda r: r["pred"] != 2 or r["y"] == 2,
    "pred != y => prob[2] <= 0.3": lambda r: r["pred"] == r["y"] or r["p"][2] <= 0.3,
    "k == 1 => pred != 2": lambda r: r["k"] != 1 or r["pred"] != 2,
    "pred >= 1 => prob[0] <= 0.4": lambda r: r["pred"] < 1 or r["p"][0] <= 0.4,
    "prob[2] <= 0.4 or prob[0] <= 0.1": lambda r: r["p"][2] <= 0.4 or r["p"][0] <= 0.1,
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_holds_for_every_row(rule: str) -> None:
    result = run(f"forall (x, y, k) in train: {rule}")
    broken = sum(not RULES[rule](row) for row in rows_of(result))
    assert result["r"].value == pytest.approx(broken / 120, abs=1e-12)
    assert result["r"].satisfied and broken == 0
    assert any("0 of 120 examples of train violate it" in note for note in result.notes)


@pytest.mark.parametrize("surrogate", ["", " with surrogate product"])
def test_without_the_rule_rows_break_it(surrogate: str) -> None:
    """The value of a preference is the share of rows that break it; so are the counts."""
    rule = f"prob[2] > 0.3 => prob[1] > 0.25{surrogate} soft(weight=1e-9)"
    result = run(f"forall (x, y, k) in train where k == 0: {rule}")
    rows = [row for row in rows_of(result) if row["k"] == 0]
    broken = sum(row["p"][2] > 0.3 and row["p"][1] <= 0.25 for row in rows)
    assert broken > 0
    assert result["r"].value == pytest.approx(broken / len(rows), abs=1e-12)
    held = sum(row["p"][2] > 0.3 for row in rows) / len(rows)
    assert held > 0


def test_a_preference_lowers_the_share() -> None:
    rule = "forall (x, y) in train: prob[2] > 0.3 => prob[1] > 0.25 soft(weight={})"
    assert run(rule.format(5)).constraints[0].value < run(rule.format(1e-9)).constraints[0].value


def test_how_often_the_condition_held_is_told() -> None:
    result = run("forall (x, y) in train: prob[2] > 0.3 => prob[1] > 0.1")
    held = sum(row["p"][2] > 0.3 for row in rows_of(result)) / 120
    (told,) = [note for note in result.notes if "its condition" in note]
    assert f"held on {held:.3%} of the examples" in told


def test_a_rule_that_is_never_tested_is_vacuous() -> None:
    result = run("forall (x, y) in train: prob[2] > 99.9999% => prob[0] <= 0.2")
    assert result["r"].satisfied
    assert any("vacuous" in note and "never held" in note for note in result.notes)


@pytest.mark.parametrize("event", ["pred == y", "(pred == y) >= 1", "1 <= (pred == y)"])
def test_an_event_of_each_row_is_required(event: str) -> None:
    result = run(f"forall (x, y, k) in train where x[0] > 1: {event}")
    far = table(0, 120)["x"][:, 0] > 1
    rows = [row for row, asked in zip(rows_of(result), far, strict=True) if asked]
    wrong = sum(row["pred"] != row["y"] for row in rows)
    assert result["r"].value == pytest.approx(wrong / len(rows))
    assert result["r"].satisfied == (wrong == 0)


def test_the_worst_example_is_each_example() -> None:
    each = run("forall (x, y) in train: ce(f(x), y) <= 1.6")
    worst = run("max(ce(f(x), y) for (x, y) in train) <= 1.6")
    assert worst["r"].value == each["r"].value and worst.objective == each.objective
    losses = [-math.log(row["p"][row["y"]]) for row in rows_of(worst)]
    assert worst["r"].value == pytest.approx(max(losses), rel=1e-5)
    assert worst["r"].satisfied


def test_an_interval_holds_every_output() -> None:
    result = run("forall (x, y) in train: f(x) in [-2, 1.5]")
    with torch.no_grad():
        z = result.models["f"].eval()(torch.tensor(table(0, 120)["x"]))
    assert result["r.lo"].value == pytest.approx(float(z.min()), abs=1e-5)
    assert result["r.hi"].value == pytest.approx(float(z.max()), abs=1e-5)
    assert result.satisfied


@pytest.mark.parametrize(
    "method",
    ["lagrangian", "lagrangian(dual=sgd(lr=0.05))", "augmented_lagrangian(penalty=0.1)",
     "augmented_lagrangian(penalty=0.05, growth=1.2, every=epochs(2), max_multiplier=3)"],
)  # fmt: skip
def test_methods_by_name_act_on_rows(method: str) -> None:
    result = run(f"forall (x, y) in train: ce(f(x), y) <= 1.6 by {method}")
    losses = [-math.log(row["p"][row["y"]]) for row in rows_of(result)]
    assert result["r"].value == pytest.approx(max(losses), rel=1e-5)
    assert result["r"].satisfied and result["r"].hardest


def test_plain_ascent_is_the_formula() -> None:
    """One step on whole data: multipliers are lr [g]+ of the weights at the start."""
    result = cspec.run(
        f"{HEAD}forall (x, y) in train: ce(f(x), y) <= 0.9 by lagrangian(dual=sgd(lr=0.25))\n"
        "fit(steps=1, batch_size=full, optimizer=sgd(lr=1e-12))",
        train=table(0, 120),
    )
    losses = np.array([-math.log(row["p"][row["y"]]) for row in rows_of(result)])
    found = result.last.state["r.multipliers"].numpy()
    np.testing.assert_allclose(found, 0.25 * np.maximum(losses - 0.9, 0), atol=1e-5)


def test_room_and_truth() -> None:
    soft = torch.tensor([0.9, 0.2, 0.7, 0.4], requires_grad=True)
    broken = torch.tensor([1.0, 0.0, 0.0, torch.nan])
    found = broken_or_room(broken, soft)
    torch.testing.assert_close(
        found.detach(), torch.tensor([1.0, -0.3, 0.0, torch.nan]), equal_nan=True
    )
    found[:3].sum().backward()
    torch.testing.assert_close(soft.grad, torch.tensor([1.0, 1.0, 1.0, 0.0]))


def test_explain_emit_and_verify(tmp_path: Path, capsys: Any) -> None:
    data = table(0, 80)
    lines = ["a,b,c,y"] + [
        ",".join(map(str, (*x, y))) for x, y in zip(data["x"], data["y"], strict=True)
    ]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    spec = tmp_path / "r.cspec"
    spec.write_text(
        'data train(x, y) = csv("t.csv", target="y")\nmodel f = mlp(hidden=[8])\nminimize ce\n'
        "s.t. r: forall (x, y) in train: prob[2] > 0.3 => prob[1] > 0.2 with surrogate product\n"
        "fit(epochs=10, batch_size=32)\n"
    )
    assert main(["explain", str(spec)]) == 0
    assert "prob[2] > 0.3 => prob[1] > 0.2" in capsys.readouterr().out
    assert main(["run", str(spec), "--out", str(tmp_path / "out")]) == 0
    assert main(["verify", str(tmp_path / "out")]) == 0


# --- at points of a domain -----------------------------------------------------------------------

LINE = "domain q(x) = box([-1, 1])\n"
TWO = "model u(x) = mlp(hidden=[8], act=tanh)\nmodel v(x) = mlp(hidden=[8], act=tanh)\n"
PULL = "minimize E[(u(x) - x)^2 + (v(x) - 1)^2 for x in q.sample(64)]\n"


def grid(points: int = 1001) -> torch.Tensor:
    """The points that a verdict on one axis is measured at."""
    return torch.linspace(-1, 1, points)


def test_a_rule_holds_at_points_between_those_that_were_drawn() -> None:
    """v comes down to 0.8 where u is large, which costs less than to keep u small."""
    rule = "s.t. r: forall x in q.sample(40): u(x) >= 0 => v(x) <= 0.8\n"
    result = cspec.run(f"{LINE}{TWO}{PULL}{rule}fit(steps=400)\n")
    with torch.no_grad():
        u, v = (result.models[name].eval()(grid()) for name in ("u", "v"))
    held = u >= 0
    broken = int((held & (v > 0.8 + 1e-6)).sum())
    assert result["r"].satisfied and broken == 0
    assert 300 < int(held.sum()) < 700  # the rule was tested
    assert float(v[held].max()) == pytest.approx(0.8, abs=1e-2)
    share = 100 * float(held.double().mean())
    assert any(f"held on {share:.3f}%" in note for note in result.notes)


def test_a_rule_that_is_broken_at_points_says_at_how_many() -> None:
    """Without steps: the rule is judged on the networks as they were drawn."""
    rule = "s.t. r: forall x in q.sample(40): u(x) >= -10 => v(x) >= 10\n"
    result = cspec.run(f"{LINE}{TWO}{PULL}{rule}fit(steps=1, optimizer=sgd(lr=1e-12))\n")
    assert not result["r"].satisfied
    assert any("1,001 of 1,001" in note for note in result.notes)


@pytest.mark.parametrize(
    "over", ["k in {0, 1}, x in q.sample(30)", "x in q.sample(30), k in range(2)"]
)
def test_members_beside_points_have_a_requirement_each(over: str) -> None:
    """And u(x)[1] is what makes u a network of two outputs."""
    result = cspec.run(
        f"{LINE}model u(x) = mlp(hidden=[16], act=tanh)\n"
        "minimize E[(u(x)[0] - x)^2 + (u(x)[1] + x)^2 for x in q.sample(64)]\n"
        f"s.t. cap: forall {over}: u(x)[k] <= 0.3\nfit(steps=300)\n"
    )
    with torch.no_grad():
        found = result.models["u"].eval()(grid())
    assert found.shape == (1001, 2)
    assert [c.name for c in result.constraints] == ["cap[0]", "cap[1]"]
    for k, c in enumerate(result.constraints):
        assert c.satisfied and c.n == 1001
        assert c.value == pytest.approx(float(found[:, k].max()), abs=1e-5)
    best = 2 * 0.7**3 / 3 / 2  # mean of (x - 0.3)^2 over x > 0.3, of both
    assert result.objective == pytest.approx(best, rel=0.25)

"""Metrics: one number a group, violations, values before training; none costs another."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cspec
from cspec.dsl.messages.diagnostic import SpecError

VARS = (
    "var A[2, 3] = 1\nminimize sumsq(A - 3)\ns.t. low: 1 <= sumsq(A) <= 2 by lagrangian\n"
    "     each: forall i in range(2): A[i, 0] <= 0.5 by lagrangian\n"
    "     wish: A[0, 1] <= 0 soft(weight=0.01)\n"
    "fit(steps=3, precision=float64)\n"
)


# --- several numbers -----------------------------------------------------------------------------


def test_one_number_a_group(grouped: Any) -> None:
    result, pred = grouped.trained(
        "c: P[pred == 1] <= 1",
        "metric m = P[pred == 1 | sex]\nmetric k = P[pred == 1 | k, y == 1]\n"
        "metric j = E[2*y | sex, race] - 1\n",
    )
    positive = grouped["y"] == 1
    wanted = {f"m[{g}]": grouped.rate(pred, grouped["sex"] == g) for g in "abc"}
    for j in (1, 2, 5):
        wanted[f"k[{j}]"] = grouped.rate(pred, (grouped["k"] == j) & positive)
    for g in "abc":
        for r in "uv":
            rows = (grouped["sex"] == g) & (grouped["race"] == r)
            if rows.any():
                wanted[f"j[{g}, {r}]"] = 2 * float(np.mean(grouped["y"][rows])) - 1
    assert result.metrics == pytest.approx(wanted, abs=1e-6)


def test_groups_are_in_every_form_of_a_result(grouped: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    out = tmp_path / "run"
    spec = (
        "data train(x, y, sex, race, k, q)\nmodel f\nminimize bce(f(x), y)\n"
        "fit(epochs=1)\nmetric m = P[pred == 1 | sex]\n"
    )
    result = cspec.run(spec, out=out, train=grouped.columns, f=torch.nn.Linear(3, 1))
    value = result.metrics["m[b]"]
    assert json.loads(result.to_json())["metrics"]["m[b]"] == value
    assert json.loads((out / "report.json").read_text())["metrics"]["m[b]"] == value
    assert "m[b]" in str(result)
    assert "m[b]" in (out / "report.html").read_text()
    last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert last["type"] == "metrics" and last["metrics"]["m[b]"] == value


def test_the_log_ends_with_the_verdicts_and_their_errors(tmp_path: Path, grouped: Any) -> None:
    spec = (
        "data train(x, y, sex, race, k, q)\nmodel f = linear\nminimize bce\n"
        "s.t. c: P[pred == 1] <= 60%\nfit(epochs=1)"
    )
    result = cspec.run(spec, out=tmp_path / "run", train=grouped.columns)
    last = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    rate, n = result["c"].value, len(grouped["y"])
    assert (last["type"], last["name"], last["value"], last["n"]) == ("verdict", "c", rate, n)
    assert last["standard_error"] == pytest.approx((rate * (1 - rate) / (n - 1)) ** 0.5)


def test_entries_of_a_tensor_by_their_places() -> None:
    result = cspec.run(VARS + "metric row = A[1]\nmetric all_of_it = A\nmetric one = A[1, 2]\n")
    A = np.array(result.vars["A"])
    assert [result.metrics[f"row[{j}]"] for j in range(3)] == pytest.approx(A[1].tolist())
    assert result.metrics["all_of_it[1, 2]"] == pytest.approx(A[1, 2])
    assert result.metrics["one"] == pytest.approx(A[1, 2])


def test_too_many_entries_and_things_that_are_no_numbers_are_refused_before_training() -> None:
    with pytest.raises(SpecError) as caught:
        cspec.compile("var x[300] = 1\nminimize sumsq(x)\nmetric m = x")
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("CS307", "metric `m` is 300 numbers")
    text = "model f\nminimize ce\nmetric a = f\nmetric b = f.weights\nmetric c = f(x)"
    found = cspec.check(text)
    assert [d.code for d in found] == ["CS307", "CS307", "CS305"]


# --- violations, values before training ----------------------------------------------------------


def test_violations_are_those_of_the_verdicts() -> None:
    result = cspec.run(
        VARS
        + "metric v = violations\nmetric cv = norm(violations, 2)\nmetric worst = violation(each)"
        '\nmetric second = violation("each[1]")\nmetric low = violation(low)'
        "\nmetric wish = violation(wish)\n"
    )
    A = np.array(result.vars["A"])
    size = float((A**2).sum())
    wanted = {
        "v[low.lo]": max(0, 1 - size),
        "v[low.hi]": max(0, size - 2),
        "v[each[0]]": max(0, A[0, 0] - 0.5),
        "v[each[1]]": max(0, A[1, 0] - 0.5),
    }
    got = {key: value for key, value in result.metrics.items() if key.startswith("v[")}
    assert got == pytest.approx(wanted, abs=1e-9)
    assert result.metrics["cv"] == pytest.approx(math.hypot(*wanted.values()))
    assert result.metrics["worst"] == pytest.approx(max(wanted["v[each[0]]"], wanted["v[each[1]]"]))
    assert result.metrics["second"] == pytest.approx(wanted["v[each[1]]"])
    assert result.metrics["low"] == pytest.approx(wanted["v[low.hi]"])
    assert result.metrics["wish"] == pytest.approx(max(0, A[0, 1]))
    assert all(c.violation == got[f"v[{c.name}]"] for c in result.constraints if not c.soft)


def test_initial_is_measured_before_the_first_step(tmp_path: Path) -> None:
    text = VARS + (
        "metric e = norm(violations, 2) / initial(norm(violations, 2))\n"
        "metric a = initial(A[0, 0])\nmetric s = initial(sumsq(A)) - sumsq(A)\n"
    )
    result = cspec.run(text, out=tmp_path / "run")
    A = np.array(result.vars["A"])
    size = float((A**2).sum())
    now = math.hypot(max(0, size - 2), max(0, A[0, 0] - 0.5), max(0, A[1, 0] - 0.5))
    start = math.hypot(4, 0.5, 0.5)  # A is 1 everywhere at the start
    assert result.metrics["e"] == pytest.approx(now / start)
    assert result.metrics["a"] == 1
    assert result.metrics["s"] == pytest.approx(6 - size)


def test_violations_on_other_data(grouped: Any) -> None:
    torch.manual_seed(0)
    other = type(grouped)(rows=50, seed=7)
    spec = (
        "data train(x, y, sex, race, k, q), test(x, y, sex, race, k, q)\nmodel f\n"
        "minimize bce(f(x), y)\ns.t. c: P[pred == 1] <= 10%\nfit(epochs=1)\n"
        "metric here = violation(c)\nmetric there = violation(c, on=test)\n"
        "metric all = violations(on=test)\n"
    )
    net = torch.nn.Linear(3, 1)
    result = cspec.run(spec, train=grouped.columns, test=other.columns, f=net)
    for name, table in (("here", grouped), ("there", other), ("all[c]", other)):
        with torch.no_grad():
            pred = net(torch.as_tensor(table["x"])).reshape(-1) > 0
        share = sum(map(bool, pred)) / len(pred)
        assert result.metrics[name] == pytest.approx(max(0, share - 0.1), abs=1e-6)


def test_labels_are_no_names_of_values() -> None:
    result = cspec.run(
        "let size = sumsq(x)\nvar x[2] = 1\nminimize sumsq(x - 3)\n"
        "s.t. size: size <= 1 by lagrangian\nfit(steps=2)\nmetric m = violation(size)"
    )
    assert result.metrics["m"] == result["size"].violation > 0


def test_mistakes_in_the_words_of_metrics() -> None:
    head = "data train(x, y)\nmodel f\nminimize bce(f(x), y)\ns.t. dp: P[pred == 1] <= 30%\n"
    found = cspec.check(head + "metric a = violation(dpp)\nmetric b = violation(dp, on=val)")
    assert [d.code for d in found] == ["CS206", "CS207"]
    assert found[0].fixes[0].replacement == "dp"
    found = cspec.check(head + "     e: violation(dp) <= 1\n     g: P[y == 1] <= initial(f(x))")
    assert {d.code for d in found} >= {"CS338"}
    with pytest.raises(SpecError, match="no constraint is called `dp\\[c\\]`"):
        cspec.compile(
            "var x[2] = 1\nminimize sumsq(x)\ns.t. dp: forall i in range(2): x[i] >= 0\n"
            'metric m = violation("dp[c]")'
        )


# --- one that fails ------------------------------------------------------------------------------


class Fragile(torch.nn.Module):
    """Refuses batches with a value above 5."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if float(x.max()) > 5:
            raise RuntimeError("too large for me")
        return self.inner(x)


def test_a_metric_that_fails_is_named_and_costs_nothing_else(tmp_path: Path) -> None:
    x = torch.rand(20, 2)
    spec = (
        "data train(x, y), test(x, y)\nmodel f\nminimize bce(f(x), y)\ns.t. c: P[pred == 1] <= 1\n"
        "fit(epochs=2)\nmetric good = P[pred == y]\nmetric bad = P[pred == y on test]\n"
        "metric also = E[bce(f(x), y)]\nmetric since = initial(E[bce(f(x), y) on test])\n"
    )
    y = torch.arange(20) % 2
    out = tmp_path / "run"
    result = cspec.run(spec, out=out, train=(x, y), test=(x + 9, y), f=Fragile())
    assert result.status == "satisfied"
    assert math.isnan(result.metrics["bad"]) and math.isnan(result.metrics["since"])
    with torch.no_grad():
        pred = result.models["f"](x).reshape(-1) > 0
    assert result.metrics["good"] == pytest.approx(float((pred == (y == 1)).float().mean()))
    assert math.isfinite(result.metrics["also"])
    (note,) = [n for n in result.notes if n.startswith("metric `bad`")]
    assert "CS606" in note and "test_metrics.py" in note
    report = json.loads((out / "report.json").read_text())
    assert report["metrics"]["bad"] is None and report["metrics"]["also"] == result.metrics["also"]
    assert (out / "model.safetensors").exists()


def test_metrics_in_a_loop_of_your_own(grouped: Any) -> None:
    """By group; compared with what was there before the first step, or said to be unknown."""
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    handle = cspec.bind(
        "data train(x, y, sex)\nmodel f\nminimize bce(f(x), y)\ns.t. c: P[pred == 1] <= 10%\n"
        "metric m = P[pred == 1 | sex]\nmetric v = violation(c)\n"
        "metric share = violation(c) / initial(violation(c))\n",
        f=net,
        optimizer=optimizer,
        train={name: grouped[name] for name in ("x", "y", "sex")},
    )
    columns = {"x": torch.as_tensor(grouped["x"]), "y": torch.as_tensor(grouped["y"])}

    def rates() -> tuple[float, dict[str, float]]:
        with torch.no_grad():
            pred = (net(columns["x"]).reshape(-1) > 0).numpy()
        groups = np.asarray(grouped["sex"])
        return pred.mean(), {f"m[{g}]": pred[groups == g].mean() for g in np.unique(groups)}

    first, by_group = rates()
    found = handle.verify()
    assert {k: v for k, v in found.metrics.items() if k.startswith("m[")} == pytest.approx(by_group)
    assert found.metrics["v"] == pytest.approx(max(0, first - 0.1), abs=1e-6)
    handle.step(**columns, sex=grouped["sex"])
    later = handle.verify()
    now, by_group = rates()
    assert {k: v for k, v in later.metrics.items() if k.startswith("m[")} == pytest.approx(by_group)
    assert later.metrics["share"] == pytest.approx(max(0, now - 0.1) / max(0, first - 0.1))
    assert later.notes == ()


def test_what_was_before_the_first_step_is_asked_for_in_time(grouped: Any) -> None:
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 1)
    handle = cspec.bind(
        "data train(x, y)\nmodel f\nminimize bce(f(x), y)\nmetric r = E[bce] / initial(E[bce])\n",
        f=net,
        optimizer=torch.optim.SGD(net.parameters(), lr=0.5),
        train=(grouped["x"], grouped["y"]),
    )
    handle.step(x=torch.as_tensor(grouped["x"]), y=torch.as_tensor(grouped["y"]))
    found = handle.verify()
    assert math.isnan(found.metrics["r"]) and np.isfinite(found.objective)
    (note,) = found.notes
    assert "metric `r`" in note and "before the first step" in note and "CS606" in note

"""Params that are set from outside: numbers, vectors, tables by the values of a column."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cspec
from cspec.cli import main
from cspec.dsl.messages.diagnostic import SpecError

OPEN = "param eps in [0, 1]\nvar x = 1\nminimize x^2\ns.t. c: x >= eps\n"
VECTOR = "param mu[3]\nvar x[3] = 1\nminimize sumsq(x - mu)\n"
TABLE = "param level[sex] in [0, 1]\n"
LEVELS = {"a": 0.1, "b": 0.2, "c": 0.3}


def codes(text: str, **names: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        cspec.run(text, **names)
    return [d.code for d in caught.value.diagnostics]


# --- without a value -----------------------------------------------------------------------------


def test_a_param_without_a_value_says_how_to_set_it_and_runs_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "open.cspec"
    path.write_text(OPEN)
    for command in ("run", "compile"):
        assert main([command, str(path)]) == 1
        said = capsys.readouterr().err
        assert "CS220" in said and "--set eps=0.5" in said and "in Python `eps=0.5`" in said
    for command in ("check", "explain", "info"):
        assert main([command, str(path)]) == 0
        assert "--set eps=0.5" in " ".join(capsys.readouterr().out.split())
    for command in ("check", "explain", "info"):
        assert main([command, str(path), "--set", "eps=30%"]) == 0
        assert "--set eps" not in capsys.readouterr().out
    assert (
        main(["run", str(path), "--set", "eps=30%", "--quiet", "--out", str(tmp_path / "o")]) == 0
    )
    assert cspec.run(path, eps=0.3).vars["x"] == pytest.approx(0.3, abs=1e-6)
    assert cspec.run(path, eps=torch.tensor(0.4)).vars["x"] == pytest.approx(0.4, abs=1e-6)


def test_check_names_unset_params_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-e", OPEN, "--json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert (file["unset"], file["errors"], file["warnings"]) == (["eps"], 0, 0)


def test_all_that_is_missing_is_said_at_once() -> None:
    text = "param eps\nmodel f\nminimize ce\ns.t. P[pred == 1] <= eps"
    assert codes(text) == ["CS220", "CS220", "CS220"]
    with pytest.raises(SpecError, match="param `eps` has no value"):
        cspec.bind(text, optimizer=torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1))


@pytest.mark.parametrize(
    "text",
    [
        "param n\nvar x[n] = 1\nminimize sumsq(x)",
        "param n\nvar x[3] = 1\nminimize sumsq(x)\ns.t. forall i in range(n): x[i] >= 1",
        "param n\nvar x = 1\nminimize x^2\ns.t. x >= 1\nfit(steps=n)",
        "param n\nvar x = 1\nminimize x^2\ns.t. x >= 1 within n",
        "param n\nvar x = n\nminimize x^2\ns.t. x >= 1",
        "param n\nvar x in [0, n]\nminimize x^2\ns.t. x >= 1",
        "param n\nvar x = 1\nminimize x^2\ns.t. x >= 1 soft(weight=n)",
        "param n\nvar x = 1\nminimize x^2\ns.t. x >= 1\nusing lagrangian(dual=sgd(lr=n))",
    ],
)
def test_sizes_and_settings_wait_for_their_params(text: str) -> None:
    assert cspec.check(text) == ()
    assert codes(text) == ["CS220"]
    with pytest.raises(SpecError, match="param `n` has no value"):
        cspec.explain(text)
    cspec.compile(text, n=2)


def test_settings_are_checked_once_their_params_are_set() -> None:
    text = "param n\nvar x = 1\nminimize x^2\ns.t. x >= 1\nfit(steps=n)"
    assert codes(text, n=-1) == ["CS504"]


# --- vectors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [[1, 2, 3], np.array([1.0, 2, 3]), torch.tensor([1.0, 2, 3])])
def test_vectors_from_python(given: Any) -> None:
    assert cspec.run(VECTOR, mu=given).vars["x"] == pytest.approx([1, 2, 3], abs=1e-5)


@pytest.mark.parametrize(
    ("name", "content"), [("mu.csv", "1,2,3\n"), ("mu.csv", "1\n2\n3\n"), ("mu.json", "[1, 2, 3]")]
)
def test_vectors_from_files(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    out = tmp_path / "out"
    arguments = ["run", "-e", VECTOR, "--set", f"mu={tmp_path / name}", "--out", str(out)]
    assert main([*arguments, "--quiet"]) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["vars"]["x"] == pytest.approx([1, 2, 3], abs=1e-5)


@pytest.mark.parametrize("given", [[1, 2], "abc", {"a": 1}, 3])
def test_vectors_that_do_not_fit_are_named(given: Any) -> None:
    assert codes(VECTOR, mu=given) == ["CS304"]


# --- tables --------------------------------------------------------------------------------------


def test_a_level_for_each_group(grouped: Any) -> None:
    result, pred = trained(
        grouped, "c: forall g in values(sex): P[pred == 1 | sex == g] <= level[g]", level=LEVELS
    )
    for g, level in LEVELS.items():
        assert result[f"c[{g}]"].bound == pytest.approx(level)
        rate = grouped.rate(pred, grouped["sex"] == g)
        assert result[f"c[{g}]"].value == pytest.approx(rate)


def trained(
    grouped: Any, requirement: str, more: str = "", table: str = TABLE, **names: Any
) -> tuple[cspec.Result, Any]:
    torch.manual_seed(0)
    spec = (
        table + "data train(x, y, sex, race, k, q)\nmodel f\nminimize bce(f(x), y)\n"
        f"s.t. {requirement}\nfit(epochs=1)\n{more}"
    )
    result = cspec.run(spec, train=grouped.columns, f=torch.nn.Linear(3, 1), **names)
    with torch.no_grad():
        pred = result.models["f"](torch.as_tensor(grouped["x"])).reshape(-1) > 0
    return result, pred.numpy()


def test_each_example_has_its_own_level(grouped: Any) -> None:
    result, pred = trained(
        grouped,
        "c: E[level[sex]*(pred == 1)] <= 50%",
        "metric m = E[level[sex]]\nmetric p = P[level[sex] > 0.15 and y == 1]\n"
        'metric b = level["b"]'
        "\nmetric s = sum(level[g] for g in values(sex))\n",
        level=LEVELS,
    )
    own = [LEVELS[str(s)] for s in grouped["sex"]]
    wanted = sum(o for o, p in zip(own, pred, strict=True) if p) / len(own)
    assert result["c"].value == pytest.approx(wanted, rel=1e-5)
    assert result.metrics["m"] == pytest.approx(sum(own) / len(own), rel=1e-5)
    both = sum(o > 0.15 and y == 1 for o, y in zip(own, grouped["y"], strict=True))
    assert result.metrics["p"] == pytest.approx(both / len(own))
    assert (result.metrics["b"], result.metrics["s"]) == (0.2, pytest.approx(0.6))


def test_a_table_weighs_the_objective(grouped: Any) -> None:
    torch.manual_seed(0)
    spec = TABLE + (
        "data train(x, y, sex, race, k, q)\nmodel f\nminimize level[sex]*bce(f(x), y)\n"
        "fit(epochs=1)\n"
    )
    net = torch.nn.Linear(3, 1)
    result = cspec.run(spec, train=grouped.columns, f=net, level=LEVELS)
    loss = torch.nn.BCEWithLogitsLoss(reduction="none")
    with torch.no_grad():
        outputs = net(torch.as_tensor(grouped["x"])).reshape(-1)
        each = loss(outputs, torch.as_tensor(grouped["y"]).float())
    own = torch.tensor([LEVELS[str(s)] for s in grouped["sex"]])
    assert result.objective == pytest.approx(float((own * each).mean()), rel=1e-5)


BY_NUMBER = {1: 0.1, 2: 0.2, 5: 0.3}


@pytest.mark.parametrize("form", ["mapping", "rows", "series"])
def test_tables_over_whole_numbers(grouped: Any, form: str) -> None:
    level: Any = BY_NUMBER if form == "mapping" else list(BY_NUMBER.items())
    if form == "series":
        level = pytest.importorskip("pandas").Series(BY_NUMBER)
    result, _ = trained(
        grouped,
        "c: forall j in values(k): P[pred == 1 | k == j] <= level[j]",
        "metric m = E[level[k]]\nmetric five = level[5]",
        table="param level[k]\n",
        level=level,
    )
    assert [c.bound for c in result.constraints] == pytest.approx([0.1, 0.2, 0.3])
    own = [BY_NUMBER[int(k)] for k in grouped["k"]]
    assert result.metrics["m"] == pytest.approx(sum(own) / len(own), rel=1e-5)
    assert result.metrics["five"] == 0.3


def test_one_number_for_all_values(grouped: Any) -> None:
    result, _ = trained(
        grouped,
        "c: forall g in values(sex): P[pred == 1 | sex == g] <= level[g]",
        table="param level[sex] = 25%\n",
    )
    assert [c.bound for c in result.constraints] == [0.25] * 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.csv", "a,0.1\nb,0.2\nc,30%\n"),
        ("l.csv", "sex,level\na,0.1\nb,0.2\nc,0.3\n"),
        ("l.json", '{"a": 0.1, "b": 0.2, "c": 0.3}'),
    ],
)
def test_tables_from_files(tmp_path: Path, name: str, content: str) -> None:
    rows = "\n".join(f"{i},{i % 2},{'abc'[i % 3]}" for i in range(30))
    (tmp_path / "people.csv").write_text("age,income,sex\n" + rows)
    (tmp_path / name).write_text(content)
    spec = tmp_path / "t.cspec"
    spec.write_text(
        'param level[sex]\ndata train(x, y, sex) = csv("people.csv", target="income", split=[1])\n'
        "model f = linear\nminimize bce(f(x), y)\n"
        "s.t. c: forall g in values(sex): P[pred == 1 | sex == g] <= level[g]\nfit(epochs=1)\n"
    )
    out = tmp_path / "out"
    code = main(
        ["run", str(spec), "--set", f"level={tmp_path / name}", "--quiet", "--out", str(out)]
    )
    assert code in (0, 3)
    report = json.loads((out / "report.json").read_text())
    assert [c["bound"] for c in report["constraints"]] == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("level", "code", "said"),
    [
        ({"a": 0.1, "b": 0.2}, "CS223", "no number for c"),
        ({"a": 0.1}, "CS223", "no number for b, c"),
        ({**LEVELS, "d": 0.4}, "CS223", "a number for d, which `sex` does not hold"),
        ({**LEVELS, "c": 3}, "CS304", "outside its set"),
        ([0.1, 0.2, 0.3], "CS304", "is a table, not"),
        ("x", "CS304", "is a table, not"),
        ([("a", 0.1), ("a", 0.2)], "CS304", "is a table, not"),
    ],
)
def test_tables_that_do_not_fit_are_named(grouped: Any, level: Any, code: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        trained(grouped, "c: E[level[sex]*(pred == 1)] <= 50%", level=level)
    (found,) = caught.value.diagnostics
    assert found.code == code and said in found.message


@pytest.mark.parametrize("table", ["param level[sex] = 25%\n", TABLE])
def test_a_table_is_read_at_values_that_its_column_holds(grouped: Any, table: str) -> None:
    given = {} if "=" in table else {"level": LEVELS}
    result, _ = trained(grouped, 'c: P[pred == 1 | sex == "a"] <= level["a"]', table=table, **given)
    assert result["c"].bound == pytest.approx(0.25 if "=" in table else LEVELS["a"])
    with pytest.raises(SpecError) as caught:
        trained(grouped, 'c: P[pred == 1] <= level["zzz"]', table=table, **given)
    assert [d.code for d in caught.value.diagnostics] == ["CS223"]
    assert "`sex` does not hold zzz" in str(caught.value)


def test_mistakes_in_the_use_of_tables() -> None:
    head = TABLE + "data train(x, y, sex, race)\nmodel f\nminimize bce(f(x), y)\ns.t. c: "
    for text, code in [
        ("level*P[pred == 1] <= 0.5", "CS302"),
        ("E[level[race]*bce(f(x), y)] <= 0.5", "CS302"),
        ("level[sex]*P[pred == 1] <= 0.5", "CS305"),
    ]:
        assert code in [d.code for d in cspec.check(head + text)]
    (found,) = cspec.check(
        "data train(x, y, sex)\nmodel f\nparam l[sex] = [1, 2]\nminimize l[sex]*ce"
    )
    assert found.code == "CS326"


def test_explain_shows_tables() -> None:
    text = TABLE + (
        "data train(x, y, sex)\nmodel f\nminimize bce(f(x), y)\n"
        "s.t. c: forall g in values(sex): P[pred == 1 | sex == g] <= level[g]\n"
    )
    assert "by sex: a: 0.1, b: 0.2, c: 0.3" in cspec.explain(text, level=LEVELS)
    assert "level={" in cspec.explain(text)


def test_another_value_is_another_program() -> None:
    one, two = (cspec.compile(OPEN, eps=eps).digest for eps in (0.3, 0.4))
    assert one != two

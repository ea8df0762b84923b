"""`cspec compare`: one spec by several methods, from the command line and from Python."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import cspec
from cspec import cli
from cspec.comparing.table import measure
from cspec.comparing.using import read_using, with_using
from cspec.dsl.text.source import Source

NLP = """# the floor
param low = 1 in [0, 5]
var x = 3
minimize x^2
s.t. floor: x >= low  # here
using augmented_lagrangian(penalty=10)
fit(optimizer=sgd(lr=0.05), steps=300)
"""
NET = """minimize ce
s.t. ortho: forall W in model.weights("fc[12].*"): W in stiefel
     small: sum(sumsq(W) for W in model.weights) <= 400 by lagrangian
fit(epochs=1)
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    Path("low.cspec").write_text(NLP)

    def call(*arguments: str) -> SimpleNamespace:
        code = cli.main(("compare", *arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return SimpleNamespace(code=code, out=out, err=err)

    return call


def replaced(text: str, method: str) -> str:
    way, found = read_using(method, {})
    assert way is not None and not found
    return with_using(Source(text=text), way).text


def test_the_method_takes_the_place_of_using_and_comments_stay() -> None:
    found = replaced(NLP, "sal(penalty=0.1)")
    assert found == NLP.replace("augmented_lagrangian(penalty=10)", "sal(penalty=0.1)")
    assert replaced("minimize ce\n", "sal") == "minimize ce\nusing sal\n"


def test_a_map_stands_behind_each_constraint_without_a_method() -> None:
    text = "minimize ce\ns.t. a: x >= 0\n     b: x <= 1 by sal\n     c: x <= 2 soft(weight=1)\n"
    found = replaced(text + "using admm\n", "softplus")
    assert found == text.replace("x >= 0", "x >= 0 by softplus")


def test_a_table_with_seeds_refusals_and_files(run) -> None:
    found = run(
        "low.cspec", "--using", "projection", "--using", "penalty(coefficient=2)",
        "--using", "cayley", "--seeds", "2", "--set", "low=2", "--out", "kept",
    )  # fmt: skip
    assert found.code == 0, found.out + found.err
    rows = {line.split("  ")[0]: line.split() for line in found.out.splitlines()}
    assert rows["method"] == ["method", "objective", "floor", ">=", "2", "met", "steps", "seconds"]
    assert rows["projection"][1:6] == ["4", "2", "2", "of", "2"]
    assert rows["penalty(coefficient=2)"][1:6] == ["1", "1", "0", "of", "2"]
    assert rows["cayley"] == ["cayley", "refused"]
    assert "cayley: refused: `cayley` can't enforce" in found.out
    assert "1/6  projection  seed 0" in found.err and "4/6  penalty" in found.err
    kept = {path.name for path in Path("kept").iterdir()}
    assert {"comparison.txt", "comparison.json", "1-projection-seed0"} <= kept
    spec = Path("kept/1-projection-seed1/spec.cspec").read_text()
    assert "using projection" in spec and "augmented" not in spec


def test_json_lines_and_silence(run) -> None:
    found = run("low.cspec", "--using", "sqp", "--seeds", "1", "--json", "--quiet")
    assert found.code == 0 and found.err == ""
    first, table = map(json.loads, found.out.splitlines())
    assert first["type"] == "run" and first["using"] == "sqp"
    assert first["result"]["status"] == "satisfied"
    (row,) = table["rows"]
    assert table["type"] == "comparison" and row["met"] == row["runs"] == 1
    assert row["constraints"]["floor"]["value"]["mean"] == pytest.approx(1)


def test_mistakes_in_methods_are_found_together_and_all_refused_is_an_error(run) -> None:
    found = run("low.cspec", "--using", "projecton", "--using", "sal(penalti=2)")
    assert found.code == 1 and found.out == ""
    assert "did you mean `projection`?" in found.err and "did you mean `penalty`?" in found.err
    assert run("low.cspec", "--using", "sal\nfit(steps=3)").code == 1
    assert run("low.cspec", "--using", "sal", "--using", "sal").code == 1
    assert run("low.cspec", "--using", "sal", "--seeds", "0").code == 2
    assert run("low.cspec", "--using", "cayley", "--seeds", "1").code == 1
    assert run("low.cspec", "--using", "sal(penalty=low)", "--seeds", "1").code == 0


def test_python_gives_the_worst_member_and_leaves_the_model_alone() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential()
    for name, layer in (
        ("fc1", torch.nn.Linear(64, 16)),
        ("r1", torch.nn.ReLU()),
        ("fc2", torch.nn.Linear(16, 16)),
        ("fc3", torch.nn.Linear(16, 10)),
    ):
        net.add_module(name, layer)
    before = net.fc1.weight.detach().clone()
    methods = ["projection", "quadratic_penalty(coefficient=1)"]
    found = cspec.compare(NET, using=methods, seeds=2, model=net, data="digits")
    assert torch.equal(net.fc1.weight, before)
    exact, soft = found["projection"], found["quadratic_penalty(coefficient=1)"]
    assert exact.violation("ortho").mean < 1e-5 < soft.violation("ortho").mean
    members = [c.violation for c in soft.runs[0].constraints if c.name.startswith("ortho[")]
    assert len(members) == 2 and soft.measured()[0].constraints["ortho"][1] == max(members)
    assert all("lagrangian" in {c.method for c in run.constraints} for run in exact.runs)
    assert exact.metric("accuracy").sd > 0 and not math.isnan(soft.objective.mean)
    assert "worst ortho off by" in str(found) and "<td>projection</td>" in found._repr_html_()
    with pytest.raises(KeyError, match="compared: projection"):
        found["sal"]


def test_last_iterates_are_judged_on_request() -> None:
    text = "var x = 3\nminimize x^2\ns.t. c: x >= 1\nfit(optimizer=sgd(lr=0.01), steps=700)"
    method = "lagrangian(dual=sgd(lr=0.02))"
    delivered = cspec.compare(text, using=[method], seeds=1)
    last = cspec.compare(text, using=[method], seeds=1, last=True)
    run = last[method].runs[0]
    assert run.last is not None and run.best is not None and run.last.step != run.best.step
    assert last[method].value("c").mean == run.last.values["c"]
    assert delivered[method].value("c").mean == run["c"].value != run.last.values["c"]
    assert last[method].violation("c").mean == max(0.0, 1 - run.last.values["c"])
    assert "last iterates" in str(last)


def test_a_requirement_that_was_not_measured_is_the_worst() -> None:
    text = "var x = 3\nminimize x^2\ns.t. c: forall k in range(2): x >= k\nfit(steps=5)"
    found = cspec.compare(text, using=["lagrangian"], seeds=1, last=True)
    run = found["lagrangian"].runs[0]
    run.last.values["c[0]"] = math.nan
    assert math.isnan(measure(run, last=True).constraints["c"][1])

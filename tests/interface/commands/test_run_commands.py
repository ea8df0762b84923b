"""run, resume, verify and compile, in process, on problems that take a second."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from cspec import cli

NLP = """param low = 1 in [0, 5]
var x = 3
minimize x^2
s.t. floor: x >= low
using augmented_lagrangian(penalty=10)
fit(optimizer=sgd(lr=0.05), steps=1200)
"""
DENSITY = "minimize ce s.t. density(model) <= 0.5\nfit(epochs=2)\n"
BINDINGS = ("--bind", "data=digits", "--bind", "model=mlp(hidden=[8])")


@pytest.fixture
def cspec(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> SimpleNamespace:
        try:
            code = cli.main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return SimpleNamespace(code=code, out=out, err=err)

    return call


def test_a_met_requirement_exits_0_with_a_table_and_a_folder(cspec) -> None:
    Path("low.cspec").write_text(NLP)
    found = cspec("run", "low.cspec")
    assert found.code == 0, found.out + found.err
    assert "low.cspec: all requirements met" in found.out
    header = next(line for line in found.out.splitlines() if line.startswith("requirement"))
    assert header.split() == [
        "requirement", "value", "bound", "slack", "multiplier", "verdict", "data", "n", "evidence",
    ]  # fmt: skip
    assert "x " in found.out and "raising the bound of `x >= low` by 0.01 costs" in found.out
    (folder,) = Path("runs").iterdir()
    assert folder.name.startswith("low-")
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "spec.cspec",
        "plan.json",
        "train.py",
        "log.jsonl",
        "report.html",
        "report.json",
    }
    page = (folder / "report.html").read_text()
    assert "<svg" in page and "floor" in page and "http" not in page.replace("http-equiv", "")


def test_set_moves_the_bound_and_a_second_run_keeps_the_first(cspec) -> None:
    Path("low.cspec").write_text(NLP)
    first = cspec("run", "low.cspec", "--set", "low=2", "--json")
    lines = [json.loads(line) for line in first.out.splitlines()]
    assert first.code == 0 and lines[0]["type"] == "start" and lines[-1]["type"] == "result"
    assert {line["type"] for line in lines[1:-1]} == {"progress"}
    assert lines[-1]["vars"]["x"] == pytest.approx(2, abs=1e-3)
    assert lines[-1]["constraints"][0]["multiplier"] == pytest.approx(4, abs=1e-2)
    assert cspec("run", "low.cspec", "--set", "low=2", "--quiet").out == ""
    assert len(list(Path("runs").iterdir())) == 2
    assert cspec("run", "low.cspec", "--set", "low=9").code == 1
    assert cspec("run", "low.cspec", "--set", "low=2", "--set", "low=3").code == 1
    assert cspec("run", "low.cspec", "--set", "low").code == 2


def test_fit_is_set_from_the_command_line(cspec) -> None:
    Path("low.cspec").write_text(NLP)
    found = cspec("run", "low.cspec", "--fit", "steps=40", "--out", "r", "--json")
    assert json.loads(found.out.splitlines()[-1])["steps"] == 40
    assert (
        "steps=40" in Path("r/spec.cspec").read_text() and cspec("verify", "r").code == found.code
    )
    wrong = cspec("run", "low.cspec", "--fit", "stepz=40")
    assert wrong.code == 1 and "did you mean `steps`?" in wrong.err


def test_a_missed_requirement_exits_3_and_says_what_to_try(cspec) -> None:
    found = cspec("run", "-e", NLP.replace("x = 3", "x = 0").replace("=1200", "=4"), "--out", "r")
    assert found.code == 3
    assert "floor NOT MET on parameters" in found.out and "under by" in found.out
    assert "try:" in found.out


def test_missing_names_are_reported_together_before_training(cspec) -> None:
    found = cspec("run", "-e", DENSITY)
    assert found.code == 1
    assert "`model` is not bound" in found.err and "`data` is not bound" in found.err
    as_json = cspec("run", "-e", DENSITY, "--json")
    (line,) = [json.loads(text) for text in as_json.out.splitlines()]
    assert as_json.code == 1 and line["type"] == "error" and len(line["diagnostics"]) == 2


@pytest.mark.parametrize(
    ("binding", "says"),
    [
        ("data=nonsense", "nonsense"),
        ("model=net.py:Net", "net.py"),
        ("other=digits", "nothing is called `other`"),
        ("data=digits(splat=3)", "splat"),
    ],
)
def test_bad_bindings_exit_1(cspec, binding: str, says: str) -> None:
    given = dict(pair.split("=", 1) for pair in ("data=digits", "model=linear", binding))
    found = cspec("run", "-e", DENSITY, *(f"--bind={k}={v}" for k, v in given.items()))
    assert found.code == 1 and says in found.err


def test_bad_device_and_seed(cspec, monkeypatch) -> None:
    assert "CS641" in cspec("run", "-e", NLP, "--device", "abacus").err
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = cspec("run", "-e", NLP, "--device", "cuda:777").err
    assert "CS641" in found and "cuda:0" not in found
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert "cpu, cuda:0, cuda:1" in cspec("run", "-e", NLP, "--device", "abacus").err
    assert cspec("run", "-e", NLP, "--seed", "-1").code == 2


def test_a_finished_run_is_verified_again_and_resumed_to_the_same_values(cspec) -> None:
    first = cspec("run", "-e", DENSITY, *BINDINGS, "--out", "r", "--seed", "3", "--json")
    result = json.loads(first.out.splitlines()[-1])
    again = cspec("verify", "r")
    assert again.code == first.code
    assert "every value equals the one in the report" in again.out
    resumed = cspec("resume", "r", "--json")
    values = json.loads(resumed.out.splitlines()[-1])
    assert values["constraints"] == result["constraints"] and values["seed"] == 3
    assert cspec("verify", "nowhere").code == 1
    assert cspec("resume", "nowhere").code == 1
    Path("r/model.safetensors").write_bytes(b"torn")
    assert "CS624" in cspec("verify", "r").err
    Path("r/plan.json").write_text("{")
    assert cspec("verify", "r").code == cspec("resume", "r").code == 1


MAPPED = """
var w[3] = [0.2, 0.3, 0.5]
data train(x, y) = digits()
model net = mlp(hidden=[8])
minimize ce(net(x), y) + (w[0] - 0.1)^2 + w[1]^2
s.t. ortho: forall W in net.weights("fc2.*"): W in stiefel by cayley within 1e-4
     share: w in simplex by softmax
fit(epochs=2)
"""


def test_what_was_trained_through_maps_is_verified_from_plain_parameters(cspec) -> None:
    first = cspec("run", "-e", MAPPED, "--out", "r", "--json")
    assert first.code == 0
    saved = load_file("r/model.safetensors")
    assert "w" in saved and "net.fc2.weight" in saved and "original" not in " ".join(saved)
    again = cspec("verify", "r")
    assert again.code == 0 and "every value equals the one in the report" in again.out
    resumed = json.loads(cspec("resume", "r", "--json").out.splitlines()[-1])
    result = json.loads(first.out.splitlines()[-1])
    assert resumed["constraints"] == result["constraints"] and resumed["vars"] == result["vars"]


def test_compile_writes_the_source_that_run_executes(cspec) -> None:
    Path("low.cspec").write_text(NLP)
    assert cspec("compile", "low.cspec", "-o", "train.py").code == 0
    assert cspec("run", "low.cspec", "--out", "r", "--quiet").code == 0
    assert Path("train.py").read_text() == Path("r/train.py").read_text()
    graph = cspec("compile", "low.cspec", "--dump", "graph")
    assert {o["kind"] for o in json.loads(graph.out)["operations"]} >= {"primal_step", "dual_step"}
    assert cspec("compile", "low.cspec", "--dump", "soup").code == 2
    assert cspec("compile", "low.cspec", "-o", "nowhere/train.py").code == 1


def test_a_compiled_loop_that_brings_in_code_says_where_its_files_are(cspec) -> None:
    Path("made.py").write_text(
        "from torch import nn\n\ndef net():\n    return nn.Linear(4, 3)\n\n"
        "def twice(z):\n    return 2 * z\n"
    )
    Path("a.cspec").write_text(
        'from "made.py" import net, twice\ndata train(x, y) = iris(split=[1])\nmodel f = net()\n'
        "minimize ce(f(x), y)\ns.t. c: E[twice(f(x)[0])] <= 9\nfit(epochs=1)\n"
    )
    Path("elsewhere").mkdir()
    assert cspec("compile", "a.cspec", "-o", "elsewhere/train.py").code == 0

    def ran(folder: str, *more: str) -> subprocess.CompletedProcess[str]:
        file = Path("elsewhere/train.py").absolute()
        command = [sys.executable, str(file), *more]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True)

    assert ran(".").returncode == 0
    lost = ran("elsewhere")
    assert lost.returncode == 1 and "there is no file" in lost.stderr
    assert "= help: files are looked for from the folder of the spec" in lost.stderr
    wrong = ran(".", "--bind", "f=made.py:nett")
    assert "= help: did you mean `made.py:net`?" in wrong.stderr


@pytest.mark.parametrize("given", ["a=[1, 2", "a=[1, nope]", "a=bad.json"])
def test_a_param_that_is_no_list_is_told_how_it_is_written(cspec, given: str) -> None:
    Path("bad.json").write_text('{"a": ')
    found = cspec("run", "-e", "param a[2]\nvar x[2]\nminimize sumsq(x - a)", "--set", given)
    assert found.code == 1 and f"`--set {given}` is no list of numbers" in found.err
    assert "write `--set 'a=[1, 2]'`, or name a .csv or .json file" in found.err


def test_explain_prints_problem_and_method(cspec) -> None:
    found = cspec("explain", "-e", NLP)
    assert found.code == 0 and "augmented_lagrangian" in found.out and "floor" in found.out
    assert json.loads(cspec("explain", "-e", NLP, "--json").out)


def test_explain_says_what_is_bound_and_what_a_certificate_rests_on(cspec) -> None:
    spec = (
        "data train(x, y), test(x, y) = iris(split=[0.6, 0.4])\nmodel f\nminimize ce(f(x), y)\n"
        "s.t. low: max(P[pred == 1], E[clip(f(x)[0], 0, 1)]) <= 90%\n"
        "verify low on test with confidence 95%\n"
    )
    net = "mlp(hidden=[3], gates=hard_concrete)"
    found = cspec("explain", "-e", spec, "--bind", f"f={net}", "--verbose")
    said = " ".join(found.out.split())
    assert "numbers move: fc1.weight, fc1.bias, " in said and "gates on fc1.weight" in said
    assert "90 rows; inputs sepal length" in said and "60 rows; inputs sepal length" in said
    assert (
        "`P[pred(f(x)) == 1]` (exact binomial bounds) and `E[clip(f(x)[0], 0, 1)]` (in [0, 1]: "
        in said
    )


def test_paths_are_relative_to_the_spec(cspec) -> None:
    folder = Path("deep")
    folder.mkdir()
    (folder / "net.py").write_text(
        "from torch import nn\n\ndef net():\n    return nn.Linear(64, 10)\n"
    )
    (folder / "a.cspec").write_text(
        'from "net.py" import net\ndata d(x, y) = digits(split=[1])\nmodel m = net()\n'
        "minimize ce(m(x), y)\nfit(epochs=1)\n"
    )
    found = cspec("run", "deep/a.cspec", "--quiet", "--out", "r")
    assert found.code == 0, found.err
    assert cspec("verify", "r").code == found.code


def test_imported_code_can_not_fake_a_verdict(cspec) -> None:
    Path("net.py").write_text("def net():\n    raise SystemExit(0)\n")
    found = cspec("run", "-e", DENSITY, "--bind", "data=digits", "--bind", "model=net.py:net")
    assert found.code == 1 and "ended the program" in found.err


def test_interruption_keeps_the_results(cspec, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cspec.render.progress.describe", stop)
    found = cspec("run", "-e", NLP, "--out", "r")
    assert found.code == 130 and "interrupted" in found.out
    assert (Path("r") / "report.json").is_file()
    assert sys.exc_info()[0] is None


def test_a_rate_too_small_for_gates_is_said_before_the_first_step(cspec) -> None:
    Path("spec.cspec").write_text(
        "minimize ce s.t. density(model) <= 0.5\nfit(steps=20, optimizer=adam(lr=1e-3))\n"
    )
    model = ("--bind", "data=digits", "--bind", "model=mlp(hidden=[4], gates=hard_concrete)")
    told = cspec("run", "spec.cspec", *model, "--out", "a")
    assert "warning[CS541]: gates hardly shut: 20 steps of adam(lr=0.001)" in told.err
    assert "spec.cspec:2:1" in told.err
    lines = cspec("run", "spec.cspec", *model, "--out", "b", "--json").out.splitlines()
    start = json.loads(lines[0])
    assert start["type"] == "start" and [w["code"] for w in start["warnings"]] == ["CS541"]

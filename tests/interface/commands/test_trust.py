"""A spec from elsewhere runs no command, by whatever command or face it is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import cspec
from cspec.cli import main

SPEC = """
from os import system
model net = system("touch PWNED")
data train(x, y) = digits()
minimize ce(net(x), y)
"""
QUICK = "data train(x, y) = digits()\nmodel net = mlp(hidden=[2])\nminimize ce\nfit(steps=2)\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", ["check", "info", "explain", "compile", "run", "relax"])
def test_every_command_refuses_it(
    command: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "q.cspec").write_text(SPEC)
    assert main([command, "q.cspec"]) == 1
    said = capsys.readouterr().err
    assert "CS218" in said
    assert "cspec run q.cspec --trust os" in said
    assert not (here / "PWNED").exists()


def test_compare_refuses_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "q.cspec").write_text(SPEC)
    assert main(["compare", "q.cspec", "--using", "lagrangian"]) == 1
    assert "CS218" in capsys.readouterr().err
    assert not (here / "PWNED").exists()


@pytest.mark.parametrize("call", [cspec.run, cspec.compile, cspec.load, cspec.explain, cspec.relax])
def test_every_function_refuses_it(call: object, here: Path) -> None:
    with pytest.raises(cspec.SpecError, match="CS218"):
        call(SPEC)  # type: ignore[operator]
    assert [d.code for d in cspec.check(SPEC)] == ["CS218"]
    assert not (here / "PWNED").exists()


def test_a_loop_of_ones_own_and_a_notebook_refuse_it(here: Path) -> None:
    net = torch.nn.Linear(64, 10)
    with pytest.raises(cspec.SpecError, match="CS218"):
        cspec.bind(SPEC, optimizer=torch.optim.SGD(net.parameters(), lr=0.1), net=net)
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell

    from cspec import notebook

    shown: list[object] = []
    shell = InteractiveShell.instance()
    before, notebook.display = notebook.display, shown.append
    try:
        assert notebook.run_cell(shell, "", SPEC) is None
        trusted = "from operator import neg\nvar x = 1\nminimize (x - 1)^2 + 0*neg(x)\n"
        assert notebook.run_cell(shell, "--quiet --trust operator found", trusted) is None
    finally:
        notebook.display = before
    assert "CS218" in repr(shown[0])
    assert shell.user_ns["found"].status == "satisfied"
    assert not (here / "PWNED").exists()


def test_the_user_may_trust_a_module() -> None:
    spec = "from operator import neg\nvar x = 1\nminimize (x - 1)^2 + 0*neg(x)\n"
    with pytest.raises(cspec.SpecError, match="CS218"):
        cspec.run(spec)
    assert cspec.run(spec, trust=["operator"]).vars["x"] == pytest.approx(1, abs=1e-3)
    assert cspec.check(spec, trust="operator") == ()
    with pytest.raises(cspec.SpecError, match="CS219"):
        cspec.run(spec, trust=0.5)  # type: ignore[arg-type]


def test_what_is_bound_on_the_command_line_is_the_users_own(here: Path) -> None:
    (here / "q.cspec").write_text(
        "data train(x, y) = digits()\nmodel net\nminimize ce(net(x), y)\nfit(steps=2)\n"
    )
    bind = ["--bind", "net=torch.nn.modules.lazy:LazyModuleMixin"]
    assert main(["run", "q.cspec", "--quiet", "--out", "r", *bind]) == 1  # no model, but loaded
    linear = ["--bind", "net=torch.nn:LazyLinear(10)"]
    assert main(["run", "q.cspec", "--quiet", "--out", "r", *linear]) == 0


@pytest.mark.parametrize("command", ["verify", "resume"])
def test_a_folder_from_elsewhere_runs_no_command(
    command: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "q.cspec").write_text(QUICK)
    assert main(["run", "q.cspec", "--out", "r", "--quiet"]) == 0
    plan = json.loads((here / "r/plan.json").read_text())
    plan["program"]["models"][0]["source"] = {
        "name": "system",
        "module": "os",
        "settings": {"command": "touch PWNED"},
    }
    (here / "r/plan.json").write_text(json.dumps(plan))
    assert main([command, "r"]) == 1
    assert not (here / "PWNED").exists()

"""Run folders that somebody else made: they run nothing, and what they say is compared."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

import cspec
from cspec.cli import main
from cspec.evidence.differences import around, lines

BOUND = """data train(x, y)
model net
minimize ce(net(x), y)
s.t. dens: density(net) <= 50%
     low: E[ce(net(x), y)] <= 50
fit(steps=4, batch_size=64)
"""
BIND = ("--bind", "train=digits", "--bind", "net=mlp(hidden=[2])")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here: Path) -> Path:
    """A run of the spec, all of whose digests somebody can make anew."""
    (here / "q.cspec").write_text(BOUND)
    assert main(["run", "q.cspec", "--out", "r", "--quiet", *BIND]) == 0
    return here / "r"


def sign(run: Path, change: Callable[[Any], None] = lambda tree: None) -> None:
    """Digests of all that is there, and of the manifest itself."""
    tree = json.loads((run / "manifest.json").read_text())
    tree.pop("sha256")
    for name in tree["files"]:
        content = (run / name).read_bytes()
        entry = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        tree["files"][name] = entry
    change(tree)
    whole = hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()
    (run / "manifest.json").write_text(json.dumps({**tree, "sha256": whole}))


def edit(path: Path, change: Callable[[Any], None]) -> None:
    tree = json.loads(path.read_text())
    change(tree)
    path.write_text(json.dumps(tree, indent=1))


@pytest.mark.parametrize("name", ["net", "train"])
@pytest.mark.parametrize(
    "text", ['os:system("touch PWNED")', "torch.hub:load", 'subprocess:run("touch PWNED")']
)
def test_what_a_folder_binds_is_not_the_users_word(
    name: str, text: str, run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(run / "command.json", lambda told: told["bindings"].update({name: text}))
    sign(run)
    for command in (["verify", "r"], ["resume", "r", "--accept-changes"]):
        assert main(command) == 1
        said = capsys.readouterr().err
        assert "CS218" in said and f"--trust {text.split(':')[0]}" in said
        assert not (here / "PWNED").exists()
    for take_up in (cspec.verify, cspec.resume):
        with pytest.raises(cspec.SpecError):
            take_up("r")
        assert not (here / "PWNED").exists()


def test_what_was_bound_is_named_again_by_trust_or_by_bind(run: Path, here: Path) -> None:
    package = here / "mine"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import torch\n\ndef net():\n    return torch.nn.Linear(64, 10)\n"
    )
    given = ("--bind", "train=digits", "--bind", "net=mine:net", "--out", "s", "--quiet")
    again = ["verify", "s", "--quiet"]
    sys.path.append(str(here))
    try:
        assert main(["run", "q.cspec", *given]) == 0
        assert main(again) == 1
        assert main([*again, "--trust", "mine"]) == 0
        assert main([*again, "--bind", "net=mine:net"]) == 0
    finally:
        sys.path.remove(str(here))
        sys.modules.pop("mine", None)


def test_trust_that_was_given_is_in_the_manifest(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "n.cspec").write_text(
        "from operator import neg\nvar x = 1\nminimize (x - 1)^2 + 0*neg(x)\n"
    )
    assert main(["run", "n.cspec", "--trust", "operator", "--out", "n", "--quiet"]) == 0
    assert json.loads((here / "n/manifest.json").read_text())["trusted"] == ["operator"]
    assert main(["verify", "n"]) == 1
    assert main(["verify", "n", "--trust", "operator"]) == 0
    assert "run with trust in `operator`" in capsys.readouterr().out


def test_a_file_beside_the_spec_may_import_another_one(here: Path) -> None:
    beside = here / "work"
    beside.mkdir()
    (beside / "widths_of_it.py").write_text("def width():\n    return 3\n")
    (beside / "statistics.py").write_text("open('PWNED', 'w')\n")
    (beside / "net_of_it.py").write_text(
        "import statistics\nfrom torch import nn\nfrom widths_of_it import width\n\n"
        "def Net():\n    return nn.Sequential(nn.Linear(64, width()), nn.Linear(width(), 10))\n"
    )
    text = BOUND.replace("model net\n", "model net = Net()\n").replace(
        "(x, y)\nm", "(x, y) = digits()\nm"
    )
    (beside / "q.cspec").write_text('from "net_of_it.py" import Net\n' + text)
    shown = "import sys\nfrom cspec.cli import main\nsys.exit(main(sys.argv[1:]))"
    for command in (["run", "work/q.cspec", "--out", "r", "--quiet"], ["verify", "r", "--quiet"]):
        # Not by `-c` alone: it would put the working folder before all modules.
        ended = subprocess.run(
            [sys.executable, "-I", "-c", shown, *command],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not (here / "PWNED").exists()
    code = json.loads((here / "r/manifest.json").read_text())["origins"]["code"]
    assert set(code) == {"net_of_it.py", "widths_of_it.py"}


# --- what can be compared although all digests are made anew -------------------------------------


def doubled(run: Path) -> None:
    path = run / "model.safetensors"
    save_file({name: value.double() for name, value in load_file(path).items()}, path)


def report(change: Callable[[Any], None]) -> Callable[[Path], None]:
    return lambda run: edit(run / "report.json", change)


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (doubled, "model.safetensors: `net.fc1.weight`: was float32, is float64"),
        (report(lambda r: r.update(epochs=70)), "report.json: epochs, beside the last checkpoint"),
        (
            lambda run: edit(run / "plan.json", lambda p: p.update(entry="os:system")),
            "`entry`, which",
        ),
        (report(lambda r: r["constraints"].reverse()), "report.json: order of the constraints"),
        (report(lambda r: r.update(certified=True)), "report.json: `certified`, which no run"),
        (report(lambda r: r.update(type="audit")), "report.json: type: was 'audit', is 'result'"),
    ],
)
def test_it_is_found_without_digests(
    tamper: Callable[[Path], None], named: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(run)
    sign(run)
    assert main(["verify", "r"]) == 1
    assert named in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "named"), [("spec", "spec: was x"), ("plan", "plan: was sha256 x")]
)
def test_the_manifest_names_spec_and_plan(
    key: str, named: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sign(run, lambda tree: tree.update({key: "x"}))
    assert main(["verify", "r"]) == 1
    assert f"manifest.json: {named}" in capsys.readouterr().out


def test_a_page_that_is_gone_without_a_trace_is_told(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "report.html").unlink()
    edit(run / "manifest.json", lambda tree: tree["files"].pop("report.html"))
    sign(run)
    assert main(["verify", "r"]) == 0
    assert "report.html is neither there nor listed" in capsys.readouterr().out


def test_checkpoints_behind_a_link_are_said_to_be(
    run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "checkpoints").rename(here / "elsewhere")
    os.symlink(here / "elsewhere", run / "checkpoints")
    assert main(["verify", "r"]) == 1
    assert "is behind a link" in capsys.readouterr().out


# --- how a run ended -----------------------------------------------------------------------------


def test_verify_ends_as_a_run_that_was_infeasible(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "var x = 0.5 in [-5, 5]\nminimize x^2\ns.t. a: x >= 1\n     b: x^2 + sin(x) <= 0.5\n"
    (here / "i.cspec").write_text(text)
    assert main(["run", "i.cspec", "--out", "i", "--quiet"]) == 4
    capsys.readouterr()
    assert main(["verify", "i"]) == 4
    assert "what the run found, and was not looked for again" in capsys.readouterr().out
    edit(here / "i/report.json", lambda tree: tree.update(objective=0.0))
    sign(here / "i")
    assert main(["verify", "i"]) == 1


def test_accepted_changes_of_a_run_that_had_ended_verify(here: Path) -> None:
    lines_of = [f"{i % 7},{i % 5},{'yes' if i % 3 else 'no'}" for i in range(40)]
    table = here / "d.csv"
    table.write_text("\n".join(["a,b,t", *lines_of]) + "\n")
    text = 'data train(x, y) = csv("d.csv", target="t")\nmodel f = linear\nminimize bce(f(x), y)\n'
    (here / "a.cspec").write_text(text + "fit(steps=4, batch_size=8)\n")
    assert main(["run", "a.cspec", "--out", "a", "--quiet"]) == 0
    # Means and spreads of the columns are of the plan: it is another one now.
    table.write_text("\n".join(["a,b,t", "90,3,yes", *lines_of[1:]]) + "\n")
    assert main(["resume", "a", "--quiet"]) == 1
    assert main(["resume", "a", "--quiet", "--accept-changes"]) == 0
    assert main(["verify", "a"]) == 0
    assert main(["resume", "a", "--quiet"]) == 0


# --- what is shown -------------------------------------------------------------------------------


def test_of_long_texts_the_part_is_shown_that_differs() -> None:
    was, now = around("a" * 100 + "10%" + "b" * 100, "a" * 100 + "90%" + "b" * 100)
    assert "10%" in was and "90%" in now
    assert around("10%", "90%") == ("'10%'", "'90%'") and around(1, None) == ("1", "None")
    (found,) = lines("plan", "train.py", "a\nb\nc", "a\nb")
    assert str(found) == "train.py, from line 3 on: was 3 lines, is 2 lines"


FROM = """from "net.py" import Net
data train(x, y) = digits()
model net = Net()
minimize ce
s.t. low: E[ce] <= 50
fit(steps=2)
"""
NET = """import torch, pathlib
pathlib.Path("RAN").touch()
def Net(): return torch.nn.Linear(64, 10)
"""


def test_a_folder_does_not_say_where_code_comes_from(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its `base` may be any place on this machine; near it, or named by somebody, code runs."""
    mine, elsewhere = here / "mine", here / "else/where"
    for place in (mine, elsewhere):
        place.mkdir(parents=True)
    (mine / "net.py").write_text(NET)
    (mine / "q.cspec").write_text(FROM)
    monkeypatch.chdir(mine)
    assert main(["run", "q.cspec", "--out", "../else/where/runs/r", "--quiet"]) == 0
    assert main(["verify", "../else/where/runs/r", "--quiet"]) == 0
    (mine / "RAN").unlink()
    monkeypatch.chdir(elsewhere)
    capsys.readouterr()
    for command in ("verify", "resume"):
        assert main([command, "runs/r"]) == 1
        said = capsys.readouterr().err
        assert "CS627" in said and f"--base {mine}" in said
    assert not list(here.rglob("RAN"))
    assert main(["verify", "runs/r", "--quiet", "--base", str(mine)]) == 0

"""A run folder is evidence: each way of tampering is found, and named, by `verify` and `resume`."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from cspec import cli

NET = """import torch
from torch import nn

SCALE = 1.0


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(2, 1)

    def forward(self, x):
        return SCALE * self.l(x)
"""
SPEC = """from "net.py" import Net
param eps = 10%
data train(x, y, sex) = csv("d.csv", target="t")
model f = Net()
model ref = frozen(f)
minimize bce(f(x), y)
s.t. dp: gap(P[pred(f(x)) == 1 | sex]) <= eps
     near: E[bce(f(x), y)] <= E[bce(ref(x), y)] + 1 within 1e-3
fit(epochs=3, batch_size=16)
metric acc = P[pred(f(x)) == y]
"""


def rows() -> list[str]:
    draw = random.Random(0)
    return [
        f"{draw.gauss(0, 1):.3f},{draw.gauss(0, 1):.3f},{draw.choice('fm')},{draw.randint(0, 1)}"
        for _ in range(60)
    ]


def call(capsys: Any, *arguments: str) -> SimpleNamespace:
    code = cli.main(arguments)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return SimpleNamespace(code=code, out=out, err=err, said=out + err)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec with its code and its data, a run of it, and one with another seed."""
    folder = tmp_path_factory.mktemp("tree")
    (folder / "d.csv").write_text("\n".join(["a,b,sex,t", *rows()]) + "\n")
    (folder / "net.py").write_text(NET)
    (folder / "q.cspec").write_text(SPEC)
    for name, seed in (("r", "0"), ("other", "1")):
        given = ("--set", "eps=0.6", "--seed", seed, "--out", str(folder / name), "--quiet")
        assert cli.main(["run", str(folder / "q.cspec"), *given]) == 0
    return folder


@pytest.fixture
def run(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of all of it to tamper with; the working folder."""
    shutil.copytree(tree, tmp_path / "tree")
    monkeypatch.chdir(tmp_path / "tree")
    return Path("r")


# --- ways of tampering ---------------------------------------------------------------------------


def weights(change: Callable[[str, torch.Tensor], torch.Tensor]) -> Callable[[Path], None]:
    def tamper(run: Path) -> None:
        path = run / "model.safetensors"
        save_file({name: change(name, t) for name, t in load_file(path).items()}, path)

    return tamper


def flip(name: str) -> Callable[[Path], None]:
    def tamper(run: Path) -> None:
        (path,) = run.glob(name)
        content = bytearray(path.read_bytes())
        content[-3] ^= 64
        path.write_bytes(content)

    return tamper


def newest(run: Path) -> str:
    return sorted(path.name for path in (run / "checkpoints").iterdir())[-1]


def text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def tamper(run: Path) -> None:
        path = run / name
        before = path.read_text()
        assert old in before
        path.write_text(before.replace(old, new, 1))

    return tamper


def content(name: str, change: Callable[[Any], None]) -> Callable[[Path], None]:
    def tamper(run: Path) -> None:
        tree = json.loads((run / name).read_text())
        change(tree)
        (run / name).write_text(json.dumps(tree, indent=1))

    return tamper


def at(*path: str | int, to: Any) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        for step in path[:-1]:
            tree = tree[step]
        assert tree[path[-1]] != to
        tree[path[-1]] = to

    return change


def swap(name: str) -> Callable[[Path], None]:
    return lambda run: shutil.copy(run.parent / "other" / name, run / name) and None


def remove(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).unlink()


def data(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def tamper(run: Path) -> None:
        path = run.parent / "d.csv"
        head, *body = path.read_text().splitlines()
        path.write_text("\n".join([head, *change(body)]) + "\n")

    return tamper


def other_label(body: list[str]) -> list[str]:
    return [body[0][:-1] + ("0" if body[0].endswith("1") else "1"), *body[1:]]


def manifest(change: Callable[[Any], None]) -> Callable[[Path], None]:
    """An edit by somebody who knows of the manifest's own digest, too."""

    def tamper(run: Path) -> None:
        tree = json.loads((run / "manifest.json").read_text())
        change(tree)
        sign(run, tree)

    return tamper


def sign(run: Path, tree: dict[str, Any]) -> None:
    """Write a manifest with the digest of all the rest, as whoever has read the code can."""
    rest = {key: value for key, value in tree.items() if key != "sha256"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
    (run / "manifest.json").write_text(json.dumps({**rest, "sha256": digest}))


def along(run: Path) -> None:
    """Put every file as it is now into the manifest."""
    tree = json.loads((run / "manifest.json").read_text())
    for name in tree["files"]:
        if (run / name).is_file():
            found = (run / name).read_bytes()
            digest = hashlib.sha256(found).hexdigest()
            tree["files"][name] = {"sha256": digest, "size": len(found)}
    sign(run, tree)


def nan(name: str, value: torch.Tensor) -> torch.Tensor:
    return torch.full_like(value, float("nan"))


def zero(name: str, value: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(value)


def frozen_moved(name: str, value: torch.Tensor) -> torch.Tensor:
    return value - 3 if name.startswith("ref.") else value


RUNS_CODE = {"name": "system", "module": "os", "settings": {"command": "touch PWNED"}}
CONSTRAINT = ("program", "constraints", 0)
REPORTED = ("constraints", 0)

TAMPERED: dict[str, tuple[Callable[[Path], Any], str, str | None]] = {
    # how: (what is done, what verify names, what resume names or None where it may go on)
    "weights NaN": (weights(nan), "model.safetensors", None),
    "weights zero": (weights(zero), "model.safetensors", None),
    "a byte of the weights": (flip("model.safetensors"), "model.safetensors", None),
    "weights of another run": (swap("model.safetensors"), "model.safetensors", None),
    "weights of a frozen model": (weights(frozen_moved), "model.safetensors", None),
    "a bound in the plan": (
        content("plan.json", at(*CONSTRAINT, "text", to="gap(P[..]) <= 90%")),
        "plan.json: constraints[dp].text",
        "plan.json",
    ),
    "a tolerance in the plan": (
        content("plan.json", at(*CONSTRAINT, "tolerance", to=0.9)),
        "plan.json: constraints[dp].tolerance",
        "plan.json",
    ),
    "a source in the plan": (
        content("plan.json", at("program", "models", 0, "source", to=RUNS_CODE)),
        "plan.json: models[f].source",
        "plan.json",
    ),
    "the seed in the plan": (content("plan.json", at("seed", to=7)), "differ in seed", "plan.json"),
    "versions in the plan": (
        content("plan.json", at("versions", "torch", to="9.9")),
        "plan.json and manifest.json differ in versions.torch",
        "plan.json",
    ),
    "a bound in the script": (text("train.py", "0.6", "0.9"), "train.py, line", "train.py"),
    "code in the script": (
        text("train.py", "import torch", 'import torch; import os; os.system("touch PWNED")'),
        "train.py, line",
        "train.py",
    ),
    "a bound in the spec": (
        text("spec.cspec", "<= eps", "<= 0.9"),
        "spec.cspec, line 7: was ",
        "spec.cspec, line 7: was ",
    ),
    "a tolerance in the spec": (
        text("spec.cspec", "within 1e-3", "within 2"),
        "spec.cspec",
        "spec.cspec",
    ),
    "a param of the run": (text("command.json", "0.6", "0.9"), "command.json", "command.json"),
    "a value in the report": (
        content("report.json", at(*REPORTED, "value", to=0.01)),
        "report.json: `dp`: value",
        None,
    ),
    "a verdict in the report": (
        content("report.json", at(*REPORTED, "satisfied", to=False)),
        "report.json: `dp`: satisfied",
        None,
    ),
    "a bound in the report": (
        content("report.json", at(*REPORTED, "bound", to=0.01)),
        "report.json: `dp`: bound",
        None,
    ),
    "a tolerance in the report": (
        content("report.json", at(*REPORTED, "tolerance", to=0.01)),
        "report.json: `dp`: tolerance",
        None,
    ),
    "a metric in the report": (
        content("report.json", at("metrics", "acc", to=0.99)),
        "report.json: metrics.acc",
        None,
    ),
    "the status in the report": (
        content("report.json", at("status", to="violated")),
        "report.json: status",
        None,
    ),
    "the steps in the report": (content("report.json", at("steps", to=7)), "steps", None),
    "a constraint taken out of the report": (
        content("report.json", lambda tree: tree["constraints"].pop(0)),
        "constraint `dp` is not in the report",
        None,
    ),
    "an entry taken out of the manifest": (
        manifest(lambda tree: tree["files"].pop("log.jsonl")),
        "log.jsonl is not listed",
        None,
    ),
    "a digest taken out of the manifest": (
        manifest(at("files", "log.jsonl", to={"sha256": None, "size": None})),
        "log.jsonl has no digest",
        "log.jsonl has no digest",
    ),
    "the manifest of a run that goes on": (
        manifest(at("state", to="running")),
        "the run has not ended",
        None,
    ),
    "a constraint twice in the report": (
        content("report.json", lambda tree: tree["constraints"].append(tree["constraints"][0])),
        "stands there twice",
        None,
    ),
    "an entry of the manifest": (
        manifest(at("files", "train.py", "sha256", to="0" * 64)),
        "train.py: was sha256 000000000000",
        "train.py",
    ),
    "the manifest by hand": (
        content("manifest.json", at("seed", to=1)),
        "manifest.json: it was edited",
        "manifest.json: it was edited",
    ),
    "versions in the manifest": (
        manifest(at("circumstances", "versions", "torch", to="1.0")),
        "version of torch: was 1.0",
        "version of torch: was 1.0",
    ),
    "no manifest": (remove("manifest.json"), "manifest.json is missing", "manifest.json"),
    "a manifest of something else": (
        lambda run: (run / "manifest.json").write_text('{"name": "an app", "version": "1"}'),
        "manifest.json",
        "manifest.json",
    ),
    "a label": (data(other_label), "data `train`, column `y`", "data `train`, column `y`"),
    "a number": (
        data(lambda body: ["9.0" + body[0][body[0].index(",") :], *body[1:]]),
        "data `train`, column `x`",
        "data `train`, column `x`",
    ),
    "a row": (data(lambda body: body[:-1]), "was 60 rows, is 59 rows", "was 60 rows"),
    "another order of rows": (data(lambda body: body[::-1]), "column `x`", "column `x`"),
    "imported code": (
        lambda run: text("net.py", "SCALE = 1.0", "SCALE = 2.0")(run.parent),
        "code `net.py`",
        "code `net.py`",
    ),
    "a checkpoint": (
        lambda run: flip(f"checkpoints/{newest(run)}/tensors.safetensors")(run),
        "tensors.safetensors",
        "checkpoint refused",
    ),
    "a checkpoint of another run": (
        lambda run: [
            swap(f"checkpoints/{newest(run)}/{name}")(run)
            for name in ("tensors.safetensors", "manifest.json")
        ],
        "tensors.safetensors",
        "checkpoint refused",
    ),
    "the log": (text("log.jsonl", "objective", "objectiv3"), "log.jsonl", None),
    "the page": (text("report.html", "NOT", "not"), "report.html", None),
    "no weights": (remove("model.safetensors"), "model.safetensors", None),
    "no report": (remove("report.json"), "report.json", None),
    "no page": (remove("report.html"), "report.html", None),
    "no plan": (remove("plan.json"), "plan.json", "plan.json"),
    "no script": (remove("train.py"), "train.py", "train.py"),
    "no spec": (remove("spec.cspec"), "spec.cspec", "spec.cspec"),
    "one file more": (lambda run: (run / "extra.py").write_text("1"), "extra.py", "extra.py"),
    "a checkpoint more": (
        lambda run: shutil.copytree(
            run / "checkpoints" / newest(run), run / "checkpoints/step-999999999"
        ),
        "step-999999999",
        "step-999999999",
    ),
    "a link in place of the weights": (
        lambda run: (
            (run / "model.safetensors").unlink(),
            (run / "model.safetensors").symlink_to("../other/model.safetensors"),
        ),
        "model.safetensors",
        None,
    ),
}
HASHED_ONLY = {"the log", "the page", "no page", "one file more", "a checkpoint more"}
"""What only the manifest knows of: edited along, there is nothing to measure it by."""


@pytest.mark.parametrize("how", TAMPERED)
def test_verify_names_it(how: str, run: Path, capsys: Any) -> None:
    tamper, named, _ = TAMPERED[how]
    if how == "the page":
        assert "met" in (run / "report.html").read_text()
        tamper = text("report.html", "met", "MET")
    tamper(run)
    found = call(capsys, "verify", "r", "--base", ".")
    expected = 0 if how == "versions in the manifest" else 1
    assert found.code in (expected, 1), found.said
    assert named in found.said, found.said
    assert "the evidence in r holds" not in found.said
    assert not list(Path().rglob("PWNED*"))


@pytest.mark.parametrize("how", [how for how, (_, _, named) in TAMPERED.items() if named])
def test_resume_names_it(how: str, run: Path, capsys: Any) -> None:
    tamper, _, named = TAMPERED[how]
    tamper(run)
    found = call(capsys, "resume", "r", "--base", ".")
    assert named is not None and named in found.said, found.said
    goes_on = ("a checkpoint", "a checkpoint of another run", "a digest taken out of the manifest")
    refused = how not in goes_on and "more" not in how
    assert (found.code == 1) == refused, found.said
    assert not list(Path().rglob("PWNED*"))


ALONG = sorted(
    how
    for how in TAMPERED
    if how not in HASHED_ONLY and "manifest" not in how and not how.startswith("no ")
)


@pytest.mark.parametrize("how", ALONG)
def test_a_manifest_that_was_edited_along_hides_nothing(how: str, run: Path, capsys: Any) -> None:
    TAMPERED[how][0](run)
    along(run)
    found = call(capsys, "verify", "r", "--base", ".")
    assert found.code == 1 and ("does NOT hold" in found.out or "CS624" in found.err), found.said
    assert "all requirements met" not in found.out
    assert not list(Path().rglob("PWNED*"))


def test_a_report_that_was_made_to_fit_other_frozen_weights_is_found(
    run: Path, capsys: Any
) -> None:
    weights(frozen_moved)(run)
    measured = json.loads(call(capsys, "verify", "r", "--base", ".", "--json").out)
    kept = ("value", "bound", "violation", "satisfied", "standard_error", "n")

    def fit(report: Any) -> None:
        report["objective"] = measured["objective"]
        report["metrics"] = measured["metrics"]
        for old, new in zip(report["constraints"], measured["constraints"], strict=True):
            old |= {key: new[key] for key in kept}

    content("report.json", fit)(run)
    along(run)
    found = call(capsys, "verify", "r", "--base", ".", "--json")
    said = json.loads(found.out)
    assert found.code == 1 and not said["holds"] and said["status"] == "uncertified"
    named = {difference["what"] for difference in said["differences"]}
    assert named == {
        f"model.safetensors: `ref.l.{name}`, which nothing trains, is not what is bound"
        for name in ("weight", "bias")
    }


EVIL = 'open("PWNED", "w").write("1")\ndef Net(): pass\n'


@pytest.mark.parametrize("base", [".", "r"])
def test_code_in_a_run_folder_never_runs(base: str, run: Path, capsys: Any) -> None:
    (run / "evil.py").write_text(EVIL)
    file = "evil.py" if base == "r" else "r/evil.py"
    text("spec.cspec", "net.py", file)(run)
    along(run)
    for command in (["verify"], ["resume", "--accept-changes"]):
        found = call(capsys, *command, "r", "--base", base)
        assert found.code == 1 and "CS627" in found.err and file in found.err
    assert not list(Path().rglob("PWNED"))


def test_a_run_that_has_not_ended_is_not_verified(run: Path, capsys: Any) -> None:
    tree = json.loads((run / "manifest.json").read_text()) | {"state": "running"}
    tree["files"] = {
        k: v for k, v in tree["files"].items() if not k.startswith(("model", "report"))
    }
    for name in ("model.safetensors", "report.json", "report.html"):
        (run / name).unlink()
    sign(run, tree)
    found = call(capsys, "verify", "r", "--base", ".")
    assert found.code == 1 and "CS624" in found.err and "cspec resume r" in found.err
    assert call(capsys, "resume", "r", "--base", ".", "--quiet").code == 0
    assert call(capsys, "verify", "r", "--base", ".", "--quiet").code == 0


def test_a_code_file_that_another_imports_is_named(
    run: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.syspath_prepend(str(Path().resolve()))
    Path("scaled_by.py").write_text("FACTOR = 1.0\n")
    Path("net.py").write_text(NET.replace("SCALE = 1.0", "from scaled_by import FACTOR as SCALE"))
    given = ("--set", "eps=0.6", "--out", "new", "--quiet")
    assert call(capsys, "run", "q.cspec", *given).code == 0
    recorded = json.loads(Path("new/manifest.json").read_text())["origins"]["code"]
    assert set(recorded) == {"net.py", "scaled_by.py"}
    Path("scaled_by.py").write_text("FACTOR = 1.5\n")
    for command in ("verify", "resume"):
        found = call(capsys, command, "new")
        assert found.code == 1 and "code `scaled_by.py`: was sha256" in found.said

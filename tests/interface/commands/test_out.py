"""`--out`: a folder that is used again loses what its manifest lists, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from cspec import cli

SPEC = "var x = 3\nminimize x^2\ns.t. floor: x >= 1\nusing augmented_lagrangian\nfit(steps=40)\n"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)

    def call(out: str, text: str = SPEC) -> SimpleNamespace:
        code = cli.main(["run", "-e", text, "--out", out])
        said = capsys.readouterr()
        return SimpleNamespace(code=code, err=said.err)

    return call


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_second_run_replaces_the_first_and_leaves_notes_alone(run) -> None:
    run("r")
    first = everything(Path("r"))
    Path("r/notes.txt").write_text("mine")
    Path("r/plots").mkdir()
    Path("r/plots/a.svg").write_text("mine, too")
    run("r", SPEC.replace("x = 3", "x = 2"))
    second = everything(Path("r"))
    assert set(second) == set(first) | {"notes.txt", "plots/a.svg"}
    assert second["notes.txt"] == b"mine" and second["spec.cspec"] != first["spec.cspec"]


def test_a_shorter_run_leaves_no_checkpoint_of_the_longer_one(run) -> None:
    run("r")
    run("r", SPEC.replace("steps=40", "steps=10"))
    names = sorted(path.name for path in Path("r/checkpoints").iterdir())
    assert len(names) == 2 and names[1] == "step-000000010" > names[0]


FOREIGN = {
    "somebody's checkpoints": {"checkpoints/epoch-1/weights.pt": "w"},
    "checkpoints and a plan": {"plan.json": "{}", "checkpoints/a/b.pt": "w"},
    "an app with a manifest": {"manifest.json": '{"name": "app"}', "train.py": "x = 1"},
    "a manifest that lists what no run writes": {
        "manifest.json": json.dumps(
            {"format": "cspec run 1", "files": {"../precious": {}}, "sha256": ""}
        ),
        "plan.json": "{}",
    },
    "a script of the same name": {"train.py": "import mine"},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_folder_is_refused_and_stays_as_it_is(name: str, run) -> None:
    Path("precious").write_text("p")
    for file, text in FOREIGN[name].items():
        (Path("r") / file).parent.mkdir(parents=True, exist_ok=True)
        (Path("r") / file).write_text(text)
    before = everything(Path())
    found = run("r")
    assert found.code == 1 and "CS620" in found.err
    assert everything(Path()) == before


@pytest.mark.parametrize("link", ["checkpoints", "checkpoints/step-000000040", "train.py"])
def test_nothing_is_removed_through_a_link(link: str, run) -> None:
    run("r")
    place = Path("r") / link
    place.rename("elsewhere")
    place.symlink_to(Path("elsewhere").resolve())
    before = everything(Path())
    found = run("r")
    assert found.code == 1 and f"{link} is a link" in found.err
    assert everything(Path()) == before and place.is_symlink()


def test_a_file_that_the_manifest_does_not_list_is_in_the_way(run) -> None:
    run("r")
    Path("r/finished.json").write_text("mine")
    found = run("r")
    assert found.code == 1 and "finished.json is not listed" in found.err
    assert Path("r/finished.json").read_text() == "mine"


def test_what_a_killed_run_left_is_no_obstacle(run) -> None:
    run("r")
    manifest = json.loads(Path("r/manifest.json").read_text()) | {"state": "running"}
    Path("r/manifest.json").write_text(json.dumps(manifest))
    Path("r/.plan.json.a1b2c3d4").write_text("half")
    late = Path("r/checkpoints/.step-000000041.partial")
    late.mkdir()
    (late / "tensors.safetensors").write_text("half")
    assert run("r").code in (0, 3)
    left = [p for p in Path("r").rglob("*") if "41" in p.name or "a1b2" in p.name]
    assert not [p for p in left if p.is_file()]

"""Folders of runs: one for each, one run at a time in it, and places that can't be written."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import cspec
from cspec.cli import main
from cspec.dsl.messages.diagnostic import SpecError
from cspec.running import train as execution
from cspec.runtime.run import folder as run_folder
from cspec.runtime.run import lock as run_lock
from cspec.runtime.run.lock import held

QUICK = "data train(x, y) = digits()\nmodel net = mlp(hidden=[4])\nminimize ce\nfit(epochs=2)\n"
HOLD = """
import fcntl, json, os, socket, sys
with open(f".{sys.argv[1]}.lock", "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    json.dump({"pid": os.getpid(), "host": socket.gethostname()}, file)
    file.flush()
    print("held", flush=True)
    sys.stdin.read()
"""
"""Another process in a folder, without the seconds that torch takes to import."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "q.cspec").write_text(QUICK)
    return tmp_path


@pytest.fixture
def holder() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Another process that holds a folder."""
    started: list[subprocess.Popen[str]] = []

    def hold(folder: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def code_of(work: Callable[[], Any]) -> str:
    with pytest.raises(SpecError) as error:
        work()
    found = error.value.diagnostics[0]
    assert found.helps
    return found.code


# --- one folder for each run ---------------------------------------------------------------------


def test_runs_that_begin_at_once_get_folders_of_their_own() -> None:
    program: Any = SimpleNamespace(name="q.cspec", digest="0123456789")
    together, found = threading.Barrier(8), []

    def begin() -> None:
        together.wait()
        found.append(execution.new_folder(program, 0))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8
    assert all(path.is_dir() for path in found)


@pytest.mark.slow
def test_four_processes_at_once_lose_nothing(here: Path) -> None:
    command = [sys.executable, "-m", "cspec", "run", "q.cspec", "--json"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    results = [json.loads(p.communicate()[0].splitlines()[-1]) for p in started]
    assert [p.returncode for p in started] == [0] * 4
    assert len({result["out"] for result in results}) == 4
    logs = [(here / result["out"] / "log.jsonl").read_text() for result in results]
    assert len(set(logs)) == 1  # the same seed: the same lines, of each run its own
    steps = [row["step"] for row in map(json.loads, logs[0].splitlines()) if "type" not in row]
    assert steps == sorted(set(steps))


def test_a_run_that_is_refused_leaves_no_folder(here: Path) -> None:
    (here / "q.cspec").write_text(QUICK + "s.t. c: P[y == 3] >= 90%\n")
    assert main(["run", "q.cspec", "--quiet"]) == 1
    assert not list(here.glob("runs/*"))


# --- one run at a time ---------------------------------------------------------------------------


def test_a_folder_that_another_run_is_in_is_refused_by_name(
    here: Path, holder: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "q.cspec", "--out", "r", "--quiet"]) == 0
    before = {p: p.read_bytes() for p in (here / "r").rglob("*") if p.is_file()}
    other = holder("r")
    for command in (
        ["run", "q.cspec", "--out", "r"],
        ["resume", "r"],
        ["run", "q.cspec", "--out", "./r/"],
    ):
        assert main([*command, "--quiet"]) == 1
        said = capsys.readouterr().err
        assert "CS629" in said and f"process {other.pid} on {socket.gethostname()}" in said
    assert {p: p.read_bytes() for p in (here / "r").rglob("*") if p.is_file()} == before


def test_a_link_to_a_folder_is_the_folder(here: Path, holder: Callable[[str], Any]) -> None:
    (here / "r").mkdir()
    (here / "other").symlink_to("r")
    holder("r")
    assert code_of(lambda: held(here / "other").__enter__()) == "CS629"


def test_what_a_killed_process_held_is_free(here: Path, holder: Callable[[str], Any]) -> None:
    other = holder("r")
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert (here / ".r.lock").exists()
    with held(here / "r"):
        assert json.loads((here / ".r.lock").read_text())["pid"] == os.getpid()
    assert not (here / ".r.lock").exists()


def test_a_run_within_a_run_is_refused_too(here: Path) -> None:
    def again(_: object) -> None:
        assert code_of(lambda: cspec.run(QUICK, out="r")) == "CS629"

    assert cspec.run(QUICK, out="r", progress=again).status == "satisfied"
    assert cspec.run(QUICK, out="r").status == "satisfied"


@pytest.mark.parametrize(
    ("owner", "free"),
    [
        ({"pid": 2**22 + 1, "host": socket.gethostname()}, True),
        ({"pid": os.getppid(), "host": socket.gethostname()}, False),
        ({"pid": 2**22 + 1, "host": "elsewhere"}, False),
        ({"pid": -1, "host": socket.gethostname()}, True),
        ({}, True),
        ([], True),
    ],
)
def test_where_the_file_system_knows_no_locks_their_text_decides(
    owner: object, free: bool, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(run_lock.fcntl, "flock", none)
    (here / ".r.lock").write_text(json.dumps(owner))
    if free:
        with held(here / "r"):
            pass
    else:
        assert code_of(lambda: held(here / "r").__enter__()) == "CS629"


def test_a_folder_beside_which_nothing_may_be_written(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--out .`, or the root of a disk: the folder itself is locked."""
    real = os.open

    def opened(path: Any, *more: Any) -> int:
        if str(path).endswith(".lock"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, *more)

    monkeypatch.setattr(run_lock.os, "open", opened)
    monkeypatch.setattr(run_lock, "_HERE", _Forgetful())
    (here / "r").mkdir()
    with held(here / "r"):
        assert os.listdir(here / "r") == []
        assert code_of(lambda: held(here / "r").__enter__()) == "CS629"
    with held(here / "r"):
        pass


class _Forgetful(set[Path]):
    """What is held here, as another process sees it."""

    def __contains__(self, _: object) -> bool:
        return False


def test_a_lock_that_is_a_link_is_not_followed(here: Path) -> None:
    (here / "precious").write_text("mine")
    (here / ".r.lock").symlink_to("precious")
    assert code_of(lambda: held(here / "r").__enter__()) == "CS620"
    assert (here / "precious").read_text() == "mine"


@pytest.mark.slow
def test_a_run_that_was_killed_is_resumed_by_one_of_two(here: Path) -> None:
    (here / "q.cspec").write_text(QUICK.replace("epochs=2", "epochs=2000"))
    cli = [sys.executable, "-m", "cspec"]
    first = subprocess.Popen([*cli, "run", "q.cspec", "--out", "r", "--quiet"])
    _until(lambda: any(here.glob("r/checkpoints/step-*")))
    first.kill()
    first.wait()
    second = subprocess.Popen([*cli, "resume", "r", "--json"], stdout=subprocess.PIPE, text=True)
    assert second.stdout is not None
    _until(lambda: '"progress"' in second.stdout.readline())  # type: ignore[union-attr]
    third = subprocess.run([*cli, "resume", "r", "--quiet"], capture_output=True, text=True)
    assert third.returncode == 1 and f"process {second.pid}" in third.stderr
    second.send_signal(signal.SIGTERM)
    out = second.communicate()[0]
    assert second.returncode == 130
    assert json.loads(out.splitlines()[-1])["status"] == "interrupted"
    lines = [json.loads(line) for line in (here / "r/log.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if line["type"] == "step"]
    assert steps == sorted(set(steps))


def _until(done: Callable[[], bool]) -> None:
    for _ in range(2000):
        if done():
            return
        time.sleep(0.02)
    raise AssertionError("it never came about")


# --- places that can't be written ----------------------------------------------------------------


@pytest.mark.parametrize("out", ["file", "file/r", "file/deep/r", "full", "x" * 300])
def test_a_place_that_can_not_be_written_is_said_before_the_first_step(
    out: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "file").write_text("mine")
    (here / "full").mkdir()
    (here / "full" / "thesis.tex").write_text("mine")
    assert main(["run", "q.cspec", "--out", out]) == 1
    said = capsys.readouterr()
    assert "CS620" in said.err and "step " not in said.err + said.out
    assert "help" in said.err or out == "full"
    assert (here / "file").read_text() == "mine"
    assert os.listdir(here / "full") == ["thesis.tex"]


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_said_before_the_first_step(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "locked").mkdir(mode=0o555)
    assert main(["run", "q.cspec", "--out", "locked/r"]) == 1
    assert "CS620" in capsys.readouterr().err


def test_a_comparison_says_so_before_its_first_run(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "file").write_text("mine")
    assert main(["compare", "q.cspec", "--using", "lagrangian", "--out", "file"]) == 1
    said = capsys.readouterr().err
    assert "CS620" in said and "seed" not in said


def test_a_comparison_is_told_although_its_table_can_not_be_written(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "c" / "comparison.txt").mkdir(parents=True)
    command = "compare q.cspec --using lagrangian --seeds 1 --out c"
    assert main(command.split()) == 0
    said = capsys.readouterr()
    assert "the table is not written [CS607]" in said.err and "lagrangian" in said.out


def test_a_file_in_the_place_of_runs_is_said_before_the_first_step(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "runs").write_text("mine")
    assert main(["run", "q.cspec"]) == 1
    said = capsys.readouterr().err
    assert "CS620" in said and "step " not in said


REFUSALS = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EROFS: "on a disk that can be written",
    errno.EACCES: "that you may write to",
    errno.EPERM: "that you may write to",
}
"""Why nothing can be written, and what is said to type."""


def refusing(number: int) -> Callable[..., None]:
    """A function that fails like a call of the system does."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", REFUSALS)
def test_a_disk_that_takes_nothing_from_the_start(
    number: int, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_folder, "write_atomic", refusing(number))
    assert main(["run", "q.cspec", "--out", "r"]) == 1
    said = capsys.readouterr().err
    assert "CS620" in said and REFUSALS[number] in said and "step " not in said
    assert os.strerror(number).lower() in said


def test_a_disk_without_room_for_the_parameters(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert code_of(lambda: cspec.run(QUICK, out="r")) == "CS620"


@pytest.mark.parametrize(
    ("extra", "number"),
    [
        ([], errno.ENOSPC),
        (["--quiet"], errno.ENOSPC),
        (["--json"], errno.ENOSPC),
        ([], errno.EROFS),
        ([], errno.EACCES),
    ],
)
def test_a_disk_that_takes_no_more_costs_no_result(
    extra: list[str],
    number: int,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was trained is kept elsewhere, and the command says where."""
    create = run_folder.RunFolder.create

    def filling(*arguments: Any, **more: Any) -> Any:
        made = create(*arguments, **more)
        monkeypatch.setattr(run_folder, "write_atomic", refusing(number))
        monkeypatch.setattr("cspec.runtime.session.checkpoint.write_atomic", refusing(number))
        return made

    monkeypatch.setattr(run_folder.RunFolder, "create", filling)
    assert main(["run", "q.cspec", "--out", "r", *extra]) == 0
    (kept,) = here.glob("cspec-run-*")
    said = capsys.readouterr()
    assert str(kept) in (said.err if "--quiet" in extra else said.out)
    assert extra or os.strerror(number).lower() in said.out.lower()
    assert json.loads((kept / "report.json").read_text())["status"] == "satisfied"
    assert (kept / "model.safetensors").stat().st_size > 1000
    assert not list((here / "r" / "checkpoints").iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("command", [["check", "q.cspec"], ["list", "functions"]])
def test_output_that_can_not_be_written_is_no_bug(command: list[str]) -> None:
    with open("/dev/full", "w") as full:
        found = subprocess.run(
            [sys.executable, "-m", "cspec", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert found.returncode == 1
    assert (
        "CS640" in found.stderr and "CS900" not in found.stderr and "Exception" not in found.stderr
    )


def test_lines_of_progress_that_nobody_reads_do_not_end_the_training(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cspec.render import progress

    def gone(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(progress, "describe", gone)
    assert main(["run", "q.cspec", "--out", "r"]) == 0
    assert json.loads((here / "r" / "report.json").read_text())["status"] == "satisfied"

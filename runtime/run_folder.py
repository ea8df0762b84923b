"""The folder of a run: spec, plan, source, log, checkpoints, report."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from cspec.compiler.program import Program
from cspec.dsl.diagnostics import Diagnostic, SpecError
from cspec.runtime import checkpoint
from cspec.runtime.checkpoint import CheckpointError
from cspec.runtime.fallback import kept_elsewhere
from cspec.runtime.files import write_atomic
from cspec.runtime.history import Row
from cspec.runtime.places import unwritable
from cspec.runtime.rescue import attempt, one_line
from cspec.runtime.result import Iterate, Result, finite_or_none

if TYPE_CHECKING:
    from cspec.runtime.session import Session

KEPT = 2
"""Checkpoints that are kept: where the last one is damaged, the one before is used."""
CHECKPOINTS = 20
"""A run writes about this many."""
PACKAGES = ("cspec", "torch", "numpy", "scipy", "sympy", "safetensors", "scikit-learn", "pandas")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _saved(value: Tensor) -> Tensor:
    """A tensor as safetensors can hold it, which has no complex128."""
    return value.to(torch.complex64) if value.dtype == torch.complex128 else value


def _packed(iterate: Iterate) -> bytes:
    """The parameters of an iterate as safetensors."""
    tensors = {k: _saved(v.cpu()).contiguous().clone() for k, v in iterate.tensors.items()}
    return save_tensors(tensors)


class RunFolder:
    """Files of one run; every one is written atomically."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self._logged = 0
        self._written = -1
        self._unwritten = False
        """Whether something could not be written: the run goes on, and tries again at its end."""

    @classmethod
    def create(cls, path: Path, program: Program, seed: int, device: str) -> RunFolder:
        """A new folder; what an earlier run left under this name is removed.

        Raises:
            SpecError: a folder that holds something else, or that can't be written.
        """
        folder = cls(path)
        try:
            if path.exists() and any(path.iterdir()) and not (path / "plan.json").exists():
                message = f"the folder {path} is not empty and holds no run"
                helps = ("name another with `--out FOLDER`",)
                raise SpecError([Diagnostic(code="CS620", message=message, helps=helps)])
            folder.checkpoints.mkdir(parents=True, exist_ok=True)
            for old in folder.checkpoints.iterdir():
                shutil.rmtree(old)
            for name in ("log.jsonl", "report.json", "model.safetensors"):
                (path / name).unlink(missing_ok=True)
            write_atomic(path / "spec.cspec", program.spec)
            write_atomic(path / "train.py", program.source)
            plan = program.model_dump(mode="json", exclude={"source"})
            setup = {"seed": seed, "device": device, "versions": _versions(), "program": plan}
            write_atomic(path / "plan.json", json.dumps(setup, indent=1))
        except OSError as error:
            raise unwritable(path, error) from error
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing folder.

        Raises:
            SpecError: no run in it.
        """
        if not (path / "plan.json").is_file():
            message = f"{path} holds no run (no plan.json)"
            helps = ("name the folder that `cspec run` printed, or run first: `cspec run FILE`",)
            raise SpecError([Diagnostic(code="CS621", message=message, helps=helps)])
        return cls(path)

    def program(self) -> tuple[Program, int, str]:
        """The program of the run, its seed and its device."""
        setup: dict[str, Any] = json.loads((self.path / "plan.json").read_text())
        source = (self.path / "train.py").read_text()
        program = Program.model_validate({**setup["program"], "source": source})
        return program, int(setup["seed"]), str(setup["device"])

    def tick(self, session: Session) -> None:
        """Between two steps: append to the log, and write a checkpoint where one is due."""
        if self._unwritten:
            return
        every = max(1, -(-session.total_steps // CHECKPOINTS))
        try:
            self._log(session)
            if session.step and session.step % every == 0:
                self._checkpoint(session)
        except Exception as error:
            self._goes_on(session, error)

    def _goes_on(self, session: Session, error: Exception) -> None:
        """A full disk or a folder that is gone costs its files, not the training."""
        for partial in self.checkpoints.glob(".*.partial"):
            shutil.rmtree(partial, ignore_errors=True)
        if self._unwritten:
            return
        self._unwritten = True
        session.notes.append(
            f"{self.path} can't be written since step {session.step} [CS620]: {one_line(error)}; "
            "there are no later checkpoints"
        )

    def _log(self, session: Session) -> None:
        new = session.history.rows[self._logged :]
        if not new:
            return
        with (self.path / "log.jsonl").open("a") as file:
            for row in new:
                file.write(json.dumps(finite_or_none(row.as_json())) + "\n")
        self._logged += len(new)

    def checkpoint(self, session: Session) -> None:
        """Write the state after the step in hand, once; where that fails it is noted."""
        try:
            self._checkpoint(session)
        except Exception as error:
            self._goes_on(session, error)

    def _checkpoint(self, session: Session) -> None:
        if self._written == session.step:
            return
        checkpoint.save(self.checkpoints / f"step-{session.step:09d}", session.state_dict())
        self._written = session.step
        for old in sorted(self.checkpoints.glob("step-*"))[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def restore(self, session: Session) -> None:
        """Load the newest checkpoint that is whole; damaged ones are named in the notes.

        Raises:
            SpecError: none is.
        """
        refused: list[str] = []
        for folder in sorted(self.checkpoints.glob("step-*"), reverse=True):
            try:
                session.load_state_dict(checkpoint.load(folder))
            except CheckpointError as error:
                refused.append(str(error))
                continue
            session.notes.extend(f"checkpoint refused: {text}" for text in refused)
            self._written = session.step
            self._rewrite_log(session)
            return
        message = f"{self.path} has no usable checkpoint to resume from"
        helps = ("run again from the start: `cspec run spec.cspec` in that folder",)
        notes = tuple(refused)
        raise SpecError([Diagnostic(code="CS622", message=message, notes=notes, helps=helps)])

    def _rewrite_log(self, session: Session) -> None:
        self._write_log(session.history.rows)

    def _write_log(self, history: Sequence[Row]) -> None:
        rows = [finite_or_none(row.as_json()) for row in history]
        write_atomic(self.path / "log.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        self._logged = len(rows)

    def _log_metrics(self, result: Result) -> None:
        """The metrics of the delivered iterate, below the steps."""
        if result.best is None or not result.metrics:
            return
        line = {"type": "metrics", "step": result.best.step, "metrics": result.metrics}
        with (self.path / "log.jsonl").open("a") as file:
            file.write(json.dumps(finite_or_none(line)) + "\n")

    def _write_model(self, iterate: Iterate) -> Path:
        path = self.path / "model.safetensors"
        write_atomic(path, _packed(iterate))
        return path

    def rescue(self, best: Iterate) -> str:
        """Keep the best iterate of a run that failed; says where it is."""
        return f"the best parameters so far (step {best.step}) are in {self._write_model(best)}"

    def finish(self, result: Result) -> Result:
        """Write the parameters (`model.safetensors`), the last line of the log and the report.

        The result, with a note for each of them that could not be written, and where it is kept.
        """
        notes: list[str] = []
        lost: dict[str, bytes] = {}
        if result.best is not None:
            data, best = _packed(result.best), result.best
            what = "the parameters are not written to model.safetensors"
            if attempt(notes, what, lambda: self._write_model(best), None) is None:
                lost["model.safetensors"] = data
        attempt(notes, "the log is not complete", lambda: self._end_log(result), None)
        result = replace(result, notes=(*result.notes, *notes))
        report = {**result.as_json(), "versions": _versions()}
        text = json.dumps(report, indent=1, allow_nan=False)
        path = self.path / "report.json"
        late: list[str] = []
        attempt(late, "report.json is not written", lambda: write_atomic(path, text), None)
        if late:
            lost["report.json"] = text.encode()
        late += [kept_elsewhere(lost)] if lost else []
        return replace(result, notes=(*result.notes, *late))

    def _end_log(self, result: Result) -> None:
        """All rows again, where some could not be appended; then the metrics."""
        if self._unwritten:
            self._write_log(result.history)
        self._log_metrics(result)

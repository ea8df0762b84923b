"""The folder of a run: spec, plan, source, log, checkpoints, report."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import save as save_tensors
from torch import Tensor, complex64, complex128

from cspec.compiler.records.program import Program
from cspec.dsl.imports.trust import trusted
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.runtime.evidence.circumstances import circumstances, versions
from cspec.runtime.evidence.manifest import (
    CHECKPOINTS,
    FILES,
    MANIFEST,
    Accepted,
    FileEntry,
    Look,
    Manifest,
    NoManifestError,
    Origins,
    entry_of,
    holds,
    is_plain,
    read_manifest,
)
from cspec.runtime.failures import attempt, one_line
from cspec.runtime.files import sha256, write_atomic
from cspec.runtime.result.history import Row
from cspec.runtime.result.iterate import Iterate
from cspec.runtime.result.result import Result, finite_or_none
from cspec.runtime.run.clearing import clear, drop, tidy
from cspec.runtime.run.places import kept_elsewhere, unwritable
from cspec.runtime.session import checkpoint
from cspec.runtime.session.checkpoint import CheckpointError
from cspec.runtime.session.session import Session

KEPT = 2
"""Checkpoints that are kept: where the last one is damaged, the one before is used."""
EVERY = 20
"""A run writes at most about this many checkpoints ..."""
SHARE = 50
"""... and waits so many times as long as the last one took to write."""
BEFORE = ("spec.cspec", "train.py", "plan.json", "command.json", "log.jsonl")
"""What is written before the first step, or grows from there."""


def _saved(value: Tensor) -> Tensor:
    """A tensor as safetensors can hold it, which has no complex128."""
    return value.to(complex64) if value.dtype == complex128 else value


def _kept_looks(path: Path) -> tuple[Look, ...]:
    """Looks on record in a folder whose run makes room for another: they have happened."""
    try:
        return tuple(look for look in read_manifest(path)[0].looks if look.error)
    except NoManifestError:
        return ()


def _begun(program: Program, seed: int, device: str, origins: Origins) -> Manifest:
    """The manifest of a run before its first step."""
    return Manifest(
        spec=program.name,
        plan=program.digest,
        seed=seed,
        device=device,
        origins=origins,
        circumstances=circumstances(device),
        files={name: FileEntry() for name in BEFORE},
        trusted=trusted(),
    )


def _packed(iterate: Iterate) -> bytes:
    """The parameters of an iterate as safetensors."""
    tensors = {k: _saved(v.cpu()).contiguous().clone() for k, v in iterate.tensors.items()}
    return save_tensors(tensors)


class RunFolder:
    """Files of one run; every one is written atomically."""

    def __init__(self, path: Path, manifest: Manifest | None = None) -> None:
        self.path = path
        self.checkpoints = path / CHECKPOINTS
        self.manifest = manifest
        """None of a folder that has none, or of another program's."""
        self._logged = 0
        self._written = -1
        self._next = 0.0
        """From when on, by the clock of the process, a checkpoint that is due is written."""
        self._unwritten = False
        """Whether something could not be written: the run goes on, and tries again at its end."""

    @classmethod
    def create(
        cls,
        path: Path,
        program: Program,
        seed: int,
        device: str,
        origins: Origins | None = None,
        told: str | None = None,
    ) -> RunFolder:
        """A new folder; what an earlier run left under this name is removed.

        `origins` are what the run is made from, `told` the text of `command.json`.

        Raises:
            SpecError: a folder that holds something else, or that can't be written.
        """
        begun = _begun(program, seed, device, origins or Origins())
        manifest = begun.model_copy(update={"looks": _kept_looks(path)})
        folder = cls(path)
        try:
            clear(path)
            folder.checkpoints.mkdir(parents=True, exist_ok=True)
            folder._begin(manifest, program, told)
        except OSError as error:
            raise unwritable(path, error) from error
        return folder

    def _begin(self, manifest: Manifest, program: Program, told: str | None) -> None:
        """Write manifest, spec, emitted module, plan, and what the run was told from outside."""
        self._keep(manifest)
        write_atomic(self.path / "spec.cspec", program.spec)
        write_atomic(self.path / "train.py", program.source)
        plan = program.model_dump(mode="json", exclude={"source"})
        setup = {
            "seed": manifest.seed,
            "device": manifest.device,
            "versions": versions(),
            "program": plan,
        }
        write_atomic(self.path / "plan.json", json.dumps(setup, indent=1))
        if told is not None:
            write_atomic(self.path / "command.json", told)
        self.seal(BEFORE, ended=False)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing folder.

        Raises:
            SpecError: no run in it.
        """
        if not is_plain(path / "plan.json") and not is_plain(path / "spec.cspec"):
            message = f"{path} holds no run (no spec.cspec and no plan.json)"
            helps = ("name the folder that `cspec run` printed, or run first: `cspec run FILE`",)
            raise Diagnostic(code="CS621", message=message, helps=helps).error()
        try:
            return cls(path, read_manifest(path)[0])
        except NoManifestError:
            return cls(path)

    # --- the manifest ------------------------------------------------------------------------

    def seal(self, names: Iterable[str] = FILES, *, ended: bool = True) -> None:
        """Put files as they are now into the manifest; the log has a digest once a run has ended.

        Files that are not there are listed no longer.
        """
        if self.manifest is None:
            return
        files = dict(self.manifest.files)
        for name in names:
            path = self.path / name
            growing = name == "log.jsonl" and not ended
            if growing or is_plain(path):
                files[name] = FileEntry() if growing else entry_of(path)
            else:
                files.pop(name, None)
        state = {"state": "ended" if ended else "running"}
        self._keep(self.manifest.with_files(files).model_copy(update=state))

    def _keep(self, manifest: Manifest) -> None:
        write_atomic(self.path / MANIFEST, manifest.text())
        self.manifest = manifest

    def goes_on(
        self, program: Program, origins: Origins, told: str, changes: tuple[str, ...], step: int
    ) -> None:
        """Take a run up again: with what it is made from now, and the changes that were accepted.

        Raises:
            SpecError: the folder can't be written.
        """
        old = self.manifest or _begun(program, int(program.fit["seed"]), "cpu", origins)
        begun = _begun(program, old.seed, old.device, origins)
        accepted = (Accepted(step=step, changes=changes),) if changes else ()
        kept = {
            "files": {**old.files, **begun.files},
            "accepted": (*old.accepted, *accepted),
            "looks": old.looks,
            "trusted": tuple(sorted({*old.trusted, *begun.trusted})),
        }
        try:
            self._begin(begun.model_copy(update=kept), program, told)
        except OSError as error:
            raise unwritable(self.path, error) from error

    # --- while it runs -----------------------------------------------------------------------

    def tick(self, session: Session) -> None:
        """Between two steps: append to the log, and write a checkpoint where one is due."""
        if self._unwritten:
            return
        every = max(1, -(-session.total_steps // EVERY))
        try:
            self._log(session)
            if session.step and session.step % every == 0 and time.monotonic() >= self._next:
                began = time.monotonic()
                self._checkpoint(session)
                ended = time.monotonic()
                self._next = ended + SHARE * (ended - began)
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
        self._append(row.as_json() for row in new)
        self._logged += len(new)

    def _append(self, lines: Iterable[dict[str, Any]]) -> None:
        with (self.path / "log.jsonl").open("a") as file:
            file.writelines(json.dumps(finite_or_none(line)) + "\n" for line in lines)

    def checkpoint(self, session: Session) -> None:
        """Write the state after the step in hand, once; where that fails it is noted."""
        try:
            self._checkpoint(session)
        except Exception as error:
            self._goes_on(session, error)

    def _checkpoint(self, session: Session) -> None:
        if self._written == session.step:
            return
        name = f"step-{session.step:09d}"
        content = checkpoint.save(self.checkpoints / name, session.state_dict())
        self._written = session.step
        if self.manifest is None:
            return
        listed = dict(self.manifest.files)
        for file, data in content.items():
            listed[f"{CHECKPOINTS}/{name}/{file}"] = FileEntry(sha256=sha256(data), size=len(data))
        old = self.manifest.with_files(listed).checkpoints()[:-KEPT]
        self._forget(old, listed)

    def _forget(self, names: Iterable[str], files: dict[str, FileEntry]) -> None:
        """List checkpoints no longer, then remove them: what is listed is there."""
        assert self.manifest is not None
        gone = tuple(f"{CHECKPOINTS}/{name}/" for name in names)
        kept = {name: entry for name, entry in files.items() if not name.startswith(gone)}
        self._keep(self.manifest.with_files(kept))
        drop(self.path, names)

    def restart(self, session: Session) -> None:
        """Begin at the first step again: without log and checkpoints of what was run before."""
        if self.manifest is not None:
            self._forget(self.manifest.checkpoints(), dict(self.manifest.files))
        self._write_log(session.history.rows)

    def restore(self, session: Session) -> bool:
        """Load the newest checkpoint that is whole and listed; others are named in the notes.

        Whether there was one to load: a run may have been killed before its first.

        Raises:
            SpecError: none of those that are there is usable.
        """
        refused: list[str] = []
        damaged: list[str] = []
        listed = self.manifest.checkpoints() if self.manifest is not None else ()
        for name in reversed(listed):
            folder = self.checkpoints / name
            try:
                self._require_recorded(name)
                session.load_state_dict(checkpoint.load(folder))
            except CheckpointError as error:
                refused.append(str(error))
                damaged.append(name)
                continue
            if self.manifest is not None and damaged:
                self._forget(damaged, dict(self.manifest.files))
            session.notes.extend(f"checkpoint refused: {text}" for text in refused)
            self._written = session.step
            self._write_log(session.history.rows)
            return True
        if not refused:
            return False
        message = f"{self.path} has no usable checkpoint to resume from"
        helps = ("run again from the start: `cspec run spec.cspec` in that folder",)
        notes = tuple(refused)
        raise Diagnostic(code="CS622", message=message, notes=notes, helps=helps).error()

    def _require_recorded(self, name: str) -> None:
        """Refuse a checkpoint that is not the one that the manifest lists.

        Raises:
            CheckpointError: it is not.
        """
        assert self.manifest is not None
        for file, entry in self.manifest.files.items():
            if file.startswith(f"{CHECKPOINTS}/{name}/") and not holds(self.path, file, entry):
                raise CheckpointError(f"{self.path / file} is damaged: it is not as recorded")

    def tidy(self) -> list[str]:
        """Remove what a killed run has left half written; the checkpoints that it had not listed.

        A run that has ended left nothing: what else is there is not its own.
        """
        if self.manifest is None or self.manifest.state == "ended":
            return []
        return tidy(self.path, self.manifest)

    def _write_log(self, history: Sequence[Row]) -> None:
        rows = [finite_or_none(row.as_json()) for row in history]
        write_atomic(self.path / "log.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        self._logged = len(rows)

    def _end_log(self, result: Result) -> None:
        """All rows again, where some could not be appended; then the verdicts, with n and standard
        error of each, and the metrics."""
        if self._unwritten:
            self._write_log(result.history)
        told = ("name", "value", "bound", "relation", "satisfied", "split", "n", "standard_error")
        verdicts = [{name: getattr(c, name) for name in told} for c in result.constraints]
        lines: list[dict[str, Any]] = [{"type": "verdict", **verdict} for verdict in verdicts]
        if result.best is not None and result.metrics:
            step = result.best.step
            lines.append({"type": "metrics", "step": step, "metrics": result.metrics})
        self._append(lines)

    def _write_model(self, iterate: Iterate) -> Path:
        path = self.path / "model.safetensors"
        write_atomic(path, _packed(iterate))
        return path

    def rescue(self, best: Iterate) -> str:
        """Keep the best iterate of a run that failed; says where it is."""
        return f"the best parameters so far (step {best.step}) are in {self._write_model(best)}"

    def look(self, looks: Sequence[Look]) -> None:
        """Put on record what the run looked at; what it had on record of itself is replaced."""
        if self.manifest is not None:
            askers = {look.asker for look in looks}
            kept = (look for look in self.manifest.looks if look.asker not in askers)
            self.manifest = self.manifest.model_copy(update={"looks": (*kept, *looks)})

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
        report = {**result.as_json(), "versions": versions()}
        text = json.dumps(report, indent=1, allow_nan=False)
        path = self.path / "report.json"
        late: list[str] = []
        attempt(late, "report.json is not written", lambda: write_atomic(path, text), None)
        if late:
            lost["report.json"] = text.encode()
        late += [kept_elsewhere(lost)] if lost else []
        attempt(late, "the manifest is not complete", self.seal, None)
        return replace(result, notes=(*result.notes, *late))

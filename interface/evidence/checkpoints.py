"""Checkpoints of a run folder beside its plan and its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cspec.evidence.differences import Difference, digest
from cspec.runtime.evidence.manifest import CHECKPOINTS
from cspec.runtime.run.folder import RunFolder
from cspec.runtime.session import checkpoint
from cspec.runtime.session.checkpoint import CheckpointError


def checkpoints_of(
    folder: RunFolder, plan: str, report: Mapping[str, Any] | None
) -> list[Difference]:
    """Checkpoints that can't be read, are of another plan, or end at another step.

    Those up to the step at which changes were accepted are of the plan before.
    """
    if folder.manifest is None:
        return []
    found: list[Difference] = []
    last: Mapping[str, Any] | None = None
    taken_up = max((change.step for change in folder.manifest.accepted), default=-1)
    for name in folder.manifest.checkpoints():
        where = f"{CHECKPOINTS}/{name}"
        try:
            saved = checkpoint.load(folder.checkpoints / name)
        except CheckpointError as error:
            found.append(Difference("file", f"{where}: {error}"))
            continue
        last = saved
        before = isinstance(saved.get("step"), int) and saved["step"] <= taken_up
        if saved.get("digest") != plan and not before:
            was = digest(str(saved.get("digest")))
            found.append(Difference("file", f"{where} is of another plan", was, digest(plan)))
        if saved.get("seed") != folder.manifest.seed:
            seeds = str(saved.get("seed")), str(folder.manifest.seed)
            found.append(Difference("file", f"{where} is of another seed", *seeds))
    return found if report is None or last is None else [*found, *_of_end(report, last)]


def _of_end(report: Mapping[str, Any], last: Mapping[str, Any]) -> Iterator[Difference]:
    """Steps and epochs, which the report and the last checkpoint both have."""
    for said, kept in (("steps", "step"), ("epochs", "epoch")):
        was, now = report.get(said), last.get(kept)
        if was != now:
            what = f"report.json: {said}, beside the last checkpoint"
            yield Difference("file", what, str(was), str(now))

"""Checkpoints of a run folder beside its plan and its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cspec.differences import Difference, digest
from cspec.runtime import checkpoint
from cspec.runtime.checkpoint import CheckpointError
from cspec.runtime.manifest import CHECKPOINTS
from cspec.runtime.run_folder import RunFolder


def checkpoints_of(
    folder: RunFolder, plan: str, report: Mapping[str, Any] | None
) -> list[Difference]:
    """Checkpoints that can't be read, are of another plan, or end at another step."""
    if folder.manifest is None:
        return []
    found, last = [], None
    for name in folder.manifest.checkpoints():
        where = f"{CHECKPOINTS}/{name}"
        try:
            saved = checkpoint.load(folder.checkpoints / name)
        except CheckpointError as error:
            found.append(Difference("file", f"{where}: {error}"))
            continue
        last = saved.get("step")
        if saved.get("digest") != plan:
            was = digest(str(saved.get("digest")))
            found.append(Difference("file", f"{where} is of another plan", was, digest(plan)))
        if saved.get("seed") != folder.manifest.seed:
            seeds = str(saved.get("seed")), str(folder.manifest.seed)
            found.append(Difference("file", f"{where} is of another seed", *seeds))
    steps = None if report is None else report.get("steps")
    if report is not None and last is not None and steps != last:
        found.append(
            Difference(
                "file", "report.json: steps, beside the last checkpoint", str(steps), str(last)
            )
        )
    return found

"""Other packages on the same tasks, where they are installed: Cooper and fairlearn."""

from __future__ import annotations

from untuned.searches import Found
from untuned.task import Task


def peers(task: Task) -> list[Found]:
    """What the packages that are installed reach."""
    return []

"""All tasks, by family."""

from __future__ import annotations

from untuned import decisions, networks, pruning, rates, sets, smooth
from untuned.task import FAMILIES, Task

TASKS: tuple[Task, ...] = (
    *smooth.TASKS,
    *rates.TASKS,
    *sets.TASKS,
    *pruning.TASKS,
    *decisions.TASKS,
    *networks.TASKS,
)

__all__ = ["FAMILIES", "TASKS", "chosen"]


def chosen(half: str, families: list[str] | None, names: list[str] | None) -> list[Task]:
    """The tasks of a half (`all`: both), of some families, or by name whatever their half.

    Raises:
        KeyError: a name that no task has.
    """
    unknown = set(names or ()) - {task.name for task in TASKS}
    if unknown:
        raise KeyError(f"no task is called {', '.join(sorted(unknown))}")
    if names:
        return [task for task in TASKS if task.name in names]
    return [
        task
        for task in TASKS
        if half in ("all", task.half) and (not families or task.family in families)
    ]

"""The best of each task, as kept in `searched.json`: the known optimum and the searches' best."""

from __future__ import annotations

import fcntl
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from untuned.peers import peers
from untuned.references import known
from untuned.searches import best, search
from untuned.task import Task

FILE = Path(__file__).parent / "searched.json"


@dataclass(frozen=True)
class Best:
    """What a run is compared with, in the units of scale 1; as minimized."""

    optimum: float | None
    """The known optimum; None where none is known."""
    multipliers: dict[str, float] = field(default_factory=dict)
    method: str = ""
    """The best setting of the searches."""
    met: bool = False
    quality: float = float("nan")
    gradients: int = 0
    """Backward passes of one run of that setting."""
    seconds: float = 0.0

    @property
    def value(self) -> float | None:
        """The quality to reach: the known optimum, else the best that met the requirement."""
        if self.optimum is not None:
            return self.optimum
        return self.quality if self.met else None


def searched(task: Task) -> Best:
    """Solve and search one task; minutes."""
    solved = known(task)
    optimum = None if solved is None else solved.objective
    tried = [search(task)]
    if task.family == "rates":
        tried += peers(task)
    found = best(tried)
    return Best(
        optimum,
        {} if solved is None else solved.multipliers,
        found.method,
        found.met,
        found.quality,
        found.gradients,
        round(found.seconds, 2),
    )


def read() -> dict[str, Best]:
    """All that is kept, by task."""
    text = FILE.read_text() if FILE.exists() else ""
    kept = json.loads(text)["tasks"] if text else {}
    return {name: Best(**item) for name, item in kept.items()}


def write(name: str, item: Best) -> None:
    """Keep one task's best, beside the others."""
    command = "python benchmarks/untuned.py --search --half all"
    with FILE.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # searches of both halves may run beside each other
        kept = read() | {name: item}
        tasks = {key: asdict(kept[key]) for key in sorted(kept)}
        file.truncate(0)
        file.write(json.dumps({"command": command, "tasks": tasks}, indent=1) + "\n")

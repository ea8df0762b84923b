"""A requirement is stated and met in one run, without tuning: how often, and how well.

    python benchmarks/untuned.py --quick [--half held] [--family rates] [--task parity]
    python benchmarks/untuned.py --quick --half all --family smooth --using lagrangian
    python benchmarks/untuned.py --search        # repeats the searches, writes searched.json

Each spec of `benchmarks/untuned/specs` states a problem and no setting of a method. It is run once
for each of the axes (batch 64 and full, the requirement times 1e-3, 1 and 1e3, three seeds; with
`--quick` batch 64, scale 1, one seed), and judged by counts in plain torch. The best is the known
optimum, else the best of twenty settings of plain methods (`untuned/searches.py`), read from
`untuned/searched.json`.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from untuned.best import Best, read, searched, write
from untuned.judge import Outcome, Setup, outcome
from untuned.table import heading, line, summary
from untuned.task import FAMILIES, MissingDataError, Task
from untuned.tasks import chosen


def setups(asked: argparse.Namespace) -> list[Setup]:
    """The axes as asked for."""
    batches = asked.batch or (["64"] if asked.quick else ["64", "full"])
    scales = asked.scale or ([1.0] if asked.quick else [1e-3, 1.0, 1e3])
    seeds = range(asked.seeds or (1 if asked.quick else 3))
    return [Setup(*each, asked.using) for each in itertools.product(batches, scales, seeds)]


def judged(task: Task, axes: list[Setup], best: Best | None) -> list[Outcome]:
    """Run a task along the axes and print a line each; none where its data are missing."""
    try:
        task.data()
    except MissingDataError as error:
        print(f"{task.name:<20} skipped: {error}")
        return []
    found = []
    for setup in axes:
        if setup.scale == 1.0 or task.scales:
            found.append(outcome(task, setup))
            print(line(found[-1], best), flush=True)
    return found


def families(tasks: list[Task], axes: list[Setup]) -> None:
    """One table a family, and the line of all for each half."""
    known = read()
    found: list[Outcome] = []
    for family in FAMILIES:
        members = [task for task in tasks if task.family == family]
        if not members:
            continue
        print(f"\n{family}\n{heading()}")
        mine = [o for task in members for o in judged(task, axes, known.get(task.name))]
        print(summary(f"{family}:", mine, known), flush=True)
        found += mine
    print()
    for half in ("development", "held"):
        mine = [o for o in found if o.task.half == half]
        if mine:
            print(summary(f"{half}, all families:", mine, known))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--half", choices=["development", "held", "all"], default="development")
    parser.add_argument("--quick", action="store_true", help="batch 64, scale 1, one seed")
    parser.add_argument("--family", nargs="*", choices=FAMILIES)
    parser.add_argument("--task", nargs="*", metavar="NAME", help="these, of either half")
    parser.add_argument("--batch", nargs="*", choices=["64", "full"])
    parser.add_argument("--scale", nargs="*", type=float)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--using", default="", help="a method by its name, without settings")
    parser.add_argument("--search", action="store_true", help="repeat the searches and keep them")
    return parser.parse_args()


def main() -> None:
    """Search, or run and print."""
    warnings.simplefilter("ignore")
    asked = arguments()
    tasks = chosen(asked.half, asked.family, asked.task)
    if not asked.search:
        families(tasks, setups(asked))
        return
    for task in tasks:
        try:
            best = searched(task)
        except MissingDataError as error:
            print(f"{task.name:<20} skipped: {error}")
            continue
        write(task.name, best)
        print(task.name, best, flush=True)


if __name__ == "__main__":
    main()

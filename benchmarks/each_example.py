"""Requirements on each example: what a step costs by the number of rows.

    OMP_NUM_THREADS=1 python benchmarks/each_example.py [rounds]

A linear model on tables of 1,000 and of 10,000,000 rows, batches of 128, with a requirement on each
row, and without any. CPU time of a step is taken between two steps of one run, so that binding, the
first permutation and what follows the last step are left out; of all rounds the smallest. Between
them lie ends of epochs where the table is small, none where it is large. The reading is the ratio
of the two tables: state is as long as the data, and a step touches the rows of its batch alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

import cspec

ROWS = (1_000, 10_000_000)
HEAD = "data train(x, y)\nmodel f = linear()\nminimize E[mse(f(x), y) on train]\n"
EACH = "s.t. near: forall (x, y) in train: abs(f(x)[0] - y) <= 3\n"
FIRST, STEPS = 200, 1200


def table(rows: int) -> dict[str, Any]:
    """Ten inputs and a target."""
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 10)).astype("float32")
    return {"x": x, "y": (x.sum(1) + random.normal(size=rows)).astype("float32")}


class Clock:
    """CPU time at the steps that a run tells of."""

    def __init__(self) -> None:
        self.seen: dict[int, float] = {}

    def __call__(self, state: Mapping[str, Any]) -> None:
        self.seen[int(state["step"])] = time.process_time()

    def milliseconds(self) -> float:
        """A step between the first and the last of them."""
        steps = sorted(step for step in self.seen if FIRST <= step <= STEPS - 50)
        first, last = steps[0], steps[-1]
        return 1000 * (self.seen[last] - self.seen[first]) / (last - first)


def cost(data: Mapping[str, Any], requirement: str) -> float:
    """Milliseconds a step of one run."""
    clock = Clock()
    fit = f"fit(steps={STEPS}, optimizer=adam(lr=0.001), batch_size=128)\n"
    cspec.run(f"{HEAD}{requirement}{fit}", train=data, progress=clock)
    return clock.milliseconds()


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"{'rows':>9} {'none':>8} {'each':>8}   ms a step")
    found = {}
    for rows in ROWS:
        data = table(rows)
        found[rows] = [min(cost(data, way) for _ in range(rounds)) for way in ("", EACH)]
        print(f"{rows:9,} {found[rows][0]:8.3f} {found[rows][1]:8.3f}")
    ratio = found[ROWS[1]][1] / found[ROWS[0]][1]
    print(f"a step at {ROWS[1]:,} rows costs {ratio:.2f} times that at {ROWS[0]:,}")


if __name__ == "__main__":
    main()

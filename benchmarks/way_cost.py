"""CPU time of a training step by each way to keep three 128 x 128 weights orthogonal.

    OMP_NUM_THREADS=1 python benchmarks/way_cost.py [rounds]

The ways take turns, so that a machine that is busy for a while is busy for all of them. A step
costs what a long run takes more than a short one, by CPU time of this process, divided by the
steps more; of all rounds the smallest. Printed with its ratio to a network without requirement.
Evaluation at the ends of epochs is part of it.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import torch

import cspec
from cspec.comparing.using import read_using, with_using
from cspec.dsl.text.source import Source

SPEC = Path(__file__).parent / "compare" / "orthogonal.cspec"
NONE = "no requirement"
WAYS = (
    NONE,
    "quadratic_penalty(coefficient=2)",
    "augmented_lagrangian",
    "sal(penalty=0.1)",
    "projection",
    "projection(stiefel=svd)",
    "projection(stiefel=qr)",
    "cayley",
    "householder",
    "matrix_exp",
    "admm",
)
SHORT, LONG, STEPS_AN_EPOCH = 1, 7, 10


def spec_of(way: str) -> str:
    """The spec with this way in force."""
    if way == NONE:
        lines = SPEC.read_text().splitlines()
        return "\n".join(line for line in lines if not line.startswith("s.t."))
    read, found = read_using(way, {})
    assert read is not None, found
    return with_using(Source(text=SPEC.read_text()), read).text


def cost(text: str) -> float:
    """Milliseconds of CPU time a step."""
    taken = []
    for epochs in (SHORT, LONG):
        started = time.process_time()
        cspec.run(text, epochs=epochs)
        taken.append(time.process_time() - started)
    return 1000 * (taken[1] - taken[0]) / ((LONG - SHORT) * STEPS_AN_EPOCH)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    texts = {way: spec_of(way) for way in WAYS}
    costs: dict[str, list[float]] = {way: [] for way in WAYS}
    for text in texts.values():
        cspec.run(text, epochs=SHORT)  # what is done once in a process
    for _ in range(rounds):
        for way, text in texts.items():
            costs[way].append(cost(text))
    least = {way: min(found) for way, found in costs.items()}
    first = least[WAYS[0]]
    print(f"{'way':36} {'ms/step':>8} {'ratio':>6} {'median':>8}")
    for way in WAYS:
        middle = statistics.median(costs[way])
        print(f"{way:36} {least[way]:8.2f} {least[way] / first:6.1f} {middle:8.2f}")


if __name__ == "__main__":
    main()

"""The main job on digits: one line of spec, three seeds, beside the dense model trained alike.

    python benchmarks/main_job.py

Prints the table of the README: test accuracy and deployed density, mean of three seeds, one run
each. `gates` is the one-line spec on an MLP with hard-concrete gates, `top-k`
the same line on the MLP without; both with default settings (30 epochs, batches of 128). The 10%
rows are `by projection` and `by admm` with fit(epochs=60, batch_size=64), against the dense model
with the same fit.
"""

from __future__ import annotations

import statistics
from typing import NamedTuple

import cspec

SEEDS = (0, 1, 2)
PLAIN = "mlp(hidden=[300, 100])"
GATED = "mlp(hidden=[300, 100], gates=hard_concrete)"
LONG = "\nfit(epochs=60, batch_size=64)"


class Row(NamedTuple):
    """One line of the table."""

    name: str
    spec: str
    model: str


LINE = "minimize ce s.t. density(model) <= "

ROWS = (
    Row("dense", "minimize ce", PLAIN),
    Row("density <= 50%, gates", LINE + "0.5", GATED),
    Row("density <= 50%, top-k", LINE + "0.5", PLAIN),
    Row("dense, 60 epochs", "minimize ce" + LONG, PLAIN),
    Row("density <= 10% by projection", LINE + "10% by projection" + LONG, PLAIN),
    Row("density <= 10% by admm", LINE + "10% by admm" + LONG, PLAIN),
)


def main() -> None:
    """Run all rows and print the table."""
    print(f"{'':30} {'accuracy':>9} {'(three seeds)':>24} {'density':>8}  status")
    for row in ROWS:
        results = [cspec.run(row.spec, data="digits", model=row.model, seed=s) for s in SEEDS]
        accuracies = [result.metrics["accuracy"] for result in results]
        densities = [c.value for result in results for c in result.constraints]
        each = " ".join(f"{accuracy:.4f}" for accuracy in accuracies)
        density = f"{statistics.mean(densities):8.2%}" if densities else f"{'100%':>8}"
        statuses = ", ".join(sorted({result.status for result in results}))
        print(
            f"{row.name:30} {statistics.mean(accuracies):9.4f} {each:>24} {density}  {statuses}",
            flush=True,
        )


if __name__ == "__main__":
    main()

"""Pruning a digits network to 10% and 5% of its weights: what each method loses.

    python benchmarks/pruning.py [--seeds 3] [--epochs 60] [--density 10 5]

One spec, the method changes. Prints test accuracy (mean and standard deviation over seeds), the
deployed density, and the loss against the dense network trained alike.
"""

from __future__ import annotations

import argparse
import statistics

from _common import ACCURACY, DATA, solve, spread, table

METHODS = ("projection", "admm", "admm(balance=false, growth=3)", "admm(balance=false)")


def spec(constraint: str, epochs: int) -> str:
    """The program with this constraint line."""
    return (
        f"{DATA}model net = mlp(hidden=[300, 100])\nminimize ce(net(x), y)\n{constraint}\n"
        f"{ACCURACY}fit(epochs={epochs}, batch_size=64)\n"
    )


def main() -> None:
    """Train each method with each seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--density", type=int, nargs="*", default=[10, 5])
    options = parser.parse_args()
    seeds = range(options.seeds)
    dense = [100 * solve(spec("", options.epochs), seed).metrics["acc"] for seed in seeds]
    rows = [["100%", "none", spread(dense), "100%", "0"]]
    for density in options.density:
        for method in METHODS:
            line = f"s.t. prune: density(net) <= {density}% by {method}"
            results = [solve(spec(line, options.epochs), seed) for seed in seeds]
            accuracy = [100 * r.metrics["acc"] for r in results]
            deployed = max(r.constraints[0].value for r in results)
            loss = statistics.mean(dense) - statistics.mean(accuracy)
            shown = [f"{density}%", method, spread(accuracy), f"{deployed:.2%}", f"{loss:+.2f}"]
            rows.append(shown)
    table(("target", "method", "test accuracy %", "largest density", "points lost"), rows)


if __name__ == "__main__":
    main()

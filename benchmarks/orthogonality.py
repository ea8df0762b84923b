"""Orthogonal hidden layers of a digits network, held in several ways.

    python benchmarks/orthogonality.py [--seeds 3] [--epochs 25]

One spec, the method of one constraint changes. Prints test accuracy, the largest entry of
W'W - I over the constrained weights, and the time of a step against the unconstrained one.
"""

from __future__ import annotations

import argparse
import statistics

from _common import ACCURACY, DATA, solve, spread, table

METHODS = (
    "soft(weight=0.01, power=2)",
    "soft(weight=1, power=2)",
    "by quadratic_penalty(coefficient=1)",
    "by augmented_lagrangian",
    "by sal(penalty=0.1, shuffles=5)",
    "by admm",
    "by projection",
    "by cayley",
    "by householder",
    "by matrix_exp",
)


def spec(constraint: str, epochs: int) -> str:
    """The program with this constraint line."""
    return (
        f"{DATA}model net = mlp(hidden=[128, 128, 128])\nminimize ce(net(x), y)\n{constraint}\n"
        f"{ACCURACY}fit(epochs={epochs}, batch_size=128, optimizer=adam(lr=2e-3))\n"
    )


def main() -> None:
    """Train each method with each seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=25)
    options = parser.parse_args()
    seeds = range(options.seeds)
    rows, base = [], 0.0
    for method in ("none", *METHODS):
        line = 's.t. ortho: forall W in net.weights("fc[123].*"): W in stiefel '
        text = spec("" if method == "none" else line + method, options.epochs)
        results = [solve(text, seed) for seed in seeds]
        pace = statistics.median(1000 * r.seconds / r.steps for r in results)
        base = base or pace
        worst = [max((c.value for c in r.constraints), default=float("nan")) for r in results]
        accuracy = spread([100 * r.metrics["acc"] for r in results])
        rows.append([method, accuracy, spread(worst, 3), f"{pace:.2f} ({pace / base:.1f}x)"])
    table(("method", "test accuracy %", "largest |W'W - I|", "ms a step, all included"), rows)


if __name__ == "__main__":
    main()

"""SAL, fixed penalties and linearized ADMM on an orthogonality constraint (digits network).

    python benchmarks/sal.py [--seeds 3] [--epochs 40]

One spec, the method of one constraint changes. Prints test accuracy, the largest entry of
W'W - I, and how many of the multiplier updates SAL accepted, of the delivered iterate.
"""

from __future__ import annotations

import argparse

from _common import ACCURACY, DATA, solve, spread, table

METHODS = (
    "quadratic_penalty(coefficient=0.02)",
    "quadratic_penalty(coefficient=0.2)",
    "quadratic_penalty(coefficient=2)",
    "sal(penalty=0.01, shuffles=8, iterations=5)",
    "sal(penalty=0.1, shuffles=8, iterations=5)",
    "augmented_lagrangian(penalty=0.1, max_penalty=10)",
    "admm(linearized=true, rho=0.1, warmup=0.05, fine_tune=0.05)",
)


def spec(method: str, epochs: int) -> str:
    """The program with this method; the linearized step is a gradient step, so it gets SGD."""
    optimizer = "sgd(lr=0.1)" if "linearized" in method else "adam(lr=2e-3)"
    return (
        f"{DATA}model net = mlp(hidden=[64, 64])\nminimize ce(net(x), y)\n"
        f's.t. ortho: forall W in net.weights("fc[12].*"): W in stiefel by {method}\n'
        f"{ACCURACY}fit(epochs={epochs}, batch_size=128, optimizer={optimizer})\n"
    )


def main() -> None:
    """Train each method with each seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40)
    options = parser.parse_args()
    rows = []
    for method in METHODS:
        results = [solve(spec(method, options.epochs), seed) for seed in range(options.seeds)]
        accuracy = spread([100 * r.metrics["acc"] for r in results])
        worst = spread([max(c.value for c in r.constraints) for r in results], 3)
        last = spread([max(r.last.values.values()) for r in results], 3)
        notes = [n for r in results for n in r.notes if "accepted" in n and " of " in n]
        accepted = ", ".join(n.split(": ")[1].split(" updates")[0] for n in notes) or "-"
        rows.append([method, accuracy, worst, last, accepted])
    headings = ("method", "test accuracy %", "largest |W'W - I|", "at the last step", "accepted")
    table(headings, rows)


if __name__ == "__main__":
    main()

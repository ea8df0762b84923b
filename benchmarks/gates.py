"""Densities on hard-concrete gates with nothing set: where they land, and what accuracy is left.

    python benchmarks/gates.py                # digits, 270 and 3,000 steps
    python benchmarks/gates.py mnist          # the first 10,000 images of MNIST, the same
    python benchmarks/gates.py digits 270     # one length

Three seeds of an MLP with hidden layers of 300 and 100 for four bounds: the deployed densities, the
mean test accuracy, the mean multiplier. The bound comes down along 40% of a run, and from 80% on as
many gates are open as it allows (compiler/choose/gate_course.py): every density should be its
bound. MNIST is read from `$CSPEC_DATA/mnist`.
"""

from __future__ import annotations

import sys
from statistics import mean

import cspec
from cspec.runtime.data.idx import mnist

MODEL = "mlp(hidden=[300, 100], gates=hard_concrete)"
BOUNDS = (0.5, 0.2, 0.1, 0.05)
SEEDS = (0, 1, 2)
LENGTHS = (270, 3000)
IMAGES = 10_000


def first_images(n: int = IMAGES) -> dict[str, object]:
    """The first images of MNIST to train on, its 10,000 test images to test."""
    parts = mnist(image=False)
    train, test = parts["train"].columns, parts["test"].columns
    return {"data": (train["x"][:n], train["y"][:n]), "test": (test["x"], test["y"])}


def bound_to(name: str) -> dict[str, object]:
    """What is bound for the data of this name."""
    return {"data": "digits"} if name == "digits" else first_images()


def row(bound: float, steps: int, data: dict[str, object]) -> str:
    """The line of a bound and a length."""
    spec = f"minimize ce s.t. c: density(model) <= {bound}\nfit(steps={steps})"
    results = [cspec.run(spec, model=MODEL, seed=seed, **data) for seed in SEEDS]
    densities = " ".join(f"{result['c'].value:7.3%}" for result in results)
    accuracy = mean(result.metrics["accuracy"] for result in results)
    multiplier = mean(float(result["c"].multiplier or 0.0) for result in results)
    return f"{steps:6,} {bound:6.0%}  {densities}  {accuracy:8.2%} {multiplier:11.2f}"


def main() -> None:
    """Print the table."""
    name = sys.argv[1] if len(sys.argv) > 1 else "digits"
    lengths = [int(word) for word in sys.argv[2:]] or LENGTHS
    data = bound_to(name)
    print(
        f"{name}\n{'steps':>6} {'bound':>6}  {'densities':25}  {'accuracy':>8} {'multiplier':>11}"
    )
    for steps in lengths:
        for bound in BOUNDS:
            print(row(bound, steps, data), flush=True)


if __name__ == "__main__":
    main()

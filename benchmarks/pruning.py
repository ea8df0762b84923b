"""Ways to prune to a density without gates, beside the dense network that is trained alike.

    CSPEC_DATA=FOLDER OMP_NUM_THREADS=1 python benchmarks/pruning.py [--lr 0.001] [TASK ...]

Per task and way: test accuracy (percent, or R^2 in percent of a regression) of each seed and their
mean, and the density that an own count of the delivered weights finds. `auto` is what a spec gets
that names no method. Without `--lr` the learning rate is the one chosen by the compiler; gates
always have theirs so. MNIST is read from `$CSPEC_DATA/mnist` and left out where it is not there.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

import cspec
from cspec.runtime.data.idx import mnist
from cspec.runtime.models import deploy_

SEEDS = (0, 1, 2)

GATES = "gates"
"""The model with hard-concrete gates, where one density is over all its weights."""
WAYS = {
    "dense": "",
    "auto": "using auto",
    "ramp 0-30%": "using projection(warmup=0, ramp=0.3, freeze=false)",
    "ramp 10-60%": "using projection(warmup=0.1, ramp=0.5, freeze=false)",
    "ramp 10-60%, frozen": "using projection(warmup=0.1, ramp=0.5, freeze=true)",
    "one shot at 50%": "using projection(warmup=0.5, ramp=0, freeze=true)",
    "admm": "using admm",
    GATES: "using auto",
}


class Task(NamedTuple):
    """A model and its data, how long it trains, and the density it is pruned to."""

    data: str
    model: str
    fit: str
    density: str = "density(net) <= 10%"
    loss: str = "ce"


DIGITS = "data train(x, y), test(x, y) = digits(split=[0.667, 0.333], seed=0)"
IMAGES = "data train(x, y), test(x, y) = digits(split=[0.667, 0.333], seed=0, image=true)"
MNIST = "mnist cnn 10%"
IMAGES_OF_MNIST = Path(os.environ.get("CSPEC_DATA", "data"), "mnist")
MADE = "data train(x, y), test(x, y)"

TASKS = {
    "digits 10%": Task(DIGITS, "mlp(hidden=[300, 100])", "epochs=60, batch_size=64"),
    "digits 3%": Task(
        DIGITS, "mlp(hidden=[300, 100])", "epochs=60, batch_size=64", "density(net) <= 3%"
    ),
    "digits cnn 5%": Task(IMAGES, "cnn(channels=[16, 32])", "epochs=20", "density(net) <= 5%"),
    "digits, short": Task(DIGITS, "mlp(hidden=[64])", "epochs=5"),
    "digits, layers 10%": Task(
        DIGITS,
        "mlp(hidden=[300, 100])",
        "epochs=30",
        "forall W in net.weights: density(W) <= 10%",
    ),
    "digits, 1:8": Task(
        DIGITS,
        "mlp(hidden=[64, 32])",
        "epochs=30",
        "forall W in net.weights: W in nm(1, 8)",
    ),
    "digits, 2:4": Task(
        DIGITS,
        "mlp(hidden=[64, 32])",
        "epochs=30",
        "forall W in net.weights: W in nm(2, 4)",
    ),
    "digits cnn, channels": Task(
        IMAGES,
        "cnn(channels=[16, 32])",
        "epochs=20",
        'forall W in net.weights("conv*"): W in channels(25%)',
    ),
    "clusters 5%": Task(MADE, "mlp(hidden=[128, 64])", "epochs=15", "density(net) <= 5%"),
    "teacher 5%": Task(MADE, "mlp(hidden=[128, 64])", "epochs=40", "density(net) <= 5%", "mse"),
    MNIST: Task(MADE, "cnn(channels=[8, 16], hidden=[32])", "epochs=8"),
}


def clusters(n: int = 6000, features: int = 40, classes: int = 10) -> tuple[Tensor, Tensor]:
    """Three Gaussian clusters a class in 40 dimensions, of which 10 carry the class."""
    draw = torch.Generator().manual_seed(0)
    centers = torch.randn(classes * 3, 10, generator=draw) * 1.6
    which = torch.randint(classes * 3, (n,), generator=draw)
    x = torch.randn(n, features, generator=draw)
    x[:, :10] += centers[which]
    return x, which % classes


def teacher(n: int = 4000, features: int = 30) -> tuple[Tensor, Tensor]:
    """Numbers from a small network on 8 of 30 inputs, with some noise."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(n, features, generator=draw)
    hidden = torch.tanh(x[:, :8] @ torch.randn(8, 12, generator=draw))
    y = hidden @ torch.randn(12, generator=draw) / 12**0.5
    return x, y + 0.1 * torch.randn(n, generator=draw)


def digits_of_mnist(n: int = 4500) -> tuple[Tensor, Tensor]:
    """The first images of MNIST's training set."""
    rows = mnist(folder=str(IMAGES_OF_MNIST))["train"].columns
    return rows["x"][:n], rows["y"][:n]


def made(name: str) -> dict[str, object]:
    """What is bound for a task whose data are not embedded: two thirds to train on."""
    known = {"clusters 5%": clusters, "teacher 5%": teacher, MNIST: digits_of_mnist}
    source = known.get(name)
    if source is None:
        return {}
    x, y = source()
    cut = 2 * len(x) // 3
    return {"train": (x[:cut], y[:cut]), "test": (x[cut:], y[cut:])}


def spec(task: Task, way: str, lr: float | None = None) -> str:
    """The spec of one row."""
    gates = ", gates=hard_concrete)" if way == GATES else ")"
    model = f"model net = {task.model[:-1]}{gates}"
    lines = [task.data, model, f"minimize {task.loss}(net(x), y)"]
    if WAYS[way]:
        lines += [f"s.t. prune: {task.density}", WAYS[way]]
    rate = "" if lr is None or way == GATES else f", optimizer=adam(lr={lr})"
    lines.append(f"fit({task.fit}{rate})")
    value = (
        "P[pred == y on test]"
        if task.loss == "ce"
        else "1 - E[(net(x) - y)^2 on test] / E[y^2 on test]"
    )
    return "\n".join([*lines, f"metric score = {value}"])


def share(model: torch.nn.Module) -> float:
    """Nonzero entries of the matrices and kernels of a model, counted one tensor at a time."""
    weights = [p for p in model.parameters() if p.ndim >= 2]
    return sum(int((w != 0).sum()) for w in weights) / sum(w.numel() for w in weights)


def row(name: str, way: str, lr: float | None = None) -> str:
    """The line of a task and a way."""
    text = spec(TASKS[name], way, lr)
    results = [cspec.run(text, seed=seed, **made(name)) for seed in SEEDS]
    scores = [100 * float(result.metrics["score"]) for result in results]
    density = max(share(deploy_(result.models["net"])) for result in results)
    met = sum(result.status == "satisfied" for result in results)
    each = " ".join(f"{score:5.1f}" for score in scores)
    return (
        f"{name:20} {way:20} {statistics.mean(scores):6.2f}  ({each})  {density:7.2%}"
        f"  {'' if way == 'dense' else f'met {met} of {len(SEEDS)}'}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = ", ".join(TASKS).replace("%", "%%")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=known)
    parser.add_argument("--lr", type=float)
    options = parser.parse_args()
    for name in options.tasks or TASKS:
        if name == MNIST and not IMAGES_OF_MNIST.is_dir():
            print(f"{name:20} left out: no {IMAGES_OF_MNIST}")
            continue
        for way in WAYS:
            if way != GATES or TASKS[name].density.startswith("density(net)"):
                print(row(name, way, options.lr), flush=True)


if __name__ == "__main__":
    main()

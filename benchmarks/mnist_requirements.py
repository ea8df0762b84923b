"""Requirements on the examples of MNIST: their cost, worst cases in a ball, a rule.

    OMP_NUM_THREADS=1 python benchmarks/mnist_requirements.py FOLDER each|robust|rule [rounds]

FOLDER has the four IDX files. `each` asks `ce <= 0.1` of each of 60,000 images and prints CPU time
of a step, in alternation with runs that ask nothing: medians of the rounds' ratios. `robust` bounds
the loss in a ball of 8/255 (digits) and 0.1 (MNIST), and attacks what is delivered anew: 50 steps
of projected gradient ascent from each of 5 starts, written here in plain torch. `rule` asks of a
network for digits and one for parity that what is told a 6 is told even, and counts.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from each_example import Clock
from mnist_epoch import images
from sklearn.datasets import load_digits
from torch import Tensor, nn

import cspec

NET = "model f = mlp(hidden=[128])\nminimize ce(f(x), y)\n"
TIMED = 600
ATTACK_STEPS, STARTS = 50, 5


def each(folder: Path, rounds: int) -> None:
    """What a multiplier for each of 60,000 images adds to a step."""
    train = images(folder, "train", "mlp")
    free = f"data train(x, y)\n{NET}FIT"
    ratios = []
    for _ in range(rounds):
        taken = [_step(text, train) for text in (free, _with(free, EACH))]
        ratios.append(taken[1] / taken[0])
        print(f"a step: {taken[0]:.3f} ms free, {taken[1]:.3f} ms with 60,000 requirements")
    print(f"ratio: {median(ratios):.2f} (median of {rounds})")
    fit = "fit(epochs=40, batch_size=128)"
    result = cspec.run(_with(free, EACH).replace("FIT", fit), train=train)
    print(_rows(result, "near"))
    print("\n".join(note for note in result.notes if "violate it" in note))


EACH = "s.t. near: forall (x, y) in train: ce(f(x), y) <= 0.1\n"


def _with(text: str, requirement: str) -> str:
    return text.replace("FIT", f"{requirement}FIT")


def _step(text: str, train: tuple[Tensor, Tensor]) -> float:
    clock = Clock()
    fit = f"fit(steps={2 * TIMED}, optimizer=adam(lr=0.001), batch_size=128)"
    cspec.run(text.replace("FIT", fit), train=train, progress=clock)
    return clock.milliseconds()


def _rows(result: Any, name: str) -> str:
    """Value, bound and multipliers of what is asked of each."""
    c = result[name]
    hardest = ", ".join(f"{row} ({price:.3g})" for row, price in c.hardest[:3])
    met = "met" if c.satisfied else "NOT MET"
    return f"{name}: {c.value:.4g} for {c.bound:.4g}, {met}; the hardest rows {hardest}"


def robust(folder: Path, _: int) -> None:
    """The loss in a ball, and what an attack of another hand finds."""
    found = load_digits()
    small = (found.data.astype("float32") / 16, found.target)
    for name, train, radius, bound, epochs in (
        ("digits", small, 8 / 255, 0.02, 20),
        ("MNIST", images(folder, "train", "mlp"), 0.1, 0.6, 10),
    ):
        ball = f"ball(x, {radius!r}, norm=inf)"
        began = time.process_time()
        result = cspec.run(
            f"data train(x, y)\n{NET}s.t. safe: E[max(ce(f(z), y) for z in {ball})] <= {bound}\n"
            f"metric accuracy = P[pred == y]\nfit(epochs={epochs}, batch_size=128)\n",
            train=train,
        )
        taken = time.process_time() - began
        x, y = (torch.as_tensor(column) for column in train)
        found = float(attacked(result.models["f"].eval(), x.float(), y, radius).mean())
        safe = result["safe"]
        print(
            f"{name}: {'met' if safe.satisfied else 'NOT MET'}, measured {safe.value:.4f} for "
            f"{bound}; attacked anew {found:.4f} ({found / bound - 1:+.1%} of the bound); accuracy "
            f"{result.metrics['accuracy']:.4f}; {taken:.0f} CPU s"
        )


def attacked(model: nn.Module, x: Tensor, y: Tensor, radius: float) -> Tensor:
    """The largest loss of each image that projected gradient ascent finds in its box."""
    torch.manual_seed(1)
    worst = torch.full((len(x),), -torch.inf)
    for _ in range(STARTS):
        z = x + (2 * torch.rand_like(x) - 1) * radius
        for step in range(ATTACK_STEPS + 1):
            z = z.detach().requires_grad_()
            loss = nn.functional.cross_entropy(model(z), y, reduction="none")
            worst = torch.maximum(worst, loss.detach())
            (slope,) = torch.autograd.grad(loss.sum(), z)
            length = radius * (0.25 if step < ATTACK_STEPS / 2 else 0.02)
            z = x + (z + length * slope.sign() - x).clamp(-radius, radius)
    return worst


RULE = "s.t. six: forall (x, y) in train: pred(f(x)) == 6 => g(x) > 0\n"
TWO = """data train(x, y, even), test(x, y, even)
model f = mlp(hidden=[128])
model g = mlp(hidden=[128])
minimize ce(f(x), y) + bce(g(x), even)
FITmetric digit = P[pred(f(x)) == y on test]
metric parity = P[pred(g(x)) == even on test]
fit(epochs=4, batch_size=128)
"""


def rule(folder: Path, _: int) -> None:
    """What is told a 6 is told even: with the rule and without it, on training and test images."""
    parts = {"train": images(folder, "train", "mlp"), "test": images(folder, "t10k", "mlp")}
    data = {name: (x, y, (y % 2 == 0).long()) for name, (x, y) in parts.items()}
    for name, text in (("free", ""), ("rule", RULE)):
        result = cspec.run(TWO.replace("FIT", text), **data)
        said = ", ".join(f"{key} {value:.4f}" for key, value in result.metrics.items())
        print(f"{name}: {said}; {_broken(result.models, data)}")
        if text:
            print(_rows(result, "six"))
            print("\n".join(note for note in result.notes if note.startswith("six")))


def _broken(models: dict[str, nn.Module], data: dict[str, tuple[Tensor, ...]]) -> str:
    said = []
    for name, (x, _, _) in data.items():
        with torch.no_grad():
            six = models["f"].eval()(x).argmax(1) == 6
            odd = models["g"].eval()(x).reshape(len(x)) <= 0
        said.append(f"{int((six & odd).sum())} of {int(six.sum())} sixes odd in {name}")
    return ", ".join(said)


if __name__ == "__main__":
    chosen = {"each": each, "robust": robust, "rule": rule}[sys.argv[2]]
    chosen(Path(sys.argv[1]), int(sys.argv[3]) if len(sys.argv) > 3 else 5)

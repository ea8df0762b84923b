"""CPU time of a training step with 1, 100 and 1,000 constraints, against the loop by hand.

    OMP_NUM_THREADS=1 python benchmarks/step_cost.py [rounds] [part of a case's name]

Three loops train the same model on the same batches by the same method (dual ascent, multipliers
first): one by hand in plain torch, its constraints as one vector; an own loop with `cspec.bind`;
`cspec.run`, within an epoch: what measures whole data at its end is no part of a step. They take
turns, so that a machine that is busy for a while is busy for all. Printed: the median of the step
by hand, and of each round's ratio to it, with the quartiles behind.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

import cspec

BATCH, STEPS = 128, 200
GROUPS = 20
Bound = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Outputs, values and groups of a batch -> all constraints, each <= 0."""


class Case(NamedTuple):
    """A spec, and its constraints by hand."""

    constraints: str
    g: Bound
    count: int
    hidden: tuple[int, ...] = ()
    inputs: int = 2


def lines(count: int) -> Case:
    """`c7: E[f(x)[1]*a] <= 0.57`, so many times with another number."""
    bounds = [0.5 + 0.01 * i for i in range(count)]
    text = "; ".join(f"c{i}: E[f(x)[1]*a] <= {b!r}" for i, b in enumerate(bounds))
    held = torch.tensor(bounds)
    return Case(text, lambda z, a, q: (z[:, 1] * a).mean() - held, count)


def members(count: int) -> Case:
    """`forall k in range(n)`: the number stands within the mean."""
    text = f"forall k in range({count}): E[abs(f(x)[1] - 0.01*k)] <= 3 + 0.02*k"
    places = torch.arange(count)
    held = 3 + 0.02 * places

    def g(z: Tensor, a: Tensor, q: Tensor) -> Tensor:
        return (z[:, 1] - 0.01 * places.unsqueeze(1)).abs().mean(1) - held

    return Case(text, g, count)


def groups() -> Case:
    """A rate in each of 20 groups, by its mean score."""

    def g(z: Tensor, a: Tensor, q: Tensor) -> Tensor:
        ones = torch.stack([z[:, 1], torch.ones_like(z[:, 1])])
        sums, counts = z.new_zeros(2, GROUPS).index_add(1, q, ones)
        return 0.1 - sums / counts

    return Case("forall k in values(q): E[f(x)[1] | q == k] >= 0.1", g, GROUPS)


def wide(case: Case) -> Case:
    """The same of a network 784-300-100-10."""
    return case._replace(hidden=(300, 100), inputs=784)


CASES = {
    "linear, 1 line": lines(1),
    "linear, 100 lines": lines(100),
    "linear, 1,000 lines": lines(1000),
    "linear, 100 members": members(100),
    "linear, 1,000 members": members(1000),
    "linear, 20 groups": groups(),
    "mlp, 1 line": wide(lines(1)),
    "mlp, 100 lines": wide(lines(100)),
    "mlp, 100 members": wide(members(100)),
    "mlp, 20 groups": wide(groups()),
}


def data_of(case: Case, steps: int) -> dict[str, Tensor]:
    """Random examples, an epoch of so many steps."""
    draw = torch.Generator().manual_seed(0)
    rows = steps * BATCH
    x = torch.randn(rows, case.inputs, generator=draw)
    y = (x[:, 0] + 0.5 * torch.randn(rows, generator=draw) > 0).long()
    q = torch.randint(GROUPS, (rows,), generator=draw)
    return {"x": x, "y": y, "a": torch.randn(rows, generator=draw), "q": q}


def model_of(case: Case) -> nn.Module:
    """A network of linear layers; of none hidden a linear model."""
    torch.manual_seed(0)
    sizes = (case.inputs, *case.hidden, 10 if case.hidden else 2)
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def spec_of(case: Case, epochs: int = 2) -> str:
    """The spec of a case."""
    return (
        f"data train(x, y, a, q)\nmodel f\nminimize ce\ns.t. {case.constraints}\n"
        "using lagrangian(dual=sgd(lr=0.01))\n"
        f"fit(optimizer=sgd(lr=0.01), batch_size={BATCH}, epochs={epochs})\n"
    )


def by_hand(case: Case, data: dict[str, Tensor], steps: int) -> float:
    """Seconds a step of the loop by hand."""
    model = model_of(case)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    multipliers = torch.zeros(case.count)
    order = torch.randperm(len(data["x"]))
    started = time.process_time()
    for step in range(steps):
        rows = order[step * BATCH : (step + 1) * BATCH]
        x, y, a, q = (data[name][rows] for name in "xyaq")
        z = model(x)
        f = nn.functional.cross_entropy(z, y)
        g = case.g(z, a, q)
        multipliers = torch.relu(multipliers + 0.01 * g.detach())
        loss = f + (multipliers * g).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (time.process_time() - started) / steps


def own_loop(case: Case, data: dict[str, Tensor], steps: int) -> float:
    """Seconds a step of an own loop."""
    model = model_of(case)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    handle = cspec.bind(spec_of(case), f=model, optimizer=optimizer, train=data)
    order = torch.randperm(len(data["x"]))
    started = time.process_time()
    for step in range(steps):
        rows = order[step * BATCH : (step + 1) * BATCH]
        x, y, a, q = (data[name][rows] for name in "xyaq")
        loss = handle.loss(x=x, y=y, a=a, q=q)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (time.process_time() - started) / steps


def run(case: Case, data: dict[str, Tensor], steps: int) -> float:
    """Seconds a step of `cspec.run`: between the forward passes of its steps."""
    model = model_of(case)
    begun: list[float] = []

    def note(module: nn.Module, *_: object) -> None:
        if module.training:
            begun.append(time.process_time())

    model.register_forward_pre_hook(note)
    cspec.run(spec_of(case, 1), f=model, train=data)
    return (begun[-1] - begun[-steps]) / (steps - 1)


def quartiles(values: list[float]) -> str:
    """The median, with the quartiles behind."""
    if len(values) < 2:
        return f"{values[0]:6.2f}              "
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:6.2f} ({low:5.2f} {high:5.2f})"


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    asked = sys.argv[2] if len(sys.argv) > 2 else ""
    print(f"{'case':24} {'by hand, us':>12} {'own loop':>20} {'run':>20}")
    for name, case in CASES.items():
        if asked not in name:
            continue
        steps = STEPS // 4 if case.hidden else STEPS
        data = data_of(case, steps)
        found: list[tuple[float, float, float]] = []
        for _ in range(rounds + 1):
            hand = by_hand(case, data, steps)
            found.append((hand, own_loop(case, data, steps), run(case, data, steps)))
        found = found[1:]  # without what is done once in a process
        own = [b / a for a, b, _ in found]
        ran = [c / a for a, _, c in found]
        middle = 1e6 * statistics.median(a for a, _, _ in found)
        print(f"{name:24} {middle:12.0f} {quartiles(own):>20} {quartiles(ran):>20}", flush=True)


if __name__ == "__main__":
    main()

"""Burgers' equation: requirements on the walls and the start beside losses with fixed weights.

    u_t + u u_x = 0.01/pi u_xx on (0, 1) x (-1, 1),   u(0, x) = -sin(pi x),   u(t, -1) = u(t, 1) = 0

    python benchmarks/burgers.py burgers_shock.mat [--steps 3000] [--weights 10] [--seed 0]

One run of the spec, every default as it is, against a plain loop over

    mean r^2 + w (mean of the squared start + mean of the squared walls)

for w on a logarithmic grid from 0.01 to 1000, with the same network, optimizer, rate, points a step
and steps. What is told is the relative L2 error on the reference solution of the file
(`usol`, `x`, `t`: Raissi, Perdikaris, Karniadakis 2019, "Physics-informed neural networks").
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torch
from scipy.io import loadmat
from torch import Tensor, nn

import cspec
from cspec.runtime.models.builders import build

SPEC = """
param nu = 0.01/pi
domain q(t, x) = box([0, 1], [-1, 1])
model u(t, x) = mlp(hidden=[20, 20, 20, 20], act=tanh)

minimize E[(diff(u, t) + u*diff(u, x) - nu*diff(u, x, x))^2 for (t, x) in q.sample(1000)]
s.t. start: forall x in uniform(-1, 1).sample(100): u(0, x) == -sin(pi*x) within 1e-2
     left:  forall t in uniform(0, 1).sample(50): u(t, -1) == 0 within 1e-2
     right: forall t in uniform(0, 1).sample(50): u(t, 1) == 0 within 1e-2
fit(optimizer=adam(lr=2e-3), steps={steps}, seed={seed})
"""
NU = 0.01 / math.pi


def reference(path: Path) -> tuple[Tensor, Tensor, Tensor]:
    """t, x and u of every point of the reference solution, in one row each."""
    held = loadmat(str(path))
    t, x = (torch.tensor(held[name].ravel(), dtype=torch.float32) for name in ("t", "x"))
    u_TX = torch.tensor(held["usol"].T.copy(), dtype=torch.float32)
    t_TX, x_TX = torch.meshgrid(t, x, indexing="ij")
    return t_TX.reshape(-1), x_TX.reshape(-1), u_TX.reshape(-1)


def error(net: nn.Module, found: tuple[Tensor, Tensor, Tensor]) -> float:
    """||u - reference|| / ||reference|| over all points."""
    t, x, u = found
    with torch.no_grad():
        return float((net(t, x) - u).norm() / u.norm())


def residual(net: nn.Module, t: Tensor, x: Tensor) -> Tensor:
    """u_t + u u_x - nu u_xx."""
    t, x = t.requires_grad_(), x.requires_grad_()
    u = net(t, x)
    u_t, u_x = torch.autograd.grad(u.sum(), (t, x), create_graph=True)
    (u_xx,) = torch.autograd.grad(u_x.sum(), x, create_graph=True)
    return u_t + u * u_x - NU * u_xx


def fixed(weight: float, steps: int, seed: int) -> nn.Module:
    """The network that a loss with a fixed weight gives, its rate falling at the end."""
    torch.manual_seed(seed)
    net = build("mlp", inputs=(2,), outputs=1, hidden=[20, 20, 20, 20], act="tanh")
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    x0, tb = torch.linspace(-1, 1, 100), torch.linspace(0, 1, 50)
    late = lambda s: 1.0 if s < 0.7 else 0.5 * (1 + math.cos(math.pi * (s - 0.7) / 0.3))  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: late(k / steps))
    for _ in range(steps):
        r = residual(net, torch.rand(1000), 2 * torch.rand(1000) - 1)
        start = net(torch.zeros(100), x0) + torch.sin(math.pi * x0)
        walls = torch.cat([net(tb, -torch.ones(50)), net(tb, torch.ones(50))])
        loss = r.square().mean() + weight * (start.square().mean() + walls.square().mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return net


def main() -> None:
    """Both, and a line for each."""
    parser = argparse.ArgumentParser(description="Burgers' equation")
    parser.add_argument("file", type=Path)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--weights", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    found = reference(asked.file)
    began = time.perf_counter()
    result = cspec.run(SPEC.replace("{steps}", str(asked.steps)).replace("{seed}", str(asked.seed)))
    took = time.perf_counter() - began
    print(f"requirements: error {error(result.models['u'], found):.4f}, {took:.0f} s", flush=True)
    for c in result.constraints:
        print(f"  {c.name}: off by {c.violation:.4f}, multiplier {c.multiplier}", flush=True)
    for weight in torch.logspace(-2, 3, asked.weights).tolist():
        net = fixed(weight, asked.steps, asked.seed)
        print(f"weight {weight:9.4g}: error {error(net, found):.4f}", flush=True)


if __name__ == "__main__":
    main()

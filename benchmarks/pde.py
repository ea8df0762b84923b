"""Equations with walls and a start: as requirements, beside losses with fixed weights.

    burgers      u_t + u u_x = 0.01/pi u_xx       u(0, x) = -sin(pi x)       u(t, -1) = u(t, 1) = 0
    allen_cahn   u_t = 1e-4 u_xx - 5 (u^3 - u)    u(0, x) = x^2 cos(pi x)    u(t, -1) = u(t, 1)

on (0, 1) x (-1, 1). What is wrong early in the second grows by exp(5 t), so the times at which its
residual is averaged go from t <= 0.1 to all of them over two thirds of the steps, and networks see
cos(pi x) and sin(pi x), for all alike; the spec writes its start and walls into its function:

    python benchmarks/pde.py burgers burgers_shock.mat [--steps 3000] [--weights 10] [--seed 0]
    python benchmarks/pde.py allen_cahn AC.mat

One run of the spec, every default as it is, against a plain loop over

    mean r^2 + w (mean of the squared start + mean of the squared walls)

for w on a logarithmic grid from 0.01 to 1000, with the same network, optimizer, rate, points a step
and steps. What is told is the relative L2 error on the reference solution of the file (Raissi,
Perdikaris, Karniadakis 2019, "Physics-informed neural networks").
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from scipy.io import loadmat
from torch import Tensor

import cspec
from cspec.runtime.models.builders import build

HEAD = "domain q(t, x) = box([0, 1], [-1, 1])\n"
FIT = "fit(optimizer=adam(lr=2e-3), steps={steps}, seed={seed})\n"
NU = 0.01 / math.pi
Function = Callable[..., Tensor]


class Equation(NamedTuple):
    """One of them: as a spec, as plain functions, and where its reference solution lies."""

    spec: str
    names: tuple[str, str, str]
    """Of t, x and u (x by t) in the file."""
    residual: Function
    """r of t, x, u and its derivatives u_t, u_x, u_xx."""
    start: Function
    """u at t = 0, by x."""
    walls: Function
    """What is to be 0 at the walls: of u and u_x at x = -1, then at x = 1."""
    begin: float = 1.0
    """Up to which t the residual is averaged at first."""
    hidden: tuple[int, ...] = (20, 20, 20, 20)
    features: Function = lambda t, x: (t, x)
    """What the network is given, of either way."""
    exact: Function = lambda u, t, x: u
    """The solution of the spec, by what its network gives."""


BURGERS = Equation(
    f"""param nu = 0.01/pi
{HEAD}model u(t, x) = mlp(hidden=[20, 20, 20, 20], act=tanh)
minimize E[(diff(u, t) + u*diff(u, x) - nu*diff(u, x, x))^2 for (t, x) in q.sample(1000)]
s.t. start: forall x in uniform(-1, 1).sample(100): u(0, x) == -sin(pi*x) within 1e-2
     left:  forall t in uniform(0, 1).sample(50): u(t, -1) == 0 within 1e-2
     right: forall t in uniform(0, 1).sample(50): u(t, 1) == 0 within 1e-2
{FIT}""",
    ("t", "x", "usol"),
    lambda t, x, u, u_t, u_x, u_xx: u_t + u * u_x - NU * u_xx,
    lambda x: -torch.sin(math.pi * x),
    lambda u_l, s_l, u_r, s_r: (u_l, u_r),
)
ALLEN_CAHN = Equation(
    f"""{HEAD}model u(t, c, s) = mlp(hidden=[40, 40, 40], act=tanh)
let v(t, x) = x^2*cos(pi*x) + t*u(t, cos(pi*x), sin(pi*x))
let r(t, x) = diff(v(t, x), t) - 1e-4*diff(v(t, x), x, x) + 5*v(t, x)^3 - 5*v(t, x)
minimize E[r(t, x)^2 | t <= ramp(0.1, 1, steps={{early}}) for (t, x) in q.sample(1000)]
s.t. start: forall x in uniform(-1, 1).sample(100): v(0, x) == x^2*cos(pi*x) within 1e-2
     wall:  forall t in uniform(0, 1).sample(50): v(t, -1) == v(t, 1) within 1e-2
{FIT}""",
    ("tt", "x", "uu"),
    lambda t, x, u, u_t, u_x, u_xx: u_t - 1e-4 * u_xx + 5 * u**3 - 5 * u,
    lambda x: x**2 * torch.cos(math.pi * x),
    lambda u_l, s_l, u_r, s_r: (u_l - u_r,),
    begin=0.1,
    hidden=(40, 40, 40),
    features=lambda t, x: (t, torch.cos(math.pi * x), torch.sin(math.pi * x)),
    exact=lambda u, t, x: x**2 * torch.cos(math.pi * x) + t * u,
)
EQUATIONS = {"burgers": BURGERS, "allen_cahn": ALLEN_CAHN}


def reference(path: Path, names: tuple[str, str, str]) -> tuple[Tensor, Tensor, Tensor]:
    """t, x and u of every point of the reference solution, in one row each."""
    held = loadmat(str(path))
    t, x = (torch.tensor(held[name].ravel(), dtype=torch.float32) for name in names[:2])
    u_TX = torch.tensor(held[names[2]].T.copy(), dtype=torch.float32)
    t_TX, x_TX = torch.meshgrid(t, x, indexing="ij")
    return t_TX.reshape(-1), x_TX.reshape(-1), u_TX.reshape(-1)


def error(solution: Function, found: tuple[Tensor, Tensor, Tensor]) -> float:
    """||u - reference|| / ||reference|| over all points."""
    t, x, u = found
    with torch.no_grad():
        return float((solution(t, x) - u).norm() / u.norm())


def residual(net: Function, t: Tensor, x: Tensor, equation: Equation) -> Tensor:
    """What the equation leaves at points."""
    t, x = t.requires_grad_(), x.requires_grad_()
    u = net(t, x)
    u_t, u_x = torch.autograd.grad(u.sum(), (t, x), create_graph=True)
    (u_xx,) = torch.autograd.grad(u_x.sum(), x, create_graph=True)
    return equation.residual(t, x, u, u_t, u_x, u_xx)


def at_wall(net: Function, t: Tensor, x: float) -> tuple[Tensor, Tensor]:
    """u and u_x at a wall."""
    place = torch.full_like(t, x).requires_grad_()
    u = net(t, place)
    (u_x,) = torch.autograd.grad(u.sum(), place, create_graph=True)
    return u, u_x


def early(steps: int) -> int:
    """Over how many steps the times of an equation are widened."""
    return 2 * steps // 3


def fixed(equation: Equation, weight: float, steps: int, seed: int) -> Function:
    """The solution that a loss with a fixed weight gives, its rate falling at the end."""
    torch.manual_seed(seed)
    inputs = len(equation.features(torch.zeros(1), torch.zeros(1)))
    made = build("mlp", inputs=(inputs,), outputs=1, hidden=[*equation.hidden], act="tanh")
    optimizer = torch.optim.Adam(made.parameters(), lr=2e-3)

    def net(t: Tensor, x: Tensor) -> Tensor:
        return torch.as_tensor(made(*equation.features(t, x)))

    x0, tb = torch.linspace(-1, 1, 100), torch.linspace(0, 1, 50)
    late = lambda s: 1.0 if s < 0.7 else 0.5 * (1 + math.cos(math.pi * (s - 0.7) / 0.3))  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: late(k / steps))
    for step in range(steps):
        until = equation.begin + (1 - equation.begin) * min(1.0, step / early(steps))
        t, x = torch.rand(1000), 2 * torch.rand(1000) - 1
        r = residual(net, t[t <= until], x[t <= until], equation)
        start = net(torch.zeros(100), x0) - equation.start(x0)
        walls = torch.cat(equation.walls(*at_wall(net, tb, -1.0), *at_wall(net, tb, 1.0)))
        loss = r.square().mean() + weight * (start.square().mean() + walls.square().mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return net


def main() -> None:
    """Both, and a line for each."""
    parser = argparse.ArgumentParser(description="equations with walls and a start")
    parser.add_argument("equation", choices=EQUATIONS)
    parser.add_argument("file", type=Path)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--weights", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    equation = EQUATIONS[asked.equation]
    found = reference(asked.file, equation.names)
    began = time.perf_counter()
    values = {"steps": asked.steps, "seed": asked.seed, "early": early(asked.steps)}
    text = equation.spec
    for name, number in values.items():
        text = text.replace(f"{{{name}}}", str(number))
    result = cspec.run(text)
    took = time.perf_counter() - began
    net = result.models["u"]

    def solution(t: Tensor, x: Tensor) -> Tensor:
        return torch.as_tensor(equation.exact(net(*equation.features(t, x)), t, x))

    print(f"requirements: error {error(solution, found):.4f}, {took:.0f} s", flush=True)
    for c in result.constraints:
        print(f"  {c.name}: off by {c.violation:.4f}, multiplier {c.multiplier}", flush=True)
    for weight in torch.logspace(-2, 3, asked.weights).tolist():
        other = fixed(equation, weight, asked.steps, asked.seed)
        print(f"weight {weight:9.4g}: error {error(other, found):.4f}", flush=True)


if __name__ == "__main__":
    main()

"""Pieces of ADMM that emitted loops are written in.

ADMM splits min f(x) s.t. x in S into min f(x) + r(z) s.t. x = z, with r the indicator of S, in
scaled form u = y / rho (Boyd et al. 2011, section 3.1.1):

    x <- argmin f(x) + rho/2 ||x - z + u||^2      some optimizer steps
    z <- P_S(a x + (1 - a) z + u)                 a: over-relaxation
    u <- u + a x + (1 - a) z_before - z           no factor rho (SAL's eq. 12 has one: a misprint)

Linearized (Ouyang et al. 2013; SAL's eq. 14), one gradient a step and no optimizer:

    x <- (x / eta + rho (z - u) - grad f) / (1 / eta + rho)      eta = lr / sqrt(1 + k / 200)

z is what is measured and delivered: it is feasible, x only nearly. Several sets on one parameter
have a copy each (consensus over constraints). For sets that are not convex ADMM is a heuristic: a
support that did not change in two rounds is frozen, u starts anew where it outgrows x, and the copy
that x came nearest to is kept; on convex sets nothing of that is done, as it would stop short.
`benchmarks/pruning.py` (digits, 300-100 network, 60 epochs, 3 seeds; dense 98.8%): at density 10%
ADMM loses 0.9 points and projection along a ramp 0.4, at 3% 3.5 and 2.1; with rho held at 1e-3
(`balance=false`, `benchmarks/compare/pruning5.cspec`) ADMM loses 10.9 at 5%. State entries are
named `<name>.z.<i>`, `<name>.u.<i>`, `<name>.rho`, ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cspec.runtime.operators import Operator, Sparse
from cspec.runtime.steps.feasible_copies import Split, State
from cspec.runtime.steps.projection import copies, length, meet, project_, project_all

if TYPE_CHECKING:
    from cspec.runtime.session.session import Session

UNCHANGED = 2
"""Rounds with the same support after which it is frozen."""
BLOWN_UP = 10.0
"""||u|| / ||x|| at which u starts anew."""
APART = 1e-2
"""||x - z|| / ||x|| beyond which the two have not met."""
DECAY = 200
"""Steps after which the linearized step size has fallen by a factor of sqrt(2)."""


def split_reset(
    name: str, operator: Operator, tensors: Sequence[Tensor], state: State, *, rho: float
) -> None:
    """Start the split from where x is now: z = P_S(x), u = 0."""
    state[f"{name}.rho"] = torch.full((1,), rho, dtype=tensors[0].dtype, device=tensors[0].device)
    copies = project_all(operator, [tensor.detach() for tensor in tensors])
    for index, z in enumerate(copies):
        state[f"{name}.z.{index}"] = z.clone()
        state[f"{name}.u.{index}"] = torch.zeros_like(z)
        state[f"{name}.best.{index}"] = z.clone()
    for counter, value in (("rounds", 0.0), ("unchanged", 0.0), ("nearest", float("inf"))):
        state[f"{name}.{counter}"] = torch.full_like(state[f"{name}.rho"], value)
    state[f"{name}.begun"] = torch.ones_like(state[f"{name}.rho"])


def attraction(name: str, tensors: Sequence[Tensor], state: State) -> Tensor:
    """rho/2 sum ||x - z + u||^2, what pulls x toward its feasible copy."""
    squares = [
        (tensor - state[f"{name}.z.{index}"] + state[f"{name}.u.{index}"]).square().sum()
        for index, tensor in enumerate(tensors)
    ]
    return (state[f"{name}.rho"] / 2 * torch.stack(squares).sum()).squeeze(0)


@torch.no_grad()
def linearized_step(
    names: Sequence[str],
    tensors: Sequence[Tensor],
    state: State,
    optimizer: Any,
    steps: int,
) -> None:
    """x <- (x / eta + sum rho (z - u) - grad f) / (1 / eta + sum rho), in place of the optimizer's.

    `names` are the splits that share these tensors. The gradient is taken away afterwards, so the
    optimizer leaves these parameters alone.
    """
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    for index, tensor in enumerate(tensors):
        gradient = tensor.grad
        if gradient is None or not bool(torch.isfinite(gradient).all()):
            continue
        eta = rates[id(tensor)] / (1 + steps / DECAY) ** 0.5
        pull = tensor / eta - gradient
        weight = torch.full((1,), 1 / eta, dtype=tensor.dtype, device=tensor.device)
        for name in names:
            rho = state[f"{name}.rho"]
            pull = pull + rho * (state[f"{name}.z.{index}"] - state[f"{name}.u.{index}"])
            weight = weight + rho
        tensor.copy_(pull / weight)
        tensor.grad = None


@torch.no_grad()
def split_step(
    name: str,
    operator: Operator,
    tensors: Sequence[Tensor],
    state: State,
    *,
    relaxation: float = 1.0,
    balance: bool = True,
    growth: float = 1.0,
    grow_every: int = 3,
    max_rho: float = 1.0,
) -> None:
    """The z- and u-updates, then rho: balanced by the residuals, and grown by `growth`.

    Balancing (Boyd et al. 2011, section 3.4.1): rho doubles where the primal residual ||x - z||
    is ten times the dual residual rho ||z - z_before||, halves in the opposite case; u = y / rho
    is rescaled with it. Growth multiplies rho every `grow_every` rounds.
    """
    rho, rounds = state[f"{name}.rho"], state[f"{name}.rounds"] + 1
    x = [tensor.detach() for tensor in tensors]
    z = [state[f"{name}.z.{index}"] for index in range(len(x))]
    u = [state[f"{name}.u.{index}"] for index in range(len(x))]
    relaxed = [relaxation * a + (1 - relaxation) * b for a, b in zip(x, z, strict=True)]
    new = _copies(name, operator, [a + b for a, b in zip(relaxed, u, strict=True)], state)
    u = [d + a - b for d, a, b in zip(u, relaxed, new, strict=True)]
    primal = length([a - b for a, b in zip(x, new, strict=True)])
    dual = rho * length([a - b for a, b in zip(new, z, strict=True)])
    factor = torch.where(rounds % grow_every == 0, growth, 1.0).to(rho)
    if balance:
        factor = torch.where(primal > 10 * dual, factor * 2, factor)
        # Inside the set the primal residual is 0: nothing is to be balanced, rho would halve to 0.
        apart = primal > torch.finfo(rho.dtype).eps * length(x)
        factor = torch.where(apart & (dual > 10 * primal), factor / 2, factor)
    grown = torch.minimum(rho * factor, torch.maximum(torch.full_like(rho, max_rho), rho))
    if not operator.convex and bool(length(u) > BLOWN_UP * length(x)):
        u = [torch.zeros_like(entry) for entry in u]
    for index, (copy, scaled) in enumerate(zip(new, u, strict=True)):
        state[f"{name}.z.{index}"] = copy
        state[f"{name}.u.{index}"] = scaled * (rho / grown)
    state[f"{name}.rho"], state[f"{name}.rounds"] = grown, rounds
    relative = primal / length(x).clamp(min=1e-12)
    if not operator.convex and bool(relative <= state[f"{name}.nearest"]):
        state[f"{name}.nearest"] = relative.reshape(1)
        for index, copy in enumerate(new):
            state[f"{name}.best.{index}"] = copy.clone()
    state[f"{name}.residual"] = relative.reshape(1)


def _copies(name: str, operator: Operator, shifted: Sequence[Tensor], state: State) -> list[Tensor]:
    """P_S(x + u); of a count whose support stood still, x + u on that support."""
    held = [state[f"{name}.z.{index}"] != 0 for index in range(len(shifted))]
    if not isinstance(operator, Sparse):
        return project_all(operator, shifted)
    if bool(state[f"{name}.unchanged"] >= UNCHANGED):
        return [x * mask for x, mask in zip(shifted, held, strict=True)]
    new = project_all(operator, shifted)
    same = all(bool(((a != 0) == mask).all()) for a, mask in zip(new, held, strict=True))
    count = state[f"{name}.unchanged"]
    state[f"{name}.unchanged"] = count + 1 if same else torch.zeros_like(count)
    return new


@torch.no_grad()
def deliver(splits: Sequence[Split], state: State) -> None:
    """x <- P_S(x + u): the feasible copy takes the model's place.

    Of a set that is not convex, where x once was twice as near to a copy as it is now, that copy.
    Several sets on the same parameters are projected onto in turn until all hold.
    """
    held = [(operator, tensors) for _, operator, tensors in splits]
    starts = copies(held)
    for name, operator, tensors in splits:
        if f"{name}.begun" not in state:
            project_(operator, tensors)
            continue
        shifted = [x.detach() + state[f"{name}.u.{i}"] for i, x in enumerate(tensors)]
        new = _copies(name, operator, shifted, state)
        now = length([x.detach() - z for x, z in zip(tensors, new, strict=True)])
        size = length([x.detach() for x in tensors])
        if not operator.convex and bool(2 * state[f"{name}.nearest"] * size < now):
            new = [state[f"{name}.best.{index}"] for index in range(len(tensors))]
        for tensor, z in zip(tensors, new, strict=True):
            tensor.copy_(z)
    if len(held) > 1:
        meet(held, starts)
    for name, _, tensors in splits:
        for index, tensor in enumerate(tensors):
            state[f"{name}.z.{index}"] = tensor.detach().clone()
        state[f"{name}.delivered"] = torch.ones(1, dtype=tensors[0].dtype, device=tensors[0].device)


@torch.no_grad()
def stay(splits: Sequence[Split], state: State, optimizer: object | None = None) -> None:
    """Fine-tuning after delivery: keep the support of a count, else project onto the set."""
    held = [(operator, tensors) for _, operator, tensors in splits]
    starts = copies(held)
    for name, operator, tensors in splits:
        if not isinstance(operator, Sparse):
            project_(operator, tensors, optimizer)
            continue
        for index, tensor in enumerate(tensors):
            tensor.mul_(state[f"{name}.z.{index}"] != 0)
    if len(held) > 1:
        meet(held, starts)


def report_split(session: Session, name: str) -> None:
    """Say how near x came to its feasible copy before the copy was delivered."""
    residual = session.state.get(f"{name}.residual")
    if residual is not None:
        session.details[name] = {"relative residual": float(residual)}
        session.notes.append(
            f"{name}: ||x - z|| / ||x|| = {float(residual):.2g} after "
            f"{int(session.state[f'{name}.rounds'])} rounds of ADMM, rho = "
            f"{float(session.state[f'{name}.rho']):.2g}; {_delivered(float(residual))}"
        )


def _delivered(residual: float) -> str:
    """What was delivered, and whether it is where x is."""
    if residual <= APART:
        return "the feasible copy z is what was measured and delivered"
    return (
        "the feasible copy z is what was measured and delivered, but x had not come to it: it is "
        "feasible and need not be optimal; train longer, or give a larger `rho`"
    )

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

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cspec.runtime.operators import Sparse
from cspec.runtime.session.session import Session
from cspec.runtime.steps.feasible_copies import Split
from cspec.runtime.steps.projection import copies, length, meet, project_, project_all

UNCHANGED = 2
"""Rounds with the same support after which it is frozen."""
BLOWN_UP = 10.0
"""||u|| / ||x|| at which u starts anew."""
APART = 1e-2
"""||x - z|| / ||x|| beyond which the two have not met."""
DECAY = 200
"""Steps after which the linearized step size has fallen by a factor of sqrt(2)."""


def begin(split: Split, *, rho: float) -> None:
    """Start from where x is now: z = P_S(x), u = 0."""
    z = project_all(split.onto, [tensor.detach() for tensor in split.x])
    split["rho"] = torch.full((1,), rho, dtype=split.x[0].dtype, device=split.x[0].device)
    split.hold("z", [copy.clone() for copy in z])
    split.hold("u", [torch.zeros_like(copy) for copy in z])
    split.hold("best", [copy.clone() for copy in z])
    for counter, value in (("rounds", 0.0), ("unchanged", 0.0), ("nearest", float("inf"))):
        split[counter] = torch.full_like(split["rho"], value)
    split["begun"] = torch.ones_like(split["rho"])


def attraction(split: Split) -> Tensor:
    """rho/2 sum ||x - z + u||^2, what pulls x toward its feasible copy."""
    places = zip(split.x, split.held("z"), split.held("u"), strict=True)
    squares = [(x - z + u).square().sum() for x, z, u in places]
    return (split["rho"] / 2 * torch.stack(squares).sum()).squeeze(0)


@torch.no_grad()
def linearized_step(*splits: Split, optimizer: Any, steps: int) -> None:
    """x <- (x / eta + sum rho (z - u) - grad f) / (1 / eta + sum rho), in place of the optimizer's.

    The splits share their parameters. The gradient is taken away afterwards, so the optimizer
    leaves these parameters alone.
    """
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    for index, tensor in enumerate(splits[0].x):
        gradient = tensor.grad
        if gradient is None or not bool(torch.isfinite(gradient).all()):
            continue
        eta = rates[id(tensor)] / (1 + steps / DECAY) ** 0.5
        pull = tensor / eta - gradient
        weight = torch.full((1,), 1 / eta, dtype=tensor.dtype, device=tensor.device)
        for split in splits:
            pull = pull + split["rho"] * (split.held("z")[index] - split.held("u")[index])
            weight = weight + split["rho"]
        tensor.copy_(pull / weight)
        tensor.grad = None


@torch.no_grad()
def split_round(
    split: Split,
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
    rho, rounds = split["rho"], split["rounds"] + 1
    x = [tensor.detach() for tensor in split.x]
    z, u = split.held("z"), split.held("u")
    relaxed = [relaxation * a + (1 - relaxation) * b for a, b in zip(x, z, strict=True)]
    new = _copies(split, [a + b for a, b in zip(relaxed, u, strict=True)])
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
    if not split.onto.convex and bool(length(u) > BLOWN_UP * length(x)):
        u = [torch.zeros_like(entry) for entry in u]
    split.hold("z", new)
    split.hold("u", [scaled * (rho / grown) for scaled in u])
    split["rho"], split["rounds"] = grown, rounds
    _note_nearest(split, primal / length(x).clamp(min=1e-12), new)


def _note_nearest(split: Split, residual: Tensor, new: Sequence[Tensor]) -> None:
    """Keep the relative residual, and of a set that is not convex the copy x came nearest to."""
    if not split.onto.convex and bool(residual <= split["nearest"]):
        split["nearest"] = residual.reshape(1)
        split.hold("best", [copy.clone() for copy in new])
    split["residual"] = residual.reshape(1)


def _copies(split: Split, shifted: Sequence[Tensor]) -> list[Tensor]:
    """P_S(x + u); of a count whose support stood still, x + u on that support."""
    held = [z != 0 for z in split.held("z")]
    if not isinstance(split.onto, Sparse):
        return project_all(split.onto, shifted)
    if bool(split["unchanged"] >= UNCHANGED):
        return [x * mask for x, mask in zip(shifted, held, strict=True)]
    new = project_all(split.onto, shifted)
    same = all(bool(((a != 0) == mask).all()) for a, mask in zip(new, held, strict=True))
    count = split["unchanged"]
    split["unchanged"] = count + 1 if same else torch.zeros_like(count)
    return new


@torch.no_grad()
def deliver(*splits: Split) -> None:
    """x <- P_S(x + u): the feasible copy takes the model's place.

    Of a set that is not convex, where x once was twice as near to a copy as it is now, that copy.
    Several sets on the same parameters are projected onto in turn until all hold.
    """
    held = [(split.onto, split.x) for split in splits]
    starts = copies(held)
    for split in splits:
        _take_copy(split)
    if len(held) > 1:
        meet(held, starts)
    for split in splits:
        split.hold("z", [tensor.detach().clone() for tensor in split.x])
        first = split.x[0]
        split["delivered"] = torch.ones(1, dtype=first.dtype, device=first.device)


def _take_copy(split: Split) -> None:
    """x <- its copy; of a split that never began the projection of x."""
    if not split.begun:
        project_(split.onto, split.x)
        return
    u = split.held("u")
    new = _copies(split, [x.detach() + dual for x, dual in zip(split.x, u, strict=True)])
    now = length([x.detach() - z for x, z in zip(split.x, new, strict=True)])
    size = length([x.detach() for x in split.x])
    if not split.onto.convex and bool(2 * split["nearest"] * size < now):
        new = split.held("best")
    for tensor, z in zip(split.x, new, strict=True):
        tensor.copy_(z)


@torch.no_grad()
def stay(*splits: Split, optimizer: object | None = None) -> None:
    """Fine-tuning after delivery: keep the support of a count, else project onto the set."""
    held = [(split.onto, split.x) for split in splits]
    starts = copies(held)
    for split in splits:
        if not isinstance(split.onto, Sparse):
            project_(split.onto, split.x, optimizer)
            continue
        for tensor, z in zip(split.x, split.held("z"), strict=True):
            tensor.mul_(z != 0)
    if len(held) > 1:
        meet(held, starts)


def report_split(session: Session, split: Split) -> None:
    """Say how near x came to its feasible copy before the copy was delivered."""
    name = split.name
    residual = session.state.get(f"{name}.residual")
    if residual is not None:
        session.details[name] = {"relative residual": float(residual)}
        session.notes.append(
            f"{name}: ||x - z|| / ||x|| = {float(residual):.2g} after "
            f"{int(split['rounds'])} rounds of ADMM, rho = "
            f"{float(split['rho']):.2g}; {_delivered(float(residual))}"
        )


def _delivered(residual: float) -> str:
    """What was delivered, and whether it is where x is."""
    if residual <= APART:
        return "the feasible copy z is what was measured and delivered"
    return (
        "the feasible copy z is what was measured and delivered, but x had not come to it: it is "
        "feasible and need not be optimal; train longer, or give a larger `rho`"
    )

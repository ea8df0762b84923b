"""Pieces of ADMM and projection that emitted loops are written in.

ADMM splits min f(x) s.t. x in S into min f(x) + r(z) s.t. x = z, with r the indicator of S, in
scaled form u = y / rho (Boyd et al. 2011, section 3.1.1):

    x <- argmin f(x) + rho/2 ||x - z + u||^2      some optimizer steps
    z <- P_S(a x + (1 - a) z + u)                 a: over-relaxation
    u <- u + a x + (1 - a) z_before - z           no factor rho (SAL's eq. 12 has one: a misprint)

z is what is delivered: it is feasible, x only nearly. State entries are named `<name>.z.<i>`,
`<name>.u.<i>` and `<name>.rho`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cspec.runtime.operators import Operator, Sparse

State = dict[str, Tensor]


def project_all(operator: Operator, tensors: Sequence[Tensor]) -> list[Tensor]:
    """The nearest members: jointly for a global count, else tensor by tensor."""
    if isinstance(operator, Sparse):
        return operator.project_jointly(tensors)
    return [operator.project(tensor) for tensor in tensors]


def project_(
    operator: Operator,
    tensors: Sequence[Tensor],
    optimizer: object | None = None,
) -> None:
    """Replace parameters by the nearest members of the set, in place.

    With an optimizer, its momentum is corrected where the projection acted: it still points out of
    the set there, and would push the next step out again.
    """
    with torch.no_grad():
        before = [tensor.detach().clone() for tensor in tensors]
        after = project_all(operator, before)
        for tensor, old, new in zip(tensors, before, after, strict=True):
            tensor.copy_(new)
            if optimizer is not None:
                correct_momentum(operator, tensor, old, new, optimizer)


def correct_momentum(
    operator: Operator, tensor: Tensor, before: Tensor, after: Tensor, optimizer: object
) -> None:
    """Take the part of an optimizer's momentum out that points out of the set.

    Adam divides its first moment by the root of the second, entry by entry. Only where the set
    acts entry by entry, too, does a corrected first moment still give a sensible step: on the
    Stiefel manifold the second moment keeps the normal part of the gradient, and what is left of
    the first becomes tiny (digits: 61% instead of 94% accuracy).
    """
    state = getattr(optimizer, "state", {}).get(tensor, {})
    names = ("momentum_buffer", "exp_avg") if operator.entrywise else ("momentum_buffer",)
    for name in names:
        momentum = state.get(name)
        if isinstance(momentum, Tensor):
            momentum.copy_(operator.project_momentum(after, before, momentum))


def split_start(name: str, operator: Operator, tensors: Sequence[Tensor], rho: float) -> State:
    """z = P_S(x), u = 0 and rho at the start."""
    state: State = {f"{name}.rho": torch.full((1,), rho)}
    with torch.no_grad():
        copies = project_all(operator, [tensor.detach() for tensor in tensors])
    for index, (z, tensor) in enumerate(zip(copies, tensors, strict=True)):
        state[f"{name}.z.{index}"] = z.clone()
        state[f"{name}.u.{index}"] = torch.zeros_like(tensor)
    return state


def split_reset(name: str, operator: Operator, tensors: Sequence[Tensor], state: State) -> None:
    """Start the split from where x is now: z = P_S(x), u = 0."""
    with torch.no_grad():
        copies = project_all(operator, [tensor.detach() for tensor in tensors])
    for index, z in enumerate(copies):
        state[f"{name}.z.{index}"] = z.clone()
        state[f"{name}.u.{index}"] = torch.zeros_like(z)


def attraction(name: str, tensors: Sequence[Tensor], state: State) -> Tensor:
    """rho/2 sum ||x - z + u||^2, what pulls x toward its feasible copy."""
    squares = [
        (tensor - state[f"{name}.z.{index}"] + state[f"{name}.u.{index}"]).square().sum()
        for index, tensor in enumerate(tensors)
    ]
    return (state[f"{name}.rho"] / 2 * torch.stack(squares).sum()).squeeze(0)


def split_step(
    name: str,
    operator: Operator,
    tensors: Sequence[Tensor],
    state: State,
    *,
    relaxation: float = 1.0,
    balance: bool = True,
    growth: float = 1.0,
    max_rho: float = 1.0,
) -> None:
    """The z- and u-updates, then rho: balanced by the residuals, and grown by `growth`.

    Balancing (Boyd et al. 2011, section 3.4.1): rho doubles where the primal residual ||x - z||
    is ten times the dual residual rho ||z - z_before||, halves in the opposite case; u = y / rho
    is rescaled with it.
    """
    rho = state[f"{name}.rho"]
    with torch.no_grad():
        u = [state[f"{name}.u.{index}"] for index in range(len(tensors))]
        z = [state[f"{name}.z.{index}"] for index in range(len(tensors))]
        relaxed = [
            relaxation * x.detach() + (1 - relaxation) * old
            for x, old in zip(tensors, z, strict=True)
        ]
        new = project_all(operator, [x + dual for x, dual in zip(relaxed, u, strict=True)])
        u = [d + x - n for d, x, n in zip(u, relaxed, new, strict=True)]
        primal = _length([x.detach() - n for x, n in zip(tensors, new, strict=True)])
        dual = rho * _length([n - old for n, old in zip(new, z, strict=True)])
        factor = torch.full_like(rho, growth)
        if balance:
            factor = torch.where(primal > 10 * dual, factor * 2, factor)
            factor = torch.where(dual > 10 * primal, factor / 2, factor)
        grown = torch.minimum(rho * factor, torch.full_like(rho, max_rho))
        for index, (copy, scaled) in enumerate(zip(new, u, strict=True)):
            state[f"{name}.z.{index}"] = copy
            state[f"{name}.u.{index}"] = scaled * (rho / grown)
        state[f"{name}.rho"] = grown
        state[f"{name}.primal"] = primal.reshape(1)
        state[f"{name}.dual"] = dual.reshape(1)


def _length(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack([tensor.square().sum() for tensor in tensors]).sum().sqrt()


def deliver(name: str, operator: Operator, tensors: Sequence[Tensor], state: State) -> None:
    """x <- P_S(x + u): the feasible copy takes the model's place."""
    with torch.no_grad():
        shifted = [x.detach() + state[f"{name}.u.{i}"] for i, x in enumerate(tensors)]
        for index, (tensor, z) in enumerate(
            zip(tensors, project_all(operator, shifted), strict=True)
        ):
            tensor.copy_(z)
            state[f"{name}.z.{index}"] = z.clone()


def stay(
    name: str,
    operator: Operator,
    tensors: Sequence[Tensor],
    state: State,
    optimizer: object | None = None,
) -> None:
    """Fine-tuning after delivery: keep the support of a count, else project onto the set."""
    if not isinstance(operator, Sparse):
        project_(operator, tensors, optimizer)
        return
    with torch.no_grad():
        for index, tensor in enumerate(tensors):
            tensor.mul_(state[f"{name}.z.{index}"] != 0)

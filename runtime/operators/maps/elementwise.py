"""Parametrizations of vectors: free tensor -> member, for torch.nn.utils.parametrize."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from cspec.runtime.operators.linear_algebra import as_rows, like, norm

# Softplus and softmax reach the boundary only at infinity, where their gradient is gone: a member
# nearer to the boundary than this is moved inside by so much.
FLOOR = 1e-4


def inverse_softplus(y: Tensor) -> Tensor:
    """log(exp(y) - 1) = y + log(1 - exp(-y)) for y > 0, without overflow."""
    return y + torch.log(-torch.expm1(-y))


class Identity(nn.Module):
    """x -> x, for a set that is the whole space."""

    def forward(self, free: Tensor) -> Tensor:
        return free.clone()

    def right_inverse(self, member: Tensor) -> Tensor:
        return member.clone()


class Softplus(nn.Module):
    """bound + softplus(x), or bound - softplus(x) when not upward."""

    def __init__(self, bound: float | Tensor = 0.0, upward: bool = True) -> None:
        super().__init__()
        self.bound = bound
        self.sign = 1.0 if upward else -1.0

    def forward(self, free: Tensor) -> Tensor:
        return like(self.bound, free) + self.sign * functional.softplus(free)

    def right_inverse(self, member: Tensor) -> Tensor:
        distance = self.sign * (member - like(self.bound, member))
        return inverse_softplus(distance.clamp(min=FLOOR))


class Sigmoid(nn.Module):
    """lo + (hi - lo) sigmoid(x)."""

    def __init__(self, lo: float | Tensor = 0.0, hi: float | Tensor = 1.0) -> None:
        super().__init__()
        self.lo = lo
        self.hi = hi

    def forward(self, free: Tensor) -> Tensor:
        lo, hi = like(self.lo, free), like(self.hi, free)
        return torch.lerp(lo.expand_as(free), hi.expand_as(free), torch.sigmoid(free))

    def right_inverse(self, member: Tensor) -> Tensor:
        lo, hi = like(self.lo, member), like(self.hi, member)
        width = torch.where(hi > lo, hi - lo, torch.ones_like(hi - lo))
        return torch.logit(((member - lo) / width).clamp(FLOOR, 1 - FLOOR))


class Softmax(nn.Module):
    """total * softmax of each row of (outputs, rest)."""

    def __init__(self, total: float = 1.0) -> None:
        super().__init__()
        self.total = total

    def forward(self, free: Tensor) -> Tensor:
        return self.total * torch.softmax(as_rows(free), dim=-1).reshape(free.shape)

    def right_inverse(self, member: Tensor) -> Tensor:
        scaled = member / self.total if self.total > 0 else torch.ones_like(member)
        # Far below 1 / length, so that a member that is small everywhere keeps its shape.
        return torch.log(scaled.clamp(min=FLOOR / max(as_rows(member).shape[-1], 1)))


class UnitNorm(nn.Module):
    """radius * x / ||x||: the whole tensor, or each row of (outputs, rest)."""

    def __init__(self, radius: float = 1.0, unit_rows: bool = False) -> None:
        super().__init__()
        self.radius = radius
        self.unit_rows = unit_rows

    def forward(self, free: Tensor) -> Tensor:
        return self.radius * normalized(free, self.unit_rows)

    def right_inverse(self, member: Tensor) -> Tensor:
        return member.clone()


class CumulativeSoftplus(nn.Module):
    """x_1, x_1 + softplus(x_2), ...: increasing along each row of (outputs, rest)."""

    def __init__(self, increasing: bool = True) -> None:
        super().__init__()
        self.sign = 1.0 if increasing else -1.0

    def forward(self, free: Tensor) -> Tensor:
        rows = as_rows(free)
        steps = torch.cat([self.sign * rows[:, :1], functional.softplus(rows[:, 1:])], dim=-1)
        return (self.sign * steps.cumsum(dim=-1)).reshape(free.shape)

    def right_inverse(self, member: Tensor) -> Tensor:
        rows = as_rows(member)
        steps = (self.sign * rows.diff(dim=-1)).clamp(min=FLOOR)
        free = torch.cat([rows[:, :1], inverse_softplus(steps)], dim=-1)
        return free.reshape(member.shape)


def cone_parts(v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x and t of (x, t) along the last dimension, and ||x||."""
    body, top = v[..., :-1], v[..., -1:]
    length = norm(body, dim=-1, keepdim=True) if body.shape[-1] else torch.zeros_like(top)
    return body, top, length


class ConeBody(nn.Module):
    """(x, t) -> (x, ||x|| + softplus(t)) along the last dimension: the second-order cone."""

    def forward(self, free: Tensor) -> Tensor:
        body, top, height = cone_parts(free)
        return torch.cat([body, height + functional.softplus(top)], dim=-1)

    def right_inverse(self, member: Tensor) -> Tensor:
        body, top, height = cone_parts(member)
        return torch.cat([body, inverse_softplus((top - height).clamp(min=FLOOR))], dim=-1)


def normalized(x: Tensor, rows: bool) -> Tensor:
    """x / ||x||, whole or by row of (outputs, rest).

    The zero vector has every unit vector as a nearest one: the constant vector is taken.
    """
    if x.numel() == 0:
        return x.clone()
    vectors = as_rows(x) if rows else x.reshape(1, -1)
    length = norm(vectors, dim=1, keepdim=True)
    constant = torch.full_like(vectors, vectors.shape[1] ** -0.5)
    safe = torch.where(length == 0, torch.ones_like(length), length)
    return torch.where(length == 0, constant, vectors / safe).reshape(x.shape)

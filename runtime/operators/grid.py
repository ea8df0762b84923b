"""Quantization: integer multiples of a free scale."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from cspec.runtime.operators.base import Operator, OperatorError
from cspec.runtime.operators.linear_algebra import as_matrix

# Breakpoints that are sorted at once (float64: 8 MiB); above it a sample finds the first scale.
SEARCH_LIMIT = 1 << 20
ALTERNATIONS = 10


@dataclass(frozen=True)
class Grid(Operator, name="grid", convex=False, counts=True, states_equality=True):
    """{a q : a >= 0, q integer, |q| <= 2^(bits-1) - 1}; one bit is {-a, a}.

    One scale a for the tensor, or one for each row of (outputs, rest) with scope "channel".
    The nearest point maximizes <v, q>^2 / <q, q>; the best q is a rounding of v / a, and those
    change only at a = |v_i| / (j - 1/2), so sorting these points finds the optimum. Above
    2^20 points a sample gives the first scale, which alternation then improves (Leng et al. 2018):
    a <- <v, q> / <q, q>, q <- clip(round(v / a)).
    """

    bits: int
    scope: Literal["tensor", "channel"] = "tensor"

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 8:
            raise OperatorError(f"grid(bits={self.bits}): 1 to 8 bits")
        if self.scope not in ("tensor", "channel"):
            raise OperatorError(f'grid(scope="{self.scope}"): tensor or channel')

    @property
    def levels(self) -> int:
        """The largest |q|."""
        return max((1 << (self.bits - 1)) - 1, 1)

    def residual(self, x: Tensor) -> Tensor:
        return x - self.project(x.detach())

    def project(self, x: Tensor) -> Tensor:
        if x.numel() == 0:
            return x.clone()
        rows = (as_matrix(x) if self.scope == "channel" else x.reshape(1, -1)).detach()
        largest = rows.double().abs().amax(dim=1, keepdim=True)
        v = rows.double() / torch.where(largest > 0, largest, 1.0)
        if self.bits == 1:
            signs = torch.where(v < 0, -1.0, 1.0).to(v.dtype)
            nearest = v.abs().mean(dim=1, keepdim=True) * signs
        else:
            nearest = self._nearest(v)
        # A tensor that is on a grid up to rounding is a member: it comes back bit for bit.
        slack = 4 * torch.finfo(x.dtype).eps
        member = (nearest - v).abs().amax(dim=1, keepdim=True) <= slack
        projected = (nearest * largest).to(x.dtype)
        return torch.where(member, rows, projected).reshape(x.shape).clone()

    def _nearest(self, v: Tensor) -> Tensor:
        count = max(SEARCH_LIMIT // (self.levels * v.shape[0]), 16)
        if v.shape[1] <= count:
            scale = self._best_scale(v.abs())
            return self._round(v, scale)[1]
        stride = -(-v.shape[1] // count)
        scale = self._best_scale(v[:, ::stride].abs())
        nearest = v
        for _ in range(ALTERNATIONS):
            scale, nearest = self._round(v, scale)
        return nearest

    def _best_scale(self, magnitudes: Tensor) -> Tensor:
        """argmax of <v, q>^2 / <q, q> over the roundings q, by row; shape (rows, 1)."""
        j = torch.arange(1, self.levels + 1, dtype=magnitudes.dtype, device=magnitudes.device)
        points = (magnitudes[:, :, None] / (j - 0.5)).flatten(1)
        order = points.argsort(dim=1, descending=True)
        # Passing the point |v_i| / (j - 1/2) raises q_i from j - 1 to j.
        product = magnitudes.gather(1, order // self.levels).cumsum(dim=1)
        square = (2 * j - 1)[order % self.levels].cumsum(dim=1)
        best = (product.square() / square).argmax(dim=1, keepdim=True)
        return product.gather(1, best) / square.gather(1, best)

    def _round(self, v: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """q = clip(round(v / scale)) and its best scale; returns (scale, scale * q)."""
        q = (v / torch.where(scale == 0, torch.ones_like(scale), scale)).round()
        q = q.clamp(-self.levels, self.levels)
        square = q.square().sum(dim=1, keepdim=True)
        better = (v * q).sum(dim=1, keepdim=True) / torch.where(square == 0, 1.0, square)
        return better, better * q

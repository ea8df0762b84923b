"""The second-order (Lorentz) cone along the last dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import Operator, ShapeError
from cspec.runtime.operators.linear_algebra import norm
from cspec.runtime.operators.maps.elementwise import ConeBody


@dataclass(frozen=True)
class SecondOrderCone(Operator):
    """{(x, t) : ||x||_2 <= t}, t the last entry along the last dimension."""

    name: ClassVar[str] = "second_order_cone"
    convex: ClassVar[bool] = True
    maps: ClassVar[tuple[str, ...]] = ("second_order_cone",)

    def _parts(self, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if v.ndim < 1 or v.shape[-1] < 1:
            raise ShapeError(
                f"{self.name} needs (x, t) along the last dimension, not shape {tuple(v.shape)}"
            )
        body, top = v[..., :-1], v[..., -1:]
        length = norm(body, dim=-1, keepdim=True) if body.shape[-1] else torch.zeros_like(top)
        return body, top, length

    def inequality(self, x: Tensor) -> Tensor:
        _, top, length = self._parts(x)
        return (length - top).flatten()

    def project(self, x: Tensor) -> Tensor:
        """Inside: itself; in the polar cone: 0; else a (x / ||x||, 1), a = (||x|| + t) / 2."""
        body, top, length = self._parts(x)
        half = (length + top) / 2
        direction = body / torch.where(length > 0, length, torch.ones_like(length))
        boundary = torch.cat([half * direction, half], dim=-1)
        projected = torch.where(length <= -top, torch.zeros_like(x), boundary)
        return torch.where(length <= top, x, projected)

    def _map(self, by: str) -> nn.Module:
        return ConeBody()

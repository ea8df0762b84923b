"""The second-order (Lorentz) cone along the last dimension."""

from dataclasses import dataclass

import torch
from torch import Tensor

from cspec.runtime.operators.base import Operator, ShapeError
from cspec.runtime.operators.maps.elementwise import cone_parts


@dataclass(frozen=True)
class SecondOrderCone(Operator, name="second_order_cone", convex=True, maps=("second_order_cone",)):
    """{(x, t) : ||x||_2 <= t}, t the last entry along the last dimension."""

    def _parts(self, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if v.ndim < 1 or v.shape[-1] < 1:
            raise ShapeError(
                f"{self.name} needs (x, t) along the last dimension, not shape {tuple(v.shape)}"
            )
        return cone_parts(v)

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

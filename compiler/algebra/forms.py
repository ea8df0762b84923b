"""What is known of one expression over decision variables: its shape, curvature and range."""

from __future__ import annotations

import math
from typing import NamedTuple

Shape = tuple[int, ...]


class UnknownForm(Exception):  # noqa: N818
    """A form that is not read here."""


class Form(NamedTuple):
    """What is known of one expression; the range holds for every entry."""

    shape: Shape
    convex: bool
    concave: bool
    smooth: bool
    """Twice differentiable where it is defined."""
    low: float = -math.inf
    high: float = math.inf
    constant: bool = False

    @property
    def affine(self) -> bool:
        """Both convex and concave."""
        return self.convex and self.concave

"""A model with known values on faces of a box: u <- G + D u.

D is the product of (x_a - e) over the faces x_a = e, divided by its largest size along each axis
of the box; G is the boolean sum of the values on the faces (see `compiler/methods/lifting.py`).
Coons 1967; Lagaris, Likas, Fotiadis 1998.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

ALONG = 1001
"""Places of an axis among which the largest size of a distance is looked for."""


class Face(NamedTuple):
    """The face x[axis] == at, and the value there as a function of all coordinates."""

    axis: int
    at: float
    value: Callable[..., Tensor | float]


class Lifted:
    """A forward hook that takes outputs to known values on faces."""

    def __init__(
        self, lower: Sequence[float], upper: Sequence[float], faces: Sequence[Face]
    ) -> None:
        self.axes = {
            axis: [face for face in faces if face.axis == axis]
            for axis in sorted({face.axis for face in faces})
        }
        self.sizes = {
            axis: _largest([face.at for face in own], lower[axis], upper[axis])
            for axis, own in self.axes.items()
        }

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        points = [value.reshape(output.shape) for value in inputs]
        distance = torch.ones_like(output)
        for axis, faces in self.axes.items():
            for face in faces:
                distance = distance * (points[axis] - face.at)
            distance = distance / self.sizes[axis]
        return self.known(points, list(self.axes)) + distance * output

    def known(self, points: Sequence[Tensor], axes: Sequence[int]) -> Tensor:
        """G of the faces along some of the axes."""
        if not axes:
            return torch.zeros_like(points[0])
        *before, axis = axes
        total = self.known(points, before)
        for face in self.axes[axis]:
            there = list(points)
            there[axis] = torch.full_like(points[axis], face.at)
            short = face.value(*there) - self.known(there, before)
            total = total + self._share(face, points[axis]) * short
        return total

    def _share(self, face: Face, along: Tensor) -> Tensor:
        """1 on a face and 0 on the others of its axis: Lagrange's polynomial."""
        share = torch.ones_like(along)
        for other in self.axes[face.axis]:
            if other is not face:
                share = share * (along - other.at) / (face.at - other.at)
        return share


def _largest(ends: Sequence[float], lower: float, upper: float) -> float:
    """The largest |product of (x - e)| between two places."""
    places = (lower + (upper - lower) * k / (ALONG - 1) for k in range(ALONG))
    return max(math.prod(abs(place - end) for end in ends) for place in places)


def lift_(
    model: nn.Module, lower: Sequence[float], upper: Sequence[float], faces: Sequence[Face]
) -> None:
    """From here on the model has the values of the faces on them, whatever its weights are.

    What an earlier run left is replaced.
    """
    for key, hook in list(model._forward_hooks.items()):
        if isinstance(hook, Lifted):
            del model._forward_hooks[key]
    model.register_forward_hook(Lifted(lower, upper, faces))

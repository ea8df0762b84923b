"""The contract of a constraint set over tensors, and the errors its members raise."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from cspec.runtime.operators.linear_algebra import norm, row_numbers
from cspec.runtime.operators.maps import PARAMETRIZATIONS


class OperatorError(ValueError):
    """A set was asked for something it cannot be or do."""


class NoFormError(OperatorError, NotImplementedError):
    """The set has no such form: no inequality form, no linear oracle, no such map."""


class EmptySetError(OperatorError):
    """The settings describe a set without members."""


class ShapeError(OperatorError):
    """The tensor has a shape on which the set is not defined."""


class NotConvergedError(OperatorError):
    """An iterative projection did not reach its tolerance."""


class Operator(ABC):
    """A set S of tensors: membership, nearest point, and the forms other methods need.

    The head of its class says what S is: `class Nonneg(Operator, name="nonneg", convex=True)`.
    `convex` is a property of S, `counts` marks sets whose verdict is exact, and `maps` lists the
    names in `PARAMETRIZATIONS` that reach S, the default first.
    """

    name: ClassVar[str]
    convex: ClassVar[bool]
    counts: ClassVar[bool] = False
    states_equality: ClassVar[bool] = False
    entrywise: ClassVar[bool] = False
    """Whether the projection acts on each entry alone, or keeps it or sets it to zero."""
    by_row: ClassVar[bool] = False
    """Whether each row of (outputs, rest) is in a set of its own."""
    maps: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **facts: object) -> None:
        super().__init_subclass__()
        for fact, value in facts.items():
            assert fact in Operator.__annotations__, f"{cls.__name__}: {fact} is no fact of a set"
            setattr(cls, fact, value)

    def residual(self, x: Tensor) -> Tensor:
        """Zero iff x is a member; its largest absolute entry is the violation.

        [g]+ where `inequality` states the set.
        """
        return torch.relu(self.inequality(x))

    @abstractmethod
    def project(self, x: Tensor) -> Tensor:
        """The nearest member in the Euclidean norm, as a new tensor of x's type and device."""

    def coupling(self, shape: torch.Size) -> Tensor:
        """A number an entry of a tensor of this shape: S is a product over entries of equal number.

        All of it is one block, unless the set says otherwise or acts on entries or rows alone.
        """
        if self.entrywise:
            return torch.arange(shape.numel()).reshape(shape)
        if self.by_row:
            return row_numbers(shape)
        return torch.zeros(tuple(shape), dtype=torch.int64)

    @property
    def equality(self) -> bool:
        """True where `residual(x) == 0` states the set, False where `inequality(x) <= 0` does."""
        return self.states_equality

    def inequality(self, x: Tensor) -> Tensor:
        """One vector g with g <= 0 iff x is a member.

        Raises NoFormError for sets that are stated by `residual(x) == 0`.
        """
        raise NoFormError(f"{self.name} is stated by residual == 0 and has no inequality form")

    def violation(self, x: Tensor) -> Tensor:
        """max |residual(x)| as a 0-dim tensor; 0 for an empty tensor."""
        residual = self.residual(x)
        if residual.numel() == 0:
            return x.new_zeros(())
        return residual.abs().max()

    def parametrization(self, by: str | None = None) -> nn.Module | None:
        """A module free tensor -> member for `torch.nn.utils.parametrize`, None if there is none.

        `right_inverse` maps a tensor (projected first where it is no member) to a free one.
        Raises NoFormError when `by` names a map that does not reach this set.
        """
        if by is None:
            return self._map(self.maps[0]) if self.maps else None
        if by not in self.maps:
            known = ", ".join(self.maps) or "none"
            raise NoFormError(f"{by} does not parametrize {self.name} (maps that do: {known})")
        return self._map(by)

    def _map(self, by: str) -> nn.Module:
        """The map of this name, with the settings of the set where it has any."""
        return PARAMETRIZATIONS[by]()

    def lmo(self, gradient: Tensor) -> Tensor:
        """argmin of <gradient, s> over s in S (the oracle of Frank-Wolfe).

        Raises NoFormError where the minimum is unbounded or has no cheap form.
        """
        raise NoFormError(f"{self.name} has no linear minimization oracle")

    def across(self, x: Tensor, gradient: Tensor) -> Tensor | None:
        """A member of the other part of S where S falls into two, None where it is connected.

        Of the nearest to a member x it is the one to which `gradient` says that f falls most.
        """
        return None

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        """Momentum (gradient-like: the step is minus momentum) after a projection.

        Takes out the part that points out of S along the normal x_before - x_projected, so the
        next step does not leave S again at once.
        """
        if self.entrywise:
            return zero_where_moved(x_projected, x_before, momentum)
        normal = x_before - x_projected
        length = norm(normal)
        unit = normal / torch.where(length > 0, length, torch.ones_like(length))
        outward = (unit * momentum).sum().clamp(max=0)
        return momentum - outward * unit


def is_joint(operator: Operator) -> bool:
    """Whether several tensors are in the set together, as one long vector."""
    return bool(getattr(operator, "joint", False))


def together(project: Callable[[Tensor], Tensor], tensors: Sequence[Tensor]) -> list[Tensor]:
    """The projection of all tensors as one long vector, in their own shapes and types."""
    if not tensors:
        return []
    wide = torch.float64 if any(t.dtype == torch.float64 for t in tensors) else torch.float32
    flat = project(torch.cat([t.flatten().to(wide) for t in tensors]))
    parts = torch.split(flat, [t.numel() for t in tensors])
    return [p.reshape(t.shape).to(t.dtype) for p, t in zip(parts, tensors, strict=True)]


def zero_where_moved(x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
    """Momentum with the entries zeroed that the projection moved (sets of separate entries)."""
    return torch.where(x_projected == x_before, momentum, torch.zeros_like(momentum))


def require_order(lo: float, hi: float, name: str) -> None:
    if not lo <= hi:
        raise EmptySetError(f"{name}: the lower bound {lo} is above {hi}")


def require_square(x: Tensor, name: str) -> None:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(
            f"{name} needs square matrices in its last two dimensions, not shape {tuple(x.shape)}"
        )


def require_vectors(x: Tensor, name: str) -> None:
    if x.ndim < 1:
        raise ShapeError(f"{name} needs at least one dimension")

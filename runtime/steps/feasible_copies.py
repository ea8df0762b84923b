"""Feasible copies of parameters that ADMM splits: what is measured and delivered in their place."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from cspec.runtime.operators import Operator
from cspec.runtime.steps.projection import connected, copies, meet, project_all

State = dict[str, Tensor]


class Split:
    """x = z: parameters x, their copy z in a set, and the scaled dual u of the equation.

    z, u and rho are entries of the run's state (`<name>.z.<i>`, ...), where checkpoints keep them;
    a split that is made again goes on from there.
    """

    def __init__(self, name: str, onto: Operator, x: Sequence[Tensor], state: State) -> None:
        self.name = name
        self.onto = onto
        """The set; along a ramp that of the moment."""
        self.x = x
        self.state = state

    @property
    def begun(self) -> bool:
        """Whether there is a copy."""
        return f"{self.name}.begun" in self.state

    @property
    def delivered(self) -> bool:
        """Whether the copy has taken the place of x."""
        return f"{self.name}.delivered" in self.state

    def held(self, word: str) -> list[Tensor]:
        """The entries `z`, `u` or `best`, one a parameter."""
        return [self.state[f"{self.name}.{word}.{index}"] for index in range(len(self.x))]

    def hold(self, word: str, tensors: Sequence[Tensor]) -> None:
        """Replace the entries `z`, `u` or `best`."""
        for index, tensor in enumerate(tensors):
            self.state[f"{self.name}.{word}.{index}"] = tensor

    def __getitem__(self, word: str) -> Tensor:
        return self.state[f"{self.name}.{word}"]

    def __setitem__(self, word: str, value: Tensor) -> None:
        self.state[f"{self.name}.{word}"] = value


def together(splits: Sequence[Split]) -> list[list[Split]]:
    """Splits that share parameters, in order: one after another they are projected onto."""
    return connected(splits, lambda split: {id(tensor) for tensor in split.x})


@contextmanager
def in_place_of_x(splits: Sequence[Split]) -> Iterator[None]:
    """The feasible copies in the place of x, for what is measured while they are apart.

    Before a split begins the copy is P_S(x).
    """
    kept: list[tuple[Tensor, Tensor]] = []
    for group in together(splits):
        if any(split.delivered for split in group):
            continue
        every = [tensor for split in group for tensor in split.x]
        kept += [(tensor, tensor.detach().clone()) for tensor in every]
        _put_copies(group)
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, x in reversed(kept):
                tensor.copy_(x)


@torch.no_grad()
def _put_copies(splits: Sequence[Split]) -> None:
    held = [(split.onto, split.x) for split in splits]
    starts = copies(held)
    for split in splits:
        if split.begun:
            found = split.held("z")
        else:
            found = project_all(split.onto, [tensor.detach() for tensor in split.x])
        for tensor, z in zip(split.x, found, strict=True):
            tensor.copy_(z)
    if len(held) > 1:
        meet(held, starts)

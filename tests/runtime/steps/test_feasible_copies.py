"""Splits of ADMM: which share parameters, and where their copies are kept."""

import torch

from cspec.runtime import operators
from cspec.runtime.steps.feasible_copies import Split, in_place_of_x, together

HALF = operators.get("sparse", 0.5)


def split(name: str, *x: torch.Tensor, state: dict[str, torch.Tensor] | None = None) -> Split:
    return Split(name, HALF, x, {} if state is None else state)


def test_splits_that_share_a_parameter_stand_together() -> None:
    a, b, c, d = (torch.ones(2) for _ in range(4))
    found = together([split("1", a), split("2", b, c), split("3", d), split("4", a, c)])
    assert [[one.name for one in group] for group in found] == [["3"], ["1", "2", "4"]]


def test_the_state_is_the_run_s_and_a_split_that_is_made_again_goes_on() -> None:
    state: dict[str, torch.Tensor] = {}
    x = torch.tensor([3.0, 1.0])
    first = split("s", x, state=state)
    first.hold("z", [torch.tensor([3.0, 0.0])])
    first["begun"] = torch.ones(1)
    again = split("s", x, state=state)
    assert again.begun and not again.delivered
    assert set(state) == {"s.z.0", "s.begun"}
    with in_place_of_x([again]):
        assert x.tolist() == [3, 0]
    assert x.tolist() == [3, 1]


def test_before_a_split_begins_its_copy_is_the_projection() -> None:
    x = torch.tensor([3.0, 1.0])
    with in_place_of_x([split("s", x)]):
        assert x.tolist() == [3, 0]
    assert x.tolist() == [3, 1]

"""Joint projections onto several sets of which one is not convex."""

from typing import Any

import pytest
import torch
from torch import Tensor

from cspec.dsl.words.sets import JOINT
from cspec.runtime.operators import OPERATORS, OperatorError
from cspec.runtime.operators.together.joint import joint

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "sparse": (0.5,),
    "ball": (1.0, 2),
    "rank": (1,),
    "box": (-1.0, 1.0),
}


MATRICES = frozenset({"psd", "symmetric", "rank"})


def points(words: str, seed: int = 0) -> Tensor:
    shape = (4, 4) if MATRICES & set(words.split()) else (6,)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("words", sorted(" ".join(sorted(words)) for words in JOINT))
def test_every_joint_set_has_a_projection(words: str) -> None:
    sets = [OPERATORS[word](*ARGUMENTS.get(word, ())) for word in words.split()]
    together = joint(sets)
    x = points(words)
    nearest = together.project(x)
    for member in sets:
        assert float(member.violation(nearest)) <= 1e-9
    own = float((nearest - x).norm())
    for seed in range(200):
        other = together.project(3 * points(words, seed + 1))
        assert own <= float((other - x).norm()) + 1e-9


def test_all_entries_negative_leave_the_largest_on_the_sphere() -> None:
    sets = [OPERATORS["nonneg"](), OPERATORS["sphere"]()]
    x = torch.tensor([-3.0, -1.0, -2.0], dtype=torch.float64)
    assert joint(sets).project(x).tolist() == [0, 1, 0]
    assert joint(sets).project(torch.zeros(3)).norm() == 1


@pytest.mark.parametrize("words", ["stiefel nonneg", "sparse stiefel", "sparse sparse"])
def test_no_projection_is_claimed_where_none_is_known(words: str) -> None:
    sets = [OPERATORS[word](*ARGUMENTS.get(word, ())) for word in words.split()]
    with pytest.raises(OperatorError, match="no joint projection"):
        joint(sets)

"""Labels that are not numbered from 0: outputs that no row asks for are told."""

from __future__ import annotations

import pytest
import torch

import cspec

X = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
CODES = torch.arange(60) % 3


@pytest.mark.parametrize("loss", ["ce", "hinge"])
@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([1, 2, 3], "`y` holds 1, 2, 3: classes are 0 to 3, and 1 of them in no row"),
        ([2, 5, 7], "`y` holds 2, 5, 7: classes are 0 to 7, and 5 of them in no row"),
        ([0, 1, 2], None),
    ],
)
def test_classes_that_no_row_has_are_told(loss: str, labels: list[int], said: str | None) -> None:
    spec = f"data train(x, y)\nmodel f = linear\nminimize {loss}(f(x), y)\nfit(epochs=1)"
    y = torch.tensor(labels)[CODES]
    result = cspec.run(spec, train=(X, y))
    assert result.models["f"](X).shape == (60, labels[-1] + 1)
    found = [note for note in result.notes if "in no row" in note]
    assert [note.startswith(said or "") for note in found] == ([] if said is None else [True])


def test_a_class_of_another_dataset_is_one() -> None:
    spec = (
        "data train(x, y)\ndata test(x, y)\nmodel f = linear\nminimize ce(f(x), y)\nfit(epochs=1)"
    )
    known = {"train": (X[CODES != 1], CODES[CODES != 1]), "test": (X, CODES)}
    result = cspec.run(f"{spec}\nmetric one = P[y == 1 on test]", **known)
    assert result.models["f"](X).shape == (60, 3)
    assert result.metrics["one"] == pytest.approx(1 / 3)
    assert not [note for note in result.notes if "in no row" in note]

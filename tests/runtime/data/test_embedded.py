"""Sources that need no file, and how parts fill the targets of a spec."""

import pytest
import torch

from cspec.runtime.data import SOURCES, DataError, load, split_indices


def test_digits_flat_and_as_images() -> None:
    parts = load("digits", None)
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 1078,
        "val": 360,
        "test": 359,
    }
    x = parts["train"]["x"]
    assert x.shape == (1078, 64) and x.min() == 0 and x.max() == 1
    images = load("digits", ["train"], image=True)["train"]
    assert images["x"].shape == (1078, 1, 8, 8)
    assert torch.equal(images["x"].flatten(1), x)
    assert "1078 of 1797 rows (split 0.6, seed 0)" in parts["train"].provenance


def test_splits_are_disjoint_and_depend_on_the_seed_alone() -> None:
    torch.manual_seed(4)
    first = split_indices(100, [0.6, 0.2, 0.2], 0)
    torch.manual_seed(5)
    again = split_indices(100, [0.6, 0.2, 0.2], 0)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert sorted(torch.cat(first).tolist()) == list(range(100))
    assert not torch.equal(first[0], split_indices(100, [0.6, 0.2, 0.2], 1)[0])
    assert [len(p) for p in split_indices(100, [0.1], 0)] == [10]


@pytest.mark.parametrize("split", [[], [0.7, 0.7], [0.5, 0.0], [1.0, -0.1], [float("nan")]])
def test_splits_that_make_no_sense(split: list[float]) -> None:
    with pytest.raises(DataError, match="positive fractions that sum to at most 1"):
        split_indices(10, split, 0)


def test_an_empty_part_is_refused() -> None:
    with pytest.raises(DataError, match=r"leaves no row for the part 0.01"):
        split_indices(10, [0.9, 0.01], 0)


def test_two_gaussians_are_classes_in_order() -> None:
    data = load("two_gaussians", ["train"], n=100, seed=0)["train"]
    assert data["y"].tolist() == [0] * 100 + [1] * 100
    for label, center in ((0, -3.0), (1, 3.0)):
        cloud = data["x"][data["y"] == label]
        assert cloud.mean(0).tolist() == pytest.approx([center, center], abs=0.3)
        assert cloud.std(0).tolist() == pytest.approx([1, 1], abs=0.2)
    # The classes separate, so a rate away from one half costs accuracy (position paper, B.3).
    assert ((data["x"].sum(1) > 0).long() == data["y"]).all()
    other = load("two_gaussians", ["train"], n=5, means=[[0, 0, 0], [1, 1, 1]], std=0)["train"]
    assert other["x"].sum(1).tolist() == [0.0] * 5 + [3.0] * 5
    with pytest.raises(DataError, match="two means of one length"):
        load("two_gaussians", ["train"], means=[[0], [1, 1]])
    with pytest.raises(DataError, match="n >= 1"):
        load("two_gaussians", ["train"], n=0)


@pytest.mark.parametrize(
    ("name", "features", "classes"),
    [("breast_cancer", 30, 2), ("wine", 13, 3), ("iris", 4, 3), ("diabetes", 10, None)],
)
def test_tables_are_standardized_on_train_alone(
    name: str, features: int, classes: int | None
) -> None:
    parts = load(name, ["train", "val", "test"])
    x = parts["train"]["x"].double()
    assert x.mean(0).abs().max() < 1e-5
    assert x.std(0, correction=0).tolist() == pytest.approx([1.0] * features, abs=1e-4)
    assert parts["test"]["x"].mean(0).abs().max() > 1e-3
    assert len(parts["train"].feature_names) == features
    if classes is None:
        assert parts["train"]["y"].is_floating_point() and not parts["train"].classes
    else:
        assert len(parts["train"].classes["y"]) == classes
    raw = load(name, None, scale="none")["train"]["x"]
    assert not torch.allclose(raw.double(), x)


def test_dtype_is_torchs_default() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        for name in ("digits", "two_gaussians", "iris"):
            assert load(name, None)["train"]["x"].dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_targets_by_name_in_order_and_alone() -> None:
    by_name = load("digits", ["train", "test"])
    assert [len(p) for p in by_name.values()] == [1078, 359]
    in_order = load("digits", ["forget", "retain"], split=[0.1, 0.9])
    assert {k: (p.name, len(p)) for k, p in in_order.items()} == {
        "forget": ("forget", 180),
        "retain": ("retain", 1617),
    }
    with_val = load("digits", ["train", "val"], split=[0.8, 0.2])
    assert [len(p) for p in with_val.values()] == [1438, 359]
    assert len(load("digits", ["d"], split=[1])["d"]) == 1797
    assert load("two_gaussians", ["points"])["points"].name == "points"


@pytest.mark.parametrize(
    ("targets", "settings", "words"),
    [
        (["d"], {}, "digits has the parts train, val, test, not d"),
        (["a", "b"], {"split": [0.5, 0.3, 0.2]}, "parts train, val, test, not a, b"),
        (["test", "train"], {"split": [0.5, 0.5]}, "here the two differ"),
        (["train"], {"splits": [1]}, "digits has no setting `splits`\nknown: split, seed, image"),
    ],
)
def test_targets_that_do_not_fit(
    targets: list[str], settings: dict[str, list[float]], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        load("digits", targets, **settings)


def test_unknown_source_and_column() -> None:
    with pytest.raises(DataError, match="unknown data source `digit`\nknown: digits"):
        load("digit", None)
    with pytest.raises(DataError, match="no column `sex`\nits columns are: x, y"):
        load("digits", ["train"], ["x", "y", "sex"])
    with pytest.raises(DataError, match="csv can't be read: missing a required argument: 'target'"):
        load("csv", None, path="a.csv")
    assert set(SOURCES) >= {"digits", "two_gaussians", "csv", "mnist", "cifar10"}

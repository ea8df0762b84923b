"""Data that need no file: sets shipped inside scikit-learn, and two Gaussian clouds."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.order import generator_for
from cspec.runtime.data.split import split_dataset

DEFAULT_SPLIT = (0.6, 0.2, 0.2)


def _sklearn(name: str) -> Any:
    """The bunch that scikit-learn's `load_...` returns."""
    try:
        import sklearn.datasets as shipped
    except ImportError as error:
        raise DataError(
            "this data set ships inside scikit-learn, which is not installed",
            "to fix this, install it: pip install 'cspec[data]'",
        ) from error
    return getattr(shipped, f"load_{name}")()


def floats(values: Any) -> Tensor:
    """Numbers as a tensor of torch's default dtype."""
    return torch.as_tensor(np.asarray(values), dtype=torch.get_default_dtype())


def standardized(parts: dict[str, Dataset], numeric: Tensor | None = None) -> dict[str, Dataset]:
    """Each feature of `x` shifted and scaled to mean 0 and deviation 1 *on the first part*.

    A feature that is constant there is only shifted, and one that is not `numeric` is left alone.
    """
    first = next(iter(parts.values()))
    reference = first["x"].double()
    center, spread = reference.mean(0), reference.std(0, correction=0)
    spread = torch.where(spread > 0, spread, torch.ones_like(spread))
    scaled = torch.ones_like(spread, dtype=torch.bool) if numeric is None else numeric
    named = zip(first.feature_names, center.tolist(), spread.tolist(), strict=False)
    scaling = tuple(compress(named, scaled.tolist()))

    def scale(part: Dataset) -> Dataset:
        wide = part["x"].double()
        x = torch.where(scaled, (wide - center) / spread, wide).to(part["x"].dtype)
        return replace(part, columns={**part.columns, "x": x}, scaling=scaling)

    return {name: scale(part) for name, part in parts.items()}


def wants_scaling(scale: str) -> bool:
    """Whether numeric features are standardized: "standard" says yes, "none" no."""
    if scale not in ("standard", "none"):
        raise DataError(f'scale="{scale}" is unknown', 'write scale="standard" or scale="none"')
    return scale == "standard"


def digits(
    split: Sequence[float] | None = None, seed: int = 0, image: bool = False
) -> dict[str, Dataset]:
    """1,797 handwritten digits of 8x8 pixels in [0, 1], labels 0 to 9 (scikit-learn).

    `x` is (N, 64), or (N, 1, 8, 8) with `image`.
    """
    bunch = _sklearn("digits")
    x = floats(bunch.images) / 16
    whole = Dataset(
        name="digits",
        columns={
            "x": x[:, None] if image else x.flatten(1),
            "y": torch.as_tensor(bunch.target, dtype=torch.int64),
        },
        classes={"y": tuple(range(10))},
        provenance="digits of scikit-learn, 1797 images of 8x8 pixels",
    )
    return split_dataset(whole, DEFAULT_SPLIT if split is None else split, seed)


def _tabular(
    name: str, split: Sequence[float] | None, seed: int, scale: str, classifier: bool = True
) -> dict[str, Dataset]:
    standardize = wants_scaling(scale)
    bunch = _sklearn(name)
    x = floats(bunch.data)
    target = torch.as_tensor(bunch.target, dtype=torch.int64) if classifier else None
    whole = Dataset(
        name=name,
        columns={"x": x, "y": floats(bunch.target) if target is None else target},
        classes={"y": tuple(map(str, bunch.target_names))} if classifier else {},
        feature_names=tuple(map(str, bunch.feature_names)),
        features={str(name): x[:, i] for i, name in enumerate(bunch.feature_names)},
        provenance=f"{name} of scikit-learn, {len(x)} rows"
        + (", features standardized on the first part" if standardize else ""),
    )
    parts = split_dataset(whole, DEFAULT_SPLIT if split is None else split, seed)
    return standardized(parts) if standardize else parts


def breast_cancer(
    split: Sequence[float] | None = None, seed: int = 0, scale: str = "standard"
) -> dict[str, Dataset]:
    """569 tumors, 30 features; class 0 malignant, 1 benign, as scikit-learn numbers them."""
    return _tabular("breast_cancer", split, seed, scale)


def wine(
    split: Sequence[float] | None = None, seed: int = 0, scale: str = "standard"
) -> dict[str, Dataset]:
    """178 wines, 13 features, three classes (scikit-learn)."""
    return _tabular("wine", split, seed, scale)


def iris(
    split: Sequence[float] | None = None, seed: int = 0, scale: str = "standard"
) -> dict[str, Dataset]:
    """150 flowers, 4 features, three classes (scikit-learn)."""
    return _tabular("iris", split, seed, scale)


def diabetes(
    split: Sequence[float] | None = None, seed: int = 0, scale: str = "standard"
) -> dict[str, Dataset]:
    """442 patients, 10 features, a number to predict (25 to 346) that is not scaled."""
    return _tabular("diabetes", split, seed, scale, classifier=False)


def two_gaussians(
    n: int = 100,
    seed: int = 0,
    means: Sequence[Sequence[float]] = ((-3, -3), (3, 3)),
    std: float = 1.0,
    split: Sequence[float] | None = None,
) -> dict[str, Dataset]:
    """Two clouds of n points each, label 0 around the first mean, then 1 around the second.

    `x` is (2n, d). All of it is `train`, in that order, unless `split` is given.

    Raises:
        DataError: n below 1, a negative deviation, or not two means of one length.
    """
    if n < 1 or not std >= 0:
        raise DataError(f"two_gaussians needs n >= 1 and std >= 0, but n is {n} and std is {std}")
    if len(means) != 2 or len(means[0]) != len(means[1]) or not len(means[0]):
        raise DataError(
            "two_gaussians needs two means of one length", "for example means=[[-3, -3], [3, 3]]"
        )
    centers = torch.tensor([list(map(float, mean)) for mean in means], dtype=torch.float64)
    noise = torch.randn(
        2 * n, centers.shape[1], dtype=torch.float64, generator=generator_for("gauss", seed)
    )
    labels = torch.arange(2).repeat_interleave(n)
    whole = Dataset(
        name="train",
        columns={"x": (centers[labels] + std * noise).to(torch.get_default_dtype()), "y": labels},
        classes={"y": (0, 1)},
        provenance=f"two_gaussians: {n} points a class, std {std:g}, seed {seed}",
    )
    return split_dataset(whole, split, seed)

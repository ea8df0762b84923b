"""Data of the tasks: made ones (seeded), embedded ones, and files that may not be there."""

from __future__ import annotations

import csv
import gzip
import os
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets as embedded

from untuned.task import Arrays, MissingDataError

HERE = Path(__file__).resolve().parents[2]
Floats = NDArray[np.float64]


def folder() -> Path:
    """`$CSPEC_DATA`, else `data` beside or above the checkout."""
    given = os.environ.get("CSPEC_DATA")
    places = [Path(given)] if given else [HERE / "data", HERE.parent / "shared" / "data"]
    return next((place for place in places if place.is_dir()), places[0])


@cache
def linear_data(n: int = 256, seed: int = 0) -> Arrays:
    """y = x w + noise, a group `s` that moves x and y, and a class `c` of logistic noise."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, 4))
    s = draw.integers(0, 2, n)
    x[:, 0] += 0.8 * s
    weights = np.array([1.0, -2.0, 0.5, 1.5])
    y = x @ weights + 0.5 * draw.normal(size=n) + 0.4 * s
    c = (x @ weights + draw.logistic(size=n) > 0).astype(np.int64)
    return {"x": x, "y": y, "s": s, "c": c}


@cache
def groups_data(n: int = 600, seed: int = 1) -> Arrays:
    """Classes `y` that overlap, three in ten of them 1, and a group `s` on which they depend."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, 5))
    s = draw.integers(0, 2, n)
    x[:, 1] += 0.7 * s
    score = 1.5 * x[:, 0] + x[:, 1] - 0.5 * x[:, 2] - 1.6 + draw.logistic(size=n)
    return {"x": x, "y": (score > 0).astype(np.int64), "s": s}


@cache
def regression(n: int = 300, features: int = 8, targets: int = 1, seed: int = 2) -> Arrays:
    """y = x W + noise with correlated features; y is (n,) for one target."""
    draw = np.random.default_rng(seed)
    mix = np.eye(features) + 0.2 * draw.normal(size=(features, features))
    x = draw.normal(size=(n, features)) @ mix
    y = x @ draw.normal(size=(features, targets)) + 0.5 * draw.normal(size=(n, targets))
    return {"x": x, "y": y[:, 0] if targets == 1 else y}


def _standard(x: Floats) -> Floats:
    spread = x.std(0)
    return np.asarray((x - x.mean(0)) / np.where(spread > 0, spread, 1.0))


def _halves(x: Floats, y: NDArray[np.generic], share: float, train: bool) -> Arrays:
    order = np.random.default_rng(0).permutation(len(x))
    cut = round(share * len(x))
    part = order[:cut] if train else order[cut:]
    return {"x": x[part], "y": y[part]}


@cache
def digits(train: bool = True) -> Arrays:
    """8 x 8 digits, pixels in [0, 1]; seven in ten are for training."""
    found = embedded.load_digits()
    return _halves(found.data / 16.0, found.target.astype(np.int64), 0.7, train)


@cache
def cancer(train: bool = True) -> Arrays:
    """Breast cancer, standardized, class 0 malignant; seven in ten are for training."""
    found = embedded.load_breast_cancer()
    return _halves(_standard(found.data), found.target.astype(np.int64), 0.7, train)


@cache
def wine(train: bool = True) -> Arrays:
    """Wine, standardized, three classes; six in ten are for training."""
    found = embedded.load_wine()
    return _halves(_standard(found.data), found.target.astype(np.int64), 0.6, train)


@cache
def iris() -> Arrays:
    """Iris, standardized, three classes."""
    found = embedded.load_iris()
    return {"x": _standard(found.data), "y": found.target.astype(np.int64)}


@cache
def diabetes() -> Arrays:
    """Diabetes, features standardized, the target in units of its deviation; `s` is the sex."""
    found = embedded.load_diabetes()
    x, y = _standard(found.data), found.target
    s = (x[:, 1] > 0).astype(np.int64)
    return {"x": x, "y": (y - y.mean()) / y.std(), "s": s}


def _needed(path: Path) -> Path:
    if not path.exists():
        raise MissingDataError(f"{path.name} is not in {path.parent.name}/ of the data folder")
    return path


@cache
def adult(n: int = 2000) -> Arrays:
    """Adult: six numbers of the first rows, standardized; `s` the sex, `y` income above 50K."""
    with _needed(folder() / "adult" / "adult.data").open() as lines:
        rows = [row for row in csv.reader(lines, skipinitialspace=True) if len(row) == 15][:n]
    numbers = np.array([[float(row[k]) for k in (0, 4, 10, 11, 12)] for row in rows])
    married = np.array([[row[5].startswith("Married")] for row in rows], dtype=float)
    s = np.array([row[9] == "Male" for row in rows]).astype(np.int64)
    y = np.array([row[14] == ">50K" for row in rows]).astype(np.int64)
    return {"x": _standard(np.hstack([numbers, married])), "y": y, "s": s}


@cache
def compas(n: int = 2000) -> Arrays:
    """COMPAS: age, priors, counts of juvenile records, charge; `s` 1 for African-American."""
    with _needed(folder() / "compas" / "compas-two-years.csv").open() as lines:
        rows = list(csv.DictReader(lines))[:n]
    names = ("age", "priors_count", "juv_fel_count", "juv_misd_count", "juv_other_count")
    numbers = np.array([[float(row[name]) for name in names] for row in rows])
    felony = np.array([[row["c_charge_degree"] == "F"] for row in rows], dtype=float)
    s = np.array([row["race"] == "African-American" for row in rows]).astype(np.int64)
    y = np.array([int(row["two_year_recid"]) for row in rows])
    return {"x": _standard(np.hstack([numbers, felony])), "y": y, "s": s}


@cache
def mnist(train: bool = True, n: int = 1000) -> Arrays:
    """The first digits of MNIST, averaged to 14 x 14 pixels in [0, 1]."""
    which = "train" if train else "t10k"
    place = folder() / "mnist"
    images = gzip.decompress(_needed(place / f"{which}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress(_needed(place / f"{which}-labels-idx1-ubyte.gz").read_bytes())
    pixels = np.frombuffer(images, np.uint8, offset=16, count=n * 784).reshape(n, 14, 2, 14, 2)
    x = pixels.mean((2, 4)).reshape(n, 196) / 255.0
    y = np.frombuffer(labels, np.uint8, offset=8, count=n).astype(np.int64)
    return {"x": x, "y": y}


@cache
def demand(n: int = 400, seed: int = 3) -> Arrays:
    """Demands around 50 with a long tail."""
    draw = np.random.default_rng(seed)
    return {"d": 30.0 + 10.0 * draw.gamma(2.0, 1.0, size=n)}


@cache
def returns(n: int = 400, seed: int = 4) -> Arrays:
    """Returns of four assets in percent, the better ones wilder, with a common shock."""
    draw = np.random.default_rng(seed)
    spread = np.array([0.3, 0.8, 1.5, 2.5])
    common = 0.5 * draw.standard_t(5, size=(n, 1))
    each = draw.standard_t(5, size=(n, 4))
    return {"x": np.array([0.1, 0.3, 0.6, 0.9]) + spread * (each + common)}


@cache
def places(n: int = 200, seed: int = 5) -> Arrays:
    """Points of the plane, two clouds."""
    draw = np.random.default_rng(seed)
    centres = np.where(draw.random((n, 1)) < 0.7, [[2.0, 1.0]], [[-1.0, 3.0]])
    return {"x": centres + 0.7 * draw.normal(size=(n, 2))}

"""Data sources: what stands behind `=` in a `data` line."""

from typing import ClassVar, Literal

from pydantic import Field

from cspec.dsl.settings.base import Settings
from cspec.dsl.text.limits import ROWS

Split = tuple[float, ...]
_SPLIT = "shares of the targets, in order; default: the source's own"


_TEN = tuple(map(str, range(10)))


class DataSource(Settings):
    """Base of the data sources. `targets` are the names of its own splits."""

    targets: ClassVar[tuple[str, ...]] = ("train", "val", "test")
    positional: ClassVar[tuple[str, ...]] = ()
    tabular: ClassVar[bool] = False
    """Whether columns beside `x` and `y` can be named."""
    classes: ClassVar[tuple[str, ...]] = ()
    """The values of `y` in the order of their codes; none where only the data say them."""


class Digits(DataSource):
    """1,797 handwritten digits of 8 x 8 pixels, ten classes, embedded (UCI, by E. Alpaydin)."""

    word: ClassVar[str] = "digits"
    classes: ClassVar[tuple[str, ...]] = _TEN
    split: Split = Field((0.6, 0.2, 0.2), description=_SPLIT)
    seed: int = Field(0, ge=0, description="seed of the split")
    image: bool = Field(False, description="keep images as (1, 8, 8) instead of 64 numbers")


class TwoGaussians(DataSource):
    """Two classes of points around (-3, -3) and (3, 3), unit variance."""

    word: ClassVar[str] = "two_gaussians"
    classes: ClassVar[tuple[str, ...]] = ("0", "1")
    n: int = Field(100, ge=1, le=ROWS.most, description="examples a class")
    seed: int = Field(0, ge=0, description="seed of the points")
    split: Split | None = Field(None, description=_SPLIT)


class TableFile(DataSource):
    """Base of tables in files: which columns are inputs, target and groups."""

    positional: ClassVar[tuple[str, ...]] = ("path",)
    tabular: ClassVar[bool] = True
    path: str = Field(description="the file, relative to the spec")
    target: str = Field(description="the column that `y` is")
    split: Split | None = Field(None, description=_SPLIT)
    seed: int = Field(0, ge=0, description="seed of the split")
    inputs: tuple[str, ...] | None = Field(
        None, description="input columns; default: all but the target and the columns named"
    )
    categorical: tuple[str, ...] = Field((), description="numeric columns that are categories")
    positive: str | float | None = Field(None, description="target value that is class 1")
    missing: Literal["error", "drop"] = Field(
        "error", description="rows with a missing value: an error, or left out"
    )
    scale: Literal["standard", "none"] = Field(
        "standard", description="standardize numeric inputs by the first part, or leave them"
    )


class Csv(TableFile):
    """A table in a comma-separated file with a header line."""

    word: ClassVar[str] = "csv"
    na_values: tuple[str, ...] = Field((), description="texts that mean a missing value")
    separator: str = Field(",", min_length=1, description="what stands between entries")
    names: tuple[str, ...] | None = Field(
        None, description="names of the columns of a file without a header line"
    )
    skip_rows: int = Field(0, ge=0, description="lines above the header that are passed over")


class Parquet(TableFile):
    """A table in a Parquet file (pyarrow)."""

    word: ClassVar[str] = "parquet"


class Mnist(DataSource):
    """MNIST from the four IDX files in a folder: 60,000 and 10,000 images of 28 x 28."""

    word: ClassVar[str] = "mnist"
    classes: ClassVar[tuple[str, ...]] = _TEN
    positional: ClassVar[tuple[str, ...]] = ("folder",)
    folder: str | None = Field(None, description="folder of the IDX files; default: data/mnist")
    split: Split | None = Field(None, description="shares of the 60,000 for train and val")
    seed: int = Field(0, ge=0, description="seed of the split")
    image: bool = Field(True, description="keep images as (1, 28, 28)")


class Cifar10(DataSource):
    """CIFAR-10 from the binary or Python batches in a folder: images of 3 x 32 x 32."""

    word: ClassVar[str] = "cifar10"
    positional: ClassVar[tuple[str, ...]] = ("folder",)
    folder: str | None = Field(None, description="folder of the batches; default: data/cifar10")
    split: Split | None = Field(None, description="shares of the 50,000 for train and val")
    seed: int = Field(0, ge=0, description="seed of the split")


class Idx(DataSource):
    """Any pair of IDX files: images and labels."""

    word: ClassVar[str] = "idx"
    positional: ClassVar[tuple[str, ...]] = ("images", "labels")
    images: str = Field(description="IDX file of the inputs")
    labels: str = Field(description="IDX file of the labels")
    split: Split | None = Field(None, description=_SPLIT)
    seed: int = Field(0, ge=0, description="seed of the split")
    image: bool = Field(True, description="keep images as (1, height, width)")


class _Table(DataSource):
    """Base of the small tables that come with scikit-learn: their columns are features of `x`."""

    split: Split | None = Field(None, description=_SPLIT)
    seed: int = Field(0, ge=0, description="seed of the split")
    scale: Literal["standard", "none"] = Field(
        "standard", description="standardize inputs by the first target's mean and deviation"
    )


class BreastCancer(_Table):
    """569 tumors, 30 numbers each, two classes (scikit-learn)."""

    word: ClassVar[str] = "breast_cancer"
    classes: ClassVar[tuple[str, ...]] = ("malignant", "benign")


class Wine(_Table):
    """178 wines, 13 numbers each, three classes (scikit-learn)."""

    word: ClassVar[str] = "wine"
    classes: ClassVar[tuple[str, ...]] = ("class_0", "class_1", "class_2")


class Iris(_Table):
    """150 flowers, 4 numbers each, three classes (scikit-learn)."""

    word: ClassVar[str] = "iris"
    classes: ClassVar[tuple[str, ...]] = ("setosa", "versicolor", "virginica")


class Diabetes(_Table):
    """442 patients, 10 numbers each, a disease measure to predict (scikit-learn)."""

    word: ClassVar[str] = "diabetes"


SOURCES: dict[str, type[DataSource]] = {
    c.word: c
    for c in (
        *(Digits, TwoGaussians, Csv, Parquet, Mnist, Cifar10, Idx),
        *(BreastCancer, Wine, Iris, Diabetes),
    )
}

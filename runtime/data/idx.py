"""IDX files, the format of MNIST and its relatives, plain or gzipped.

Layout: two zero bytes, a type byte, the number of dimensions, each size as a big-endian 32-bit
number, then the entries, big-endian. Source: the format section of the MNIST page of LeCun.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cspec.runtime.data.dataset import Dataset, whole_classes
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.files import data_folder, find_file, first_file
from cspec.runtime.data.split import split_dataset

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"


def _content(path: Path) -> bytes:
    raw = path.read_bytes()
    if not raw.startswith(_GZIP):
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"`{path}` is a damaged gzip file: {error}", "copy or download it again"
        ) from error


def read_idx(path: str | Path) -> NDArray[np.generic]:
    """The array stored in an IDX file, gzipped or plain.

    Raises:
        DataError: no IDX file, a damaged one, or one of another length than it states.
    """
    path = Path(path)
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise DataError(f"`{path}` is no IDX file: it begins with {content[:4].hex(' ')}")
    kind, dimensions = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise DataError(f"`{path}` ends inside its header")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    expected = math.prod(shape) * kind.itemsize
    if len(content) - start != expected:
        raise DataError(
            f"`{path}` states {expected} bytes of entries but holds {len(content) - start}",
            "the file is cut short or damaged: copy or download it again",
        )
    entries = np.frombuffer(content, dtype=kind, offset=start)
    return entries.astype(kind.newbyteorder("=")).reshape(shape)


def _names(prefix: str, kind: str, dimensions: int) -> list[str]:
    stems = [f"{prefix}-{kind}{separator}idx{dimensions}-ubyte" for separator in "-."]
    return [stem + ending for stem in stems for ending in ("", ".gz")]


def _part(folder: Path, prefix: str, name: str, image: bool) -> Dataset:
    images = first_file(folder, _names(prefix, "images", 3), f"{name} images")
    labels = first_file(folder, _names(prefix, "labels", 1), f"{name} labels")
    part = _pair(name, images, labels, image)
    return replace(part, classes={"y": tuple(range(10))})


def _pair(name: str, images: Path, labels: Path, image: bool) -> Dataset:
    pixels, codes = read_idx(images), read_idx(labels)
    if pixels.ndim != 3 or codes.ndim != 1 or pixels.dtype != np.uint8:
        raise DataError(
            f"`{images.name}` and `{labels.name}` hold {pixels.dtype} of shape {pixels.shape} and "
            f"{codes.dtype} of shape {codes.shape}",
            "needed: gray images of bytes (N, height, width) and labels (N,)",
        )
    x = torch.from_numpy(pixels).to(torch.get_default_dtype()).div_(255)  # one copy, not two
    y = torch.from_numpy(codes).to(torch.int64)
    classes = whole_classes(y)
    return Dataset(
        name=name,
        columns={"x": x[:, None] if image else x.flatten(1), "y": y},
        classes={} if classes is None else {"y": classes},
        provenance=f"{images.name}, {name}: {len(x)} images of "
        f"{pixels.shape[1]}x{pixels.shape[2]} pixels",
    )


def idx(
    images: str,
    labels: str,
    split: Sequence[float] | None = None,
    seed: int = 0,
    image: bool = True,
) -> dict[str, Dataset]:
    """Any pair of IDX files, gray images and labels: all of it `train`, unless `split` is given.

    `x` is (N, 1, height, width) in [0, 1], flat with `image=false`.

    Raises:
        DataError: a file that is missing, damaged, or holds something else.
    """
    whole = _pair("train", find_file(images), find_file(labels), image)
    return split_dataset(whole, split, seed)


def mnist(
    folder: str | None = None,
    split: Sequence[float] | None = None,
    seed: int = 0,
    image: bool = True,
) -> dict[str, Dataset]:
    """Handwritten digits (or a relative with ten classes) from IDX files: `train` and `test`.

    `x` is (N, 1, 28, 28) in [0, 1], flat with `image=false`. `split=[0.9, 0.1]` carves `val` from
    the training images and leaves the test images alone. The folder is `folder`, else
    `$CSPEC_DATA/mnist`.

    Raises:
        DataError: a file that is missing or damaged.
    """
    where = data_folder(folder, "mnist")
    train, test = _part(where, "train", "train", image), _part(where, "t10k", "test", image)
    return with_validation(train, test, split, seed)


def with_validation(
    train: Dataset, test: Dataset, split: Sequence[float] | None, seed: int
) -> dict[str, Dataset]:
    """`train` and `test`, with `val` carved from the training rows where `split` has two shares."""
    if split is None:
        return {"train": train, "test": test}
    if not 1 <= len(split) <= 2:
        raise DataError(
            f"split={list(split)}: this source has its own test data, so `split` cuts the "
            "training data into train and val",
            "for example split=[0.9, 0.1]",
        )
    names = ("train", "val")[: len(split)]
    return {**split_dataset(train, split, seed, names), "test": test}

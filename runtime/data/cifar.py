"""CIFAR-10 from files on this machine: npz in two layouts, or the published binary batches."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.files import data_folder, first_file
from cspec.runtime.data.idx import with_validation

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_LOSSLESS = ("cifar10_lossless_4k1k.npz", "cifar10.npz")
_LOSSY = ("cifar10_jpegbytes_50k10k.npz",)
_RECORD = 1 + 3 * 32 * 32

_Images = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def _decode(stream: NDArray[np.uint8], lengths: NDArray[np.int32]) -> NDArray[np.uint8]:
    """JPEG files laid end to end -> (N, 32, 32, 3)."""
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError(
            "the JPEG layout of CIFAR-10 needs Pillow, which is not installed",
            "to fix this: pip install pillow",
        ) from error
    ends = np.cumsum(lengths)
    content = stream.tobytes()
    images = np.empty((len(lengths), 32, 32, 3), dtype=np.uint8)
    for i, (end, length) in enumerate(zip(ends, lengths, strict=True)):
        with Image.open(io.BytesIO(content[end - length : end])) as picture:
            images[i] = np.asarray(picture.convert("RGB"))
    return images


def _from_npz(path: Path) -> tuple[_Images, _Images]:
    try:
        archive: Any = np.load(path, allow_pickle=False)
        names = set(archive.files)
        if {"x_train", "y_train", "x_test", "y_test"} <= names:
            return (archive["x_train"], archive["y_train"]), (archive["x_test"], archive["y_test"])
        if {"train_bytes", "train_len", "y_train", "test_bytes", "test_len", "y_test"} <= names:
            train = _decode(archive["train_bytes"], archive["train_len"])
            test = _decode(archive["test_bytes"], archive["test_len"])
            return (train, archive["y_train"]), (test, archive["y_test"])
    except (OSError, ValueError, BadZipFile) as error:
        raise DataError(f"`{path}` can't be read as an npz archive: {error}") from error
    raise DataError(
        f"`{path}` holds none of the known layouts of CIFAR-10",
        "needed: x_train, y_train, x_test, y_test",
        f"found: {', '.join(sorted(names))}",
    )


def _binary_batch(path: Path) -> _Images:
    raw = np.fromfile(path, dtype=np.uint8)
    if not len(raw) or len(raw) % _RECORD:
        raise DataError(f"`{path}` is damaged: its size is no multiple of {_RECORD} bytes")
    records = raw.reshape(-1, _RECORD)
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, 0]


def _from_binary(folder: Path) -> tuple[_Images, _Images]:
    batches = [
        _binary_batch(first_file(folder, [f"data_batch_{i}.bin"], f"training batch {i}"))
        for i in range(1, 6)
    ]
    images = np.concatenate([batch[0] for batch in batches])
    labels = np.concatenate([batch[1] for batch in batches])
    return (images, labels), _binary_batch(first_file(folder, ["test_batch.bin"], "test batch"))


def _part(name: str, content: _Images, origin: str, classes: tuple[str, ...]) -> Dataset:
    images, labels = content
    if images.ndim != 4 or images.shape[1:] != (32, 32, 3) or images.dtype != np.uint8:
        raise DataError(
            f"the {name} images of {origin} are {images.dtype} of shape {images.shape}, "
            "not uint8 of shape (N, 32, 32, 3)"
        )
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    return Dataset(
        name=name,
        columns={
            "x": pixels.to(torch.get_default_dtype()) / 255,
            "y": torch.from_numpy(np.ascontiguousarray(labels).reshape(-1)).to(torch.int64),
        },
        classes={"y": classes},
        provenance=f"CIFAR-10 of {origin}, {name}: {len(labels)} images",
    )


def cifar10(
    folder: str | None = None,
    split: Sequence[float] | None = None,
    seed: int = 0,
    lossy: bool = False,
) -> dict[str, Dataset]:
    """Photographs of ten classes, `x` (N, 3, 32, 32) in [0, 1]: `train` and `test`.

    Read from `folder`, else `$CSPEC_DATA/cifar10`: an npz with x_train, y_train, x_test, y_test,
    the published binary batches, or, with `lossy`, an npz of JPEG files (never mix the two).
    `split=[0.9, 0.1]` carves `val` from the training images.

    Raises:
        DataError: a file that is missing, damaged or of another layout.
    """
    where = data_folder(folder, "cifar10")
    nested = where / "cifar-10-batches-bin"
    binary = nested if nested.is_dir() else where
    if not lossy and (binary / "data_batch_1.bin").is_file():
        train, test = _from_binary(binary)
        origin = "binary batches"
    else:
        path = first_file(where, _LOSSY if lossy else _LOSSLESS, "CIFAR-10 archive")
        train, test = _from_npz(path)
        origin = path.name
    parts = _part("train", train, origin, CLASSES), _part("test", test, origin, CLASSES)
    return with_validation(*parts, split, seed)

"""IDX files and CIFAR-10 layouts, made here; the real files where CSPEC_DATA names them."""

import gzip
import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from cspec.runtime.data import DataError, load, read_idx


def _idx(array: np.ndarray, code: int) -> bytes:  # type: ignore[type-arg]
    head = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def _write_mnist(folder: Path, rows: int = 20) -> np.ndarray:  # type: ignore[type-arg]
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (rows, 4, 5), dtype=np.uint8)
    labels = (np.arange(rows) % 10).astype(np.uint8)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(_idx(images, 8)))
    (folder / "train-labels.idx1-ubyte").write_bytes(_idx(labels, 8))
    (folder / "t10k-images-idx3-ubyte").write_bytes(_idx(images[:7], 8))
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(_idx(labels[:7], 8)))
    return images


@pytest.mark.parametrize(
    ("code", "dtype"), [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")]
)
def test_idx_types_are_read_back(tmp_path: Path, code: int, dtype: str) -> None:
    array = np.arange(-3 if dtype != "u1" else 0, 9).astype(dtype)[:8].reshape(2, 4)
    (tmp_path / "a").write_bytes(_idx(array, code))
    found = read_idx(tmp_path / "a")
    assert found.dtype == np.dtype(dtype) and np.array_equal(found, array)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello", "is no IDX file: it begins with 68 65 6c 6c"),
        (b"\0\0\x08\x02\0\0", "ends inside its header"),
        (_idx(np.zeros((3, 3), np.uint8), 8)[:-2], "states 9 bytes of entries but holds 7"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-12], "is a damaged gzip file"),
    ],
)
def test_damaged_idx_files(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_idx(tmp_path / "a")


def test_mnist_parts_and_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = _write_mnist(tmp_path)
    parts = load("mnist", ["train", "test"], folder=str(tmp_path))
    assert parts["train"]["x"].shape == (20, 1, 4, 5) and len(parts["test"]) == 7
    assert torch.allclose(parts["train"]["x"][:, 0], torch.from_numpy(images) / 255)
    assert load("mnist", ["test"], folder=str(tmp_path), image=False)["test"]["x"].shape == (7, 20)
    split = load("mnist", ["train", "val", "test"], folder=str(tmp_path), split=[0.75, 0.25])
    assert [len(p) for p in split.values()] == [15, 5, 7]
    with pytest.raises(DataError, match="has the parts train, test, not train, val"):
        load("mnist", ["train", "val"], folder=str(tmp_path))
    with pytest.raises(DataError, match="has its own test data"):
        load("mnist", None, folder=str(tmp_path), split=[0.5, 0.3, 0.2])
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(DataError, match="holds no test images\nlooked for: t10k-images-idx3"):
        load("mnist", None, folder=str(tmp_path))
    monkeypatch.delenv("CSPEC_DATA", raising=False)
    with pytest.raises(DataError, match="no folder was named"):
        load("mnist", None)
    with pytest.raises(DataError, match="does not exist"):
        load("mnist", None, folder=str(tmp_path / "nowhere"))


def test_any_pair_of_idx_files(tmp_path: Path) -> None:
    _write_mnist(tmp_path)
    files = {
        "images": str(tmp_path / "train-images-idx3-ubyte.gz"),
        "labels": str(tmp_path / "train-labels.idx1-ubyte"),
    }
    parts = load("idx", ["a", "b"], split=[0.5, 0.5], **files)
    assert [len(p) for p in parts.values()] == [10, 10]
    assert load("idx", None, **files)["train"].classes["y"] == tuple(range(10))
    with pytest.raises(DataError, match="needed: gray images of bytes"):
        load("idx", None, images=files["labels"], labels=files["labels"])
    with pytest.raises(DataError, match="`none` does not exist"):
        load("idx", None, images="none", labels=files["labels"])


def _pictures(rows: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(1).integers(0, 256, (rows, 32, 32, 3), dtype=np.uint8)


def test_cifar10_npz_and_binary_agree(tmp_path: Path) -> None:
    pictures, labels = _pictures(10), np.arange(10, dtype=np.uint8)
    archive, binary = tmp_path / "npz", tmp_path / "bin"
    archive.mkdir()
    binary.mkdir()
    np.savez(
        archive / "cifar10.npz",
        x_train=pictures,
        y_train=labels,
        x_test=pictures[:2],
        y_test=labels[:2],
    )
    planes = pictures.transpose(0, 3, 1, 2).reshape(10, -1)
    records = np.concatenate([labels[:, None], planes], axis=1)
    for i in range(5):
        (binary / f"data_batch_{i + 1}.bin").write_bytes(records[2 * i : 2 * i + 2].tobytes())
    (binary / "test_batch.bin").write_bytes(records[:2].tobytes())
    a, b = (load("cifar10", None, folder=str(folder)) for folder in (archive, binary))
    assert torch.equal(a["train"]["x"], b["train"]["x"])
    assert torch.equal(a["test"]["y"], b["test"]["y"])
    assert a["train"]["x"].shape == (10, 3, 32, 32) and a["train"].classes["y"][3] == "cat"
    (binary / "test_batch.bin").write_bytes(b"short")
    with pytest.raises(DataError, match="is damaged"):
        load("cifar10", None, folder=str(binary))
    np.savez(archive / "cifar10.npz", x=pictures)
    with pytest.raises(DataError, match="none of the known layouts"):
        load("cifar10", None, folder=str(archive))
    (archive / "cifar10.npz").write_bytes(b"PK no archive")
    with pytest.raises(DataError, match="can't be read as an npz"):
        load("cifar10", None, folder=str(archive))


def test_cifar10_jpeg_layout(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    flat = np.broadcast_to(np.array([10, 128, 250], np.uint8), (32, 32, 3))
    buffer = io.BytesIO()
    image.fromarray(np.ascontiguousarray(flat)).save(buffer, "JPEG", quality=100)
    stream = np.frombuffer(buffer.getvalue() * 3, np.uint8)
    lengths = np.full(3, len(buffer.getvalue()), np.int32)
    names = {f"{p}_bytes": stream for p in ("train", "test")}
    names |= {f"{p}_len": lengths for p in ("train", "test")}
    names |= {f"y_{p}": np.arange(3, dtype=np.uint8) for p in ("train", "test")}
    np.savez(tmp_path / "cifar10_jpegbytes_50k10k.npz", **names)
    x = load("cifar10", None, folder=str(tmp_path), lossy=True)["train"]["x"]
    assert x.shape == (3, 3, 32, 32)
    assert (x[2].mean((1, 2)) * 255).tolist() == pytest.approx([10, 128, 250], abs=2)


@pytest.mark.skipif(
    not (Path(os.environ.get("CSPEC_DATA", "nowhere")) / "mnist").is_dir(),
    reason="CSPEC_DATA names no folder with mnist/",
)
def test_real_mnist() -> None:
    parts = load("mnist", ["train", "test"])
    assert (len(parts["train"]), len(parts["test"])) == (60_000, 10_000)
    assert parts["train"]["y"][:5].tolist() == [5, 0, 4, 1, 9]

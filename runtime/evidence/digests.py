"""Digests of what a run works on: data by columns, models by their layers. SHA-256 of raw bytes.

A label that is changed in one row changes the digest of its column; so do another order of the
rows, another type, another shape.
"""

import hashlib
import json
import re

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from cspec.runtime.data.dataset import Dataset

_ADDRESS = re.compile(r"0x[0-9a-f]+")


class ColumnDigest(BaseModel, frozen=True, extra="forbid"):
    """One column: its type, its shape with the rows, its content and its classes."""

    dtype: str
    shape: tuple[int, ...]
    sha256: str

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape} sha256 {self.sha256[:16]}"


class DataDigest(BaseModel, frozen=True, extra="forbid"):
    """One dataset."""

    rows: int
    columns: dict[str, ColumnDigest]
    streamed: str = ""
    """Why its batches themselves have no digest, where a loader makes them: the columns are what
    was read once, for measures on whole data."""


class ModelDigest(BaseModel, frozen=True, extra="forbid"):
    """One model: its layers as torch prints them, and the parameters and buffers that it has."""

    layers: str
    tensors: dict[str, str]
    """Name to `float32 (4, 64)`."""


def tensor_digest(value: Tensor) -> str:
    """SHA-256 of type, shape and raw bytes."""
    plain = value.detach().cpu().contiguous()
    if plain.is_complex():
        plain = torch.view_as_real(plain).contiguous()
    found = hashlib.sha256(kind_of(value).encode())
    found.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def kind_of(value: Tensor) -> str:
    """`float32 (4, 64)`."""
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


def data_digest(dataset: Dataset) -> DataDigest:
    """The digest of each column; codes of classes together with what they stand for."""
    return DataDigest(
        rows=len(dataset),
        columns={name: _column(dataset, name) for name in dataset.columns},
        streamed=_streamed(dataset),
    )


def _column(dataset: Dataset, name: str) -> ColumnDigest:
    values, classes = dataset[name], dataset.classes.get(name)
    content = tensor_digest(values)
    if classes is not None:
        said = json.dumps([content, [str(c) for c in classes]])
        content = hashlib.sha256(said.encode()).hexdigest()
    dtype = str(values.dtype).removeprefix("torch.")
    return ColumnDigest(dtype=dtype, shape=tuple(values.shape), sha256=content)


def _streamed(dataset: Dataset) -> str:
    if dataset.items is not None:
        return "its examples are read anew for each batch"
    stream = dataset.stream
    if stream is None:
        return ""
    if not stream.again:
        return "its batches come once"
    if not stream.steady:
        return "its batches are drawn by a generator of its own"
    return "its batches are drawn by the loader"


def model_digest(model: nn.Module) -> ModelDigest:
    """Its layers with their settings (without addresses), and the shapes of what it holds."""
    layers = _ADDRESS.sub("0x", repr(model))
    return ModelDigest(
        layers=hashlib.sha256(layers.encode()).hexdigest(),
        tensors={name: kind_of(value) for name, value in model.state_dict().items()},
    )

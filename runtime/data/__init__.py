"""Datasets: sources, data from Python, splits and the order of batches."""

from cspec.runtime.data.dataset import Dataset, whole_classes
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.from_python import as_dataset
from cspec.runtime.data.idx import read_idx
from cspec.runtime.data.order import permutation
from cspec.runtime.data.sources import SOURCES, load
from cspec.runtime.data.split import split_indices

__all__ = [
    "SOURCES",
    "DataError",
    "Dataset",
    "as_dataset",
    "load",
    "permutation",
    "read_idx",
    "split_indices",
    "whole_classes",
]

"""What a loader is made of: which examples it draws from, in which order, how many at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch.utils.data import (
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from torch.utils.data import Dataset as TorchDataset

READ_AT_ONCE = 256
"""Examples that are read at once where nobody says how many."""


def is_map_style(obj: Any) -> bool:
    """Whether it gives examples by position: a torch dataset, or one that is like it.

    `datasets.Dataset` is, and its transforms are made where an example is read.
    """
    if isinstance(obj, IterableDataset):
        return False
    if isinstance(obj, TorchDataset) or hasattr(obj, "with_transform"):
        return hasattr(obj, "__getitem__")
    plain = isinstance(obj, (str, bytes, Mapping, Sequence)) or hasattr(obj, "__array__")
    lookup = hasattr(obj, "__getitem__") and hasattr(obj, "__len__")
    return lookup and not plain and not hasattr(obj, "__iter__")


def is_iterable_dataset(obj: Any) -> bool:
    """Whether it gives examples one by one: a torch dataset, or one of `datasets` like it."""
    like = hasattr(obj, "with_format") and hasattr(obj, "__iter__") and not is_map_style(obj)
    return isinstance(obj, IterableDataset) or like


def in_order_of(loader: DataLoader[Any]) -> DataLoader[Any] | None:
    """The examples of a loader once each, in their own order; None where only it knows them."""
    dataset: Any = loader.dataset
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        return None
    if loader.batch_size is None and loader.batch_sampler is None:
        return None
    sampler: Any = getattr(loader.batch_sampler, "sampler", loader.sampler)
    if isinstance(sampler, SubsetRandomSampler):
        dataset = Subset(dataset, [int(i) for i in sampler.indices])
    elif not isinstance(sampler, (SequentialSampler, RandomSampler, WeightedRandomSampler)) or len(
        getattr(sampler, "data_source", dataset)
    ) != len(dataset):
        return None
    return as_of(loader, dataset, batch_size_of(loader) or READ_AT_ONCE)


def as_of(
    loader: DataLoader[Any], dataset: TorchDataset[Any], batch_size: int | None
) -> DataLoader[Any]:
    """A loader that reads other examples, in order, by the workers of this one."""
    return DataLoader(
        dataset,
        batch_size=batch_size,
        collate_fn=loader.collate_fn,
        num_workers=loader.num_workers,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
    )


def batch_size_of(loader: DataLoader[Any]) -> int | None:
    """Examples a batch; None where the loader does not say."""
    if loader.batch_size is not None:
        return int(loader.batch_size)
    size = getattr(loader.batch_sampler, "batch_size", None)
    return int(size) if isinstance(size, int) else None


def leaves_one(loader: DataLoader[Any]) -> bool:
    """Whether the last batch of a loader over examples by position is a single one."""
    size = batch_size_of(loader)
    sampler: Any = getattr(loader.batch_sampler, "sampler", loader.sampler)
    return size is not None and size > 1 and len(sampler) == (len(loader) - 1) * size + 1


def own_generator(loader: DataLoader[Any]) -> Any:
    """The generator that the order is drawn from, None for torch's own."""
    sampler: Any = getattr(loader.batch_sampler, "sampler", loader.sampler)
    return getattr(sampler, "generator", None)

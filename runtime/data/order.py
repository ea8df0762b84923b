"""The order of examples is a function of (seed, epoch): nothing else needs to be saved.

No global generator is read or moved. Resuming at (epoch, position) gives the same batches as never
having stopped.
"""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor

from cspec.compiler.choose.batching import batches_per_epoch


def generator_for(*keys: int | str) -> torch.Generator:
    """A CPU generator whose seed is a hash of the keys: near keys give unrelated streams."""
    digest = hashlib.blake2b(repr(keys).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big", signed=True))


def permutation(n: int, seed: int, epoch: int) -> Tensor:
    """The order of n examples in an epoch, int64 (n,); the same on every machine and device."""
    return torch.randperm(n, generator=generator_for("order", seed, epoch))


def _count(n: int, batch_size: int | None, drop_last: bool) -> int:
    if drop_last and batch_size is not None:
        return n // batch_size
    return batches_per_epoch(n, batch_size)


def batches(
    n: int,
    batch_size: int | None,
    seed: int,
    epoch: int,
    start: int = 0,
    drop_last: bool = False,
    device: torch.device | str | None = None,
) -> Iterator[Tensor]:
    """Index tensors of the batches of one epoch, from batch number `start` on.

    `batch_size=None` is the full data in their own order, one batch an epoch. A last batch that is
    smaller is kept unless `drop_last`. The whole order moves to `device` once, so no step copies.

    Raises:
        ValueError: no examples, a batch size below 1, a start outside the epoch.
    """
    if n < 1 or (batch_size is not None and batch_size < 1):
        raise ValueError(f"batches need at least one example each, got n={n}, size {batch_size}")
    count = _count(n, batch_size, drop_last)
    if not 0 <= start <= count:
        raise ValueError(f"batch {start} does not exist: the epoch has {count} batches")
    order = torch.arange(n) if batch_size is None else permutation(n, seed, epoch)
    if device is not None:
        order = order.to(device)
    size = n if batch_size is None else batch_size
    return (order[size * k : size * (k + 1)] for k in range(start, count))

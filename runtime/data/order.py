"""The order of examples is a function of (seed, epoch): nothing else needs to be saved.

No global generator is read or moved. Resuming at (epoch, position) gives the same batches as never
having stopped.
"""

import hashlib

import torch
from torch import Tensor


def generator_for(*keys: int | str) -> torch.Generator:
    """A CPU generator whose seed is a hash of the keys: near keys give unrelated streams."""
    digest = hashlib.blake2b(repr(keys).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big", signed=True))


def permutation(n: int, seed: int, epoch: int) -> Tensor:
    """The order of n examples in an epoch, int64 (n,); the same on every machine and device."""
    return torch.randperm(n, generator=generator_for("order", seed, epoch))

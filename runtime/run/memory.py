"""Memory that steps give back and take again."""

import torch

LARGEST = 32 * 2**20
"""Bytes of a block up to which glibc learns from one that is freed (DEFAULT_MMAP_THRESHOLD_MAX)."""


def keep_freed_memory() -> None:
    """Have the allocator keep what a step frees for the step behind it.

    glibc gives large blocks back to the system at once, and each page of them is cleared when it is
    taken again: an epoch of a small convolutional network on MNIST had 800,000 such pages. A block
    that is freed raises the size from which on it does so to its own, and what it keeps to twice of
    it (`man mallopt`, M_MMAP_THRESHOLD); what is never written to takes no memory. Other allocators
    keep what they like.
    """
    torch.empty(LARGEST - 2**16, dtype=torch.uint8)

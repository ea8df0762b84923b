"""A certificate: what is shown of one requirement with confidence, and on what it rests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CertifiedMean:
    """One mean: what was counted, and the part of the error that its bounds were paid with."""

    text: str
    group: str
    """Which group, where a mean is by group."""
    n: int
    k: int | None
    """Of a fraction how many; None for the mean of a quantity."""
    mean: float
    upper: float | None = None
    upper_error: float = 0.0
    lower: float | None = None
    lower_error: float = 0.0
    together_error: float = 0.0
    """Of an exact test of two rates, which uses no bounds of each."""


@dataclass(frozen=True)
class Certificate:
    """With probability at least `confidence` over the split, a violated requirement fails here.

    `bound` is one-sided, of what `about` says: it is compared with `threshold` by `relation`.
    """

    confidence: float
    error: float
    """What was left of 1 - confidence for this look."""
    data: str
    certified: bool
    about: str
    relation: str
    estimate: float
    bound: float
    threshold: float
    means: tuple[CertifiedMean, ...] = ()
    needed: int | None = None
    """Where it fails: about how many examples a split would take at the estimate seen; None where
    none would do, or where it holds."""
    why: str = ""
    """Where it fails for another reason than the bound: an empty group, earlier looks."""

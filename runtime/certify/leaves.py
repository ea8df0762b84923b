"""Confidence bounds of one mean, each one-sided at the error given.

    rate of k in n     Clopper-Pearson (1934):  upper = the p at which P[Bin(n, p) <= k] = error,
                       the quantile 1 - error of Beta(k + 1, n - k); exact whatever n and p
    mean in [a, b]     the smaller of Hoeffding (1963)  m + (b - a) sqrt(log(1/e) / 2n)
                       and Maurer and Pontil (2009)     m + sqrt(2 V log(2/e) / n)
                                                          + 7 (b - a) log(2/e) / 3(n - 1)
                       at e = error / 2 each: the better is taken after looking, so both pay

Examples are drawn apart from one distribution. Without an example a mean may be anywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import scipy


@dataclass(frozen=True)
class Observed:
    """What was seen of one mean."""

    n: int
    mean: float
    hits: int | None = None
    """Of a fraction, how many; None for other means."""
    variance: float = 0.0
    """With n - 1 degrees of freedom; of fractions it plays no part."""
    low: float = 0.0
    high: float = 1.0

    def mirrored(self) -> Observed:
        """The same of low + high - x."""
        hits = None if self.hits is None else self.n - self.hits
        mean = self.low + self.high - self.mean
        return Observed(self.n, mean, hits, self.variance, self.low, self.high)

    def larger(self, times: float) -> Observed:
        """What more examples would show if they went on in the same way."""
        n = max(1, round(self.n * times))
        hits = None if self.hits is None else round(n * self.mean)
        return Observed(n, self.mean, hits, self.variance, self.low, self.high)


def upper(seen: Observed, error: float) -> float:
    """The bound that the true mean exceeds with probability at most `error`; NaN stays NaN."""
    if math.isnan(seen.mean) and seen.n:
        return math.nan
    if seen.n == 0 or error <= 0:
        return seen.high
    found = _of_rate(seen, error) if seen.hits is not None else _of_mean(seen, error)
    return min(seen.high, math.nextafter(found, math.inf))


def lower(seen: Observed, error: float) -> float:
    """The bound that the true mean is below with probability at most `error`."""
    return seen.low + seen.high - upper(seen.mirrored(), error)


def _of_rate(seen: Observed, error: float) -> float:
    hits, n = seen.hits, seen.n
    assert hits is not None
    return 1.0 if hits >= n else 1.0 - float(scipy.special.betaincinv(n - hits, hits + 1, error))


def _of_mean(seen: Observed, error: float) -> float:
    width, each, n = seen.high - seen.low, error / 2, seen.n
    hoeffding = width * math.sqrt(math.log(1 / each) / (2 * n))
    if n < 2 or math.isnan(seen.variance):
        return seen.mean + hoeffding
    log = math.log(2 / each)
    bernstein = math.sqrt(2 * seen.variance * log / n) + 7 * width * log / (3 * (n - 1))
    return seen.mean + min(hoeffding, bernstein)

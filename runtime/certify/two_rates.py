"""A bound of a p + b q, for rates of examples of two kinds: exact, and close to the normal one.

With X of n and Y of m examples seen, T = a X/n + b Y/m at t. Whoever holds a p + b q >= c has to
find T <= t likely: the largest c of which that can't be said is the bound. P[T <= t] grows as
a p + b q falls, so only p, q with a p + b q = c count, and q is the one unknown that is left. It is
looked for where it is believable alone, in the Clopper-Pearson interval at a small part of the
error (Berger and Boos, 1994, J. Amer. Statist. Assoc. 89); the rest is for the test:

    p-value(c) = max over q in C of P[T <= t] + error of C  <=  error

The maximum is over cells of q. On a cell P[T <= t] is largest with both rates at the ends that make
T small, so each cell is bounded by one sum over Y, and nothing hangs on how fine the cells are but
the power. By interval arithmetic instead, both rates pay half the error and their widths add up.
"""

import math

import numpy as np
import scipy
from numpy.typing import NDArray

from cspec.runtime.certify.leaves import Observed, lower, upper

NUISANCE = 0.05
"""Share of the error that pays for the interval of the second rate."""
CELLS = 128
WIDTH = 7.0
"""Standard deviations of Y that are summed; the rest is counted against the certificate."""
ROUNDING = 1e-9
"""T within this of t is counted as not above it."""
PRECISION = 1e-5

Vector = NDArray[np.float64]


def upper_of_two(
    a: float, first: Observed, b: float, second: Observed, error: float, above: float = -math.inf
) -> float:
    """The bound that a p + b q exceeds with probability at most `error`.

    Where it is no larger than `above`, `above` is returned: one look is enough for that.
    """
    top = max(0.0, a) + max(0.0, b)
    if first.n == 0 or second.n == 0:
        return top
    if first.n > second.n:
        first, second, a, b = second, first, b, a
    seen = a * first.mean + b * second.mean
    if above >= seen and _excluded(a, first, b, second, error, above):
        return above
    low, high = max(seen, above), top
    while high - low > PRECISION * (abs(a) + abs(b)):
        middle = (low + high) / 2
        fits = _excluded(a, first, b, second, error, middle)
        low, high = (low, middle) if fits else (middle, high)
    return high


def is_at_most(
    a: float, first: Observed, b: float, second: Observed, error: float, c: float
) -> bool:
    """Whether the bound of `upper_of_two` is at most c: one look."""
    if first.n == 0 or second.n == 0:
        return False
    if first.n > second.n:
        first, second, a, b = second, first, b, a
    return a * first.mean + b * second.mean <= c and _excluded(a, first, b, second, error, c)


def _excluded(
    a: float, first: Observed, b: float, second: Observed, error: float, c: float
) -> bool:
    """Whether a p + b q >= c can be ruled out at this error."""
    beside = NUISANCE * error
    ends = np.linspace(lower(second, beside / 2), upper(second, beside / 2), CELLS + 1)
    left, right = ends[:-1], ends[1:]
    p_left, p_right = (c - b * left) / a, (c - b * right) / a
    p_low, p_high = np.minimum(p_left, p_right), np.maximum(p_left, p_right)
    possible = (p_high >= 0) & (p_low <= 1)
    p = np.clip(p_low if a > 0 else p_high, 0.0, 1.0)[possible]
    q = (left if b > 0 else right)[possible]
    if not p.size:
        return True
    return bool(_at_most(a, first, p, b, second, q).max() + beside <= error)


def _at_most(a: float, first: Observed, p: Vector, b: float, second: Observed, q: Vector) -> Vector:
    """P[a X/n + b Y/m <= t] for each pair of rates, from above."""
    n, m = first.n, second.n
    t = a * first.mean + b * second.mean + ROUNDING
    spread = WIDTH * np.sqrt(m * q * (1 - q)) + WIDTH
    start, end = int((m * q - spread).min()), int((m * q + spread).max())
    y = np.arange(max(0, start), min(m, end) + 1)
    limit = n * (t - b * y / m) / a
    if a > 0:
        within = _cdf(np.floor(limit)[None, :], n, p[:, None])
    else:
        within = 1.0 - _cdf(np.ceil(limit)[None, :] - 1, n, p[:, None])
    choose = (
        scipy.special.gammaln(m + 1)
        - scipy.special.gammaln(y + 1)
        - scipy.special.gammaln(m - y + 1)
    )
    weights = np.exp(
        choose[None, :]
        + scipy.special.xlogy(y, q[:, None])
        + scipy.special.xlog1py(m - y, -q[:, None])
    )
    rest = np.maximum(0.0, 1.0 - weights.sum(1))
    found: Vector = (weights * within).sum(1) + rest
    return found


def _cdf(k: Vector, n: int, p: Vector) -> Vector:
    """P[Bin(n, p) <= k] = 1 - I_p(k + 1, n - k), for k of any size."""
    inside = np.clip(k, 0, n - 1)
    found: Vector = np.where(
        k < 0, 0.0, np.where(k >= n, 1.0, scipy.special.betainc(n - inside, inside + 1, 1 - p))
    )
    return found

"""The test of two rates against all outcomes that there are."""

import math

import numpy as np
import pytest

from cspec.runtime.certify.leaves import Observed, lower, upper
from cspec.runtime.certify.two_rates import upper_of_two

ERROR = 0.1


def seen(k: int, n: int) -> Observed:
    return Observed(n, k / n, k)


def pmf(k: int, n: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize(
    ("a", "b", "n", "m"),
    [
        (1, -1, 9, 6),
        (1, -1, 5, 14),
        (1, 1, 8, 8),
        (0.8, -1, 7, 11),
        (-1, 0.8, 12, 4),
        (-1, -2, 6, 6),
    ],
)
def test_the_bound_is_wrong_with_at_most_the_error_for_all_rates(
    a: float, b: float, n: int, m: int
) -> None:
    bounds = {
        (x, y): upper_of_two(a, seen(x, n), b, seen(y, m), ERROR)
        for x in range(n + 1)
        for y in range(m + 1)
    }
    for p in np.linspace(0.02, 0.98, 13):
        for q in np.linspace(0.02, 0.98, 13):
            true = a * p + b * q
            wrong = sum(
                pmf(x, n, p) * pmf(y, m, q) for (x, y), bound in bounds.items() if bound < true
            )
            assert wrong <= ERROR + 1e-9


def test_it_is_tighter_than_two_intervals_and_no_tighter_than_the_normal_limit() -> None:
    for k, n, j, m in ((400, 2000, 200, 1000), (350, 700, 250, 500), (30, 3000, 10, 1500)):
        first, second = seen(k, n), seen(j, m)
        exact = upper_of_two(1, first, -1, second, 0.05)
        assert exact < upper(first, 0.025) - lower(second, 0.025)
        d, p, q = k / n - j / m, k / n, j / m
        assert exact > d + 1.6449 * math.sqrt(p * (1 - p) / n + q * (1 - q) / m) - 1e-4


def test_below_what_is_known_already_nothing_is_searched() -> None:
    first, second = seen(20, 100), seen(30, 100)
    alone = upper_of_two(1, first, -1, second, 0.05)
    assert upper_of_two(1, first, -1, second, 0.05, above=alone + 0.1) == alone + 0.1
    assert upper_of_two(1, first, -1, second, 0.05, above=alone - 0.05) == pytest.approx(
        alone, abs=1e-4
    )

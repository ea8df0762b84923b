"""Bounds of one mean against what they are defined by, in plain loops."""

import math

import numpy as np
import pytest

from cspec.runtime.certify.leaves import Observed, lower, upper


def cdf(k: int, n: int, p: float) -> float:
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


def rate(k: int, n: int) -> Observed:
    return Observed(n, k / n if n else math.nan, k)


@pytest.mark.parametrize("error", [0.05, 0.025, 0.2, 0.001])
@pytest.mark.parametrize("n", [1, 2, 5, 17])
def test_the_bound_of_a_rate_is_where_so_few_hits_become_unlikely(n: int, error: float) -> None:
    for k in range(n):
        assert cdf(k, n, upper(rate(k, n), error)) == pytest.approx(error, rel=1e-6)
    for k in range(1, n + 1):
        assert 1 - cdf(k - 1, n, lower(rate(k, n), error)) == pytest.approx(error, rel=1e-6)
    assert upper(rate(n, n), error) == 1.0
    assert lower(rate(0, n), error) == 0.0


@pytest.mark.parametrize("n", [3, 8, 20])
def test_a_rate_exceeds_its_bound_with_at_most_the_error_whatever_it_is(n: int) -> None:
    for p in np.linspace(0.01, 0.99, 23):
        pmf = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
        wrong = sum(pmf[k] for k in range(n + 1) if upper(rate(k, n), 0.05) < p)
        assert wrong <= 0.05 + 1e-12


def test_without_an_example_a_mean_may_be_anywhere() -> None:
    assert (lower(rate(0, 0), 0.05), upper(rate(0, 0), 0.05)) == (0.0, 1.0)


def test_what_is_no_number_stays_none() -> None:
    assert math.isnan(upper(Observed(5, math.nan, None, 0.1), 0.05))


def test_a_bounded_mean_takes_the_smaller_of_two_bounds_at_half_the_error() -> None:
    seen = Observed(400, 2.0, None, 0.04, -1.0, 5.0)
    hoeffding = 2.0 + 6.0 * math.sqrt(math.log(1 / 0.025) / 800)
    log = math.log(2 / 0.025)
    bernstein = 2.0 + math.sqrt(2 * 0.04 * log / 400) + 7 * 6.0 * log / (3 * 399)
    assert upper(seen, 0.05) == pytest.approx(min(hoeffding, bernstein))
    assert bernstein < hoeffding
    assert lower(seen, 0.05) == pytest.approx(4.0 - upper(seen, 0.05))


@pytest.mark.parametrize("shape", [(0.2, 0.4), (5.0, 5.0), (0.5, 20.0)])
def test_a_bounded_mean_exceeds_its_bound_seldom(shape: tuple[float, float]) -> None:
    rng = np.random.default_rng(3)
    draws = rng.beta(*shape, size=(2000, 40))
    mean = shape[0] / sum(shape)
    wrong = sum(
        upper(Observed(40, float(d.mean()), None, float(d.var(ddof=1))), 0.05) < mean for d in draws
    )
    assert wrong <= 0.05 * 2000

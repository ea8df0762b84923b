"""Linear models under convex requirements drawn at random, at defaults: scipy on the same problem.

Where scipy finds a point that meets all, a run ends at the least objective; where it finds none
from three starts, no run says that all is met.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import scipy
from numpy.typing import NDArray

import cspec

Vector = NDArray[np.float64]


class Drawn(NamedTuple):
    """A problem by its data, its text, and in plain numpy."""

    data: dict[str, Vector]
    objective: str
    requirements: list[str]
    f: Callable[[Vector], float]
    g: Callable[[Vector], Vector]
    """All that must be >= 0."""
    start: Vector
    """Where the objective alone is least."""


def _drawn(seed: int) -> Drawn:
    draw = np.random.default_rng(seed)
    n, d = int(draw.choice([80, 200, 700])), int(draw.choice([2, 5]))
    scales = 10.0 ** draw.integers(-1, 3, d) if draw.random() < 0.4 else np.ones(d)
    x = draw.normal(size=(n, d)) * scales
    X = np.c_[x, np.ones(n)]
    s, a = draw.integers(0, 3, n), draw.normal(size=n)
    score = x @ (draw.normal(size=d) / scales) + 0.5 * s
    t, y = score + 0.5 * draw.normal(size=n), (score + 0.7 * draw.normal(size=n) > 0.5)
    if draw.random() < 0.5:
        loss, each = "mse(f(x), t)", lambda w: (X @ w - t) ** 2
    else:
        loss, each = "bce(f(x), y)", lambda w: np.logaddexp(0, -np.where(y, 1, -1) * (X @ w))
    start = scipy.optimize.minimize(lambda w: each(w).mean(), np.zeros(d + 1), method="BFGS").x
    z, groups = X @ start, [s == k for k in range(3)]

    def tail(w: Vector) -> float:
        """The mean of the largest tenth."""
        largest = np.sort(each(w))[::-1][: n // 10]
        return float(largest.mean())

    def apart(w: Vector) -> Vector:
        means = np.array([(X @ w)[own].mean() for own in groups])
        return (means[:, None] - means).ravel()

    kinds: list[tuple[str, float, Callable[[Vector], Vector | float]]] = [
        ("E[f(x)]", z.mean() - 0.3, lambda w: (X @ w).mean()),
        (f"E[{loss} | s == 1]", each(start)[groups[1]].mean(), lambda w: each(w)[groups[1]].mean()),
        ("sumsq(f.fc1.weight)", (start[:d] ** 2).sum() / 2, lambda w: (w[:d] ** 2).sum()),
        (f"cvar({loss}, 90%)", tail(start), tail),
        ("forall (x) in train: f(x)", np.quantile(z, 0.9), lambda w: X @ w),
        ("gap(E[f(x) | s])", apart(start).max() / 2, apart),
        ("E[f(x)^2]", 0.6 * (z**2).mean(), lambda w: ((X @ w) ** 2).mean()),
    ]
    chosen = [kinds[k] for k in draw.choice(len(kinds), int(draw.integers(1, 4)), replace=False)]
    bounds = [float(f"{bound:.4g}") for _, bound, _ in chosen]
    rows = [f"{text} <= {bound}" for (text, _, _), bound in zip(chosen, bounds, strict=True)]

    def room(w: Vector) -> Vector:
        values = zip(chosen, bounds, strict=True)
        return np.concatenate([np.atleast_1d(bound - value(w)) for (_, _, value), bound in values])

    data = {"x": x, "t": t, "y": y.astype(int), "s": s, "a": a}
    return Drawn(data, f"E[{loss}]", rows, lambda w: float(each(w).mean()), room, start)


def _least(drawn: Drawn) -> float | None:
    """The least objective that scipy finds."""
    size = np.abs(drawn.start) + 1e-3
    found = [
        scipy.optimize.minimize(
            lambda v: drawn.f(v * size),
            share * drawn.start / size,
            constraints=[{"type": "ineq", "fun": lambda v: drawn.g(v * size)}],
            method="SLSQP",
            options={"maxiter": 800, "ftol": 1e-12},
        )
        for share in (0.0, 0.5, 1.0)
    ]
    met = [float(end.fun) for end in found if drawn.g(end.x * size).min() > -1e-6]
    return min(met, default=None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
def test_the_end_is_the_least_that_scipy_finds(seed: int) -> None:
    drawn = _drawn(seed)
    lines = "\n".join(f"  c{k}: {row}" for k, row in enumerate(drawn.requirements))
    spec = f"data train(x, t, y, s, a)\nmodel f = linear\nminimize {drawn.objective}\ns.t.\n{lines}"
    result = cspec.run(spec, train=drawn.data)
    layer = result.models["f"].fc1
    w = np.r_[layer.weight.detach().double().numpy()[0], layer.bias.item()]
    least = _least(drawn)
    if least is None:
        assert result.status in ("violated", "suspected_infeasible")
        return
    assert result.status == "satisfied"
    assert drawn.f(w) <= least * 1.002 + 1e-4

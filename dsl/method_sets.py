"""Which sets each method can hold, by the words of both; found by `check`, held by the compiler."""

from __future__ import annotations

FUNCTIONAL = frozenset(
    {
        "penalty",
        "exact_penalty",
        "quadratic_penalty",
        "lagrangian",
        "augmented_lagrangian",
        "sal",
        "proxy_lagrangian",
    }
)
"""Methods that need a function: they differentiate the residual of a set."""
FUNCTION_SETS = frozenset(
    (
        *("nonneg", "box", "ball", "spectral", "nuclear", "sphere", "symmetric", "stiefel"),
        *("simplex", "monotone", "psd"),
    )
)
"""Sets with a residual that such methods take."""
MAPS_OF_SETS: dict[str, tuple[str, ...]] = {
    "nonneg": ("softplus",),
    "box": ("sigmoid", "softplus"),
    "simplex": ("softmax",),
    "sphere": ("unit_norm",),
    "stiefel": ("cayley", "householder", "matrix_exp"),
    "symmetric": ("symmetric",),
    "psd": ("cholesky",),
    "rank": ("low_rank",),
    "monotone": ("cumulative_softplus",),
}
"""Maps that reach each set, the usual one first (as `maps` of `runtime/operators`)."""
FRANK_WOLFE_SETS = frozenset({"box", "simplex", "ball", "spectral", "nuclear"})
"""Convex, bounded, and with a cheap vertex oracle."""

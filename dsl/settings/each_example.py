"""Which methods have a multiplier for each example, and with which of their settings."""

from __future__ import annotations

from cspec.dsl.settings.duals import Sgd
from cspec.dsl.settings.methods import AugmentedLagrangian, Auto, Lagrangian, Method

ALONE = frozenset({"dual", "start", "max_multiplier"})
"""Settings of `lagrangian` that a row knows."""
DAMPED = frozenset(
    {"penalty", "growth", "max_penalty", "decrease", "every", "start", "max_multiplier"}
)
"""Settings of `augmented_lagrangian` that a row knows."""


def unknown_to_rows(method: Method) -> str | None:
    """What of a method can't act on each example: the method, or a setting; None where all can."""
    if isinstance(method, Auto):
        return None
    if not isinstance(method, Lagrangian | AugmentedLagrangian):
        return f"by `{method.word}`"
    known = ALONE if isinstance(method, Lagrangian) else DAMPED
    other = sorted(method.model_fields_set - known)
    if other:
        return f"by `{method.word}({other[0]}=...)`"
    if isinstance(method, Lagrangian) and method.given("dual"):
        dual = method.dual
        if not isinstance(dual, Sgd) or dual.momentum:
            return f"by `lagrangian(dual={dual.word})`"
    if isinstance(method, AugmentedLagrangian) and method.given("every"):
        count, unit = method.every
        return None if unit == "epoch" else f"by `{method.word}(every={count} {unit}s)`"
    return None

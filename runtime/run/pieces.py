"""What emitted modules leave out because there is none of it: constraints, state, metrics.

A file has the functions that its loop calls. The runtime reads a module in one form, so what is
missing is put in as what it is: f without constraints, an empty state, no value to report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from cspec.runtime.session.with_examples import measured_each

Measured = tuple[Tensor, Tensor, Tensor]


def complete(module: dict[str, Any]) -> None:
    """Put `measure`, `combine`, `initial_state`, `evaluate` and `metrics` in where they miss."""
    if "measure" not in module:
        module["measure"] = _measure(module)
    module.setdefault("combine", lambda f, g, true, state: f)
    module.setdefault("initial_state", dict)
    module.setdefault("evaluate", lambda primal, data: {})
    module.setdefault("metrics", {})


def _measure(module: Mapping[str, Any]) -> Callable[..., Measured]:
    """f, and vectors without entries, of a module whose steps have no constraint vector."""

    def measure(primal: Mapping[str, Any], batch: Mapping[str, Any]) -> Measured:
        if "measure_each" in module:
            return measured_each(module, primal, batch)[:3]
        f = module["minimized" if "minimized" in module else "objective"](primal, batch)
        return f, f.new_zeros(0), f.new_zeros(0)

    return measure

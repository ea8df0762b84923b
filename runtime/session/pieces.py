"""What emitted modules leave out because there is none of it: constraints, state, metrics.

A file has the functions that its loop calls. The runtime reads a module in one form, so what is
missing is put in as what it is: f without constraints, an empty state, no value to report.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from cspec.runtime.session.with_examples import measured_each


def unconstrained(
    module: Mapping[str, Any], primal: Mapping[str, Any], batch: Mapping[str, Any]
) -> tuple[Tensor, Tensor, Tensor]:
    """`measure` of a module whose steps have no constraint vector: f, vectors without entries."""
    if "measure_each" in module:
        return measured_each(module, primal, batch)[:3]
    f = module["minimized" if "minimized" in module else "objective"](primal, batch)
    return f, f.new_zeros(0), f.new_zeros(0)


def complete(module: dict[str, Any]) -> None:
    """Put `measure`, `combine`, `initial_state`, `evaluate` and `metrics` in where they miss."""
    module.setdefault("measure", partial(unconstrained, module))
    module.setdefault("combine", lambda f, g, true, state: f)
    module.setdefault("initial_state", dict)
    module.setdefault("evaluate", lambda primal, data: {})
    module.setdefault("metrics", {})

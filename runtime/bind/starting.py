"""Where decision variables start that are declared in a set: at its nearest point."""

from collections.abc import Mapping, Sequence
from typing import Any

from cspec.runtime.operators import Operator
from cspec.runtime.steps.projection import project_

OUTSIDE = 1e-9
"""Violation, relative to max(1, |x|), beyond which a start is outside."""


def start_inside(primal: Mapping[str, Any], sets: Sequence[tuple[str, Operator]]) -> list[str]:
    """Move each variable to the nearest point of its set; what is said of those that moved."""
    said = []
    for name, operator in sets:
        start = primal[name].detach().clone()
        if float(operator.violation(start)) <= OUTSIDE * max(1.0, float(start.abs().max())):
            continue
        project_(operator, [primal[name]])
        near = ", ".join(f"{value:.4g}" for value in primal[name].detach().flatten()[:4].tolist())
        more = ", ..." if start.numel() > 4 else ""
        said.append(
            f"`{name}` starts outside its set: it starts at the nearest point, [{near}{more}]"
        )
    return said

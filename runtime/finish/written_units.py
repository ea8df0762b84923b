"""Multipliers in the units of requirements as they were written.

A ratio a / b <= c is trained as a - c b <= 0, which is b times it. Where it holds with equality

    grad (a - c b) = b grad (a / b),     so its multiplier as written is b times that of a - c b

and so are prices of the bound c. b is measured at the point: along the gradients, which tell it at
the bound as well; of what is flat, from the values.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cspec.runtime.finish.violation import gradient_of
from cspec.runtime.models.without_trace import as_deployed, undisturbed
from cspec.runtime.session.session import Session


def denominators(session: Session) -> dict[str, float]:
    """By label, what the entry of g is larger by than the requirement, at the loaded iterate.

    Of requirements of one entry that were multiplied through; all others are as written.
    """
    asked = [
        (c, c.segment[0])
        for c in session.program.constraints
        if c.rescaled and c.segment and c.segment[1] - c.segment[0] == 1
    ]
    if not asked:
        return {}
    with undisturbed(), as_deployed(session.models()), torch.enable_grad():
        batch = session.whole_batch()
        _, g, true = session.module["measure"](session.primal, batch)
        written = session.module["evaluate"](session.primal, batch)
        found = {}
        for c, place in asked:
            value, bound = written[c.label]
            function = torch.as_tensor(c.sign * (value - bound)).reshape(())
            factor = _factor(session, g[place], true[place], function)
            if factor is not None:
                found[c.label] = factor
    return found


def _factor(session: Session, g: Tensor, true: Tensor, function: Tensor) -> float | None:
    if function.requires_grad:
        ours = gradient_of(g, session.parameters)
        written = gradient_of(function, session.parameters)
        length = float(written @ written)
        return abs(float(ours @ written)) / length if length > 0 else None
    distance = float(function)
    return abs(float(true) / distance) if distance else None

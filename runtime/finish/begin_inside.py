"""From the values that a spec gives its variables to where every example is met, before step one.

From far outside the objective may carry a variable to where requirements have no slope: the radius
to 0, where that of `<= r^2` ends. So the first thing that is done are Newton steps

    min |d|^2  s.t.  J d <= -g          J, g of the rows that are violated most

without the objective (`shortest_step`).
"""

import torch
from torch import Tensor

from cspec.runtime.finish.shortest_step import shortest
from cspec.runtime.finish.violation import jacobian_of, point_of, put
from cspec.runtime.result.entries import marked
from cspec.runtime.session.session import Session
from cspec.runtime.session.with_examples import with_examples

STEPS = 30
ROWS = 256
"""Rows that a step looks at: those that are violated most."""
HALVINGS = 6


def begin_inside(session: Session) -> None:
    """Move the variables to where every inequality is met, as near as steps find it."""
    whole, parameters = with_examples(session), session.parameters
    equal = marked(whole.constraints, lambda c: c.equal).to(session.device)
    open_ = ~equal & marked(whole.constraints, lambda c: not c.soft).to(session.device)

    def measured() -> Tensor:
        return whole.measure(session.primal, session.whole_batch())[1]

    def over(g: Tensor) -> Tensor:
        return torch.where(open_, torch.relu(g.detach().double()), 0.0)

    moved, g = False, measured()
    for _ in range(STEPS):
        amounts = over(g)
        rows = amounts.topk(min(ROWS, len(amounts))).indices
        rows = rows[amounts[rows] > 0]
        if not len(rows) or session.interrupted:
            break
        none_equal = torch.zeros_like(rows, dtype=torch.bool)
        step = shortest(jacobian_of(g[rows], parameters), amounts[rows], none_equal)
        place, length = point_of(parameters), 1.0
        for _ in range(HALVINGS):
            put(parameters, place + length * step)
            if "project" in session.module:
                session.module["project"](session.primal, session.optimizer, 0.0)
            g = measured()
            if bool(over(g).max() < amounts.max()):
                break
            length /= 2
        else:
            put(parameters, place)
            break
        moved = True
    if moved:
        session.notes.append("the variables were first taken to where every example is met")

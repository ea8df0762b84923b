"""Multipliers that are told, corrected where the gradients at the end tell them better.

A multiplier that moved sixty times on the noise of batches is near its value, not at it. At a point
that is stationary the gradients on whole data determine it (Nocedal and Wright 2006, section 18.3):

    least squares over m of || grad f + sum m_i grad g_i ||,   m_i >= 0 for inequalities

over equalities and what is at its bound (what is not has no price), the rows of sets among them
(`polish_sets`). It replaces what the method found where it leaves less than half of the residual,
and little of the gradient. Of requirements that were multiplied through it is told in the units
in which they were written.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import scipy
import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.finish.polish_sets import Sets, Vector
from cspec.runtime.finish.violation import STRICT, gradient_of, own_scale, point_of
from cspec.runtime.models.without_trace import as_deployed, undisturbed
from cspec.runtime.operators.base import OperatorError
from cspec.runtime.result.entries import marked, spread
from cspec.runtime.session.session import Session
from cspec.runtime.session.with_examples import with_examples

WORK = 2e8
"""Entries of the gradients (constraints x parameters) beyond which nothing is corrected."""
MOST = 1000
"""Entries at their bounds beyond which nothing is corrected."""
SHARE = 0.2
"""Passes over data of many rows, relative to the epochs of the run, beyond which nothing is."""
SLACK = 1e-2
"""Share of its own scale up to which an inequality counts as at its bound; of many rows some are
always that near, so that one of an example has to be as near as a restoration leaves it."""
SLOPED = 1e-10
"""Share of the largest gradient up to which another is what rounding left of none."""
BETTER = 0.5
STATIONARY = 0.2
"""Residual, relative to grad f or to the largest pull, up to which the end of a run is near a
stationary point."""


def corrected(session: Session, told: Tensor) -> Tensor:
    """The multipliers of the loaded iterate, those of requirements on each example among them."""
    whole = with_examples(session)
    constraints = whole.constraints
    equal = marked(constraints, lambda c: c.equal).to(told.device)
    ours = marked(constraints, lambda c: c.prices and not c.soft).to(told.device)
    size = sum(p.numel() for p in session.parameters)
    if not bool(ours.any()) or size * min(len(told), MOST) > WORK:
        return told
    passes = 2 + int((ours & (told != 0)).sum())
    if session.large and passes * session.plan.epoch_steps > SHARE * session.step:
        return told
    try:
        walls, both, free = _walls(session)
    except OperatorError:
        return told
    with as_deployed(session.models()), torch.enable_grad():
        f, g, true = whole.measure(session.primal, session.whole_batch())
        base = gradient_of(f, session.parameters)
        near = true.detach() >= -_slack(session, constraints, told)
        active = ours & (equal | near) & ~torch.isnan(true.detach())
        rows = (active | (ours & (told != 0))).nonzero().flatten()
        if not len(rows) or len(rows) > MOST:
            return told
        columns = torch.stack([gradient_of(g[row], session.parameters) for row in rows])
    base, columns, at_bound = base[free], columns[:, free], active[rows]
    pulls = told[rows].double().unsqueeze(1) * columns
    start = base + pulls.sum(0)
    before = least_squares(start, walls, both)[1] if len(walls) else float(start.norm())
    found, left = least_squares(
        base, torch.cat([columns[at_bound], walls]), torch.cat([equal[rows][at_bound], both])
    )
    # Where all is slack f is at rest by itself, and small against what still pulls.
    scale = float(base.norm() if bool(at_bound.any()) else pulls.norm(dim=1).max())
    if left > BETTER * before or left > STATIONARY * scale:
        return told
    better = torch.zeros_like(told)
    bound = rows[at_bound]
    better[bound] = found[: len(bound)].to(told)
    return better


def denominators(session: Session) -> dict[str, float]:
    """By label, what the entry of g is larger by than the requirement, at the loaded iterate.

    Of requirements of one entry that were multiplied through; all others are as written. A ratio
    a / b <= c is trained as a - c b <= 0, which is b times it. Where it holds with equality

        grad (a - c b) = b grad (a / b),     so its multiplier as written is b times that of a - c b

    and so are prices of the bound c. b is measured at the point: along the gradients, which tell it
    at the bound as well; of what is flat, from the values.
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


def _walls(session: Session) -> tuple[Tensor, Tensor, Tensor]:
    """Of the sets that parameters are in: the gradients of what is at its bound, which of them are
    equalities, and the entries at no bound of a box.

    Raises:
        OperatorError: a set that is stated by no function.
    """
    point = point_of(session.parameters)
    if not session.held:
        free = torch.ones(len(point), dtype=torch.bool, device=point.device)
        return point.new_zeros(0, len(point)), free[:0], free
    x = point.cpu()
    walls, both, free = map(
        torch.as_tensor, Sets(session.held, session.parameters, x).walls(x.numpy())
    )
    return walls.to(point), both.to(point.device), free.to(point.device)


def _slack(session: Session, constraints: Sequence[ConstraintFacts], told: Tensor) -> Tensor:
    """The slack below which an inequality is active, by its own scale; of an unknown one, where it
    has a multiplier, any."""
    scale = spread(constraints, partial(own_scale, session)).to(told.device)
    share = spread(constraints, lambda c: SLACK if c.each is None else STRICT).to(told.device)
    unknown = torch.where(told > 0, torch.inf, 0.0).double()
    return torch.where(scale.isfinite(), share * scale, unknown)


def least_squares(base: Tensor, columns: Tensor, equal: Tensor) -> tuple[Tensor, float]:
    """m that makes || base + sum m_i columns_i || least, and that; m_i >= 0 but where `equal`.

    `base` (n,) and `columns` (k, n) are gradients in float64.
    """
    if not len(columns):
        return base.new_zeros(0), float(base.norm())
    length = columns.norm(dim=1)
    alive = length > SLOPED * torch.maximum(length.max(), base.norm())
    length = torch.where(alive, length, torch.inf)  # what nothing moves has no price
    floor = torch.where(equal, -torch.inf, 0.0).double().cpu().numpy()
    matrix = (columns / length.unsqueeze(1)).T.cpu().numpy()
    with np.errstate(all="ignore"):  # A run that ran away has gradients whose squares overflow.
        found = _within(matrix, -base.cpu().numpy(), floor)
    prices = torch.as_tensor(found, device=base.device) / length
    return prices, float((base + columns.T @ prices).norm())


def _within(matrix: Vector, right: Vector, floor: Vector) -> Vector:
    """x >= floor that makes || matrix x - right || least."""
    if np.isfinite(matrix).all():
        found: Vector = np.asarray(np.linalg.lstsq(matrix, right, rcond=-1)[0], np.float64)
        if (found >= floor).all():  # as scipy begins, which takes a third of a second to import
            return found
    solved = scipy.optimize.lsq_linear(matrix, right, bounds=(floor, np.inf), tol=1e-12)
    return np.asarray(solved.x)

"""The shortest step that a linear model says is enough: a problem of least distance.

    min |d|^2   s.t.   J d <= -g  of inequalities,   J d = -g  of equations

Where every inequality has a price of at least 0 with all rows as equations, that is the step,
d = -J' (J J')^-1 g. Else what is met with room may stay so: of many rows that lie close to each
other (an inequality at each of 200 points) few have a price, and to put all of them on their bounds
at once is a way hundreds of times as long. That step is the nearest to the end of one down grad f
(the projection of a gradient step, Rosen 1960), found by its dual: least squares with nonnegative
unknowns, a little regularized, so that rows that contradict each other have a step, too.

Lawson and Hanson 1974, chapter 23, "least distance programming"; Nocedal and Wright, chapter 10.
"""

from collections.abc import Callable

import scipy
import torch
from torch import Tensor

SPAN = 1e-12
"""Share of the largest eigenvalue of J J' down to which rows span something of their own."""
SOFT = 1e-4
"""Square root of the regularization, of rows of length 1."""
MET = 1e-6
"""In units of the largest amount, by how much a row may be missed to count as met."""

AHEAD = 10.0
"""Times what the shortest step costs f, by how much a step down grad f would lower it."""


def shortest(
    jacobian: Tensor, amounts: Tensor, equal: Tensor, slope: Callable[[], Tensor] | None = None
) -> Tensor:
    """The shortest d with J d <= -amounts, J d = -amounts where `equal`, or nearest to it.

    Rows are scaled to length 1 first; a row of zeros (a surrogate that has died) asks for nothing.

    Args:
        jacobian: J, one row a requirement (k, n), float64.
        amounts: what is violated, or with a sign how far it is from its bound (k,).
        equal: which of them are equations (k,).
        slope: grad f (n,), asked for where it matters.

    Returns:
        d (n,).
    """
    size = jacobian.norm(dim=1)
    alive = size > 0
    if not bool(alive.any()):
        return torch.zeros(jacobian.shape[1], dtype=jacobian.dtype, device=jacobian.device)
    rows = jacobian[alive] / size[alive].unsqueeze(1)
    asked = torch.nan_to_num(amounts[alive]).to(rows) / size[alive]
    both = equal.to(rows.device)[alive]
    gram = rows @ rows.T
    prices = torch.linalg.pinv(gram, rtol=SPAN, hermitian=True) @ asked
    step: Tensor = -rows.T @ prices
    if _enough(gram, prices, asked, both):
        return step
    step = -rows.T @ _one_sided(gram, asked, both)
    down = None if slope is None else slope()
    if down is None or not float(down.norm()):
        return step
    # From a step down grad f, so that what may stay on its bound does: that it costs f to go beyond
    # it, |d| does not see.
    cost = max(0.0, float(down @ step))
    ahead = -AHEAD * cost / float(down @ down) * down
    back: Tensor = rows.T @ _one_sided(gram, asked + rows @ ahead, both)
    return ahead - back


def _enough(gram: Tensor, prices: Tensor, asked: Tensor, equal: Tensor) -> bool:
    """Whether all rows as equations is the solution, as it is where no price is negative."""
    missed = asked - gram @ prices
    missed = torch.where(equal, missed.abs(), missed)
    signs = equal | (prices >= 0)
    return bool(signs.all()) and bool((missed <= MET * asked.abs().max()).all())


def _one_sided(gram: Tensor, asked: Tensor, equal: Tensor) -> Tensor:
    """Prices of the rows: min |J' p|^2 + (SOFT |p|)^2 - 2 asked' p, p >= 0 of inequalities."""
    values, vectors = torch.linalg.eigh(gram)
    kept = values > SPAN * values[-1]
    # Rows in a basis of their span: as many unknowns as rows, however large J is.
    small = (vectors[:, kept] * values[kept].sqrt()).T
    matrix = torch.cat([small, SOFT * torch.eye(len(asked)).to(small)])
    aim = torch.cat([asked.new_zeros(len(small)), asked / SOFT])
    signed = torch.cat([matrix, -matrix[:, equal]], dim=1)
    found, _ = scipy.optimize.nnls(
        signed.cpu().numpy(), aim.cpu().numpy(), maxiter=30 * signed.shape[1] + 100
    )
    prices = torch.as_tensor(found).to(asked)
    down = torch.zeros_like(asked)
    down[equal] = prices[len(asked) :]
    return prices[: len(asked)] - down

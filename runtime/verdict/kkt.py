"""The KKT report: how well the end of a run satisfies the first-order conditions, and its prices.

    stationarity      || grad L || / || grad f ||, L = f + sum of multipliers x g; with parameters
                      in sets the projected gradient of L (`stationarity`); of a method that stops
                      by it || P(x - grad L) - x || / max(1, || grad L ||)
    feasibility       the largest violation, in the units as written
    complementarity   the largest |multiplier x slack|

A method with multipliers reports its own. A projection has none, but at its end they follow by
least squares from the gradients of the constraints that are active (Nocedal and Wright 2006,
section 18.3): least squares over m of || grad L + sum m_i grad g_i ||, m_i >= 0 for inequalities.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.finish.prices import least_squares
from cspec.runtime.finish.violation import gradient_of
from cspec.runtime.models.without_trace import evaluating, undisturbed
from cspec.runtime.result.constraint import ConstraintResult, DualState
from cspec.runtime.result.history import Row
from cspec.runtime.result.result import Kkt
from cspec.runtime.session.session import Session
from cspec.runtime.session.with_examples import lagrangian
from cspec.runtime.verdict.stationarity import Stationarity

MOST = 32
"""Constraints beyond which none are computed."""
LARGEST = 2_000_000
"""Parameters beyond which none are computed."""
ACTIVE = 1e-4
"""Relative slack below which an inequality is active."""
EXPLAINED = 0.05
"""Residual, relative to the gradient before, up to which the multipliers are reported."""
PROJECTED = frozenset({"projection", "frank_wolfe"})
WINDOW = 0.1
"""The last share of the run that tells whether a multiplier still grows."""
GROWTH = 0.05
"""Relative growth within the window that counts."""
NOTHING = 1e-8
"""Size of a multiplier up to which it is 0."""


class Priced:
    """Constraints with the multipliers that could be added, and the residual they leave."""

    def __init__(self, session: Session, constraints: Sequence[ConstraintResult]) -> None:
        self.constraints = tuple(constraints)
        self.residual: float | None = None
        self.added: frozenset[str] = frozenset()
        open_ = _candidates(session, constraints)
        if open_:
            self._solve(session, open_)

    def _solve(self, session: Session, candidates: list[ConstraintFacts]) -> None:
        with undisturbed(), evaluating(session.models()), torch.enable_grad():
            batch = session.whole_batch()
            measure, multipliers = lagrangian(session)
            f, g, _ = measure(session.primal, batch)
            total = f
            if multipliers is not None and g.numel():
                total = f + (multipliers.detach() * torch.nan_to_num(g)).sum()
            evaluated = session.module["evaluate"](session.primal, batch)
            base = gradient_of(total, session.parameters)
            columns, active = [], []
            for c in candidates:
                value, bound = evaluated[c.label]
                function = c.sign * (value - bound)
                if isinstance(function, Tensor) and function.numel() == 1 and _near(c, function):
                    columns.append(gradient_of(function.reshape(()), session.parameters))
                    active.append(c)
        found = _explained(base, columns, [c.equal for c in active])
        if found is None:
            return
        weights, left = found
        prices = {c.label: 0.0 for c in candidates}
        prices |= {c.label: w for c, w in zip(active, weights, strict=True)}
        facts = {c.label: c for c in candidates}
        self.residual = left / max(float(base.norm()), 1e-300)
        self.added = frozenset(prices)
        self.constraints = tuple(
            replace(
                c,
                multiplier=prices[c.name],
                sensitivity=-session.sign * facts[c.name].sign * prices[c.name],
                dual_state=dual_state((), facts[c.name], prices[c.name]),
            )
            if c.name in prices
            else c
            for c in self.constraints
        )


def _candidates(session: Session, constraints: Sequence[ConstraintResult]) -> list[ConstraintFacts]:
    """Projected constraints of one number, where least squares are affordable."""
    open_ = {c.name for c in constraints if c.multiplier is None and c.method in PROJECTED}
    found = [
        c
        for c in session.program.constraints
        if c.label in open_ and c.relation != "in" and not c.soft
    ]
    size = sum(p.numel() for p in session.parameters)
    # Each multiplier is a full backward pass: large data get none.
    return [] if session.large or len(found) > MOST or size > LARGEST else found


def _near(c: ConstraintFacts, function: Tensor) -> bool:
    value = float(function.detach())
    return function.requires_grad and (c.equal or value >= -ACTIVE)


def _explained(
    base: Tensor, columns: list[Tensor], equal: list[bool]
) -> tuple[list[float], float] | None:
    """Multipliers and the norm that is left; None where they do not explain the gradient."""
    size = float(base.norm())
    if not columns:
        return ([], size) if size == 0 else None
    weights, left = least_squares(base, torch.stack(columns), torch.tensor(equal))
    return None if left > EXPLAINED * max(size, 1e-300) else (weights.tolist(), left)


def report(session: Session, priced: Priced, found: Stationarity) -> Kkt:
    """The KKT report of the chosen iterate.

    Least squares tell how stationary a run is only where no set is projected onto.
    """
    own = found.residual if session.held or priced.residual is None else priced.residual
    projected = session.projected_gradient
    kept = {c.label: (c.sign, c.margin) for c in session.program.constraints}
    products = [
        abs(c.multiplier * (kept[c.name][0] * (c.value - c.bound) + kept[c.name][1]))
        for c in priced.constraints
        if c.multiplier is not None and c.kind == "inequality" and not math.isnan(c.violation)
    ]
    sources = {
        c.name: "none"
        if c.multiplier is None
        else "least squares"
        if c.name in priced.added or c.method == "sqp"
        else "method"
        for c in priced.constraints
    }
    hard = [c.violation for c in priced.constraints if not c.soft]
    return Kkt(
        stationarity=own if projected is None else projected,
        # NaN where one was not measured: nothing is known of the largest then.
        feasibility=math.nan if any(map(math.isnan, hard)) else max(hard, default=0.0),
        complementarity=max(products, default=0.0) if products else math.nan,
        sources=sources,
        projected_gradient=projected,
        scope=found.scope,
    )


def dual_state(
    rows: Sequence[Row], constraint: ConstraintFacts, multiplier: float | None
) -> DualState | None:
    """Whether a multiplier is 0, settled, or still growing over the last tenth of these rows.

    They end where the multiplier is from: at the delivered iterate. Without rows none grows.

    Growing: it gained more than 5% in size, in both halves of the window, while its constraint
    was violated at the end.
    """
    if multiplier is None:
        return None
    window = rows[-max(3, int(len(rows) * WINDOW)) :]
    path = [abs(row.multipliers.get(constraint.label, math.nan)) for row in window]
    path = [value for value in path if not math.isnan(value)]
    violation = window[-1].violations.get(constraint.label, math.nan) if window else math.nan
    violated = violation > 0 or (constraint.equal and violation != 0)
    if len(path) >= 3 and violated:
        start, middle, end = path[0], path[len(path) // 2], path[-1]
        if end > middle > start and end > (1 + GROWTH) * start:
            return "growing"
    return "active" if abs(multiplier) > NOTHING else "inactive"

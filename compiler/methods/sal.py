"""Stochastic augmented Lagrangian: Algorithm 2 of arXiv 2310.16647.

As printed where `penalty` is given; left open on data, penalties and rounds follow from the problem
(`sal_in_units`, last paragraph).

    for s = 0, 1, ...:                 reshuffle the batches; mu <- (s + 1) mu_init
        for k = 0 .. iterations - 1:
            theta <- one epoch on f + <lambda, C> + mu/2 ||C||^2    learning rate starts anew
            if ||C||^2 <= decrease ||C_best||^2:
                stop where f <= tol_objective and ||C||^2 <= tol_constraint
                lambda <- lambda + mu C;  C_best <- C
            else:
                mu <- min(growth mu, max_penalty)

For inequalities C = max(g, -lambda / mu) and lambda <- [lambda + mu g]+, the same step with the
dual projection. C is the whole vector of the rule, on full data. With the learning rate Adam's
moments start anew, too. `iterations` defaults to epochs / shuffles; the stop needs
`tol_objective`, because no level of f is known by itself. The paper gives no values for decrease
(here 0.9), growth (1.1) and mu_init (0.01 without data).

Pitfalls. The penalty falls back at every shuffle. One test for all constraints: where ||C|| can't
fall by the factor (infeasible together, or already at the optimizer's noise), multipliers freeze
and mu climbs to its cap: after 5 rejections there, or where no update at all was accepted (a
feasible start: nothing falls below 0), the result says so. Frozen multipliers are weights, no
prices: no sensitivities are told. Never constrain a square
(||W'W - I||^2 == 0): its gradient vanishes where it holds, and multipliers diverge.

`benchmarks/compare/sal.cspec` (digits, convolutions, W'W = I on four weights, 40 epochs, 3 seeds,
last iterates): mu_init = 0.1 ends at |W'W - I| <= 0.012 and 92.4% (10 to 12 of 40 updates
accepted), mu_init = 0.01 at 0.14 and 90.0%, a fixed penalty of 0.2 at 0.16 and 95.2%, of 2 at 0.028
and 90.5%, the augmented Lagrangian with its defaults at 0.0066 and 91.9%, projection at 4e-7 and
92.9%. With the squares in place of the entries (`sal_squared.cspec`) the largest multiplier is 46
times as large.

With `penalty` left open on data (`compiler/methods/sal_in_units.py`): c, the first penalty, is
measured in the first steps; ||C||^2 = sum_i c_i C_i^2, so that units do not matter; a round is a
sixtieth of the run; the first update of each shuffle is accepted; the learning rate is that of
the whole run; the weight of g is that of the mean of late g; the run ends in a restoration.
"""

from __future__ import annotations

from cspec.compiler.methods.augmented_lagrangian import hestenes_powell
from cspec.compiler.methods.sal_in_units import (
    COUNTS,
    NAN,
    accepted,
    open_penalty,
    report_stall,
    sal_in_units,
    stop,
)
from cspec.compiler.records.fragment import Fragment, Rule
from cspec.compiler.records.graph import Kind, StateFacts
from cspec.dsl.settings.base import EPOCH
from cspec.dsl.settings.methods import Sal

DEFAULT_PENALTY = 1e-2
"""mu_init where there are no data to measure one by."""


def sal(rule: Rule) -> Fragment:
    """L = f + <multipliers, C> + mu/2 ||C||^2, updated once an epoch by a test on ||C||^2."""
    if open_penalty(rule):
        return sal_in_units(rule)
    settings: Sal = rule.settings
    penalty = DEFAULT_PENALTY if settings.penalty is None else settings.penalty
    epochs = max(rule.total_steps // rule.steps_per_epoch, 1)
    iterations = settings.iterations or max(epochs // settings.shuffles, 1)
    start = rule.operation(
        Kind.RESET, f"start_{rule.name}", "||C_best||^2 at the start", f"best <- {_norm(rule)}"
    )
    restart = rule.operation(
        Kind.RESET,
        "restart",
        "learning rate and optimizer start anew; batches are reshuffled every shuffle",
        trigger=EPOCH,
        options={"epochs_an_order": iterations},
    )
    dual = rule.operation(
        Kind.DUAL_STEP,
        f"update_{rule.name}",
        "accept: multipliers <- [multipliers + mu g]+; reject: mu <- growth mu",
        f"norm <- {_norm(rule)}",
        "accepted <- norm <= decrease * best",
        *accepted(rule, "true", "norm"),
        "penalty <- where(accepted, penalty, clamp(growth * penalty, 0, most))",
        *COUNTS,
        "penalty <- where(over, clamp((shuffle + 1) * initial, 0, most), penalty)",
        constants={
            "initial": penalty,
            "growth": settings.growth,
            "most": settings.max_penalty,
            "decrease": settings.decrease,
            "iterations": iterations,
        },
        trigger=EPOCH,
    )
    operations = (start, dual, restart, report_stall(rule), hestenes_powell(rule), *stop(rule))
    return Fragment(state=_state(rule, penalty), operations=operations)


def _state(rule: Rule, penalty: float) -> tuple[StateFacts, ...]:
    return (
        rule.state("multipliers", "Lagrange multipliers"),
        rule.state("penalty", "mu, one for all", penalty),
        rule.state("best", "||C_best||^2 at the last accepted update", NAN),
        rule.state("norm", "||C||^2 at the last epoch's end", NAN),
        rule.state("turn", "k, epochs of this shuffle"),
        rule.state("shuffle", "s, shuffles that are over"),
        rule.state("accepts", "updates accepted"),
        rule.state("rejected", "rejections in a row at the largest penalty"),
    )


def _norm(rule: Rule) -> str:
    """||C||^2 over the rule, in each of its entries."""
    c = rule.either("true", "maximum(true, 0 - multipliers / penalty)")
    return f"0 * penalty + sum({c} ** 2)"

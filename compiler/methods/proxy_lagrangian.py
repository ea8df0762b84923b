"""The two-player game of Cotter, Jiang and Sridharan 2019 for constraints without a gradient.

    model        minimizes  l_0 f + sum_i l_i gs_i     gs: surrogates, with gradient
    multipliers  maximize         sum_i l_i g_i        g: the true constraints
    l lives on the simplex over {objective, constraints}; reported is l_i / l_0

swap      l is the stationary distribution of a column-stochastic matrix M, and each column of M
          plays multiplicative weights: log M <- log M + lr q l', q = (0, g_1, .., g_m) (their
          Algorithm 2). The default, because the game is not zero-sum: only swap regret makes the
          average nearly feasible and nearly optimal.
external  l <- P_simplex(l + lr q), one vector.

Defaults: swap, lr = 1 (external: 0.1); nearly all weight on the objective at the start (0.001 is
spread over all for swap, 0 for external).

Pitfalls. There need be no saddle point: the last iterate may circle, guarantees are for a mixture
of iterates, so look at the best feasible snapshot. Inequalities only. Several rules of this kind
in one program each scale the objective, so give all rates to one. M has (m + 1)^2 entries.
"""

from __future__ import annotations

from cspec.compiler.records.fragment import Fragment, Rule, refuse
from cspec.compiler.records.graph import Kind, Operation, StateFacts, Update
from cspec.dsl.settings.methods import ProxyLagrangian

LEAST = 1e-3
"""Weight that swap regret spreads over all players at the start, and keeps at least."""
MOST_CONSTRAINTS = 64


def proxy_lagrangian(rule: Rule) -> Fragment:
    """l_0 f + sum_i l_i gs_i, with l from a regret-minimizing player."""
    settings: ProxyLagrangian = rule.settings
    if any(rule.equalities):
        refuse(rule, "its players weigh inequalities", "use `augmented_lagrangian` for equalities")
    if rule.size > MOST_CONSTRAINTS and settings.regret == "swap":
        reason = f"swap regret keeps a matrix over all pairs, and here are {rule.size} entries"
        refuse(rule, reason, "write `regret=external`, or `by augmented_lagrangian`")
    swap = settings.regret == "swap"
    state, updates, meaning = _swap(rule) if swap else _external(rule)
    dual = Operation(
        kind=Kind.DUAL_STEP,
        name=f"play_{rule.name}",
        rule=rule.name,
        updates=updates,
        constants={"lr": settings.lr or (1.0 if swap else 0.1), "least": LEAST},
        trigger=settings.every,
        meaning=meaning,
    )
    combine = Operation(
        kind=Kind.COMBINE,
        name=rule.name,
        rule=rule.name,
        updates=(
            Update(target="objective", formula="share"),
            Update(target="weight", formula="share * multipliers"),
            Update(target="value", formula="share * multipliers * g"),
        ),
        meaning="L = l_0 f + <l, g>, multipliers = l / l_0",
    )
    radius = LEAST if swap else 0.0
    start = (radius / (rule.size + 1)) / (1 - radius * rule.size / (rule.size + 1))
    common = (
        StateFacts(name="multipliers", size=rule.size, start=start, meaning="l_i / l_0"),
        StateFacts(
            name="share",
            start=1 - radius * rule.size / (rule.size + 1),
            meaning="l_0, the objective's weight",
        ),
    )
    return Fragment(state=(*common, *state), operations=(dual, combine), scales_objective=True)


Parts = tuple[tuple[StateFacts, ...], tuple[Update, ...], str]


def _first_column(size: int, radius: float) -> list[float]:
    return [1 - radius * size / (size + 1), *([radius / (size + 1)] * size)]


def _external(rule: Rule) -> Parts:
    column = tuple(_first_column(rule.size, 0.0))
    state = (StateFacts(name="weights", size=rule.size + 1, start=column, meaning="l"),)
    updates = (
        Update(target="weights", formula="external_regret(weights, true, lr)"),
        *_report(),
    )
    return state, updates, "l <- P_simplex(l + lr (0, g))"


def _swap(rule: Rule) -> Parts:
    column = _first_column(rule.size, LEAST)
    rows = tuple(value for value in column for _ in range(rule.size + 1))
    state = (
        StateFacts(
            name="matrix",
            size=(rule.size + 1) ** 2,
            start=rows,
            meaning="M, column-stochastic, row by row",
        ),
    )
    updates = (
        Update(target="matrix", formula="swap_regret(matrix, true, lr, least)"),
        Update(target="weights", formula="stationary(matrix)"),
        *_report(),
    )
    return state, updates, "log M <- log M + lr (0, g) l'; l = M l"


def _report() -> tuple[Update, ...]:
    return (
        Update(target="share", formula="objective_share(weights)"),
        Update(target="multipliers", formula="constraint_shares(weights) / share"),
    )

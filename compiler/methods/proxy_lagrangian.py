"""The two-player game of Cotter, Jiang and Sridharan 2019 for constraints without a gradient.

    model        minimizes  l_0 f + sum_i l_i gs_i     gs: surrogates, with gradient
    multipliers  maximize         sum_i l_i g_i        g: the true constraints
    l lives on the simplex over {objective, constraints}; reported is l_i / l_0

swap      l is the stationary distribution of a column-stochastic matrix M, and each column of M
          plays multiplicative weights: log M <- log M + lr q l', q = (0, g_1, .., g_m) (their
          Algorithm 2). The default, because the game is not zero-sum: only swap regret makes the
          average nearly feasible and nearly optimal.
external  l <- P_simplex(l + lr q), one vector.

Defaults: swap, a step in the units of the problem; nearly all weight on the objective at the start
(0.001 is spread over all for swap, 0 for external). With `lr` left open on data the game is that of
g_i phi / s_i in place of g_i, whose slope is phi, that of f (`units`): what is paid is
q_i = k g_i / (s_i r_i), r_i the size of what moves and its violation, and k = 60 / T in T moves
for external, 600 / T for swap, whose weights start small and grow by factors. Multipliers are
l_i phi / (s_i l_0), l_0 at least 0.001, and the run ends in a restoration. Without data lr = 1
(external: 0.1) on g itself.

Pitfalls. There need be no saddle point: the last iterate may circle, guarantees are for a mixture
of iterates, so look at the best feasible snapshot. Inequalities only. Several rules of this kind
in one program each scale the objective, so give all rates to one. M has (m + 1)^2 entries.
"""

from cspec.compiler.methods.units import MOVES, late_mean, late_state, measure_units, unit_state
from cspec.compiler.records.fragment import Fragment, Rule, refuse
from cspec.compiler.records.graph import Kind, Operation, StateFacts
from cspec.dsl.settings.methods import ProxyLagrangian

LEAST = 1e-3
"""Weight that swap regret spreads over all players at the start, and keeps at least."""
MOST_CONSTRAINTS = 64
STEP = {"swap": 1.0, "external": 0.1}
"""Where there are no data to measure one by."""
TIMES = {"swap": 10.0, "external": 1.0}
"""The step in the units of the problem: so many times 60 / T in T moves."""


def proxy_lagrangian(rule: Rule) -> Fragment:
    """l_0 f + sum_i l_i gs_i, with l from a regret-minimizing player."""
    settings: ProxyLagrangian = rule.settings
    if any(rule.equalities):
        refuse(rule, "its players weigh inequalities", "use `augmented_lagrangian` for equalities")
    if rule.size > MOST_CONSTRAINTS and settings.regret == "swap":
        reason = f"swap regret keeps a matrix over all pairs, and here are {rule.size} entries"
        refuse(rule, reason, "write `regret=external`, or `by augmented_lagrangian`")
    swap = settings.regret == "swap"
    open_ = rule.open("lr")
    paid = "paid, 1" if open_ else "true, lr"
    state, moves, meaning = _swap(rule, paid) if swap else _external(rule, paid)
    dual = rule.operation(
        Kind.DUAL_STEP,
        f"play_{rule.name}",
        meaning,
        *((*_PAID, *moves, *_REPORT_IN_UNITS) if open_ else (*moves, *_REPORT)),
        constants={"least": LEAST}
        | ({} if open_ else {"lr": settings.lr or STEP[settings.regret]}),
        trigger=settings.every,
    )
    combine = rule.operation(
        Kind.COMBINE,
        rule.name,
        "L = l_0 f + <l, g>, multipliers = l / l_0",
        "objective <- share",
        "weight <- share * multipliers",
        "value <- share * multipliers * g",
    )
    share, weight, *_ = _first_column(rule.size, LEAST if swap else 0.0)
    state = (
        rule.state("multipliers", "l_i / l_0", weight / share),
        StateFacts(name="share", start=share, meaning="l_0, the objective's weight"),
        *state,
    )
    operations: tuple[Operation, ...] = (dual, combine)
    if open_:
        lr = rule.state("lr", "dual steps, in the problem's units")
        state = (*state, lr, *unit_state(rule), *late_state(rule))
        turns = max(1.0, rule.total_steps / rule.steps(settings.every))
        units = measure_units(rule, "lr", TIMES[settings.regret] * MOVES / turns)
        operations = (units, *operations, *late_mean(rule, "multipliers"))
    return Fragment(state=state, operations=operations, scales_objective=True)


_PAID = ("drive <- where(pull > 0, pull, 1)", "paid <- lr * true * slope / drive")
"""q, what the players are paid, without unit: lr g over what a multiplier of the size is."""
_REPORT = (
    "share <- objective_share(weights)",
    "multipliers <- constraint_shares(weights) / share",
)
_REPORT_IN_UNITS = (
    "share <- clamp(objective_share(weights), least)",
    "multipliers <- where(slope > 0, drive / slope, 0) * constraint_shares(weights) / share",
)


Parts = tuple[tuple[StateFacts, ...], tuple[str, ...], str]


def _first_column(size: int, radius: float) -> list[float]:
    return [1 - radius * size / (size + 1), *([radius / (size + 1)] * size)]


def _external(rule: Rule, paid: str) -> Parts:
    column = tuple(_first_column(rule.size, 0.0))
    state = (StateFacts(name="weights", size=rule.size + 1, start=column, meaning="l"),)
    return state, (f"weights <- external_regret(weights, {paid})",), "l <- P_simplex(l + lr (0, g))"


def _swap(rule: Rule, paid: str) -> Parts:
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
    lines = (f"matrix <- swap_regret(matrix, {paid}, least)", "weights <- stationary(matrix)")
    return state, lines, "log M <- log M + lr (0, g) l'; l = M l"

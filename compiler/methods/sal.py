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

With `penalty` left open on data (`sal_in_units`): c, the first penalty, is
measured in the first steps; ||C||^2 = sum_i c_i C_i^2, so that units do not matter; a round is a
sixtieth of the run; the first update of each shuffle is accepted; the learning rate is that of
the whole run; the weight of g is that of the mean of late g; the run ends in a restoration.
"""

from cspec.compiler.methods.augmented_lagrangian import (
    GROWTH,
    HALF,
    LITTLE,
    NOISE,
    fewer_moves,
    hestenes_powell,
)
from cspec.compiler.methods.units import (
    ERROR,
    MOVES,
    Lines,
    forgotten,
    interval,
    late_mean,
    late_state,
    mean_state,
    measure_units,
    see,
    sum_state,
    unit_state,
)
from cspec.compiler.records.fragment import Fragment, Rule
from cspec.compiler.records.graph import Kind, Operation, StateFacts
from cspec.dsl.settings.base import EPOCH, Every
from cspec.dsl.settings.methods import Sal

DEFAULT_PENALTY = 1e-2
"""mu_init where there are no data to measure one by."""
NAN = float("nan")
REJECTIONS = 5
"""Rejected updates in a row, at the largest penalty, that count as stalled."""


def sal(rule: Rule) -> Fragment:
    """L = f + <multipliers, C> + mu/2 ||C||^2, updated once an epoch by a test on ||C||^2."""
    if rule.open("penalty"):
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


def sal_in_units(rule: Rule) -> Fragment:
    """SAL with its penalty left open, in the units of the problem (`units`).

    With c the first penalty of each constraint, which the first steps measure, g the mean of a
    round, C = max(g, -lambda / mu) and |C|^2 = sum_i c_i C_i^2: constraints of other units, or
    multiplied through, count alike.

        for s = 0, 1, ...:                 reshuffle the batches; mu <- max((s + 1) c, held)
            for k = 0 .. iterations - 1:
                theta <- a sixtieth of the run on f + <lambda, C> + mu/2 ||C||^2
                if k = 0 or |C|^2 <= 0.25 |C_best|^2:
                    lambda <- lambda + mu C;  C_best <- C;  held <- mu where k > 0
                else where |C| is no noise and above 1e-4 of the first violations:
                    mu <- min(1.5 mu, 1e4 c)

    What Algorithm 2 has otherwise, and why not here: C_best starts anew with each shuffle, so that
    a start that is feasible does not freeze the multipliers for ever; the penalty falls back no
    further than to where an update was accepted last, because one that the problem needs would have
    to grow anew in every shuffle; the learning rate is that of the whole run, because an epoch of a
    few steps that ends in a rate of 0 gets nowhere; g in the weight of a batch is the mean of the
    last steps, because the noise of a batch that is cut off at 0 is a bias. Settings that are given
    act; `iterations` makes rounds of single epochs, whose C is measured on whole data. The run ends
    in a restoration, and the multipliers told are the mean weights of its last 40%.
    """
    settings: Sal = rule.settings
    # Between two tests lies a sixtieth of the run; an epoch where their number is given.
    by_epoch = settings.given("iterations")
    every = Every(1, "epoch") if by_epoch else Every(interval(rule), "step")
    most = settings.max_penalty if settings.given("max_penalty") else None
    units = measure_units(rule, "penalty", fewer_moves(rule, every), most=most, kept="first")
    rounds = rule.total_steps // rule.steps(every)
    iterations = settings.iterations or max(1, rounds // settings.shuffles)
    move = _move(rule, settings, every, iterations)
    shuffle = iterations * rule.steps(every)
    orders = _reshuffle(rule, max(1, round(shuffle / rule.steps_per_epoch)))
    weight = "where(measured > 0, mean, true)" if rule.lags else "true"
    last = late_mean(rule, "multipliers + penalty * mean") if rule.lags else ()
    seen = see(rule, by_step=every.unit == "step")
    first = (units, *seen, move, orders, report_stall(rule, every))
    return Fragment(
        state=_state_in_units(rule, by_step=every.unit == "step"),
        operations=(*first, *stop(rule), *last, hestenes_powell(rule, weight)),
        dual_order="simultaneous",
    )


def _state_in_units(rule: Rule, *, by_step: bool) -> tuple[StateFacts, ...]:
    return (
        rule.state("multipliers", "Lagrange multipliers"),
        rule.state("penalty", "mu, penalties"),
        *unit_state(rule),
        rule.state("most", "cap of the penalties"),
        rule.state("first", "c, penalties of the first shuffle"),
        rule.state("times", "mu in units of c", 1.0),
        rule.state("held", "mu in units of c where this shuffle's last update was accepted"),
        rule.state("best", "|C_best|^2 at this shuffle's last accepted update", NAN),
        rule.state("norm", "||C||^2 at the last round's end", NAN),
        rule.state("turn", "k, rounds of this shuffle"),
        rule.state("shuffle", "s, shuffles that are over"),
        rule.state("accepts", "updates accepted"),
        rule.state("rejected", "rejections in a row at the largest penalty"),
        *(sum_state(rule) if by_step else ()),
        *((*mean_state(rule), *late_state(rule)) if rule.lags else ()),
    )


def _norm_in_units(rule: Rule, units: str = "") -> str:
    """sum_i C_i^2 over the rule, or sum_i c_i C_i^2, in each of its entries."""
    c = rule.either("seen", "maximum(seen, 0 - multipliers / clamp(penalty, 1e-30))")
    return f"0 * penalty + sum({units}{c} ** 2)"


def _move(rule: Rule, settings: Sal, every: Every, iterations: int) -> Operation:
    by_step = every.unit == "step"
    noisy = by_step and rule.batched
    constants = {
        "growth": settings.growth if settings.given("growth") else GROWTH,
        "decrease": settings.decrease if settings.given("decrease") else HALF**2,
        "iterations": iterations,
        "little": LITTLE,
    }
    # Whether |C|^2 fell, or is nothing any more: multipliers move. Else mu grows.
    falls = "(size <= decrease * best) | (size <= little ** 2 * sum(first * far ** 2))"
    if noisy:
        falls += " | (size <= noise ** 2 * sum(first * error ** 2))"
    return rule.operation(
        Kind.DUAL_STEP,
        f"update_{rule.name}",
        "accept: multipliers <- [multipliers + mu g]+; reject: mu <- growth mu",
        f"seen <- {'total / clamp(count, 1)' if by_step else 'true'}",
        f"norm <- {_norm_in_units(rule)}",
        f"size <- {_norm_in_units(rule, 'first * ')}",
        *((ERROR,) if noisy else ()),
        f"accepted <- (turn < 1) | {falls}",
        *accepted(rule, "seen", "size"),
        "held <- where(turn < 1, 0 * held, where(accepted, times, held))",
        "times <- where(accepted, times, growth * times)",
        *COUNTS,
        # At a shuffle's end the penalty falls back.
        "back <- where(held > 0, held, times)",
        "times <- where(over, maximum(shuffle + 1, back), times)",
        "penalty <- minimum(times * first, most)",
        *(forgotten(rule) if by_step else ()),
        constants=constants | ({"noise": NOISE} if noisy else {}),
        trigger=every,
        often=f"{MOVES} times a run" if by_step else "",
    )


def accepted(rule: Rule, seen: str, size: str) -> Lines:
    """What an update that is `accepted` moves, by what was `seen` of g, and what is counted."""
    step = rule.projected(f"multipliers + penalty * {seen}")
    return (
        f"multipliers <- where(accepted, {step}, multipliers)",
        f"best <- where(accepted, {size}, best)",
        "accepts <- where(accepted, accepts + 1, accepts)",
        "rejected <- where(accepted | (penalty < most), 0 * rejected, rejected + 1)",
    )


COUNTS = (
    "over <- turn + 1 >= iterations",
    "turn <- where(over, 0 * turn, turn + 1)",
    "shuffle <- where(over, shuffle + 1, shuffle)",
)
"""Turns and shuffles, counted."""


def _reshuffle(rule: Rule, epochs: int) -> Operation:
    return rule.operation(
        Kind.RESET,
        "reshuffle",
        "batches are reshuffled every shuffle",
        trigger=Every(epochs, "epoch"),
        options={"epochs_an_order": epochs},
    )


def report_stall(rule: Rule, every: Every = EPOCH) -> Operation:
    """RECORD: how many updates were accepted, and whether the end of the run was a stall."""
    steps = every.count if every.unit == "step" else 0
    return rule.operation(
        Kind.RECORD,
        "report_stall",
        "says where updates are rejected at the largest penalty",
        options={"rejections": REJECTIONS, "steps": steps},
    )


def stop(rule: Rule) -> tuple[Operation, ...]:
    """STOP: where f and ||C||^2 are small, if a level of f is given."""
    settings: Sal = rule.settings
    if not settings.given("tol_objective"):
        return ()
    solved = rule.operation(
        Kind.STOP,
        "solved",
        "stop where f <= tol_objective and ||C||^2 <= tol_constraint",
        trigger=EPOCH,
        options={"objective": settings.tol_objective, "constraint": settings.tol_constraint},
    )
    return (solved,)

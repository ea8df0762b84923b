"""SAL with its penalty left open, in the units of the problem (`units`).

With c the first penalty of each constraint, which the first steps measure, g the mean of a round,
C = max(g, -lambda / mu) and |C|^2 = sum_i c_i C_i^2: constraints of other units, or multiplied
through, count alike.

    for s = 0, 1, ...:                 reshuffle the batches; mu <- max((s + 1) c, held)
        for k = 0 .. iterations - 1:
            theta <- a sixtieth of the run on f + <lambda, C> + mu/2 ||C||^2
            if k = 0 or |C|^2 <= 0.25 |C_best|^2:
                lambda <- lambda + mu C;  C_best <- C;  held <- mu where k > 0
            else where |C| is no noise and above 1e-4 of the first violations:
                mu <- min(1.5 mu, 1e4 c)

What Algorithm 2 has otherwise, and why not here: C_best starts anew with each shuffle, so that a
start that is feasible does not freeze the multipliers for ever; the penalty falls back no further
than to where an update was accepted last, because one that the problem needs would have to grow
anew in every shuffle; the learning rate is that of the whole run, because an epoch of a few steps
that ends in a rate of 0 gets nowhere; g in the weight of a batch is the mean of the last steps,
because the noise of a batch that is cut off at 0 is a bias. Settings that are given act;
`iterations` makes rounds of single epochs, whose C is measured on whole data. The run ends in a
restoration, and the multipliers told are the mean weights of its last 40%.
"""

from __future__ import annotations

from cspec.compiler.methods.augmented_lagrangian import (
    GROWTH,
    HALF,
    LITTLE,
    NOISE,
    fewer_moves,
    hestenes_powell,
)
from cspec.compiler.methods.sal_ends import report_stall, stop
from cspec.compiler.methods.units import (
    MOVES,
    forgotten,
    interval,
    late_mean,
    late_state,
    mean_state,
    measure_units,
    see,
    standard_error,
    sum_state,
    unit_state,
)
from cspec.compiler.records.fragment import Fragment, Rule
from cspec.compiler.records.graph import Kind, Operation, StateFacts, Update
from cspec.dsl.settings.base import Every
from cspec.dsl.settings.methods import Sal

NAN = float("nan")


def open_penalty(rule: Rule) -> bool:
    """Whether the problem says how large penalties are: data move the model step by step."""
    return not (rule.deterministic or rule.by_value or rule.settings.given("penalty"))


def sal_in_units(rule: Rule) -> Fragment:
    """L = f + <lambda, C> + mu/2 ||C||^2, updated 60 times a run by a test on |C|^2."""
    settings: Sal = rule.settings
    every = _round(rule, settings)
    most = settings.max_penalty if settings.given("max_penalty") else None
    units = measure_units(rule, "penalty", fewer_moves(rule, every), most=most, kept="first")
    iterations = _iterations(rule, settings, every)
    move = _move(rule, settings, every, iterations)
    shuffle = iterations * rule.steps(every)
    orders = _reshuffle(rule, max(1, round(shuffle / rule.steps_per_epoch)))
    weight = "where(measured > 0, mean, true)" if rule.lags else "true"
    last = late_mean(rule, "multipliers + penalty * mean") if rule.lags else ()
    seen = see(rule, by_step=every.unit == "step")
    first = (units, *seen, move, orders, report_stall(rule, every))
    return Fragment(
        state=_state(rule, by_step=every.unit == "step"),
        operations=(*first, *stop(rule), *last, hestenes_powell(rule, weight)),
        dual_order="simultaneous",
    )


def _round(rule: Rule, settings: Sal) -> Every:
    """What lies between two tests: a sixtieth of the run; an epoch where their number is given."""
    return Every(1, "epoch") if settings.given("iterations") else Every(interval(rule), "step")


def _iterations(rule: Rule, settings: Sal, every: Every) -> int:
    """Rounds of a shuffle."""
    rounds = rule.total_steps // rule.steps(every)
    return settings.iterations or max(1, rounds // settings.shuffles)


def _state(rule: Rule, *, by_step: bool) -> tuple[StateFacts, ...]:
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


def _norm(rule: Rule, units: str = "") -> str:
    """sum_i C_i^2 over the rule, or sum_i c_i C_i^2, in each of its entries."""
    c = rule.either("seen", "maximum(seen, 0 - multipliers / clamp(penalty, 1e-30))")
    return f"0 * penalty + sum({units}{c} ** 2)"


def _move(rule: Rule, settings: Sal, every: Every, iterations: int) -> Operation:
    by_step = every.unit == "step"
    return Operation(
        kind=Kind.DUAL_STEP,
        name=f"update_{rule.name}",
        rule=rule.name,
        updates=(
            Update(target="seen", formula="total / clamp(count, 1)" if by_step else "true"),
            Update(target="norm", formula=_norm(rule)),
            Update(target="size", formula=_norm(rule, "first * ")),
            *_test(rule, by_step=by_step),
            *_shuffled(),
            Update(target="penalty", formula="minimum(times * first, most)"),
            *(forgotten(rule) if by_step else ()),
        ),
        constants={
            "growth": settings.growth if settings.given("growth") else GROWTH,
            "decrease": settings.decrease if settings.given("decrease") else HALF**2,
            "iterations": iterations,
            "little": LITTLE,
        }
        | ({"noise": NOISE} if by_step and rule.batched else {}),
        trigger=every,
        often=f"{MOVES} times a run" if by_step else "",
        meaning="accept: multipliers <- [multipliers + mu g]+; reject: mu <- growth mu",
    )


def _test(rule: Rule, *, by_step: bool) -> tuple[Update, ...]:
    """Whether |C|^2 fell, or is nothing any more: multipliers move. Else mu grows."""
    step = rule.projected("multipliers + penalty * seen")
    accepted = "(size <= decrease * best) | (size <= little ** 2 * sum(first * far ** 2))"
    noisy = by_step and rule.batched
    if noisy:
        accepted += " | (size <= noise ** 2 * sum(first * error ** 2))"
    return (
        *((standard_error(),) if noisy else ()),
        Update(target="accepted", formula=f"(turn < 1) | {accepted}"),
        Update(target="multipliers", formula=f"where(accepted, {step}, multipliers)"),
        Update(target="best", formula="where(accepted, size, best)"),
        Update(target="accepts", formula="where(accepted, accepts + 1, accepts)"),
        Update(
            target="rejected",
            formula="where(accepted | (penalty < most), 0 * rejected, rejected + 1)",
        ),
        Update(target="held", formula="where(turn < 1, 0 * held, where(accepted, times, held))"),
        Update(target="times", formula="where(accepted, times, growth * times)"),
    )


def _shuffled() -> tuple[Update, ...]:
    """At a shuffle's end the penalty falls back."""
    return (
        Update(target="over", formula="turn + 1 >= iterations"),
        Update(target="turn", formula="where(over, 0 * turn, turn + 1)"),
        Update(target="shuffle", formula="where(over, shuffle + 1, shuffle)"),
        Update(target="back", formula="where(held > 0, held, times)"),
        Update(target="times", formula="where(over, maximum(shuffle + 1, back), times)"),
    )


def _reshuffle(rule: Rule, epochs: int) -> Operation:
    return Operation(
        kind=Kind.RESET,
        name="reshuffle",
        rule=rule.name,
        trigger=Every(epochs, "epoch"),
        options={"epochs_an_order": epochs},
        meaning="batches are reshuffled every shuffle",
    )

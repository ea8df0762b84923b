"""SAL with its penalty left open, in the units of the problem (`units`).

With c the first penalty of each constraint, which the first steps measure, C = max(g, -lambda / mu)
and ||C||^2 = sum_i c_i C_i^2 in the test: constraints of other units, or multiplied through, count alike.

    for s = 0, 1, ...:                 reshuffle the batches; mu <- (s + 1) c
        for k = 0 .. iterations - 1:
            theta <- a sixtieth of the run (whole epochs) on f + <lambda, C> + mu/2 ||C||^2
            if k = 0 or ||C||^2 <= decrease ||C_best||^2:
                lambda <- lambda + mu C;  C_best <- C
            else:
                mu <- min(growth mu, 1e4 c)

What Algorithm 2 has otherwise, and why not here: C_best starts anew with each shuffle, so that a
start that is feasible, or one shuffle of good luck, does not freeze the multipliers for ever; the
learning rate is that of the whole run, because an epoch of a few steps that ends in a rate of 0
gets nowhere; g in the weight of a batch is the mean of the last steps, because the noise of a batch
that is cut off at 0 is a bias. Settings that are given act; the run ends in a restoration, and the
multipliers told are the mean weights of its last 40%.
"""

from __future__ import annotations

from cspec.compiler.methods.augmented_lagrangian import fewer_moves, hestenes_powell
from cspec.compiler.methods.sal_ends import report_stall, stop
from cspec.compiler.methods.units import (
    LATE,
    MOVES,
    late_mean,
    late_state,
    mean_state,
    mean_updates,
    measure_units,
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
    """L = f + <lambda, C> + mu/2 ||C||^2, updated 60 times a run by a test on ||C||^2."""
    settings: Sal = rule.settings
    every = _round(rule, settings)
    most = settings.max_penalty if settings.given("max_penalty") else None
    factor = fewer_moves(rule, every)
    units = measure_units(rule, "penalty", factor, most=most, kept="first")
    seen = (_see(rule),) if rule.lags else ()
    weight = "where(measured > 0, mean, true)" if rule.lags else "true"
    last = late_mean(rule, "multipliers + penalty * mean") if rule.lags else ()
    orders = _reshuffle(rule, every, _iterations(rule, settings, every))
    move = _move(rule, settings, every)
    first = (units, *seen, move, orders, report_stall(rule, every.count))
    return Fragment(
        state=_state(rule),
        operations=(*first, *stop(rule), *last, hestenes_powell(rule, weight)),
        dual_order="simultaneous",
    )


def _round(rule: Rule, settings: Sal) -> Every:
    """Epochs between two tests: a sixtieth of the run, or one where their number is given."""
    if settings.given("iterations"):
        return Every(1, "epoch")
    return Every(max(1, round(rule.total_steps / MOVES / rule.steps_per_epoch)), "epoch")


def _iterations(rule: Rule, settings: Sal, every: Every) -> int:
    """Rounds of a shuffle."""
    rounds = rule.total_steps // (rule.steps_per_epoch * every.count)
    return settings.iterations or max(1, rounds // settings.shuffles)


def _state(rule: Rule) -> tuple[StateFacts, ...]:
    def vector(name: str, meaning: str, start: float = 0.0) -> StateFacts:
        return StateFacts(name=name, size=rule.size, start=start, meaning=meaning)

    late = (*mean_state(rule), *late_state(rule)) if rule.lags else ()
    return (
        vector("multipliers", "Lagrange multipliers"),
        vector("penalty", "mu, penalties"),
        *unit_state(rule),
        vector("most", "cap of the penalties"),
        vector("first", "c, penalties of the first shuffle"),
        vector("times", "mu in units of c", 1.0),
        vector("best", "sum c C_best^2 at this shuffle's last accepted update", NAN),
        vector("norm", "||C||^2 at the last round's end", NAN),
        vector("turn", "k, rounds of this shuffle"),
        vector("shuffle", "s, shuffles that are over"),
        vector("accepts", "updates accepted"),
        vector("rejected", "rejections in a row at the largest penalty"),
        *late,
    )


def _see(rule: Rule) -> Operation:
    return Operation(
        kind=Kind.DUAL_STEP,
        name=f"see_{rule.name}",
        rule=rule.name,
        updates=mean_updates(),
        constants={"newest": LATE},
        meaning="mean of the last steps' g",
    )


def _norm(rule: Rule, units: str = "") -> str:
    """sum_i C_i^2 over the rule, or sum_i c_i C_i^2, in each of its entries."""
    slack = "maximum(true, 0 - multipliers / clamp(penalty, 1e-30))"
    match rule.relation:
        case "==":
            c = "true"
        case "<=":
            c = slack
        case _:
            c = f"where(floor < 0, true, {slack})"
    return f"0 * penalty + sum({units}{c} ** 2)"


def _move(rule: Rule, settings: Sal, every: Every) -> Operation:
    step = rule.projected("multipliers + penalty * true")
    return Operation(
        kind=Kind.DUAL_STEP,
        name=f"update_{rule.name}",
        rule=rule.name,
        updates=(
            Update(target="norm", formula=_norm(rule)),
            Update(target="size", formula=_norm(rule, "first * ")),
            Update(target="accepted", formula="(turn < 1) | (size <= decrease * best)"),
            Update(target="multipliers", formula=f"where(accepted, {step}, multipliers)"),
            Update(target="best", formula="where(accepted, size, best)"),
            Update(target="accepts", formula="where(accepted, accepts + 1, accepts)"),
            Update(
                target="rejected",
                formula="where(accepted | (penalty < most), 0 * rejected, rejected + 1)",
            ),
            Update(target="times", formula="where(accepted, times, growth * times)"),
            *_shuffled(),
            Update(target="penalty", formula="minimum(times * first, most)"),
        ),
        constants={
            "growth": settings.growth,
            "decrease": settings.decrease,
            "iterations": _iterations(rule, settings, every),
        },
        trigger=every,
        often="" if settings.given("iterations") else f"{MOVES} times a run",
        meaning="accept: multipliers <- [multipliers + mu g]+; reject: mu <- growth mu",
    )


def _shuffled() -> tuple[Update, ...]:
    """At a shuffle's end the penalty starts anew."""
    return (
        Update(target="over", formula="turn + 1 >= iterations"),
        Update(target="turn", formula="where(over, 0 * turn, turn + 1)"),
        Update(target="shuffle", formula="where(over, shuffle + 1, shuffle)"),
        Update(target="times", formula="where(over, shuffle + 1, times)"),
    )


def _reshuffle(rule: Rule, every: Every, iterations: int) -> Operation:
    return Operation(
        kind=Kind.RESET,
        name="reshuffle",
        rule=rule.name,
        trigger=every,
        options={"epochs_an_order": iterations * every.count},
        meaning="batches are reshuffled every shuffle",
    )

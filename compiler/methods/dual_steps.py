"""How multipliers move: gradient ascent, momentum, nuPI, Adam, PID, as formulas.

sgd   multiplier <- [multiplier + lr g]+
nupi  multiplier <- [multiplier + lr (ki g + kp (xi - xi_before))]+, xi <- nu xi + (1 - nu) g
adam  multiplier <- [multiplier + lr Adam(g)]+
pid   I <- [I + ki g]+, multiplier <- [kp g + I + kd [g - g_before]+]+

For equalities nothing is projected: a and b change places in a == b without changing the run.
nuPI: Sohrabi et al. 2024, xi = g at the start, so that the first step is gradient ascent. PID:
Stooke et al. 2020; its multiplier is not accumulated, only I is.
"""

from __future__ import annotations

from cspec.compiler.records.fragment import Rule
from cspec.compiler.records.graph import StateFacts, Update
from cspec.dsl.settings.duals import Adam, Nupi, Pid, Sgd
from cspec.dsl.settings.methods import Lagrangian

DEFAULT_STEP = 1e-2
"""Dual step where the spec gives none and the compiler has no budget to scale it by."""

Parts = tuple[tuple[StateFacts, ...], tuple[Update, ...], dict[str, float], str]


def dual_steps(rule: Rule, settings: Lagrangian) -> Parts:
    """State, updates, constants and one line of mathematics of the dual optimizer."""
    match settings.dual:
        case Sgd() as dual:
            return _sgd(rule, settings, dual)
        case Nupi() as dual:
            return _nupi(rule, dual)
        case Adam() as dual:
            return _adam(rule, dual)
        case Pid() as dual:
            return _pid(rule, dual)


NAN = float("nan")


def _sgd(rule: Rule, settings: Lagrangian, dual: Sgd) -> Parts:
    lr = dual.lr or DEFAULT_STEP
    updates: tuple[Update, ...]
    if settings.order == "optimistic":
        state = (rule.state("before", "g of the step before", NAN),)
        updates = (
            Update(target="before", formula="where(isnan(before), true, before)"),
            Update(
                target="multipliers",
                formula=rule.projected("multipliers + lr * (2 * true - before)"),
            ),
            Update(target="before", formula="true"),
        )
        return state, updates, {"lr": lr}, "multipliers <- [multipliers + lr (2 g - g_before)]+"
    if dual.momentum:
        state = (rule.state("velocity", "momentum of the ascent"),)
        updates = (
            Update(target="velocity", formula="momentum * velocity + true"),
            Update(target="multipliers", formula=rule.projected("multipliers + lr * velocity")),
        )
        constants = {"lr": lr, "momentum": dual.momentum}
        return state, updates, constants, "v <- m v + g, multipliers <- [multipliers + lr v]+"
    updates = (Update(target="multipliers", formula=rule.projected("multipliers + lr * true")),)
    return (), updates, {"lr": lr}, "multipliers <- [multipliers + lr g]+"


def _nupi(rule: Rule, dual: Nupi) -> Parts:
    state = (rule.state("average", "xi, the smoothed g (g itself at the start)", NAN),)
    smoothed = "smoothed" if dual.nu else "true"
    step = f"multipliers + lr * (ki * true + kp * ({smoothed} - average))"
    smoothing = Update(target="smoothed", formula="nu * average + (1 - nu) * true")
    updates = (
        Update(target="average", formula="where(isnan(average), true, average)"),
        *((smoothing,) if dual.nu else ()),
        Update(target="multipliers", formula=rule.projected(step)),
        Update(target="average", formula=smoothed),
    )
    constants = {"lr": dual.lr or DEFAULT_STEP, "kp": dual.kp, "ki": dual.ki}
    if dual.nu:
        constants["nu"] = dual.nu
    meaning = "multipliers <- [multipliers + lr (ki g + kp (xi - xi_before))]+"
    return state, updates, constants, meaning


def _adam(rule: Rule, dual: Adam) -> Parts:
    first, second = dual.betas
    state = (
        rule.state("moment", "first moment of g"),
        rule.state("square", "second moment of g"),
        rule.state("count", "dual steps taken"),
    )
    step = (
        "multipliers + lr * moment / (1 - b1 ** count) / (sqrt(square / (1 - b2 ** count)) + 1e-8)"
    )
    updates = (
        Update(target="count", formula="count + 1"),
        Update(target="moment", formula="b1 * moment + (1 - b1) * true"),
        Update(target="square", formula="b2 * square + (1 - b2) * true * true"),
        Update(target="multipliers", formula=rule.projected(step)),
    )
    constants = {"lr": dual.lr, "b1": first, "b2": second}
    return state, updates, constants, "multipliers <- [multipliers + lr Adam(g)]+"


def _pid(rule: Rule, dual: Pid) -> Parts:
    state = (
        rule.state("integral", "I, the accumulated g"),
        rule.state("average", "smoothed g", NAN),
    )
    rise = rule.projected("smoothed - average")
    value = f"kp * smoothed + integral + kd * ({rise})"
    smoothed = "a * average + (1 - a) * true" if dual.smoothing else "true"
    updates = (
        Update(target="average", formula="where(isnan(average), true, average)"),
        Update(target="smoothed", formula=smoothed),
        Update(target="integral", formula=rule.projected("integral + ki * true")),
        Update(target="multipliers", formula=rule.projected(value)),
        Update(target="average", formula="smoothed"),
    )
    constants = {"kp": dual.kp, "ki": dual.ki, "kd": dual.kd}
    if dual.smoothing:
        constants["a"] = dual.smoothing
    return state, updates, constants, "I <- [I + ki g]+, multipliers <- [kp g + I + kd [dg]+]+"

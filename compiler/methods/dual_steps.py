"""How multipliers move: gradient ascent, momentum, nuPI, Adam, PID, as formulas.

sgd   multiplier <- [multiplier + lr g]+
nupi  multiplier <- [multiplier + lr (ki g + kp (xi - xi_before))]+, xi <- nu xi + (1 - nu) g
adam  multiplier <- [multiplier + lr Adam(g)]+
pid   I <- [I + ki g]+, multiplier <- [kp g + I + kd [g - g_before]+]+

For equalities nothing is projected: a and b change places in a == b without changing the run.
nuPI: Sohrabi et al. 2024, xi = g at the start, so that the first step is gradient ascent. PID:
Stooke et al. 2020; its multiplier is not accumulated, only I is.
"""

from cspec.compiler.records.fragment import Rule
from cspec.compiler.records.graph import StateFacts
from cspec.dsl.settings.duals import Adam, Nupi, Pid, Sgd
from cspec.dsl.settings.methods import Lagrangian

DEFAULT_STEP = 1e-2
"""Dual step where the spec gives none and the compiler has no budget to scale it by."""

Parts = tuple[tuple[StateFacts, ...], tuple[str, ...], dict[str, float], str]


def dual_steps(rule: Rule, settings: Lagrangian) -> Parts:
    """State, updates (a line each), constants and one line of mathematics of the dual optimizer."""
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
    if settings.order == "optimistic":
        step = rule.projected("multipliers + lr * (2 * true - before)")
        meaning = "multipliers <- [multipliers + lr (2 g - g_before)]+"
        return *with_last(rule, step), {"lr": lr}, meaning
    if dual.momentum:
        state = (rule.state("velocity", "momentum of the ascent"),)
        step = rule.projected("multipliers + lr * velocity")
        lines = ("velocity <- momentum * velocity + true", f"multipliers <- {step}")
        constants = {"lr": lr, "momentum": dual.momentum}
        return state, lines, constants, "v <- m v + g, multipliers <- [multipliers + lr v]+"
    line = f"multipliers <- {rule.projected('multipliers + lr * true')}"
    return (), (line,), {"lr": lr}, "multipliers <- [multipliers + lr g]+"


def with_last(rule: Rule, step: str) -> tuple[tuple[StateFacts, ...], tuple[str, ...]]:
    """State and lines of a step of the multipliers that knows the g before, `before`."""
    first = "before <- where(isnan(before), true, before)"
    lines = (first, f"multipliers <- {step}", "before <- true")
    return (rule.state("before", "g of the step before", NAN),), lines


def _nupi(rule: Rule, dual: Nupi) -> Parts:
    state = (rule.state("average", "xi, the smoothed g (g itself at the start)", NAN),)
    smoothed = "smoothed" if dual.nu else "true"
    step = f"multipliers + lr * (ki * true + kp * ({smoothed} - average))"
    lines = (
        "average <- where(isnan(average), true, average)",
        *(("smoothed <- nu * average + (1 - nu) * true",) if dual.nu else ()),
        f"multipliers <- {rule.projected(step)}",
        f"average <- {smoothed}",
    )
    constants = {"lr": dual.lr or DEFAULT_STEP, "kp": dual.kp, "ki": dual.ki}
    if dual.nu:
        constants["nu"] = dual.nu
    meaning = "multipliers <- [multipliers + lr (ki g + kp (xi - xi_before))]+"
    return state, lines, constants, meaning


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
    lines = (
        "count <- count + 1",
        "moment <- b1 * moment + (1 - b1) * true",
        "square <- b2 * square + (1 - b2) * true * true",
        f"multipliers <- {rule.projected(step)}",
    )
    constants = {"lr": dual.lr, "b1": first, "b2": second}
    return state, lines, constants, "multipliers <- [multipliers + lr Adam(g)]+"


def _pid(rule: Rule, dual: Pid) -> Parts:
    state = (
        rule.state("integral", "I, the accumulated g"),
        rule.state("average", "smoothed g", NAN),
    )
    rise = rule.projected("smoothed - average")
    value = f"kp * smoothed + integral + kd * ({rise})"
    smoothed = "a * average + (1 - a) * true" if dual.smoothing else "true"
    lines = (
        "average <- where(isnan(average), true, average)",
        f"smoothed <- {smoothed}",
        f"integral <- {rule.projected('integral + ki * true')}",
        f"multipliers <- {rule.projected(value)}",
        "average <- smoothed",
    )
    constants = {"kp": dual.kp, "ki": dual.ki, "kd": dual.kd}
    if dual.smoothing:
        constants["a"] = dual.smoothing
    return state, lines, constants, "I <- [I + ki g]+, multipliers <- [kp g + I + kd [dg]+]+"

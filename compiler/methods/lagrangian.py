"""Gradient descent-ascent on the Lagrangian L = f + <multiplier, g>.

    dual first   multiplier <- [multiplier + lr g(x)]+, then x <- x - a grad L(x, multiplier)
    simultaneous both players use the same x and multiplier
    primal first x moves, g is measured again, then the multiplier moves

Position paper eq. 9; Gallego-Posada et al. 2022 (restarts); Sohrabi et al. 2024 (nuPI); Stooke et
al. 2020 (PID). Plain ascent cannot converge where the Lagrangian is concave in x: use nuPI or
`augmented_lagrangian` there.
"""

from __future__ import annotations

from cspec.compiler.graph import Kind, Operation, StateFacts, Update
from cspec.compiler.methods.base import Fragment, Rule
from cspec.dsl.settings.duals import Adam, Nupi, Pid, Sgd
from cspec.dsl.settings.methods import Lagrangian

DEFAULT_STEP = 1e-2
"""Dual step where the spec gives none and the compiler has no budget to scale it by."""


def lagrangian(rule: Rule) -> Fragment:
    """L = f + <multiplier, g>, multipliers by the chosen dual optimizer."""
    settings: Lagrangian = rule.settings
    multipliers = StateFacts(
        name="multipliers", size=rule.size, start=settings.start, meaning="Lagrange multipliers"
    )
    state, updates, constants, meaning = _dual(rule, settings)
    updates = (*_finish(rule, settings, updates),)
    combine = Operation(
        kind=Kind.COMBINE,
        name=rule.name,
        rule=rule.name,
        updates=(
            Update(target="weight", formula="multipliers"),
            Update(target="value", formula="multipliers * g"),
        ),
        meaning="L = f + <multipliers, g>",
    )
    dual = Operation(
        kind=Kind.DUAL_STEP,
        name=f"ascend_{rule.name}",
        rule=rule.name,
        updates=updates,
        constants=constants | {"cap": settings.max_multiplier},
        trigger=settings.every,
        after=settings.warmup,
        meaning=meaning,
    )
    return Fragment(
        state=(multipliers, *state), operations=(dual, combine), dual_order=settings.order
    )


Parts = tuple[tuple[StateFacts, ...], tuple[Update, ...], dict[str, float], str]


def _dual(rule: Rule, settings: Lagrangian) -> Parts:
    match settings.dual:
        case Sgd() as dual:
            return _sgd(rule, settings, dual)
        case Nupi() as dual:
            return _nupi(rule, dual)
        case Adam() as dual:
            return _adam(rule, dual)
        case Pid() as dual:
            return _pid(rule, dual)


def _vector(rule: Rule, name: str, meaning: str, start: float = 0.0) -> StateFacts:
    return StateFacts(name=name, size=rule.size, start=start, meaning=meaning)


NAN = float("nan")


def _sgd(rule: Rule, settings: Lagrangian, dual: Sgd) -> Parts:
    lr = dual.lr or DEFAULT_STEP
    if settings.order == "optimistic":
        state = (_vector(rule, "before", "g of the step before", NAN),)
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
        state = (_vector(rule, "velocity", "momentum of the ascent"),)
        updates = (
            Update(target="velocity", formula="momentum * velocity + true"),
            Update(target="multipliers", formula=rule.projected("multipliers + lr * velocity")),
        )
        constants = {"lr": lr, "momentum": dual.momentum}
        return state, updates, constants, "v <- m v + g, multipliers <- [multipliers + lr v]+"
    updates = (Update(target="multipliers", formula=rule.projected("multipliers + lr * true")),)
    return (), updates, {"lr": lr}, "multipliers <- [multipliers + lr g]+"


def _nupi(rule: Rule, dual: Nupi) -> Parts:
    state = (_vector(rule, "average", "xi, the smoothed g (g itself at the start)", NAN),)
    step = "multipliers + lr * (ki * true + kp * (smoothed - average))"
    smoothed = "nu * average + (1 - nu) * true" if dual.nu else "true"
    updates = (
        Update(target="average", formula="where(isnan(average), true, average)"),
        Update(target="smoothed", formula=smoothed),
        Update(target="multipliers", formula=rule.projected(step)),
        Update(target="average", formula="smoothed"),
    )
    constants = {"lr": dual.lr or DEFAULT_STEP, "kp": dual.kp, "ki": dual.ki}
    if dual.nu:
        constants["nu"] = dual.nu
    meaning = "multipliers <- [multipliers + lr (ki g + kp (xi - xi_before))]+"
    return state, updates, constants, meaning


def _adam(rule: Rule, dual: Adam) -> Parts:
    first, second = dual.betas
    state = (
        _vector(rule, "moment", "first moment of g"),
        _vector(rule, "square", "second moment of g"),
        _vector(rule, "count", "dual steps taken"),
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
        _vector(rule, "integral", "I, the accumulated g"),
        _vector(rule, "average", "smoothed g", NAN),
    )
    value = "kp * smoothed + integral + kd * relu(smoothed - average)"
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


def _finish(rule: Rule, settings: Lagrangian, updates: tuple[Update, ...]) -> tuple[Update, ...]:
    """The safeguard on multipliers, and restarts of inequalities that hold."""
    last = [*updates]
    if settings.restart and rule.relation != "==":
        released = "true <= 0" if rule.relation == "<=" else "(true <= 0) & (floor == 0)"
        last.append(
            Update(target="multipliers", formula=f"where({released}, 0 * multipliers, multipliers)")
        )
    if settings.given("max_multiplier"):
        last.append(Update(target="multipliers", formula="clamp(multipliers, -cap, cap)"))
    return tuple(last)

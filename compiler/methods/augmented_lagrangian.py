"""The augmented Lagrangian of Hestenes, Powell and Rockafellar, a penalty a constraint.

    grad L_c = grad f + sum_i [multiplier_i + c_i g_i]+ grad g_i     no division: c = 0 is legal
    multiplier_i <- [multiplier_i + c_i g_i]+                        every epoch, on full data
    c_i <- min(growth c_i, cap)  where V_i > decrease V_i(before)    V_i = |max(g_i, -mult_i / c_i)|

Bertsekas 1982; the stagnation rule is ALGENCAN's (Birgin and Martinez 2014); `rule=lancelot` moves
a multiplier only where its violation is small enough for the moment, and the penalty elsewhere
(Conn, Gould and Toint 1991; Nocedal and Wright, Alg. 17.4).
With `lr` multipliers take steps lr <= c on L_c itself: [multiplier + lr max(g, -multiplier/c)]+.
"""

from __future__ import annotations

from cspec.compiler.graph import Kind, Operation, StateFacts, Update
from cspec.compiler.methods.base import Fragment, Rule, scale_at_start
from cspec.dsl.settings.base import STEP, Every
from cspec.dsl.settings.methods import AugmentedLagrangian

DEFAULT_PENALTY = 1.0
SOLVED_PENALTY = 10.0
SOLVED_GROWTH = 10.0
SOLVED_DECREASE = 0.5
SOLVED_MOST = 1e6
"""Defaults where each step is a whole minimization (L-BFGS)."""
ROUNDING = 1e-12
"""Penalty terms c g^2 below this don't stagnate: they are at the rounding of the objective."""
INNER_STEPS = 50
"""Steps between two updates of the multipliers, at the least (ALGORITHMS 2b) ..."""
LEAST_UPDATES = 10
"""... as long as a run has this many updates."""
NAN = float("nan")


def augmented_lagrangian(rule: Rule) -> Fragment:
    """L = f + <multipliers, g> + c/2 g^2 on active entries."""
    settings = _with_defaults(rule)
    assert settings.penalty is not None
    state = (
        StateFacts(
            name="multipliers", size=rule.size, start=settings.start, meaning="Lagrange multipliers"
        ),
        StateFacts(name="penalty", size=rule.size, start=settings.penalty, meaning="penalties c"),
    )
    extra = _memory(rule, settings)
    dual = Operation(
        kind=Kind.DUAL_STEP,
        name=f"update_{rule.name}",
        rule=rule.name,
        updates=_lancelot(rule) if settings.rule == "lancelot" else _stagnation(rule, settings),
        constants=_constants(settings),
        trigger=settings.every,
        sees=settings.dual_on,
        data=settings.dual_data,
        meaning=_meaning(settings),
    )
    weight = "g" if settings.dual_on == "surrogate" else "true"
    operations = [dual, hestenes_powell(rule, weight)]
    if rule.deterministic and not rule.settings.given("penalty"):
        operations.append(scale_at_start(rule, "penalty"))
    return Fragment(state=state + extra, operations=tuple(operations))


def _meaning(settings: AugmentedLagrangian) -> str:
    step = "c g" if settings.lr is None else "lr max(g, -multipliers / c)"
    grows = "" if settings.growth == 1 else "; c grows where the violation stagnates"
    return f"multipliers <- [multipliers + {step}]+{grows}"


def _memory(rule: Rule, settings: AugmentedLagrangian) -> tuple[StateFacts, ...]:
    """What the rule for growing penalties compares with."""
    name, meaning = "before", "violation at the last update"
    if settings.rule == "lancelot":
        name, meaning = "target", "violation a multiplier step needs"
    elif settings.growth == 1:
        return ()
    return (StateFacts(name=name, size=rule.size, start=NAN, meaning=meaning),)


def _with_defaults(rule: Rule) -> AugmentedLagrangian:
    """Settings left open, by what a step is: one gradient, or a whole minimization."""
    settings: AugmentedLagrangian = rule.settings
    if not rule.by_value:
        first = DEFAULT_PENALTY if settings.penalty is None else settings.penalty
        return settings.model_copy(update={"penalty": first, "every": _every(rule, settings)})
    defaults = {
        "penalty": SOLVED_PENALTY,
        "growth": SOLVED_GROWTH,
        "decrease": SOLVED_DECREASE,
        "max_penalty": SOLVED_MOST,
        "every": STEP,
    }
    found = {k: v for k, v in defaults.items() if not settings.given(k)}
    return settings.model_copy(update=found)


def _every(rule: Rule, settings: AugmentedLagrangian) -> Every:
    """An epoch, or as many as make an inner solve of some length, where the spec does not say.

    A multiplier that moves after every few steps answers a model that did not answer it yet, and
    the penalty of a violation that had no time to fall grows without need.
    """
    if settings.given("every") or settings.every.unit != "epoch" or not rule.steps_per_epoch:
        return settings.every
    rounds = -(-INNER_STEPS // rule.steps_per_epoch)
    most = max(rule.total_steps // (LEAST_UPDATES * rule.steps_per_epoch), 1)
    return Every(max(min(rounds, most), 1), "epoch")


def hestenes_powell(rule: Rule, weight: str = "true") -> Operation:
    """COMBINE: gradient weight [multipliers + penalty g]+ an entry, and its value."""
    active = (
        "multipliers + penalty * g > floor"
        if rule.relation == "mixed"
        else ("multipliers + penalty * g > 0")
    )
    quadratic = "multipliers * g + penalty / 2 * g * g"
    inactive = "-multipliers * multipliers / (2 * clamp(penalty, 1e-12))"
    value = quadratic if rule.relation == "==" else f"where({active}, {quadratic}, {inactive})"
    return Operation(
        kind=Kind.COMBINE,
        name=rule.name,
        rule=rule.name,
        updates=(
            Update(target="weight", formula=rule.projected(f"multipliers + penalty * {weight}")),
            Update(target="value", formula=value),
        ),
        meaning="L_c: gradient weight [multipliers + c g]+ a constraint",
    )


def _constants(settings: AugmentedLagrangian) -> dict[str, float]:
    constants = {
        "growth": settings.growth,
        "max_penalty": settings.max_penalty,
        "decrease": settings.decrease,
    }
    if settings.lr is not None:
        constants["lr"] = settings.lr
    if settings.given("max_multiplier"):
        constants["cap"] = settings.max_multiplier
    return constants


def _violation(rule: Rule) -> str:
    """V = |max(g, -multiplier / c)|: 0 for an inactive constraint whose multiplier is 0."""
    slack = "-multipliers / clamp(penalty, 1e-12)"
    match rule.relation:
        case "==":
            return "abs(true)"
        case "<=":
            return f"abs(maximum(true, {slack}))"
        case _:
            return f"where(floor < 0, abs(true), abs(maximum(true, {slack})))"


def _multiplier_step(rule: Rule, settings: AugmentedLagrangian) -> tuple[Update, ...]:
    updates = []
    if settings.lr is None:
        step = rule.projected("multipliers + penalty * true")
    elif rule.relation == "==":
        step = "multipliers + lr * true"
    else:
        slack = "maximum(true, -multipliers / clamp(penalty, 1e-12))"
        toward = slack if rule.relation == "<=" else f"where(floor < 0, true, {slack})"
        updates.append(Update(target="toward", formula=toward))
        step = rule.projected("multipliers + lr * toward")
    updates.append(Update(target="multipliers", formula=step))
    if settings.given("max_multiplier"):
        updates.append(Update(target="multipliers", formula="clamp(multipliers, -cap, cap)"))
    return tuple(updates)


def _stagnation(rule: Rule, settings: AugmentedLagrangian) -> tuple[Update, ...]:
    updates = [*_multiplier_step(rule, settings)]
    if settings.growth > 1:
        updates.insert(0, Update(target="now", formula=_violation(rule)))
        grown = "clamp(growth * penalty, 0, max_penalty)"
        stagnates = "(now > decrease * before) & (penalty < max_penalty)"
        if rule.by_value:
            stagnates += f" & (penalty * now ** 2 > {ROUNDING})"
        updates.append(
            Update(
                target="penalty",
                formula=f"where({stagnates}, {grown}, penalty)",
            )
        )
        updates.append(Update(target="before", formula="now"))
    return tuple(updates)


def _lancelot(rule: Rule) -> tuple[Update, ...]:
    """Good enough: multiplier step and a tighter target. Not: a larger penalty, a looser target."""
    step = rule.projected("multipliers + penalty * true")
    return (
        Update(target="now", formula=_violation(rule)),
        Update(target="target", formula="where(isnan(target), 1 / penalty ** 0.1, target)"),
        Update(target="good", formula="now <= target"),
        Update(target="multipliers", formula=f"where(good, {step}, multipliers)"),
        Update(target="target", formula="where(good, target / penalty ** 0.9, target)"),
        Update(
            target="penalty",
            formula="where(good, penalty, clamp(growth * penalty, 0, max_penalty))",
        ),
        Update(target="target", formula="where(good, target, 1 / penalty ** 0.1)"),
    )

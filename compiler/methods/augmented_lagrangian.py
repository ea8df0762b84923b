"""The augmented Lagrangian of Hestenes, Powell and Rockafellar, a penalty a constraint.

    grad L_c = grad f + sum_i [multiplier_i + c_i g_i]+ grad g_i     no division: c = 0 is legal
    multiplier_i <- [multiplier_i + c_i g_i]+                        every epoch, on full data
    c_i <- min(growth c_i, cap)  where V_i > decrease V_i(before)    V_i = |max(g_i, -mult_i / c_i)|

Bertsekas 1982; the stagnation rule is ALGENCAN's (Birgin and Martinez 2014); `rule=lancelot` moves
a multiplier only where its violation is small enough for the moment, and the penalty elsewhere
(Conn, Gould and Toint 1991; Nocedal and Wright, Alg. 17.4).
With `lr` multipliers take steps lr <= c on L_c itself: [multiplier + lr max(g, -multiplier/c)]+.

What data and batches decide where `penalty` is left open (`scaled_augmented_lagrangian`): the first
penalty follows from the slopes of objective and constraint, g in the weight is the mean of the last
steps, multipliers move 60 times a run by the mean of g since they last moved, penalties grow where
that mean is no noise, and the run ends in a restoration.

With `penalty` given: multipliers move after the model, so the weight of g in a step is
[multiplier + c g]+ with the multiplier from before that step. With `every=step` both move from the
same measurement: the multiplier becomes the weight that the step had. However often an `every` that
is given moves the multipliers, penalties are tested for growth at most once in 50 steps: a
violation needs steps to answer a multiplier. Left open, `every` is as many epochs as make 50 steps,
or a tenth of the run.
"""

from typing import Any

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
    unit_state,
)
from cspec.compiler.records.fragment import Fragment, Rule, refuse, scale_at_start
from cspec.compiler.records.graph import Kind, Operation, StateFacts
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
"""Steps between two updates of the multipliers, at the least ..."""
LEAST_UPDATES = 10
"""... as long as a run has this many updates."""
NAN = float("nan")
INFINITE = float("inf")


def augmented_lagrangian(rule: Rule) -> Fragment:
    """L = f + <multipliers, g> + c/2 g^2 on active entries."""
    if rule.settings.penalty == 0 and rule.settings.rule == "lancelot":
        refuse(rule, "`rule=lancelot` divides by the penalty", "write a positive `penalty`")
    if rule.open("penalty") and rule.settings.rule == "stagnation":
        return scaled_augmented_lagrangian(rule)
    settings = _with_defaults(rule)
    assert settings.penalty is not None
    state = (
        rule.state("multipliers", "Lagrange multipliers", settings.start),
        rule.state("penalty", "penalties c", settings.penalty),
    )
    between = _updates_between_growths(rule, settings)
    weight = "g" if settings.dual_on == "surrogate" else "true"
    operations = [*_steps(rule, settings, between), hestenes_powell(rule, weight)]
    memory = _memory(rule, settings, between)
    if _waited(rule) in memory:
        operations.insert(0, _count(rule))
    if rule.deterministic and not rule.settings.given("penalty"):
        operations.append(scale_at_start(rule, "penalty"))
    return Fragment(
        state=state + memory,
        operations=tuple(operations),
        dual_order="simultaneous",
    )


def scaled_augmented_lagrangian(rule: Rule) -> Fragment:
    """The method in the units of the problem (`units`), for gradients that are noisy.

    m = mean of the last steps' g (weights 0.8), on batches that are not whole: the noise is
    averaged before it is cut off at 0. So is what is counted on whole data: a rate jumps from one
    example to the next, and cut off at 0 it would push where its mean is met; and its first penalty
    is 0.3 of the one in units. In a loop of somebody's own, whose rates nobody knows and which may
    not fall, m = g: a mean lags behind, and with long steps the pair would circle.

        weight of g      [multiplier + c m]+
        multiplier       <- [multiplier + c (mean of g since it last moved)]+, 60 times a run
        c                <- 1.5 c where that mean is violated as it was before and did not halve, is
                            no noise (2.5 standard errors) and above 1e-4 of the first violations;
                            at most 1e4 times the first

    A pair that circles is violated and met in turn, and slack takes multipliers back at any c:
    penalties that grew there made the circles larger, up to where the surrogates vanish.
    """
    settings: AugmentedLagrangian = rule.settings
    every = settings.every if settings.given("every") else Every(interval(rule), "step")
    by_step = every.unit == "step"
    seen = see(rule, by_step=by_step, sees=settings.dual_on, data=settings.dual_data)
    most = settings.max_penalty if settings.given("max_penalty") else None
    lagging = "(measured > 0)" if rule.batched or all(rule.jumps) else "(share < 1)"
    weight = f"where({lagging}, mean, true)" if rule.lags else "true"
    return Fragment(
        state=(*_scaled_state(rule, settings, every), *(late_state(rule) if rule.lags else ())),
        operations=(
            measure_units(rule, "penalty", fewer_moves(rule, every), most=most),
            *((_ascend(rule, settings, every),) if _by_step(rule, settings) else ()),
            *((_count(rule),) if _counts(rule, every) else ()),
            *seen,
            _move(rule, settings, every),
            *(late_mean(rule, "multipliers + penalty * mean") if rule.lags else ()),
            hestenes_powell(rule, weight),
        ),
        dual_order="simultaneous",
    )


JUMPING = 0.3
"""Share of the first penalty where a surrogate stands in for what is counted: near its threshold
a count moves faster than its surrogate, 1 / w an output where logits spread over w and a sigmoid
rises by 1/4 at most, so a penalty by the surrogate's slope alone would rattle from side to side. On
batches the largest of slopes that are noisy is measured, and penalties are smaller anyway."""
HALF = 0.5
"""A violation above this share of the last one stagnates."""
NOISE = 2.5
"""Standard errors beyond which a mean violation is no accident of its batches."""
LITTLE = 1e-4
"""Share of the largest violation of the first steps from which multipliers alone go on ..."""
OWN_LITTLE = 1e-2
"""... in a loop of somebody's own, where rates do not fall at the end."""
GROWTH = 1.5
"""Where multipliers move 60 times; where `every` is given it is the setting's default."""
ANSWERS = 17
"""Steps in which a model answers a multiplier: where they are fewer, penalties grow by less, and by
no more in so many steps."""


def _counts(rule: Rule, every: Every) -> bool:
    """Whether steps are counted: epochs of somebody's own loop may be shorter than 50."""
    return rule.own_loop and every.unit == "epoch"


def _count(rule: Rule) -> Operation:
    meaning = "steps since c was tested"
    return rule.operation(Kind.PENALTY_STEP, f"count_{rule.name}", meaning, "waited <- waited + 1")


def _waited(rule: Rule) -> StateFacts:
    return rule.state("waited", "steps since c was tested")


_DUE = f"due <- waited >= {INNER_STEPS}"
_DONE = "waited <- where(due, 0 * waited, waited)"


def _scaled_state(
    rule: Rule, settings: AugmentedLagrangian, every: Every
) -> tuple[StateFacts, ...]:
    found = [
        rule.state("multipliers", "Lagrange multipliers", settings.start),
        rule.state("penalty", "penalties c"),
        *unit_state(rule),
        rule.state("most", "cap of the penalties"),
        rule.state("total", "sum of g since multipliers moved"),
        rule.state("count", "how often g was measured since then"),
        rule.state("before", "g when they moved", INFINITE),
        *((_waited(rule),) if _counts(rule, every) else ()),
    ]
    if rule.jumps and rule.lags and not rule.batched:
        shares = tuple(JUMPING if jumps else 1.0 for jumps in rule.jumps)
        start = JUMPING if all(rule.jumps) else shares
        meaning = "share of the first penalty, less where g jumps"
        found.append(rule.state("share", meaning, start))
    if rule.batched:
        found.append(rule.state("squares", "sum of g^2 since then"))
    if rule.lags:
        found += mean_state(rule)
    return tuple(found)


def fewer_moves(rule: Rule, every: Every) -> float:
    """A multiplier that moves less often than 60 times a run has a penalty that is larger."""
    return max(1.0, MOVES * rule.steps(every) / rule.total_steps)


def _by_step(rule: Rule, settings: AugmentedLagrangian) -> bool:
    """Whether multipliers move with the model: in a loop whose length nobody knows."""
    return rule.own_loop and not settings.given("every") and settings.lr is None


def _ascend(rule: Rule, settings: AugmentedLagrangian, every: Every) -> Operation:
    """The same way in small steps: multiplier <- [multiplier + c / k g]+, k steps a move."""
    share = 1 / every.count
    return _dual_operation(
        rule,
        f"ascend_{rule.name}",
        f"multipliers <- [multipliers + c g / {every.count}]+",
        f"multipliers <- {_capped(rule, 'multipliers + share * penalty * true')}",
        constants={"share": share} | _step_constants(settings),
    )


def _dual_operation(
    rule: Rule, name: str, meaning: str, *lines: str, kind: Kind = Kind.DUAL_STEP, **more: Any
) -> Operation:
    """A step of multipliers or penalties, by what the settings say that it sees."""
    seen = {"sees": rule.settings.dual_on, "data": rule.settings.dual_data}
    return rule.operation(kind, name, meaning, *lines, **seen, **more)


def _capped(rule: Rule, formula: str) -> str:
    """A new multiplier: projected, and no larger than a cap that is given."""
    found = rule.projected(formula)
    return f"clamp({found}, -cap, cap)" if rule.settings.given("max_multiplier") else found


def _move(rule: Rule, settings: AugmentedLagrangian, every: Every) -> Operation:
    by_step = every.unit == "step"
    stuck = "(left > decrease * abs(before)) & (left > little * far)"
    constants = {"little": OWN_LITTLE if rule.own_loop else LITTLE}
    constants |= _scaled_constants(rule, settings, every)
    noisy = rule.batched and by_step
    if noisy:
        stuck += " & (left > noise * error)"
        constants["noise"] = NOISE
    step = "penalty * seen"
    if settings.lr is not None:  # a dual step that is given acts
        step = f"lr * ({_toward(rule).replace('true', 'seen')})"
    moved = f"multipliers <- {_capped(rule, f'multipliers + {step}')}"
    counts = _counts(rule, every)
    stuck = f"due & {stuck}" if counts else stuck
    # Of a violation that is gone, or has turned into its opposite, nothing is left.
    left = rule.either("seen * sign(before)", "where(before > 0, seen, 0)")
    return _dual_operation(
        rule,
        f"update_{rule.name}",
        "multipliers <- [multipliers + c mean(g)]+; c grows where mean(g) did not halve",
        f"seen <- {'total / clamp(count, 1)' if by_step else 'true'}",
        f"left <- {left}",
        *((ERROR,) if noisy else ()),
        *(() if _by_step(rule, settings) else (moved,)),
        *((_DUE,) if counts else ()),
        f"penalty <- where({stuck}, minimum(growth * penalty, most), penalty)",
        *(("before <- where(due, seen, before)", _DONE) if counts else ("before <- seen",)),
        *(forgotten(rule) if by_step else ()),
        constants=constants,
        trigger=every,
        often="" if settings.given("every") else f"{MOVES} times a run",
    )


def _scaled_constants(rule: Rule, settings: AugmentedLagrangian, every: Every) -> dict[str, float]:
    growth = settings.growth
    if not settings.given("growth") and not settings.given("every"):
        growth = round(GROWTH ** min(1.0, rule.steps(every) / ANSWERS), 4)
    decrease = settings.decrease if settings.given("decrease") else HALF
    constants = {"decrease": decrease, "growth": growth}
    return constants | _step_constants(settings)


def _steps(rule: Rule, settings: AugmentedLagrangian, between: int) -> tuple[Operation, ...]:
    """The multipliers' step, and the penalties': one operation where they move together."""
    if settings.rule == "lancelot":
        return (_dual_step(rule, settings, _lancelot(rule, settings, between), _GROWS),)
    moves = _multiplier_step(rule, settings)
    if settings.growth == 1:
        return (_dual_step(rule, settings, moves, ""),)
    now, *grows = _stagnation(rule, _counts(rule, settings.every))
    if between == 1:
        # The violation is seen with the multipliers, the multipliers with the penalty from before.
        return (_dual_step(rule, settings, (now, *moves, *grows), _GROWS),)
    every = Every(settings.every.count * between, settings.every.unit)
    growth = _dual_operation(
        rule,
        f"grow_{rule.name}",
        "c <- growth c where the violation stagnates",
        now,
        *grows,
        kind=Kind.PENALTY_STEP,
        constants=_growth(settings),
        trigger=every,
    )
    return (_dual_step(rule, settings, moves, ""), growth)


_GROWS = "; c grows where the violation stagnates"


def _dual_step(rule: Rule, settings: AugmentedLagrangian, lines: Lines, grows: str) -> Operation:
    step = "c g" if settings.lr is None else "lr max(g, -multipliers / c)"
    return _dual_operation(
        rule,
        f"update_{rule.name}",
        f"multipliers <- [multipliers + {step}]+{grows}",
        *lines,
        constants=(_growth(settings) if grows else {}) | _step_constants(settings),
        trigger=settings.every,
    )


def _updates_between_growths(rule: Rule, settings: AugmentedLagrangian) -> int:
    """How many moves of the multipliers make the steps that a growing penalty has to wait."""
    if rule.by_value or not rule.settings.given("every"):
        return 1  # Each step is a whole minimization, or `_every` has chosen an interval for both.
    unit = rule.steps_per_epoch if settings.every.unit == "epoch" else 1
    return max(-(-INNER_STEPS // max(settings.every.count * unit, 1)), 1)


def _memory(rule: Rule, settings: AugmentedLagrangian, between: int) -> tuple[StateFacts, ...]:
    """What the rule for growing penalties compares with."""
    if settings.rule == "lancelot":
        meaning = "violation a multiplier step needs"
        target = rule.state("target", meaning, NAN)
        if _counts(rule, settings.every):
            return (target, _waited(rule))
        return (target, rule.state("waited", "updates since c grew")) if between > 1 else (target,)
    if settings.growth == 1:
        return ()
    meaning = "violation at the last test of c" if between > 1 else "violation at the last update"
    before = rule.state("before", meaning, NAN)
    return (before, _waited(rule)) if _counts(rule, settings.every) else (before,)


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
    active = f"multipliers + penalty * g > {'floor' if rule.relation == 'mixed' else '0'}"
    quadratic = "multipliers * g + penalty / 2 * g * g"
    inactive = "-multipliers * multipliers / (2 * clamp(penalty, 1e-12))"
    value = quadratic if rule.relation == "==" else f"where({active}, {quadratic}, {inactive})"
    weight = rule.projected(f"multipliers + penalty * {weight}")
    return rule.weighed(weight, value, "L_c: gradient weight [multipliers + c g]+ a constraint")


def _growth(settings: AugmentedLagrangian) -> dict[str, float]:
    return {
        "growth": settings.growth,
        "max_penalty": settings.max_penalty,
        "decrease": settings.decrease,
    }


def _step_constants(settings: AugmentedLagrangian) -> dict[str, float]:
    lr = {} if settings.lr is None else {"lr": settings.lr}
    return lr | ({"cap": settings.max_multiplier} if settings.given("max_multiplier") else {})


def _violation(rule: Rule) -> str:
    """V = |max(g, -multiplier / c)|: 0 for an inactive constraint whose multiplier is 0."""
    slack = "-multipliers / clamp(penalty, 1e-12)"
    return rule.either("abs(true)", f"abs(maximum(true, {slack}))")


def _toward(rule: Rule) -> str:
    """What a dual step of its own goes along: max(g, -multiplier / c), of equalities g."""
    return rule.either("true", "maximum(true, -multipliers / clamp(penalty, 1e-12))")


def _multiplier_step(rule: Rule, settings: AugmentedLagrangian) -> Lines:
    """[multiplier + c g]+, or a step of its own on L_c; the last line is the multipliers'."""
    if settings.lr is None:
        return (f"multipliers <- {_capped(rule, 'multipliers + penalty * true')}",)
    if rule.relation == "==":
        return (f"multipliers <- {_capped(rule, 'multipliers + lr * true')}",)
    step = f"multipliers <- {_capped(rule, 'multipliers + lr * toward')}"
    return (f"toward <- {_toward(rule)}", step)


def _stagnation(rule: Rule, counts: bool) -> Lines:
    """c grows where the violation is above its share of the one before."""
    stagnates = "(now > decrease * before) & (penalty < max_penalty)"
    if rule.by_value:
        stagnates += f" & (penalty * now ** 2 > {ROUNDING})"
    grown = "clamp(growth * penalty, 0, max_penalty)"
    if counts:
        stagnates = f"due & {stagnates}"
    return (
        f"now <- {_violation(rule)}",
        *((_DUE,) if counts else ()),
        f"penalty <- where({stagnates}, {grown}, penalty)",
        *(("before <- where(due, now, before)", _DONE) if counts else ("before <- now",)),
    )


def _lancelot(rule: Rule, settings: AugmentedLagrangian, between: int) -> Lines:
    """Good enough: multiplier step and a tighter target. Not: a larger penalty, a looser target.

    Between two larger penalties lie as many updates as make 50 steps.
    """
    *before, step = _multiplier_step(rule, settings)
    counts = _counts(rule, settings.every)
    waits, least = between > 1 or counts, INNER_STEPS if counts else between
    return (
        f"now <- {_violation(rule)}",
        "target <- where(isnan(target), 1 / penalty ** 0.1, target)",
        "good <- now <= target",
        *before,
        f"multipliers <- where(good, {step.removeprefix('multipliers <- ')}, multipliers)",
        "target <- where(good, target / penalty ** 0.9, target)",
        *(("waited <- waited + 1",) if waits and not counts else ()),
        f"grows <- ~good & (waited >= {least})" if waits else "grows <- ~good",
        "penalty <- where(grows, clamp(growth * penalty, 0, max_penalty), penalty)",
        "target <- where(grows, 1 / penalty ** 0.1, target)",
        *(("waited <- where(grows, 0 * waited, waited)",) if waits else ()),
    )

"""Gradient descent-ascent on the Lagrangian L = f + <multiplier, g>.

    dual first    multiplier <- [multiplier + lr g(x)]+, then x <- x - a grad L(x, multiplier)
    simultaneous  both players use the same x and multiplier
    primal first  x moves, g is measured again, then the multiplier moves
    optimistic    multiplier <- [multiplier + lr (2 g - g_before)]+
    extragradient x', multiplier' one step ahead on the same batch; then x and multiplier step from
                  where they were with the gradients taken at x', multiplier'

Defaults: dual first, a step in the units of the problem, a multiplier starts at 0. For a size on
gates nuPI with lr = 40 / (bound * steps) and lr kp = 18, along a ramp:
`compiler.choose.gate_course`. `primal_steps=K` moves the multipliers every K steps of the model.
`dual_data=val` measures g for them on batches of another split (Cotter et al. 2019, "Training
well-generalizing classifiers"). `escalate=true` watches for oscillation, answers with a
proportional term, see `runtime.methods.escalate`

Position paper eq. 9; Korpelevich 1976 (extragradient); Gallego-Posada et al. 2022 (restarts);
Sohrabi et al. 2024 (nuPI); Stooke et al. 2020 (PID).

Pitfalls. Plain ascent cannot converge where the Lagrangian is concave in x: use nuPI,
`augmented_lagrangian` or `escalate=true` there. Restarts destroy the multiplier of a constraint
that binds, each time the boundary is touched, and must not see minibatch noise. Extragradient
costs two gradients a step; noise that the model draws itself (dropout, gates) differs between them.
"""

from collections.abc import Iterator

from cspec.compiler.methods.dual_steps import Parts, dual_steps, with_last
from cspec.compiler.methods.open_steps import in_units
from cspec.compiler.methods.sqp import priced
from cspec.compiler.methods.units import late_mean, late_state
from cspec.compiler.records.fragment import Fragment, Rule, refuse, scale_at_start
from cspec.compiler.records.graph import Kind, Operation
from cspec.dsl.settings.base import STEP, Every
from cspec.dsl.settings.duals import Sgd
from cspec.dsl.settings.methods import Lagrangian


def lagrangian(rule: Rule) -> Fragment:
    """L = f + <multiplier, g>, multipliers by the chosen dual optimizer."""
    settings: Lagrangian = rule.settings
    _check(rule, settings)
    multipliers = rule.state("multipliers", "Lagrange multipliers", settings.start)
    (state, lines, constants, meaning), units = _dual(rule, settings)
    dual = rule.operation(
        Kind.DUAL_STEP,
        f"ascend_{rule.name}",
        meaning,
        *lines,
        *_safeguards(rule, settings),
        constants=constants | {"cap": settings.max_multiplier},
        trigger=_trigger(settings),
        after=settings.warmup,
        sees=settings.dual_on,
        data=settings.dual_data,
    )
    operations: tuple[Operation, ...] = (dual, priced(rule))
    if settings.escalate:
        operations = (*operations, _escalation(rule))
    if units:
        operations = (*units, *operations, *late_mean(rule, "multipliers"))
        state = (*state, *late_state(rule))
    elif any(item.name == "lr" for item in state):
        operations = (*operations, scale_at_start(rule, "lr"))
    return Fragment(state=(multipliers, *state), operations=operations, dual_order=settings.order)


def _trigger(settings: Lagrangian) -> Every:
    return Every(settings.primal_steps, "step") if settings.primal_steps > 1 else settings.every


def _check(rule: Rule, settings: Lagrangian) -> None:
    """Combinations that say two things at once, or that have no meaning."""
    if settings.primal_steps > 1 and settings.given("every"):
        refuse(
            rule, "`primal_steps` and `every` both say when multipliers move", "give one of them"
        )
    if settings.order == "optimistic" and not isinstance(settings.dual, Sgd):
        reason = f"optimistic is a form of gradient ascent; {settings.dual.word} has its own"
        refuse(rule, f"{reason} dynamics", "write `dual=sgd(lr=...)`, or leave `order` out")
    if settings.escalate and not isinstance(settings.dual, Sgd):
        reason = f"`escalate` adds a proportional term to gradient ascent; {settings.dual.word} has"
        refuse(rule, f"{reason} its own dynamics", "write `dual=sgd(lr=...)`")
    if settings.escalate and settings.order == "optimistic":
        refuse(rule, "optimistic ascent has a proportional term already", "leave `order` out")
    if settings.escalate and isinstance(settings.dual, Sgd) and settings.dual.momentum:
        refuse(rule, "`escalate` damps what momentum drives", "leave `momentum` out")
    if settings.order == "extragradient" and _trigger(settings) != STEP:
        refuse(rule, "extragradient moves both players on every step", "leave `every` out")
    if settings.order == "extragradient" and rule.by_value:
        refuse(
            rule, "extragradient looks ahead one plain step, not a line search", "use adam or sgd"
        )


def _dual(rule: Rule, settings: Lagrangian) -> tuple[Parts, tuple[Operation, ...]]:
    units: tuple[Operation, ...] = ()
    if rule.deterministic or rule.by_value:
        state, lines, constants, meaning = dual_steps(rule, settings)
    else:
        found, units = in_units(rule, settings, _trigger(settings))
        state, lines, constants, meaning = found
    if rule.deterministic and getattr(settings.dual, "lr", 0.0) is None:
        first = constants.pop("lr")
        lr = rule.state("lr", "dual steps, scaled", first)
        state = (*state, lr)
    if not settings.escalate:
        return (state, lines, constants, meaning), units
    step = rule.projected("multipliers + lr * true + damping * (true - before)")
    before, lines = with_last(rule, step)
    state = (
        *state,
        rule.state("damping", "c, the proportional term's gain"),
        rule.state("damped", "step of the last escalation", -1.0),
        *before,
    )
    meaning = "multipliers <- [multipliers + lr g + c (g - g_before)]+"
    return (state, lines, constants, meaning), units


def _escalation(rule: Rule) -> Operation:
    return rule.operation(
        Kind.PENALTY_STEP,
        "escalate",
        "where g oscillates: c <- 1, then 3 c, at most 100",
        trigger=Every(max(20 * max(1, rule.total_steps // 2000), 20), "step"),
        options={"first": 1.0, "factor": 3.0, "most": 100.0},
    )


def _safeguards(rule: Rule, settings: Lagrangian) -> Iterator[str]:
    """Restarts of inequalities that hold, and the cap on multipliers."""
    if settings.restart and rule.relation != "==":
        released = "true <= 0" if rule.relation == "<=" else "(true <= 0) & (floor == 0)"
        yield f"multipliers <- where({released}, 0 * multipliers, multipliers)"
    if settings.given("max_multiplier"):
        yield "multipliers <- clamp(multipliers, -cap, cap)"

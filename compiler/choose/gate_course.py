"""How a size on gates comes to its bound: along a ramp; then gates are decided, the rest trains.

    bound(t) = full size + (bound - full size) min(t / 40%, 1)          t the share of the run
    once the size is at its bound, or at 80%: the most open gates are 1, as many as the bound
    allows; the others are 0

A multiplier that finds a distance of half the weights at its first step grows until it shuts gates
in droves, and what is shut has no gradient to come back by: densities ended at 55% to 90% of their
bounds. Along the ramp the multiplier follows a bound that is always near, and the decision ends
the fall where the bound is. A bound that moves, a given `dual` or `penalty` and other methods act
as written.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from cspec.compiler.axes.sizes import sized
from cspec.compiler.choose.strategy import GATE_BUDGET, ChoiceContext, gated_size, named_method
from cspec.compiler.expressions.rewrite import call, number, same
from cspec.compiler.methods.gate_decisions import RAMP
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.settings.fit import AdamOptimizer, FitSettings, Optimizer, SgdOptimizer
from cspec.dsl.settings.methods import AugmentedLagrangian, Lagrangian
from cspec.dsl.text.source import NOWHERE
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Expr, Fit, Keyword, Sum, walk

GATES = "*log_alpha"
"""The glob of the gates among a model's parameters."""
TRAVEL = 8.0
"""Units of its logit that a gate travels from open to shut."""


def gate_courses(problem: Problem, context: ChoiceContext, steps: int) -> Problem:
    """The problem with a course for each size on gates whose method is open; `steps` of the run."""
    loop = None if context.facts is None else context.facts.own_loop
    if loop is not None and not loop.steps:
        return problem  # nobody knows where its end is
    return problem.with_constraints(_course(c, context, steps) for c in problem.constraints)


def _course(c: Constraint, context: ChoiceContext, steps: int) -> Constraint:
    full = gated_size(c, context) if c.relation == "<=" and c.soft is None else None
    bound = value_or_none(c.bound, context.params)
    if full is None or bound is None or not _open(c, context):
        return c
    update: dict[str, object] = {"decides": c.parts}
    if bound < full:
        length = max(1, round(RAMP * steps))
        update["parts"] = tuple(_along(part, c.bound, full, length) for part in c.parts)
        seen = c.gradient_parts
        update["gradient_parts"] = seen and tuple(_along(p, c.bound, full, length) for p in seen)
    return c.model_copy(update=update)


def _open(c: Constraint, context: ChoiceContext) -> bool:
    """Whether nobody says how the multiplier of a size moves."""
    named = named_method(c, context)
    method = None if named is None else named[0]
    match method:
        case None:
            return True
        case Lagrangian():
            return not method.given("dual")
        case AugmentedLagrangian():
            return not method.given("penalty")
    return False


def _along(part: Expr, bound: Expr, full: float, steps: int) -> Expr:
    """`value - ramp(full, bound, steps=N)` of `value - bound`."""
    match part:
        case Sum(operands=(value, last), operators=("-",)) if same(last, bound):
            keyword = Keyword(name="steps", value=number(steps))
            ramp = call("ramp", number(full), bound).model_copy(update={"keywords": (keyword,)})
            return part.model_copy(update={"operands": (value, ramp)})
    return part


def planned(steps: float) -> float:
    """The rate at which Adam shuts gates in so many steps: 22 / steps, to three digits."""
    return float(f"{max(1e-3, GATE_BUDGET / steps):.3g}")


def gate_rates(fit: FitSettings, steps: float) -> tuple[FitSettings, tuple[str, ...]]:
    """Fit settings whose gates shut in `steps` steps at the full rate, and what is to be said.

    A hard-concrete gate travels about 8 units of its logit from open to shut, and Adam moves it by
    about its rate each step, so steps x rate must reach `GATE_BUDGET` (decision 0006). A rate that
    the spec gives acts on the gates as on all else (`slow_gates` warns of one that is too small);
    where it gives none, gates get an Adam of their own.
    """
    alone = len(fit.optimizer) == 1 and fit.optimizer[0].params is None
    optimizer = fit.optimizer[0]
    if not alone or not isinstance(optimizer, AdamOptimizer | SgdOptimizer):
        return fit, ()
    if optimizer.given("lr") or _shuts(optimizer, steps):
        return fit, ()
    rate = planned(steps)
    note = (
        f"gates get Adam with lr = {rate:g} ({GATE_BUDGET:g} / steps): {round(steps)} steps of "
        f"{optimizer.lr:g}, the rate of the other parameters, would move a gate by about "
        f"{steps * optimizer.lr:.2g}, and it travels about {TRAVEL:g} to shut"
    )
    gates = AdamOptimizer(params=GATES, lr=rate)
    return fit.model_copy(update={"optimizer": (gates, optimizer)}), (note,)


def _shuts(optimizer: Optimizer, steps: float) -> bool:
    """Whether gates get there: Adam's steps have the size of its rate, those of SGD do not."""
    return isinstance(optimizer, AdamOptimizer) and steps * optimizer.lr >= GATE_BUDGET


def slow_gates(checked: Checked, facts: Facts, steps: float) -> Iterator[Diagnostic]:
    """A warning where the rate that a spec gives is too small for its gates to shut."""
    fit = checked.fit
    gates = [(n, p.name) for n, m in facts.models.items() for p in m.parameters if p.gate]
    asked = any(sized(node) for item in checked.elaborated.items for node in walk(item))
    if not gates or not asked or facts.own_loop is not None:
        return
    names = [name for model, gate in gates for name in (gate, f"{model}.{gate}")]
    acting = _acting(fit, names)
    if not isinstance(acting, AdamOptimizer | SgdOptimizer):
        return
    if not acting.given("lr") or _shuts(acting, steps):
        return
    rate = planned(steps)
    rest = ", ".join(_written(o) for o in fit.optimizer if o is not acting or o.params is None)
    own = f'adam(params="{GATES}", lr={rate:g})'
    others = f", {rest}" if rest else ""
    yield Diagnostic(
        code="CS541",
        severity="warning",
        message=f"gates hardly shut: {_reach(acting, steps)}",
        span=next((item.span for item in checked.spec.items if isinstance(item, Fit)), NOWHERE),
        label="this rate acts on the gates, too" if acting.params is None else "",
        notes=(
            f"a gate travels about {TRAVEL:g} from open to shut, and some of the way back: Adam "
            f"with steps x lr of {GATE_BUDGET:g} gets there",
        ),
        helps=(
            f"write `fit(optimizer=[{own}{others}])`",
            "or leave `lr` out: gates get theirs by the length of the run",
        ),
        source=checked.source,
    )


def _acting(fit: FitSettings, names: list[str]) -> Optimizer | None:
    """The optimizer that trains the gates: the first whose glob takes one, else that of all."""
    for optimizer in fit.optimizer:
        pattern = optimizer.params
        if pattern is not None and any(fnmatchcase(name, pattern) for name in names):
            return optimizer
    return next((optimizer for optimizer in fit.optimizer if optimizer.params is None), None)


def _reach(optimizer: AdamOptimizer | SgdOptimizer, steps: float) -> str:
    if isinstance(optimizer, SgdOptimizer):
        return f"steps of sgd(lr={optimizer.lr:g}) are its rate times a gradient that is tiny here"
    many = f"{round(steps):,} steps of {optimizer.word}(lr={optimizer.lr:g})"
    return f"{many} move each by about {steps * optimizer.lr:.2g}"


def _written(optimizer: Optimizer) -> str:
    given = [
        f'{name}="{value}"' if isinstance(value, str) else f"{name}={value:g}"
        for name in type(optimizer).model_fields
        if optimizer.given(name) and isinstance(value := getattr(optimizer, name), str | float)
    ]
    return f"{optimizer.word}({', '.join(given)})"

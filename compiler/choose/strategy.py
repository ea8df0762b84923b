"""Which method enforces each constraint, and why: structure first, then scale, then primal-dual.

The order is the decision framework of the position paper (arXiv 2505.20628, section 6):

1. what the spec says: the constraint's own `by`, then `using`;
2. a set with a projection, on parameters: projection (counts: projection along a ramp, or gates);
3. a rate, which has no gradient: augmented Lagrangian on the true rate, surrogate for the model;
4. deterministic, over decision variables: sequential quadratic programming for the whole problem
   where it is smooth and small (`solved_by_sqp`), spectral projected gradient where it has sets
   with a projection (`solved_by_spg`); an equality, or such a problem with kinks: augmented
   Lagrangian; a rate required of data and a single number: bisection (`solved_by_bisection`);
5. everything else, equalities among it: augmented Lagrangian in the units of the problem.
"""

from collections.abc import Mapping
from typing import NamedTuple

from cspec.compiler.algebra.set_forms import has_form
from cspec.compiler.algebra.sympy import Space
from cspec.compiler.axes.sizes import STORED, at_full_size, sized
from cspec.compiler.choose.bisection import is_rate, solved_by_bisection
from cspec.compiler.choose.spg import solved_by_spg
from cspec.compiler.choose.sqp import solved_by_sqp
from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.expressions.rewrite import last_of_ramp
from cspec.compiler.methods import require_construction
from cspec.compiler.methods.gate_decisions import described_course
from cspec.compiler.methods.lifting import Asked, with_faces
from cspec.compiler.methods.pruning import course, described
from cspec.compiler.methods.units import MOVES
from cspec.compiler.passes.expansion.each_example import over_examples
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.fragment import unfit
from cspec.compiler.records.problem import Constraint, PerExample, Problem
from cspec.compiler.refusals.computed_weights import Computed, computed_in, computed_weight
from cspec.dsl.explicit.points import is_points
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.settings.base import Every
from cspec.dsl.settings.duals import Dual, Nupi, Sgd
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.settings.methods import (
    Admm,
    AugmentedLagrangian,
    Auto,
    FrankWolfe,
    Lagrangian,
    Method,
    OutputProjection,
    Parametrization,
    Projection,
    Threshold,
    unknown_to_rows,
)
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Expectation, Expr, Index, Name, walk
from cspec.dsl.words.sets import COEFFICIENTS, COUNTS, JUMPS

GATE_BUDGET = 22.0
"""steps x learning rate that a gate needs to travel from open to shut."""
GATE_DUAL_BUDGET = 40.0
"""Dual step of a density on gates: this / bound / steps (benchmarks/gates.py)."""
GATE_DAMPING = 18.0
"""Proportional gain of a density on gates: the multiplier falls by this times the density's."""


EACH = (
    "one multiplier an example, which tells how hard it is: a step reads and moves those of its "
    "batch alone, and a penalty damps them"
)


class ChoiceContext(NamedTuple):
    """What the choice may depend on. Without facts, choices that need them stay conditional."""

    method: Method
    fit: FitSettings
    facts: Facts | None
    steps: int | None
    """Steps at the full learning rate that the run amounts to."""
    data: bool
    """Whether the problem has data (else it is deterministic and small)."""
    params: Mapping[str, float | tuple[float, ...]] = {}
    space: Space | None = None
    """The decision variables, where there is nothing else (no data, no model)."""
    whole: Space | None = None
    """The decision variables, where data come whole at every step and there is no model."""
    asked: Asked | None = None
    line: bool = False
    """Whether one number is all that moves."""


class Choice(NamedTuple):
    """A method, the reason, and what else was considered and why it was not taken."""

    method: Method
    reason: str
    rejected: tuple[str, ...] = ()


def choose(problem: Problem, context: ChoiceContext) -> Problem:
    """The problem with a method and a reason for every requirement; all refusals at once."""
    if any(of_each(c, context) is not None for c in problem.constraints):
        context = context._replace(space=None, whole=None, line=False)
    owned = solved_by_sqp(problem, context.method, context.space)
    if owned is None:
        owned = solved_by_spg(problem, context.method, context.space or context.whole)
    if owned is None:
        owned = solved_by_bisection(problem, context.method, context.line)
    if owned is not None:
        return owned
    problem = with_faces(problem, context.asked, context.method)
    found: list[Diagnostic] = []
    chosen: list[Constraint] = []
    for constraint in problem.constraints:
        if constraint.soft is not None:
            each = of_each(constraint, context) is not None
            what = "the mean of its violation over the examples" if each else "its violation"
            reason = f"a preference: {what} is added to the objective"
            chosen.append(constraint.model_copy(update={"reason": reason}))
            continue
        try:
            choice = decide(constraint, context)
        except SpecError as error:
            found.extend(error.diagnostics)
            continue
        rejected = (*constraint.rejected, *choice.rejected)
        update = {"method": choice.method, "reason": choice.reason, "rejected": rejected}
        chosen.append(constraint.model_copy(update=update))
    if found:
        raise SpecError(dict.fromkeys(found))  # members of a quantifier say the same
    return problem.with_constraints(chosen)


def decide(c: Constraint, context: ChoiceContext) -> Choice:
    """The method of one requirement."""
    if c.reason and isinstance(c.method, Method):  # it holds on a face
        return Choice(c.method, c.reason)
    if c.construction:
        return _by_construction(c, context)
    of_rows = _of_rows(c, context) if of_each(c, context) is not None else None
    if of_rows is not None:
        return of_rows
    named = named_method(c, context)
    return _automatic(c, context) if named is None else _as_written(c, *named, context)


# --- As written ----------------------------------------------------------------------------------


def named_method(c: Constraint, context: ChoiceContext) -> tuple[Method, str] | None:
    """The method that the spec names for a requirement, and where; None where it is open."""
    if isinstance(c.method, Method) and not isinstance(c.method, Auto):
        return c.method, "the constraint's own `by`"
    return None if isinstance(context.method, Auto) else (context.method, "`using`")


def _as_written(c: Constraint, method: Method, where: str, context: ChoiceContext) -> Choice:
    reason = f"as written: {where}{described_course(c)}"
    match method:
        case Projection() | Admm() | Parametrization() | FrankWolfe():
            if computed := computed_in(c, context.facts):
                raise computed_weight(c, method.word, computed)
            if c.set is None and _seen_later(c, context):
                return Choice(method, reason)
            open_ = context.facts is None and any(sized(n, STORED) for n in walk(c.value))
            if c.set is None and not open_:
                raise _no_set(c, method)
            require_construction(c, "sparse" if c.set is None else c.set.word, method)
        case OutputProjection() | Threshold():
            pass  # affine rows are looked for once the outputs are known
        case _:
            _require_function(c, method, context)
            method = _scaled(c, method, context)
    return Choice(method, reason)


def _scaled(c: Constraint, method: Method, context: ChoiceContext) -> Method:
    """Settings left to default, scaled to the problem: what is given acts as written.

    A density on gates needs multipliers that grow as it shrinks (5 at 50%, 80 at 10%), and gates
    go on shutting for a while after the target is met. So the dual step follows bound and steps,
    and a proportional term takes the multiplier back as fast as the density falls. Other sizes
    (`params`, `flops`, `bytes`) are taken as shares of what they are with every weight in use.
    """
    full = gated_size(c, context)
    if full is None or not context.steps:
        return method
    if not isinstance(method, Lagrangian | AugmentedLagrangian):
        return method
    share = (value_or_none(last_of_ramp(c.bound), context.params) or full) / full
    of_density = round(GATE_DUAL_BUDGET / max(share, 1e-3) / context.steps, 6)
    # A multiplier of a size is that of its share over the full size, and so is its violation.
    step = of_density if full == 1 else float(f"{of_density / full**2:.4g}")
    if isinstance(method, AugmentedLagrangian):
        return method if method.given("penalty") else _gentle(method, step, context.steps)
    if not method.given("dual"):
        dual: Dual = Nupi(lr=step, kp=round(GATE_DAMPING / of_density, 3))
        return method.model_copy(update={"dual": dual})
    if isinstance(method.dual, Sgd | Nupi) and method.dual.lr is None:
        return method.model_copy(update={"dual": method.dual.model_copy(update={"lr": step})})
    return method


def _gentle(method: AugmentedLagrangian, step: float, steps: int) -> AugmentedLagrangian:
    """A penalty that does not grow, whose 60 moves a run amount to the dual steps of a run.

    The units of the problem are no measure here: a size has a tiny slope in each of many gates, of
    which Adam makes steps of one length.
    """
    found: dict[str, object] = {"penalty": float(f"{step * steps / MOVES:.4g}")}
    if not method.given("every"):
        found["every"] = Every(max(1, round(steps / MOVES)), "step")
    if not method.given("growth"):
        found["growth"] = 1.0
    return method.model_copy(update=found)


def _require_function(c: Constraint, method: Method, context: ChoiceContext) -> None:
    """A functional method needs something to differentiate."""
    counted = c.set is not None and c.set.word == "sparse" and c.relation != "in"
    gates = context.facts is None or _gated_density(c, context)
    if counted and not gates and c.gradient_parts is None:
        raise unfit(
            c,
            method.word,
            "it counts weights, and a count has no gradient here",
            (
                "give the model gates: `mlp(..., gates=hard_concrete)`",
                "or keep the largest weights: `by projection`, `by admm`",
            ),
            label="counts weights that are exactly zero",
            notes=("this model has no gates, so no multiplier could move a weight to zero",),
            code="CS522",
        )
    if c.relation == "in" and not has_form(c.set):
        helps = ("write `by projection` or `by admm`, or leave the method to cspec",)
        why = "this set has no function form"
        raise unfit(c, method.word, why, helps, label="a set to project onto")


# --- Automatic -----------------------------------------------------------------------------------


def _automatic(c: Constraint, context: ChoiceContext) -> Choice:
    if c.surrogate is not None and c.set is not None:
        return Choice(
            AugmentedLagrangian(),
            "its surrogate moves the model, the true value the multiplier, and the penalty's "
            "proportional term damps the pair",
        )
    if not _gated_density(c, context) and (computed := computed_in(c, context.facts)):
        return _of_computed(c, computed)
    if _is_density(c):
        return _density(c, context)
    if c.relation != ">=" and any(sized(node) for node in walk(c.value)):
        return _size(c, context)
    if c.set is not None and not (c.set.word in COEFFICIENTS and not context.data):
        return _set(c)
    if is_rate(c):
        return Choice(
            AugmentedLagrangian(),
            "a rate is flat almost everywhere: the true rate moves the multiplier, a surrogate "
            "moves the model, and the penalty's proportional term damps the pair",
            ("lagrangian: on true rates it oscillates without damping",),
        )
    if not context.data:
        return Choice(
            AugmentedLagrangian(every=Every(1, "epoch")),
            "a small deterministic problem: the penalty makes the Lagrangian convex around the "
            "solution, where plain descent-ascent may circle for ever",
            ("lagrangian: does not converge where the Lagrangian is concave in x",),
        )
    if c.relation == "==":
        return Choice(
            AugmentedLagrangian(),
            "an equality: its multiplier has either sign and plain descent-ascent oscillates "
            "around it; the quadratic term damps it",
            ("lagrangian: oscillates on equalities",),
        )
    return Choice(
        AugmentedLagrangian(),
        "a statistic of the data without exploitable structure: descend on the model, ascend on "
        "the multiplier, and a penalty that damps the pair",
        ("projection: no set of parameters is known whose members satisfy it",),
    )


def _density(c: Constraint, context: ChoiceContext) -> Choice:
    ramp = "projection: the largest weights stay, along a ramp"
    if context.facts is None:
        return Choice(
            Projection(),
            "a count: the model's gates if it has them (Lagrangian on the expected density), else "
            "the largest weights stay, along a ramp (projection)",
            ("lagrangian without gates: density has no gradient",),
        )
    if _gated_density(c, context):
        return Choice(
            _scaled(c, Lagrangian(), context),
            "the model has hard-concrete gates, so the expected density has a gradient; the dual "
            "step follows from bound and number of steps, and a proportional term damps it"
            + described_course(c),
            (f"{ramp} would work, too, and would leave the gates without a purpose",),
        )
    return Choice(
        Projection(),
        f"a count on a model without gates: the largest weights stay; {_course(c)}",
        (
            "lagrangian: density has no gradient without gates (`gates=hard_concrete`)",
            ADMM_ON_COUNTS,
        ),
    )


ADMM_ON_COUNTS = (
    "admm: works, too (`by admm`); of eleven tasks the ramp was better on eight, by up to 42 "
    "points of accuracy, and ADMM on three by up to 1.3 (benchmarks/pruning.py)"
)


def _course(c: Constraint) -> str:
    """How a count comes to its bound, and why so."""
    found = course(Projection(), c.known_set)
    if not found.ramp:
        return "the bound moves as written"
    return f"{described(found)} (Zhu and Gupta 2017: magnitudes say little before training)"


def _size(c: Constraint, context: ChoiceContext) -> Choice:
    if context.facts is None:
        return Choice(
            Lagrangian(),
            "a size: the model's gates move it (Lagrangian on its expected value); without gates "
            "`params` and `bytes` keep the largest weights (projection), and `flops` is refused",
        )
    return Choice(
        _scaled(c, Lagrangian(), context),
        "the model has hard-concrete gates, so its expected size has a gradient; the dual step "
        "follows from bound, full size and number of steps, and a proportional term damps it"
        + described_course(c),
    )


def _set(c: Constraint) -> Choice:
    word = c.known_set.word
    if word in JUMPS:
        return Choice(
            Admm(),
            f"a combinatorial set ({word}): a projection on every step would undo small moves, so "
            "a feasible copy is kept beside the weights and delivered at the end",
            ("projection: a step smaller than a grid cell would never be taken",),
        )
    seen = f" (recognized in `{c.known_set.recognized}`)" if c.known_set.recognized else ""
    if word in COUNTS:
        return Choice(
            Projection(),
            f"a count of entries that are not zero{seen}: the largest stay; {_course(c)}",
            (ADMM_ON_COUNTS,),
        )
    return Choice(
        Projection(),
        f"a set of parameters with a known projection, `{word}`{seen}: exact at every step, and "
        "there is nothing to tune",
        ("augmented_lagrangian: reaches it only up to the optimizer's noise",),
    )


def _of_computed(c: Constraint, computed: Computed) -> Choice:
    """A set of a weight that is computed from others, of which its functions are known.

    Raises:
        SpecError: CS521, a set without functions.
    """
    if c.known_set.word in COUNTS or (c.relation == "in" and not has_form(c.set)):
        raise computed_weight(c, "projection", computed)
    return Choice(
        AugmentedLagrangian(),
        f"`{computed.weight}` is computed from others: the gradient flows through that",
        ("projection: nothing can be put into a weight that is computed",),
    )


def _by_construction(c: Constraint, context: ChoiceContext) -> Choice:
    kept = c.set is not None and not _gated_density(c, context)
    if computed := computed_in(c, context.facts):
        raise computed_weight(c, "construction", computed)
    if kept or (c.set is None and _seen_later(c, context)):
        return Choice(Projection(), "by construction: projected after every step")
    if isinstance(c.value, PerExample) or any(isinstance(b.domain, Name) for b in c.binders):
        return Choice(OutputProjection(), "by construction: the model's outputs are projected")
    raise _no_construction(c).error()


def of_each(c: Constraint, context: ChoiceContext) -> Constraint | None:
    """A constraint that has a multiplier for each example; None of others."""
    if c.each is not None:
        return c
    open_ = context.facts is None and len(c.binders) == 1
    plain = c.relation != "in"
    return c if open_ and plain and over_examples(c.binders[0]) else None


def _of_rows(c: Constraint, context: ChoiceContext) -> Choice | None:
    """The method of a requirement on each example; None where the text alone leaves it open.

    Raises:
        SpecError: CS520, one that does not have a multiplier for each example.
    """
    named = named_method(c, context)
    if named is None:
        return Choice(AugmentedLagrangian(), EACH)
    method, where = named
    if c.each is not None and is_points(c.each.dataset) and c.each.condition is None:
        return None  # every step sees all of them, as it sees the entries of a tensor
    reason = unknown_to_rows(method)
    if reason is None:
        return Choice(method, f"as written: {where}; one multiplier an example")
    if c.each is not None:
        what = f"a requirement on each example of `{c.each.dataset}` {reason}"
        raise not_compiled(what, c.each, "left open, each example has a multiplier of its own")
    return None


# --- What a constraint is ------------------------------------------------------------------------


def _is_density(c: Constraint) -> bool:
    return c.set is not None and c.set.word == "sparse" and c.set.model is not None


def _seen_later(c: Constraint, context: ChoiceContext) -> bool:
    """Whether a set can be seen only once tensors have shapes: one of entries, or of several."""
    if context.facts is not None or context.space is not None:
        return False
    nodes = [node for side in (c.value, c.bound) for node in walk(side)]
    over_data = any(isinstance(b.domain, Name) for b in c.binders)
    if over_data or any(isinstance(node, Expectation | PerExample) for node in nodes):
        return False
    return len(c.binders) > 1 or any(isinstance(node, Index) for node in nodes)


def _gated_density(c: Constraint, context: ChoiceContext) -> bool:
    if not _is_density(c) or context.facts is None:
        return False
    model = context.facts.models.get(c.known_set.model or "")
    return model is not None and model.gated


def gated_size(c: Constraint, context: ChoiceContext) -> float | None:
    """A size that gates move, with every weight in use; None of anything else."""
    if _gated_density(c, context):
        return 1.0
    if context.facts is None or _is_density(c):
        return None
    width = 8 if context.fit.precision == "float64" else 4
    return size_on_gates(c.value, context.facts, context.params, width)


def size_on_gates(expr: Expr, facts: Facts, params: Values, width: int) -> float | None:
    """What a size that gates move is with every weight in use; None of anything else."""
    models = (facts.models.get(pair[1]) for n in walk(expr) if (pair := sized(n)))
    if not any(model is not None and model.gated for model in models):
        return None
    return at_full_size(expr, facts, params, width) or None


# --- Refusals ------------------------------------------------------------------------------------


def _no_set(c: Constraint, method: Method) -> SpecError:
    helps = ("leave the method to cspec, or write `by lagrangian` or `by augmented_lagrangian`",)
    notes = (
        "known are memberships (`W in stiefel`) and what reads like one: `W >= 0`, "
        "`norm(W, 1) <= r`, `spectral(W) <= r`, `density(net) <= d`",
    )
    why = "it is not a set of parameters"
    return unfit(c, method.word, why, helps, label="no known set", notes=notes)


def _no_construction(c: Constraint) -> Diagnostic:
    return Diagnostic(
        code="CS523",
        message=f"`{c.label}` can't be held by construction",
        span=c.span,
        notes=("tried: projection (no known set of parameters), parametrization (no map)",),
        helps=("leave `by construction` out, and the constraint is enforced by multipliers",),
    )

"""Whether `spg`, the spectral projected gradient method, takes the whole run.

`using spg` asks for it; `auto` takes it where a smooth deterministic problem over decision
variables has a set with a projection, unless `solved_by_sqp` took it before.
"""

from cspec.compiler.algebra.sympy import Space
from cspec.compiler.choose.projectable_parts import NotForIt, Parts, projectable, set_parts
from cspec.compiler.choose.sqp import asked_for, named, solved, with_method
from cspec.compiler.passes.alternatives import alternatives
from cspec.compiler.records.fragment import unfit
from cspec.compiler.records.problem import Constraint, Problem, Step
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.settings.methods import Auto, Method, Projection, Spg
from cspec.dsl.words.sets import CONVEX

REJECTED = (
    "sqp: scipy's solvers take bounds and functions, no such set",
    "projection after an optimizer's step: nothing tells when to stop",
)
FUNCTION = (
    "a smooth function beside sets that are projected onto: augmented Lagrangian, its inner "
    "minimizations by spectral projected gradient (ALGENCAN)"
)
LAGRANGIAN = (
    "sqp: scipy's solvers take no such set as the problem has beside this",
    "lagrangian: descent-ascent circles where the Lagrangian is concave in x",
)


def solved_by_spg(problem: Problem, method: Method, space: Space | None) -> Problem | None:
    """The problem with the spectral projected gradient method in charge; None where it is not.

    Raises:
        SpecError: `spg` asked for where it can't work.
    """
    asked = asked_for(Spg, problem, method)
    try:
        if asked is not None:
            if space is None:
                raise NotForIt("it has a model that moves, or data that do not come whole")
            said = "as written: `spg`, for the whole problem"
            return _owned(_parts(problem, space), asked, said)
        if space is None or not isinstance(method, Auto):
            return None
        # A method, a construction or a preference asks for a training loop.
        own_way = any(named(c) or c.soft is not None for c in problem.constraints)
        if own_way or not any(projectable(c) for c in problem.constraints):
            return None
        return _owned(_parts(problem, space), Spg(), "")
    except NotForIt as found:
        if asked is None:
            return None
        raise _refusal(problem, found) from found


def _parts(problem: Problem, space: Space) -> Parts:
    return set_parts(alternatives(problem, space), space)


def _owned(parts: Parts, settings: Spg, said: str) -> Problem:
    problem = parts.problem
    constraints = (
        _chosen(c, settings, said, place in parts.held)
        for place, c in enumerate(problem.constraints)
    )
    found = solved(problem, constraints, settings, Step(name="classify", notes=parts.notes))
    return found.model_copy(update={"convex": parts.convex})


def _chosen(c: Constraint, settings: Spg, said: str, held: bool) -> Constraint:
    method: Method = Projection() if held else settings
    if said:
        return with_method(c, method, said, ())
    reason, rejected = _held_reason(c) if held else (FUNCTION, LAGRANGIAN)
    return with_method(c, method, reason, rejected)


def _held_reason(c: Constraint) -> tuple[str, tuple[str, ...]]:
    found = c.known_set
    seen = f" (recognized in `{found.recognized}`)" if found.recognized else ""
    reason = (
        f"deterministic, and the set `{found.word}`{seen} has a projection: spectral projected "
        "gradient; every iterate is a member, and it stops at a stationary point"
    )
    if found.word in CONVEX:
        return reason, REJECTED
    return f"{reason}; the set is not convex, so several starts are tried", REJECTED


def _refusal(problem: Problem, found: NotForIt) -> SpecError:
    helps = ("use `augmented_lagrangian` or `admm`, or leave the method to cspec",)
    notes = (
        "it is for smooth functions of decision variables (`var`) and sets with a projection, "
        "without models that move, and with data only under `fit(batch_size=full)`",
    )
    if found.at is not None:
        return unfit(found.at, "spg", found.why, helps, notes=notes)
    return Diagnostic(
        code="CS521",
        message=f"`spg` can't solve this problem: {found.why}",
        span=problem.objective.span,
        notes=notes,
        helps=helps,
    ).error()

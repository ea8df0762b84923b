"""Whether `sqp`, a solver for small deterministic problems, takes the whole run.

`using sqp` asks for it; `auto` takes it where every function of the problem is smooth, known in
closed form, and over decision variables alone.
"""

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

from cspec.compiler.algebra.affine_vectors import (
    is_convex,
    read_vectors,
    simple_bounds,
    split_parts,
    vectors_step,
)
from cspec.compiler.algebra.classify import Classification, classify, facts_step
from cspec.compiler.algebra.forms import UnknownForm
from cspec.compiler.algebra.matrices import has_matrices
from cspec.compiler.algebra.quadratic_forms import functions_in
from cspec.compiler.algebra.structure import Reader
from cspec.compiler.algebra.sympy import Space
from cspec.compiler.algebra.variables import LARGEST, functions_of, scalar_parts
from cspec.compiler.choose.projectable_parts import projectable
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.expressions.vectors import with_size
from cspec.compiler.passes.alternatives import alternatives
from cspec.compiler.passes.eliminate import eliminate
from cspec.compiler.passes.epigraph import lifted, restored, whole
from cspec.compiler.passes.monotone_bounds import monotone_bounds
from cspec.compiler.records.fragment import unfit
from cspec.compiler.records.problem import Constraint, DerivedBound, Problem, Step
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.settings.methods import Auto, Method, Sqp
from cspec.dsl.tree.nodes import Expr, Name, walk
from cspec.dsl.words.losses import KINKED

SCALAR = 100
"""Decision variables up to which every function is known entry by entry, with derivatives written
out by sympy. Beyond, vectors stay vectors and derivatives come from automatic differentiation."""

SHOWN = 4
"""Eliminated variables that a reason lists."""

KINKS = frozenset(
    {"abs", "relu", "max", "min", "sign", "floor", "ceil", "round", "argmax", "spectral",
     "nuclear", "gap", "ratio", "cvar", "quantile", "l1", "median", "topk", "clip", "where",
     *KINKED}
)  # fmt: skip
"""Functions of which it is known that they are not smooth."""
UNREAD = (
    "no closed form that is known here: a solver with derivatives by automatic differentiation; "
    "whether it is smooth is not known"
)
READ = "smooth and deterministic: a solver, with derivatives by automatic differentiation"

REJECTED = (
    "lagrangian: descent-ascent circles where the Lagrangian is concave in x, and is slow on "
    "badly scaled problems",
    "augmented_lagrangian: converges, but needs thousands of steps for what a solver with exact "
    "derivatives does in tens; it is what the solver falls back to (with L-BFGS-B)",
)


BRANCHES = (
    "a rule that can hold in {} ways: each is solved as ordinary constraints, where it is needed, "
    "and the best is taken"
)
REJECTED_BRANCHES = (
    "augmented_lagrangian: on the rule's violation as one function it ends in the alternative that "
    "is nearest to the start",
)


def solved_by_sqp(problem: Problem, method: Method, space: Space | None) -> Problem | None:
    """The problem with a solver in charge; None where a training loop runs.

    Raises:
        SpecError: `sqp` asked for where it can't work.
    """
    asked = asked_for(Sqp, problem, method)
    if asked is not None:
        if space is None:
            raise _not_small(problem, "it has data or models").error()
        if space.size > LARGEST:
            raise _not_small(problem, f"it has {space.size:,} variables").error()
        return _owned(problem, space, asked)
    if space is None or not isinstance(method, Auto) or space.size > LARGEST:
        return None
    if any(named(c) or c.relation == "in" for c in problem.constraints):
        return None  # a method, or a set of its own, asks for a training loop
    return _owned(problem, space, None)


def _owned(problem: Problem, space: Space, asked: Sqp | None) -> Problem | None:
    """The problem with its solver, kinks as smooth constraints where that is exact."""
    problem = alternatives(problem, space)
    written = lifted(problem, space)
    if asked is None and written.lift is None and any(c.soft for c in problem.constraints):
        return None
    smooth, wide = whole(written, space)
    sized = by_vectors(smooth, wide)
    chosen: Problem | None = None
    if asked is not None:
        chosen = _as_written(smooth, asked, wide)
    elif not sized:
        chosen = _automatic(scalar_parts(smooth, wide), wide)
    if chosen is None:
        chosen = _large(smooth, wide)
        sized = sized or chosen is not None
    if chosen is None:
        chosen = _unread(smooth, wide)
    if chosen is None or written.lift is None:
        return chosen
    split = split_parts(scalar_parts(written, space), space, sized=sized)
    return restored(split, chosen)


def by_vectors(problem: Problem, space: Space) -> bool:
    """Whether a problem is left in terms of its vectors, none of it written out by entries.

    So are many variables, and large matrices of numbers: entry by entry derivatives are as many
    expressions as a matrix has entries.
    """
    if space.size > SCALAR:
        return True
    if not has_matrices(*functions_in(problem)):
        return False
    read = read_vectors(problem, space)
    return read is not None and read.smooth


Solver = TypeVar("Solver", bound=Method)


def asked_for(kind: type[Solver], problem: Problem, method: Method) -> Solver | None:
    """`using sqp`, or `by sqp` on every requirement; None where nobody asks for the solver."""
    own = [c for c in problem.constraints if isinstance(c.method, kind)]
    using = [method] if isinstance(method, kind) else []
    if not own and not using:
        return None
    hard = [c for c in problem.constraints if c.soft is None]
    others = [c for c in hard if c not in own and (c.method is not None or c.construction)]
    if not others and not using:
        others = [c for c in hard if c not in own]
    settings = {*using, *(c.method for c in own if isinstance(c.method, kind))}
    if others or len(settings) > 1:
        raise mixed((others or own)[0], kind.word).error()
    return settings.pop()


def named(c: Constraint) -> bool:
    """Whether a constraint names a method, or is to hold by construction."""
    return c.construction or (c.method is not None and not isinstance(c.method, Auto))


def _as_written(problem: Problem, settings: Sqp, space: Space) -> Problem:
    found = [_no_function(c) for c in problem.constraints if c.relation == "in"]
    if found:
        raise SpecError(d for error in found for d in error.diagnostics)
    reason = "as written: `sqp`, which solves the whole problem at once"
    read = read_vectors(problem, space) if by_vectors(problem, space) else None
    if read is not None:
        update = {"convex": read.convex, "bounds": simple_bounds(read.problem, space)}
        problem = read.problem.model_copy(update=update)
    else:
        problem = scalar_parts(problem, space)
        convex = is_convex(problem, space)
        if not convex and space.size <= SCALAR:
            functions = functions_of(problem, space)
            convex = functions.smooth and classify(problem, functions, space).convex
        problem = problem.model_copy(update={"convex": convex})
    return solved(
        problem, (with_method(c, settings, reason, ()) for c in problem.constraints), settings
    )


def _large(problem: Problem, space: Space) -> Problem | None:
    """A problem of many variables, or without a closed form: nothing is written out by entries."""
    read = read_vectors(problem, space)
    if read is None or not read.smooth:
        return None
    held = simple_bounds(read.problem, space)
    problem = read.problem.model_copy(update={"bounds": held, "convex": read.convex})
    bounds = {(b.label, b.member): b.text for b in held}
    constraints = []
    for c in problem.constraints:
        text = bounds.get((c.label, c.member))
        kind = read.kinds.get((c.label, c.member), "smooth")
        reason = (
            f"{kind}, deterministic, {space.size:,} variables: a solver with exact derivatives by "
            "automatic differentiation, vector by vector"
        )
        if text is not None:
            reason = f"{text}: held as a bound, its multiplier follows from stationarity"
        constraints.append(with_method(c, Sqp(), reason, REJECTED))
    return solved(problem, constraints, Sqp(), vectors_step(read))


def _unread(problem: Problem, space: Space) -> Problem | None:
    """A problem with functions that have no closed form here, and none that has a kink.

    Whether they are smooth isn't known: a solver with derivatives by automatic differentiation is
    still the best there is, as it says where it did not end at a minimum.
    """
    if any(c.relation == "in" or (projectable(c) and not _box(c)) for c in problem.constraints):
        return None
    surrogates = any(c.gradient_parts is not None for c in problem.constraints)
    trees = (problem.objective, *(part for c in problem.constraints for part in c.parts))
    named = {node.id for tree in trees for node in walk(tree) if isinstance(node, Name)}
    if surrogates or named & space.stand_ins:
        return None  # A surrogate's slope is not that of what is measured.
    problem = scalar_parts(problem, space) if space.size <= SCALAR else problem
    problem = _sized(problem, space)
    words = {(c.label, c.member): _read(c.parts, space) for c in problem.constraints}
    objective = _read((problem.objective,), space)
    found = [objective, *words.values()]
    if "kink" in found or "unread" not in found:
        return None
    constraints = (
        with_method(c, Sqp(), UNREAD if words[c.label, c.member] == "unread" else READ, REJECTED)
        for c in problem.constraints
    )
    notes = tuple(f"{label}: {UNREAD}" for (label, _), word in words.items() if word == "unread")
    if objective == "unread":
        notes = (f"objective: {UNREAD}", *notes)
    return solved(problem, constraints, Sqp(), Step(name="classify", notes=notes))


def solved(
    problem: Problem, constraints: Iterable[Constraint], solver: Method, step: Step | None = None
) -> Problem:
    """The problem with its solver, the method of each constraint, and what was found of it."""
    history = problem.history if step is None else (*problem.history, step)
    update = {"constraints": tuple(constraints), "solver": solver, "history": history}
    return problem.model_copy(update=update)


def _sized(problem: Problem, space: Space) -> Problem:
    """The problem with the number of entries beside each function that is a vector."""
    reader = Reader(space, opaque=True)

    def sized(part: Expr) -> Expr:
        form = reader.known(part)
        return part if form is None else with_size(part, form.shape)

    return problem.with_constraints(
        c.model_copy(update={"parts": tuple(map(sized, c.parts))}) for c in problem.constraints
    )


def _box(c: Constraint) -> bool:
    """Whether a constraint is an interval, which a solver takes as it takes any function."""
    return c.set is not None and c.set.word in ("box", "nonneg")


def _read(parts: tuple[Expr, ...], space: Space) -> str:
    """`smooth`, `kink`, or `unread` for functions in a form of which nothing is known."""
    reader, opaque = Reader(space), Reader(space, opaque=True)
    word = "smooth"
    for part in parts:
        try:
            if not opaque.form(part).smooth:
                return "kink"
            reader.form(part)
        except UnknownForm:
            if any(isinstance(node, Expr) and function_name(node) in KINKS for node in walk(part)):
                return "kink"
            word = "unread"
    return word


def _automatic(problem: Problem, space: Space) -> Problem | None:
    functions = functions_of(problem, space)
    if not functions.smooth:
        return None
    known = classify(problem, functions, space)
    settings = Sqp()
    convex = known.convex or is_convex(problem, space)
    bounded = monotone_bounds(problem, functions, space)
    problem = problem.model_copy(update={"bounds": bounded, "convex": convex})
    gone = eliminate(problem, functions, space)
    problem = problem.model_copy(
        update={"eliminated": gone.eliminated, "implied": gone.implied, "presolve": gone.notes}
    )
    constraints = (_chosen(c, settings, problem, known) for c in problem.constraints)
    return solved(problem, constraints, settings, facts_step(known))


def _chosen(c: Constraint, settings: Sqp, problem: Problem, known: Classification) -> Constraint:
    held = [b for b in problem.bounds if (b.label, b.member) == (c.label, c.member)]
    if held:
        reason = f"{_held(c, held)}: held as a bound, its multiplier follows from stationarity"
        rejected = ("lagrangian: a bound needs no multiplier to be held exactly", *REJECTED[1:])
        return with_method(c, settings, reason, rejected)
    gone = [e.text for e in problem.eliminated if (e.label, e.member) == (c.label, c.member)]
    if gone:
        reason = (
            f"affine: `{'`, `'.join(gone[:SHOWN])}`{', ...' if len(gone) > SHOWN else ''}, so the "
            "solver works without it; its multiplier follows from stationarity"
        )
        return with_method(c, settings, reason, ("projection: elimination holds it exactly, too",))
    kind = known.kinds.get((c.label, c.member), "smooth")
    reason = f"{kind}, small and deterministic: sequential quadratic programming, exact derivatives"
    return with_method(c, settings, reason, REJECTED)


def _held(c: Constraint, bounds: Sequence[DerivedBound]) -> str:
    """Which bounds a constraint is, in full or, of a vector, by their variables."""
    if len(bounds) <= 2:
        return "; ".join(bound.text for bound in bounds)
    names = [
        bound.variable + "".join(f"[{place}]" for place in bound.index) for bound in bounds[:SHOWN]
    ]
    more = f", ... ({len(bounds)} in all)" if len(bounds) > SHOWN else ""
    return f"`{c.text}` bounds {', '.join(names)}{more}"


def with_method(
    c: Constraint, method: Method, reason: str, rejected: tuple[str, ...]
) -> Constraint:
    if c.soft is not None:
        return c.model_copy(update={"reason": "a preference: its violation is in the objective"})
    if c.alternatives and rejected:
        reason, rejected = BRANCHES.format(math.prod(map(len, c.alternatives))), REJECTED_BRANCHES
    return c.model_copy(update={"method": method, "reason": reason, "rejected": rejected})


def _not_small(problem: Problem, why: str) -> Diagnostic:
    span = problem.constraints[0].span if problem.constraints else problem.objective.span
    return Diagnostic(
        code="CS521",
        message=f"`sqp` can't solve this problem: {why}",
        span=span,
        notes=(f"it is for up to {LARGEST:,} decision variables (`var`), without data or models",),
        helps=("use `lagrangian` or `augmented_lagrangian`, or leave the method to cspec",),
    )


def mixed(c: Constraint, solver: str) -> Diagnostic:
    """Another method on one constraint of a problem that `solver` is to solve whole."""
    both = f"`{c.label}` and `{solver}` don't go together"
    return Diagnostic(
        code="CS521",
        message=f"{both}: {solver} solves the whole problem at once",
        span=c.span,
        label="another method",
        helps=(f"write `using {solver}` and no `by`, or give every constraint another method",),
    )


def _no_function(c: Constraint) -> SpecError:
    helps = ("leave the method to cspec, or write `using spg` or `by projection`",)
    notes = ("it takes nonneg, simplex, sphere, monotone, intervals and balls of a vector",)
    return unfit(c, "sqp", "it is a set, not a function", helps, notes=notes)

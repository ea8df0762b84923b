"""What the emitted call of a solver needs: derivatives, sets, bounds; the graph of its run."""

import math
from typing import NamedTuple

from cspec.compiler.algebra.affine_vectors import affine_entries
from cspec.compiler.algebra.derivatives import Derivatives, derivatives
from cspec.compiler.algebra.matrices import has_matrices
from cspec.compiler.algebra.quadratic_forms import Term, degree, functions_in, terms_of
from cspec.compiler.algebra.structure import Reader
from cspec.compiler.algebra.sympy import Space
from cspec.compiler.algebra.variables import functions_of
from cspec.compiler.algebra.vectorize import Vectorizer
from cspec.compiler.expressions.vectors import placed
from cspec.compiler.lower.graph import assemble
from cspec.compiler.passes.epigraph import PIECES, whole
from cspec.compiler.records.graph import Kind, Operation, UpdateGraph, assigned
from cspec.compiler.records.lowered import EntryRules, Lowered, SetAction
from cspec.compiler.records.problem import Problem
from cspec.dsl.settings.base import EPOCH, Settings
from cspec.dsl.settings.methods import Auto, Bisection, Method, Spg, Sqp
from cspec.dsl.tree.nodes import Expr, Name

SYMBOLIC = 100
"""Scalar variables up to which derivatives are written out; beyond, autograd is as readable."""


class LiftedProblem(NamedTuple):
    """The smooth problem over more variables that the solver gets."""

    name: str
    size: int
    objective: Expr
    functions: tuple[Expr, ...]
    """Every function of g, those of the spec first."""
    above: tuple[tuple[int, int], ...]
    """Entry of g, place in x: the entry is a piece minus the variable at that place."""


class Solve(NamedTuple):
    """One call of a solver."""

    settings: Sqp
    size: int
    equalities: tuple[bool, ...]
    derivatives: Derivatives
    bounds: tuple[tuple[int, int, float, float], ...]
    """Entries of g that are bounds: entry, place in x, lower, upper."""
    eliminated: tuple[tuple[int, float, tuple[tuple[int, float], ...]], ...]
    """Variables that others give: place in x, constant, places of others and coefficients."""
    held: tuple[int, ...]
    """Entries of g that hold by elimination."""
    escalate: bool
    convex: bool
    vectors: Vectorizer | None = None
    """What puts terms of one form together, where derivatives come from autograd."""
    affine: tuple[int, ...] = ()
    """Entries of g whose gradient is constant."""
    quadratic: bool = False
    """Whether the objective is of degree 2 at most: its Hessian is the same everywhere."""
    affine_rows: bool = False
    """Whether all of g is affine: then the Hessian of f is that of the Lagrangian."""
    terms: tuple[Term, ...] | None = None
    """A quadratic objective in terms of its matrices; None where it is not read so."""
    sizes: tuple[tuple[str, int], ...] = ()
    """The variables in order, and how many numbers each has."""
    semidefinite: bool = False
    """Whether the problem is convex if the Hessian of its quadratic objective has no negative
    eigenvalue."""
    lift: LiftedProblem | None = None
    """The smooth problem in place of one with kinks."""
    ways: EntryRules = ()
    """How rules can hold."""


class SetSolve(NamedTuple):
    """One call of the spectral projected gradient solver."""

    settings: Spg
    sets: tuple[tuple[str, SetAction], ...]
    """Every variable with each set that it is held in."""
    equalities: tuple[bool, ...]
    convex: bool
    ways: EntryRules = ()
    """How rules can hold."""


def solve_of(lowered: Lowered, space: Space | None, using: Settings) -> Solve | None:
    """The call of the solver for a lowered problem that it owns; None for another."""
    problem = lowered.problem
    if space is None or not isinstance(problem.solver, Sqp):
        return None
    lift, smooth, wide = _lifted(lowered, space)
    own = (function for part in lowered.parts for function in part.functions)
    functions = tuple(own) if lift is None else lift.functions
    exact = Derivatives(None, None, None)
    soft = lift is None and any(c.soft is not None for c in problem.constraints)
    if wide.size <= SYMBOLIC and not soft and not has_matrices(*functions_in(smooth)):
        found = functions_of(smooth, wide)
        if found.smooth and found.objective is not None:
            parts = [part for _, _, part in found.parts if part is not None]
            exact = derivatives(found.objective, parts, wide.symbols())
    objective = problem.objective if lift is None else lift.objective
    quadratic = exact.hessian is None and not soft and degree(objective, wide) <= 2
    return Solve(
        settings=problem.solver,
        size=wide.size,
        equalities=lowered.equalities + (False,) * (0 if lift is None else len(lift.above)),
        derivatives=exact,
        bounds=_bounds(problem, lowered, wide),
        eliminated=_eliminated(problem, space),
        held=_held(problem, lowered),
        escalate=isinstance(using, Auto),
        convex=problem.convex,
        vectors=Vectorizer(wide) if exact.jacobian is None else None,
        affine=affine_entries(functions, wide) if exact.jacobian is None else (),
        quadratic=quadratic,
        affine_rows=all(degree(f, wide) <= 1 for f in functions),
        terms=terms_of(objective, wide) if quadratic and lift is None else None,
        sizes=tuple((name, math.prod(shape)) for name, shape in wide.shapes.items()),
        semidefinite=quadratic and not problem.convex and _convex_rows(functions, lowered, wide),
        lift=lift,
        ways=lowered.ways,
    )


def _convex_rows(functions: tuple[Expr, ...], lowered: Lowered, space: Space) -> bool:
    """Whether every function of g is convex, and affine where it has to be 0."""
    reader = Reader(space)
    equalities = lowered.equalities
    for function, places in placed(functions):
        form = reader.known(function)
        equal = any(equalities[places.start : places.stop])
        if form is None or not form.convex or (equal and not form.affine):
            return False
    return not lowered.ways


def _lifted(lowered: Lowered, space: Space) -> tuple[LiftedProblem | None, Problem, Space]:
    """The smooth problem in place of one with kinks; the problem itself where it has none."""
    problem = lowered.problem
    smooth, wide = whole(problem, space)
    lift = problem.lift
    if lift is None:
        return None, problem, space
    hard = [
        parts for c, parts in zip(problem.constraints, lift.parts, strict=True) if c.soft is None
    ]
    functions = tuple(part for parts in hard for part in parts) + lift.pieces
    above = tuple((lowered.size + i, space.size + place) for i, place in enumerate(lift.above))
    return LiftedProblem(lift.name, lift.size, lift.objective, functions, above), smooth, wide


def _bounds(
    problem: Problem, lowered: Lowered, space: Space
) -> tuple[tuple[int, int, float, float], ...]:
    starts = {**_entries(lowered), (PIECES, ""): lowered.size}
    places = _places(space)
    return tuple(
        (
            starts[bound.label, bound.member] + bound.part,
            places[bound.variable, bound.index],
            -math.inf if bound.lower is None else bound.lower,
            math.inf if bound.upper is None else bound.upper,
        )
        for bound in problem.bounds
    )


def _places(space: Space) -> dict[tuple[str, tuple[int, ...]], int]:
    """The place in x of every scalar."""
    return {coordinate: place for place, coordinate in enumerate(space.coordinates())}


def _entries(lowered: Lowered) -> dict[tuple[str, str], int]:
    """First entry in g of every constraint, by label and member."""
    return {(p.constraint.label, p.constraint.member): p.start for p in lowered.parts}


def _eliminated(
    problem: Problem, space: Space
) -> tuple[tuple[int, float, tuple[tuple[int, float], ...]], ...]:
    places = _places(space)
    return tuple(
        (
            places[e.variable, e.index],
            e.constant,
            tuple((places[variable, index], value) for variable, index, value in e.terms),
        )
        for e in problem.eliminated
    )


def _held(problem: Problem, lowered: Lowered) -> tuple[int, ...]:
    starts = _entries(lowered)
    own = [starts[e.label, e.member] + e.part for e in problem.eliminated]
    return tuple(sorted([*own, *(starts[label, m] + part for label, m, part in problem.implied)]))


def set_solve_of(lowered: Lowered) -> SetSolve | None:
    """The call of the solver for a lowered problem that it owns; None for another."""
    settings = lowered.problem.solver
    if not isinstance(settings, Spg):
        return None
    return SetSolve(
        settings=settings,
        sets=tuple(
            (target.id, action)
            for action in lowered.actions
            for target in action.targets
            if isinstance(target, Name)
        ),
        equalities=lowered.equalities,
        convex=lowered.problem.convex,
        ways=lowered.ways,
    )


# --- update graphs -------------------------------------------------------------------------------


def owned_graph(lowered: Lowered) -> UpdateGraph:
    """The update graph of a lowered problem: that of the solver where one owns the run."""
    solver, graph = lowered.problem.solver, assemble(lowered)
    if isinstance(solver, Spg):
        return _set_graph(graph)
    if isinstance(solver, Bisection):
        return _line_graph(graph)
    return graph if solver is None else _solver_graph(solver, graph)


def _solver_graph(solver: Settings, graph: UpdateGraph) -> UpdateGraph:
    """The graph of a run that a solver owns: measure, combine, solve, verify."""
    assert isinstance(solver, Method)
    step = Operation(
        kind=Kind.PRIMAL_STEP,
        name=f"solve_{solver.word}",
        meaning="scipy moves x to a KKT point; multipliers by least squares on the active set",
    )
    before, after = graph.of(Kind.MEASURE, Kind.COMBINE), graph.of(Kind.RECORD, Kind.VERIFY)
    return UpdateGraph(state=graph.state, operations=(*before, step, *after))


def _set_graph(graph: UpdateGraph) -> UpdateGraph:
    """The graph of projected gradients: an inner step of measure, combine, search; multipliers
    around it.

    An epoch is one inner minimization, up to its tolerance.
    """
    step = Operation(
        kind=Kind.PRIMAL_STEP,
        name="spectral_step",
        meaning="t = <s, s> / <s, y>; x moves toward P(x - t grad L), or along it where a set is "
        "not convex, as far as the largest of the last values allows",
    )
    combined = graph.of(Kind.COMBINE)
    end = Operation(
        kind=Kind.STOP, name="stop", meaning="||P(x - grad L) - x|| <= tolerance max(1, ||grad L||)"
    )
    before = (*graph.of(Kind.MEASURE), *combined, *graph.of(Kind.BACKWARD))
    after = (*graph.of(Kind.PROJECT), *graph.of(Kind.RECORD), end, *map(_multipliers, combined))
    return UpdateGraph(state=graph.state, operations=(*before, step, *after))


def _multipliers(combine: Operation) -> Operation:
    """The step of the multipliers that belongs to an augmented Lagrangian."""
    weight = next(update for update in combine.updates if update.target == "weight")
    return Operation(
        kind=Kind.DUAL_STEP,
        name=f"update_{combine.name}",
        rule=combine.rule,
        updates=assigned(f"multipliers <- {weight.formula}"),
        trigger=EPOCH,
        meaning="multipliers <- [multipliers + c g]+ after each inner minimization; c grows "
        "tenfold where the violation did not halve",
    )


def _line_graph(graph: UpdateGraph) -> UpdateGraph:
    """The graph of bisection: measure, compare, move."""
    step = Operation(
        kind=Kind.PRIMAL_STEP,
        name="bisect",
        meaning="the next place on the line: a value of the data, the middle of a border, a golden "
        "section of a valley",
    )
    before = (*graph.of(Kind.MEASURE), *graph.of(Kind.COMBINE))
    return UpdateGraph(state=graph.state, operations=(*before, step, *graph.of(Kind.RECORD)))

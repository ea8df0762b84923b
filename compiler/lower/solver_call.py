"""What the emitted call of a solver needs: derivatives, kinds of constraints, bounds, the graph."""

from __future__ import annotations

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
from cspec.compiler.passes.epigraph import PIECES, whole
from cspec.compiler.records.graph import Kind, Operation, UpdateGraph
from cspec.compiler.records.lowered import EntryRules, Lowered
from cspec.compiler.records.problem import Problem
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.methods import Auto, Method, Sqp
from cspec.dsl.tree.nodes import Expr

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


def solve_of(lowered: Lowered, space: Space, using: Settings) -> Solve:
    """The call of a solver for a lowered problem that one owns."""
    problem = lowered.problem
    assert isinstance(problem.solver, Sqp)
    lift, smooth, wide = _lifted(lowered, space)
    functions = _functions(lowered) if lift is None else lift.functions
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
        equalities=_equalities(lowered) + (False,) * (0 if lift is None else len(lift.above)),
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
    equalities = _equalities(lowered)
    for function, places in placed(functions):
        form = reader.known(function)
        equal = any(equalities[places.start : places.stop])
        if form is None or not form.convex or (equal and not form.affine):
            return False
    return not lowered.ways


def _functions(lowered: Lowered) -> tuple[Expr, ...]:
    return tuple(f for rule in lowered.rules for part in rule.parts for f in part.functions)


def _equalities(lowered: Lowered) -> tuple[bool, ...]:
    return tuple(e for rule in lowered.rules for e in rule.rule.equalities)


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
    places = {coordinate: place for place, coordinate in enumerate(space.coordinates())}
    return tuple(
        (
            starts[bound.label, bound.member] + bound.part,
            places[bound.variable, bound.index],
            -math.inf if bound.lower is None else bound.lower,
            math.inf if bound.upper is None else bound.upper,
        )
        for bound in problem.bounds
    )


def _entries(lowered: Lowered) -> dict[tuple[str, str], int]:
    """First entry in g of every constraint, by label and member."""
    return {
        (part.constraint.label, part.constraint.member): part.start
        for rule in lowered.rules
        for part in rule.parts
    }


def _eliminated(
    problem: Problem, space: Space
) -> tuple[tuple[int, float, tuple[tuple[int, float], ...]], ...]:
    places = {coordinate: place for place, coordinate in enumerate(space.coordinates())}
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


def solver_graph(solver: Settings, graph: UpdateGraph) -> UpdateGraph:
    """The graph of a run that a solver owns: measure, combine, solve, verify."""
    assert isinstance(solver, Method)
    kept = (Kind.MEASURE, Kind.COMBINE)
    before = tuple(op for op in graph.operations if op.kind in kept)
    after = tuple(op for op in graph.operations if op.kind in (Kind.RECORD, Kind.VERIFY))
    step = Operation(
        kind=Kind.PRIMAL_STEP,
        name=f"solve_{solver.word}",
        meaning="scipy moves x to a KKT point; multipliers by least squares on the active set",
    )
    return UpdateGraph(state=graph.state, operations=(*before, step, *after))

"""The ways in which a rule can hold, as ordinary constraints that a solver tries one by one.

rule: x > 1 => y >= 2    ->   parts x - 1, 2 - y;  alternatives (((0,), (1,)),)
far: abs(x) >= 1         ->   parts 1 - x, 1 + x;  alternatives (((0,), (1,)),)

A rule holds where each of its clauses does, a clause where all parts of one of its ways are met,
each of them <= 0 or, where a comparison is an equality, == 0. A requirement with kinks whose larger
value is better is such a rule of its pieces: where the kink is, nothing says which way to go.
"""

from itertools import accumulate, product
from math import prod

from cspec.compiler.algebra.entries import entry_of
from cspec.compiler.algebra.shapes import shape_of
from cspec.compiler.algebra.sympy import Space
from cspec.compiler.expressions.rewrite import number, same
from cspec.compiler.passes.canonical import as_written
from cspec.compiler.passes.logic import All, Any, Atom, Decided, Formula, Truth, formula, together
from cspec.compiler.passes.mapping import map_constraints
from cspec.compiler.passes.pieces import NoPieces, pieces
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.tree.nodes import Expr

MOST = 64
"""Ways of a clause of a rule beyond which it is refused, and entries of one of its comparisons."""


class _TooManyError(Exception):
    """A rule can hold in more ways than are tried."""


def alternatives(problem: Problem, space: Space) -> Problem:
    """The problem with the parts of its rules beside each other, and which of them go together.

    Raises:
        SpecError: a rule with more alternatives than are tried.
    """

    def taken_apart(c: Constraint) -> Constraint:
        if c.soft is not None or c.relation == "in":
            return c
        return _of_pieces(c, space) if c.event is None else _of_event(c, c.event, space)

    return map_constraints(problem, taken_apart)


def _of_pieces(c: Constraint, space: Space) -> Constraint:
    """A requirement by the pieces of its kinks; as it is where it has none that are taken apart."""
    if c.gradient_parts is not None:
        return c
    operator = "==" if c.relation == "==" else "<="
    whole = Atom(as_written(c.value, c), operator, number(0), "all")
    try:
        found = _entrywise(whole, Decided(space.params, space.shapes))
        apart = _by_pieces(found, space)
        return c if apart == found else _with_clauses(c, _clauses(apart))
    except (_TooManyError, NoPieces):
        return c


def _of_event(c: Constraint, event: Expr, space: Space) -> Constraint:
    known = Decided(space.params, space.shapes)
    try:
        found = _entrywise(formula(event, known), known)
        if isinstance(found, Truth):
            return c
        try:
            clauses = _clauses(_by_pieces(found, space))
        except (_TooManyError, NoPieces):
            clauses = _clauses(found)
    except _TooManyError as error:
        often = f"`{c.label}` can hold in more than {MOST} ways"
        raise Diagnostic(
            code="CS521",
            message=f"{often}: so many are not tried one by one",
            span=c.span,
            label="all ways in which its comparisons can hold together",
            helps=(
                "split it into several rules, which are tried as they are needed",
                "or write `by augmented_lagrangian`, which takes its violation as one function",
            ),
        ).error() from error
    return _with_clauses(c, clauses)


Clause = tuple[list[frozenset[int]], list[Atom]]
"""The ways in which it can hold, by places of comparisons, and these."""


def _with_clauses(c: Constraint, clauses: list[Clause]) -> Constraint:
    starts = accumulate((len(atoms) for _, atoms in clauses), initial=0)
    atoms = [atom for _, own in clauses for atom in own]
    update: dict[str, object] = {
        "parts": tuple(atom.function for atom in atoms),
        "equal_parts": tuple(place for place, atom in enumerate(atoms) if atom.equal),
        "alternatives": tuple(
            tuple(tuple(start + place for place in sorted(way)) for way in ways)
            for start, (ways, _) in zip(starts, clauses, strict=False)
        ),
    }
    if c.event is None and not update["equal_parts"] and len(atoms) == len(clauses):
        update["alternatives"] = ()  # `relu(x) >= 1` holds in one way
    return c.model_copy(update=update)


def _clauses(found: Formula) -> list[Clause]:
    """What holds together, each with its ways."""
    clauses: list[Clause] = []
    for item in found.items if isinstance(found, All) else (found,):
        atoms: list[Atom] = []
        clauses.append((_ways(item, atoms), atoms))
    return clauses


def _by_pieces(found: Formula, space: Space) -> Formula:
    match found:
        case All(items=items) | Any(items=items):
            own = [_by_pieces(item, space) for item in items]
            return together(own, isinstance(found, All))
        case Atom(entries=""):
            return pieces(found, space, MOST)
    return found


def _ways(found: Formula, atoms: list[Atom]) -> list[frozenset[int]]:
    """Sets of places in `atoms`, to which it adds: it holds where all of one set do."""
    match found:
        case Atom():
            known = next((i for i, atom in enumerate(atoms) if _alike(atom, found)), len(atoms))
            if known == len(atoms):
                atoms.append(found)
            return [frozenset({known})]
        case Any(items=items):
            return _few([way for item in items for way in _ways(item, atoms)])
        case All(items=items):
            ways: list[frozenset[int]] = [frozenset()]
            for item in items:
                more = _ways(item, atoms)
                ways = _few([way | other for way in ways for other in more])
            return ways
    raise AssertionError(found)


def _alike(left: Atom, right: Atom) -> bool:
    return left.equal == right.equal and same(left.function, right.function)


def _few(ways: list[frozenset[int]]) -> list[frozenset[int]]:
    """The ways that ask for no more than another one, each once, in order."""
    unique = list(dict.fromkeys(ways))
    least = [way for way in unique if not any(other < way for other in unique)]
    if len(least) > MOST:
        raise _TooManyError
    return least


def _entrywise(found: Formula, known: Decided) -> Formula:
    """Comparisons of vectors entry by entry, those that must all hold as they are if many."""
    match found:
        case All(items=items):
            return together([_entrywise(item, known) for item in items], True)
        case Any(items=items):
            return together([_entrywise(item, known) for item in items], False)
        case Atom(entries="all" | "any" as entries):
            shape = shape_of(found.function, known.shapes, known.params)
            if shape is None or (entries == "all" and prod(shape) > MOST):
                return found
            if prod(shape) > MOST:
                raise _TooManyError
            operator, whole = "==" if found.equal else "<=", found.function
            single = (
                entry_of(whole, place, known.shapes, known.params)
                for place in product(*map(range, shape))
            )
            return together([Atom(e, operator, number(0)) for e in single], entries == "all")
    return found

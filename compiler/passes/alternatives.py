"""The ways in which a rule can hold, as ordinary constraints that a solver tries one by one.

rule: x > 1 => y >= 2    ->   parts x - 1, 2 - y;  alternatives (0,), (1,)

Disjunctive normal form: a rule holds where all parts of one alternative are met, each of them <= 0
or, where a comparison is an equality, == 0. Every function of it is as smooth as what is compared.
"""

from itertools import product
from math import prod

from cspec.compiler.algebra.entries import entry_of
from cspec.compiler.algebra.shapes import shape_of
from cspec.compiler.expressions.rewrite import number, same
from cspec.compiler.passes.logic import All, Any, Atom, Decided, Formula, Truth, formula, together
from cspec.compiler.passes.mapping import map_constraints
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.tree.nodes import Expr

MOST = 64
"""Alternatives of one rule beyond which it is refused, and entries of one of its comparisons."""


class _TooManyError(Exception):
    """A rule can hold in more ways than are tried."""


def alternatives(problem: Problem, known: Decided) -> Problem:
    """The problem with the parts of its rules beside each other, and which of them go together.

    Raises:
        SpecError: a rule with more alternatives than are tried.
    """
    return map_constraints(
        problem, lambda c: c if c.soft is not None else _taken_apart(c, c.event, known)
    )


def _taken_apart(c: Constraint, event: Expr | None, known: Decided) -> Constraint:
    if event is None:
        return c
    atoms: list[Atom] = []
    try:
        found = _entrywise(formula(event, known), known)
        if isinstance(found, Truth):
            return c
        ways = _few(_ways(found, atoms))
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
    update = {
        "parts": tuple(atom.function for atom in atoms),
        "equal_parts": tuple(place for place, atom in enumerate(atoms) if atom.equal),
        "alternatives": tuple(tuple(sorted(way)) for way in ways),
    }
    return c.model_copy(update=update)


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

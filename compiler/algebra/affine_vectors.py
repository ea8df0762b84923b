"""Large problems over decision variables for a solver: vectors stay vectors.

Beyond the size at which sympy is quick, what a solver needs to know is read from the trees
(`structure`): whether every function is smooth, how many entries it has, which entries are bounds
of one variable, and whether composition proves the problem convex.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

from cspec.compiler.algebra.entries import entries_of
from cspec.compiler.algebra.forms import UnknownForm
from cspec.compiler.algebra.shapes import numbers_of, param_entry
from cspec.compiler.algebra.structure import Reader
from cspec.compiler.algebra.sympy import Space
from cspec.compiler.expressions.vectors import Sized, placed, with_size
from cspec.compiler.records.problem import Constraint, DerivedBound, Problem, Step
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Expr, Index, Name, Negate, Product, Sum, Vector


class Read(NamedTuple):
    """A problem whose functions were all read, and what is known of it."""

    problem: Problem
    """With the number of entries beside each function that is a vector."""
    smooth: bool
    convex: bool
    kinds: dict[tuple[str, str], str]
    """By label and member, in words."""


def read_vectors(problem: Problem, space: Space) -> Read | None:
    """What the trees of a problem say; None where one has a form that is not read."""
    reader = Reader(space)
    try:
        objective = reader.form(problem.objective)
        if objective.shape:
            return None
        constraints, kinds = [], {}
        smooth, convex = objective.smooth, objective.convex
        for c in problem.constraints:
            if c.relation == "in":
                return None
            forms = [reader.form(part) for part in c.parts]
            parts = tuple(
                with_size(part, form.shape) for part, form in zip(c.parts, forms, strict=True)
            )
            constraints.append(c.model_copy(update={"parts": parts}))
            smooth = smooth and all(form.smooth for form in forms)
            if c.soft is None:
                convex = convex and all(
                    form.affine if c.equality(place) else form.convex
                    for place, form in enumerate(forms)
                )
                bent = "convex" if all(form.convex for form in forms) else "smooth"
                affine = all(form.affine for form in forms)
                kinds[c.label, c.member] = "affine" if affine else bent
    except UnknownForm:
        return None
    return Read(problem.with_constraints(constraints), smooth, convex, kinds)


def split_parts(problem: Problem, space: Space, *, sized: bool) -> Problem:
    """Canonical functions that are vectors entry by entry, or `sized`: with their number."""
    reader = Reader(space)

    def split(c: Constraint) -> Constraint:
        parts: list[Expr] = []
        for part in c.parts:
            form = reader.known(part)
            shape = () if form is None else form.shape
            parts += [with_size(part, shape)] if sized and shape else entries_of(part, shape, space)
        return c.model_copy(update={"parts": tuple(parts)})

    return problem.with_constraints(map(split, problem.constraints))


def is_convex(problem: Problem, space: Space) -> bool:
    """Whether composition proves that every local minimum is the global one."""
    found = read_vectors(problem, space)
    # Of a lifted problem preferences are part of the objective, and have no functions of their own.
    soft = any(c.soft is not None and c.parts for c in problem.constraints)
    return found is not None and found.convex and not soft


def vectors_step(found: Read) -> Step:
    """The record of what was read, for `explain`."""
    counts = Counter(found.kinds.values())
    notes = [f"{count} of the requirements: {word}" for word, count in counts.items()]
    if found.convex:
        notes.append("the problem is convex by composition: every local minimum is the global one")
    return Step(name="classify", notes=tuple(notes))


def affine_entries(functions: Iterable[Expr], space: Space) -> tuple[int, ...]:
    """The entries of g whose gradient is constant, as far as composition shows it."""
    reader = Reader(space)
    known = ((reader.known(function), places) for function, places in placed(functions))
    affine = (places for form, places in known if form is not None and form.affine)
    return tuple(place for places in affine for place in places)


# --- bounds --------------------------------------------------------------------------------------


class Line(NamedTuple):
    """slope x + constant, entry by entry, of one variable or one entry of it."""

    name: str
    place: tuple[int, ...]
    """() for the whole variable, else the index of one entry."""
    slope: float
    constant: float | tuple[float, ...]


def simple_bounds(problem: Problem, space: Space) -> tuple[DerivedBound, ...]:
    """Inequalities `a x + b <= 0` in one variable, entry by entry: bounds."""
    found: list[DerivedBound] = []
    for c in problem.constraints:
        if c.relation not in ("<=", ">=") or c.soft is not None or c.alternatives:
            continue
        for part, places in placed(c.parts):
            line = _line(part.body if isinstance(part, Sized) else part, space)
            if line is not None and line.slope:
                found.extend(_bounds(c, places.start, line, space))
    return tuple(found)


def _bounds(c: Constraint, start: int, line: Line, space: Space) -> list[DerivedBound]:
    every = product(*map(range, space.shapes[line.name]))
    indices = [line.place] if line.place else list(every)
    text = f"`{c.text}` is a bound of {line.name}"
    found = []
    for entry, index in enumerate(indices):
        b = line.constant[entry] if isinstance(line.constant, tuple) else line.constant
        end, place = -b / line.slope, (line.name, index)
        found.append(DerivedBound.of(c, start + entry, place, end, line.slope > 0, text))
    return found


def _line(expr: Expr, space: Space) -> Line | None:
    """The expression as a line in one variable; None for anything else."""
    match expr:
        case Name(id=name) if name in space.shapes:
            return Line(name, (), 1.0, 0.0) if len(space.shapes[name]) < 2 else None
        case Index(value=Name(id=name), indices=indices) if name in space.shapes:
            places = [value_or_none(index, space.params) for index in indices]
            if len(places) != len(space.shapes[name]) or None in places:
                return None
            return Line(name, tuple(int(p) for p in places if p is not None), 1.0, 0.0)
        case Negate(operand=operand):
            return _scaled(_line(operand, space), -1.0)
        case Product(operands=(left, right), operators=("*",)):
            for one, other in ((left, right), (right, left)):
                if (factor := value_or_none(one, space.params)) is not None:
                    return _scaled(_line(other, space), factor)
        case Sum(operands=(left, right), operators=(operator,)):
            sign = -1.0 if operator == "-" else 1.0
            if (number := _number(right, space)) is not None:
                return _shifted(_line(left, space), number, sign, space)
            if (number := _number(left, space)) is not None:
                return _shifted(_scaled(_line(right, space), sign), number, 1.0, space)
    return None


def _number(expr: Expr, space: Space) -> float | tuple[float, ...] | None:
    """A constant: a number, or a vector of them."""
    if isinstance(expr, Name) and isinstance(space.params.get(expr.id), tuple):
        return space.params[expr.id]
    if isinstance(expr, Index):
        return param_entry(expr, space.params)
    if isinstance(expr, Vector):
        return numbers_of(expr, space.params)
    return value_or_none(expr, space.params)


def _scaled(line: Line | None, factor: float) -> Line | None:
    if line is None:
        return None
    b = line.constant
    moved = tuple(factor * v for v in b) if isinstance(b, tuple) else factor * b
    return line._replace(slope=factor * line.slope, constant=moved)


def _shifted(
    line: Line | None, number: float | tuple[float, ...], sign: float, space: Space
) -> Line | None:
    if line is None:
        return None
    b = line.constant
    if not isinstance(number, tuple) and not isinstance(b, tuple):
        return line._replace(constant=b + sign * number)
    shape = space.shapes[line.name]
    length = shape[0] if shape and not line.place else 0
    add = number if isinstance(number, tuple) else (number,) * length
    old = b if isinstance(b, tuple) else (b,) * length
    if not length or len(add) != length or len(old) != length:
        return None
    return line._replace(constant=tuple(x + sign * y for x, y in zip(old, add, strict=True)))

"""Affine equalities solved for a variable each, so that a solver works with the others alone.

sum(x) == 1, x[0] - x[1] == 0.2     ->   x[0] = 0.2 + x[1],  x[2] = 0.8 - 2 x[1]

Gauss-Jordan elimination in exact fractions. A variable is chosen for its equality by: nothing
bounds it (bounds of an eliminated variable become inequalities of the rest), its coefficient is at
least a tenth of the row's largest, and little fills in (Markowitz 1957). Rows that the others imply
hold by themselves; rows that contradict each other are named and nothing is eliminated.

What can't be exact stays with the solver: coefficients such as pi or sqrt(2), fractions that grow
long, and variables with bounds that a function needs (log, division, roots).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import sympy as sp

from cspec.compiler.algebra.sympy import Space, nodes, rational
from cspec.compiler.algebra.variables import Functions
from cspec.compiler.records.problem import Constraint, Eliminated, Problem

NODES = 2_000
"""Nodes of an equality beyond which it is left to the solver."""
BITS = 64
"""Digits (binary) of numerators and denominators up to which rows are kept."""
THRESHOLD = Fraction(1, 10)
"""Least size of a pivot, relative to the largest coefficient of its row."""
LARGEST = 10_000
"""Largest coefficient of an eliminated variable on the others."""
_DEFINED = (sp.exp, sp.sin, sp.cos, sp.tanh, sp.sinh, sp.cosh, sp.atan, sp.erf)
"""Functions that are defined everywhere."""


Factors = dict[int, Fraction]


class Equation(NamedTuple):
    """sum of coefficients x[place] + constant == 0, and the written rows that it is made of."""

    coefficients: Factors
    constant: Fraction
    origin: Factors


class Elimination(NamedTuple):
    """What is eliminated, what holds by it, and what is said of the rest."""

    eliminated: tuple[Eliminated, ...]
    implied: tuple[tuple[str, str, int], ...]
    """Rows that the others imply: label, member, part."""
    notes: tuple[str, ...]


def eliminate(problem: Problem, functions: Functions, space: Space) -> Elimination:
    """The affine equalities of a problem, solved for one variable each as far as that is exact."""
    symbols = {s: place for place, s in enumerate(space.symbols())}
    known = [
        (place, part, read)
        for place, part, expr in functions.parts
        if expr is not None and _stated(problem.constraints[place])
        if (read := _affine(expr.subs(space.values()), symbols)) is not None
    ]
    parts = [(problem.constraints[place], part) for place, part, _ in known]
    rows = [Equation(*found, {i: Fraction(1)}) for i, (_, _, found) in enumerate(known)]
    bounded = _bounded(problem, functions, space, symbols)
    solved = _solve(rows, bounded)
    clash = next((r for r in solved.rest if not r.coefficients and r.constant), None)
    if clash is not None:
        return Elimination((), (), (_contradiction(clash, [_name(*part) for part in parts]),))
    sizes = [abs(v) for row in solved.pivots.values() for v in row.coefficients.values()]
    if not solved.pivots or max(sizes) > LARGEST:
        return Elimination((), (), ())
    coordinates = space.coordinates()
    found = []
    for column, row in sorted(solved.pivots.items()):
        c, part = parts[solved.owners[column]]
        terms = sorted((j, -value) for j, value in row.coefficients.items() if j != column)
        variable, index = coordinates[column]
        found.append(
            Eliminated(
                label=c.label,
                member=c.member,
                part=part,
                variable=variable,
                index=index,
                constant=float(-row.constant),
                terms=tuple((*coordinates[j], float(value)) for j, value in terms),
                text=_text(column, -row.constant, terms, space),
            )
        )
    implied = tuple((c.label, c.member, part) for c, part in map(parts.__getitem__, solved.implied))
    return Elimination(tuple(found), implied, ())


def _stated(c: Constraint) -> bool:
    """Whether it is an equality that holds in one way alone."""
    return c.relation == "==" and not c.alternatives


def _name(c: Constraint, part: int) -> str:
    inside = [c.member] if c.member else []
    inside += [str(part)] if len(c.parts) > 1 else []
    return f"{c.label}[{', '.join(inside)}]" if inside else c.label


# --- Rows ----------------------------------------------------------------------------------------


def _affine(expr: sp.Expr, symbols: Mapping[sp.Symbol, int]) -> tuple[Factors, Fraction] | None:
    """Coefficients and constant of an affine expression with rational numbers; None of others."""
    if nodes(expr, NODES) > NODES:
        return None
    expr = sp.expand(expr.xreplace({f: rational(float(f)) for f in expr.atoms(sp.Float)}))
    coefficients: Factors = {}
    constant = Fraction(0)
    for term in sp.Add.make_args(expr):
        factor, rest = term.as_coeff_Mul()
        if not factor.is_Rational:
            return None
        value = Fraction(int(factor.p), int(factor.q))
        if _long(value):
            return None
        if rest == 1:
            constant += value
        elif rest in symbols:
            coefficients[symbols[rest]] = coefficients.get(symbols[rest], Fraction(0)) + value
        else:
            return None
    return {j: v for j, v in coefficients.items() if v}, constant


def _long(value: Fraction) -> bool:
    return max(value.numerator.bit_length(), value.denominator.bit_length()) > BITS


# --- Which variables may go ----------------------------------------------------------------------


def _bounded(
    problem: Problem, functions: Functions, space: Space, symbols: Mapping[sp.Symbol, int]
) -> dict[int, bool]:
    """Places of variables with bounds, and whether they may be left by an iterate all the same."""
    box, coordinates = space.box(), space.coordinates()
    held = {(b.variable, b.index) for b in problem.bounds}
    needs = {
        s
        for expr in (functions.objective, *(part for _, _, part in functions.parts))
        if expr is not None
        for s in _needing(expr)
    }
    return {
        place: s not in needs
        for s, place in symbols.items()
        if box[s] != (-sp.oo, sp.oo) or coordinates[place] in held
    }


def _needing(expr: sp.Expr) -> set[sp.Symbol]:
    """Symbols inside a function that is not defined everywhere."""
    found: set[sp.Symbol] = set()
    for node in sp.preorder_traversal(expr):
        if node.is_Pow:
            if not (node.exp.is_Integer and node.exp.is_nonnegative):
                found |= node.free_symbols
        elif node.args and not (node.is_Add or node.is_Mul or node.func in _DEFINED):
            found |= node.free_symbols
    return found


# --- Gauss-Jordan --------------------------------------------------------------------------------


class Solved(NamedTuple):
    """Rows solved for a column each, and what is left."""

    pivots: dict[int, Equation]
    owners: dict[int, int]
    """The written row that a column's row began as."""
    rest: list[Equation]
    implied: list[int]


def _solve(rows: Sequence[Equation], bounded: Mapping[int, bool]) -> Solved:
    active = dict(enumerate(rows))
    pivots: dict[int, Equation] = {}
    owners: dict[int, int] = {}
    while chosen := min(_candidates(active, bounded), default=None):
        *_, number, column = chosen
        row = active.pop(number)
        row = _scaled(row, 1 / row.coefficients[column])
        reduced = {n: _without(other, column, row) for n, other in active.items()}
        others = {j: _without(other, column, row) for j, other in pivots.items()}
        made = (*reduced.values(), *others.values())
        if any(_long(v) for r in made for v in (*r.coefficients.values(), r.constant)):
            active[number] = row
            break
        active, pivots = reduced, others | {column: row}
        owners[column] = number
    implied = [n for n, r in active.items() if not r.coefficients and not r.constant]
    return Solved(pivots, owners, list(active.values()), implied)


def _candidates(
    active: Mapping[int, Equation], bounded: Mapping[int, bool]
) -> Iterator[tuple[bool, int, Fraction, int, int]]:
    """Pivots, best first: without bounds, little fill-in, then late variables of early rows."""
    count = Counter(column for row in active.values() for column in row.coefficients)
    for number, row in active.items():
        largest = max((abs(v) for v in row.coefficients.values()), default=Fraction(0))
        for column, value in row.coefficients.items():
            if abs(value) < THRESHOLD * largest or not bounded.get(column, True):
                continue
            fill = (len(row.coefficients) - 1) * (count[column] - 1)
            yield (column in bounded, fill, -abs(value) / largest, number, column)


def _scaled(row: Equation, factor: Fraction) -> Equation:
    return Equation(
        {j: v * factor for j, v in row.coefficients.items()},
        row.constant * factor,
        {i: v * factor for i, v in row.origin.items()},
    )


def _without(row: Equation, column: int, pivot: Equation) -> Equation:
    """The row with a column taken out by the row that is solved for it."""
    factor = row.coefficients.get(column)
    if not factor:
        return row
    return Equation(
        _less(row.coefficients, pivot.coefficients, factor),
        row.constant - factor * pivot.constant,
        _less(row.origin, pivot.origin, factor),
    )


def _less(left: Factors, right: Factors, factor: Fraction) -> Factors:
    found = dict(left)
    for j, value in right.items():
        found[j] = found.get(j, Fraction(0)) - factor * value
    return {j: value for j, value in found.items() if value}


# --- Words ---------------------------------------------------------------------------------------


def _text(
    column: int, constant: Fraction, terms: Sequence[tuple[int, Fraction]], space: Space
) -> str:
    """`x[2] = 1 - x[0] - x[1]`."""
    symbols = space.symbols()
    words = "" if terms and not constant else _number(constant)
    for j, value in terms:
        factor = "" if abs(value) == 1 else f"{_number(abs(value))}*"
        sign = "-" if value < 0 else "+" if words else ""
        words += f" {sign} {factor}{symbols[j]}" if words else f"{sign}{factor}{symbols[j]}"
    return f"{symbols[column]} = {words}"


def _number(value: Fraction) -> str:
    """`0.8`, or `1/3` where digits do not end."""
    shown = f"{float(value):.6g}"
    return shown if Fraction(shown) == value else str(value)


def _contradiction(row: Equation, names: Sequence[str]) -> str:
    """no point meets all of `a`, `b`: a - 2 b of these equalities reads 0.5 == 0."""
    scale = 1 / row.origin[min(row.origin)]
    parts = [(names[i], value * scale) for i, value in sorted(row.origin.items())]
    listed = ", ".join(f"`{name}`" for name, _ in parts)
    total = " ".join(
        f"{'-' if value < 0 else '+'} {'' if abs(value) == 1 else _number(abs(value)) + ' '}{name}"
        for name, value in parts
    ).removeprefix("+ ")
    return (
        f"no point meets all of {listed}: {total} of these equalities reads "
        f"{_number(row.constant * scale)} == 0"
    )

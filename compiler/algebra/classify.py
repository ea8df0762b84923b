"""What is known of each function of a smooth problem: affine, quadratic, convex, monotone.

All tests are sufficient: what is not proved is not claimed. Convexity follows from composition
(disciplined convex programming, Grant, Boyd and Ye 2006), from a constant Hessian's eigenvalues, or
from the sign of a second derivative over the box by exact intervals.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sympy as sp

from cspec.compiler.algebra.bounds import Box, Counted, compare, range_of, sign_of
from cspec.compiler.algebra.slopes import Differentiator
from cspec.compiler.algebra.sympy import NotSymbolicError, Space, nodes, sigmoid, softplus
from cspec.compiler.algebra.variables import Functions
from cspec.compiler.records.problem import Problem, Step

LARGEST = 30
"""Variables, and ..."""
NODES = 400
"""... nodes of a function beyond which only affine ones are recognized."""
SECOND = 2_000
"""Nodes of a Hessian beyond which only composition is looked at."""
RANGES = 20_000
"""Ranges by interval arithmetic, of an expression and of each of its parts, for one problem."""


class Curvature(NamedTuple):
    """How a function bends on the box."""

    word: str
    """`constant`, `affine`, `quadratic`, `convex`, `concave`; `smooth` where nothing is known."""
    convex: bool
    concave: bool


class Classification(NamedTuple):
    """What classification found."""

    objective: str
    kinds: Mapping[tuple[str, str], str]
    """By label and member, in words for people."""
    convex: bool
    """The whole problem: every local minimum is the global one."""
    notes: tuple[str, ...]


UNKNOWN = Curvature("smooth", False, False)
AFFINE = Curvature("affine", True, True)
CONSTANT = Curvature("constant", True, True)


def classify(problem: Problem, functions: Functions, space: Space) -> Classification:
    """Facts on the objective and on every constraint."""
    known = _Classifier(space)
    objective = known.curvature(functions.objective)
    notes = [f"objective: {known.describe(functions.objective, objective)}"]
    kinds: dict[tuple[str, str], str] = {}
    convex = objective.convex
    for place, position, part in functions.parts:
        c = problem.constraints[place]
        found = known.curvature(part)
        if (c.label, c.member) not in kinds:
            kinds[c.label, c.member] = known.describe(part, found)
            notes.append(f"{c.full_label}: {kinds[c.label, c.member]}")
        convex = convex and (
            found.word in ("affine", "constant") if c.equality(position) else found.convex
        )
    if convex:
        ways = any(c.alternatives for c in problem.constraints)
        whole = "each combination of alternatives" if ways else "the problem"
        notes.append(f"{whole} is convex: every local minimum is the global one")
    return Classification(notes[0], kinds, convex, tuple(notes))


def facts_step(known: Classification) -> Step:
    """The record of classification for `explain`."""
    return Step(name="classify", notes=known.notes)


class _Classifier:
    def __init__(self, space: Space) -> None:
        self.box = Counted(space.box())
        self.values = space.values()

    def curvature(self, expr: sp.Expr | None) -> Curvature:
        """The curvature of one function, params as numbers."""
        if expr is None:
            return UNKNOWN
        expr = expr.subs(self.values)
        free = sorted(expr.free_symbols & self.box.keys(), key=str)
        if not free:
            return CONSTANT
        if all(_affine_in(term, free) for term in sp.Add.make_args(expr)):
            return AFFINE
        if len(free) > LARGEST or nodes(expr, NODES) > NODES or self.box.work > RANGES:
            return UNKNOWN
        return _bent(expr, free, self.box)

    def describe(self, expr: sp.Expr | None, found: Curvature) -> str:
        """In words: `concave on [0, pi/2], decreasing in x`."""
        if expr is None:
            return "no closed form"
        words = found.word
        free = sorted(expr.free_symbols & self.box.keys(), key=str)
        if len(free) == 1 and words != "constant":
            low, high = self.box[free[0]]
            if words in ("convex", "concave") and low is not -sp.oo and high is not sp.oo:
                words = f"{words} on {interval_text(low, high)}"
            known = self.box.work <= RANGES
            slope = monotone(expr.subs(self.values), free[0], self.box) if known else 0
            if slope:
                words += f", {'increasing' if slope > 0 else 'decreasing'} in {free[0]}"
        return words


def interval_text(low: sp.Expr, high: sp.Expr) -> str:
    """`[0, pi/2]`."""
    return f"[{low}, {high}]".replace("oo", "inf")


def monotone(expr: sp.Expr, by: sp.Symbol, box: Box) -> int:
    """1 where a function never decreases in a variable on the box, -1 where it never increases.

    0 where neither is proved, or where it does not change at all.
    """
    if nodes(expr, NODES) > NODES:
        return 0
    return sign_of(Differentiator((by,)).slopes(expr).get(by, sp.S.Zero), box) or 0


def _affine_in(term: sp.Expr, free: Sequence[sp.Symbol]) -> bool:
    if term.is_Symbol or not term.free_symbols.intersection(free):
        return True
    _, rest = term.as_independent(*free, as_Add=False)
    return bool(rest.is_Symbol)


def _bent(expr: sp.Expr, free: Sequence[sp.Symbol], box: Box) -> Curvature:
    rows = _second(expr, free)
    if rows is not None and all(entry.is_number for row in rows for entry in row):
        low, high = _eigenvalues(rows)
        size = 1e-9 * max(1.0, abs(low), abs(high))
        if low >= -size:
            return Curvature("convex quadratic", True, False)
        return Curvature("concave quadratic" if high <= size else "quadratic", False, high <= size)
    sign = compose(expr, free, box) or (0 if rows is None else _hessian_sign(rows, box))
    return Curvature("convex" if sign > 0 else "concave", sign > 0, sign < 0) if sign else UNKNOWN


def _second(expr: sp.Expr, free: Sequence[sp.Symbol]) -> list[list[sp.Expr]] | None:
    """The Hessian, one derivative after another; None where it grows too large to be read.

    `diff` by both at once factors in between, which costs far more than it is worth here.
    """
    place = {x: i for i, x in enumerate(free)}
    made = Differentiator(free)
    first = made.slopes(expr)
    rows = [[sp.S.Zero] * len(free) for _ in free]
    size = 0
    for i, a in enumerate(free):
        slopes = made.slopes(first.get(a, sp.S.Zero))
        for b, slope in slopes.items():
            if (j := place[b]) <= i:
                rows[i][j] = rows[j][i] = slope
                size += nodes(rows[i][j], SECOND)
                if size > SECOND:
                    return None
    return rows


def _eigenvalues(rows: Sequence[Sequence[sp.Expr]]) -> tuple[float, float]:
    """Smallest and largest eigenvalue of a symmetric matrix of numbers (Jacobi's method)."""
    a = [[float(entry) for entry in row] for row in rows]
    n = len(a)
    for _ in range(100):
        above = ((abs(a[i][j]), i, j) for i in range(n) for j in range(n) if i != j)
        off = max(above, default=(0.0, 0, 0))
        if off[0] < 1e-14:
            break
        for p in range(n):
            for q in range(p + 1, n):
                _rotate(a, p, q)
    diagonal = [a[i][i] for i in range(n)]
    return min(diagonal), max(diagonal)


def _rotate(a: list[list[float]], p: int, q: int) -> None:
    if a[p][q] == 0:
        return
    theta = (a[q][q] - a[p][p]) / (2 * a[p][q])
    t = (1 if theta >= 0 else -1) / (abs(theta) + (theta * theta + 1) ** 0.5)
    c = 1 / (t * t + 1) ** 0.5
    s = t * c
    for k in range(len(a)):
        a[k][p], a[k][q] = c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]
    for k in range(len(a)):
        a[p][k], a[q][k] = c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]


def _hessian_sign(rows: Sequence[Sequence[sp.Expr]], box: Box) -> int:
    """1 or -1 where every Hessian on the box is diagonally dominant with that sign, else 0."""
    if len(rows) == 1:
        return sign_of(rows[0][0], box) or 0
    signs = set()
    for i, row in enumerate(rows):
        try:
            diagonal = range_of(row[i], box)
            others = [range_of(entry, box) for j, entry in enumerate(row) if j != i]
        except NotSymbolicError:
            return 0
        reach = sp.Add(*(sp.Max(abs(o.low), abs(o.high)) for o in others))
        if compare(diagonal.low, reach) >= 0:
            signs.add(1)
        elif compare(-diagonal.high, reach) >= 0:
            signs.add(-1)
        else:
            return 0
    return signs.pop() if len(signs) == 1 else 0


# --- Composition ---------------------------------------------------------------------------------

_CONVEX_RISING = (sp.exp, softplus)


def compose(expr: sp.Expr, free: Sequence[sp.Symbol], box: Box) -> int | None:
    """1 convex, -1 concave, 0 affine, None not known by composition."""
    if not expr.free_symbols.intersection(free) or expr.is_Symbol:
        return 0
    if expr.is_Add:
        signs = {compose(term, free, box) for term in expr.args} - {0}
        return 0 if not signs else signs.pop() if len(signs) == 1 else None
    if expr.is_Mul:
        factor, rest = expr.as_independent(*free, as_Add=False)
        inner = compose(rest, free, box) if factor != 1 else None
        sign = 1 if factor.is_positive else -1 if factor.is_negative else 0
        return None if inner is None or not sign else inner * sign
    if expr.is_Pow:
        return _compose_power(expr, free, box)
    if len(expr.args) != 1:
        return None
    inner = compose(expr.args[0], free, box)
    if expr.func in _CONVEX_RISING and inner in (0, 1):
        return 1
    if expr.func is sp.log and inner in (0, -1):
        return -1
    if inner == 0 and expr.func is sp.cosh:
        return 1
    if inner == 0 and expr.func is not sigmoid and len(expr.args[0].free_symbols) == 1:
        symbol = next(iter(expr.args[0].free_symbols))
        return sign_of(sp.diff(expr, symbol, 2), box) or None
    return None


def _compose_power(expr: sp.Expr, free: Sequence[sp.Symbol], box: Box) -> int | None:
    base, exponent = expr.as_base_exp()
    if not exponent.is_number:
        return None
    inner = compose(base, free, box)
    sign = sign_of(base, box)
    if inner is None:
        return None
    if exponent.is_Integer and exponent.is_even and exponent > 0:
        return 1 if inner == 0 or (inner == sign and sign in (1, -1)) else None
    if sign != 1:
        return None
    if exponent > 1:
        return 1 if inner >= 0 else None
    if 0 < exponent < 1:
        return -1 if inner <= 0 else None
    return 1 if inner <= 0 and exponent < 0 else None

"""Exact derivatives of smooth problems: gradient, Jacobian, Hessian of the Lagrangian.

They are found by sympy and leave as expression trees of the language, so that they are emitted like
any other expression. Limits on nodes keep a large problem from stalling the compiler: beyond them
derivatives come from automatic differentiation at run time. They count what is differentiated, not
time: what is emitted is the same on every machine.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import sympy as sp

from cspec.compiler.algebra.slopes import Differentiator, Slopes
from cspec.compiler.algebra.sympy import ELEMENTARY, NODES, NotSymbolicError, nodes
from cspec.compiler.expressions.rewrite import call, number, signed_number, signed_sum
from cspec.dsl.tree.nodes import Expr, Index, Name, Negate, Power, Product

WORK = 200_000
"""Slopes of all parts of all expressions together: one a part and variable that moves it."""
SLOPE = 1_500
"""Nodes of a first derivative beyond which it is not differentiated again: products double it."""
TOTAL = 20_000
"""Nodes of all derivatives of one kind together."""

Sparse = tuple[tuple[int, int, sp.Expr], ...]


class Derivatives(NamedTuple):
    """First and second derivatives; None where they were too large."""

    gradient: tuple[sp.Expr, ...] | None
    jacobian: Sparse | None
    """Entries (constraint, variable, derivative) that are not zero."""
    hessian: Sparse | None
    """Entries (i, j, derivative), i >= j, of the Hessian of f + <multipliers, g>."""


MULTIPLIER = "#multipliers"
"""Stands for the argument `multipliers`; no name of a spec can be it."""


def multiplier(index: int) -> sp.Symbol:
    """The symbol of one multiplier inside the Hessian of the Lagrangian."""
    return sp.Symbol(f"{MULTIPLIER}[{index}]", real=True)


def derivatives(
    objective: sp.Expr | None, constraints: Sequence[sp.Expr] | None, variables: Sequence[sp.Symbol]
) -> Derivatives:
    """All derivatives that stay within the limits; a part that is None has none."""
    made = _Made(variables)
    gradient: tuple[sp.Expr, ...] | None = None
    jacobian: Sparse | None = None
    hessian: Sparse | None = None
    with suppress(NotSymbolicError):
        if objective is not None:
            slopes = made.slopes(objective)
            gradient = tuple(slopes.get(x, sp.S.Zero) for x in variables)
    with suppress(NotSymbolicError):
        if constraints is not None:
            jacobian = _jacobian(constraints, made)
    with suppress(NotSymbolicError):
        if gradient is not None and jacobian is not None:
            hessian = _hessian(gradient, jacobian, made)
    return Derivatives(gradient, jacobian, hessian)


class _Made:
    """Gradients within the limits, all of one problem together."""

    def __init__(self, variables: Sequence[sp.Symbol]) -> None:
        self.place = {x: j for j, x in enumerate(variables)}
        self._differentiate = Differentiator(variables, self._count)
        self._work = 0
        self._total = 0
        self._sizes: dict[sp.Expr, int] = {}

    def _count(self, slopes: int) -> None:
        self._work += slopes
        if self._work > WORK:
            raise NotSymbolicError("there is too much to differentiate")

    def slopes(self, expr: sp.Expr) -> Slopes:
        """The derivatives of one function that are not zero, counted."""
        found = self._differentiate.slopes(expr)
        for slope in found.values():
            size = self._size(slope)
            self._total += size
            if size > NODES or self._total > TOTAL:
                raise NotSymbolicError("derivatives are too large")
        return found

    def _size(self, expr: sp.Expr) -> int:
        """Nodes of an expression; each part is counted once, and looked up after that."""
        known = self._sizes.get(expr)
        if known is None:
            if expr.is_Function and expr.func not in _CALLS:
                # sympy brings |x| in by itself: sqrt(x^6) is |x|^3.
                raise NotSymbolicError(f"a derivative holds {expr.func}")
            known = self._sizes[expr] = 1 + sum(map(self._size, expr.args))
        return known


def _jacobian(constraints: Sequence[sp.Expr], made: _Made) -> Sparse:
    found = []
    for i, g in enumerate(constraints):
        slopes = made.slopes(g)
        for x in sorted(g.free_symbols & made.place.keys(), key=made.place.__getitem__):
            found.append((i, made.place[x], slopes.get(x, sp.S.Zero)))
    return tuple(found)


def _hessian(gradient: Sequence[sp.Expr], jacobian: Sparse, made: _Made) -> Sparse:
    place = made.place
    terms = [[slope] for slope in gradient]
    for i, j, slope in jacobian:
        terms[j].append(multiplier(i) * slope)
    found = []
    for i, parts in enumerate(terms):
        row = sp.Add(*parts)
        if nodes(row, SLOPE) > SLOPE:
            raise NotSymbolicError("second derivatives are too large")
        slopes = made.slopes(row)
        for x in sorted((x for x in slopes if place[x] <= i), key=place.__getitem__):
            found.append((i, place[x], slopes[x]))
    return tuple(found)


# --- sympy -> trees ------------------------------------------------------------------------------

_CALLS: dict[object, str] = {f: w for w, f in ELEMENTARY.items() if isinstance(f, sp.FunctionClass)}


def tree(expr: sp.Expr) -> Expr:
    """The expression tree of a sympy expression.

    Raises:
        NotSymbolicError: a function that the language does not have.
    """
    match expr:
        case sp.Rational() | sp.Float():
            return signed_number(float(expr))
        case sp.Symbol():
            return name_tree(str(expr.name))
        case sp.Add():
            return _add(expr)
        case sp.Mul():
            return _mul(expr)
        case sp.Pow():
            return _pow(expr)
    if expr is sp.pi:
        return Name(id="pi")
    if expr is sp.E:
        return call("exp", number(1.0))
    word = _CALLS.get(expr.func)
    if word is None or len(expr.args) != 1:
        raise NotSymbolicError(str(expr.func))
    return call(word, tree(expr.args[0]))


def name_tree(text: str) -> Expr:
    """`x`, `w[2]`, `W[0, 1]` as trees."""
    name, bracket, rest = text.partition("[")
    if not bracket:
        return Name(id=name)
    indices = tuple(number(float(part)) for part in rest.rstrip("]").split(","))
    return Index(value=Name(id=name), indices=indices)


def _split_sign(term: sp.Expr) -> tuple[bool, sp.Expr]:
    coefficient = term.as_coeff_Mul()[0]
    return (True, -term) if coefficient.is_number and coefficient < 0 else (False, term)


def _add(expr: sp.Expr) -> Expr:
    terms = [_split_sign(term) for term in expr.as_ordered_terms()]
    terms.sort(key=lambda item: item[0])
    return signed_sum([("-" if negative else "+", tree(term)) for negative, term in terms])


def _mul(expr: sp.Expr) -> Expr:
    negative, positive = _split_sign(expr)
    over: list[Expr] = []
    under: list[Expr] = []
    for factor in sp.Mul.make_args(positive):
        base, exponent = factor.as_base_exp()
        if exponent.is_number and exponent.is_real and exponent < 0 and base is not sp.E:
            under.append(tree(base**-exponent))
        elif factor.is_Rational and not factor.is_Integer and factor.q <= 64:
            over.extend([] if factor.p == 1 else [number(float(factor.p))])
            under.append(number(float(factor.q)))
        else:
            over.append(tree(factor))
    over = over or [number(1.0)]
    operators = tuple(["*"] * (len(over) - 1) + ["/"] * len(under))
    operands = tuple(over + under)
    built = Product(operands=operands, operators=operators) if operators else operands[0]
    return Negate(operand=built) if negative else built


def _pow(expr: sp.Expr) -> Expr:
    base, exponent = expr.args
    if base is sp.E:
        return call("exp", tree(exponent))
    if exponent == sp.Rational(1, 2):
        return call("sqrt", tree(base))
    if exponent.is_number and exponent < 0:
        return Product(operands=(number(1.0), tree(base**-exponent)), operators=("/",))
    return Power(base=tree(base), exponent=tree(exponent))

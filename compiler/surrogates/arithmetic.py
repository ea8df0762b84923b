"""Sums and products as one would write them: flat, without zeros and ones."""

from collections.abc import Sequence

from cspec.compiler.expressions.rewrite import number, signed, signed_sum
from cspec.compiler.passes.canonical import negate
from cspec.dsl.tree.nodes import Expr, Negate, Number, Product, Sum

ZERO = number(0)
ONE = number(1)


def is_number(expr: Expr, value: float) -> bool:
    """Whether an expression is that number, typed out."""
    return isinstance(expr, Number) and expr.value == value


def total(terms: Sequence[tuple[str, Expr]]) -> Expr:
    """The sum of terms with their signs: (`+`, a), (`-`, b) is a - b."""
    kept = [pair for pair in _together(_opened(terms)) if not is_number(pair[1], 0)]
    if not kept:
        return ZERO
    (sign, first), *rest = kept
    first = negate(first) if sign == "-" else first
    return signed_sum([("+", first), *rest], first.span)


def _together(terms: list[tuple[str, Expr]]) -> list[tuple[str, Expr]]:
    """The terms with their numbers added up, where the first one stands."""
    numbers = [(sign, term.value) for sign, term in terms if isinstance(term, Number)]
    if len(numbers) < 2:
        return terms
    value = sum(value if sign == "+" else -value for sign, value in numbers)
    added = ("+" if value >= 0 else "-", number(abs(value)))
    place = next(i for i, (_, term) in enumerate(terms) if isinstance(term, Number))
    rest = [(sign, term) for sign, term in terms if not isinstance(term, Number)]
    return [*rest[:place], added, *rest[place:]]


def terms_of(expr: Expr) -> list[tuple[str, Expr]]:
    """The terms of a sum with their signs, sums in it opened."""
    match expr:
        case Sum():
            return _opened(signed(expr))
        case Negate(operand=operand):
            return _opened([("-", operand)])
    return [("+", expr)]


def _opened(terms: Sequence[tuple[str, Expr]]) -> list[tuple[str, Expr]]:
    inside = [(sign, inner, part) for sign, term in terms for inner, part in terms_of(term)]
    return [("+" if sign == inner else "-", part) for sign, inner, part in inside]


def plus(*terms: Expr) -> Expr:
    """The sum of some terms."""
    return total([("+", term) for term in terms])


def less(left: Expr, right: Expr) -> Expr:
    """left - right."""
    return total([("+", left), ("-", right)])


def times(*factors: Expr) -> Expr:
    """The product; numbers 0 and 1 are not written."""
    flat = [part for factor in factors for part in _factors(factor)]
    if any(is_number(factor, 0) for factor in flat):
        return ZERO
    kept = [factor for factor in flat if not is_number(factor, 1)]
    if len(kept) < 2:
        return kept[0] if kept else ONE
    operators = ("*",) * (len(kept) - 1)
    return Product(operands=tuple(kept), operators=operators, span=kept[0].span)


def _factors(expr: Expr) -> list[Expr]:
    if isinstance(expr, Product) and set(expr.operators) == {"*"}:
        return [part for operand in expr.operands for part in _factors(operand)]
    return [expr]


def over(expr: Expr, divisor: float | Expr) -> Expr:
    """expr / divisor, without dividing by 1."""
    if divisor == 1:
        return expr
    below = divisor if isinstance(divisor, Expr) else number(divisor)
    return Product(operands=(expr, below), operators=("/",), span=expr.span)


def complement(expr: Expr) -> Expr:
    """1 - expr."""
    return number(1 - expr.value) if isinstance(expr, Number) else less(ONE, expr)

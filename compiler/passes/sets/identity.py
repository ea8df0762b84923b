"""Bare `eye` beside a product of known size.

W.T @ W == eye                ->   W.T @ W == eye(columns of W)
sumsq(W.T @ W - eye) == 0     ->   sumsq(W.T @ W - eye(columns of W)) == 0
"""

from cspec.compiler.algebra.shapes import Shapes, shape_of
from cspec.compiler.expressions.rewrite import call, number, rewrite
from cspec.compiler.passes.mapping import map_constraint, map_expressions
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.tree.nodes import Call, Expr, Name, Negate, Product, Sum


def sized_identity(problem: Problem, shapes: Shapes) -> Problem:
    """The problem with the size of every bare `eye` that a product in the same constraint tells.

    `shapes` are those of decision variables; parameters of models carry their own.
    """
    beside = map_expressions(problem, lambda e: rewrite(e, lambda node: _in_sum(node, shapes)))
    orders = [_order(c.value, shapes) or _order(c.bound, shapes) for c in problem.constraints]
    return beside.with_constraints(map(_sized, beside.constraints, orders))


def _sized(c: Constraint, size: int | None) -> Constraint:
    if size is None or not (_has_bare(c.value) or _has_bare(c.bound)):
        return c
    return map_constraint(c, lambda expr: rewrite(expr, lambda node: _replaced(node, size)))


def _in_sum(expr: Expr, shapes: Shapes) -> Expr:
    """`left @ right - 2 * eye` with the size of the product."""
    if not isinstance(expr, Sum) or not any(map(_has_bare, expr.operands)):
        return expr
    size = next((n for item in expr.operands if (n := _order(item, shapes)) is not None), None)
    if size is None:
        return expr
    operands = tuple(
        rewrite(item, lambda node: _replaced(node, size)) if _has_bare(item) else item
        for item in expr.operands
    )
    return expr.model_copy(update={"operands": operands})


def _has_bare(expr: Expr) -> bool:
    """Whether an operand is `eye` without a size, or a multiple of it."""
    match expr:
        case Negate(operand=operand):
            return _has_bare(operand)
        case Product(operands=operands, operators=operators) if "@" not in operators:
            return any(map(_has_bare, operands))
    return _bare(expr)


def _bare(expr: Expr) -> bool:
    return isinstance(expr, Name) and expr.id == "eye"


def _replaced(expr: Expr, size: int) -> Expr:
    if _bare(expr):
        return call("eye", number(size)).model_copy(update={"span": expr.span})
    if isinstance(expr, Call) and isinstance(expr.function, Call):
        # The name of a call `eye(3)` was taken for a bare one.
        return expr.model_copy(update={"function": expr.function.function})
    return expr


def _order(expr: Expr, shapes: Shapes) -> int | None:
    """Rows of a square product with an `@` in it.

    Weights of more dimensions are read as (outputs, rest), as `.T` and `@` read them.
    """
    if not isinstance(expr, Product) or "@" not in expr.operators:
        return None
    shape = shape_of(expr, shapes, {})
    return shape[0] if shape is not None and len(shape) == 2 and shape[0] == shape[1] else None

"""Derivatives of quadratic objectives as Python on vectors: `2 * (A.T @ (A @ x - b))`."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cspec.compiler.algebra.quadratic_forms import (
    Block,
    Term,
    gradient_by,
    hessian_by,
    transposed,
)
from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.measures import MakeTranslator
from cspec.compiler.emit.pieces import attribute, constant, joined, method, sequence
from cspec.compiler.expressions.rewrite import call, number
from cspec.compiler.lower.solver_call import Solve


def write_quadratic(solve: Solve, make: MakeTranslator) -> None:
    """`gradient(primal)` and, where all of g is affine, `hessian(primal, multipliers)`."""
    if solve.terms is None:
        return
    with make.writer.shared("gradient", ("primal",), ["df/dx, exact."]):
        translator = make()
        parts = [_gradient(solve, name, size, translator) for name, size in solve.sizes]
        make.writer.give(translator.call("vector", *parts))
    if not solve.affine_rows:
        return
    doc = ["Hessian of f, the same everywhere: that of the Lagrangian, as g is affine."]
    with make.writer.shared("hessian", ("primal", "multipliers"), doc):
        translator = make()
        make.writer.give(_hessian(solve.terms, solve.sizes, translator))


def _gradient(solve: Solve, name: str, size: int, t: Translator) -> ast.expr:
    parts = []
    for factor, vector in gradient_by(solve.terms or (), name):
        known = vector if solve.vectors is None else solve.vectors.expression(vector)
        parts.append(_times(factor, t.translate(known)))
    return joined(ast.Add(), parts) if parts else _zeros((size,), t)


def _hessian(terms: tuple[Term, ...], sizes: Sequence[tuple[str, int]], t: Translator) -> ast.expr:
    rows = []
    for name, length in sizes:
        row = []
        for other, width in sizes:
            blocks = [_block(b, (length, width), t) for b in hessian_by(terms, name, other)]
            row.append(joined(ast.Add(), blocks) if blocks else _zeros((length, width), t))
        rows.append(_side_by_side(row, 1))
    return _side_by_side(rows, 0)


def _block(block: Block, shape: tuple[int, int], t: Translator) -> ast.expr:
    left, right = block.left, block.right
    if block.outer:
        assert left is not None
        assert right is not None
        sides = [t.translate(left), t.translate(right)]
        return _times(block.factor, method("torch", "outer", *sides))
    turned = None if left is None else transposed(left)
    if turned is None or right is None:
        one = turned or right or call("eye", number(shape[0]))
        return _times(block.factor, t.translate(one))
    product = ast.BinOp(t.translate(turned), ast.MatMult(), t.translate(right))
    return _times(block.factor, product)


def _times(factor: float, value: ast.expr) -> ast.expr:
    return value if factor == 1 else ast.BinOp(constant(factor), ast.Mult(), value)


def _zeros(shape: tuple[int, ...], t: Translator) -> ast.expr:
    sizes: list[ast.expr] = [ast.Constant(size) for size in shape]
    kind = attribute(ast.Name(id="torch"), t.scope.precision)
    return method("torch", "zeros", *sizes, dtype=kind)


def _side_by_side(parts: Sequence[ast.expr], axis: int) -> ast.expr:
    if len(parts) == 1:
        return parts[0]
    return method("torch", "cat", sequence(parts), ast.Constant(axis))

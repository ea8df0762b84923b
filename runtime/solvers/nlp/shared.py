"""Emitted functions with every repeated subexpression computed once.

`let`s are spelled out where they are used, and each use of a `let` spells out those it is made of:
fifty that build on each other become a hundred thousand operations, of which a few hundred differ.
Results are the same to the last bit: the same operations on the same values.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


class _NotStraight(Exception):  # noqa: N818
    """More than assignments of expressions and one return."""


def parsed(function: Function) -> ast.Module | None:
    """The source of a function as a tree; None where there is none."""
    try:
        lines, start = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return None
    return ast.increment_lineno(tree, start - 1)


def shared(tree: ast.Module) -> ast.Module | None:
    """The module of one function with each operation written once; None for other forms."""
    match tree.body:
        case [ast.FunctionDef(body=body) as function]:
            sharer = _Sharer()
            try:
                for statement in body:
                    sharer.statement(statement)
            except (_NotStraight, RecursionError):
                return None
            arguments = {key: getattr(function, key) for key in function._fields}
            made = ast.FunctionDef(**{**arguments, "body": sharer.body})
            module = ast.Module(body=[ast.copy_location(made, function)], type_ignores=[])
            return ast.fix_missing_locations(module)
    return None


def with_sharing(function: Function) -> Function:
    """The function with shared subexpressions; itself where that can't be written."""
    tree = parsed(function)
    made = None if tree is None else shared(tree)
    code = getattr(function, "__code__", None)
    if made is None or code is None:
        return function
    # The same file and lines, so that an error still points at the emitted text.
    space = dict(function.__globals__)
    exec(compile(made, code.co_filename, "exec"), space)
    found: Function = space[function.__name__]
    return found


class _Sharer:
    """Statements `name = operation` over names and constants, none of them twice."""

    def __init__(self) -> None:
        self.body: list[ast.stmt] = []
        self._known: dict[str, str] = {}
        self._names: dict[str, ast.expr] = {}

    def statement(self, node: ast.stmt) -> None:
        """Take one statement of the function."""
        match node:
            case ast.Expr(value=ast.Constant()):
                pass  # The docstring.
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._names[name] = self.value(value)
            case ast.Return(value=ast.expr() as value):
                self.body.append(ast.copy_location(ast.Return(value=self.value(value)), node))
            case _:
                raise _NotStraight

    def value(self, node: ast.expr) -> ast.expr:
        """A name or constant that stands for an expression."""
        match node:
            case ast.Constant():
                return node
            case ast.Name(id=name):
                return self._names.get(name, node)
            case ast.BinOp(left=left, op=op, right=right):
                made: ast.expr = ast.BinOp(left=self.value(left), op=op, right=self.value(right))
            case ast.UnaryOp(op=op, operand=operand):
                made = ast.UnaryOp(op=op, operand=self.value(operand))
            case ast.Subscript(value=value, slice=place):
                made = ast.Subscript(self.value(value), self.value(place), ast.Load())
            case ast.Tuple(elts=items):
                return ast.Tuple([self.value(item) for item in items], ast.Load())
            case ast.Attribute(value=value, attr=name):
                made = ast.Attribute(self.value(value), name, ast.Load())
            case ast.Call(func=function, args=arguments, keywords=keywords):
                named = [ast.keyword(k.arg, self.value(k.value)) for k in keywords]
                starred = [self._argument(item) for item in arguments]
                made = ast.Call(self._called(function), starred, named)
            case _:
                raise _NotStraight
        return self._named(made, node)

    def _argument(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Starred):
            return ast.Starred(self.value(node.value), ast.Load())
        return self.value(node)

    def _called(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Name():
                return node
            case ast.Attribute(value=value, attr=name):
                return ast.Attribute(self.value(value), name, ast.Load())
        raise _NotStraight

    def _named(self, made: ast.expr, at: ast.expr) -> ast.expr:
        # Operands are names and constants by now, so this key is short.
        key = ast.dump(made)
        name = self._known.get(key)
        if name is None:
            name = f"_{len(self._known)}"
            self._known[key] = name
            target = ast.Name(id=name, ctx=ast.Store())
            self.body.append(ast.copy_location(ast.Assign(targets=[target], value=made), at))
        return ast.Name(id=name, ctx=ast.Load())

"""What a Python file defines, read from its text: nothing of it is imported or run.

    outline("@cspec.function(range=(0, 1))\\ndef share(w): ...")

gives the function `share` with its argument `w` and the settings {"range": (0, 1)}.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cspec.dsl.text.limits import BYTES
from cspec.dsl.text.regular import read_regular

MAX_BYTES = BYTES.most


class NotLiteralError(ValueError):
    """A setting that would have to be computed; `name` says which."""

    def __init__(self, name: str, line: int) -> None:
        super().__init__(name)
        self.name = name
        self.line = line


class Function(NamedTuple):
    """A function at the top of a file: (name, needed) of its arguments, and its decorator.

    `settings` are the expressions of `@cspec.function(...)`, None for an undecorated function.
    `plain` is false where arguments are keyword-only or starred, which a spec can't write.
    """

    name: str
    line: int
    parameters: tuple[tuple[str, bool], ...]
    plain: bool
    doc: str
    settings: dict[str, ast.expr] | None


class Outline(NamedTuple):
    """Functions by name, all names at the top, and whether these are all that there can be."""

    functions: dict[str, Function]
    names: frozenset[str]
    complete: bool


def read_outline(path: Path) -> Outline:
    """The outline of a file.

    Raises:
        OSError: it can't be read.
        SyntaxError: it is no Python, no UTF-8 text, or larger than 1 MiB.
    """
    content = read_regular(path, MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise SyntaxError(f"larger than {MAX_BYTES:,} bytes")
    return outline(content)


def outline(text: str | bytes) -> Outline:
    """The outline of the text of a file.

    Raises:
        SyntaxError: it is no Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "nested too deeply") from error
    statements = list(_top(tree.body))
    decorators = _decorators(statements)
    functions, names, complete = {}, set[str](), True
    for statement in statements:
        names.update(_defined(statement))
        if isinstance(statement, ast.FunctionDef):
            functions[statement.name] = _function(statement, decorators)
        starred = isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"
        complete = complete and not starred
    return Outline(functions, frozenset(names), complete and "__getattr__" not in names)


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when the file is imported, also those inside `if`, `try` and `with`."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
            for part in ("body", "orelse", "finalbody"):
                yield from _top(getattr(statement, part, []))
            for handler in getattr(statement, "handlers", []):
                yield from _top(handler.body)


def _defined(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                yield alias.asname or alias.name.split(".")[0]
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.For() | ast.With():
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id
        case _:
            for node in ast.walk(statement):
                if isinstance(node, ast.NamedExpr):
                    yield node.target.id


def _decorators(statements: list[ast.stmt]) -> frozenset[str]:
    """The texts that mean `cspec.function` in this file."""
    found = set()
    for statement in statements:
        match statement:
            case ast.Import(names=names):
                for alias in names:
                    if alias.name == "cspec":
                        found.add(f"{alias.asname or 'cspec'}.function")
            case ast.ImportFrom(module="cspec" | "cspec.functions", names=names):
                found.update(a.asname or a.name for a in names if a.name == "function")
    return frozenset(found)


def _function(made: ast.FunctionDef, decorators: frozenset[str]) -> Function:
    arguments = made.args
    plain = [*arguments.posonlyargs, *arguments.args]
    first_default = len(plain) - len(arguments.defaults)
    settings = None
    for decorator in made.decorator_list:
        head = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(head) in decorators:
            given = decorator.keywords if isinstance(decorator, ast.Call) else []
            settings = {keyword.arg or "**": keyword.value for keyword in given}
    return Function(
        name=made.name,
        line=made.lineno,
        parameters=tuple((a.arg, i < first_default) for i, a in enumerate(plain)),
        plain=not (arguments.kwonlyargs or arguments.vararg or arguments.kwarg),
        doc=(ast.get_docstring(made) or "").split("\n")[0],
        settings=settings,
    )


def literals(settings: dict[str, ast.expr]) -> dict[str, object]:
    """The settings as values; `surrogate` may be the bare name of a function.

    Raises:
        NotLiteralError: one that would have to be computed.
    """
    values: dict[str, object] = {}
    for name, node in settings.items():
        if name == "surrogate" and isinstance(node, ast.Name):
            values[name] = node.id
            continue
        try:
            values[name] = _literal(node)
        except ValueError as error:
            raise NotLiteralError(name, node.lineno) from error
    return values


def _literal(node: ast.expr) -> object:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(_literal(item) for item in items)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = _literal(operand)
            if isinstance(number, int | float):
                return -number
        case ast.Attribute(value=ast.Name(id="math" | "np" | "numpy" | "torch"), attr=attr):
            if attr in ("inf", "pi"):
                return getattr(math, attr)
        case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value=str() as text)]):
            return float(text)
    raise ValueError(ast.dump(node))

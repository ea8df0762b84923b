"""Statements of a straight function with each repeated operation computed once.

    f = log(x + y) * log(x + y)          ->   shared = log(x + y)
                                              f = shared * shared

`let`s are spelled out where they are used, and each use of a `let` spells out those it is made of:
fifty that build on each other become a hundred thousand operations, of which a few hundred differ.
The same operations are done on the same values, so results stay the same to the last bit.
"""

import ast
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from cspec.compiler.records.lowered import numbered

SHARED = "shared"
"""What locals of repeated operations are called."""
_OPERATIONS = (ast.BinOp, ast.UnaryOp, ast.Call)
_CLOSED = (
    ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.IfExp, ast.BoolOp,
)  # fmt: skip
"""Forms with names of their own, or parts that are not always computed: they stay as they are."""


class Statement(NamedTuple):
    """`target = value  # comment`; without a target what the function returns."""

    target: str
    value: ast.expr
    comment: str = ""
    label: str = ""


class Shared(NamedTuple):
    """Statements without repeated operations, and how many operations they are."""

    statements: tuple[Statement, ...]
    operations: int


def shared(statements: Sequence[Statement]) -> Shared:
    """The statements with locals for what is computed more than once."""
    return _Sharer(statements).result()


class _Sharer:
    """Numbers every operation by its operator and operands: equal numbers are equal values."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self._statements = statements
        self._ids: dict[object, int] = {}
        self._operations: set[int] = set()
        self._uses: Counter[int] = Counter()
        self._seen: dict[int, int] = {}
        self._alias: dict[str, int] = {}
        self._named: dict[int, str] = {}
        self._made: list[Statement] = []
        targets = Counter(s.target for s in statements if s.target)
        self._again = {name for name, count in targets.items() if count > 1}
        self._taken = set(targets)
        for statement in statements:
            nodes = ast.walk(statement.value)
            self._taken |= {node.id for node in nodes if isinstance(node, ast.Name)}

    def result(self) -> Shared:
        for statement in self._statements:
            number = self._count(statement.value)
            if statement.target:
                self._alias[statement.target] = number
        for statement in self._statements:
            self._write(statement)
        return Shared(tuple(self._made), len(self._operations))

    def _write(self, statement: Statement) -> None:
        number = self._seen[id(statement.value)]
        known = self._named.get(number)
        if known is not None and isinstance(statement.value, _OPERATIONS):
            value: ast.expr = ast.Name(id=known)
        else:
            value = self._rebuilt(statement.value)
        self._made.append(statement._replace(value=value))
        if statement.target and statement.target not in self._again:
            self._named.setdefault(number, statement.target)

    # --- numbers of values ---

    def _count(self, node: ast.AST) -> int:
        """The number of a value; the parts of a value that was met before are not met again."""
        number = self._number(node)
        self._seen[id(node)] = number
        self._uses[number] += 1
        return number

    def _number(self, node: ast.AST) -> int:
        if isinstance(node, ast.Name) and node.id in self._alias:
            return self._alias[node.id]
        if isinstance(node, _CLOSED):
            return self._id(("closed", ast.dump(node)))
        before = len(self._ids)
        parts: list[object] = [type(node).__name__]
        children: list[tuple[ast.AST, int]] = []
        for name in node._fields:
            parts.append(self._part(getattr(node, name, None), children, name))
        number = self._id(tuple(parts))
        fresh = number >= before
        if fresh:
            for _, child in children:
                self._uses[child] += 1
            if isinstance(node, _OPERATIONS):
                self._operations.add(number)
        return number

    def _part(self, value: object, children: list[tuple[ast.AST, int]], name: str) -> object:
        match value:
            case ast.expr_context():
                return None
            case ast.AST():
                number = self._number(value)
                self._seen[id(value)] = number
                children.append((value, number))
                return number
            case list():
                return tuple(self._part(item, children, name) for item in value)
        return (type(value).__name__, repr(value))

    def _id(self, key: object) -> int:
        return self._ids.setdefault(key, len(self._ids))

    # --- statements anew ---

    def _value(self, node: ast.AST) -> ast.AST:
        """The node, or the local that holds its value."""
        number = self._seen.get(id(node))
        if number is None or not _worth(node) or self._uses[number] < 2:
            return self._inside(node) if isinstance(node, ast.expr | ast.keyword) else node
        known = self._named.get(number)
        if known is None:
            known = self._fresh()
            assert isinstance(node, ast.expr)
            self._made.append(Statement(known, self._rebuilt(node)))
            self._named[number] = known
        return ast.Name(id=known)

    def _rebuilt(self, node: ast.expr) -> ast.expr:
        found = self._inside(node)
        assert isinstance(found, ast.expr)
        return found

    def _inside(self, node: ast.AST) -> ast.AST:
        if isinstance(node, _CLOSED) or not node._fields:
            return node
        fields: dict[str, object] = {}
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                fields[name] = [self._value(v) if isinstance(v, ast.AST) else v for v in value]
            elif isinstance(node, ast.Call) and name == "func" and isinstance(value, ast.Attribute):
                fields[name] = self._inside(value)
            else:
                fields[name] = self._value(value) if isinstance(value, ast.AST) else value
        return type(node)(**fields)

    def _fresh(self) -> str:
        name = numbered(SHARED, self._taken)
        self._taken.add(name)
        return name


def _worth(node: ast.AST) -> bool:
    """Whether a repeated node is an operation that a local saves."""
    if isinstance(node, ast.UnaryOp):
        return not isinstance(node.operand, ast.Constant)
    return isinstance(node, _OPERATIONS)

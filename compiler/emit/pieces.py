"""Identifiers, and small pieces of Python's syntax that emission is made of."""

from __future__ import annotations

import ast
import base64
import builtins
import keyword
import math
import re
from collections.abc import Mapping, Sequence

from cspec.compiler.lower.digest import bits_of
from cspec.compiler.records.lowered import numbered

OPERATORS: dict[str, ast.operator] = {
    "+": ast.Add(), "-": ast.Sub(), "*": ast.Mult(), "/": ast.Div(), "@": ast.MatMult(),
}  # fmt: skip
RELATIONS: dict[str, ast.cmpop] = {
    "<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE(),
    "==": ast.Eq(), "!=": ast.NotEq(),
}  # fmt: skip
RESERVED = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | frozenset(keyword.softkwlist)
GENERATED = re.compile(r"(ascend|update|grow|start|play|seen|outputs)_.*|.*_(tensors|split|apart)")
"""Functions and locals that emitted loops name after rules and labels."""


def entry(mapping: str, key: str) -> ast.expr:
    """`mapping["key"]`."""
    return subscript(ast.Name(id=mapping), ast.Constant(key))


def subscript(value: ast.expr, index: ast.expr) -> ast.expr:
    """`value[index]`."""
    return ast.Subscript(value=value, slice=index)


def attribute(value: ast.expr, name: str) -> ast.expr:
    """`value.name`."""
    return ast.Attribute(value=value, attr=name)


def called(function: ast.expr | str, /, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
    """`function(argument, key=value)`."""
    made = ast.Name(id=function) if isinstance(function, str) else function
    named = [ast.keyword(arg=key, value=value) for key, value in keywords.items()]
    return ast.Call(func=made, args=list(arguments), keywords=named)


def method(
    value: ast.expr | str, name: str, /, *arguments: ast.expr, **keywords: ast.expr
) -> ast.Call:
    """`value.name(argument, key=value)`."""
    made = ast.Name(id=value) if isinstance(value, str) else value
    return called(attribute(made, name), *arguments, **keywords)


def slices(kept: Sequence[bool]) -> ast.expr:
    """`:, None` for (True, False): an axis that is there, and one of length 1 that is not."""
    parts: list[ast.expr] = [ast.Slice() if there else ast.Constant(None) for there in kept]
    return ast.Tuple(elts=parts)


def constant(value: float) -> ast.expr:
    """A number; whole ones as integers, infinities by name."""
    if math.isinf(value):
        infinity = attribute(ast.Name(id="math"), "inf")
        return infinity if value > 0 else ast.UnaryOp(op=ast.USub(), operand=infinity)
    whole = value == int(value) and abs(value) < 2**53
    return _signed(int(value) if whole else value)


def exact(value: float) -> ast.expr:
    """A float that is read back to the same bits; infinities and nan by name."""
    if math.isnan(value):
        return attribute(ast.Name(id="math"), "nan")
    return constant(value) if math.isinf(value) else _signed(float(value))


def _signed(value: float) -> ast.expr:
    if value < 0:
        return ast.UnaryOp(op=ast.USub(), operand=ast.Constant(-value))
    return ast.Constant(value)


def literal(values: object) -> ast.expr:
    """Tuples of plain values, as they are written; what is Python already stays."""
    if isinstance(values, tuple):
        return ast.Tuple(elts=[literal(value) for value in values])
    if isinstance(values, ast.expr):
        return values
    assert isinstance(values, str | bool | int | float | None)
    return ast.Constant(values)


def parsed(text: str) -> ast.expr:
    """An expression of the compiler's own text."""
    return ast.parse(text, mode="eval").body


def joined(operator: ast.operator, parts: Sequence[ast.expr]) -> ast.expr:
    """`a & b & c`."""
    result = parts[0]
    for part in parts[1:]:
        result = ast.BinOp(result, operator, part)
    return result


PACKED = 'numbers("'
"""What a line with packed numbers holds."""


def packed(values: Sequence[float]) -> ast.expr:
    """`numbers("...")`: many numbers, to the bit, as base64 of float64 with the low byte first."""
    text = base64.b64encode(bits_of(values)).decode("ascii")
    return called("numbers", ast.Constant(text))


def is_packed(value: ast.expr) -> bool:
    """Whether an expression holds packed numbers."""
    return any(isinstance(node, ast.Name) and node.id == "numbers" for node in ast.walk(value))


def mapping(entries: Mapping[str, ast.expr]) -> ast.Dict:
    """`{"key": value}`."""
    return ast.Dict(keys=[ast.Constant(key) for key in entries], values=list(entries.values()))


def sequence(entries: Sequence[ast.expr]) -> ast.expr:
    """`[a, b]`."""
    return ast.List(elts=list(entries))


class Names:
    """Hands out identifiers, each once; `taken` are in use already."""

    def __init__(self, taken: frozenset[str] = frozenset()) -> None:
        self._taken = set(taken)

    def fresh(self, wanted: str) -> str:
        """`wanted`, made an identifier and, where it is in use, told apart by a number."""
        base = "".join(c if c.isalnum() or c == "_" else "_" for c in wanted)
        base = base.rstrip("_") or "value"
        base = base if base.isidentifier() else f"_{base}"
        if base in RESERVED or GENERATED.fullmatch(base):
            base += "_"
        name = numbered(base, self._taken)
        self._taken.add(name)
        return name

    def free(self, wanted: str) -> bool:
        """Whether `wanted` can be had as it is."""
        return wanted.isidentifier() and wanted not in RESERVED and wanted not in self._taken

    def copy(self) -> Names:
        """An independent copy: what one function's locals are taken from."""
        return Names(frozenset(self._taken))

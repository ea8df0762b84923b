"""Formulas of the update graph as mathematics: `relu(multipliers + lr * true)` is
`[multipliers + 0.3 g]+`, with the constants of the operation as numbers.
"""

import ast
from collections.abc import Mapping

from cspec.compiler.expressions.mathematics import Mathematics
from cspec.compiler.records.graph import Operation, Update, parse_formula

SUM, PRODUCT, UNARY, POWER, ATOM = range(5)

_SYMBOLS = {"multipliers": r"\lambda", "penalty": "c", "true": "g", "floor": r"\underline{\lambda}",
            "average": r"\bar\xi", "smoothed": r"\xi", "velocity": "v", "integral": "I",
            "before": r"g^-", "moment": "m", "square": "s", "count": "t", "now": "V",
            "target": r"\eta"}  # fmt: skip
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_LATEX_COMPARISONS = {"<": "<", "<=": r"\le", ">": ">", ">=": r"\ge"}


def mathematics(operation: Operation, update: Update) -> Mathematics:
    """`target <- formula`."""
    tree = simplified(parse_formula(update.formula), operation.constants)
    target = ast.Name(id=update.target)
    return Mathematics(
        text=f"{_Writer(False).write(target)} <- {_Writer(False).write(tree)}",
        latex=rf"{_Writer(True).write(target)} \leftarrow {_Writer(True).write(tree)}",
    )


def first_value(update: Update) -> str | None:
    """The state that an update only fills in at the first time, None for any other update."""
    match parse_formula(update.formula):
        case ast.Call(
            func=ast.Name(id="where"),
            args=[ast.Call(func=ast.Name(id="isnan"), args=[ast.Name(id=asked)]), _, ast.Name()],
        ) if asked == update.target:
            return asked
        case _:
            return None


def simplified(node: ast.expr, constants: Mapping[str, float]) -> ast.expr:
    """The tree with constants as numbers, without `1 * x`, `0 * x` and `x + 0`."""
    match node:
        case ast.Name(id=name) if name in constants:
            return ast.Constant(value=constants[name])
        case ast.BinOp(left=left, op=op, right=right):
            return _folded(simplified(left, constants), op, simplified(right, constants))
        case ast.UnaryOp(op=op, operand=operand):
            return ast.UnaryOp(op=op, operand=simplified(operand, constants))
        case ast.Compare(left=left, ops=ops, comparators=others):
            rest = [simplified(other, constants) for other in others]
            return ast.Compare(left=simplified(left, constants), ops=ops, comparators=rest)
        case ast.Call(func=func, args=args):
            return ast.Call(func=func, args=[simplified(a, constants) for a in args], keywords=[])
        case _:
            return node


def _value(node: ast.expr) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    return None


def _folded(left: ast.expr, op: ast.operator, right: ast.expr) -> ast.expr:
    match op, _value(left), _value(right):
        case ast.Mult(), 1.0, _:
            return right
        case ast.Mult(), 0.0, _:
            return ast.Constant(value=0)
        case ast.Add(), _, 0.0:
            return left
        case ast.Sub(), 0.0, _:
            return ast.UnaryOp(op=ast.USub(), operand=right)
        case ast.Sub(), float() as a, float() as b:
            return ast.Constant(value=round(a - b, 12))
        case _:
            return ast.BinOp(left=left, op=op, right=right)


class _Writer:
    """Trees as text or as LaTeX, with only the parentheses that are needed."""

    def __init__(self, latex: bool) -> None:
        self.latex = latex

    def write(self, node: ast.expr, strength: int = SUM) -> str:
        text, own = self._of(node)
        if own >= strength:
            return text
        return rf"\left({text}\right)" if self.latex else f"({text})"

    def _of(self, node: ast.expr) -> tuple[str, int]:
        match node:
            case ast.Constant(value=int() | float() as value):
                return f"{value:g}", ATOM
            case ast.Name(id=name):
                return self._name(name), ATOM
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"-{self.write(operand, PRODUCT)}", UNARY
            case ast.UnaryOp(operand=operand):
                return f"{self._word('not')} {self.write(operand, ATOM)}", UNARY
            case ast.BinOp():
                return self._operation(node)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                sign = _COMPARISONS[type(op)]
                sign = _LATEX_COMPARISONS[sign] if self.latex else sign
                return f"{self.write(left)} {sign} {self.write(right)}", SUM
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, args)
            case _:
                return ast.unparse(node), SUM

    def _name(self, name: str) -> str:
        if not self.latex:
            return "g" if name == "true" else name
        return _SYMBOLS.get(name, rf"\mathrm{{{name.replace('_', ' ')}}}")

    def _word(self, word: str) -> str:
        return rf"\text{{ {word} }}" if self.latex else word

    def _operation(self, node: ast.BinOp) -> tuple[str, int]:
        left, right = node.left, node.right
        match node.op:
            case ast.Add():
                return f"{self.write(left)} + {self.write(right)}", SUM
            case ast.Sub():
                return f"{self.write(left)} - {self.write(right, PRODUCT)}", SUM
            case ast.Mult():
                blank = " " if _value(left) is not None and _value(right) is None else " * "
                blank = r" \, " if self.latex else blank
                return f"{self.write(left, PRODUCT)}{blank}{self.write(right, UNARY)}", PRODUCT
            case ast.Div() if self.latex:
                return rf"\frac{{{self.write(left)}}}{{{self.write(right)}}}", ATOM
            case ast.Div():
                return f"{self.write(left, PRODUCT)} / {self.write(right, POWER)}", PRODUCT
            case ast.Pow():
                power = f"{{{self.write(right)}}}" if self.latex else self.write(right, ATOM)
                return f"{self.write(left, ATOM)}^{power}", POWER
            case ast.BitAnd():
                word = self._word("and")
                return f"{self.write(left)}{' ' * (not self.latex)}{word} {self.write(right)}", SUM
            case _:
                return ast.unparse(node), SUM

    def _call(self, name: str, args: list[ast.expr]) -> tuple[str, int]:
        written = [self.write(argument) for argument in args]
        match name, args:
            case "relu", _:
                return (f"[{written[0]}]_+" if self.latex else f"[{written[0]}]+"), ATOM
            case "where", [ast.Call(func=ast.Name(id="isnan")), *_]:
                first, then = written[1], written[2]
                return f"{first} {self._word('at first, then')} {then}", SUM
            case "where", _:
                condition, yes, no = written
                return f"{yes} {self._word('if')} {condition} {self._word('else')} {no}", SUM
            case "abs", _:
                return f"|{written[0]}|", ATOM
            case "clamp", [_, _]:
                return f"{self._function('max')}({', '.join(written)})", ATOM
            case "clamp", _:
                return f"{self._function('clip')}({', '.join(written)})", ATOM
            case "maximum" | "minimum", _:
                return f"{self._function(name[:3])}({', '.join(written)})", ATOM
            case "sqrt", _ if self.latex:
                return rf"\sqrt{{{written[0]}}}", ATOM
            case _:
                return f"{self._function(name)}({', '.join(written)})", ATOM

    def _function(self, name: str) -> str:
        return rf"\operatorname{{{name}}}" if self.latex else name

"""Division by zero that the text shows, whatever is divided.

    x/0, x/(1 - 1), x*0^-1      let a = 0 ... x/a      let f(b) = x/b ... f(0)
    forall i in range(3): x/i   x/[1, 0]               param eps = 0 ... x/eps

What divides is a constant, a `let` of constants, or follows from an index that goes over `range`.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import product

from cspec.dsl.kinds.operands import not_finite
from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.wording import number
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import NotFiniteError, Values, constant, is_whole, value_or_none
from cspec.dsl.tree.rebuild import binders_of, bound_names, mentions, names

DEEPEST = 20
"""Calls of `let` functions inside each other that are looked into."""
MOST = 10_000
"""Values of indices that are tried in one division."""

Ranges = Mapping[str, int]
"""Names that go over 0, ..., n - 1."""


def check_divisions(typer: Typer, items: tuple[nodes.Item, ...]) -> None:
    """Report divisions by zero; findings go to the typer."""
    lets = {item.name: item for item in items if isinstance(item, nodes.Let)}
    walker = _Walker(typer, lets, dict(typer.values))
    for name, item in lets.items():
        value = value_or_none(item.value, walker.values) if item.parameters is None else None
        if value is not None:
            walker.values[name] = value
    for line in items:
        if not isinstance(line, nodes.Let) or line.parameters is None:
            walker.visit(line, walker.values, {})


class _Walker:
    def __init__(
        self,
        typer: Typer,
        lets: Mapping[str, nodes.Let],
        values: dict[str, float | tuple[float, ...]],
    ) -> None:
        self.typer, self.lets, self.values = typer, lets, values
        self._depth = 0

    def visit(self, node: nodes.Node, values: Values, ranges: Ranges) -> None:
        """Every division below a node; `values` and `ranges` are those of names in scope."""
        for binder in binders_of(node):
            hidden = bound_names((binder,))
            values = {name: v for name, v in values.items() if name not in hidden}
            ranges = {name: n for name, n in ranges.items() if name not in hidden}
            ranges |= _over_range(binder, values)
        if isinstance(node, nodes.Expr):
            self._arithmetic(node, values)
            for divisor in _divisors(node, values):
                self._divided(node, divisor, values, ranges)
            if isinstance(node, nodes.Call):
                self._let_call(node, values, node)
        for child in node.children():
            self.visit(child, values, ranges)

    def _arithmetic(self, expr: nodes.Expr, values: Values) -> None:
        """Constant arithmetic without a result, where constants of lets take part."""
        if _fails(expr, self.typer.values):
            return  # said already
        try:
            constant(expr, values)
        except NotFiniteError as problem:
            if problem.expr is expr:
                not_finite(self.typer, expr, problem)

    def _divided(
        self, expr: nodes.Expr, divisor: nodes.Expr, values: Values, ranges: Ranges
    ) -> None:
        where = _zero(divisor, values, ranges)
        if where is None or _fails(expr, values):
            return
        text = self.typer.slice(divisor)
        at = " and ".join(f"{name} = {number(value)}" for name, value in where.items())
        help_ = f"leave it out: `for ... where {text} != 0`" if at else _MEANT
        self._report(expr, f"`{text}` is 0" + (f" at {at}" if at else ""), help_)

    def _let_call(self, call: nodes.Call, values: Values, outer: nodes.Call) -> None:
        """`f(0)` where `let f(b) = x/b`, said at the outermost call."""
        item = self.lets.get(call.function.id) if isinstance(call.function, nodes.Name) else None
        parameters = (item.parameters or ()) if item is not None else ()
        if item is None or len(parameters) != len(call.arguments) or self._depth >= DEEPEST:
            return
        given = [value_or_none(argument, values) for argument in call.arguments]
        known = {p: v for p, v in zip(parameters, given, strict=True) if v is not None}
        if not known:
            return
        inner = {n: v for n, v in self.values.items() if n not in parameters} | known
        told = ", ".join(f"{name} = {number(value)}" for name, value in known.items())
        for node in nodes.walk(item.value):
            divisors = _divisors(node, inner) if isinstance(node, nodes.Expr) else ()
            for divisor in divisors:
                if mentions(divisor, known) and _zero(divisor, inner, {}) is not None:
                    self._report(outer, f"`{self.typer.slice(divisor)}` is 0 with {told}", _MEANT)
            if isinstance(node, nodes.Call):
                self._depth += 1
                self._let_call(node, inner, outer)
                self._depth -= 1

    def _report(self, expr: nodes.Expr, where: str, help_: str) -> None:
        said = f"{self.typer.text(expr)} divides by zero"
        self.typer.report("CS316", said, expr.span, where, helps=(help_,))


_MEANT = "write the number that is meant"


def _fails(expr: nodes.Expr, values: Values) -> bool:
    """Whether a constant is said to have no value already."""
    try:
        constant(expr, values)
    except NotFiniteError as problem:
        return problem.expr is expr
    return False


def _divisors(expr: nodes.Expr, values: Values) -> Iterator[nodes.Expr]:
    """What a term divides by: behind `/`, and below a negative power."""
    match expr:
        case nodes.Product(operands=operands, operators=operators):
            for operator, operand in zip(operators, operands[1:], strict=True):
                if operator == "/":
                    yield operand
        case nodes.Power(base=base, exponent=exponent):
            power = value_or_none(exponent, values)
            if power is not None and power < 0:
                yield base


def _zero(divisor: nodes.Expr, values: Values, ranges: Ranges) -> dict[str, float] | None:
    """The indices at which a divisor is 0 ({} where it is at all); None where it never is."""
    mentioned = sorted(names(divisor) & ranges.keys())
    if math.prod(ranges[name] for name in mentioned) > MOST:
        return None
    for places in product(*(range(ranges[name]) for name in mentioned)):
        at = dict(zip(mentioned, map(float, places), strict=True))
        if _is_zero(divisor, {**values, **at}):
            return at
    return None


def _is_zero(divisor: nodes.Expr, values: Values) -> bool:
    match divisor:
        case nodes.Vector(items=items):
            return any(_is_zero(item, values) for item in items)
        case nodes.Name(id=name) if isinstance(values.get(name), tuple):
            return 0 in (values.get(name) or ())  # type: ignore[operator]
    return value_or_none(divisor, values) == 0


def _over_range(binder: nodes.Binder, values: Values) -> dict[str, int]:
    match binder.domain:
        case nodes.Call(function=nodes.Name(id="range"), arguments=(count,)) if (
            binder.condition is None
        ):
            size = value_or_none(count, values)
            if size is not None and size >= 1 and is_whole(size):
                return dict.fromkeys(binder.names, int(size))
    return {}

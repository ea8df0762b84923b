"""Ranges of expressions by interval arithmetic over the signatures.

`range_of("density(m) + 1")` is `[1, 2]` because density lies in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.rebuild import bound_names
from cspec.dsl.words.functions import OF_MEMBERS, SIGNATURES, Signature

INF = math.inf
_PERIODIC = frozenset({"sin", "cos"})
_MONOTONE: dict[str, Callable[[float], float]] = {
    "relu": lambda v: max(v, 0.0),
    "exp": lambda v: math.exp(min(v, 700.0)) if v < INF else INF,
    "log": lambda v: -INF if v <= 0 else math.log(v),
    "sqrt": lambda v: math.sqrt(max(v, 0.0)),
    "tanh": lambda v: math.tanh(v),
    "sigmoid": lambda v: 0.5 * (1.0 + math.tanh(v / 2.0)),
    "softplus": lambda v: v if v > 30 else math.log1p(math.exp(v)) if v > -700 else 0.0,
    "arctan": lambda v: math.atan(v),
    "arcsin": lambda v: math.asin(min(max(v, -1.0), 1.0)),
    "floor": lambda v: v if math.isinf(v) else float(math.floor(v)),
    "sign": lambda v: float(v > 0) - float(v < 0),
}


class Range(NamedTuple):
    """A closed interval `[low, high]`."""

    low: float
    high: float

    def add(self, other: Range) -> Range:
        """The range of the sum."""
        return Range(self.low + other.low, self.high + other.high)

    def negate(self) -> Range:
        """The range of the negative."""
        return Range(-self.high, -self.low)

    def times(self, other: Range) -> Range:
        """The range of the product."""
        ends = [_product(a, b) for a in self for b in other]
        return Range(min(ends), max(ends))

    def meet(self, other: Range) -> Range:
        """The intersection (empty where low > high)."""
        return Range(max(self.low, other.low), min(self.high, other.high))

    def join(self, other: Range) -> Range:
        """The smallest range that holds both."""
        return Range(min(self.low, other.low), max(self.high, other.high))


ALL = Range(-INF, INF)
UNIT = Range(0.0, 1.0)


def _product(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b


class Ranges:
    """Ranges of expressions of one spec; `bound` are ranges of names in scope."""

    def __init__(
        self,
        symbols: Symbols,
        values: Values,
        lets: dict[str, nodes.Expr],
        functions: dict[str, Signature] | None = None,
    ) -> None:
        self.symbols = symbols
        self.values = values
        self.lets = lets
        self.signatures = functions or SIGNATURES
        self._names: dict[str, Range] = {}
        self._open: list[str] = []

    def of(self, expr: nodes.Expr, bound: dict[str, Range] | None = None) -> Range:
        """The range of an expression; everything where nothing is known."""
        local = bound or {}
        match expr:
            case nodes.Name(id=name):
                return local[name] if name in local else self._name(name)
            case nodes.Negate(operand=operand):
                return self.of(operand, local).negate()
            case nodes.Sum():
                return self._sum(expr, local)
            case nodes.Product():
                return self._product(expr, local)
            case nodes.Power():
                return self._power(expr, local)
            case nodes.Call():
                return self._call(expr, local)
            case (
                nodes.Compare()
                | nodes.And()
                | nodes.Or()
                | nodes.Not()
                | nodes.Implies()
                | nodes.Membership()
            ):
                return UNIT
            case nodes.Expectation(kind=kind, body=body, binders=binders):
                return UNIT if kind == "P" else self.of(body, self._bind(binders, local))
            case nodes.Comprehension():
                return self._comprehension(expr, local)
            case nodes.Index(value=value):
                return self.of(value, local)
            case nodes.Vector(items=items) | nodes.FiniteSet(items=items) if items:
                return reduce(Range.join, [self.of(item, local) for item in items])
            case nodes.Interval(lower=lower, upper=upper):
                return Range(self.of(lower, local).low, self.of(upper, local).high)
            case _:
                known = value_or_none(expr, self.values)
                return ALL if known is None else Range(known, known)

    def _name(self, name: str) -> Range:
        known = self._names.get(name)
        if known is None:
            self._names[name] = ALL
            known = self._names[name] = self._lookup(name)
        return known

    def _lookup(self, name: str) -> Range:
        if name in self.lets and self.symbols.role(name) == "let":
            return self.of(self.lets[name])
        if (value := value_or_none(nodes.Name(id=name), self.values)) is not None:
            return Range(value, value)
        symbol = self.symbols.table.get(name)
        domain = getattr(symbol.item, "domain", None) if symbol else None
        if symbol is not None and symbol.role in ("var", "param") and domain is not None:
            known = self.of(domain)
            return known if known.low <= known.high else ALL
        return ALL

    def _sum(self, expr: nodes.Sum, local: dict[str, Range]) -> Range:
        first, *rest = expr.operands
        total = self.of(first, local)
        for operator, operand in zip(expr.operators, rest, strict=True):
            part = self.of(operand, local)
            total = total.add(part if operator == "+" else part.negate())
        return _sane(total)

    def _product(self, expr: nodes.Product, local: dict[str, Range]) -> Range:
        first, *rest = expr.operands
        total = self.of(first, local)
        for operator, operand in zip(expr.operators, rest, strict=True):
            part = self.of(operand, local)
            if operator == "@":
                return ALL
            if operator == "/":
                if part.low < 0 < part.high or part.low == part.high == 0:
                    return ALL
                low = 1 / part.high if part.high else -INF
                part = Range(low, 1 / part.low if part.low else INF)
            total = total.times(part)
        return _sane(total)

    def _power(self, expr: nodes.Power, local: dict[str, Range]) -> Range:
        exponent = value_or_none(expr.exponent, self.values)
        base = self.of(expr.base, local)
        if exponent is None:
            return ALL
        if exponent == 0:
            return Range(1.0, 1.0)
        even = is_whole(exponent) and exponent % 2 == 0
        if exponent < 0:
            return Range(0.0, INF) if even or base.low >= 0 else ALL
        if even:
            low = 0.0 if base.low <= 0 <= base.high else min(abs(base.low), abs(base.high))
            high = max(abs(base.low), abs(base.high))
            return Range(_raise(low, exponent), _raise(high, exponent))
        if is_whole(exponent):
            return Range(_raise(base.low, exponent), _raise(base.high, exponent))
        return Range(_raise(max(base.low, 0.0), exponent), _raise(max(base.high, 0.0), exponent))

    def _call(self, call: nodes.Call, local: dict[str, Range]) -> Range:
        if not isinstance(call.function, nodes.Name):
            return ALL
        word = call.function.id
        signature = self.signatures.get(word)
        role = self.symbols.role(word)
        if role == "let" and word in self.lets:
            return self._let_call(word, call, local)
        if signature is None or (role is not None and not signature.imported):
            return ALL
        stated = Range(*signature.range)
        if word == "ramp" and len(call.arguments) == 2:
            return self.of(call.arguments[1], local)
        if not call.arguments:
            return stated
        parts = [self.of(argument, local) for argument in call.arguments]
        return _of_function(word, parts, stated)

    def _let_call(self, word: str, call: nodes.Call, local: dict[str, Range]) -> Range:
        item = self.symbols.lets()[word]
        parameters = item.parameters or ()
        if len(parameters) != len(call.arguments) or len(self._open) > 20:
            return ALL
        if word in self._open:
            return ALL
        bound = {p: self.of(a, local) for p, a in zip(parameters, call.arguments, strict=True)}
        self._open.append(word)
        result = self.of(self.lets[word], bound)
        self._open.pop()
        return result

    def _bind(self, binders: tuple[nodes.Binder, ...], local: dict[str, Range]) -> dict[str, Range]:
        return {**local, **dict.fromkeys(bound_names(binders), ALL)} if binders else local

    def _comprehension(self, expr: nodes.Comprehension, local: dict[str, Range]) -> Range:
        body = self.of(expr.body, self._bind(expr.binders, local))
        if expr.function in ("any", "all"):
            return UNIT
        if expr.function in OF_MEMBERS:
            return _of_function(expr.function, [body], Range(*SIGNATURES[expr.function].range))
        if expr.function != "sum":
            return body
        return Range(0.0 if body.low >= 0 else -INF, 0.0 if body.high <= 0 else INF)


def _raise(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return INF if base > 0 or exponent % 2 == 0 else -INF


def _sane(range_: Range) -> Range:
    low = -INF if math.isnan(range_.low) else range_.low
    high = INF if math.isnan(range_.high) else range_.high
    return Range(low, high)


def _of_function(word: str, parts: list[Range], stated: Range) -> Range:
    first = parts[0]
    if word == "abs":
        low = 0.0 if first.low <= 0 <= first.high else min(abs(first.low), abs(first.high))
        return Range(low, max(abs(first.low), abs(first.high)))
    if word in ("max", "min"):
        if len(parts) == 1:
            return first
        pick = max if word == "max" else min
        return Range(pick(p.low for p in parts), pick(p.high for p in parts))
    if word in ("mean", "median", "topk", "cvar", "quantile"):
        return first
    if word == "where" and len(parts) == 3:
        return parts[1].join(parts[2])
    if word == "clip" and len(parts) == 3:
        raised = Range(max(first.low, parts[1].low), max(first.high, parts[1].high))
        return Range(min(raised.low, parts[2].low), min(raised.high, parts[2].high))
    if word in ("std", "variance", "gap"):
        width = first.high - first.low
        top = {"gap": width, "std": width / 2}.get(word, width / 2 * (width / 2))
        return stated.meet(Range(0.0, INF if math.isnan(width) else top))
    if (rule := _MONOTONE.get(word)) is not None:
        return stated.meet(Range(rule(first.low), rule(first.high)))
    if word in _PERIODIC and 0 <= first.high - first.low < math.pi:
        return _periodic(word, first)
    return stated


def _periodic(word: str, part: Range) -> Range:
    shift = math.pi / 2 if word == "cos" else 0.0
    low, high = part.low + shift, part.high + shift
    ends = (math.sin(low), math.sin(high))
    top = math.floor((high - math.pi / 2) / math.tau) >= math.ceil((low - math.pi / 2) / math.tau)
    first = math.ceil((low + math.pi / 2) / math.tau)
    bottom = math.floor((high + math.pi / 2) / math.tau) >= first
    return Range(-1.0 if bottom else min(ends), 1.0 if top else max(ends))

"""Functions of limited domain within branches: what they are of is a harmless number elsewhere.

    where(u > 0, log(u), 0)     ->   where(u > 0, log(u where u > 0, else 0.5), 0)
    E[sqrt(u) | u > 0]          ->   E[sqrt(u where u > 0, else 0.5) | u > 0]

Both branches are computed. Where one is not taken its slope is multiplied by 0, and 0 times the
slope of a logarithm at 0 is no number.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from cspec.compiler.expressions.rewrite import function_name, signed
from cspec.compiler.records.problem import InBranch, PerExample
from cspec.compiler.surrogates.atoms import is_closed
from cspec.compiler.surrogates.setting import Setting
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import is_whole, value_or_none
from cspec.dsl.tree.rebuild import rebuild
from cspec.dsl.values.intervals import Range, Ranges

HARMLESS = 0.5
"""A number at which every one of these functions has a value and a slope."""
_DOMAINS: Mapping[str, Callable[[Range], bool]] = {
    "log": lambda r: r.low > 0,
    "log1p": lambda r: r.low > -1,
    "sqrt": lambda r: r.low >= 0,
    "arcsin": lambda r: r.low > -1 and r.high < 1,
    "arccos": lambda r: r.low > -1 and r.high < 1,
    "entropy": lambda r: r.low >= 0,
    "kl": lambda r: r.low > 0,
}
"""Functions, and whether a range lies where they have a slope."""
_POSITIVE = frozenset({"prob", "softmax", "sigmoid", "exp", "softplus"})
"""Functions whose range is open at 0."""
Events = tuple[nodes.Expr, ...]
Form = TypeVar("Form", bound=nodes.Expr)


def within_domains(expr: Form, setting: Setting) -> Form:
    """The expression with what is outside of a domain replaced where its branch is not taken."""
    found = _visit(expr, (), setting)
    assert isinstance(found, type(expr))
    return found


def _visit(node: nodes.Node, events: Events, setting: Setting) -> nodes.Node:
    def inside(part: nodes.Node, *more: nodes.Expr) -> nodes.Node:
        return _visit(part, (*events, *more), setting)

    match node:
        case nodes.Call(arguments=(event, first, other)) if function_name(node) == "where":
            against = nodes.Not(operand=event)
            own = {id(first): (event,), id(other): (against,)}
            return rebuild(node, lambda part: inside(part, *own.get(id(part), ())))
        case nodes.Implies(condition=event, consequence=taken):
            return rebuild(node, lambda p: inside(p, event) if p is taken else inside(p))
        case nodes.Expectation(body=body):
            held = tuple(setting.inference.grouping(node).events)
            return rebuild(node, lambda p: _visit(p, held if p is body else (), setting))
        case PerExample(body=body, condition=condition):
            held = () if condition is None else (condition,)
            return rebuild(node, lambda p: _visit(p, held if p is body else (), setting))
    if is_closed(node):
        return rebuild(node, lambda part: _visit(part, (), setting))
    found_node = rebuild(node, inside)
    return _guarded(found_node, events, setting.ranges) if events else found_node


def _guarded(node: nodes.Node, events: Events, ranges: Ranges) -> nodes.Node:
    """A node whose operands may lie outside of its domain, with these in their branch."""
    event = events[0] if len(events) == 1 else nodes.And(operands=events)

    def kept(value: nodes.Expr, fine: Callable[[Range], bool]) -> nodes.Expr:
        if isinstance(value, InBranch) or fine(_range(value, ranges)):
            return value
        return InBranch(value=value, event=event, span=value.span)

    match node:
        case nodes.Call(arguments=arguments) if fine := _DOMAINS.get(function_name(node) or ""):
            return node.changed(arguments=tuple(kept(one, fine) for one in arguments))
        case nodes.Product() if "/" in node.operators:
            factors = signed(node)
            return node.changed(
                operands=tuple(kept(o, _not_zero) if s == "/" else o for s, o in factors)
            )
        case nodes.Power(base=base, exponent=exponent):
            known = value_or_none(exponent, ranges.values)
            return node.changed(base=kept(base, _of_power(known)))
    return node


def _range(expr: nodes.Expr, ranges: Ranges) -> Range:
    found = ranges.of(expr)
    inner = expr
    while isinstance(inner, nodes.Index):
        inner = inner.value
    tiny = found.low == 0 and function_name(inner) in _POSITIVE
    return found._replace(low=1e-300) if tiny else found


def _not_zero(found: Range) -> bool:
    return found.low > 0 or found.high < 0


def _of_power(exponent: float | None) -> Callable[[Range], bool]:
    """Whether a range lies where a power has a slope."""
    if exponent is None:
        return lambda r: r.low > 0
    if is_whole(exponent):
        return (lambda _: True) if exponent >= 0 else _not_zero
    return (lambda r: r.low >= 0) if exponent >= 1 else (lambda r: r.low > 0)

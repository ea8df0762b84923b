"""Expectations, rates and tails as Python: over the examples of a dataset, never over pairs."""

import ast

from cspec.compiler.axes.groups import Grouping
from cspec.compiler.axes.record import Axes
from cspec.compiler.choose.schedule import LATE_STEPS, LEAST_LATE_STEPS
from cspec.compiler.emit.expressions.base import Translator, translates
from cspec.compiler.emit.expressions.examples import number, truth, widened
from cspec.compiler.emit.pieces import constant, joined, literal
from cspec.compiler.expressions.not_compiled import form, not_compiled
from cspec.compiler.expressions.rewrite import same
from cspec.compiler.expressions.vectors import Bounds, ByMember
from cspec.compiler.methods.units import MOVES
from cspec.compiler.records.problem import PerExample
from cspec.compiler.surrogates.atoms import is_mean
from cspec.dsl.explicit.points import is_points
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import (
    EVENTS,
    Call,
    Expectation,
    Expr,
    Name,
    Negate,
    Node,
    Number,
    Product,
    Sum,
    Vector,
)
from cspec.dsl.words.losses import LOSSES


@translates(Expectation)
def mean(t: Translator, expr: Expectation) -> ast.expr:
    """`E[body | conditions on D]`, `P[...]`: one number, or one a group."""
    if expr.binders:
        raise not_compiled(form(expr), expr)
    with t.over(expr.dataset), t.with_digits(expr.body, *expr.conditions):
        value = late(t, _measured(t, _mean(t, expr), expr.body, *expr.conditions))
    return _filled(t, value) if expr.conditions else value


def late(t: Translator, value: ast.expr) -> ast.expr:
    """A mean as a step takes it: of late ones the average, where that is asked for."""
    if t.late is None or t.dataset is None or is_points(t.dataset):
        return value
    t.averaged.add(t.late)
    key = ("late", ast.dump(value))
    if key not in t.averages:
        t.averages[key] = f"{t.late}.{len(t.averages) + 1}"
    name = t.averages[key]
    value = t.call("late", value, *remembered(t, name))
    return t.local(key, "average", value)


def remembered(t: Translator, name: str) -> list[ast.expr]:
    """Where an average over late steps is kept, and over how many where a run is short."""
    window = min(LATE_STEPS, max(LEAST_LATE_STEPS, -(-t.scope.length.steps // MOVES)))
    short = [constant(window)] if window < LATE_STEPS and t.scope.facts.own_loop is None else []
    return [ast.Name(id=t.container), ast.Constant(name), *short]


def with_gradient(t: Translator, expr: Expr) -> ast.expr:
    """A function whose gradient moves the model; of a batch that misses a group it is zero.

    A mean of no example is NaN, and 0 * NaN = NaN would reach what other means are of wherever the
    function bends: it is computed with 1 in that place, and is NaN itself.
    """
    if t.filled is not None or not _bends(t, expr):
        return t.translate(expr)
    t.filled = []
    try:
        value, held = t.translate(expr), {ast.dump(mean): mean for mean in t.filled}
    finally:
        t.filled = None
    return t.call("if_measured", value, *held.values()) if held else value


def _bends(t: Translator, expr: Node, straight: bool = True) -> bool:
    """Whether a mean that may be missing stands in a function that is not linear in it."""
    match expr:
        case Expectation(conditions=conditions) | ByMember(mean=Expectation(conditions=conditions)):
            if conditions and not straight:
                return True
            straight = False
        case Call(keywords=keywords) if is_mean(expr):
            if not straight and any(k.name == "where" for k in keywords):
                return True
            straight = False
        case Sum() | Negate() | Vector():
            pass
        case Product(operands=operands, operators=operators):
            params = t.inference.known.params
            how = ("*", *operators)
            by = [how[i] for i, part in enumerate(operands) if value_or_none(part, params) is None]
            straight = straight and by in ([], ["*"])
        case Call(function=Name(id="differences")):
            pass
        case _:
            straight = False
    return any(_bends(t, child, straight) for child in expr.children())


def _filled(t: Translator, value: ast.expr) -> ast.expr:
    """A mean that may be missing, as what bends takes it."""
    if t.filled is None:
        return value
    kept = isinstance(value, ast.Name)
    mean = value if kept else t.local(("filled", ast.dump(value)), "average", value)
    t.filled.append(mean)
    return t.call("one_if_missing", mean)


def _decided_by(*parts: Expr) -> list[Expr]:
    """The means that events in an expression compare: of `P[w > E[w | sex == "F"]]` the inner one.

    True and false don't say that one of them was not measured, as arithmetic does.
    """
    found: list[Expr] = []
    stack: list[tuple[Node, bool]] = [(part, False) for part in reversed(parts)]
    while stack:
        node, event = stack.pop()
        if isinstance(node, Expr) and is_mean(node):
            found += [node] if event and not any(same(node, other) for other in found) else []
            continue
        inside = event or isinstance(node, EVENTS)
        stack.extend((child, inside) for child in reversed(node.children()))
    return found


def _measured(t: Translator, value: ast.expr, *parts: Expr) -> ast.expr:
    """A value that is not measured where one of the means that decide its parts is not."""
    means = _decided_by(*parts) if t.strict else []
    return t.call("if_measured", value, *map(t.translate, means)) if means else value


def _mean(t: Translator, expr: Expectation) -> ast.expr:
    found = t.inference.grouping(expr)
    axes = t.axes(expr.body)
    body = _each(t, _body(t, expr), axes)
    named = _condition(t, found)
    if found.columns:
        codes, count = _codes(t, found), ast.Constant(len(found.groups))
        rates = t.call("by_group", body, codes, count, **named, **_on(t))
        return t.call("every_group", rates) if t.strict and t.inside_call else rates
    if axes.tokens:
        named["tokens"] = ast.Constant(len(axes.tokens))
    one = None if named or _on(t) else _averaged(expr.body, body)
    return one or t.call("fraction" if expr.kind == "P" else "mean", body, **named, **_on(t))


def _body(t: Translator, expr: Expectation) -> ast.expr:
    """What a mean is of: truth values, or numbers."""
    event = expr.kind == "P" or t.axes(expr.body).what == "event"
    return truth(t, expr.body) if event else number(t, expr.body)


def _averaged(expr: Expr, value: ast.expr) -> ast.Call | None:
    """`ce(z, y, reduction="mean")` of `E[ce(f(x), y)]`: a loss and its mean are one operation.

    None of what is no loss of each example: `spread(..)` of one that is the same for all.
    """
    match expr, value:
        case (
            Call(function=Name(id=word)),
            ast.Call(func=ast.Name(id=function) as body, args=args, keywords=keywords),
        ) if word in LOSSES and function == word:
            by = ast.keyword(arg="reduction", value=ast.Constant("mean"))
            return ast.Call(func=body, args=args, keywords=[*keywords, by])
    return None


@translates(PerExample)
def of_each(t: Translator, expr: PerExample) -> ast.expr:
    """One number an example, of those that a condition chooses."""
    with t.over(expr.dataset):
        body = t.translate(expr.body)
        if expr.condition is None:
            return body
        return t.call("only", body, t.translate(expr.condition))


@translates(ByMember)
def by_member(t: Translator, expr: ByMember) -> ast.expr:
    """The means of many members, (n,): of groups in one pass, else one row of values a member."""
    mean = expr.mean
    with t.over(mean.dataset):
        arguments = [_body(t, mean)]
        named = _condition(t, Grouping(events=mean.conditions))
        held = tuple(dict.fromkeys(expr.held))
        if expr.columns:
            index = _index(t, expr, held)
            if expr.rows:
                group = _of_members(t, expr, held, index)
                named = {"where": joined(ast.BitAnd(), [group, *named.values()])}
            else:
                arguments += [index, constant(len(held))]
        word = "row_means" if expr.rows else "by_member"
        value = t.call(word, *arguments, **named, **_on(t))
        return _filled(t, late(t, _measured(t, value, mean.body, *mean.conditions)))


def _index(t: Translator, expr: ByMember, held: tuple[tuple[int, ...], ...]) -> ast.expr:
    """The local with the number of each example's group."""
    columns = [t.translate(column) for column in expr.columns]
    names = "_".join(column.id for column in expr.columns)
    key = ("groups", held)
    groups = t.module_constant(key, f"{names.upper()}_HELD", lambda: literal(held))
    call = t.call("member_index", ast.Tuple(elts=columns), groups)
    return t.local(("index", t.dataset, names, held), f"member_of_{names}", call)


def _of_members(
    t: Translator, expr: ByMember, held: tuple[tuple[int, ...], ...], index: ast.expr
) -> ast.expr:
    """Which examples are of the group of each member, one row a member."""
    places = tuple(Number(text=str(p), value=p) for p in (held.index(h) for h in expr.held))
    return t.call("of_members", index, t.translate(Bounds(items=places, rows=True)))


def _on(t: Translator) -> dict[str, ast.expr]:
    """`on="val"`, where means say on which data they are."""
    return {"on": ast.Constant(t.dataset)} if t.noted and t.dataset is not None else {}


def _each(t: Translator, value: ast.expr, axes: Axes) -> ast.expr:
    """A value for each example, also where it is the same for all."""
    constant = axes.each is None and axes.known
    return t.call("spread", value, t.any_column()) if constant else value


def _condition(t: Translator, found: Grouping) -> dict[str, ast.expr]:
    """`where=..`: the examples (or tokens) that count, as one truth value each."""
    if not found.events:
        return {}
    axes = [t.axes(event) for event in found.events]
    tokens = next((item.tokens or item.shape or () for item in axes if item.rank), ())
    joint = Axes(each=t.dataset, tokens=tokens)
    parts = [
        widened(_each(t, truth(t, event), item), item, joint)
        for event, item in zip(found.events, axes, strict=True)
    ]
    return {"where": joined(ast.BitAnd(), parts)}


def _codes(t: Translator, found: Grouping) -> ast.expr:
    """The number of each example's group."""
    columns = [t.translate(column) for column in found.columns]
    if len(columns) == 1 and found.plain:
        return columns[0]
    codes = tuple(group.codes for group in found.groups)
    return t.call("group_index", ast.Tuple(elts=columns), literal(codes))


def tail(t: Translator, name: str, expr: Call) -> ast.expr:
    """`cvar(e, level)` and `quantile(e, q)`: of the examples of a dataset."""
    keywords = {k.name: k.value for k in expr.keywords}
    on, where = keywords.pop("on", None), keywords.pop("where", None)
    with t.over(on.id if isinstance(on, Name) else t.dataset), t.with_digits(expr):
        body = expr.arguments[0]
        axes = t.axes(body)
        value = _each(t, number(t, body), axes)
        rest = [t.translate(argument) for argument in expr.arguments[1:]]
        named = {key: t.translate(value) for key, value in keywords.items()}
        if where is not None:
            named["where"] = _each(t, truth(t, where), t.axes(where))
        found = late(t, _measured(t, t.call(name, value, *rest, **named, **_on(t)), body))
        return found if where is None else _filled(t, found)

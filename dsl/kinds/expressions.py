"""Kinds of expressions, and what is wrong with them.

kind_of(parse("ce(f(x), y)"), symbols)  ->  a number, one an example, with a gradient
"""

from cspec.dsl.kinds.binders import bind
from cspec.dsl.kinds.by_group import apart
from cspec.dsl.kinds.calls import call_kind
from cspec.dsl.kinds.names import name_kind
from cspec.dsl.kinds.operands import (
    arithmetic_kind,
    compared,
    event_kind,
    never_below,
    number_of,
    operand_kind,
)
from cspec.dsl.kinds.parts import attribute_kind, index_kind
from cspec.dsl.kinds.relations import compare_kind, logic_kind, membership_kind
from cspec.dsl.kinds.typer import OUTSIDE, Scope, Typer
from cspec.dsl.kinds.unknown_names import unknown_dataset
from cspec.dsl.messages.diagnostic import Fix, edit, replacing, writing
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.text.source import Source
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import column_of
from cspec.dsl.words.kind import CONSTANT, NUMERIC, UNKNOWN, WORDS, Kind, What, joined


class ExpressionTyper(Typer):
    """Hands each form of an expression to the file that knows its kind."""

    def kind(self, expr: nodes.Expr, scope: Scope) -> Kind:
        """The kind of an expression; its mistakes are reported, each once."""
        match expr:
            case nodes.Number():
                return CONSTANT
            case nodes.String():
                return Kind("string")
            case nodes.Name():
                return name_kind(self, expr, scope)
            case nodes.Call():
                return call_kind(self, expr, scope)
            case nodes.Sum(operands=operands) | nodes.Product(operands=operands):
                return arithmetic_kind(self, expr, operands, scope)
            case nodes.Negate(operand=operand):
                return arithmetic_kind(self, expr, (operand,), scope)
            case nodes.Power(base=base, exponent=exponent):
                return arithmetic_kind(self, expr, (base, exponent), scope)
            case nodes.Compare():
                return compare_kind(self, expr, scope)
            case nodes.And(operands=operands) | nodes.Or(operands=operands):
                return logic_kind(self, operands, scope)
            case nodes.Not(operand=operand):
                return logic_kind(self, (operand,), scope)
            case nodes.Implies(condition=condition, consequence=consequence):
                return logic_kind(self, (condition, consequence), scope)
            case nodes.Membership():
                return membership_kind(self, expr, scope)
            case nodes.Expectation():
                return expectation_kind(self, expr, scope)
            case nodes.Comprehension():
                return comprehension_kind(self, expr, scope)
        return self._structure(expr, scope)

    def _structure(self, expr: nodes.Expr, scope: Scope) -> Kind:
        """The kind of what is made of parts, or is a part."""
        match expr:
            case nodes.Vector(items=items):
                return joined("tensor", *(self.kind(item, scope) for item in items))
            case nodes.Interval(lower=lower, upper=upper):
                return joined("set", self.kind(lower, scope), self.kind(upper, scope))
            case nodes.FiniteSet(items=items):
                return joined("set", *(self.kind(item, scope) for item in items))
            case nodes.Index(value=value, indices=indices):
                return index_kind(self, value, indices, scope)
            case nodes.Attribute():
                return attribute_kind(self, expr, scope)
        return UNKNOWN


def kind_of(expr: nodes.Expr, symbols: Symbols) -> Kind:
    """The kind of an expression; unknown where it has mistakes."""
    return ExpressionTyper(symbols, Source(text="")).kind(expr, OUTSIDE)


_OF_EVENTS = frozenset({"any", "all"})
"""What is said of events over a set: `any(f(x)[j] > 0 for j in range(3))` is an event itself."""


def expectation_kind(typer: Typer, expr: nodes.Expectation, scope: Scope) -> Kind:
    """The kind of a mean or a rate: one number, or one a group."""
    if expr.dataset is not None and expr.dataset not in typer.symbols.datasets():
        return unknown_dataset(typer, expr.dataset, expr.dataset_span)
    inner = Scope(scope.local, expr.dataset, True)
    if expr.dataset is not None:
        columns = {c.name for c in typer.symbols.datasets()[expr.dataset]}
        local = {n: k for n, k in scope.local.items() if n not in columns}
        inner = inner._replace(local=local)
    elif not expr.binders:
        inner = inner._replace(data="")
    inner = bind(typer, expr.binders, inner)
    grouped, under = _conditions(typer, expr.conditions, inner)
    body = _averaged(typer, expr, inner)
    if expr.kind == "E":
        _averageable(typer, expr.body, body)
    what = grouped or "number"
    flows = body.gradient and expr.kind == "E" and body.what != "event"
    # Events of what a gradient could reach get a sigmoid by themselves.
    softened = any(part.moves and part.gradient for part in (body, under))
    return Kind(what, False, body.moves or under.moves, flows or softened)


def _conditions(
    typer: Typer, conditions: tuple[nodes.Expr, ...], scope: Scope
) -> tuple[What | None, Kind]:
    """`groups` with a lone column of categories, None without; and the kind of the events.

    `unknown` where the text does not say whether the column holds categories (by group) or
    true and false (an event): the data tell.
    """
    what: What | None = None
    kinds = [Kind("event")]
    for condition in conditions:
        name = column_of(condition)
        kind = typer.kind(condition, scope) if name is not None else None
        columns = apart(condition) if isinstance(condition, nodes.Call) else (condition,)
        if columns != (condition,):
            what = _set_of_groups(typer, condition, columns)
            continue
        if kind is not None and kind.what == "column":
            sure = name in typer.categories and what != "unknown"
            what = "groups" if sure else "unknown"
        elif kind is not None and kind.what == "unknown":
            what = "unknown"
        else:
            kinds.append(event_kind(typer, condition, scope))
    return what, joined("event", *kinds)


def _set_of_groups(typer: Typer, condition: nodes.Expr, columns: tuple[nodes.Expr, ...]) -> What:
    """`| values(sex)`, `| cross(sex, race)`: by group is said by the columns alone."""
    meant = ", ".join(map(typer.slice, columns))
    said = f"{typer.text(condition)} is a set, not an event"
    label = "by group?"
    note = "columns that make groups stand alone behind `|`"
    help_ = f"write `| {meant}`"
    fixes = replacing(condition.span, meant)
    typer.report("CS313", said, condition.span, label, notes=(note,), helps=(help_,), fixes=fixes)
    return "groups"


def _averageable(typer: Typer, body: nodes.Expr, kind: Kind) -> None:
    if kind.what in NUMERIC or kind.what in ("event", "groups"):
        return
    said = f"{typer.text(body)} is {WORDS[kind.what]}: it has no mean"
    label = "`E[...]` needs a number"
    typer.report("CS302", said, body.span, label, helps=number_of(typer, body, kind))


def comprehension_kind(typer: Typer, expr: nodes.Comprehension, scope: Scope) -> Kind:
    """The kind of a sum, a largest value, an `any` over a set."""
    searched = expr.function in nodes.EXTREMES and (scope.inside or scope.data is not None)
    inner = bind(typer, expr.binders, scope, searched=searched)
    over_data = inner.data is not None and scope.data is None
    inner = inner._replace(inside=scope.inside or over_data)
    truth = expr.function in _OF_EVENTS
    body = event_kind(typer, expr.body, inner) if truth else operand_kind(typer, expr.body, inner)
    domains = [typer.quiet(binder.domain, scope) for binder in expr.binders]
    if expr.function == "sum" and body.what == "tensor":
        _of_entries(typer, expr)
    per = scope.data is None and any(d.per_example for d in domains)
    what: What = "event" if truth else "number" if body.what != "groups" else "groups"
    return Kind(what, body.per_example or per, body.moves, body.gradient)


def _of_entries(typer: Typer, expr: nodes.Comprehension) -> None:
    """Report `sum(W^2 for W in f.weights)`: weights of different shapes have no sum."""
    name = expr.binders[0].names[0]
    text, body = typer.slice(expr), typer.slice(expr.body)
    word = {f"{name}^2": "sumsq", f"abs({name})": "l1"}.get(body.replace(" ", ""))
    if word is None:
        return
    meant = text.replace(body, f"{word}({name})", 1)
    said = f"`{body}` is as large as `{name}`: weights of different shapes have no sum"
    label = "their entries are summed first"
    typer.report("CS329", said, expr.span, label, **writing(expr.span, meant))


def _averaged(typer: Typer, expr: nodes.Expectation, scope: Scope) -> Kind:
    """The kind of what `E[...]` or `P[...]` is of; a number in `P[...]` is reported."""
    if expr.kind == "E":
        return typer.kind(expr.body, scope)
    if typer.quiet(expr.body, scope).what not in ("number", "scores"):
        return event_kind(typer, expr.body, scope)
    body, text = typer.slice(expr.body), typer.slice(expr)
    helps: tuple[str, ...]
    fixes: tuple[Fix, ...] = ()
    if isinstance(expr.body, nodes.Number):
        event = f"pred == {body}"
        helps = (f"write `{text.replace(body, event, 1)}`",)
        fixes = edit(expr.body.span, event, event)
    else:
        mean, event = f"E{text[1:]}", compared(body)
        helps = (f"compare it: `{event}`", f"or, for its mean, write `{mean}`")
        fixes = (*replacing(expr.body.span, event), *replacing(expr.span, mean))
        if never_below(body):
            helps = (f"its mean is `{mean}`", f"or, for an event, compare it: `{event}`")
            fixes = fixes[::-1]
    said = f"{typer.text(expr.body)} is a number, not an event"
    label = "needs something true or false"
    return typer.report("CS313", said, expr.body.span, label, helps=helps, fixes=fixes)

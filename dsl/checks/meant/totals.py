"""Bounds of the entries of a vector against their total: what can't hold by arithmetic.

w in simplex, w <= 0.2   of 4 entries: they sum to at most 0.8, and not to 1
sum(w) == 1, w >= 0.3    of 4 entries: they sum to at least 1.2

A product entry by entry that one number bounds, where the sum of the products is meant:

mu * w >= 9%   of weights `w` that sum to 1: each of the products, or `mu @ w`?
"""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cspec.dsl.explicit.spec import flatten
from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import Fix, also_at, replacing
from cspec.dsl.messages.wording import listing, number
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.rebuild import function_name
from cspec.dsl.words.sets import of_shares


class _Bound(NamedTuple):
    """A least or a largest value of each entry, or of their total, and where it is written."""

    name: str
    total: bool
    upper: bool
    value: float
    at: nodes.Expr | None
    """The number, where the text has one to move."""
    span: Span
    label: str | None = None


def check_totals(
    typer: Typer, spec: nodes.Spec, sound: frozenset[str], soft: frozenset[str]
) -> None:
    """Report vectors whose entries can't sum to what they have to; findings go to the typer."""
    if any(found.code in ("CS401", "CS402", "CS404") for found in typer.found):
        return
    variables = [
        item for item in spec.items if isinstance(item, nodes.Var) and len(item.dimensions) == 1
    ]
    sizes = {v.name: typer.value(v.dimensions[0]) for v in variables}
    known = {
        name: int(size)
        for name, size in sizes.items()
        if size is not None and size > 1 and is_whole(size)
    }
    if not known:
        return
    bounds: list[_Bound] = []
    for var in variables:
        if var.name in known and isinstance(var.domain, nodes.Interval):
            span = Span(var.name_span.start, var.domain.span.end)
            bounds += _interval(typer, var.name, False, var.domain, span, None)
    for binders, constraint in flatten(spec):
        tolerant = any(isinstance(m, nodes.Within) for m in constraint.modifiers)
        if constraint.label in sound and constraint.label not in soft and not tolerant:
            bounds += _of(typer, binders, constraint, known)
    for name, size in known.items():
        own = [bound for bound in bounds if bound.name == name]
        for upper in (True, False):
            if _compared(typer, own, size, upper):
                break


def _interval(
    typer: Typer, name: str, total: bool, domain: nodes.Interval, span: Span, label: str | None
) -> Iterator[_Bound]:
    for upper, end in ((False, domain.lower), (True, domain.upper)):
        value = typer.value(end)
        if value is not None and math.isfinite(value):
            yield _Bound(name, total, upper, value, _typed(end), span, label)


def _typed(end: nodes.Expr) -> nodes.Expr | None:
    return end if isinstance(end, nodes.Number) else None


def _of(
    typer: Typer,
    binders: tuple[nodes.Binder, ...],
    constraint: nodes.Constraint,
    known: Mapping[str, int],
) -> Iterator[_Bound]:
    """What a constraint says of every entry of a vector, or of their total."""
    relation, label = constraint.relation, constraint.label
    match relation:
        case nodes.Membership(element=nodes.Name(id=name), set=nodes.Name(id=word)) if (
            name in known and of_shares(word)
        ):
            said = ((True, True, 1.0), (True, False, 1.0), (False, False, 0.0))
            for total, upper, value in () if binders else said:
                yield _Bound(name, total, upper, value, None, relation.span, label)
        case nodes.Membership(element=element, set=nodes.Interval() as ends):
            for name, total, _ in _speaks_of(typer, element, binders, known):
                yield from _interval(typer, name, total, ends, relation.span, label)
        case nodes.Compare(operands=operands, operators=operators):
            for left, operator, right in zip(operands, operators, operands[1:], strict=False):
                for thing, end, turned in ((left, right, False), (right, left, True)):
                    limit = typer.value(end)
                    if limit is None or not math.isfinite(limit):
                        continue
                    for name, total, only in _speaks_of(typer, thing, binders, known):
                        for upper in (True, False):
                            says = operator == "==" or (operator[0] == "<") is (upper is not turned)
                            if says and only in (None, upper):
                                at = _typed(end)
                                yield _Bound(name, total, upper, limit, at, relation.span, label)


def _speaks_of(
    typer: Typer, thing: nodes.Expr, binders: tuple[nodes.Binder, ...], known: Mapping[str, int]
) -> Iterator[tuple[str, bool, bool | None]]:
    """The vector that `w`, `w[i]` for all `i`, `max(w)` or `sum(w)` speaks of; whether of its
    total; and the side that alone is said of each entry.
    """
    match thing:
        case nodes.Name(id=name) if name in known and not binders:
            yield name, False, None
        case nodes.Index(value=nodes.Name(id=name), indices=(nodes.Name(id=index),)) if (
            name in known
        ):
            if len(binders) == 1 and _all_of(typer, binders[0], index, known[name]):
                yield name, False, None
        case nodes.Call(arguments=(nodes.Name(id=name),)) if name in known and not binders:
            word = function_name(thing)
            if word in ("max", "min"):
                yield name, False, word == "max"
            elif word == "sum":
                yield name, True, None
        case nodes.Comprehension(
            function="sum",
            body=nodes.Index(value=nodes.Name(id=name), indices=(nodes.Name(id=index),)),
            binders=(nodes.Binder() as over,),
        ) if name in known and not binders:
            if _all_of(typer, over, index, known[name]):
                yield name, True, None


def _all_of(typer: Typer, binder: nodes.Binder, index: str, size: int) -> bool:
    """Whether a binder goes over all places of a vector."""
    match binder:
        case nodes.Binder(
            names=(name,),
            domain=nodes.Call(function=nodes.Name(id="range"), arguments=(count,)),
            condition=None,
        ):
            return name == index and typer.value(count) == size
    return False


def _compared(typer: Typer, bounds: list[_Bound], size: int, upper: bool) -> bool:
    """Report entries of at most (`upper`) or at least so much against their total."""
    sign = 1.0 if upper else -1.0
    entries = [b for b in bounds if not b.total and b.upper is upper]
    totals = [b for b in bounds if b.total and b.upper is not upper]
    limits = [b for b in bounds if b.total and b.upper is upper]
    total = max(totals, key=lambda b: sign * b.value, default=None)
    if total is None:
        return False
    slack = 1e-9 * max(1.0, abs(total.value))
    other = min(limits, key=lambda b: sign * b.value, default=None)
    if other is not None and sign * (total.value - other.value) > slack:
        if other.span != total.span:
            _report(typer, total, other)
            return True
        return False  # a chain of its own, said elsewhere
    entry = min(entries, key=lambda b: sign * b.value, default=None)
    if entry is None or sign * (total.value - size * entry.value) <= slack:
        return False
    share = _share(typer, total.value / size, entry)
    words = ("most", "at least") if upper else ("least", "at most")
    whole = number(size * entry.value)
    side = f"{size} entries of at {words[0]} {number(entry.value)} sum to {whole}"
    _report(typer, total, entry, (side, words[1], share))
    return True


def _share(typer: Typer, value: float, entry: _Bound) -> str:
    """The total by the number of entries, rounded to where it can be met, as the bound is typed."""
    percent = entry.at is not None and typer.slice(entry.at).endswith("%")
    shown = value * 100 if percent else value
    up = math.ceil if entry.upper else math.floor
    rounded = up(round(shown * 1e4, 6)) / 1e4
    return f"{number(rounded)}%" if percent else number(rounded)


def _report(
    typer: Typer, total: _Bound, other: _Bound, sides: tuple[str, str, str] | None = None
) -> None:
    first, last = sorted((total, other), key=lambda bound: bound.span.start)
    here = last if sides is None or other.label is None else other
    beside = first if here is last else last
    texts = [" ".join(typer.source.slice(bound.span).split()) for bound in (first, last)]
    fixes: tuple[Fix, ...] = ()
    helps = ["drop one of them"]
    if sides is None:
        why = f": the one says a total of {number(first.value)}, the other of {number(last.value)}"
    else:
        side, word, share = sides
        why = f": {side}, and the total is {number(total.value)}"
        helps = [f"each entry needs a bound of {word} {share}"]
        if other.at is not None:
            at, (start, end) = other.at.span, other.span
            text = typer.source.text
            line = " ".join(f"{text[start : at.start]}{share}{text[at.end : end]}".split())
            declared = "var " * (other.label is None)
            helps = [f"move the bound to {word} {share}: `{declared}{line}`"]
            fixes = replacing(at, share)
        helps.append("or give the vector more entries" if other.upper else "or fewer entries")
    said = f"{listing(texts, 'and')} can't hold together{why}"
    label = "contradicts the other"
    related = also_at(beside.span, "needs another total")
    typer.report("CS404", said, here.span, label, related=related, helps=helps, fixes=fixes)


def check_entry_products(typer: Typer, spec: nodes.Spec) -> None:
    """Warn of `mu * w >= 9%` where `w` shares out a whole, or `mu @ w` stands elsewhere."""
    whole = {*_shared_out(typer, spec)}
    multiplied = {*_multiplied(spec)}
    for binders, constraint in flatten(spec):
        relation = constraint.relation
        if binders or not isinstance(relation, nodes.Compare) or len(relation.operands) != 2:
            continue
        for product, bound in (relation.operands, relation.operands[::-1]):
            pair = _pair(typer, product) if typer.value(bound) is not None else None
            if pair is None:
                continue
            one, other = pair
            if {one.id, other.id} & whole or frozenset((one.id, other.id)) in multiplied:
                _summed_instead(typer, relation, product, one, other)


def _shared_out(typer: Typer, spec: nodes.Spec) -> Iterator[str]:
    """Variables whose entries sum to a number."""
    for _, constraint in flatten(spec):
        match constraint.relation:
            case nodes.Membership(element=nodes.Name(id=name), set=nodes.Name(id=word)) if (
                of_shares(word)
            ):
                yield name
            case nodes.Compare(operands=(left, right), operators=("==",)):
                for thing, total in ((left, right), (right, left)):
                    if typer.value(total) is not None:
                        yield from _summed(thing)


def _summed(expr: nodes.Expr) -> Iterator[str]:
    match expr:
        case nodes.Call(arguments=(nodes.Name(id=name),)) if function_name(expr) == "sum":
            yield name
        case nodes.Comprehension(function="sum", body=nodes.Index(value=nodes.Name(id=name))):
            yield name


def _multiplied(spec: nodes.Spec) -> Iterator[frozenset[str]]:
    """Pairs of names whose products are summed somewhere: `mu @ w`."""
    for item in spec.items:
        for node in nodes.walk(item):
            if isinstance(node, nodes.Product):
                links = zip(node.operands, node.operators, node.operands[1:], strict=False)
                for first, operator, right in links:
                    left = first.operand if isinstance(first, nodes.Negate) else first
                    if (
                        operator == "@"
                        and isinstance(left, nodes.Name)
                        and isinstance(right, nodes.Name)
                    ):
                        yield frozenset((left.id, right.id))


def _pair(typer: Typer, expr: nodes.Expr) -> tuple[nodes.Name, nodes.Name] | None:
    """The variable and the param of one length that are multiplied, beside numbers alone."""
    if not isinstance(expr, nodes.Product) or {*expr.operators} != {"*"}:
        return None
    rest = [o for o in expr.operands if typer.value(o) is None]
    names = [o for o in rest if isinstance(o, nodes.Name)]
    if len(rest) != 2 or len(names) != 2 or expr.operands[-2:] != (names[0], names[1]):
        return None
    (shape, *others) = {typer.shapes(n) for n in names}
    if others or shape is None or len(shape) != 1 or shape[0] < 2:
        return None
    roles = {typer.symbols.role(n.id) for n in names}
    return (names[0], names[1]) if roles == {"param", "var"} else None


def _summed_instead(
    typer: Typer, relation: nodes.Expr, product: nodes.Expr, one: nodes.Name, other: nodes.Name
) -> None:
    text, (start, end) = typer.source.text, relation.span
    meant = f"{text[start : one.span.end]} @ {text[other.span.start : end]}"
    first, rest = text[start : one.span.start], text[other.span.start + len(other.id) : end]
    shape = typer.shapes(one)
    said = f"`{typer.slice(product)}` is a product for every entry, and each of them is bounded"
    place, label = relation.span, "of each entry, or of their sum?"
    note = f"one number, the sum of the products, is `{one.id} @ {other.id}`"
    over = f"forall i in range({shape[0] if shape else 'n'})"
    each = f"{over}: {first}{one.id}[i]*{other.id}[i]{rest}"
    helps = (f"for their sum write `{meant}`", f"for every entry by itself write `{each}`")
    fixes = replacing(place, meant)
    typer.warn("CS329", said, place, label, notes=(note,), helps=helps, fixes=fixes)

"""Sizes that a few characters blow up, counted before anything is made of them.

    forall i in range(1000000000): x[0] >= i      1,000,000,000 members
    var x[100000, 100000]                         10,000,000,000 elements
    let f(t) = t*t ... f(f(f(... f(x))))          2^40 parts, written out

Sizes are those that the text and the params tell; what only data tell is counted when it is bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.text.limits import DEPTH, ELEMENTS, MEMBERS, NESTED, POINTS, TERMS, WRITTEN, Limit
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, value_or_none

MOST = 1e30
"""Counts are told no further."""


def check_sizes(typer: Typer, items: Sequence[nodes.Item]) -> bool:
    """Report what is too large; whether anything is. Findings go to the typer."""
    worker = _Sizes(typer)
    total = 0.0
    for item in items:
        if isinstance(item, nodes.Let):
            continue  # it counts where it is used
        if isinstance(item, nodes.Var | nodes.Param):
            worker.declared(item)
        total += worker.parts(item, _Place(typer.values)).own
        if total > WRITTEN.most and not worker.wrong:
            worker.written_out(item, total)
    return worker.wrong


class _Place(NamedTuple):
    """Where a node stands: upper bounds of indices, what goes over how many members around it."""

    values: Values
    nested: int = 0
    outer: float = 1.0
    terms: float = 1.0
    """Members of the comprehensions around it alone."""
    parameters: frozenset[str] = frozenset()


class _Parts(NamedTuple):
    """How many nodes a tree has when it is written out: its own, and how often an argument stands
    in it (that of a `let` with parameters)."""

    own: float
    uses: Mapping[str, float] = {}

    def times(self, count: float) -> _Parts:
        """So many copies."""
        return _Parts(min(self.own * count, MOST), {k: n * count for k, n in self.uses.items()})


def _together(parts: Sequence[_Parts]) -> _Parts:
    uses: dict[str, float] = {}
    for part in parts:
        for name, count in part.uses.items():
            uses[name] = min(uses.get(name, 0.0) + count, MOST)
    return _Parts(min(1.0 + sum(part.own for part in parts), MOST), uses)


class _Sizes:
    """One walk over the items; lets are counted once each."""

    def __init__(self, typer: Typer) -> None:
        self.typer = typer
        self.wrong = False
        self._lets: dict[str, _Parts] = {}

    def parts(self, node: nodes.Node, place: _Place) -> _Parts:
        """The size of a tree with lets, members and arguments written out."""
        match node:
            case nodes.Name(id=name) if name in place.parameters:
                return _Parts(0.0, {name: 1.0})
            case nodes.Name(id=name):
                return self._let(name) if self._is_let(name) else _Parts(1.0)
            case nodes.Call(function=nodes.Name(id=word)) if (
                self._is_let(word) and self._lets_of(word).parameters
            ):
                return self._let_call(node, word, place)
            case nodes.Comprehension(binders=binders, body=body):
                inner, count = self._bound(binders, place, comprehension=True)
                return _together([self.parts(body, inner).times(count)])
            case nodes.Constraint(binders=binders, relation=relation, modifiers=modifiers):
                inner, count = self._bound(binders, place)
                below = [self.parts(part, inner) for part in (relation, *modifiers)]
                return _together(below).times(count)
            case nodes.Group(binders=binders, constraints=constraints):
                inner, count = self._bound(binders, place)
                return _together([self.parts(c, inner) for c in constraints]).times(count)
            case nodes.Expectation(binders=binders):
                place, _ = self._bound(binders, place)
            case nodes.Call(function=nodes.Name(id="eye"), arguments=(size,)):
                count = value_or_none(size, place.values) or 0.0
                self._elements(self.typer.text(node), count * count, node.span)
            case nodes.Call(function=nodes.Attribute(name="sample" | "grid")):
                self._points(node, place)
        children = [child for child in node.children() if not isinstance(child, nodes.Binder)]
        return _together([self.parts(child, place) for child in children])

    # --- lets ---

    def _let_call(self, call: nodes.Call, word: str, place: _Place) -> _Parts:
        body = self._let(word)
        names = self._lets_of(word).parameters or ()
        arguments = [self.parts(argument, place) for argument in call.arguments]
        given = [
            argument.times(body.uses.get(name, 0.0))
            for name, argument in zip(names, arguments, strict=False)
        ]
        return _together([_Parts(body.own), *given])

    def _let(self, name: str) -> _Parts:
        if name not in self._lets:
            item = self._lets_of(name)
            self._lets[name] = _Parts(1.0)  # a let that names itself is said elsewhere
            inner = _Place(self.typer.values, parameters=frozenset(item.parameters or ()))
            value = self.typer.explicit_lets.get(name, item.value)
            self._lets[name] = self.parts(value, inner)
        return self._lets[name]

    def _is_let(self, name: str) -> bool:
        return self.typer.symbols.role(name) == "let"

    def _lets_of(self, name: str) -> nodes.Let:
        item = self.typer.symbols.table[name].item
        assert isinstance(item, nodes.Let)
        return item

    # --- members ---

    def _bound(
        self, binders: tuple[nodes.Binder, ...], place: _Place, comprehension: bool = False
    ) -> tuple[_Place, float]:
        """The place inside of binders, and how many members they have (1 where it is open)."""
        total = 1.0
        for binder in binders:
            self.parts(binder.domain, place)
            count, highest = self._members(binder, place.values)
            terms = place.terms * count if comprehension else place.terms
            values = {k: v for k, v in place.values.items() if k not in binder.names}
            values |= {} if highest is None else dict.fromkeys(binder.names, highest)
            place = place._replace(
                values=values,
                nested=place.nested + 1,
                outer=place.outer * (1.0 if comprehension else count),
                terms=terms,
                parameters=place.parameters - set(binder.names),
            )
            if self._too_many(binder, place, comprehension):
                # Said once: what is below is not counted again.
                place, count = place._replace(outer=0.0, terms=0.0, nested=-DEPTH.most), 1.0
            total *= count
        return place, total

    def _too_many(self, binder: nodes.Binder, place: _Place, comprehension: bool) -> bool:
        limit, count = (TERMS, place.terms) if comprehension else (MEMBERS, place.outer)
        if count > limit.most:
            around = "" if place.nested == 1 else ", with what is around it,"
            what = f"{self.typer.text(binder.domain)}{around} has {_shown(count)} members"
            self._report(limit, what, binder.domain.span)
            return True
        if place.nested > NESTED.most:
            what = f"more than {NESTED.most} quantifiers and `for`s stand inside one another"
            self._report(NESTED, what, binder.span)
            return True
        return False

    def _members(self, binder: nodes.Binder, values: Values) -> tuple[float, float | None]:
        """How many members at most, and the largest of them where they are numbers in a row."""
        match binder.domain:
            case nodes.Call(function=nodes.Name(id="range"), arguments=(*_, size)):
                count = value_or_none(size, values)
                if count is not None and count >= 1 and not math.isnan(count):
                    return count, max(count - 1, 0.0)
            case nodes.FiniteSet(items=items):
                return float(max(len(items), 1)), None
        return 1.0, None

    # --- elements ---

    def declared(self, item: nodes.Var | nodes.Param) -> None:
        """The elements of what a line declares."""
        count = 1.0
        for dimension in item.dimensions:
            size = self.typer.value(dimension)
            count *= size if size is not None and size >= 1 else 1.0
        if item.dimensions:
            word = "var" if isinstance(item, nodes.Var) else "param"
            self._elements(f"{word} `{item.name}`", count, item.dimensions[0].span)

    def _elements(self, what: str, count: float, span: Span) -> None:
        if count > ELEMENTS.most:
            self._report(ELEMENTS, f"{what} has {_shown(count)} elements", span)

    def _points(self, call: nodes.Call, place: _Place) -> None:
        if not call.arguments:
            return
        assert isinstance(call.function, nodes.Attribute)
        size = value_or_none(call.arguments[0], place.values)
        axes = 1
        if call.function.name == "grid" and isinstance(call.function.value, nodes.Name):
            symbol = self.typer.symbols.table.get(call.function.value.id)
            axes = max(len(getattr(symbol.item, "axes", ())) if symbol else 1, 1)
        if size is None or size < 1 or axes * math.log(size) <= math.log(POINTS.most):
            return
        shown = f"{_shown(size)}^{axes}" if axes > 1 else _shown(size)
        self._report(POINTS, f"{self.typer.text(call)} has {shown} points", call.span)

    # --- findings ---

    def written_out(self, item: nodes.Item, total: float) -> None:
        """Everything together is too large, from this item on."""
        what = f"written out, the spec up to here has {_shown(total)} parts"
        self._report(WRITTEN, what, item.span)

    def _report(self, limit: Limit, what: str, span: Span) -> None:
        self.wrong = True
        label = f"at most {limit.most:,}"
        help_ = f"write {limit.instead}"
        note = f"the limit is {limit.most:,} {limit.what}"
        self.typer.report(limit.code, what, span, label, notes=(note,), helps=(help_,))


def _shown(count: float) -> str:
    """A count as people write it: `1,000,000,000`, `about 1e+12`."""
    if math.isinf(count):
        return "infinitely many"
    if count >= MOST:
        return "more than 10^30"
    return f"{count:,.0f}" if count < 1e15 else f"about 10^{math.log10(count):.0f}"

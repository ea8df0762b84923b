"""Many requirements of one form as one vector: what a step of training computes at once.

    E[f(x)[1] | g == 0] - 0.10,  E[f(x)[1] | g == 1] - 0.11, ...
        ->  by_member(f(x)[1], g's place among 0, 1, ...) - (0.10, 0.11, ...)

As `Vectorizer`, for functions that also have means: members of a quantifier, lines that differ in
numbers. Numbers outside of means become one vector; groups that a column tells apart are summed in
one pass; numbers, outputs and classes within means make rows of values. All else has to be the
same, and is computed once.
"""

from collections.abc import Sequence
from itertools import groupby
from math import isfinite
from typing import NamedTuple

from cspec.compiler.algebra.sympy import Space
from cspec.compiler.algebra.vectorize import Vectorizer, entrywise
from cspec.compiler.axes.inference import Inference
from cspec.compiler.axes.record import Entry
from cspec.compiler.expressions.rewrite import operands_of, same
from cspec.compiler.expressions.vectors import Bounds, ByMember, Places
from cspec.compiler.records.problem import Category
from cspec.dsl.explicit.measured_on import measured_on
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import is_whole, value_or_none

LARGEST = 2**22
"""Values of examples that are held at once where requirements are measured on whole data."""


class _Key(NamedTuple):
    """`column == value` in a condition: which code the column is to hold."""

    column: nodes.Name
    code: int
    event: nodes.Expr


class Members(Vectorizer):
    """Puts functions of models, data and decision variables together."""

    fewest = 4

    def __init__(self, inference: Inference) -> None:
        known = inference.known
        vectors = (name for name, var in known.symbols.vars().items() if var.dimensions)
        shapes = {name: known.shapes[name] for name in vectors if name in known.shapes}
        super().__init__(Space(shapes, {}, known.params))
        self._inference = inference
        self._scalars = {n: v for n, v in known.params.items() if not isinstance(v, tuple)}
        self._forms: dict[tuple[int, str | None], tuple[nodes.Expr, object]] = {}
        self._dataset: str | None = None
        """The data whose examples are in reach."""

    def expression(self, expr: nodes.Expr) -> nodes.Expr:
        """As it is: what steps compute is the arithmetic that was written."""
        return expr

    def groups(self, parts: Sequence[nodes.Expr]) -> list[list[int]]:
        """As above; beside functions of several entries only neighbors, so that nothing moves."""
        found = super().groups(parts)
        if all(map(self._scalar, parts)):
            return found
        runs = [run for places in found for run in _runs(places)]
        kept = [[run] if len(run) >= self.fewest else [[place] for place in run] for run in runs]
        return sorted(places for several in kept for places in several)

    def pairs(self, sides: Sequence[tuple[nodes.Expr, nodes.Expr]]) -> list[list[int]]:
        """Places of values and bounds that are put together, side by side."""
        forms: dict[object, list[int]] = {}
        for place, (value, bound) in enumerate(sides):
            single = self._scalar(value) and self._scalar(bound)
            key = (self._form(value), self._form(bound)) if single else ("alone", place)
            forms.setdefault(key, []).append(place)
        found: list[list[int]] = []
        for places in forms.values():
            if len(places) < self.fewest:
                found += [[place] for place in places]
                continue
            block = self._block([sides[place] for place in places])
            found += [places[i : i + block] for i in range(0, len(places), block)]
        return sorted(found)

    def _block(self, members: Sequence[tuple[nodes.Expr, nodes.Expr]]) -> int:
        """Members whose values on whole data are held at once: all, unless each has a row."""
        rows = 1
        for side in zip(*members, strict=True):
            for node in nodes.walk(self._together(side)):
                if isinstance(node, ByMember) and node.rows:
                    data = self._inference.known.facts.data.get(node.mean.dataset or "")
                    rows = max(rows, 1 if data is None else data.rows)
        return max(self.fewest, LARGEST // rows)

    def side(self, members: Sequence[nodes.Expr]) -> nodes.Expr:
        """One side of relations of one form: an entry each, or what all of them share."""
        return self._together(members)

    def _stands_alone(self, part: nodes.Expr) -> bool:
        return not self._scalar(part)

    def _scalar(self, expr: nodes.Expr) -> bool:
        axes = self._inference.axes(expr)
        return axes.known and axes.each is None and axes.shape == ()

    def _number(self, node: nodes.Expr) -> float | None:
        if isinstance(node, nodes.Number):
            return node.value
        if self._dataset is None and isinstance(node, nodes.Index):
            return super()._number(node)
        if isinstance(
            node, nodes.Negate | nodes.Sum | nodes.Product | nodes.Power
        ) and self._of_numbers(node):
            found = value_or_none(node, self._scalars)
            return found if found is not None and isfinite(found) else None
        return None

    def _of_numbers(self, node: nodes.Expr) -> bool:
        """Whether arithmetic is of numbers and params alone."""
        match node:
            case nodes.Number():
                return True
            case nodes.Name(id=name):
                dataset = self._dataset
                column = dataset is not None and self._inference.known.has_column(dataset, name)
                return name in self._scalars and not column
            case nodes.Negate() | nodes.Sum() | nodes.Product() | nodes.Power():
                return all(map(self._of_numbers, operands_of(node)))
        return False

    # --- forms ---

    def _form(self, node: nodes.Expr) -> object:
        key = id(node), self._dataset
        known = self._forms.get(key)
        if known is None:
            known = self._forms[key] = (node, self._skeleton(node))
        return known[1]

    def _skeleton(self, node: nodes.Expr) -> object:
        if self._number(node) is not None:
            return "number"
        match node:
            case nodes.Expectation():
                return self._mean(node)
            case nodes.Power(base=base) if self._number(base) is not None:
                return nodes.shape(node)
            case nodes.Product(operands=(first, *rest), operators=operators) if _divides(node):
                return ("product", operators, self._argument(first), *map(self._form, rest))
            case nodes.Product(operators=operators) if "@" in operators:
                return nodes.shape(node)
            case nodes.Call(arguments=arguments) if entrywise(node):
                return ("call", nodes.shape(node.function), *map(self._argument, arguments))
            case nodes.Index() | nodes.Attribute() if self._dataset is not None:
                return (
                    nodes.shape(node)
                    if self._at(node) is None
                    else ("place", nodes.shape(node.value))
                )
            case nodes.Compare() | nodes.And() | nodes.Or() | nodes.Not() | nodes.Implies() if (
                self._dataset is not None
            ):
                return self._event(node)
        return super()._skeleton(node)

    def _at(self, node: nodes.Expr) -> int | None:
        """The place of an output, a class or a feature that is the same for every example."""
        if self._dataset is None or not isinstance(node, nodes.Index | nodes.Attribute):
            return None
        value = self._inference.axes(node.value, self._dataset)
        place = self._inference.place(node, self._dataset)
        row = value.known and value.each == self._dataset and not value.tokens
        if not row or len(value.shape or ()) != 1 or not isinstance(place, Entry):
            return None
        return place.place

    def _argument(self, node: nodes.Expr) -> object:
        """A function is given numbers as they are."""
        return nodes.shape(node) if self._number(node) is not None else self._form(node)

    def _event(
        self, node: nodes.Compare | nodes.And | nodes.Or | nodes.Not | nodes.Implies
    ) -> object:
        """An event of each example: comparisons of numbers may differ in them."""
        operators: tuple[str, ...] = ()
        if isinstance(node, nodes.Compare):
            operators = node.operators
            if any(isinstance(o, Category) or self._coded(o) for o in node.operands):
                return nodes.shape(node)
        return (type(node).__name__, operators, *map(self._form, operands_of(node)))

    def _coded(self, node: nodes.Expr) -> bool:
        """Whether a value is a code, which is compared by what it stands for."""
        return self._inference.axes(node, self._dataset).what not in ("number", "whole")

    def _mean(self, mean: nodes.Expectation) -> object:
        """A mean of one number an example, not by group; its groups and numbers may differ."""
        keys, others = self._told_apart(mean)
        if not self._plain(mean):
            return nodes.shape(mean)
        outer, self._dataset = self._dataset, mean.dataset
        try:
            parts = [self._form(part) for part in (mean.body, *others)]
        finally:
            self._dataset = outer
        return ("mean", mean.kind, mean.dataset, *(key.column.id for key in keys), *parts)

    def _plain(self, mean: nodes.Expectation) -> bool:
        if self._dataset is not None or mean.binders or mean.dataset is None:
            return False
        if mean.grouped or self._inference.grouping(mean).columns:
            return False
        axes = self._inference.axes(mean.body, mean.dataset)
        return axes.known and axes.each == mean.dataset and axes.rank == 0

    def _told_apart(self, mean: nodes.Expectation) -> tuple[list[_Key], list[nodes.Expr]]:
        """Columns and the codes that they are to hold, and all other conditions."""
        keys: list[_Key] = []
        others: list[nodes.Expr] = []
        for condition in mean.conditions:
            for event in condition.operands if isinstance(condition, nodes.And) else (condition,):
                key = self._key(event, mean.dataset or "")
                if key is None or any(key.column.id == other.column.id for other in keys):
                    others.append(event)
                else:
                    keys.append(key)
        return keys, others

    def _key(self, event: nodes.Expr, dataset: str) -> _Key | None:
        """The column and the code of `column == value`, where codes tell which it is."""
        if not isinstance(event, nodes.Compare) or event.operators != ("==",):
            return None
        column, value = event.operands
        if not isinstance(column, nodes.Name) or not self._inference.known.has_column(
            dataset, column.id
        ):
            return None
        axes = self._inference.axes(column, dataset)
        if not axes.known or axes.rank or axes.each != dataset:
            return None
        if isinstance(value, Category) and axes.what in ("category", "whole"):
            return _Key(column, value.code, event)
        number = self._number(value)
        whole = number is not None and is_whole(number)
        if axes.what != "whole" or number is None or not whole or abs(number) > 2**31:
            return None
        return _Key(column, int(number), event)

    # --- together ---

    def _together(self, members: Sequence[nodes.Expr]) -> nodes.Expr:
        first = members[0]
        if all(same(first, member) for member in members[1:]):
            return first
        if all(self._number(member) is not None for member in members):
            items = tuple(map(self._bound, members))
            return Bounds(items=items, rows=self._dataset is not None, span=first.span)
        places = tuple(place for m in members if (place := self._at(m)) is not None)
        if isinstance(first, nodes.Index | nodes.Attribute) and len(places) == len(members):
            return Places(first=first, places=places, span=first.span)
        if isinstance(first, nodes.Expectation):
            return self._means([m for m in members if isinstance(m, nodes.Expectation)])
        if isinstance(first, nodes.Compare | nodes.And | nodes.Or | nodes.Not | nodes.Implies):
            return self._columns(first, members)
        return super()._together(members)

    def _bound(self, node: nodes.Expr) -> nodes.Expr:
        """A constant; params stay by name, what is of numbers alone is one number."""
        value = self._number(node)
        if value is None or any(isinstance(part, nodes.Name) for part in nodes.walk(node)):
            return node
        return nodes.Number(text=repr(value), value=value, span=node.span)

    def _means(self, members: Sequence[nodes.Expectation]) -> nodes.Expr:
        apart = [self._told_apart(member) for member in members]
        outer, self._dataset = self._dataset, members[0].dataset
        try:
            parts = [(m.body, *others) for m, (_, others) in zip(members, apart, strict=True)]
            made = [self._together(column) for column in zip(*parts, strict=True)]
        finally:
            self._dataset = outer
        differ = not all(map(same, made, parts[0]))
        several = list(zip(*(keys for keys, _ in apart), strict=True))
        made += [column[0].event for column in several if len({k.code for k in column}) == 1]
        keys = [column for column in several if len({k.code for k in column}) > 1]
        held = tuple(zip(*((key.code for key in column) for column in keys), strict=True))
        return ByMember(
            mean=members[0].model_copy(update={"body": made[0], "conditions": tuple(made[1:])}),
            columns=tuple(column[0].column for column in keys),
            held=held,
            rows=differ or len(set(held)) < len(held),
            span=members[0].span,
        )


def _runs(places: Sequence[int]) -> list[list[int]]:
    """Places that follow one another."""
    by_distance = groupby(enumerate(places), key=lambda pair: pair[1] - pair[0])
    return [[place for _, place in run] for _, run in by_distance]


def _divides(node: nodes.Product) -> bool:
    """Whether a mean is divided by, which asks for more of what it divides."""
    pairs = zip(node.operators, node.operands[1:], strict=True)
    return any(operator == "/" and any(True for _ in measured_on(o)) for operator, o in pairs)

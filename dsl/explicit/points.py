"""Points of domains as data: what is required of points, and averaged over them.

    E[r^2 for (t, x) in q.sample(1000)]          E[r^2 on "q.sample(1000)"], drawn at every step
    forall x in uniform(-1, 1).sample(100): ...  forall x in "uniform(-1, 1).sample(100)", held
    forall p in q.grid(51): ...                  forall p in "q.grid(51)", these very points

A set of points is a dataset from here on, with a column for each bound name: what is known of
batches, of requirements on each example and of verdicts holds for points as well.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from cspec.dsl.explicit.over_points import over_points, runs, way_of, written_out
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.names.symbols import Symbol, Symbols, is_made, is_pairs
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.settings.methods import OF_FUNCTIONS
from cspec.dsl.settings.points import Pairs, Points
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.rebuild import (
    binders_of,
    bound_names,
    calls_of,
    head_word,
    mentions,
    names,
    rebuild,
)
from cspec.dsl.words.functions import DERIVATIVES


class PointSet(NamedTuple):
    """A set of points as it is written: a box or distribution, and which of its points."""

    kind: str
    ends: tuple[tuple[nodes.Expr, nodes.Expr], ...]
    """Lower and upper end, or mean and deviation, one pair an axis; one for all of a
    distribution."""
    axes: tuple[tuple[str, tuple[nodes.Expr, ...]], ...]
    """Names and dimensions of a domain's axes; empty without a domain."""
    word: str
    """`sample` or `grid`."""
    number: nodes.Expr


class Made(NamedTuple):
    """A dataset that a spec makes: its line, and the settings of its source."""

    data: nodes.Data
    settings: Settings


class WithPoints(NamedTuple):
    """A spec whose points are data, its names, the settings of its sources, its `fit`."""

    spec: nodes.Spec
    symbols: Symbols
    sources: dict[str, Settings]
    fit: FitSettings


def point_set(domain: nodes.Expr, domains: Mapping[str, nodes.Domain]) -> PointSet | None:
    """The points that an expression behind `in` names; None of anything else."""
    match domain:
        case nodes.Call(
            function=nodes.Attribute(value=base, name="sample" | "grid" as word), arguments=(n,)
        ):
            if any(k.name != "redraw" or names(k.value) != {"false"} for k in domain.keywords):
                return None
        case _:
            return None
    axes: tuple[tuple[str, tuple[nodes.Expr, ...]], ...] = ()
    if isinstance(base, nodes.Name) and base.id in domains:
        item = domains[base.id]
        axes = tuple((axis.name, axis.dimensions) for axis in item.axes)
        base = item.source
    match base:
        case nodes.Call(function=nodes.Name(id="box"), arguments=arguments):
            pairs = [_ends(argument) for argument in arguments]
            if pairs and all(pair is not None for pair in pairs):
                ends = tuple(pair for pair in pairs if pair is not None)
                return PointSet("uniform", ends, axes, word, n)
        case nodes.Call(function=nodes.Name(id="uniform" | "normal" as kind), arguments=(a, b)):
            return PointSet(kind, ((a, b),), axes, word, n)
    return None


def _ends(axis: nodes.Expr) -> tuple[nodes.Expr, nodes.Expr] | None:
    match axis:
        case nodes.Vector(items=(low, high)) | nodes.Interval(lower=low, upper=high):
            return low, high
    return None


LEAST = nodes.Number(text="1e-3", value=1e-3)
"""What is left of what holds on points that are drawn anew, where `within` does not say."""


def on_average(
    constraint: nodes.Constraint, domains: Mapping[str, nodes.Domain]
) -> nodes.Constraint | None:
    """A requirement on points that are drawn anew (`redraw=true`) as one on a mean over them.

        forall p in q.sample(n, redraw=true): l == r within w   sqrt(E[(l - r)^2 for p in ..]) <= w
                                              l <= r within w   E[relu(l - r) for p in ..] <= w
                                              A => B within w   P[A and not B for p in ..] <= w

    None of others: no single relation, or held by what needs a copy of each point.
    """
    match constraint.binders:
        case (nodes.Binder(domain=nodes.Call() as domain, condition=None) as binder,) if (
            plain := _without_redraw(domain)
        ) is not None:
            pass
        case _:
            return None
    by = next((m.method for m in constraint.modifiers if isinstance(m, nodes.By)), None)
    weighs = by is None or head_word(by) in OF_FUNCTIONS  # it gives one weight to a function
    if point_set(plain, domains) is None or not weighs:
        return None
    mean = _mean_of(constraint.relation, binder.changed(domain=plain))
    if mean is None:
        return None
    most = next((m.tolerance for m in constraint.modifiers if isinstance(m, nodes.Within)), LEAST)
    return constraint.changed(
        binders=(),
        relation=nodes.Compare(operands=(mean, most), operators=("<=",), span=mean.span),
        modifiers=tuple(m for m in constraint.modifiers if not isinstance(m, nodes.Within)),
    )


def _mean_of(relation: nodes.Expr, points: nodes.Binder) -> nodes.Expr | None:
    """What is left of a relation over points, as one mean; None of others than these three."""
    span = relation.span

    def mean(kind: Literal["E", "P"], body: nodes.Expr) -> nodes.Expr:
        return nodes.Expectation(kind=kind, body=body, binders=(points,), span=span)

    match relation:
        case nodes.Compare(operands=(left, right), operators=("==",)):
            apart = nodes.Sum(operands=(left, right), operators=("-",), span=span)
            squared = nodes.Power(base=apart, exponent=nodes.Number(text="2", value=2), span=span)
            return nodes.Call(
                function=nodes.Name(id="sqrt"), arguments=(mean("E", squared),), span=span
            )
        case nodes.Compare(operands=(left, right), operators=("<=" | ">=" as operator,)):
            terms = (right, left) if operator == ">=" else (left, right)
            apart = nodes.Sum(operands=terms, operators=("-",), span=span)
            return mean(
                "E", nodes.Call(function=nodes.Name(id="relu"), arguments=(apart,), span=span)
            )
        case nodes.Implies(condition=left, consequence=right):
            missed = nodes.Not(operand=right, span=right.span)
            return mean("P", nodes.And(operands=(left, missed), span=span))
    return None


def _without_redraw(domain: nodes.Call) -> nodes.Call | None:
    """`q.sample(n)` of `q.sample(n, redraw=true)`."""
    match domain.keywords:
        case (nodes.Keyword(name="redraw", value=nodes.Name(id="true")),):
            return domain.changed(keywords=())
    return None


def noise_of(
    binder: nodes.Binder, domains: Mapping[str, nodes.Domain]
) -> tuple[nodes.Binder, ...] | None:
    """A binder over a distribution beside data, one for each of its names; None of other sets.

    `normal(m, s)` and `uniform(lo, hi)` stand for it, with how many draws a step takes where
    `.sample(n)` says so; the intervals of a box are uniform.
    """
    domain = binder.domain
    drawn = domain
    if isinstance(domain, nodes.Call) and domain.keywords:
        if any(
            not isinstance(k.value, nodes.Name) or k.value.id != "true" for k in domain.keywords
        ):
            return None
        drawn = domain.changed(keywords=())
    sampled = isinstance(drawn, nodes.Call) and isinstance(drawn.function, nodes.Attribute)
    found = point_set(drawn if sampled else _sampled(drawn, ONE), domains)
    wide = found is not None and any(dimensions for _, dimensions in found.axes)
    if found is None or found.word != "sample" or wide:
        return None
    ends = found.ends * (len(binder.names) if len(found.ends) == 1 else 1)
    if len(ends) != len(binder.names):
        return None

    def one(name: str, pair: tuple[nodes.Expr, nodes.Expr]) -> nodes.Binder:
        of = nodes.Call(function=nodes.Name(id=found.kind), arguments=pair, span=domain.span)
        own = _sampled(of, found.number) if sampled else of
        return binder.changed(names=(name,), domain=own)

    return tuple(map(one, binder.names, ends))


ONE = nodes.Number(text="1", value=1)


def _sampled(domain: nodes.Expr, number: nodes.Expr) -> nodes.Call:
    """`domain.sample(number)`."""
    function = nodes.Attribute(value=domain, name="sample", span=domain.span)
    return nodes.Call(function=function, arguments=(number,), span=domain.span)


def is_points(dataset: str) -> bool:
    """Whether a dataset is a set of points: it is called as it is written, `q.sample(200)`."""
    return is_made(dataset) and not is_pairs(dataset)


def settings_of(found: PointSet, names: int, values: Values, way: str, seed: int) -> Points | None:
    """The settings of a set of points; None where a number is not known."""
    sizes = [[value_or_none(d, values) or 1 for d in axis] for _, axis in found.axes]
    widths = [int(math.prod(axis)) for axis in sizes] or [1] * names
    ends = found.ends * (sum(widths) if len(found.ends) == 1 else 1)
    numbers = [(value_or_none(a, values), value_or_none(b, values)) for a, b in ends]
    count = value_or_none(found.number, values)
    if count is None or not is_whole(count) or count < 1 or len(numbers) != sum(widths):
        return None
    if any(end is None or not math.isfinite(end) for pair in numbers for end in pair):
        return None
    lower, upper = zip(*numbers, strict=True)
    way = "grid" if found.word == "grid" else way
    of = {"kind": found.kind, "way": way, "lower": lower, "upper": upper}
    return Points.model_validate({**of, "widths": tuple(widths), "n": int(count), "seed": seed})


def with_points(
    spec: nodes.Spec,
    symbols: Symbols,
    values: Values,
    sources: Mapping[str, Settings],
    fit: FitSettings,
    pairs: Mapping[str, Made],
) -> WithPoints:
    """The spec with a dataset for each set of points that something is averaged or required over.

    Every step sees all points that are drawn for it: their `batch_size` is `full`. `pairs` are
    datasets of pairs of examples, whose line in the spec is added here, too.
    """
    worker = _Points(symbols, values)
    items = tuple(worker.item(item) for item in spec.items)
    if not worker.made and not pairs:
        return WithPoints(spec, symbols, dict(sources), fit)
    sizes = _sizes(symbols, fit, tuple(worker.made), pairs)
    sized = {name: _sized(found, sizes, name) for name, found in pairs.items()}
    made = {**sized, **worker.made}
    place = next((i for i, item in enumerate(items) if not isinstance(item, nodes.Data)), 0)
    lines = tuple(one.data for one in made.values())
    return WithPoints(
        spec.changed(items=(*items[:place], *lines, *items[place:])),
        with_datasets(symbols, worker.made),
        {**sources, **{name: one.settings for name, one in made.items()}},
        fit.model_copy(update={"batch_size": sizes}),
    )


def with_datasets(symbols: Symbols, made: Mapping[str, Made]) -> Symbols:
    """The names of a spec with those of datasets that it makes."""
    named = (Symbol(name, "data", one.data, one.data.span) for name, one in made.items())
    return symbols.more(named, (one.data.targets[0] for one in made.values()))


PAIRS_A_STEP = 8
"""Pairs that a step draws, for each example of a batch."""


def _sizes(
    symbols: Symbols, fit: FitSettings, points: tuple[str, ...], pairs: Mapping[str, Made]
) -> Any:
    """Batches of the data as they were, points whole, of pairs a multiple of the examples'."""
    data, size = tuple(symbols.datasets()), fit.batch_size
    if not data or size == "full":
        return "full"
    known: dict[str, Any] = dict(size) if isinstance(size, dict) else dict.fromkeys(data, size)
    for name, one in pairs.items():
        assert isinstance(one.settings, Pairs)
        of = known.get(one.settings.data, 128)
        known[name] = of if of == "full" else PAIRS_A_STEP * of
    return {**known, **dict.fromkeys(points, "full")}


def _up_to_the_faces(node: nodes.Constraint | nodes.Group) -> bool:
    """Whether it holds at the ends of a box as well: inequalities of values.

    Equations and derivatives may contradict at corners what is known of the faces.
    """
    if isinstance(node, nodes.Group):
        return all(map(_up_to_the_faces, node.constraints))
    relation = node.relation
    values = isinstance(relation, nodes.Compare) and "==" not in relation.operators
    return values and not any(calls_of(relation, DERIVATIVES))


def _sized(made: Made, sizes: Any, name: str) -> Made:
    """Pairs with how many of them a step draws."""
    size = sizes if sizes == "full" else sizes[name]
    settings = made.settings.model_copy(update={"n": None if size == "full" else size})
    call = source_call(settings, made.data.span)
    return Made(made.data.changed(source=call), settings)


def beside(node: nodes.Expectation | nodes.Comprehension, outer: Collection[str]) -> bool:
    """Whether what goes over a set names what is bound around it, `outer`, too."""
    return mentions(node, set(outer) - bound_names(node.binders))


class _Points:
    """Goes over a spec and makes the datasets."""

    def __init__(self, symbols: Symbols, values: Values) -> None:
        self._domains = symbols.domains()
        self._taken = set(symbols.table)
        self._values = values
        self.made: dict[str, Made] = {}
        self._known: dict[tuple[str, str, tuple[str, ...]], str] = {}
        self._columns = symbols.column_names
        self._outer: frozenset[str] = frozenset()
        """Names that sets around the node at hand bind."""

    def item(self, node: nodes.Item) -> nodes.Item:
        """An item with its points as data."""
        changed = self._changed(node)
        assert isinstance(changed, nodes.Item)
        return changed

    def _changed(self, node: nodes.Node) -> nodes.Node:
        binders = binders_of(node)
        if isinstance(node, nodes.Expectation | nodes.Comprehension) and self._nested(node):
            node = self._in_numbers(node)
        outer = self._outer
        self._outer = outer | bound_names(binders)
        changed = self._over_data(node)
        self._outer = outer
        return changed

    def _nested(self, node: nodes.Expectation | nodes.Comprehension) -> bool:
        """Whether it goes over one set beside examples, or points of a set around it."""
        return len(node.binders) == 1 and beside(node, self._outer | self._columns)

    def _in_numbers(
        self, node: nodes.Expectation | nodes.Comprehension
    ) -> nodes.Expectation | nodes.Comprehension:
        """What goes over a grid, over its numbers; other sets as they are."""
        (binder,) = node.binders
        found = point_set(binder.domain, self._domains)
        settings = found and settings_of(found, len(binder.names), self._values, "held", 0)
        return (settings and written_out(node, settings)) or node

    def _over_data(self, node: nodes.Node) -> nodes.Node:
        match node:
            case nodes.Constraint() | nodes.Group() if node.binders:
                way = "closed" if _up_to_the_faces(node) else "held"
                binders = tuple(self._quantifier(binder, way) for binder in node.binders)
                return rebuild(node.changed(binders=binders), self._changed)
            case nodes.Expectation(binders=(binder,), dataset=None):
                name = self._dataset(binder, "redrawn")
                if name is not None:
                    condition = binder.condition
                    conditions = (*node.conditions, *(() if condition is None else (condition,)))
                    update = {
                        "binders": (),
                        "dataset": name,
                        "dataset_span": binder.domain.span,
                        "conditions": conditions,
                    }
                    return rebuild(node.model_copy(update=update), self._changed)
            case nodes.Comprehension(binders=(binder,)) if runs(node) and not self._nested(node):
                if (name := self._dataset(binder, way_of(node.function))) is not None:
                    settings = self.made[name].settings
                    assert isinstance(settings, Points)
                    return self._changed(over_points(node, name, settings))
        return rebuild(node, self._changed)

    def _quantifier(self, binder: nodes.Binder, way: str) -> nodes.Binder:
        name = self._dataset(binder, way)
        if name is None:
            return binder
        return binder.changed(domain=nodes.Name(id=name, span=binder.domain.span))

    def _dataset(self, binder: nodes.Binder, way: str) -> str | None:
        """The dataset of what a name goes over; None where that is no set of points."""
        found = point_set(binder.domain, self._domains)
        if found is None:
            return None
        settings = settings_of(found, len(binder.names), self._values, way, len(self.made))
        if settings is None:
            return None
        wanted = format_expression(binder.domain)
        key = (wanted, settings.way, binder.names)
        if key in self._known:
            return self._known[key]
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted} ({count})"
        self._taken.add(name)
        self._known[key] = name
        self.made[name] = made_of(name, binder.names, settings, binder)
        return name


def made_of(name: str, columns: Iterable[str], settings: Settings, binder: nodes.Binder) -> Made:
    """A dataset that a binder goes over, with columns of their own names."""
    span = binder.domain.span
    named = tuple(nodes.Column(name=n, original=n, span=binder.span) for n in columns)
    target = nodes.Target(name=name, columns=named, span=span)
    line = nodes.Data(targets=(target,), source=source_call(settings, span), span=binder.span)
    return Made(line, settings)


def source_call(settings: Settings, span: Span) -> nodes.Call:
    """The source of a dataset that a spec makes, as other sources stand in a `data` line."""

    def value(found: object) -> nodes.Expr:
        if isinstance(found, tuple):
            return nodes.Vector(items=tuple(map(value, found)), span=span)
        if isinstance(found, str):
            return nodes.String(value=found, span=span)
        assert isinstance(found, int | float)
        return nodes.Number(text=repr(found), value=found, span=span)

    keywords = tuple(
        nodes.Keyword(name=name, value=value(found), span=span, name_span=span)
        for name, found in settings.model_dump(exclude_none=True).items()
    )
    return nodes.Call(
        function=nodes.Name(id=settings.word, span=span), keywords=keywords, span=span
    )

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
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.nodes import (
    And,
    Attribute,
    Binder,
    By,
    Call,
    Column,
    Compare,
    Comprehension,
    Constraint,
    Data,
    Domain,
    Expectation,
    Expr,
    Group,
    Implies,
    Interval,
    Item,
    Keyword,
    Name,
    Node,
    Not,
    Number,
    Power,
    Spec,
    String,
    Sum,
    Target,
    Vector,
    Within,
)
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
    ends: tuple[tuple[Expr, Expr], ...]
    """Lower and upper end, or mean and deviation, one pair an axis; one for all of a
    distribution."""
    axes: tuple[tuple[str, tuple[Expr, ...]], ...]
    """Names and dimensions of a domain's axes; empty without a domain."""
    word: str
    """`sample` or `grid`."""
    number: Expr


class Made(NamedTuple):
    """A dataset that a spec makes: its line, and the settings of its source."""

    data: Data
    settings: Settings


class WithPoints(NamedTuple):
    """A spec whose points are data, its names, the settings of its sources, its `fit`."""

    spec: Spec
    symbols: Symbols
    sources: dict[str, Settings]
    fit: FitSettings


def point_set(domain: Expr, domains: Mapping[str, Domain]) -> PointSet | None:
    """The points that an expression behind `in` names; None of anything else."""
    match domain:
        case Call(function=Attribute(value=base, name="sample" | "grid" as word), arguments=(n,)):
            if any(k.name != "redraw" or names(k.value) != {"false"} for k in domain.keywords):
                return None
        case _:
            return None
    axes: tuple[tuple[str, tuple[Expr, ...]], ...] = ()
    if isinstance(base, Name) and base.id in domains:
        item = domains[base.id]
        axes = tuple((axis.name, axis.dimensions) for axis in item.axes)
        base = item.source
    match base:
        case Call(function=Name(id="box"), arguments=arguments):
            pairs = [_ends(argument) for argument in arguments]
            if pairs and all(pair is not None for pair in pairs):
                ends = tuple(pair for pair in pairs if pair is not None)
                return PointSet("uniform", ends, axes, word, n)
        case Call(function=Name(id="uniform" | "normal" as kind), arguments=(a, b)):
            return PointSet(kind, ((a, b),), axes, word, n)
    return None


def _ends(axis: Expr) -> tuple[Expr, Expr] | None:
    match axis:
        case Vector(items=(low, high)) | Interval(lower=low, upper=high):
            return low, high
    return None


LEAST = Number(text="1e-3", value=1e-3)
"""What is left of what holds on points that are drawn anew, where `within` does not say."""


def on_average(constraint: Constraint, domains: Mapping[str, Domain]) -> Constraint | None:
    """A requirement on points that are drawn anew (`redraw=true`) as one on a mean over them.

        forall p in q.sample(n, redraw=true): l == r within w   sqrt(E[(l - r)^2 for p in ..]) <= w
                                              l <= r within w   E[relu(l - r) for p in ..] <= w
                                              A => B within w   P[A and not B for p in ..] <= w

    None of others: no single relation, or held by what needs a copy of each point.
    """
    match constraint.binders:
        case (Binder(domain=Call() as domain, condition=None) as binder,) if (
            plain := _without_redraw(domain)
        ) is not None:
            pass
        case _:
            return None
    by = next((m.method for m in constraint.modifiers if isinstance(m, By)), None)
    weighs = by is None or head_word(by) in OF_FUNCTIONS  # it gives one weight to a function
    if point_set(plain, domains) is None or not weighs:
        return None
    mean = _mean_of(constraint.relation, binder.changed(domain=plain))
    if mean is None:
        return None
    most = next((m.tolerance for m in constraint.modifiers if isinstance(m, Within)), LEAST)
    return constraint.changed(
        binders=(),
        relation=Compare(operands=(mean, most), operators=("<=",), span=mean.span),
        modifiers=tuple(m for m in constraint.modifiers if not isinstance(m, Within)),
    )


def _mean_of(relation: Expr, points: Binder) -> Expr | None:
    """What is left of a relation over points, as one mean; None of others than these three."""
    span = relation.span

    def mean(kind: Literal["E", "P"], body: Expr) -> Expr:
        return Expectation(kind=kind, body=body, binders=(points,), span=span)

    match relation:
        case Compare(operands=(left, right), operators=("==",)):
            apart = Sum(operands=(left, right), operators=("-",), span=span)
            squared = Power(base=apart, exponent=Number(text="2", value=2), span=span)
            return Call(function=Name(id="sqrt"), arguments=(mean("E", squared),), span=span)
        case Compare(operands=(left, right), operators=("<=" | ">=" as operator,)):
            terms = (right, left) if operator == ">=" else (left, right)
            apart = Sum(operands=terms, operators=("-",), span=span)
            return mean("E", Call(function=Name(id="relu"), arguments=(apart,), span=span))
        case Implies(condition=left, consequence=right):
            missed = Not(operand=right, span=right.span)
            return mean("P", And(operands=(left, missed), span=span))
    return None


def _without_redraw(domain: Call) -> Call | None:
    """`q.sample(n)` of `q.sample(n, redraw=true)`."""
    match domain.keywords:
        case (Keyword(name="redraw", value=Name(id="true")),):
            return domain.changed(keywords=())
    return None


def noise_of(binder: Binder, domains: Mapping[str, Domain]) -> tuple[Binder, ...] | None:
    """A binder over a distribution beside data, one for each of its names; None of other sets.

    `normal(m, s)` and `uniform(lo, hi)` stand for it, with how many draws a step takes where
    `.sample(n)` says so; the intervals of a box are uniform.
    """
    domain = binder.domain
    drawn = domain
    if isinstance(domain, Call) and domain.keywords:
        if any(not isinstance(k.value, Name) or k.value.id != "true" for k in domain.keywords):
            return None
        drawn = domain.changed(keywords=())
    sampled = isinstance(drawn, Call) and isinstance(drawn.function, Attribute)
    found = point_set(drawn if sampled else _sampled(drawn, ONE), domains)
    wide = found is not None and any(dimensions for _, dimensions in found.axes)
    if found is None or found.word != "sample" or wide:
        return None
    ends = found.ends * (len(binder.names) if len(found.ends) == 1 else 1)
    if len(ends) != len(binder.names):
        return None

    def one(name: str, pair: tuple[Expr, Expr]) -> Binder:
        of = Call(function=Name(id=found.kind), arguments=pair, span=domain.span)
        own = _sampled(of, found.number) if sampled else of
        return binder.changed(names=(name,), domain=own)

    return tuple(map(one, binder.names, ends))


ONE = Number(text="1", value=1)


def _sampled(domain: Expr, number: Expr) -> Call:
    """`domain.sample(number)`."""
    function = Attribute(value=domain, name="sample", span=domain.span)
    return Call(function=function, arguments=(number,), span=domain.span)


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
    spec: Spec,
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
    place = next((i for i, item in enumerate(items) if not isinstance(item, Data)), 0)
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


def _up_to_the_faces(node: Constraint | Group) -> bool:
    """Whether it holds at the ends of a box as well: inequalities of values.

    Equations and derivatives may contradict at corners what is known of the faces.
    """
    if isinstance(node, Group):
        return all(map(_up_to_the_faces, node.constraints))
    relation = node.relation
    values = isinstance(relation, Compare) and "==" not in relation.operators
    return values and not any(calls_of(relation, DERIVATIVES))


def _sized(made: Made, sizes: Any, name: str) -> Made:
    """Pairs with how many of them a step draws."""
    size = sizes if sizes == "full" else sizes[name]
    settings = made.settings.model_copy(update={"n": None if size == "full" else size})
    call = source_call(settings, made.data.span)
    return Made(made.data.changed(source=call), settings)


def beside(node: Expectation | Comprehension, outer: Collection[str]) -> bool:
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

    def item(self, node: Item) -> Item:
        """An item with its points as data."""
        changed = self._changed(node)
        assert isinstance(changed, Item)
        return changed

    def _changed(self, node: Node) -> Node:
        binders = binders_of(node)
        if isinstance(node, Expectation | Comprehension) and self._nested(node):
            node = self._in_numbers(node)
        outer = self._outer
        self._outer = outer | bound_names(binders)
        changed = self._over_data(node)
        self._outer = outer
        return changed

    def _nested(self, node: Expectation | Comprehension) -> bool:
        """Whether it goes over one set beside examples, or points of a set around it."""
        return len(node.binders) == 1 and beside(node, self._outer | self._columns)

    def _in_numbers(self, node: Expectation | Comprehension) -> Expectation | Comprehension:
        """What goes over a grid, over its numbers; other sets as they are."""
        (binder,) = node.binders
        found = point_set(binder.domain, self._domains)
        settings = found and settings_of(found, len(binder.names), self._values, "held", 0)
        return (settings and written_out(node, settings)) or node

    def _over_data(self, node: Node) -> Node:
        match node:
            case Constraint() | Group() if node.binders:
                way = "closed" if _up_to_the_faces(node) else "held"
                binders = tuple(self._quantifier(binder, way) for binder in node.binders)
                return rebuild(node.changed(binders=binders), self._changed)
            case Expectation(binders=(binder,), dataset=None):
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
            case Comprehension(binders=(binder,)) if runs(node) and not self._nested(node):
                if (name := self._dataset(binder, way_of(node.function))) is not None:
                    settings = self.made[name].settings
                    assert isinstance(settings, Points)
                    return self._changed(over_points(node, name, settings))
        return rebuild(node, self._changed)

    def _quantifier(self, binder: Binder, way: str) -> Binder:
        name = self._dataset(binder, way)
        if name is None:
            return binder
        return binder.changed(domain=Name(id=name, span=binder.domain.span))

    def _dataset(self, binder: Binder, way: str) -> str | None:
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


def made_of(name: str, columns: Iterable[str], settings: Settings, binder: Binder) -> Made:
    """A dataset that a binder goes over, with columns of their own names."""
    span = binder.domain.span
    named = tuple(Column(name=n, original=n, span=binder.span) for n in columns)
    target = Target(name=name, columns=named, span=span)
    line = Data(targets=(target,), source=source_call(settings, span), span=binder.span)
    return Made(line, settings)


def source_call(settings: Settings, span: Span) -> Call:
    """The source of a dataset that a spec makes, as other sources stand in a `data` line."""

    def value(found: object) -> Expr:
        if isinstance(found, tuple):
            return Vector(items=tuple(map(value, found)), span=span)
        if isinstance(found, str):
            return String(value=found, span=span)
        assert isinstance(found, int | float)
        return Number(text=repr(found), value=found, span=span)

    keywords = tuple(
        Keyword(name=name, value=value(found), span=span, name_span=span)
        for name, found in settings.model_dump(exclude_none=True).items()
    )
    return Call(function=Name(id=settings.word, span=span), keywords=keywords, span=span)

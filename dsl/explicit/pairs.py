"""Pairs of examples as data: what is averaged or required over `(a, b) in pairs(D)`.

    P[f(a.x) > f(b.x) | a.y > b.y for (a, b) in pairs(D)]
        P[f(a.x) > f(b.x) | a.y > b.y on "pairs(D)"], drawn anew at every step
    forall (a, b) in pairs(D): abs(f(a.x) - f(b.x)) <= norm(a.x - b.x, 2)
        forall (a.x, a.y, b.x, b.y) in "pairs(D) held": ..., one multiplier a pair

A set of pairs is a dataset from here on, whose columns are those of both examples, `a.x`. Pairs are
ordered, and of two different examples. A bare `a` as the argument of a model is its input.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from cspec.dsl.explicit.points import Made, made_of, with_datasets
from cspec.dsl.messages.diagnostic import Diagnostic, finding, replacing, writing
from cspec.dsl.messages.synonyms import column_named
from cspec.dsl.messages.wording import closest, listing
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.settings.points import Pairs
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import bound_names, head_word, rebuild, substitute

Quantified = nodes.Comprehension | nodes.Constraint | nodes.Group
N = TypeVar("N", bound=nodes.Node)


class WithPairs(NamedTuple):
    """A spec whose pairs are data, its names, the datasets of pairs, and what is wrong."""

    spec: nodes.Spec
    symbols: Symbols
    made: Mapping[str, Made]
    diagnostics: tuple[Diagnostic, ...]


def with_pairs(spec: nodes.Spec, symbols: Symbols) -> WithPairs:
    """The spec with a dataset for each set of pairs that something goes over."""
    worker = _Pairs(symbols)
    items = tuple(worker.item(item) for item in spec.items)
    if not worker.made:
        return WithPairs(spec, symbols, {}, ())
    worker.stand_ins(spec)
    changed = spec.changed(items=items)
    symbols = with_datasets(symbols, worker.made)
    return WithPairs(changed, symbols, worker.made, tuple(worker.found))


class _Pairs:
    """Goes over a spec and makes the datasets."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self.made: dict[str, Made] = {}
        self._first: tuple[str, ...] = ()
        self.found: list[Diagnostic] = []

    def item(self, node: nodes.Item) -> nodes.Item:
        """An item with its pairs as data."""
        changed = self._changed(node)
        assert isinstance(changed, nodes.Item)
        return changed

    def _changed(self, node: nodes.Node) -> nodes.Node:
        match node:
            case nodes.Expectation(binders=(nodes.Binder() as binder,), dataset=None):
                name = self._dataset(binder, "redrawn")
                if name is not None:
                    return rebuild(self._mean(node, binder, name), self._changed)
            case nodes.Comprehension() | nodes.Constraint() | nodes.Group():
                for place, binder in enumerate(node.binders):
                    if (name := self._dataset(binder, "held")) is not None:
                        node = self._quantified(node, place, name)
        return rebuild(node, self._changed)

    def _mean(self, node: nodes.Expectation, binder: nodes.Binder, name: str) -> nodes.Expectation:
        """The mean over a set of pairs; what its `where` says is a condition."""
        where = () if binder.condition is None else (binder.condition,)
        elements = dict.fromkeys(binder.names, name)
        return node.changed(
            body=self._columns(node.body, elements),
            conditions=tuple(self._columns(c, elements) for c in (*node.conditions, *where)),
            binders=(),
            dataset=name,
            dataset_span=binder.domain.span,
        )

    def _quantified(self, node: Quantified, place: int, name: str) -> Quantified:
        """A quantifier over pairs as one over the columns of their dataset."""
        binder = node.binders[place]
        elements = dict.fromkeys(binder.names, name)
        columns = self._columns_of(name)
        data = nodes.Name(id=name, span=binder.domain.span)
        over = binder.changed(names=tuple(column.name for column in columns), domain=data)
        binders = (*node.binders[:place], over, *node.binders[place + 1 :])
        bare = node.changed(binders=())
        rest = self._columns(bare, elements)
        inner = tuple(b if i < place else self._columns(b, elements) for i, b in enumerate(binders))
        return rest.changed(binders=inner)

    # --- what is said of the two examples ---

    def _columns(self, node: N, elements: Mapping[str, str]) -> N:
        """`a.x` as the column that it is; lets that take a whole example are written out."""
        found = self._step(node, elements)
        assert isinstance(found, type(node)) or isinstance(node, nodes.Expr)
        return found  # type: ignore[return-value]

    def _step(self, node: nodes.Node, elements: Mapping[str, str]) -> nodes.Node:
        match node:
            case nodes.Attribute(value=nodes.Name(id=word), name=column) if word in elements:
                return self._column(node, word, column, elements[word])
            case nodes.Index(value=nodes.Name(id=word), indices=(nodes.String(value=column),)) if (
                word in elements
            ):
                return self._column(node, word, column, elements[word])
            case nodes.Call(function=nodes.Name(id=word), arguments=arguments) if any(
                isinstance(a, nodes.Name) and a.id in elements for a in arguments
            ):
                return self._called(node, word, elements)
            case nodes.Name(id=word) if word in elements:
                self._bare(node, elements[word])
                return self._column(node, word, "x", elements[word])
            case nodes.Comprehension(binders=binders) | nodes.Expectation(binders=binders) if (
                binders
            ):
                own = bound_names(binders)
                elements = {k: v for k, v in elements.items() if k not in own}
        return rebuild(node, lambda inner: self._step(inner, elements))

    def _column(self, node: nodes.Expr, word: str, column: str, data: str) -> nodes.Expr:
        columns = [known.name for known in self._columns_of(data)]
        if f"{word}.{column}" in columns:
            return nodes.Name(id=f"{word}.{column}", span=node.span)
        listed = [name for name in columns if name.startswith(f"{word}.")]
        own = [name.removeprefix(f"{word}.") for name in listed]
        known = closest(column, own) or column_named(column, own)
        meant = listed[0] if known is None else f"{word}.{known}"
        target = " (the target)" if known == "y" else ""
        said = f"dataset `{self._base(data)}` has no column `{column}`"
        label = f"an example of it has {', '.join(f'`{name}`' for name in listed)}"
        help_ = (
            f"write `{meant}`{target}" if known else f"columns of it are {listing(listed, 'and')}"
        )
        fixes = replacing(node.span, meant) if known else ()
        self.found.append(finding("CS208", said, node.span, label, helps=(help_,), fixes=fixes))
        return nodes.Name(id=meant, span=node.span)

    def _called(self, call: nodes.Call, word: str, elements: Mapping[str, str]) -> nodes.Node:
        """A model of a whole example sees its inputs; a let is written out."""
        model = self._symbols.models().get(word)
        let = self._symbols.lets().get(word)
        arguments: list[nodes.Expr] = []
        if isinstance(let, nodes.Let) and len(let.parameters or ()) == len(call.arguments):
            values = dict(zip(let.parameters or (), call.arguments, strict=True))
            return self._step(substitute(let.value, values), elements)
        for argument in call.arguments:
            if model is not None and isinstance(argument, nodes.Name) and argument.id in elements:
                word, data = argument.id, elements[argument.id]
                inputs = model.arguments or ("x",)
                arguments += [self._column(argument, word, c, data) for c in inputs]
            else:
                arguments.append(self._columns(argument, elements))
        changed = call.changed(arguments=())
        rest = rebuild(changed, lambda inner: self._step(inner, elements))
        return rest.changed(arguments=tuple(arguments))

    def _bare(self, name: nodes.Name, data: str) -> None:
        own = [c.name for c in self._columns_of(data) if c.name.startswith(f"{name.id}.")]
        said = f"`{name.id}` is a whole example of `{self._base(data)}`"
        label = "which of its columns?"
        help_ = f"write {' or '.join(f'`{column}`' for column in own)}"
        self.found.append(finding("CS302", said, name.span, label, helps=(help_,)))

    # --- the datasets ---

    def _dataset(self, binder: nodes.Binder, way: str) -> str | None:
        """The dataset of the pairs that two names go over; None where it is none."""
        if self._symbols.role("pairs") is not None:
            return None
        match binder.domain:
            case nodes.Call(
                function=nodes.Name(id="pairs"), arguments=(nodes.Name(id=base),), keywords=()
            ):
                pass
            case nodes.Call(function=nodes.Name(id="pairs"), arguments=(), keywords=()):
                base = self._symbols.default_dataset or ""
            case nodes.Call(function=nodes.Name(id="pairs")):
                base = ""
            case _:
                return None
        if base == "train" and "data" in self._symbols.implied:
            base = "data"
        if base not in self._symbols.datasets() and isinstance(binder.domain, nodes.Call):
            base = self._of_columns(binder.domain, binder.domain.arguments)
        known = base in self._symbols.datasets()
        if not known or len(binder.names) != 2 or len(set(binder.names)) != 2:
            return None
        return self._declare(binder, base, way)

    def _of_columns(self, call: nodes.Expr, arguments: tuple[nodes.Expr, ...]) -> str:
        """Report `pairs(x, y)`, `pairs(train.x)`, `pairs(train, test)`: it takes one dataset."""
        heads = (head_word(a.value if isinstance(a, nodes.Attribute) else a) for a in arguments)
        named = [*filter(None, heads)]
        data = [name for name in named if name in self._symbols.datasets()]
        columns = [column_named(n, self._symbols.column_names) or n for n in named]
        if len(named) < len(arguments) or len({*data}) > 1:
            return ""
        if not all(c in self._symbols.column_names or c in data for c in columns):
            return ""
        if not data and len(columns) == 1 and columns[0] not in ("x", "y"):
            return ""  # pairs of the groups of a column?
        base = data[0] if data else self._symbols.default_dataset or ""
        said = "`pairs` takes one dataset: both examples are drawn from it"
        if not data or columns != data:
            said = "`pairs` takes a dataset, and none of its columns"
        label, told = "two examples of which data?", writing(call.span, f"pairs({base})")
        self.found.append(finding("CS302", said, call.span, label, **told))
        return base

    def _declare(self, binder: nodes.Binder, base: str, way: str) -> str:
        """The dataset of these pairs."""
        self._first = self._first or binder.names
        name = f"pairs({base})" + (" held" if way == "held" else "")
        if binder.names != self._first:
            name += f" of {' and '.join(binder.names)}"
        if name in self.made:
            return name
        known = self._symbols.datasets()[base]
        columns = [f"{word}.{column.name}" for word in binder.names for column in known]
        of = {"data": base, "names": binder.names, "way": way, "seed": len(self.made)}
        made = made_of(name, columns, Pairs.model_validate(of), binder)
        line = made.data.changed(span=binder.domain.span)
        self.made[name] = made._replace(data=line)
        return name

    def stand_ins(self, spec: nodes.Spec) -> None:
        """Pairs of the data that `verify` of named requirements and `dual_data` put for others."""
        lines = (item for item in spec.items if isinstance(item, nodes.Verify) and item.labels)
        duals = (
            n.value
            for n in nodes.walk(spec)
            if isinstance(n, nodes.Keyword) and n.name == "dual_data"
        )
        named = [
            *(line.dataset for line in lines),
            *(v.id for v in duals if isinstance(v, nodes.Name)),
        ]
        others = [name for name in named if name in self._symbols.datasets()]
        for one in tuple(self.made.values()):
            assert isinstance(one.settings, Pairs)
            span = one.data.span
            binder = nodes.Binder(
                names=one.settings.names, domain=nodes.Name(id="", span=span), span=span
            )
            for data in others:
                if data is not None:
                    self._declare(binder, data, one.settings.way)

    def _columns_of(self, name: str) -> tuple[nodes.Column, ...]:
        return self.made[name].data.targets[0].columns

    def _base(self, name: str) -> str:
        settings = self.made[name].settings
        assert isinstance(settings, Pairs)
        return settings.data

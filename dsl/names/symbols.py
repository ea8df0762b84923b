"""What the names of a spec mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes

Role = Literal[
    "param", "let", "var", "data", "model", "domain", "given", "import", "function", "column"
]

ROLE_WORDS: dict[Role, str] = {
    "param": "a param",
    "let": "a let",
    "var": "a var",
    "data": "a dataset",
    "model": "a model",
    "domain": "a domain",
    "given": "a given value",
    "import": "an import",
    "function": "a function",
    "column": "a column",
}

DEFAULT_COLUMNS = (nodes.Column(name="x", original="x"), nodes.Column(name="y", original="y"))
SPLITS = ("train", "val", "test")
"""Names that an implied dataset may be verified and measured on."""


def is_made(dataset: str) -> bool:
    """Whether a spec makes a dataset: it is called as it is written, `q.sample(200)`."""
    return "(" in dataset


def is_pairs(dataset: str) -> bool:
    """Whether a dataset is one of pairs of examples, `pairs(train)`."""
    return dataset.startswith("pairs(")


def examples_of(dataset: str) -> str:
    """The data whose examples a dataset holds: `train` of `pairs(train)`, else itself."""
    return dataset.removeprefix("pairs(").partition(")")[0] if is_pairs(dataset) else dataset


def stand_in(dataset: str, data: str) -> str:
    """What stands in for a dataset on other data: `pairs(test)` for `pairs(train)`."""
    return f"pairs({data}){dataset.partition(')')[2]}" if is_pairs(dataset) else data


class Symbol(NamedTuple):
    """A name: its role, the item that declares it, the place of its name."""

    name: str
    role: Role
    item: nodes.Item
    span: Span


class Unbound(NamedTuple):
    """A name that must be bound from outside, and the places that need it."""

    name: str
    role: Role
    span: Span
    needed: tuple[Span, ...] = ()


def columns_of(target: nodes.Target) -> tuple[nodes.Column, ...]:
    """The columns of a dataset: those written, else `x` and `y`."""
    return target.columns or DEFAULT_COLUMNS


class Symbols(BaseModel, frozen=True, ignored_types=(cached_property,)):
    """All names of a spec. `uses` are the places where each is used.

    `metrics` are no names of expressions: they are recorded, and nothing refers to them.
    """

    table: dict[str, Symbol]
    targets: dict[str, nodes.Target] = {}
    uses: dict[str, tuple[Span, ...]] = {}
    implied: frozenset[str] = frozenset()
    metrics: dict[str, nodes.Metric] = {}

    def role(self, name: str) -> Role | None:
        """The role of a name; None for a name of the language or an unknown one."""
        symbol = self.table.get(name)
        return symbol.role if symbol else None

    @cached_property
    def _declared(self) -> dict[type[nodes.Item], dict[str, Any]]:
        """The items of each class that are declared, by name, in written order."""
        found: dict[type[nodes.Item], dict[str, Any]] = defaultdict(dict)
        for symbol in self.table.values():
            found[type(symbol.item)][symbol.name] = symbol.item
        return found

    @cached_property
    def _datasets(self) -> dict[str, tuple[nodes.Column, ...]]:
        return {name: columns_of(target) for name, target in self.targets.items()}

    def datasets(self) -> dict[str, tuple[nodes.Column, ...]]:
        """Every dataset and its columns, in written order."""
        return self._datasets

    def models(self) -> dict[str, nodes.Model]:
        """Every model, in written order."""
        return self._declared[nodes.Model]

    def vars(self) -> dict[str, nodes.Var]:
        """Every decision variable, in written order."""
        return self._declared[nodes.Var]

    def params(self) -> dict[str, nodes.Param]:
        """Every param, in written order."""
        return self._declared[nodes.Param]

    def lets(self) -> dict[str, nodes.Let]:
        """Every let, in written order."""
        return self._declared[nodes.Let]

    def domains(self) -> dict[str, nodes.Domain]:
        """Every continuous domain, in written order."""
        return self._declared[nodes.Domain]

    def more(self, symbols: Iterable[Symbol], targets: Iterable[nodes.Target] = ()) -> Symbols:
        """The names with more of them, and with more datasets."""
        return Symbols(
            table={**self.table, **{symbol.name: symbol for symbol in symbols}},
            targets={**self.targets, **{target.name: target for target in targets}},
            uses=self.uses,
            implied=self.implied,
            metrics=self.metrics,
        )

    def places(self, over: nodes.Expr) -> tuple[str, ...]:
        """The columns of data, or the axes of a domain, in the order that its elements have."""
        match over:
            case (
                nodes.Name(id=name)
                | nodes.Call(function=nodes.Attribute(value=nodes.Name(id=name)))
            ):
                pass
            case _:
                return ()
        if name in self.domains():
            return tuple(axis.name for axis in self.domains()[name].axes)
        data = "data" if name == "train" and "data" in self.implied else name
        return tuple(column.name for column in self.datasets().get(data, ()))

    @cached_property
    def column_names(self) -> frozenset[str]:
        """Names that are a column of some dataset."""
        return frozenset(c.name for columns in self.datasets().values() for c in columns)

    @cached_property
    def default_dataset(self) -> str | None:
        """The dataset an expectation is over that names none: the only one, else `train`."""
        if "data" in self.implied:
            return "data"
        names = tuple(name for name in self.datasets() if not is_made(name))
        if len(names) == 1:
            return names[0]
        return "train" if "train" in names else None

    @cached_property
    def only_model(self) -> str | None:
        """The model that bare losses, `pred` and `prob` mean: the only one."""
        return self.named_models[0] if len(self.named_models) == 1 else None

    @cached_property
    def named_models(self) -> tuple[str, ...]:
        """Models of their own: not those written as another one's name (an error by itself)."""
        models = self.models()
        return tuple(
            name
            for name, item in models.items()
            if not (isinstance(item.source, nodes.Name) and item.source.id in models)
        )

    def frozen(self, model: str) -> bool:
        """Whether a model is a copy that never moves."""
        match self.models().get(model):
            case nodes.Model(source=nodes.Call(function=nodes.Name(id="frozen"))):
                return True
        return False

    def unbound(self) -> tuple[Unbound, ...]:
        """Names that must be bound from outside, each with the places that need it."""
        found = []
        for symbol in self.table.values():
            match symbol.item:
                case nodes.Data(source=None) | nodes.Model(source=None) | nodes.Param(value=None):
                    uses = self.uses.get(symbol.name, ())
                    found.append(Unbound(symbol.name, symbol.role, symbol.span, uses))
        return tuple(found)

"""What inference reads: names, facts of what was bound, and which column each model predicts."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

from cspec.compiler.axes.record import UNKNOWN, Axes
from cspec.compiler.facts import ColumnFacts, Facts
from cspec.compiler.rewrite import function_name
from cspec.dsl.nodes import Call, Compare, Expr, Name, Node, Sum, walk
from cspec.dsl.signatures import LOSSES, SIGNATURES, Signature
from cspec.dsl.symbols import Symbols
from cspec.dsl.tensor_shapes import Shape

CLASS_LOSSES = frozenset({"ce", "bce", "nll", "hinge"})
"""Losses whose targets are classes."""
Params = Mapping[str, float | tuple[float, ...]]


@dataclass(frozen=True)
class Known:
    """Names of the spec, facts of what was bound, values of params, shapes of variables."""

    symbols: Symbols
    facts: Facts
    params: Params = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    functions: Mapping[str, Signature] = field(default_factory=dict)
    """Signatures of functions of a person's own."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """Model -> the column that it predicts."""

    def signature(self, word: str) -> Signature | None:
        """What is known of a function of the language or of a person's own."""
        return self.functions.get(word) or SIGNATURES.get(word)

    def column(self, dataset: str, name: str) -> ColumnFacts | None:
        """Facts of a column; None where its data are not bound."""
        data = self.facts.data.get(dataset)
        return None if data is None else data.columns.get(name)

    def has_column(self, dataset: str, name: str) -> bool:
        """Whether a dataset has a column of that name."""
        data = self.facts.data.get(dataset)
        declared = self.symbols.datasets().get(dataset, ())
        return (data is not None and name in data.columns) or any(c.name == name for c in declared)

    def column_axes(self, dataset: str, name: str) -> Axes:
        """What a column is. One number an example in a row of its own is one number."""
        column = self.column(dataset, name)
        if column is None:
            return UNKNOWN._replace(each=dataset)
        shape = () if column.shape == (1,) else column.shape
        data = self.facts.data[dataset]
        named = name == "x" and shape[-1:] == (len(data.feature_names),)
        names = data.feature_names if named else ()
        found = Axes(each=dataset, shape=shape, names=names)
        match column.kind, column.classes:
            case "real", _:
                return found
            case "integer", _:
                return found._replace(what="whole")
            case _, (False, True):
                return found._replace(what="event", classes=column.classes)
            case _, classes if classes == tuple(range(len(classes))):
                return found._replace(what="whole", classes=classes)
            case _, classes:
                return found._replace(what="category", classes=classes)

    def target(self, expr: Expr) -> str | None:
        """The column that the model inside an expression predicts."""
        for node in walk(expr):
            name = function_name(node) if isinstance(node, Call) else None
            if name in self.targets:
                return self.targets[name or ""]
        return None


def targets_of(tree: Node, symbols: Symbols) -> dict[str, str]:
    """Model -> the column that its outputs are compared with: by a loss, by `pred(..) ==`, by `-`.

    What says it best counts, wherever it stands: a loss of classes, `pred(..) ==`, another loss, a
    difference; of several columns that one way names, `y`, else the first. A model that is asked
    for classes is no regression: a difference to a column says nothing of it. One that is compared
    with nothing predicts the column `y`, where there is one.
    """
    models = symbols.models()
    nodes = list(walk(tree))
    classifiers = {name for node in nodes if _of_classes(node) for name in _called(node, models)}
    found: dict[str, str] = {}
    for way in (_by_class_loss, _by_class, _by_loss, _by_difference):
        named: dict[str, str] = {}
        for output, target in (pair for node in nodes for pair in way(node)):
            if target.id not in symbols.column_names:
                continue
            for name in _called(output, models):
                if way is _by_difference and name in classifiers:
                    continue
                if target.id == "y" or name not in named:
                    named[name] = target.id
        found = named | found
    if "y" in symbols.column_names:
        found = dict.fromkeys(models, "y") | found
    return found


def _called(expr: Node, models: Container[str]) -> list[str]:
    """The models that stand inside a node, in the order written."""
    called = (function_name(node) for node in walk(expr) if isinstance(node, Call))
    return [name for name in called if name is not None and name in models]


def _of_classes(node: Node) -> bool:
    return isinstance(node, Call) and function_name(node) in ("pred", "prob")


Pairs = Iterator[tuple[Expr, Name]]
"""What is compared, and the column it is compared with."""


def _by_loss(node: Node) -> Pairs:
    match node:
        case Call(function=Name(id=loss), arguments=(output, Name() as target)) if loss in LOSSES:
            yield output, target


def _by_class_loss(node: Node) -> Pairs:
    return (pair for pair in _by_loss(node) if function_name(node) in CLASS_LOSSES)


def _by_class(node: Node) -> Pairs:
    match node:
        case Compare(operands=operands):
            outputs = [o for o in operands if function_name(o) == "pred"]
            targets = [o for o in operands if isinstance(o, Name)]
            yield from ((output, target) for output in outputs for target in targets)


def _by_difference(node: Node) -> Pairs:
    match node:
        case Sum(operands=operands):
            outputs = [o for o in operands if isinstance(o, Call)]
            targets = [o for o in operands if isinstance(o, Name)]
            yield from ((output, target) for output in outputs for target in targets)

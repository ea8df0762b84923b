"""What inference reads: names, facts of what was bound, and which column each model predicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cspec.compiler.axes.record import UNKNOWN, Axes
from cspec.compiler.facts import ColumnFacts, Facts
from cspec.compiler.rewrite import function_name
from cspec.dsl.format_expressions import format_expression
from cspec.dsl.nodes import Attribute, Call, Compare, Expr, Index, Name, Node, Sum, walk
from cspec.dsl.signatures import LOSSES, SIGNATURES, Signature
from cspec.dsl.symbols import Symbols
from cspec.dsl.tensor_shapes import Shape

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
    numeric: frozenset[str] = frozenset()
    """Outputs (`f`, `f[1]`) that are compared with numbers alone: by `mse`, `mae`, `f(x) - y`."""

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

    def input_column(self, call: Call, place: int, dataset: str) -> str | None:
        """The column that a model's line names in one place of its arguments: `model f(x, w)`."""
        model = self.symbols.models().get(function_name(call) or "")
        names = () if model is None else model.arguments or ()
        found = names[place] if place < len(names) else None
        return found if found is not None and self.has_column(dataset, found) else None

    def numeric_model(self, outputs: Expr) -> str | None:
        """The model of outputs that are compared with numbers alone; None of others."""
        models = frozenset(self.symbols.models())
        found = (head for head in _heads(outputs, models) if head in self.numeric)
        return next((head.split("[")[0] for head in found), None)

    def target(self, expr: Expr) -> str | None:
        """The column that the model inside an expression predicts."""
        for node in walk(expr):
            name = function_name(node) if isinstance(node, Call) else None
            if name in self.targets:
                return self.targets[name or ""]
        return None


def targets_of(tree: Node, symbols: Symbols) -> dict[str, str]:
    """Model -> the column that its outputs are compared with: by a loss, by `pred(..) ==`, by `-`.

    A model that is compared with nothing predicts the column `y`, where there is one.
    """
    models = symbols.models()
    found: dict[str, str] = {}
    for node in walk(tree):
        for output, target in _compared(node):
            if target.id not in symbols.column_names:
                continue
            for inner in walk(output):
                name = function_name(inner) if isinstance(inner, Call) else None
                if name in models:
                    found.setdefault(name or "", target.id)
    if "y" in symbols.column_names:
        found |= {name: "y" for name in models if name not in found}
    return found


_OF_NUMBERS = frozenset({"mse", "mae", "huber"})


def numeric_of(tree: Node, symbols: Symbols) -> frozenset[str]:
    """Outputs that are compared with numbers somewhere, and with classes nowhere: `f`, `f[1]`."""
    models = frozenset(symbols.models())
    uses: dict[bool, set[str]] = {True: set(), False: set()}
    for node in walk(tree):
        numbers = isinstance(node, Sum) or function_name(node) in _OF_NUMBERS
        if not numbers and function_name(node) not in LOSSES:
            continue
        for output, target in _compared(node):
            if target.id in symbols.column_names:
                inside = {function_name(inner) for inner in walk(output)}
                classes = not numbers or bool(inside & {"pred", "prob"})
                uses[not classes].update(_heads(output, models))
    return frozenset(uses[True] - uses[False])


def _heads(node: Node, models: frozenset[str]) -> Iterator[str]:
    """The outputs of models in an expression: `f` for `f(x)`, `f[1]` for `f(x)[1]`, `f[value]`."""
    name = function_name(node)
    if name in models:
        yield name or ""
    elif isinstance(node, Index | Attribute) and function_name(node.value) in models:
        part = node.name if isinstance(node, Attribute) else format_expression(node.indices[0])
        yield f"{function_name(node.value)}[{part}]"
    else:
        for child in node.children():
            yield from _heads(child, models)


def _compared(node: Node) -> Iterator[tuple[Expr, Name]]:
    match node:
        case Call(function=Name(id=loss), arguments=(output, Name() as target)) if loss in LOSSES:
            yield output, target
        case Compare(operands=operands) | Sum(operands=operands):
            outputs = [o for o in operands if not isinstance(o, Name)]
            targets = [o for o in operands if isinstance(o, Name)]
            if isinstance(node, Sum):
                outputs = [o for o in outputs if isinstance(o, Call)]
            else:
                outputs = [o for o in outputs if function_name(o) == "pred"]
            yield from ((output, target) for output in outputs for target in targets)

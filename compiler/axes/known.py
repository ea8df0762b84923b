"""What inference reads: names, facts of what was bound, and which column each model predicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cspec.compiler.axes.record import UNKNOWN, Axes
from cspec.compiler.axes.targets import Targets, heads
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.records.facts import ColumnFacts, Facts
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Call, Expr, Name
from cspec.dsl.tree.rebuild import calls_of
from cspec.dsl.values.shapes import Shape
from cspec.dsl.words.functions import SIGNATURES, Signature


@dataclass(frozen=True)
class Known:
    """Names of the spec, facts of what was bound, values of params, shapes of variables."""

    symbols: Symbols
    facts: Facts
    params: Values = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    functions: Mapping[str, Signature] = field(default_factory=dict)
    """Signatures of functions of a person's own."""
    predicts: Targets = field(default_factory=Targets)
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

    def column_named(self, dataset: str | None, expr: Expr) -> ColumnFacts | None:
        """Facts of the column that a name is; None of anything else."""
        return self.column(dataset or "", expr.id) if isinstance(expr, Name) else None

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
        named = name == "x" and (shape[-1:] or (1,)) == (len(data.feature_names),)
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

    @property
    def targets(self) -> Mapping[str, str]:
        """Model -> the column that it predicts."""
        return self.predicts.of

    def input_column(self, call: Call, place: int, dataset: str) -> str | None:
        """The column that a model's line names in one place of its arguments: `model f(x, w)`."""
        model = self.symbols.models().get(function_name(call) or "")
        names = () if model is None else model.arguments or ()
        found = names[place] if place < len(names) else None
        return found if found is not None and self.has_column(dataset, found) else None

    def numeric_model(self, outputs: Expr) -> str | None:
        """The model of outputs that are compared with numbers alone; None of others."""
        models = frozenset(self.symbols.models())
        found = (head for head in heads(outputs, models) if head in self.numeric)
        return next((head.split("[")[0] for head in found), None)

    def target(self, expr: Expr) -> str | None:
        """The column that the model inside an expression predicts."""
        called = (function_name(call) or "" for call in calls_of(expr, self.targets))
        return next((self.targets[name] for name in called), None)

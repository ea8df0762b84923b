"""How many outputs each model has that is built: what its losses, labels and uses ask for."""

from collections.abc import Iterable, Mapping
from operator import itemgetter

from cspec.compiler.axes.sizes import used_sizes
from cspec.compiler.axes.targets import targets_of
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.plan import Plan
from cspec.compiler.records.facts import DataFacts
from cspec.dsl.tree.nodes import Call, Compare, Expr, Name, Node, Sum, walk
from cspec.dsl.words.functions import PREDICTIONS
from cspec.dsl.words.losses import LOSS_WORDS, Targets


def outputs(plan: Plan, data: Mapping[str, DataFacts]) -> dict[str, int]:
    """Outputs of each model that is built: `ce` one a class, `bce` and regression one a target.

    Where no loss says it, `pred(f(x)) == y` asks for one a class, `f(x) - y` for one a target,
    `pred(f(x)) == 1` for one of two classes and else for one a class; a model with declared
    arguments, `u(t, x)`, is one number. Else its use does: `f(x)*y` is one, `f(x)[2]` of three,
    `u(t, x)[1]` of two.
    """
    models = frozenset(plan.checked.symbols.models())
    nodes = list(walk(plan.checked.elaborated))
    sizes: dict[str, int] = {}
    compared = filter(None, map(_compared, nodes))
    for _, compared_with, output, target in sorted(compared, key=itemgetter(0)):
        for inner in walk(output):
            name = function_name(inner)
            size = _outputs(compared_with, target, data) if name in models else None
            if name is not None and size is not None:
                sizes.setdefault(name, size)
    symbols = plan.checked.symbols
    columns = targets_of(plan.checked.elaborated, symbols).of
    for name in _predicting(nodes) - sizes.keys():
        size = _outputs("side", Name(id=columns.get(name, "")), data)
        sizes |= {} if size is None else {name: size}
    declared = {name for name, item in symbols.models().items() if item.arguments}
    used = used_sizes(nodes, models)
    return {**used, **{name: used.get(name, 1) for name in declared}, **sizes}


def _predicting(nodes: Iterable[Node]) -> set[str]:
    """Models whose predictions the spec asks for."""
    return {
        name
        for node in nodes
        if function_name(node) in PREDICTIONS
        for inner in walk(node)
        if (name := function_name(inner)) is not None
    } - PREDICTIONS


def _compared(node: Node) -> tuple[int, Targets, Expr, Expr] | None:
    """An output and its target: by losses first, then by classes, then by values."""
    match node:
        case Call(function=Name(id=loss), arguments=(output, target)) if loss in LOSS_WORDS:
            return 0, LOSS_WORDS[loss].targets, output, target
        case Compare(operands=(Call(function=Name(id="pred")) as output, Name() as target)) | (
            Compare(operands=(Name() as target, Call(function=Name(id="pred")) as output))
        ):
            return 1, "class", output, target
        case Sum(operands=(Call() as output, Name() as target)) | (
            Sum(operands=(Name() as target, Call() as output))
        ):
            return 2, "number", output, target
    return None


def _outputs(targets: Targets, target: object, data: Mapping[str, DataFacts]) -> int | None:
    if not isinstance(target, Name):
        return None
    columns = [d.columns[target.id] for d in data.values() if target.id in d.columns]
    if not columns:
        return None
    match targets:
        case "class":
            return max(column.outputs or 0 for column in columns) or None
        case "side":
            classes = max(column.outputs or 0 for column in columns)
            return 1 if classes <= 2 else classes
        case "probability" | "number":
            shape = columns[0].shape
            return shape[0] if shape else 1

"""Which column each model predicts: whose values the classes of its outputs are, or numbers.

ce(f(x), y)                         f predicts y
model ref = frozen(f)               as f does
pred(f(x)) != pred(old(x))          old predicts what f does
P[pred(old(x)) == rater]            y, the column of the losses; `rater` if nothing predicts
                                    a column, or if it shares no value with y
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.records.facts import Facts
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import calls_of
from cspec.dsl.words.losses import LOSSES, OF_CLASSES, OF_NUMBERS


@dataclass(frozen=True)
class Targets:
    """The column of each model, and models of which two columns may be meant."""

    of: Mapping[str, str] = field(default_factory=dict)
    doubts: Mapping[str, tuple[str, str]] = field(default_factory=dict)


NO_FACTS = Facts()


def numeric_of(tree: nodes.Node, symbols: Symbols) -> frozenset[str]:
    """Outputs that are compared with numbers somewhere, and with classes nowhere: `f`, `f[1]`."""
    models = frozenset(symbols.models())
    uses: dict[bool, set[str]] = {True: set(), False: set()}
    for node in nodes.walk(tree):
        for output, target in (*_in_a_loss(node), *_in_a_difference(node)):
            if target.id in symbols.column_names:
                numbers = isinstance(node, nodes.Sum) or function_name(node) in OF_NUMBERS
                classes = not numbers or any(calls_of(output, ("pred", "prob")))
                uses[not classes].update(heads(output, models))
    return frozenset(uses[True] - uses[False])


def heads(node: nodes.Node, models: frozenset[str]) -> Iterator[str]:
    """The outputs of models in an expression: `f` for `f(x)`, `f[1]` for `f(x)[1]`, `f[value]`."""
    name = function_name(node)
    if name in models:
        yield name or ""
    elif isinstance(node, nodes.Index | nodes.Attribute) and function_name(node.value) in models:
        part = (
            node.name if isinstance(node, nodes.Attribute) else format_expression(node.indices[0])
        )
        yield f"{function_name(node.value)}[{part}]"
    else:
        for child in node.children():
            yield from heads(child, models)


def _in_a_difference(node: nodes.Node) -> Iterator[tuple[nodes.Expr, nodes.Name]]:
    """What stands beside a column in a sum of two."""
    match node:
        case (
            nodes.Sum(operands=(nodes.Name() as target, output))
            | nodes.Sum(operands=(output, nodes.Name() as target))
        ):
            yield output, target


def targets_of(tree: nodes.Node, symbols: Symbols, facts: Facts = NO_FACTS) -> Targets:
    """Model -> the column that its outputs are compared with.

    By a loss or by `-` first, a loss of classes before others, `y` before other columns, whatever
    else it is compared with (a model that is asked for classes is no regression: `-` and losses of
    numbers say nothing of it where its predictions are compared); then as the model that it is a
    copy of, or whose predictions it is compared with; else the column that the losses share, or
    `y`. A column that it is compared with alone, of values of its own, goes before that; one that
    shares some values with it leaves a doubt.
    """
    models = symbols.models()
    if not models:
        return Targets()
    found: dict[str, str] = {}
    asked = calls_of(tree, ("pred", "prob"))
    classifiers = {name for call in asked for name in _models_in(call, symbols)}
    for pairs in (_in_a_class_loss, _in_a_loss, _apart):
        named: dict[str, str] = {}
        for output, target in (pair for node in nodes.walk(tree) for pair in pairs(node)):
            for name in _models_in(output, symbols) if target.id in symbols.column_names else ():
                plain = pairs is _in_a_class_loss or name not in classifiers
                if plain and (target.id == "y" or name not in named):
                    named[name] = target.id
        found = named | found
    shared = set(found.values())
    main = next(iter(shared)) if len(shared) == 1 else "y" if "y" in symbols.column_names else None
    together = [*_copies(symbols), *_beside(tree, symbols)]
    _follow(found, together)
    compared: dict[str, list[str]] = {}
    for name, column in _compared(tree, symbols):
        compared.setdefault(name, []).append(column)
    doubts: dict[str, tuple[str, str]] = {}
    for name in models:
        columns = compared.get(name, [])
        if name in found or (main is None and not columns):
            continue
        found[name] = main if main is not None and (not columns or main in columns) else columns[0]
        if main is not None and found[name] != main:
            found[name], doubtful = _decided(main, columns[0], facts)
            if doubtful:
                doubts[name] = (main, columns[0])
    _follow(found, together)
    return Targets(found, doubts)


def _in_a_loss(node: nodes.Node) -> Iterator[tuple[nodes.Expr, nodes.Name]]:
    """Outputs beside the column that a loss compares them with."""
    match node:
        case nodes.Call(
            function=nodes.Name(id=loss), arguments=(output, nodes.Name() as target)
        ) if loss in LOSSES:
            yield output, target


def _in_a_class_loss(node: nodes.Node) -> Iterator[tuple[nodes.Expr, nodes.Name]]:
    return (pair for pair in _in_a_loss(node) if function_name(node) in OF_CLASSES)


def _apart(node: nodes.Node) -> Iterator[tuple[nodes.Expr, nodes.Name]]:
    """`f(x) - y`: outputs and the column that they are to be near to."""
    match node:
        case (
            nodes.Sum(operands=(nodes.Call() as output, nodes.Name() as target), operators=("-",))
            | nodes.Sum(operands=(nodes.Name() as target, nodes.Call() as output), operators=("-",))
        ):
            yield output, target


def _models_in(expr: nodes.Expr, symbols: Symbols) -> list[str]:
    """The models that are called in an expression."""
    return [function_name(call) or "" for call in calls_of(expr, symbols.models())]


def _predicted(tree: nodes.Node, symbols: Symbols) -> Iterator[tuple[list[str], list[str]]]:
    """Of each comparison the models whose predictions stand in it, and the columns."""
    for node in nodes.walk(tree):
        match node:
            case nodes.Compare(operands=sides):
                pass
            case nodes.Membership(element=element, set=within) if hasattr(within, "items"):
                sides = (element, *within.items)
            case _:
                continue
        columns = [
            o.id for o in sides if isinstance(o, nodes.Name) and o.id in symbols.column_names
        ]
        called = [_models_in(o, symbols) for o in sides if function_name(o) == "pred"]
        yield [names[0] for names in called if names], columns


def _compared(tree: nodes.Node, symbols: Symbols) -> Iterator[tuple[str, str]]:
    """Models whose predictions are compared with a column."""
    for models, columns in _predicted(tree, symbols):
        yield from ((name, column) for name in models for column in columns)


def _beside(tree: nodes.Node, symbols: Symbols) -> Iterator[tuple[str, str]]:
    """Models whose predictions are compared with each other."""
    for models, _ in _predicted(tree, symbols):
        yield from pairwise(models)


def _copies(symbols: Symbols) -> Iterator[tuple[str, str]]:
    """Models and what they are copies of."""
    for name, item in symbols.models().items():
        match item.source:
            case nodes.Call(function=nodes.Name(id="frozen"), arguments=(nodes.Name(id=original),)):
                yield name, original


def _follow(found: dict[str, str], pairs: list[tuple[str, str]]) -> None:
    """Give models the column of those that they go with, as far as that reaches."""
    for _ in pairs:
        for one, other in pairs:
            if (one in found) != (other in found):
                column = found.get(one) or found[other]
                found[one] = found[other] = column


def _decided(main: str, column: str, facts: Facts) -> tuple[str, bool]:
    """The column of a model that is compared with `column` alone, and whether that is a doubt."""
    for data in facts.data.values():
        one, other = data.columns.get(main), data.columns.get(column)
        if one is not None and other is not None:
            values, others = one.classes or one.levels, other.classes or other.levels
            if values != others and not set(values) & set(others):
                return column, False
            return main, values != others and bool(one.classes or other.classes)
    return main, False

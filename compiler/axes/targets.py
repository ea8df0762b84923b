"""Which column each model predicts, read off the spec.

    bce(f(x), y), pred(f(x)) == y      ->   f: y
    mse(u(x), price), u(x) - price     ->   u: price
    pred(f(x)) == pred(g(x))           ->   g: what f predicts
    model ref = frozen(f)              ->   ref: what f predicts

Its classes are those of the column: by them `pred` is compared, and `prob.rain` finds its place.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, product

from cspec.compiler.rewrite import function_name
from cspec.dsl.nodes import Call, Compare, Expr, Name, Node, Sum, walk
from cspec.dsl.signatures import LOSSES
from cspec.dsl.symbols import Symbols

CLASS_LOSSES = frozenset({"ce", "bce", "nll", "hinge"})
"""Losses whose targets are classes."""


def targets_of(tree: Node, symbols: Symbols) -> dict[str, str]:
    """Model -> the column that its outputs are compared with.

    What says it best counts, wherever it stands: a loss of classes or `pred(..) ==`; the model that
    it copies, or with whose classes its own are compared; another loss; a difference. Of several
    columns that are named so, `y`, else the first. A model that is asked for classes is no
    regression: a difference to a column says nothing of it. One that is compared with nothing
    predicts the column `y`, where there is one.
    """
    models, columns = symbols.models(), symbols.column_names
    nodes = list(walk(tree))
    partners = [*_copies(symbols), *(pair for node in nodes for pair in _alike(node, models))]
    classes = {name for node in nodes if _of_classes(node) for name in _called(node, models)}
    found = _shared(_named(nodes, (_by_class_loss, _by_class), models, columns), partners)
    found = _named(nodes, (_by_loss,), models, columns) | found
    differences = _named(nodes, (_by_difference,), models, columns)
    found = {name: differences[name] for name in differences if name not in classes} | found
    found = _shared(found, partners)
    return (dict.fromkeys(models, "y") if "y" in columns else {}) | found


Pairs = Iterable[tuple[Expr, Name]]
"""What is compared, and the column it is compared with."""


def _named(
    nodes: Sequence[Node],
    ways: Sequence[Callable[[Node], Pairs]],
    models: Container[str],
    columns: Container[str],
) -> dict[str, str]:
    """Models and columns that are compared in one of several ways."""
    found: dict[str, str] = {}
    for output, target in (pair for way in ways for node in nodes for pair in way(node)):
        if target.id not in columns:
            continue
        for name in _called(output, models):
            if target.id == "y" or name not in found:
                found[name] = target.id
    return found


def _shared(found: Mapping[str, str], partners: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What one of two partners predicts, of the other where nothing is known of it."""
    known = dict(found)
    for _ in partners:
        for one, other in partners:
            if one in known:
                known.setdefault(other, known[one])
            elif other in known:
                known[one] = known[other]
    return known


def _called(expr: Node, models: Container[str]) -> list[str]:
    """The models that stand inside a node, in the order written."""
    called = (function_name(node) for node in walk(expr) if isinstance(node, Call))
    return [name for name in called if name is not None and name in models]


def _of_classes(node: Node) -> bool:
    return isinstance(node, Call) and function_name(node) in ("pred", "prob")


# --- partners ------------------------------------------------------------------------------------


def _copies(symbols: Symbols) -> Iterator[tuple[str, str]]:
    """`model ref = frozen(f)`."""
    for name, item in symbols.models().items():
        match item.source:
            case Call(function=Name(id="frozen"), arguments=(Name(id=original),)):
                yield name, original


def _alike(node: Node, models: Container[str]) -> Iterator[tuple[str, str]]:
    """`pred(f(x)) == pred(g(x))`."""
    if isinstance(node, Compare):
        asked = [o for o in node.operands if function_name(o) == "pred"]
        called = [name for operand in asked for name in _called(operand, models)]
        yield from pairwise(called)


# --- ways of comparing ---------------------------------------------------------------------------


def _by_class_loss(node: Node) -> Pairs:
    return _by_loss(node) if function_name(node) in CLASS_LOSSES else ()


def _by_loss(node: Node) -> Pairs:
    match node:
        case Call(function=Name(id=loss), arguments=(output, Name() as target)) if loss in LOSSES:
            return ((output, target),)
    return ()


def _by_class(node: Node) -> Pairs:
    if not isinstance(node, Compare):
        return ()
    outputs = [o for o in node.operands if function_name(o) == "pred"]
    return product(outputs, (o for o in node.operands if isinstance(o, Name)))


def _by_difference(node: Node) -> Pairs:
    if not isinstance(node, Sum):
        return ()
    outputs = [o for o in node.operands if isinstance(o, Call)]
    return product(outputs, (o for o in node.operands if isinstance(o, Name)))

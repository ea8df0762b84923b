"""What is flat in an expression, where it stands, and whether it moves.

Flat are events (true or false), predictions (one of a few classes) and functions that are constant
almost everywhere. Means inside an expression (`E[..]`, `cvar(..)`) are closed: what is inside them
is about other examples, and gets a surrogate of its own; so are means over noise and worst cases.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from cspec.compiler.expressions.moving import is_prediction as is_prediction
from cspec.compiler.expressions.moving import moves as moves
from cspec.compiler.expressions.rewrite import function_name, same
from cspec.compiler.records.problem import Drawn, PerExample, WorstCase
from cspec.dsl.explicit.measured_on import TAILS, data_of_tail
from cspec.dsl.tree.nodes import EVENTS, Call, Expectation, Expr, Node, Product

Said = TypeVar("Said", bound=Expr)
REDUCTIONS = frozenset(
    {"max", "min", "sum", "mean", "norm", "l1", "l2", "sumsq", "dot", "std", "variance", "median"}
    | {"all", "any"}
)
"""Functions that make one number, or one truth, of the entries of their argument."""


def is_mean(expr: Node) -> bool:
    """Whether an expression is a statistic over examples of its own."""
    return isinstance(expr, Expectation | PerExample) or function_name(expr) in TAILS


def is_closed(expr: Node) -> bool:
    """The same, or of each example: what is inside is about draws or points of its own."""
    return is_mean(expr) or isinstance(expr, Drawn | WorstCase)


def over_data(expr: Node, dataset: str | None) -> str | None:
    """The dataset whose examples are in reach inside an expression."""
    match expr:
        case Expectation(dataset=name) | PerExample(dataset=name):
            return name
    data = data_of_tail(expr)
    return dataset if data is None else data.id


def reduces(expr: Expr) -> bool:
    """Whether an expression makes one number of the entries of each example."""
    if not isinstance(expr, Call):
        return isinstance(expr, Product) and "@" in expr.operators
    word = function_name(expr)
    return word in REDUCTIONS and len(expr.arguments) == (2 if word in ("norm", "dot") else 1)


def outside_means(expr: Node) -> Iterator[Node]:
    """The nodes of an expression outside of its means, parents first; means themselves too."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        if not is_closed(node):
            stack.extend(reversed(node.children()))


def predictions(expr: Expr, moving: frozenset[str]) -> list[Call]:
    """The predictions that move outside of means, each once."""
    calls = (node for node in outside_means(expr) if isinstance(node, Call))
    return each_once(call for call in calls if is_prediction(call) and moves(call, moving))


def each_once(expressions: Iterable[Said]) -> list[Said]:
    """Expressions without those that say the same as one before."""
    found: list[Said] = []
    for expr in expressions:
        if not any(same(expr, other) for other in found):
            found.append(expr)
    return found


def events(expr: Expr, moving: frozenset[str]) -> list[Expr]:
    """The outermost events that move strictly inside an expression, outside of means, each once."""
    found: list[Expr] = []
    stack: list[Node] = expr.children()[::-1]
    while stack:
        node = stack.pop()
        if isinstance(node, EVENTS) and moves(node, moving):
            found.append(node)
        elif not is_closed(node):
            stack.extend(reversed(node.children()))
    return each_once(found)


def share(left: Expr, right: Expr, moving: frozenset[str]) -> bool:
    """Whether two expressions are about the same prediction."""
    others = predictions(right, moving)
    return any(same(one, other) for one in predictions(left, moving) for other in others)


def together(operands: tuple[Expr, ...], moving: frozenset[str]) -> list[list[int]]:
    """Places of operands that are about the same predictions, each group in the order written."""
    groups: list[list[int]] = []
    for place, operand in enumerate(operands):
        mine = [g for g in groups if any(share(operands[other], operand, moving) for other in g)]
        joint = sorted([place, *(other for group in mine for other in group)])
        at = groups.index(mine[0]) if mine else len(groups)
        groups = [group for group in groups if group not in mine]
        groups.insert(at, joint)
    return groups

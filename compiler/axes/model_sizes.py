"""How many outputs a model is used as having, where no loss and no label says it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cspec.compiler.expressions.rewrite import function_name, operands_of
from cspec.dsl.explicit.measured_on import TAILS
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.nodes import (
    Call,
    Compare,
    Expectation,
    Expr,
    Index,
    Negate,
    Node,
    Number,
    Power,
    Product,
    Sum,
)
from cspec.dsl.words.functions import SIGNATURES


def used_sizes(nodes: Iterable[Node], models: frozenset[str]) -> dict[str, int]:
    """Outputs of each model by its use: `f(x)[k]` needs k + 1, `f(x)*y` and `E[f(x)]` one.

    An entry goes before: `f(x)[2] - f(x)` has three outputs, and the second term is asked about.
    """
    entries: dict[str, int] = {}
    numbers: dict[str, int] = {}
    for node in nodes:
        match node:
            case Index(value=Call() as output, indices=(Number(value=place),)):
                name = function_name(output)
                if name in models and name is not None and is_whole(place) and place >= 0:
                    entries[name] = max(entries.get(name, 0), int(place) + 1)
        for part in _as_numbers(node):
            name = function_name(part) if isinstance(part, Call) else None
            if name is not None and name in models:
                numbers[name] = 1
    return numbers | entries


def _as_numbers(node: Node) -> Iterator[Expr]:
    """The parts of an expression that stand where one number an example does."""
    match node:
        case Sum() | Compare() | Negate():
            yield from operands_of(node)
        case Product(operators=operators) if "@" not in operators:
            yield from operands_of(node)
        case Power(base=inner) | Expectation(body=inner):
            yield inner
        case Call(arguments=arguments):
            word = function_name(node)
            signature = SIGNATURES.get(word or "")
            elementary = signature is not None and signature.family == "elementary"
            if (elementary and word != "softmax") or word in TAILS:
                yield from arguments

"""Sizes of models, what they are with every weight in use, and how many outputs are asked of them.

params(f)   non-zero parameters; of those that are no weights training moves none to zero
flops(f)    2 operations for each use of a non-zero weight; uses are facts of the model
bytes(f)    params(f), each of as many bytes as the run's numbers have
"""

from collections.abc import Iterable, Iterator
from math import prod

from cspec.compiler.axes.record import Argument, Asked
from cspec.compiler.expressions.rewrite import function_name, number, operands_of, rewrite
from cspec.compiler.records.facts import Facts, ModelFacts
from cspec.dsl.explicit.measured_on import TAILS
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.nodes import (
    Call,
    Compare,
    Expectation,
    Expr,
    Index,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Product,
    Sum,
    walk,
)
from cspec.dsl.words.functions import SIGNATURES

SIZES = frozenset({"density", "params", "flops", "bytes"})
STORED = frozenset({"params", "bytes"})
"""Sizes that keeping the largest weights alone may hold."""
_RECURRENT = ("weight_ih_", "weight_hh_", "weight_hr_")
"""How the names of the weights of recurrent layers begin."""


def sized(node: Node, words: frozenset[str] = SIZES) -> tuple[str, str] | None:
    """`("flops", "f")` of `flops(f)`; None of anything else."""
    match node:
        case Call(function=Name(id=word), arguments=(Name(id=model),)) if word in words:
            return word, model
    return None


def models_sized(tree: Node, word: str) -> frozenset[str]:
    """The models whose size of a kind a tree asks for."""
    found = (sized(node, frozenset({word})) for node in walk(tree))
    return frozenset(pair[1] for pair in found if pair is not None)


def other_parameters(model: ModelFacts) -> int:
    """Parameters that are never pruned: biases, normalization."""
    return sum(prod(p.shape) for p in model.parameters if not p.prunable and not p.gate)


def prunable_parameters(model: ModelFacts) -> int:
    """Entries of all weights that may be zero."""
    return sum(prod(p.shape) for p in model.parameters if p.prunable)


def full(word: str, model: ModelFacts, width: int) -> float | None:
    """A size with every weight in use; None where it is not known. `width`: bytes a number."""
    match word:
        case "density":
            return 1.0
        case "params":
            return float(other_parameters(model) + prunable_parameters(model))
        case "bytes":
            return float(width * (other_parameters(model) + prunable_parameters(model)))
    if model.operations is None or model.operations.refusal:
        return None
    sizes: dict[str, int] = {}
    for p in model.parameters:
        layer, _, name = p.name.rpartition(".")
        if name == "weight" or name.startswith(_RECURRENT):
            sizes[layer] = sizes.get(layer, 0) + prod(p.shape)
    uses = model.operations.uses
    if any(name not in sizes for name, _ in uses):
        return None
    return float(sum(2 * n * sizes[name] for name, n in uses) + model.operations.other)


def at_full_size(expr: Expr, facts: Facts, params: Values, width: int) -> float | None:
    """An expression of sizes alone with every weight in use; None where it has other parts."""

    def step(node: Expr) -> Expr:
        pair = sized(node)
        model = None if pair is None else facts.models.get(pair[1])
        value = None if pair is None or model is None else full(pair[0], model, width)
        return node if value is None else number(value)

    changed = rewrite(expr, step)
    return None if changed is expr else value_or_none(changed, params)


def example_call(model: str, calls: tuple[Asked, ...], symbols: Symbols) -> Asked | None:
    """A call of a model whose operations are those of one example: one of the spec's own.

    A model that the spec does not call takes the columns that it names, else `x`.
    """
    for call in calls:
        if call.function == model and any(argument.each for argument in call.arguments):
            return call
    dataset = symbols.default_dataset
    columns = symbols.models()[model].arguments or ("x",)
    known = {c.name for c in symbols.datasets().get(dataset or "", ())}
    if dataset is None or not set(columns) <= known:
        return None
    return Asked(f"{model} alone", model, dataset, tuple(Argument("column", c) for c in columns))


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

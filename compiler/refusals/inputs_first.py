"""Kernels of transposed convolutions, whose rows are of inputs, where a weight's outputs are meant.

W in channels(50%), spectral(W) <= 1, W @ W.T    with `nn.ConvTranspose2d`: refused, by name

torch stores such a kernel as (inputs, outputs / groups, ...). Read as (outputs, rest) it would be
another matrix, of other singular values. What goes entry by entry is the same either way.
"""

from collections.abc import Iterator

from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.problem import Constraint, ParameterRef, Problem
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.text.source import Span
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Node, Product, walk
from cspec.dsl.words.functions import OF_MATRICES
from cspec.dsl.words.sets import OUTPUTS, VECTORS

Names = frozenset[tuple[str, str]]


def check_inputs_first(problem: Problem, facts: Facts) -> None:
    """Raise SpecError (CS529) where the kernel of a transposed convolution is read by outputs."""
    turned = frozenset(
        (model, p.name)
        for model, known in facts.models.items()
        for p in known.parameters
        if p.inputs_first
    )
    if not turned:
        return
    found: dict[Span, Diagnostic] = {}
    for c in problem.constraints:
        for weight, word in (*_of_set(c, turned), *_read(c.value, turned), *_read(c.bound, turned)):
            found.setdefault(c.span, _finding(c.text, c.span, weight, word))
    others = (("objective", problem.objective), *problem.metrics)
    for name, expr in others:
        for weight, word in _read(expr, turned):
            found.setdefault(expr.span, _finding(name, expr.span, weight, word))
    if found:
        raise SpecError(found.values())


def _of_set(c: Constraint, turned: Names) -> Iterator[tuple[str, str]]:
    """The kernels that a set takes by outputs; an index of the text says itself what it is of."""
    member = c.set
    if member is None or member.subject is None or member.partial:
        return
    if member.word in OUTPUTS or (member.word in VECTORS and c.relation == "in"):
        yield from ((weight, f"in {member.word}") for weight in _weights(member.subject, turned))


def _read(expr: Expr, turned: Names) -> Iterator[tuple[str, str]]:
    """The kernels that an expression reads as a matrix, and the word that does."""
    for node in walk(expr):
        match node:
            case Call(arguments=arguments) if (word := function_name(node)) in OF_MATRICES:
                parts: tuple[Node, ...] = arguments
            case Product(operands=operands, operators=operators) if "@" in operators:
                word, parts = "@", operands
            case Attribute(value=value, name="T"):
                word, parts = ".T", (value,)
            case _:
                continue
        yield from ((weight, str(word)) for part in parts for weight in _weights(part, turned))


def _weights(node: Node, turned: Names) -> list[str]:
    refs = (part for part in walk(node) if isinstance(part, ParameterRef))
    return [f"{ref.model}.{ref.name}" for ref in refs if (ref.model, ref.name) in turned]


def _finding(what: str, span: Span, weight: str, word: str) -> Diagnostic:
    return Diagnostic(
        code="CS529",
        message=f"`{what}` can't be computed: {weight} is the kernel of a transposed convolution, "
        f"whose rows are of inputs, and `{word}` reads rows of outputs",
        span=span,
        label="it is stored as (inputs, outputs, ...)",
        helps=(
            'choose other weights by name: `forall W in f.weights("conv*"): ...`',
            "or bound a function of your own that is given the weight, and turns it first: "
            "`torch.linalg.matrix_norm(W.transpose(0, 1).flatten(1), 2)`",
        ),
    )

"""What an objective says of means over data, and a step sees of a batch."""

from collections.abc import Iterator

from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.expressions.text import text
from cspec.compiler.records.problem import Problem
from cspec.compiler.surrogates.atoms import is_closed, is_mean
from cspec.dsl.tree.nodes import Call, Expr, Node, walk

KINKED = frozenset({"abs", "gap", "max", "min", "ratio", "relu"})


def batch_notes(problem: Problem) -> tuple[str, ...]:
    """A kink in means within the objective: of noisy means it is another one in the mean."""
    found = next(_kinked(problem.objective), None)
    if found is None:
        return ()
    return (
        f"the objective: `{text(found)}` is judged by batches, and its mean over them is not that "
        "of the data: `fit(batch_size=full)` follows the data, and so does a requirement with "
        "`soft(weight=...)`, by averages over late steps",
    )


def _kinked(expr: Node) -> Iterator[Expr]:
    """Functions with a kink whose arguments hold means over data."""
    match expr:
        case Expr() if is_closed(expr):
            return
        case Call() if function_name(expr) in KINKED:
            if any(isinstance(node, Expr) and is_mean(node) for node in walk(expr)):
                yield expr
                return
    for child in expr.children():
        yield from _kinked(child)

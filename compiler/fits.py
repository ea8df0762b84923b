"""Whether the outputs of models fit the columns that losses compare them with.

Only binding tells: shapes of outputs and classes of labels are facts. All misfits are found at
once, before the first step.
"""

from __future__ import annotations

from collections.abc import Iterator

from cspec.compiler.facts import ColumnFacts, Facts
from cspec.dsl.diagnostics import Diagnostic, SpecError
from cspec.dsl.nodes import Call, Expectation, Expr, Name, Node, walk

_CLASS_LOSSES = frozenset({"ce", "nll"})
_BINARY_LOSSES = frozenset({"bce"})


def check_fits(tree: Node, facts: Facts) -> None:
    """Raise SpecError where a model's output can't be compared with a column."""
    found = {d.message: d for node in walk(tree) for d in _expectation(node, facts)}
    if found:
        raise SpecError(found.values())


def _expectation(node: Node, facts: Facts) -> Iterator[Diagnostic]:
    if not isinstance(node, Expectation) or node.dataset not in facts.data:
        return
    columns = facts.data[node.dataset].columns
    yield from _several_outputs(node, facts)
    for inner in walk(node):
        match inner:
            case Call(
                function=Name(id=loss),
                arguments=(Call(function=Name(id=model)) as output, Name(id=target)),
            ) if model in facts.models and target in columns:
                shape = facts.models[model].outputs
                if shape is not None:
                    yield from _misfit(loss, model, output, target, shape, columns[target])


def _several_outputs(node: Expectation, facts: Facts) -> Iterator[Diagnostic]:
    """`E[f(x)]` of a model with several outputs has two readings: which output, or all of them?"""
    match node.body:
        case Call(function=Name(id=model)) as output if model in facts.models:
            shape = facts.models[model].outputs or ()
            if shape not in ((), (1,)):
                yield Diagnostic(
                    code="CS331",
                    message=f"`{model}` gives {_outputs_in_words(shape)} an example: which one?",
                    span=output.span,
                    notes=("an average needs one number an example",),
                    helps=(
                        f"name one, `E[{model}(...)[0]]`, or make one number of them, such as "
                        f"`E[norm({model}(...), 2)]`",
                    ),
                )


def _misfit(
    loss: str, model: str, output: Expr, target: str, shape: tuple[int, ...], column: ColumnFacts
) -> Iterator[Diagnostic]:
    classes = len(column.classes)
    given = _outputs_in_words(shape)
    if loss in _CLASS_LOSSES:
        if not classes:
            yield _diagnostic(
                output,
                f"`{loss}` needs classes, but column `{target}` holds numbers",
                f"{loss} compares {given} with the number of a class",
                "for a number to predict, write `mse`, `mae` or `huber`",
            )
        elif len(shape) != 1 or shape[0] < classes:
            yield _diagnostic(
                output,
                f"model `{model}` gives {given}, but `{target}` has {classes} classes",
                f"`{loss}` needs one output a class",
                f"give the last layer of `{model}` {classes} outputs",
            )
    elif loss in _BINARY_LOSSES:
        if classes > 2:
            yield _diagnostic(
                output,
                f"`{loss}` is for two classes, but `{target}` has {classes}",
                "it compares one logit with a 0/1 label",
                f"write `ce`, with one output a class from `{model}`",
            )
        elif shape not in ((), (1,)):
            yield _diagnostic(
                output,
                f"model `{model}` gives {given}, but `{loss}` needs one",
                f"`{loss}` compares one logit with a 0/1 label",
                f"give the last layer of `{model}` one output, or write `ce`",
            )


def _outputs_in_words(shape: tuple[int, ...]) -> str:
    if shape in ((), (1,)):
        return "one output"
    return f"{' by '.join(str(length) for length in shape)} outputs"


def _diagnostic(output: Expr, message: str, note: str, help_: str) -> Diagnostic:
    return Diagnostic(
        code="CS331", message=message, span=output.span, notes=(note,), helps=(help_,)
    )

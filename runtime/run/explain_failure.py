"""A failure inside the emitted module, told at the line of the spec that it belongs to."""

import re
import traceback

from cspec.compiler.records.program import ConstraintFacts, Program
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.parsing.parse import parse
from cspec.dsl.text.source import NOWHERE, Source, Span
from cspec.dsl.tree.nodes import Call, Model, Name, Objective, Spec, walk
from cspec.runtime.failures import line_span, reason_of

_SHAPES = ("shape", "size", "dimension", "mat1", "channels", "broadcast", "index")


def explain_failure(program: Program, error: Exception, name: str) -> Diagnostic:
    """A diagnostic for an error inside the emitted module (the file `name`), at its own line.

    That is the constraint of the generated line, else the call of the model that failed, else the
    objective.
    """
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == name]
    line = (frames[-1].line or "").strip() if frames else ""
    constraint = _constraint_of(program, frames[-1].lineno if frames else None)
    source = Source(text=program.spec, name=program.name)
    notes = [f"in the generated line: {line}"] if line else []
    reason, said = reason_of(error)
    model = _model_of(program, line)
    spec, _ = parse(source)
    goal = (item.span for item in spec.items if isinstance(item, Objective))
    what, span = "the program", next(goal, NOWHERE)
    if constraint is not None:
        what, span = f"`{constraint.label}`", line_span(source, constraint.line)
    elif model is not None:
        what, span = f"the output of model `{model}`", _called(spec, model, line) or span
    return Diagnostic(
        code="CS610",
        message=f"{what} can't be computed: {reason}",
        span=span,
        notes=(*said, *notes),
        helps=_helps(reason, said, model),
        source=source if span != NOWHERE else None,
    )


def _helps(reason: str, said: tuple[str, ...], model: str | None) -> tuple[str, ...]:
    """What can be done: about code of one's own, about shapes, else how to look closer."""
    text = " ".join((reason, *said))
    shapes = any(word in text.lower() for word in _SHAPES)
    if "more than 1 value per channel" in text:
        return ("give batches of two examples or more: `DataLoader(..., drop_last=True)`",)
    if ".py:" in reason:
        place = reason.partition(" raises")[0]
        return (f"look at {place}: cspec called it as the spec asks",)
    if model is not None and shapes:
        return (
            f"give `{model}` what its first layer takes, for example the columns of `{model}(x)`",
        )
    if model is not None:
        return (f"call `{model}` on one batch in Python: the same is raised there",)
    if shapes:
        return ("choose an entry (`f(x)[0]`), or reduce it (`sum(...)`), so that the shapes fit",)
    return ("measure its parts as metrics, `metric part = ...`, to see which one fails",)


def _called(spec: Spec, model: str, line: str) -> Span | None:
    """Where the spec calls a model, an output of a model in it if the generated line does so."""
    calls = [
        node
        for node in walk(spec)
        if isinstance(node, Call) and isinstance(node.function, Name) and node.function.id == model
    ]
    nested = [call for call in calls if any(isinstance(a, Call) for a in call.arguments)]
    argument = line.partition("(")[2]
    chosen = nested if argument.startswith("z") and nested else calls
    if chosen:
        return chosen[0].span
    declared = (i for i in spec.items if isinstance(i, Model) and i.name == model)
    return next((item.span for item in declared), None)


def _model_of(program: Program, line: str) -> str | None:
    """The model that a generated line calls: `primal["net"](rows["x"])`, `z = net(x)`."""
    shared = re.search(r'primal\["([^"]+)"\]\(', line)
    if shared:
        return shared.group(1)
    _, _, value = line.partition(" = ")
    called = value.partition("(")[0]
    return next((m.name for m in program.models if called in (m.name, f"{m.name}_model")), None)


def _constraint_of(program: Program, line: int | None) -> ConstraintFacts | None:
    """The constraint that a generated line computes."""
    label = next((label for place, label in program.lines if place == line), None)
    return next((c for c in program.constraints if label in (c.label, c.family)), None)

"""What takes part in arithmetic, and what is true or false."""

import re
from typing import Any

from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.messages.diagnostic import Fix, replacing, writing
from cspec.dsl.text.source import Span
from cspec.dsl.tree.constants import NotFiniteError, constant
from cspec.dsl.tree.nodes import Call, Expr, Index, Name, Product
from cspec.dsl.values.shapes import Shape, shape_of
from cspec.dsl.words.kind import NUMERIC, WORDS, Kind, joined
from cspec.dsl.words.losses import LOSSES


def arithmetic_kind(typer: Typer, expr: Expr, operands: tuple[Expr, ...], scope: Scope) -> Kind:
    """The kind of a sum, a product, a power: of its operands, numbers all."""
    kinds = [operand_kind(typer, operand, scope) for operand in operands]
    check_finite(typer, expr)
    whats = {kind.what for kind in kinds}
    if isinstance(expr, Product) and declared_shape(typer, expr) == ():
        return joined("number", *kinds)
    for what in ("unknown", "groups", "tensor", "scores"):
        if what in whats:
            return joined(what, *kinds)
    return joined("number", *kinds)


def declared_shape(typer: Typer, expr: Expr) -> Shape | None:
    """The shape of an expression over declared variables and params."""
    return shape_of(expr, typer.shapes, typer.values)


def operand_kind(typer: Typer, expr: Expr, scope: Scope) -> Kind:
    """The kind of what takes part in arithmetic or a comparison."""
    kind = typer.kind(expr, scope)
    if kind.what in NUMERIC or kind.what == "groups":
        return kind
    if kind.what == "event":
        if scope.inside or kind.per_example or scope.data:
            return kind  # counted 0 or 1, in the mean that it comes to stand in
        said = f"{typer.text(expr)} is an event, not a number"
        label = "true or false"
        note = "an event counts 0 or 1 inside `E[...]`; `P[...]` is its fraction"
        help_ = _count_of(typer, expr)
        return typer.report("CS313", said, expr.span, label, notes=(note,), helps=(help_,))
    said = f"{typer.text(expr)} is {WORDS[kind.what]}, not a number"
    label = "arithmetic needs a number here"
    return typer.report("CS302", said, expr.span, label, helps=number_of(typer, expr, kind))


_BOUND = re.compile(r"[ \t]*<=?[ \t]*([\d.]+%?)")


def number_of(typer: Typer, expr: Expr, kind: Kind) -> tuple[str, ...]:
    """How a number is made of a model, of weights, of a text."""
    text = typer.slice(expr)
    match kind.what:
        case "dataset" if isinstance(expr, Index) and text.endswith(('"]', "']")):
            return (f"a column is written by its name alone: `{text.split('[')[1][1:-2]}`",)
        case "model":
            return (f"write `density({text})`, or `{text}(x)` for its outputs",)
        case "weights":
            return (f"write `sumsq({text})`, or `forall W in {text}: ...`",)
        case "set" if isinstance(expr, Call) and isinstance(expr.function, Name):
            held = ", ".join(typer.slice(a) for a in expr.arguments) or "W"
            bound = _BOUND.match(typer.source.text, expr.span.end)
            size = bound[1] if bound else "8"
            if held in typer.symbols.models():
                each = f"forall W in {held}.weights: W in {expr.function.id}({size})"
                return (f"write `{each}`",)
            return (f"write `{held} in {expr.function.id}({size})`",)
        case "string":
            return ('write a number, or compare a column with it: `sex == "Female"`',)
    return ()


def check_finite(typer: Typer, expr: Expr) -> None:
    """Report constant arithmetic without a result."""
    try:
        constant(expr, typer.values)
    except NotFiniteError as problem:
        if problem.expr is expr:
            not_finite(typer, expr, problem)


def not_finite(typer: Typer, expr: Expr, problem: NotFiniteError) -> None:
    """Arithmetic of constants that has no result: `1/0`, `log(-1)`."""
    said = f"{typer.text(expr)} {problem}"
    help_ = "write the number that is meant"
    typer.report("CS316", said, expr.span, "can't be computed", helps=(help_,))


def no_gradient(typer: Typer, expr: Expr, note: str, *helps: str) -> None:
    """Report what is constant almost everywhere, where training follows a gradient."""
    said = f"{typer.text(expr)} has no gradient that training could follow"
    typer.report("CS310", said, expr.span, "constant almost everywhere", notes=(note,), helps=helps)


def event_kind(typer: Typer, expr: Expr, scope: Scope) -> Kind:
    """The kind of what must be true or false."""
    kind = typer.kind(expr, scope)
    if kind.what in ("event", "unknown"):
        return kind
    if kind.what == "column":
        # Of true and false, or of numbers? Only the data tell: binding looks again.
        return kind._replace(what="event")
    text = typer.slice(expr)
    if kind.what == "dataset":
        bar = typer.source.text.rfind("|", 0, expr.span.start)
        alone = bar >= 0 and not typer.source.text[bar + 1 : expr.span.start].strip()
        place = Span(bar, expr.span.end) if alone else expr.span
        fix = Fix(span=place, replacement=f"on {text}", title=f"write on {text}", safe=False)
        said = f"`{text}` is a dataset: where something is measured stands behind `on`"
        help_ = f"write `on {text}`, without the `|`" if alone else f"write `on {text}`"
        fixes = (fix,) if alone else ()
        return typer.report("CS313", said, expr.span, "not an event", helps=(help_,), fixes=fixes)
    over = re.search(rf"\b{re.escape(text)} in values\((\w+)\)", typer.source.text)
    helps = [f"compare it: `{compared(text)}`"]
    helps += [f"or write `{c}`, the class that it says" for c in _class_of(typer, expr)]
    edits = replacing(expr.span, compared(text)) if kind.what in NUMERIC else ()
    meant: dict[str, Any] = {"helps": helps, "fixes": edits}
    if over is not None:
        meant = writing(expr.span, f"{over[1]} == {text}")
    said = f"{typer.text(expr)} is {WORDS[kind.what]}, not an event"
    return typer.report("CS313", said, expr.span, "needs something true or false", **meant)


def compared(text: str) -> str:
    """A number as an event: above 0, where it is never below it above one half."""
    return f"{text} > {'0.5' if never_below(text) else '0'}"


def never_below(text: str) -> bool:
    """Whether a number is never below 0: a probability, a loss."""
    return _NEVER_BELOW.match(text) is not None


_NEVER_BELOW = re.compile(rf"(?:sigmoid|softmax|prob|{'|'.join(LOSSES)})\b")


def _class_of(typer: Typer, expr: Expr) -> tuple[str, ...]:
    """`pred == 1` for outputs, where the text says of which model."""
    match expr:
        case Call(function=Name(id=model)) if model in typer.symbols.named_models:
            one = len(typer.symbols.named_models) == 1
            return ("pred == 1" if one else f"pred({typer.slice(expr)}) == 1",)
    return ()


def _count_of(typer: Typer, event: Expr) -> str:
    """How an event is counted as a number, outside of a mean."""
    if isinstance(event, Name):
        return "write 1 or 0"
    text = typer.slice(event)
    if typer.symbols.datasets():
        return f"write `P[{text}]`"
    bare = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    return f"write `where({bare}, 1, 0)`"

"""Axes of losses: one number an example (or token), and whether outputs and targets go together."""

from cspec.compiler.axes.base import AxesBase
from cspec.compiler.axes.record import UNKNOWN, Axes, size, what
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.expressions.text import text
from cspec.dsl.messages.wording import listing
from cspec.dsl.tree.nodes import Call, Name
from cspec.dsl.words.losses import LOSS_WORDS, OF_NUMBERS


def loss_axes(inference: AxesBase, call: Call, word: str, dataset: str | None) -> Axes:
    """One number an example, or a token where outputs have tokens."""
    if len(call.arguments) != 2:
        return UNKNOWN
    output, target = call.arguments
    given, wanted = inference.axes(output, dataset), inference.axes(target, dataset)
    if given.what == "record":
        return inference.findings.which_part(output, given)
    each = given.each or wanted.each
    if not given.known or not wanted.known:
        return Axes(each=each, tokens=given.tokens)
    if given.each and wanted.each and given.each != wanted.each:
        return inference.findings.misfit(call, (output, target), (given, wanted), "examples")
    loss = LOSS_WORDS[word]
    if loss.per_class(several=bool(given.shape)):
        return _of_classes(inference, call, word, given, wanted)
    if loss.targets == "number" and wanted.text:
        return inference.findings.text(target, wanted)
    found = None
    if loss.targets == "side":
        found = _margin_labels(inference, call, word, wanted)
    elif loss.targets == "probability":
        found = _binary(inference, call, word, given, wanted)
    if found is not None:
        return found
    if _values(given) != _values(wanted):
        return _apart(inference, call, word, given, wanted)
    return Axes(each=each, tokens=given.tokens)


def _margin_labels(inference: AxesBase, call: Call, word: str, wanted: Axes) -> Axes | None:
    """A loss of sides, of one score with labels that are no two classes."""
    target = call.arguments[1]
    column = inference.known.column_named(wanted.each, target)
    if column is None or column.signed or (column.outputs or 3) <= 2:
        return None
    if column.kind == "real" and set(column.values) <= {0, 1}:
        return None
    if not column.values and not column.shape and inference.known.facts.own_loop:
        return None  # of a batch its shapes are known
    listed = ", ".join(f"{value:g}" for value in column.values[:4])
    return inference.findings.add(
        "CS331",
        f"`{word}` needs labels 0 and 1, or -1 and 1, but `{text(target)}` holds "
        f"{listed or 'others'}",
        target,
        notes=("the label says on which side of 0 the score belongs",),
        helps=("for more classes give the model one output a class",),
    )


def _binary(inference: AxesBase, call: Call, word: str, given: Axes, wanted: Axes) -> Axes | None:
    """A loss of one logit with labels of more than two classes, or with an output a class."""
    output, target = call.arguments
    name = function_name(output) if isinstance(output, Call) else text(output)
    classes = len(wanted.classes)
    if classes > 2:
        return inference.findings.add(
            "CS331",
            f"`{word}` is for two classes, but `{text(target)}` has {classes}",
            output,
            notes=("it compares one logit with a 0/1 label",),
            helps=(f"write `ce`, with one output a class from `{name}`",),
        )
    if given.shape and not wanted.shape:
        return inference.findings.add(
            "CS331",
            f"model `{name}` gives {outputs_in_words(given)}, but `{word}` needs one",
            output,
            notes=(f"`{word}` compares one logit with a 0/1 label",),
            helps=(f"give the last layer of `{name}` one output, or write `ce`",),
        )
    return None


def _values(axes: Axes) -> tuple[int, ...]:
    return (*axes.tokens, *(axes.shape or ()))


def _of_classes(inference: AxesBase, call: Call, word: str, given: Axes, wanted: Axes) -> Axes:
    """Outputs one a class, and one label."""
    output, target = call.arguments
    labels = _values(wanted)
    column = inference.known.column_named(wanted.each, target)
    signed = column is not None and column.signed
    if (wanted.what == "number" or signed) and isinstance(target, Name):
        return inference.findings.add(
            "CS331",
            f"`{word}` needs classes, but column `{text(target)}` holds "
            f"{'-1 and 1' if signed else 'numbers'}",
            output,
            notes=(f"{word} compares {outputs_in_words(given)} with the number of a class",),
            helps=(
                f"number the classes 0 and 1: `{text(target)} = ({text(target)} + 1) // 2`"
                if signed
                else f"for a number to predict, write {listing(OF_NUMBERS)}",
            ),
        )
    classes = 0 if column is None else column.outputs or 0
    if labels == given.tokens and (not given.shape or given.shape[0] < classes):
        return _few(inference, call, word, given, classes)
    if labels != given.tokens or len(given.shape or ()) > 1:
        return _labels(inference, call, word, given, wanted)
    return Axes(each=given.each, tokens=given.tokens)


def _labels(inference: AxesBase, call: Call, word: str, given: Axes, wanted: Axes) -> Axes:
    """Labels in another shape than one an example (or one a token)."""
    target = call.arguments[1]
    name = text(target)
    return inference.findings.add(
        "CS331",
        f"`{word}` needs one label an example, but `{name}` holds a list of length "
        f"{size(_values(wanted))} an example"
        if not given.tokens
        else f"`{word}` needs one label a token, but `{name}` is {what(wanted)}",
        call,
        f"outputs are {what(given)}",
        notes=(f"`{word}` compares one output a class with the number of a class",),
        helps=(
            f"for one-hot labels give the numbers of the classes: `{name}.argmax(1)`",
            "for tokens give outputs (examples, tokens, classes) and labels (examples, tokens)",
        ),
    )


def outputs_in_words(axes: Axes) -> str:
    """`one output`, `3 outputs`."""
    return f"{size(axes.shape)} outputs" if axes.shape else "one output"


def _few(inference: AxesBase, call: Call, word: str, given: Axes, classes: int) -> Axes:
    output, target = call.arguments
    name = function_name(output)
    if inference.known.symbols.role(name or "") != "model":
        name = None
    model, labels = f"model `{name}`" if name else f"`{text(output)}`", text(target)
    notes, helps = [f"`{word}` needs one output a class"], []
    column = inference.known.column_named(given.each, target)
    levels = () if column is None else column.levels
    if levels != tuple(range(len(levels))):
        # Some numbers below the largest are missing: they count as classes that no example has.
        listed = ", ".join(map(str, levels))
        notes.append(f"labels are {listed}, and classes 0 to {classes - 1}")
        if len(levels) == (given.shape or (1,))[-1]:
            numbered = f"torch.unique({labels}, return_inverse=True)[1]"
            helps = [
                f"number the labels, in Python: `{labels} = {numbered}`",
                f"or give them as text: `{labels} = [str(label) for label in {labels}]`",
            ]
    return inference.findings.add(
        "CS331",
        f"{model} gives {outputs_in_words(given)}, but `{labels}` has {classes} classes",
        output,
        notes=tuple(notes),
        helps=(*helps, f"give the last layer of `{name or text(output)}` {classes} outputs"),
    )


def _apart(inference: AxesBase, call: Call, word: str, given: Axes, wanted: Axes) -> Axes:
    output, target = call.arguments
    return inference.findings.add(
        "CS331",
        f"`{text(output)}` is {what(given)}, and `{text(target)}` is {what(wanted)}",
        call,
        f"`{word}` compares them entry by entry",
        notes=("an output and its target have the same shape",),
        helps=(f"give the model as many outputs as `{text(target)}` has, or choose one of them",),
    )._replace(each=given.each)

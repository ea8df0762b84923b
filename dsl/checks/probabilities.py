"""What is of probabilities and what is of logits: one in the place of the other can be seen.

kl(f(x), g(x))        where `ce(f(x), y)` stands in the spec, or `f = mlp(...)`: f(x) are logits
ce(prob(f(x)), y)     `ce` takes the logits and makes probabilities of them itself
"""

from collections.abc import Iterator, Mapping

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import edit, replacing, writing
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import function_name, head_word
from cspec.dsl.words.losses import OF_LOG_PROBABILITIES, OF_LOGITS, OF_SCORES, PER_CLASS

WORDS = frozenset({"kl", "entropy"})
"""Functions of probabilities."""
LOGITS = frozenset({*OF_SCORES, "prob", "pred", "softmax"})
"""Functions whose first argument is logits."""
TWICE = frozenset({*OF_LOGITS, "prob", "pred"})
"""Functions that make probabilities of what they are given."""
MADE = frozenset({"prob", "softmax", "sigmoid"})
"""Functions that give probabilities."""


def check_probabilities(typer: Typer, items: tuple[nodes.Item, ...]) -> None:
    """Report logits where probabilities are meant; findings go to the typer."""
    calls = [node for item in items for node in nodes.walk(item) if isinstance(node, nodes.Call)]
    _several(typer, items, calls)
    for call in calls:
        if _word(typer, call) in TWICE and call.arguments:
            _twice(typer, call, call.arguments[0])
    built = _with_made(items, {})
    for call in calls:
        _log_probabilities(typer, call, built)
    why: dict[str, str] = {}
    for call in calls:
        logits = _word(typer, call) in LOGITS and call.arguments
        if model := _model(typer, call.arguments[0]) if logits else "":
            why[model] = f"`{typer.slice(call)}` takes them as logits"
    why = _with_made(items, why)
    for call in calls:
        for argument in call.arguments if _word(typer, call) in WORDS else ():
            model = _model(typer, argument)
            if model in why:
                _logits(typer, call, argument, why[model])


def _twice(typer: Typer, call: nodes.Call, argument: nodes.Expr) -> None:
    """`ce(prob(f(x)), y)`: a softmax of a softmax, which trains and means little."""
    if not isinstance(argument, nodes.Call) or _word(typer, argument) not in MADE:
        return
    if len(argument.arguments) != 1 or not _model(typer, argument.arguments[0]):
        return
    text, word = typer.slice(argument), _word(typer, call)
    meant = typer.slice(argument.arguments[0])
    bare = not text.endswith(")")  # `prob` alone, written out
    said = f"`{word}` is of the outputs of a model, and `{text}` are probabilities"
    label = "made probabilities twice"
    note = f"`{word}` makes probabilities of what it is given itself"
    help_ = f"write `{meant}`" if not bare else "write the outputs: `f(x)` of the model `f`"
    fixes = () if bare else replacing(argument.span, meant)
    typer.report("CS302", said, argument.span, label, notes=(note,), helps=(help_,), fixes=fixes)


def _several(typer: Typer, items: tuple[nodes.Item, ...], calls: list[nodes.Call]) -> None:
    """`P[prob > 0.5]`, `E[prob] <= 30%`, where `ce(f(x), y)` tells that there is one a class."""
    losses = [call for call in calls if _word(typer, call) in PER_CLASS and call.arguments]
    trained = {model for call in losses if (model := _model(typer, call.arguments[0]))}
    sides = [side for item in items for side in _sides(item)] if trained else []
    for side, accurate in sides:
        body = side.body if isinstance(side, nodes.Expectation) else None
        equal = isinstance(body, nodes.Compare) and not {"==", "!="}.isdisjoint(body.operators)
        parted = isinstance(body, nodes.Compare) and not equal
        plain = isinstance(body, nodes.Sum) and any(
            isinstance(part, nodes.Number) for part in body.operands
        )
        parted = parted or plain
        tested = (
            body.operands if parted and isinstance(body, nodes.Compare | nodes.Sum) else (body,)
        )
        for node in tested:
            if not isinstance(node, nodes.Call) or _word(typer, node) != "prob":
                continue
            if len(node.arguments) == 1 and _model(typer, node.arguments[0]) in trained:
                _which(typer, side, node, accurate)


def _sides(item: nodes.Item) -> Iterator[tuple[nodes.Expr, bool]]:
    """The means that the constraints of an item compare, as one number each, and whether with how
    often the prediction is right.
    """
    for node in nodes.walk(item):
        if isinstance(node, nodes.Constraint) and isinstance(node.relation, nodes.Compare):
            means = [mean for operand in node.relation.operands for mean in _means(operand)]
            accurate = any(isinstance(mean, nodes.Expectation) and _right(mean) for mean in means)
            yield from ((mean, accurate) for mean in means)


def _means(side: nodes.Expr) -> Iterator[nodes.Expr]:
    """A side, or the means in it: `abs(E[prob] - P[pred == y])`, beside rates and numbers alone."""
    match side:
        case (
            nodes.Call(function=nodes.Name(id="abs"), arguments=(inner,))
            | nodes.Negate(operand=inner)
        ):
            yield from _means(inner)
        case nodes.Sum(operands=parts) if any(
            isinstance(p, nodes.Expectation) and p.kind == "P" for p in parts
        ):
            yield from parts
        case _:
            yield side


def _right(mean: nodes.Expectation) -> bool:
    """`P[pred == y]`: whether a mean says how often the prediction is the label."""
    body = mean.body
    if not isinstance(body, nodes.Compare) or body.operators != ("==",):
        return False
    named = any(isinstance(side, nodes.Name) for side in body.operands)
    return named and {function_name(side) == "pred" for side in body.operands} == {True, False}


def _which(typer: Typer, side: nodes.Expr, node: nodes.Expr, accurate: bool) -> None:
    if node.span.end <= node.span.start or node.span.end > side.span.end:
        return
    largest = typer.exchanged(side, node, f"max({typer.slice(node)})")
    one = typer.exchanged(side, node, f"{typer.slice(node)}[1]")
    helps = [f"of class 1 write `{one}`", f"of the most likely class `{largest}`"]
    forms = (largest,) if accurate else (one, largest)
    typer.report(
        "CS332",
        f"{typer.text(node)} has one number a class: which one?",
        node.span,
        "several numbers an example",
        notes=("`ce` is of one logit a class",),
        helps=(f"write `{largest}`, how sure the predictions are",) if accurate else helps,
        fixes=replacing(side.span, *forms),
    )


def _log_probabilities(typer: Typer, call: nodes.Call, why: Mapping[str, str]) -> None:
    """`nll(f(x), y)` of a built-in model: it falls without end as outputs grow."""
    word = _word(typer, call)
    if word not in OF_LOG_PROBABILITIES or not call.arguments:
        return
    argument = call.arguments[0]
    model = _model(typer, argument)
    if model not in why:
        return
    meant, text = PER_CLASS[0], typer.slice(argument) or "f(x)"
    meant = typer.slice(call).replace(word, meant, 1) if text.endswith(")") else meant
    said = f"`{word}` is of log-probabilities, and `{model}(x)` are the outputs of a model"
    notes = (why[model], "without a logarithm of probabilities it falls without end")
    typer.report("CS302", said, call.span, "logits", notes=notes, **writing(call.span, meant))


def _word(typer: Typer, call: nodes.Call) -> str:
    """The function of the language that is called."""
    name = function_name(call) or ""
    return "" if name in typer.symbols.table else name


def _model(typer: Typer, node: nodes.Node) -> str:
    """The model of `f(x)`; empty for anything else."""
    name = function_name(node) or ""
    return name if typer.symbols.role(name) == "model" else ""


def _with_made(items: tuple[nodes.Item, ...], why: Mapping[str, str]) -> dict[str, str]:
    """Why models give logits: what is known of them already, else how they are made."""
    known = dict(why)
    for item in items:
        if isinstance(item, nodes.Model) and item.source is not None:
            made = _made(item.source, known)
            if made is not None:
                known.setdefault(item.name, made)
    return known


def _made(source: nodes.Expr, why: Mapping[str, str]) -> str | None:
    """Why a model that is built, or copied from another, gives logits."""
    name = head_word(source)
    if name == "frozen" and isinstance(source, nodes.Call) and source.arguments:
        original = source.arguments[0]
        return why.get(original.id) if isinstance(original, nodes.Name) else None
    return f"the outputs of `{name}` are logits" if name in ("linear", "mlp", "cnn") else None


def _logits(typer: Typer, call: nodes.Call, argument: nodes.Expr, why: str) -> None:
    text = typer.slice(argument)
    word = _word(typer, call)
    said = f"`{word}` is of probabilities, and `{text}` are the outputs of a model"
    notes = (why, "the logarithm of a negative output is not a number")
    help_ = f"write `prob({text})`"
    fixes = edit(argument.span, f"prob({text})", f"prob({text})")
    typer.report("CS302", said, argument.span, "logits", notes=notes, helps=(help_,), fixes=fixes)

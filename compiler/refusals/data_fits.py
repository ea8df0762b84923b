"""Whether the outputs of models fit the columns that losses compare them with.

Only binding tells: shapes of outputs and classes of labels are facts. All misfits are found at
once, before the first step.
"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from cspec.compiler.expressions.text import text
from cspec.compiler.records.facts import ColumnFacts, DataFacts, Facts
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.messages.wording import listing, some
from cspec.dsl.tree.nodes import (
    Attribute,
    Call,
    Expectation,
    Name,
    Node,
    Objective,
    String,
    Var,
    walk,
)
from cspec.dsl.words.losses import LOSS_WORDS, OF_NUMBERS


def check_fits(tree: Node, facts: Facts) -> None:
    """Raise SpecError where a model's output can't be compared with a column."""
    variables = frozenset(node.name for node in walk(tree) if isinstance(node, Var))
    nodes = list(walk(tree))
    of_nodes = (
        d
        for node in nodes
        for d in (*_pattern(node, facts), *_still(node, facts, variables), *_refused(node, facts))
    )
    groups = (d for node in nodes for d in _one_group(node, facts))
    found = {d.message: d for d in (*of_nodes, *_widths(tree, facts), *groups)}
    if found:
        raise SpecError(found.values())


def _one_group(node: Node, facts: Facts) -> Iterator[Diagnostic]:
    """A gap or ratio between groups of which the data have only one is always met: say so."""
    match node:
        case Call(
            function=Name(id=("gap" | "ratio") as word),
            arguments=(Expectation(conditions=(Name(id=column),), dataset=str() as dataset),),
        ) if dataset in facts.data and column in facts.data[dataset].columns:
            known = facts.data[dataset].columns[column]
            present = [known.called(code) for code in known.present]
            if known.held and len(present) < 2:
                yield Diagnostic(
                    code="CS526",
                    message=f"`{word}` compares groups, but `{dataset}` has one `{column}` only",
                    span=node.span,
                    label=f"every row is {present[0]}" if present else "no row",
                    notes=("it would be reported as met, whatever is learned",),
                    helps=("give data with two groups or more, or leave the requirement out",),
                )


def check_labels(tree: Node, data: Mapping[str, DataFacts]) -> None:
    """Raise SpecError where a loss for classes meets a column that has none, or only one.

    The size of a model that is built follows its labels, so that this comes first.
    """
    found: dict[int, Diagnostic] = {}
    for node in walk(tree):
        match node:
            case Call(function=Name(id=word), arguments=(_, Name() as target)):
                columns = [d.columns[target.id] for d in data.values() if target.id in d.columns]
                asked = LOSS_WORDS[word].targets if word in LOSS_WORDS and columns else None
                problem = None
                if asked == "class":
                    problem = _no_classes(word, target, columns)
                elif asked == "probability":
                    problem = _not_binary(word, target, columns[0])
                if problem is not None:
                    found.setdefault(target.span.start, problem)
    if found:
        raise SpecError(found.values())


def _no_classes(loss: str, target: Name, columns: Sequence[ColumnFacts]) -> Diagnostic | None:
    """Labels of one class only in all the data together, or none that are classes."""
    column = next((c for c in columns if c.outputs is None), columns[0])
    present = sorted({code for c in columns for code in c.present})
    if column.outputs is not None and (len(present) > 1 or len(column.classes) > 1):
        return None
    if column.outputs is not None:
        return Diagnostic(
            code="CS331",
            message=f"column `{target.id}` holds one class only: {column.called(present[0])}",
            span=target.span,
            notes=("a model that always says it is right on all of these data",),
            helps=("give data of two classes or more",),
        )
    kind = "numbers" if column.kind == "real" else "whole numbers that are not 0, 1, 2, ..."
    if column.shape:
        kind = f"a list of length {_by(column.shape)} an example"
    message = f"`{loss}` needs classes, but column `{target.id}` holds {kind}{_some(column)}"
    note = "classes are text, or whole numbers 0, 1, 2, ... with one value an example"
    return _misfit(target, column, message, note)


def _misfit(target: Name, column: ColumnFacts, message: str, note: str) -> Diagnostic:
    helps = (*_renumber(target, column), f"for a number to predict: {listing(OF_NUMBERS)}")
    return Diagnostic(code="CS331", message=message, span=target.span, notes=(note,), helps=helps)


def _some(column: ColumnFacts) -> str:
    """Values of a column, for people: `: -1, 1`."""
    shown = some([f"{value:g}" for value in column.values], 5)
    return f": {shown}" if shown else ""


def _renumber(target: Name, column: ColumnFacts) -> tuple[str, ...]:
    """How labels that are no class numbers become some."""
    name = target.id
    if column.shape:
        if column.shape == (1,):
            return (f"give one value an example: `{name}[:, 0]`",)
        return (f"for one-hot labels give the numbers of the classes: `{name}.argmax(1)`",)
    if column.kind == "real" and all(float(value).is_integer() for value in column.values):
        return (f"give whole numbers from 0 on: `{name}.long()` in Python",)
    return (
        'in a table, name the column as one of classes: `csv(..., categorical=["..."])`'
        " numbers its values in sorted order",
        f"in Python, number them: `{name} = torch.unique({name}, return_inverse=True)[1]`",
    )


def _not_binary(loss: str, target: Name, column: ColumnFacts) -> Diagnostic | None:
    """Labels -1 and 1, or 1 and 2, in place of probabilities: another problem than is meant."""
    if column.classes or column.shape or not column.values:
        return None
    soft = column.kind == "real"
    low, high = min(column.values), max(column.values)
    if (soft and low >= 0 and high <= 1) or (not soft and {low, high} <= {0, 1}):
        return None
    wanted = "labels between 0 and 1" if soft else "labels 0 and 1"
    message = f"`{loss}` needs {wanted}, but column `{target.id}` holds{_some(column)[1:]}"
    return _misfit(target, column, message, "one logit is compared with the probability of class 1")


def _widths(tree: Node, facts: Facts) -> Iterator[Diagnostic]:
    """The inputs of a model have the same shape in all datasets."""
    fed: dict[str, dict[str, Name]] = {}
    for node in walk(tree):
        match node:
            case Call(function=Name(id=model), arguments=(Name(id=column) as place,)) if (
                model in facts.models
            ):
                fed.setdefault(column, {}).setdefault(model, place)
    for column, places in fed.items():
        shapes = {n: d.columns[column].shape for n, d in facts.data.items() if column in d.columns}
        # Two models may each have a dataset of their own with inputs of this name.
        if len(places) != 1 or len(set(shapes.values())) < 2:
            continue
        model, place = next(iter(places.items()))
        told = ", ".join(
            f"{_by(shape) or 'one number'} in `{name}`" for name, shape in shapes.items()
        )
        yield Diagnostic(
            code="CS331",
            message=f"inputs `{column}` of model `{model}` differ between datasets: {told}",
            span=place.span,
            notes=("one model takes inputs of one shape",),
            helps=("prepare all datasets in the same way",),
        )


def _by(shape: tuple[int, ...]) -> str:
    return " by ".join(map(str, shape))


def _refused(node: Node, facts: Facts) -> Iterator[Diagnostic]:
    """A model that is called with `x` and can't take it."""
    match node:
        case Call(function=Name(id=model), arguments=(Name(id="x") as place,), keywords=()) if (
            model in facts.models
        ):
            holders = [(n, d) for n, d in facts.data.items() if "x" in d.columns]
            refusals = [facts.outputs.get(f"{model}(x) on {name}") for name, _ in holders]
            refusal = next((seen.refusal for seen in refusals if seen and seen.refusal), "")
            if not refusal:
                return
            name, data = holders[0]
            shape = data.columns["x"].shape
            help_ = _fitting(model, refusal, shape)
            if help_ is None:
                return  # what the model itself got wrong, its own line tells when it runs
            batch = ", ".join(str(length) for length in (data.rows, *shape))
            yield Diagnostic(
                code="CS331",
                message=f"model `{model}` can't take column `x` of `{name}`: {refusal}",
                span=place.span,
                notes=(f"`x` has the shape ({batch}{',' if not shape else ''})",),
                helps=(help_,),
            )
        case Call(function=Name(id=model)) if model in facts.models:
            refusal = getattr(facts.outputs.get(text(node)), "refusal", "")
            if refusal:
                shown = ", ".join(map(text, node.arguments))
                yield Diagnostic(
                    code="CS331",
                    message=f"model `{model}` can't take `{shown}`: {refusal}",
                    span=node.span,
                    notes=("a variable is one input of a model: it sees a batch of one",),
                    helps=("give the variable the shape of one input, without the batch",),
                )


def _fitting(model: str, refusal: str, shape: tuple[int, ...]) -> str | None:
    """What makes inputs and model fit, where the refusal is about their shape or type."""
    if "dtype" in refusal or "scalar type" in refusal:
        return "give `x` in floating point: `x.float()`"
    if not any(word in refusal for word in ("shape", "size", "channels", "dimension")):
        return None
    if not shape:
        return "give `x` as a column, one row an example: `x[:, None]`"
    if len(shape) == 1:
        return f"give the first layer of `{model}` {shape[0]} inputs"
    return f"make the first layer of `{model}` one for inputs of this shape"


def _pattern(node: Node, facts: Facts) -> Iterator[Diagnostic]:
    """`net.weights("conv*")` where no parameter has such a name."""
    match node:
        case Call(
            function=Attribute(value=Name(id=model), name=("weights" | "params") as kind),
            arguments=(String(value=pattern) as place,),
        ) if model in facts.models:
            known = [
                p.name
                for p in facts.models[model].parameters
                if kind == "params" or len(p.shape) > 1
            ]
            if any(fnmatchcase(name, pattern) for name in known):
                return
            yield Diagnostic(
                code="CS525",
                message=f"no {'weight' if kind == 'weights' else 'parameter'} of `{model}` is "
                f'called "{pattern}"',
                span=place.span,
                label="no match",
                notes=(f"`{model}.{kind}` has: {some(known) or 'none'}",),
                helps=("write one of these names, or a pattern of them such as `*.weight`",),
            )


def _still(node: Node, facts: Facts, variables: frozenset[str]) -> Iterator[Diagnostic]:
    """An objective of models whose parameters all have `requires_grad` false, and of no `var`."""
    if not isinstance(node, Objective) or node.expression is None:
        return
    named = [n for n in walk(node.expression) if isinstance(n, Name)]
    used = [n for n in named if n.id in facts.models]
    moves = any(n.id in variables for n in named) or any(not facts.models[n.id].still for n in used)
    if not used or moves:
        return
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(n.id for n in used))
    if all(facts.models[n.id].frozen for n in used):
        note, help_ = "parameters with `requires_grad` false never move", "set `requires_grad` on"
    else:
        note, help_ = "no optimizer holds one of its parameters", "give the optimizer"
    yield Diagnostic(
        code="CS309",
        message=f"nothing that the objective depends on moves: {names}",
        span=used[0].span,
        notes=(note,),
        helps=(f"{help_} the parameters that are to be trained",),
    )

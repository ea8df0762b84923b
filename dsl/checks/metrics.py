"""Checks of metrics, and of the words that only metrics know.

metric cv   = norm(violations, 2)
metric less = violation(dp, on=test) / initial(violation(dp, on=test))
"""

from collections.abc import Iterator

from cspec.dsl.checks.readings import over_examples
from cspec.dsl.checks.training import dataset
from cspec.dsl.checks.verify import labels, unknown_label
from cspec.dsl.kinds.typer import OUTSIDE, Typer
from cspec.dsl.messages.diagnostic import also_at, edit
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import head_name
from cspec.dsl.words.functions import SIGNATURES
from cspec.dsl.words.kind import WORDS

METRIC_WORDS = frozenset(s.name for s in SIGNATURES.values() if s.family == "metric")
"""Words that are about the run, not about one iterate of it."""
_NO_NUMBERS = frozenset({"weights", "model", "dataset", "set", "string", "function", "domain"})


def check_metrics(typer: Typer, spec: nodes.Spec) -> None:
    """Each metric once, and something that can be recorded."""
    seen: dict[str, Span] = {}
    for item in spec.items:
        if not isinstance(item, nodes.Metric):
            continue
        if item.name in seen:
            said = f"metric `{item.name}` is defined twice"
            label = "defined again here"
            related = also_at(seen[item.name], "first defined here")
            help_ = f"rename one of the two, for example `{item.name}2`"
            typer.report("CS202", said, item.name_span, label, related=related, helps=(help_,))
        seen.setdefault(item.name, item.name_span)
        _value(typer, item)


def _value(typer: Typer, item: nodes.Metric) -> None:
    kind = typer.kind(item.value, OUTSIDE)
    text = typer.slice(item.value)
    if kind.per_example:
        over = over_examples(typer, item.value)
        mean, at = f"{'P' if kind.what == 'event' else 'E'}[{text}]", item.value.span
        said = f"{typer.text(item.value)} has one value an example, and a metric is one number"
        label, helps, fixes = "the mean?", [f"write `{mean}`"], edit(at, mean, "take the mean")
        if over is not None:
            label = "over the examples, or over the entries of each?"
            each = f"over the entries of each example, and their mean: `{mean}`"
            helps = [f"over the examples it is `{over}`", each]
            fixes = edit(at, over, "over examples") + fixes
        typer.report("CS305", said, at, label, helps=helps, fixes=fixes)
    elif kind.what == "event" and isinstance(item.value, nodes.Compare | nodes.Membership):
        side = typer.slice(item.value.children()[0])
        asked = f"s.t. {item.name}: {text}"
        said = f"{typer.text(item.value)} is true or false, and a metric is a number"
        label, required = "the number, or a requirement?", f"for a requirement write `{asked}`"
        helps = [f"for the number write `metric {item.name} = {side}`", required]
        fixes = edit(item.value.span, side, f"record {side}")
        fixes += edit(item.span, asked, f"require {asked}")
        typer.report("CS307", said, item.value.span, label, helps=helps, fixes=fixes)
    elif kind.what in _NO_NUMBERS:
        said = f"{typer.text(item.value)} is {WORDS[kind.what]}, and a metric is a number"
        helps = ["write a number: `P[pred == y on test]`"]
        if kind.what == "weights":
            helps = [f"write `l2({text})`, `max({text})`", f"`density({text.split('.')[0]})`"]
        elif kind.what == "model":
            helps = [f"write `density({text})`, `params({text})`"]
        typer.report("CS307", said, item.value.span, "no number to record", helps=helps)


def metric_calls(node: nodes.Node, symbols: Symbols) -> Iterator[nodes.Name | nodes.Call]:
    """The words of metrics in a tree: `violations`, `violation(dp)`, `initial(...)`."""
    called = {id(n.function) for n in nodes.walk(node) if isinstance(n, nodes.Call)}
    for found in nodes.walk(node):
        word = head_name(found)
        if word is None or word.id not in METRIC_WORDS or id(found) in called:
            continue
        assert isinstance(found, nodes.Name | nodes.Call)
        if symbols.role(word.id) is None and word.id not in symbols.column_names:
            yield found


def label_of(expr: nodes.Expr) -> str | None:
    """The label that an argument of `violation` names: `dp`, `eo.tpr`, `"dp[Female]"`."""
    match expr:
        case nodes.Name(id=name) | nodes.String(value=name):
            return name
        case nodes.Attribute(value=value, name=name):
            group = label_of(value)
            return None if group is None else f"{group}.{name}"
    return None


def check_metric_words(typer: Typer, spec: nodes.Spec) -> None:
    """`violation`, `violations` and `initial` stand in metrics, with labels and data that exist."""
    known = labels(spec)
    for item in spec.items:
        for found in metric_calls(item, typer.symbols):
            word = head_name(found)
            assert word is not None
            if not isinstance(item, nodes.Metric):
                _only_in_metrics(typer, found, word.id)
            elif isinstance(found, nodes.Call):
                _arguments(typer, found, word.id, known)


def _only_in_metrics(typer: Typer, found: nodes.Expr, word: str) -> None:
    help_ = "write the expression whose violation is meant"
    if word == "initial":
        help_ = "for a value before training: `model start = frozen(f)` and `start` in its place"
    said = f"`{word}` is only known in metrics"
    label = "about a run, not about one point of it"
    note = "requirements and objectives are functions of what is trained and of data"
    typer.report("CS338", said, found.span, label, notes=(note,), helps=(help_,))


def _arguments(typer: Typer, call: nodes.Call, word: str, known: dict[str, Span]) -> None:
    for keyword in call.keywords:
        if keyword.name == "on" and isinstance(keyword.value, nodes.Name):
            dataset(typer, keyword.value.id, keyword.value.span)
    if word != "violation" or len(call.arguments) != 1:
        return
    (argument,) = call.arguments
    label = label_of(argument)
    family = (label or "").partition("[")[0]
    parts = {*known, *(f"{name}.{end}" for name in known for end in ("lo", "hi"))}
    if label is not None and (family in parts or any(k.startswith(f"{family}.") for k in parts)):
        return
    name = label or typer.slice(argument)
    unknown_label(typer, name, argument.span, known, "one of their labels")

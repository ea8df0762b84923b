"""Comparisons inside means, conditions and branches that say nothing: true, or false, of any data.

P[pred == 1 | sex == sex]      both sides are the same
P[pred == 1 | age > 30 < 50]   a link between two numbers
P[prob[1] > 50]                out of the range of what is compared
P[pred == 1 | sex >= "F"]      text has no order

and the gap of rates whose groups are made by the labels, too: gap(P[pred == 1 | sex, y]).
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from cspec.dsl.checks.ranges import interval, never_holds, subject
from cspec.dsl.checks.readings import over_examples
from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import edit, replacing, writing
from cspec.dsl.messages.synonyms import OVER_EXAMPLES
from cspec.dsl.messages.wording import closest, listing, number
from cspec.dsl.settings.sources import SOURCES
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import constant, value_or_none
from cspec.dsl.tree.rebuild import (
    binders_of,
    bound_names,
    calls_of,
    column_of,
    function_name,
    head_word,
    names,
    setting,
)
from cspec.dsl.values.intervals import Range
from cspec.dsl.words.losses import LOSSES

_ORDERS = frozenset({"<", "<=", ">", ">="})
_ALWAYS = frozenset({"==", "<=", ">="})
"""Relations that hold between a thing and itself."""


def check_events(typer: Typer, items: tuple[nodes.Item, ...]) -> None:
    """Report comparisons inside `E[...]` and `P[...]` that no data decide; findings go to the
    typer. The cost is linear in the size of the items.
    """
    labels = {
        column
        for item in items
        for node in calls_of(item, LOSSES)
        for column in map(column_of, node.arguments[1:2])
        if column
    }
    classes, single = _classes(items), _single_numbers(items)
    for item in items:
        for node in nodes.walk(item):
            if classes:
                _class(typer, node, classes)
            if isinstance(node, nodes.Call) and labels:
                _across_labels(typer, node, labels)
        for node, hidden in _inside(typer, item):
            if isinstance(node, nodes.Compare):
                _of_itself(typer, node)
                _comparison(typer, node, hidden)
            elif isinstance(node, nodes.Membership):
                _membership(typer, node)
            elif isinstance(node, nodes.Call) and single:
                _of_one_number(typer, node, single)


def _single_numbers(items: tuple[nodes.Item, ...]) -> frozenset[str]:
    """Columns that are one number an example: those beside inputs and target, the one target of a
    table."""
    found: set[str] = set()
    for item in items:
        if isinstance(item, nodes.Data):
            target = setting(item.source, "target")
            first = 1 if target is not None and isinstance(target.value, nodes.String) else 2
            found.update(column.name for one in item.targets for column in one.columns[first:])
    return frozenset(found)


def _of_one_number(typer: Typer, node: nodes.Call, single: frozenset[str]) -> None:
    """`E[(y - mean(y))^2]`: the mean of one number is that number, and its deviation 0."""
    over = over_examples(typer, node) if function_name(node) in OVER_EXAMPLES else None
    inner = node.arguments[0] if over is not None else None
    known = any(d.code == "CS333" and d.span == node.span for d in typer.found)
    if over is None or inner is None or known or column_of(inner) not in single:
        return
    alone = _WHOLE.search(typer.source.text[: node.span.start])
    if not (alone and _ENDS.match(typer.source.text, node.span.end)):  # `E[mean(y)]` is `E[y]`
        _no_entries(typer, node, inner, over)


_WHOLE = re.compile(r"\bE\[[ \t]*\Z")
_ENDS = re.compile(r"[ \t]*(?:[\]|]|\bon\b)")


def _no_entries(typer: Typer, side: nodes.Expr, inner: nodes.Expr, over: str) -> None:
    said = f"`{typer.slice(inner)}` is one number an example: it has no entries"
    label = "over the examples?"
    help_ = f"over the examples it is `{over}`"
    typer.report("CS333", said, side.span, label, helps=(help_,), fixes=replacing(side.span, over))


def _classes(items: tuple[nodes.Item, ...]) -> dict[str, tuple[str, ...]]:
    """The classes of the labels of sources that are built in, where all data have the same."""
    known: dict[str, set[tuple[str, ...]]] = {}
    for item in items:
        if not isinstance(item, nodes.Data):
            continue
        source = SOURCES.get(head_word(item.source))
        classes = source.classes if source is not None else ()
        for column in (column for target in item.targets for column in target.columns):
            known.setdefault(column.name, set()).add(classes if column.original == "y" else ())
    return {name: one for name, found in known.items() for one in found if one and len(found) == 1}


def _class(typer: Typer, node: nodes.Node, classes: dict[str, tuple[str, ...]]) -> None:
    """`y == 10`, `pred in {0, 12}`, `y == "rose"` of data whose classes are known without files."""
    match node:
        case nodes.Compare(operands=operands, operators=operators) if {*operators} <= {"==", "!="}:
            sides, compared = operands, operands
        case nodes.Membership(element=element, set=nodes.FiniteSet(items=members)):
            sides, compared = (element,), members
        case _:
            return
    columns = [column for side in sides if (column := column_of(side)) in classes]
    if not columns and len(classes) == 1 and any(function_name(s) == "pred" for s in sides):
        columns = [*classes]
    for expr in compared if columns else ():
        said = typer.slice(expr).strip('"')
        exact = _number(expr) and said.isdigit() and int(said) < len(classes[columns[0]])
        if (_number(expr) or _text(expr)) and not exact and said not in classes[columns[0]]:
            _no_class(typer, expr, columns[0], classes[columns[0]])


def _no_class(typer: Typer, expr: nodes.Expr, column: str, classes: tuple[str, ...]) -> None:
    written, last = typer.slice(expr), len(classes) - 1
    counted = classes[0] == "0"
    words = [name if counted else f'"{name}"' for name in classes]
    value = None if _text(expr) else constant(expr, typer.values)
    if value is not None:
        meant = [str(min(max(round(value), 0), last))]
    else:
        near = closest(written.strip('"'), classes)
        meant = [words[classes.index(near)]] if near else words if last < _FEW else []
    listed = f"0 to {last}" if counted else listing(words, "and")
    typer.report(
        "CS208",
        f"`{column}` has no class {written}: its classes are {listed}",
        expr.span,
        "no row has it",
        notes=() if counted else (f"numbered in this order: 0 to {last}",),
        helps=tuple(f"{'or' if place else 'write'} `{word}`" for place, word in enumerate(meant))
        or (f"write one of {listed}",),
        fixes=replacing(expr.span, *meant),
    )


_FEW = 4
"""Classes that are all offered."""


def _across_labels(typer: Typer, call: nodes.Call, labels: set[str]) -> None:
    """`gap(P[pred == 1 | sex, y])`: equal odds compare within a label, this across labels too."""
    match call:
        case nodes.Call(
            function=nodes.Name(id=("gap" | "ratio") as word),
            arguments=(nodes.Expectation() as rate,),
        ):
            columns = list(map(column_of, rate.conditions))
        case _:
            return
    place = next((k for k, column in enumerate(columns) if column in labels), None)
    inside, single = names(rate.body), len(columns) < 2 or None in columns
    if place is None or single or inside & labels or "pred" not in inside:
        return
    label = columns[place]
    typed, body = typer.slice(call), typer.slice(rate.body)
    held = [f"{c} == k" if c == label else f"{c}" for c in columns]
    outer = "max" if word == "gap" else "min"
    within = f"{outer}({word}(P[{body} | {', '.join(held)}]) for k in values({label}))"
    letters = ("a", "b", "c", "d")[: len(columns)]
    cells = ", ".join(f"{c} == {k}" for c, k in zip(columns, letters, strict=False))
    across = (
        f"{word}(P[{body} | {cells}] for ({', '.join(letters)}) in "
        f"cross({', '.join(map(str, columns))}))"
    )
    said = f"`{typed}` compares the groups across the values of `{label}` as well"
    note = f"a good model has different rates where `{label}` differs: they would be equal, too"
    one = f"{word}(P[{body} | {', '.join(held).replace('== k', '== 1')}])"
    helps = (
        f"for equal odds, within each label: `{within}`",
        f"for one label: `{one}`",
        f"for all combinations against each other: `{across}`",
    )
    asked = "within each label, or across them?"
    typer.report("CS312", said, call.span, asked, notes=(note,), helps=helps)


def _inside(typer: Typer, item: nodes.Item) -> Iterator[tuple[nodes.Node, frozenset[str]]]:
    """The nodes inside of expectations, and the names of quantifiers that hide a column there."""
    stack: list[tuple[nodes.Node, frozenset[str], bool]] = [(item, frozenset(), False)]
    while stack:
        node, hidden, inside = stack.pop()
        if inside:
            yield node, hidden
        if binders := binders_of(node):
            hidden |= bound_names(binders) & typer.symbols.column_names
        inside = inside or isinstance(node, nodes.Expectation)
        stack.extend((child, hidden, inside) for child in node.children())


def _of_itself(typer: Typer, node: nodes.Compare) -> None:
    """`age > median(age)`: the number of an example beside one of all, or of its own entries?"""
    names = {column_of(operand) for operand in node.operands} - {None}
    for side in node.operands:
        over = over_examples(typer, side)
        inner = side.arguments[0] if over is not None and isinstance(side, nodes.Call) else None
        if over is None or inner is None or column_of(inner) not in names:
            continue
        _no_entries(typer, side, inner, over)


def _comparison(typer: Typer, node: nodes.Compare, hidden: frozenset[str]) -> None:
    links = zip(pairwise(node.operands), node.operators, strict=True)
    for (left, right), operator in links:
        span = left.span.to(right.span)
        if _text(left) or _text(right):
            if operator in _ORDERS:
                _ordered_text(typer, node, operator, span)
        elif _number(left) and _number(right):
            if len(node.operands) > 2:
                _two_numbers(typer, node, span)
        elif type(left) is type(right) and nodes.shape(left) == nodes.shape(right):
            _itself(typer, left, operator, span, hidden)
        elif operator == "==" and len(node.operands) == 2 and (ends := _span_of(typer, right)):
            _from_to(typer, node, right, ends)
        elif _number(right) or _number(left):
            _reach(typer, left, right, operator, span)


_SPAN = re.compile(r"(\d[\d_.]*)[ \t]*-[ \t]*(\d[\d_.]*)")


def _span_of(typer: Typer, expr: nodes.Expr) -> tuple[str, str] | None:
    """The ends of `30-60`, which is a difference below 0."""
    found = _SPAN.fullmatch(typer.slice(expr)) if isinstance(expr, nodes.Sum) else None
    numbers = (
        [value_or_none(part, {}) for part in expr.operands] if isinstance(expr, nodes.Sum) else []
    )
    if found is None or len(numbers) != 2 or None in numbers:
        return None
    return (found[1], found[2]) if numbers[0] < numbers[1] else None  # type: ignore[operator]


def _from_to(typer: Typer, node: nodes.Compare, span: nodes.Expr, ends: tuple[str, str]) -> None:
    """`age == 30-60`."""
    meant = f"{typer.slice(node.operands[0])} in [{ends[0]}, {ends[1]}]"
    said = f"{typer.text(span)} is a difference: from one number to the other is an interval"
    typer.report("CS111", said, node.span, "a number below 0", **writing(node.span, meant))


def _text(expr: nodes.Expr) -> bool:
    return isinstance(expr, nodes.String)


def _number(expr: nodes.Expr) -> bool:
    """Whether a number is written there: not a param, whose value may be a choice."""
    return isinstance(expr, nodes.Number) or (
        isinstance(expr, nodes.Negate) and _number(expr.operand)
    )


def _ordered_text(typer: Typer, node: nodes.Compare, operator: str, span: Span) -> None:
    equal = [typer.slice(operand) for operand in node.operands]
    meant = " == ".join(equal)
    said = f"text has no order: `{operator}` compares numbers"
    quoted = [operand.value for operand in node.operands if isinstance(operand, nodes.String)]
    if all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in quoted):
        meant = typer.slice(node)
        for value in quoted:
            meant = re.sub(rf"""(["']){re.escape(value)}\1""", value, meant)
        typer.report("CS334", said, span, "a text", **writing(node.span, meant))
        return
    help_ = f"write `{meant}`"
    fixes = edit(node.span, meant, help_) if len(equal) == 2 else ()
    helps = (f"{help_}, or `in {{...}}` for several values",)
    typer.report("CS334", said, span, "a text", helps=helps, fixes=fixes)


def _two_numbers(typer: Typer, node: nodes.Compare, span: Span) -> None:
    parts = [typer.slice(operand) for operand in node.operands]
    helps = ["a chain says that each of its links holds: write what is compared in each"]
    if len(parts) == 3 and _number(node.operands[1]) and _number(node.operands[2]):
        first = node.operators[0]
        if first in _ORDERS and node.operators[1] in _ORDERS and first[0] != node.operators[1][0]:
            thing, one, other = parts
            helps = [f"write `{one} {nodes.TURNED[first]} {thing} {node.operators[1]} {other}`"]
    said = f"`{typer.source.slice(span)}` compares two numbers"
    typer.report("CS111", said, span, "the same for every example", helps=helps)


def _itself(
    typer: Typer, left: nodes.Expr, operator: str, span: Span, hidden: frozenset[str]
) -> None:
    how = "always true" if operator in _ALWAYS else "never true"
    helps = ["compare two different things"]
    if isinstance(left, nodes.Name) and left.id in hidden:
        helps = [f"give the name of the quantifier another word: `forall g in values({left.id}):`"]
        helps.append(f"and compare with it: `{left.id} == g`")
    said = f"`{typer.source.slice(span)}` is {how}"
    typer.warn("CS328", said, span, "both sides are the same", helps=helps)


def _reach(typer: Typer, left: nodes.Expr, right: nodes.Expr, operator: str, span: Span) -> None:
    """A number that what it is compared with never reaches, whatever is learned."""
    thing, at = (left, right) if _number(right) else (right, left)
    if any(isinstance(node, nodes.Binder | nodes.String) for node in nodes.walk(thing)):
        return
    known: Range = typer.ranges.of(thing)
    bound = typer.ranges.of(at)
    share = (known.low, known.high) == (0, 1)
    low, high = (known, bound) if thing is left else (bound, known)
    if not share or not never_holds(low, high, operator):
        return
    percent = f"{number(bound.low)}%"
    fits = 1 < bound.low <= 100
    typer.report(
        "CS311",
        f"`{typer.source.slice(span)}` is never true: {subject(typer, thing)} {interval(known)}",
        at.span,
        "out of reach",
        helps=(f"did you mean `{percent}`?",) if fits else ("choose a number between 0 and 1",),
        fixes=edit(at.span, percent, "write percent") if fits else (),
        severity="error" if _PROBABILITY.match(typer.slice(thing)) else "warning",
    )


_PROBABILITY = re.compile(r"(prob|sigmoid)\b")
"""What is compared in earnest; an expression that stays in [0, 1] may have been written to."""


def _membership(typer: Typer, node: nodes.Membership) -> None:
    members = node.set
    if not isinstance(members, nodes.Interval) or not (
        _text(members.lower) or _text(members.upper)
    ):
        return
    ends = f"{typer.slice(members.lower)}, {typer.slice(members.upper)}"
    said = f"`[{ends}]` is an interval, and text has no order"
    help_ = f"write `{{{ends}}}`"
    fixes = edit(members.span, f"{{{ends}}}", "use the two values")
    typer.report("CS325", said, members.span, "these two values?", helps=(help_,), fixes=fixes)

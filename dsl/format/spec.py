"""The canonical layout of a spec: same tree, same comments, one way to write it.

One item a line; constraints below `s.t.` with their labels aligned; blank lines kept, at most one
at a time; comments stay with what they stand beside or before. Long lines are broken only where the
language reads on by itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from cspec.dsl.format.expressions import (
    format_binder,
    format_expression,
    format_keyword,
    format_sum,
)
from cspec.dsl.messages.diagnostic import SpecError, errors
from cspec.dsl.mistakes.failure import OPERAND_ENDS
from cspec.dsl.parsing.expressions import quote
from cspec.dsl.parsing.parse import parse
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token, tokenize
from cspec.dsl.tree import nodes


def format_item(item: nodes.Item) -> str:
    """An item other than `s.t.` on one line."""
    return _WRITERS[type(item)](item)


def format_constraint(item: nodes.Constraint) -> str:
    """A constraint without its label on one line."""
    text = format_quantifiers(item) + format_expression(item.relation)
    return text + format_modifiers(item.modifiers)


def format_quantifiers(item: nodes.Constraint | nodes.Group) -> str:
    """`forall a in S: ` for each binder."""
    return "".join(f"forall {format_binder(binder)}: " for binder in item.binders)


def format_modifiers(modifiers: Iterable[nodes.Modifier]) -> str:
    """Each with a blank before it."""
    return "".join(f" {_MODIFIERS[type(modifier)](modifier)}" for modifier in modifiers)


def _settings(keywords: Iterable[nodes.Keyword]) -> str:
    return f"({', '.join(map(format_keyword, keywords))})"


def _brackets(dimensions: tuple[nodes.Expr, ...]) -> str:
    return f"[{', '.join(map(format_expression, dimensions))}]" if dimensions else ""


def _names(names: tuple[str, ...] | None) -> str:
    return f"({', '.join(names)})" if names else ""


def _source(source: nodes.Expr | None) -> str:
    return "" if source is None else f" = {format_sum(source)}"


def _from(item: nodes.From) -> str:
    module = quote(item.module) if item.path else item.module
    return f"from {module} import {', '.join(map(_imported, item.names))}"


def _imported(name: nodes.Imported) -> str:
    return name.name if name.alias == name.name else f"{name.name} as {name.alias}"


def _constant(word: str) -> Callable[[Any], str]:
    def write(item: nodes.Param | nodes.Var) -> str:
        text = f"{word} {item.name}{_brackets(item.dimensions)}{_source(item.value)}"
        return text if item.domain is None else f"{text} in {format_sum(item.domain)}"

    return write


def _target(target: nodes.Target) -> str:
    columns = ", ".join(map(_column, target.columns))
    return f"{target.name}({columns})" if columns else target.name


def _column(column: nodes.Column) -> str:
    if column.original == column.name:
        return column.name
    return f"{quote(column.original)} as {column.name}"


def _domain(item: nodes.Domain) -> str:
    axes = ", ".join(f"{axis.name}{_brackets(axis.dimensions)}" for axis in item.axes)
    return f"domain {item.name}({axes}){_source(item.source)}"


def _objective(item: nodes.Objective) -> str:
    if item.expression is None:
        return item.sense
    return f"{item.sense} {format_expression(item.expression)}"


def _verify(item: nodes.Verify) -> str:
    text = f"verify {', '.join(item.labels) or 'all'}"
    if item.dataset is not None:
        text += f" on {item.dataset}"
    if item.every is not None:
        count, unit = item.every
        text += f" every {unit}" if count == 1 else f" every {count} {unit}s"
    if item.confidence is not None:
        text += f" with confidence {format_sum(item.confidence)}"
    return text


_WRITERS: dict[type[nodes.Item], Callable[[Any], str]] = {
    nodes.From: _from,
    nodes.Param: _constant("param"),
    nodes.Var: _constant("var"),
    nodes.Let: lambda i: f"let {i.name}{_names(i.parameters)} = {format_expression(i.value)}",
    nodes.Data: lambda i: f"data {', '.join(map(_target, i.targets))}{_source(i.source)}",
    nodes.Model: lambda i: f"model {i.name}{_names(i.arguments)}{_source(i.source)}",
    nodes.Domain: _domain,
    nodes.Given: lambda i: f"given {', '.join(name.name for name in i.names)}",
    nodes.Objective: _objective,
    nodes.Using: lambda i: f"using {format_expression(i.method)}",
    nodes.Fit: lambda i: f"fit{_settings(i.keywords)}",
    nodes.Verify: _verify,
    nodes.Metric: lambda i: f"metric {i.name} = {format_expression(i.value)}",
    nodes.Stop: lambda i: f"stop when {format_expression(i.condition)}",
}
_MODIFIERS: dict[type[nodes.Modifier], Callable[[Any], str]] = {
    nodes.By: lambda m: f"by {format_expression(m.method)}",
    nodes.Soft: lambda m: f"soft{_settings(m.keywords)}" if m.keywords else "soft",
    nodes.Within: lambda m: f"within {format_sum(m.tolerance)}",
    nodes.WithSurrogate: lambda m: f"with surrogate {format_expression(m.surrogate)}",
    nodes.On: lambda m: f"on {m.dataset}",
}


HEADING = "s.t. "
MAX_ALIGNED = 24
"""Labels longer than this do not push the others to the right."""


def format_text(text: str) -> str:
    """The canonical layout of a text. Raises `SpecError` if it does not parse."""
    source = Source(text=text)
    spec, found = parse(source)
    if errors(found):
        raise SpecError(found)
    return format_spec(spec, source)


def format_spec(spec: nodes.Spec, source: Source) -> str:
    """The canonical layout of a tree that `parse` made of `source`."""
    writer = _Writer(source, attach(spec, source))
    items = list(spec.items)
    while items:
        item = items.pop(0)
        if isinstance(item, nodes.SubjectTo):
            writer.subject_to(item)
        elif _on_one_line(source, writer.notes, item, items):
            heading = items.pop(0)
            assert isinstance(heading, nodes.SubjectTo)
            writer.one_line(item, heading.constraints[0])
        else:
            writer.item(item)
    for comment in writer.notes.footer:
        writer.comment(comment, 0)
    return "".join(f"{line}\n" for line in writer.lines)


def _on_one_line(
    source: Source, notes: Notes, item: nodes.Item, following: list[nodes.Item]
) -> bool:
    """`minimize ce s.t. density(model) <= 0.5` stays as it was written, if it fits."""
    if not isinstance(item, nodes.Objective) or not following:
        return False
    heading = following[0]
    if not isinstance(heading, nodes.SubjectTo) or len(heading.constraints) != 1:
        return False
    constraint = heading.constraints[0]
    if isinstance(constraint, nodes.Group) or notes.leading.get(constraint.span):
        return False
    last = source.position(item.span.end).line
    if source.position(heading.span.start).line != last or notes.trailing.get(item.span):
        return False
    return len(_one_line(item, constraint)) <= WIDTH


def _one_line(item: nodes.Item, constraint: nodes.Constraint) -> str:
    label = f"{constraint.label}: " if constraint.label else ""
    return f"{format_item(item)} {HEADING}{label}{format_constraint(constraint)}"


class _Writer:
    """The lines so far, and how far into the source they reach."""

    def __init__(self, source: Source, notes: Notes) -> None:
        self.source = source
        self.notes = notes
        self.lines: list[str] = []
        self.last = 0
        self.fresh = True

    def comment(self, comment: nodes.Comment, indent: int) -> None:
        """A comment on a line of its own."""
        self._gap(comment)
        self.lines.append(" " * indent + comment.text)

    def item(self, item: nodes.Item) -> None:
        """An item with its comments."""
        self._leading(item, 0)
        self._add(item, break_line(format_item(item), 0, 0))

    def one_line(self, item: nodes.Item, constraint: nodes.Constraint | nodes.Group) -> None:
        """An objective and its only constraint."""
        assert isinstance(constraint, nodes.Constraint)
        self._leading(item, 0)
        self._gap(item)
        self._add(constraint, [_one_line(item, constraint)])

    def subject_to(self, item: nodes.SubjectTo) -> None:
        """The constraints of one `s.t.`."""
        self._leading(item.constraints[0], 0)
        self._members(item.constraints, len(HEADING), HEADING)

    def _members(
        self, members: tuple[nodes.Constraint | nodes.Group, ...], indent: int, heading: str = ""
    ) -> None:
        widths = _label_widths(self.source, members)
        for number, member in enumerate(members):
            if number or not heading:
                self._leading(member, indent)
            start = heading if number == 0 and heading else " " * indent
            label = f"{member.label}:".ljust(widths[number]) + " " if member.label else ""
            if isinstance(member, nodes.Group):
                self._group(member, start + label, indent)
                continue
            head = start + label
            lines = break_line(format_constraint(member), indent, len(head))
            self._add(member, [head + lines[0], *lines[1:]])

    def _group(self, group: nodes.Group, head: str, indent: int) -> None:
        self._gap(group)
        header = self.notes.header.get(group.span)
        lines = break_line(f"{format_quantifiers(group)}{{", indent, len(head))
        lines[-1] += f"  {header.text}" if header else ""
        self.lines += [head + lines[0], *lines[1:]]
        self.last = self.source.position(group.constraints[0].span.start).line
        self.fresh = True
        self._members(group.constraints, indent + 2)
        for comment in self.notes.tail.get(group.span, ()):
            self.comment(comment, indent + 2)
        self.last = self.source.position(group.span.end).line
        closing = break_line(f"}}{format_modifiers(group.modifiers)}", indent, indent)
        self._add(group, [" " * indent + closing[0], *closing[1:]])

    def _leading(self, item: nodes.Item, indent: int) -> None:
        for comment in self.notes.leading.get(item.span, ()):
            self.comment(comment, indent)

    def _add(self, item: nodes.Item, lines: list[str]) -> None:
        self._gap(item)
        if (comment := self.notes.trailing.get(item.span)) is not None:
            lines = [*lines[:-1], f"{lines[-1]}  {comment.text}"]
        self.lines += lines
        self.last = max(self.last, self.source.position(item.span.end).line)

    def _gap(self, node: nodes.Item | nodes.Comment) -> None:
        """A blank line, if the source has one before this node."""
        line = self.source.position(node.span.start).line
        if line > self.last + 1 and not self.fresh:
            self.lines.append("")
        self.fresh = False
        self.last = max(self.last, self.source.position(node.span.end).line)


def _label_widths(source: Source, members: tuple[nodes.Constraint | nodes.Group, ...]) -> list[int]:
    """The column of labels for each member: the widest of its block between blank lines."""
    blocks: list[list[int]] = []
    last = 0
    for number, member in enumerate(members):
        line = source.position(member.span.start).line
        between = (source.line(other) for other in range(last + 1, line))
        if not blocks or not all(text.strip() for text in between):
            blocks.append([])
        blocks[-1].append(number)
        last = source.position(member.span.end).line
    widths = [0] * len(members)
    for block in blocks:
        lengths = [len(members[i].label or "") + 1 for i in block]
        widest = max((n for n in lengths if n <= MAX_ALIGNED), default=0)
        for i in block:
            widths[i] = widest
    return widths


WIDTH = 100
STEP = 4
_OPERATORS = frozenset(["SIGN", "TIMES", "RELATION", "ARROW", "AND", "OR"])
_BEFORE_MODIFIERS = frozenset(["WITH", "WITHIN", "SOFT", "BY", "ON"])
_CLAUSES = frozenset(["FOR", "ON", "WHERE"])


class _Break(NamedTuple):
    """A line may end at `offset`, inside `depth` brackets."""

    offset: int
    depth: int


def break_line(text: str, indent: int, first: int) -> list[str]:
    """The lines of a text: the first has `first` columns before it, the others `indent` + 4.

    A line ends after a comma, an operator, `=` or the `:` of a quantifier, or before a modifier
    or, in brackets, `for`, `on` and `where`; of the places that fit, the last one inside the
    fewest brackets is taken.
    """
    lines: list[str] = []
    column = first
    while column + len(text) > WIDTH:
        places = [b for b in _breaks(text) if column + b.offset <= WIDTH]
        if not places:
            break
        best = max(places, key=lambda b: (-b.depth, b.offset))
        lines.append(text[: best.offset].rstrip())
        text = text[best.offset :].lstrip()
        column = indent + STEP
    pad = " " * (indent + STEP)
    return [line if number == 0 else pad + line for number, line in enumerate([*lines, text])]


def _breaks(text: str) -> list[_Break]:
    tokens, _ = tokenize(text)
    depth = 0
    places: list[_Break] = []
    for number, token in enumerate(tokens):
        before = tokens[number - 1] if number else None
        if token.kind in CLOSERS:
            depth -= 1
        if token.kind in OPENERS:
            depth += 1
        words = _CLAUSES if depth else _BEFORE_MODIFIERS
        after_operand = before is not None and before.kind in OPERAND_ENDS
        if token.kind in words and after_operand and token.start:
            places.append(_Break(token.start, depth))
        elif _ends_line(token, before, depth) and token.end < len(text):
            places.append(_Break(token.end, depth))
    return places


def _ends_line(token: Token, before: Token | None, depth: int) -> bool:
    if token.kind == "COMMA":
        return True
    if token.kind in {"EQUAL", "COLON"}:
        return depth == 0
    return token.kind in _OPERATORS and before is not None and before.kind in OPERAND_ENDS


class Notes(NamedTuple):
    """Comments by the span of what they belong to.

    `leading` stand on lines before it, `trailing` behind it; `header` behind the `{` of a group,
    `tail` on lines before its `}`; `footer` after everything.
    """

    leading: dict[Span, list[nodes.Comment]]
    trailing: dict[Span, nodes.Comment]
    header: dict[Span, nodes.Comment]
    tail: dict[Span, list[nodes.Comment]]
    footer: list[nodes.Comment]


def attach(spec: nodes.Spec, source: Source) -> Notes:
    """Place every comment; none is lost, and placing them again changes nothing."""
    units, parents = _units(spec)
    starts = [unit.span.start for unit in units]
    by_end = sorted(units, key=lambda unit: unit.span.end)
    ends = [unit.span.end for unit in by_end]
    notes = Notes({}, {}, {}, {}, [])
    for comment in spec.comments:
        place = comment.span.start
        following = bisect_right(starts, place)
        before = bisect_right(ends, place)
        if not comment.own_line and before:
            ended = by_end[before - 1]
            same = source.position(ended.span.end).line == source.position(place).line
            if same and ended.span not in notes.trailing:
                notes.trailing[ended.span] = comment
                continue
        around = _innermost(units, parents, following, place)
        if isinstance(around, nodes.Group):
            _inside_group(notes, around, comment, units[following : following + 1])
        elif around is not None:
            notes.leading.setdefault(around.span, []).append(comment)
        elif following < len(units):
            notes.leading.setdefault(units[following].span, []).append(comment)
        else:
            notes.footer.append(comment)
    return notes


def _inside_group(
    notes: Notes, group: nodes.Group, comment: nodes.Comment, following: list[nodes.Item]
) -> None:
    place = comment.span.start
    first = group.constraints[0].span.start
    if place < first and not comment.own_line and group.span not in notes.header:
        notes.header[group.span] = comment
    elif following and following[0].span.end <= group.span.end:
        notes.leading.setdefault(following[0].span, []).append(comment)
    else:
        notes.tail.setdefault(group.span, []).append(comment)


def _units(spec: nodes.Spec) -> tuple[list[nodes.Item], list[int]]:
    """Items, constraints, groups and their members, in written order, and the place of the group
    that each stands in (-1 for none); `s.t.` itself is no unit."""
    units: list[nodes.Item] = []
    parents: list[int] = []
    waiting: list[tuple[nodes.Item, int]] = [(item, -1) for item in reversed(spec.items)]
    while waiting:
        item, parent = waiting.pop()
        if not isinstance(item, nodes.SubjectTo):
            parents.append(parent)
            parent = len(units)
            units.append(item)
        if isinstance(item, nodes.SubjectTo | nodes.Group):
            waiting.extend((member, parent) for member in reversed(item.constraints))
    return units, parents


def _innermost(
    units: list[nodes.Item], parents: list[int], following: int, place: int
) -> nodes.Item | None:
    """The innermost unit around a place; `following` is the first that begins after it."""
    index = following - 1
    while index >= 0 and units[index].span.end <= place:
        index = parents[index]
    return units[index] if index >= 0 else None

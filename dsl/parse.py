"""Text to tree: `parse(source)` never raises, and says all that is wrong with the syntax."""

from __future__ import annotations

from cspec.dsl.build_items import ACTIONS
from cspec.dsl.diagnostics import Diagnostic
from cspec.dsl.lalr import Stuck, run
from cspec.dsl.layout import Clause, cut
from cspec.dsl.nodes import Comment, Constraint, Group, Item, Spec, SubjectTo
from cspec.dsl.source import Source, Span
from cspec.dsl.tables import load_tables
from cspec.dsl.tokens import Token, tokenize


def parse(source: Source) -> tuple[Spec, tuple[Diagnostic, ...]]:
    """The tree of a spec and every syntax error; the tree holds each clause that did parse."""
    tokens, comments = tokenize(source.text)
    found: list[Diagnostic] = []
    placed = [(clause, _parse_clause(source, clause, found)) for clause in cut(tokens)]
    spec = Spec(
        span=Span(0, len(source.text)),
        items=_assemble(placed),
        comments=tuple(_comment(source, token) for token in comments),
    )
    return spec, tuple(sorted(found, key=lambda d: d.span))


def parse_text(text: str, name: str = "<spec>") -> tuple[Spec, tuple[Diagnostic, ...]]:
    """`parse` of a string."""
    return parse(Source(text=text, name=name))


def _parse_clause(source: Source, clause: Clause, found: list[Diagnostic]) -> Item | None:
    try:
        item: Item = run(load_tables(), clause.kind, clause.tokens, ACTIONS)
    except Stuck as stuck:
        here = clause.tokens[stuck.index].span if stuck.index < len(clause.tokens) else Span(0, 0)
        found.append(
            Diagnostic(code="CS101", message="this does not read", span=here, source=source)
        )
        return None
    return item


def _assemble(placed: list[tuple[Clause, Item | None]]) -> tuple[Item, ...]:
    """Gather constraints under their `s.t.`."""
    items: list[Item] = []
    constraints: list[Constraint | Group] | None = None
    start = 0

    def close() -> None:
        nonlocal constraints
        if constraints:
            span = Span(start, constraints[-1].span.end)
            items.append(SubjectTo(span=span, constraints=tuple(constraints)))
        constraints = None

    for clause, item in placed:
        if clause.st is not None:
            close()
            constraints, start = [], clause.st.start
        if isinstance(item, Constraint | Group):
            if constraints is not None:
                constraints.append(item)
        elif item is not None:
            close()
            items.append(item)
    close()
    return tuple(items)


def _comment(source: Source, token: Token) -> Comment:
    position = source.position(token.start)
    before = source.line(position.line)[: position.column - 1]
    return Comment(span=token.span, text=token.text.rstrip(), own_line=not before.strip())

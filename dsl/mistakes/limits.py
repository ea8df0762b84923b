"""Limits of sizes and depths, so that no text can hang or exhaust the parser."""

from collections.abc import Sequence

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.mistakes.failure import problem
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.limits import BYTES, CONSTRAINTS, DEPTH, OPERANDS, WORD
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token
from cspec.dsl.tree.nodes import Constraint, Group, Item, Node

MAX_BYTES = BYTES.most
MAX_DEPTH = DEPTH.most
MAX_CONSTRAINTS = CONSTRAINTS.most
_RANKS = {
    **dict.fromkeys(("_NL", "SEMICOLON"), 0),
    "COMMA": 1,
    **dict.fromkeys(("ARROW", "OR", "AND"), 2),
    "RELATION": 3,
    "SIGN": 4,
    "TIMES": 5,
}
"""Marks that stand between the operands of one node, the loosest first."""


def operands(source: Source, tokens: Sequence[Token]) -> Diagnostic | None:
    """An error where more stands side by side than one node may hold: `a + a + a ...`."""
    counts = [[0] * 6]
    for token in tokens:
        if token.kind in OPENERS:
            counts.append([0] * 6)
        elif token.kind in CLOSERS:
            counts = counts[:-1] or [[0] * 6]
        elif token.kind in _RANKS:
            rank = _RANKS[token.kind]
            counts[-1][rank + 1 :] = [0] * (5 - rank)
            counts[-1][rank] += rank > 0
            if counts[-1][rank] >= OPERANDS.most:
                return _too_wide(source, token)
    return None


def _too_wide(source: Source, token: Token) -> Diagnostic:
    many = f"{OPERANDS.most:,}"
    message = f"more than {many} terms, entries or arguments stand side by side"
    label = "here is one too many"
    notes = (f"at most {many} {OPERANDS.what}",)
    helps = (f"write {OPERANDS.instead}",)
    return problem(
        source, OPERANDS.code, message, token.span, label=label, notes=notes, helps=helps
    )


def long_word(source: Source, tokens: Sequence[Token]) -> Diagnostic | None:
    """An error at a name or a quoted text that nobody could read."""
    for token in tokens:
        if token.end - token.start > WORD.most and token.kind in ("NAME", "STRING", "UNCLOSED"):
            what = "a name" if token.kind == "NAME" else "a quoted text"
            message = (
                f"{what} of {token.end - token.start:,} characters is longer than {WORD.most:,}"
            )
            span = Span(token.start, token.start + 1)
            helps = (f"write {WORD.instead}",)
            return problem(source, WORD.code, message, span, label="begins here", helps=helps)
    return None


def bracket_depth(source: Source, tokens: Sequence[Token]) -> Diagnostic | None:
    """An error at the first bracket that is too deep."""
    depth = 0
    for token in tokens:
        if token.kind in OPENERS:
            depth += 1
            if depth > MAX_DEPTH:
                return too_deep(source, token.span)
        elif token.kind in CLOSERS:
            depth = max(0, depth - 1)
    return None


def tree_depth(source: Source, item: Item) -> Diagnostic | None:
    """An error where operators without brackets nest too deep: `- - - x`, `a^b^c`."""
    stack: list[tuple[Node, int]] = [(item, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH + 10:
            return too_deep(source, item.span)
        stack.extend((child, depth + 1) for child in node.children())
    return None


def too_deep(source: Source, span: Span) -> Diagnostic:
    """More than 200 levels."""
    message = f"nesting is deeper than {MAX_DEPTH} levels"
    notes = ("nobody could read it, and no reader of the next tool would survive it",)
    helps = ("name the inner parts by `let`",)
    return problem(source, "CS134", message, span, notes=notes, helps=helps)


def too_large(source: Source) -> Diagnostic:
    """More than 1 MiB."""
    size = len(source.text.encode("utf-8", "replace"))
    message = f"the spec has {size:,} bytes; at most {MAX_BYTES:,} are read"
    helps = ("data belong into a file of their own: `param mu[64]` and `--set mu=mu.csv`",)
    return problem(Source(text="", name=source.name), "CS144", message, Span(0, 0), helps=helps)


def count_constraints(item: Constraint | Group, before: int) -> int:
    """How many named constraints there are with this one; members of a set do not count."""
    stack: list[Constraint | Group] = [item]
    total = before
    while stack:
        current = stack.pop()
        if isinstance(current, Group):
            stack.extend(current.constraints)
        else:
            total += 1
    return total


def too_many(source: Source, span: Span) -> Diagnostic:
    """More than 10,000 named constraints."""
    message = f"a spec has at most {MAX_CONSTRAINTS:,} named constraints"
    helps = ("write a family once, by `forall i in range(n): ...`: members do not count",)
    return problem(source, "CS135", message, span, label="this is one more", helps=helps)

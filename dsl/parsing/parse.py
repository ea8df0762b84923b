"""Text to tree: `parse(source)` never raises, and says all that is wrong with the syntax.

Text that parses is read as it stands; else what other languages write is exchanged first
(`dsl/foreign`). The text is cut into clauses, each is parsed on its own, and what does not parse
is explained and, where the meaning is plain, mended and parsed again, so that one error does not
hide another.
"""

import re
from collections.abc import Sequence
from functools import partial

from cspec.dsl.messages.diagnostic import Diagnostic, Fix
from cspec.dsl.mistakes import limits
from cspec.dsl.mistakes.blocks import mend_blocks
from cspec.dsl.mistakes.explain import explain
from cspec.dsl.mistakes.failure import Failure, open_brackets, problem
from cspec.dsl.mistakes.finished_nodes import check_item
from cspec.dsl.mistakes.foreign.formula_marks import invisible, mend
from cspec.dsl.mistakes.foreign.inside import mend_inside
from cspec.dsl.mistakes.foreign.lines import mend_lines
from cspec.dsl.mistakes.foreign.taken_out import mend_comments, mend_pasted
from cspec.dsl.mistakes.headings import mend_headings
from cspec.dsl.mistakes.training_lines import setting_line
from cspec.dsl.mistakes.words import colon_after_item, objective_word
from cspec.dsl.parsing.files import read
from cspec.dsl.parsing.lalr import StuckError, node_of
from cspec.dsl.text.clauses import ITEM_WORDS, Clause, cut
from cspec.dsl.text.limits import FINDINGS
from cspec.dsl.text.running import paused, sought
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token, tokenize
from cspec.dsl.tree.nodes import (
    And,
    Comment,
    Compare,
    Constraint,
    Expr,
    Group,
    Implies,
    Item,
    Membership,
    Name,
    Not,
    Objective,
    Or,
    Spec,
    String,
    SubjectTo,
)
from cspec.dsl.words.losses import LOSSES

__all__ = ["parse", "parse_text", "read"]

_SURE = re.compile(
    r"""\b(?:Pr|Prob|Probability|PP|EE|Exp|Expectation|Mean|mean|avg)\[|\^T\b|=\s*c\("""
    r"""|\b(?:minimize|maximize)\s*\"|^[ \t]*@(?:NL)?(?:variable|objective|constraint)s?\("""
    r"""|^[ \t]*data[ \t]+x[ \t]*,[ \t]*y\b"""
    r"""|[\w%)\]][ \t]*(?:\+-|-\+|\+\+|--)(?:[ \t]|(?<=\d..)\d)"""
    r"""|[<=]=[ \t]*(?:\+-|-\+)[ \t]*\d|\^[ \t]*-?1[ \t]*/[ \t]*\d"""
    r"""|^[ \t]*(?:var|param)\b[^\n=]*=[ \t]*[-+]?[\d.]+[ \t]+\["""
    r"""|\bin[ \t]+(?:R|ℝ)_?[+-][ \t]*(?:#|$)"""
    r"""|\b(?:sum|max|min)\([ \t]*\w+[ \t]+in[ \t]+\w+(?:\([^()\n]*\))?[ \t]*,""",
    re.MULTILINE,
)
"""Forms of other languages that a parser lets pass, though no spec means them."""
MAX_REPAIRS, MIN_REPAIRS, REREAD = 12, 3, 4_000
"""Repairs in one clause before the rest of it is given up, and tokens that are read again for
them: each repair reads the whole clause, so that a long one gets fewer."""


@paused()
def parse(source: Source) -> tuple[Spec, tuple[Diagnostic, ...]]:
    """The tree of a spec and every syntax error; the tree holds each clause that did parse."""
    if len(source.text) > limits.MAX_BYTES:
        return Spec(items=()), (limits.too_large(source),)
    tokens, comments = tokenize(source.text)
    tokens, remarks = mend_comments(source, tokens)
    tokens, pasted = mend_pasted(source, tokens)
    remarks += pasted
    foreign = _SURE.search(source.text) is not None
    spec, found = (None, []) if foreign else _parse(source, tokens, comments)
    if spec is None or found:
        tokens, lines = mend_lines(source, tokens)
        tokens, inside = mend_inside(source, tokens)
        spec, found = _parse(source, tokens, comments)
        found += lines + inside
    return spec, tuple(sorted((*remarks, *found), key=lambda d: d.span))


def _parse(
    source: Source, tokens: list[Token], comments: list[Token]
) -> tuple[Spec, list[Diagnostic]]:
    """The tree of tokens that are taken as a spec, and what is wrong with them."""
    as_they_are: tuple[list[Token], list[Diagnostic]] = (tokens, [])
    tokens, blocks = sought(partial(mend_blocks, source, tokens), as_they_are)
    tokens, headings = mend_headings(source, tokens)
    found = blocks + headings + invisible(source)
    placed: list[tuple[Clause, Item | None]] = []
    for clause in cut(tokens):
        first, *others = _parse_clause(source, clause, found) or [None]
        placed.append((clause, first))
        placed += [(clause._replace(st=None, same_line=None), item) for item in others]
    spec = Spec(
        span=Span(0, len(source.text)),
        items=_assemble(source, placed, found),
        comments=tuple(_comment(source, token) for token in comments),
    )
    return spec, found


def parse_text(text: str, name: str = "<spec>") -> tuple[Spec, tuple[Diagnostic, ...]]:
    """`parse` of a string."""
    return parse(Source(text=text, name=name))


def _parse_clause(source: Source, clause: Clause, found: list[Diagnostic]) -> list[Item | None]:
    """The items of one clause, mostly one; None for what could not be read."""
    if not clause.tokens:
        if clause.st is not None:
            found.append(_empty_heading(source, clause.st))
        return []
    beyond = _beyond(source, clause.tokens)
    if beyond is not None:
        found.append(beyond)
        return []
    found.extend(_sign(source, sign) for sign in clause.signs)
    since = len(found)
    tokens, findings = mend(source, clause.tokens)
    found.extend(findings)
    for mending in (setting_line, colon_after_item, objective_word):
        tokens, findings = mending(source, tokens)
        found.extend(findings)
    items: list[Item | None] = []
    waiting = [tokens]
    # Findings beyond those that are shown are not looked for: each looks at the whole clause.
    while waiting and len(found) - since <= FINDINGS.most:
        read = waiting.pop(0)
        item, rest = _parse_tokens(source, read, found, not clause.signs, since)
        items.append(item)
        # What begins where it began is read already, unless it is shorter.
        if rest and (rest[0].start > read[0].start or len(rest) < len(read)):
            waiting.append(rest)
    return items


def _beyond(source: Source, tokens: tuple[Token, ...]) -> Diagnostic | None:
    """What is too deep, too wide or too long to be read."""
    long = limits.long_word(source, tokens)
    if long is not None or len(tokens) <= limits.MAX_DEPTH:
        return long
    return limits.bracket_depth(source, tokens) or limits.operands(source, tokens)


def _parse_tokens(
    source: Source, tokens: tuple[Token, ...], found: list[Diagnostic], sure: bool, since: int
) -> tuple[Item | None, tuple[Token, ...]]:
    """One item, and the tokens of another that was found behind it.

    Findings from `since` on are those of this clause.
    """
    rest: tuple[Token, ...] = ()
    most = min(MAX_REPAIRS, max(MIN_REPAIRS, REREAD // max(1, len(tokens))))
    for _ in range(most):
        if not tokens:
            return None, rest
        kind = "item" if tokens[0].kind in ITEM_WORDS else "clause"
        try:
            item: Item = node_of(kind, tokens)
        except StuckError as stuck:
            failure = Failure(source, tokens, stuck.index, stuck.expected, kind)
            if _after_removed_mark(failure, found[since:]):
                return None, rest
            repair = explain(failure)
            found.append(repair.diagnostic)
            sure = sure and repair.sure
            rest = repair.rest or rest
            tokens = repair.tokens or _without_member(tokens, stuck.index)
            continue
        return _checked(source, tokens, item, found, sure), rest
    return None, rest


def _after_removed_mark(failure: Failure, found: Sequence[Diagnostic]) -> bool:
    """Whether a mark that was taken out stood here: what is missing is said already."""
    gap = Span(failure.before.end, failure.token.start)
    return any(d.code == "CS106" and gap.start <= d.span.start < gap.end for d in found)


def _checked(
    source: Source, tokens: tuple[Token, ...], item: Item, found: list[Diagnostic], sure: bool
) -> Item | None:
    deep = limits.tree_depth(source, item) if len(tokens) > limits.MAX_DEPTH else None
    if deep is not None:
        found.append(deep)
        return None
    if sure:
        item, findings = check_item(source, item, _wants_walk(tokens))
        found.extend(findings)
    return item


def _wants_walk(tokens: tuple[Token, ...]) -> bool:
    """Whether a clause may hold what only a look at each of its nodes finds."""
    previous = ""
    for token in tokens:
        kind = token.kind
        if kind in {"FOR", "EQUAL"} or (kind == "LSQB" and previous == "IN"):
            return True
        if kind == "LPAR" and previous in {"RPAR", "RSQB", "STRING"}:
            return True
        previous = kind
    return False


def _without_member(tokens: tuple[Token, ...], index: int) -> tuple[Token, ...]:
    """A group without the member that holds `index`; nothing if that is no group."""
    braces = [
        i
        for i in open_brackets(tokens[:index])
        if tokens[i].kind == "LBRACE" and tokens[i - 1].kind == "COLON"
    ]
    if not braces:
        return ()
    separators = {"_NL", "SEMICOLON", "RBRACE"}
    parted = [i for i in range(braces[-1] + 1, len(tokens)) if tokens[i].kind in separators]
    start = max((i + 1 for i in parted if i < index), default=braces[-1] + 1)
    end = next((i for i in parted if i >= index), None)
    if end is None:
        return ()
    if tokens[end].kind != "RBRACE":
        end += 1
    elif tokens[start - 1].kind != "LBRACE":
        start -= 1
    else:
        return ()
    return (*tokens[:start], *tokens[end:])


def _assemble(
    source: Source, placed: list[tuple[Clause, Item | None]], found: list[Diagnostic]
) -> tuple[Item, ...]:
    """Gather constraints under their `s.t.`."""
    items: list[Item] = []
    constraints: list[Constraint | Group] | None = None
    start = count = 0
    chosen = any(isinstance(item, Objective) for _, item in placed)

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
        if item is None:
            continue
        if not isinstance(item, Constraint | Group):
            if clause.st is not None:
                found.append(_empty_heading(source, clause.st))
            close()
            items.append(item)
            if clause.same_line is not None:
                found.append(_semicolon(source, clause.same_line))
            continue
        if constraints is None and not chosen and isinstance(item, Constraint) and _plain(item):
            found[:] = [d for d in found if d.code != "CS127" or d.span.start != item.span.start]
            found.append(_bare_objective(source, item))
            items.append(Objective(span=item.span, sense="minimize", expression=item.relation))
            continue
        if constraints is None:
            constraints, start = [], item.span.start
            found.append(_outside(source, item, bool(items)))
        before, count = count, limits.count_constraints(item, count)
        if before <= limits.MAX_CONSTRAINTS < count:
            found.append(limits.too_many(source, item.span))
        constraints.append(item)
    close()
    return tuple(items)


def _outside(source: Source, item: Constraint | Group, after_items: bool) -> Diagnostic:
    text = source.slice(item.span).split("\n")[0]
    place = Span(item.span.start, item.span.start)
    return problem(
        source,
        "CS118",
        "a constraint stands below `s.t.`",
        item.span,
        label="this one does not",
        helps=(f"write `s.t. {text}`",)
        + (() if after_items else ("an objective begins with `minimize` or `maximize`",)),
        fix="s.t. ",
        fix_span=place,
        safe=False,
    )


_RELATED = (Compare, Membership, Implies, And, Or, Not, Name, String)


def _plain(item: Constraint) -> bool:
    """Whether a line above `s.t.` relates nothing: a number that someone wants small or large."""
    bare = item.label is None and not item.binders and not item.modifiers
    return bare and (_is_loss(item.relation) or not isinstance(item.relation, _RELATED))


def _is_loss(expr: Expr) -> bool:
    return isinstance(expr, Name) and expr.id in LOSSES


def _bare_objective(source: Source, item: Constraint) -> Diagnostic:
    text = source.slice(item.span).split("\n")[0]
    place, label = Span(item.span.start, item.span.start), "an objective begins with its word"
    if _is_loss(item.relation):
        message, helps = (
            f"`{text}` stands alone: a loss is minimized",
            (f"write `minimize {text}`",),
        )
        said = ("CS118", message, item.span)
        return problem(source, *said, label=label, helps=helps, fix="minimize ", fix_span=place)
    words = ("minimize", "maximize")
    helps = ("write " + " or ".join(f"`{word} {text}`" for word in words),)
    fixes = [Fix(span=place, replacement=f"{word} ", title=f"{word} it") for word in words]
    said = ("CS118", f"`{text}` stands alone: is it minimized or maximized?", item.span)
    return problem(source, *said, label=label, helps=helps, fixes=fixes)


def _semicolon(source: Source, token: Token) -> Diagnostic:
    return problem(
        source,
        "CS115",
        "`;` separates constraints; an item begins a new line",
        token.span,
        helps=("begin a new line here",),
        fix="\n",
    )


def _empty_heading(source: Source, st: Token) -> Diagnostic:
    return problem(
        source,
        "CS117",
        f"`{st.text}` has no constraints",
        st.span,
        label="subject to what?",
        helps=("write a constraint behind it, or remove it",),
        fix="",
        safe=False,
    )


def _sign(source: Source, sign: Token) -> Diagnostic:
    """A line that begins with `+` or `-`: a bullet of a list, or two readings with a fix each."""
    end = len(source.text[: sign.start].rstrip())
    line = source.line(source.position(sign.start).line).strip()
    bullets = _bullets(source, sign)
    if bullets:
        return problem(
            source,
            "CS114",
            "constraints stand on lines of their own, without bullets",
            sign.span,
            label="a sign here, not a bullet",
            helps=(
                f"remove the `{sign.text}` in front of each",
                f"where it is a sign, give the line a label: `c: {line}`",
            ),
            fixes=tuple(Fix(span=span, replacement="", title="remove bullets") for span in bullets),
        )
    return problem(
        source,
        "CS114",
        f"a line that begins with `{sign.text}` has two readings",
        sign.span,
        notes=("it may go on with the line before, or begin a new constraint",),
        helps=(
            f"to go on, end the line before with the `{sign.text}`",
            f"to begin a new constraint, give it a label: `c: {line}`",
        ),
        fixes=(
            Fix(
                span=Span(end, sign.end),
                replacement=f" {sign.text}{source.text[end : sign.start]}",
                title="continue the line before",
            ),
            Fix(
                span=Span(sign.start, sign.start),
                replacement="c: ",
                title="begin a new constraint",
            ),
        ),
    )


_BULLET = re.compile(r"[ \t]*(?:s\.t\.[ \t]+)?([-+])[ \t]+(?=.*(?:<=|>=|==|\bin\b))", re.IGNORECASE)


def _bullets(source: Source, sign: Token) -> tuple[Span, ...]:
    """The bullets to be removed: this one, and the first one of the list with the second.

    Lines are bullets of a list where each of them is a relation, and begins with the same sign.
    """
    begin = source.text.rfind("\n", 0, sign.start) + 1
    before = source.text.rfind("\n", 0, max(begin - 1, 0)) + 1
    here, above = _BULLET.match(source.text, begin), _BULLET.match(source.text, before)
    if here is None or above is None or {here[1], above[1]} != {sign.text} or before == begin:
        return ()
    further = source.text.rfind("\n", 0, max(before - 1, 0)) + 1
    longer = _BULLET.match(source.text, further) if further < before else None
    own = Span(sign.start, here.end())
    return (own,) if longer is not None else (Span(above.start(1), above.end()), own)


def _comment(source: Source, token: Token) -> Comment:
    position = source.position(token.start)
    before = source.line(position.line)[: position.column - 1]
    return Comment(span=token.span, text=token.text.rstrip(), own_line=not before.strip())

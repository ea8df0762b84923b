"""Blocks as other languages write them: `metrics { ... }`, `subject to { ... }`, `metrics: a = b`.

They are taken apart before the text is cut into clauses: what stands inside are lines of the spec.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.mistakes.failure import problem
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.terminals import keywords
from cspec.dsl.text.tokens import Token

_ITEMS = {
    **dict.fromkeys(("metric", "metrics"), "metric"),
    **dict.fromkeys(("param", "params", "parameters", "constants"), "param"),
    **dict.fromkeys(("var", "vars", "variables"), "var"),
    **dict.fromkeys(("let", "lets", "definitions"), "let"),
    **dict.fromkeys(("data", "datasets"), "data"),
    **dict.fromkeys(("model", "models"), "model"),
}
_HEADINGS = frozenset(
    ["s.t.", "st", "subject to", "such that", "constraints", "constraint", "requirements"]
)
_SETTINGS = frozenset(["fit", "train", "training"])
_ONE = {
    **dict.fromkeys(("minimize", "minimise", "objective"), "minimize"),
    **dict.fromkeys(("maximize", "maximise"), "maximize"),
    "using": "using",
    "verify": "verify",
    "stop": "stop",
}
_WHOLE = frozenset(["problem", "spec", "optimize", "solve"])
_DEPTH = 3
"""Blocks within blocks that are looked at: a few, so that no text is slow to read."""
_BEGINS = frozenset(["EQUAL", "COLON", "IN", "LPAR", "LSQB"])


class _Block(NamedTuple):
    """A block: its words, its tokens in all, and those between the braces (or behind the `:`)."""

    word: str
    span: Span
    body: tuple[Token, ...]
    end: int
    braces: bool


class _Lines(NamedTuple):
    """What a block is in the language: tokens, one message, and the text if that is certain."""

    tokens: tuple[Token, ...]
    code: str
    message: str
    helps: tuple[str, ...]
    fix: str | None


def mend_blocks(source: Source, tokens: list[Token]) -> tuple[list[Token], list[Diagnostic]]:
    """The tokens with every block taken apart, and the findings; linear in the text."""
    result: list[Token] = []
    findings: list[Diagnostic] = []
    closers = _closers(tokens)
    dropped: set[int] = set()
    index = constrained = 0
    while index < len(tokens):
        constrained = constrained or tokens[index].kind == "ST"
        block = None
        known = not dropped or tokens[index].text not in _WHOLE
        if index not in dropped and known and _line_start(tokens, index):
            block = _block(source, tokens, index, closers, bool(constrained))
        lines = None if block is None else _lines(source, block)
        if block is None or lines is None:
            result += () if index in dropped else (tokens[index],)
            index += 1
            continue
        findings.append(_finding(source, block, lines))
        if not _WHOLE.isdisjoint(block.word.split()[:1]):
            dropped.add(block.end - 1)
            index = block.end - 1 - len(block.body)
        else:
            result += lines.tokens
            index = block.end
    return result, findings


def _closers(tokens: Sequence[Token]) -> dict[int, int]:
    """The `}` of every `{` that has one and does not lie too deep to be a block's."""
    opened: list[int] = []
    found: dict[int, int] = {}
    for index, token in enumerate(tokens):
        if token.kind == "LBRACE":
            opened.append(index)
        elif token.kind == "RBRACE" and opened:
            opener = opened.pop()
            if len(opened) < _DEPTH:
                found[opener] = index
    return found


def _finding(source: Source, block: _Block, lines: _Lines) -> Diagnostic:
    return problem(
        source,
        lines.code,
        lines.message,
        Span(block.span.start, block.span.start + len(block.word)),
        helps=lines.helps,
        fix=lines.fix,
        fix_span=block.span,
    )


def _line_start(tokens: Sequence[Token], index: int) -> bool:
    before = tokens[index - 1].kind if index else "_NL"
    word = tokens[index]
    begins = before in {"_NL", "SEMICOLON", "LBRACE"}
    return begins and (word.text.isidentifier() or word.kind == "ST")


def _block(
    source: Source,
    tokens: Sequence[Token],
    index: int,
    closers: Mapping[int, int],
    constrained: bool,
) -> _Block | None:
    """The block that begins at a line, if one does."""
    start = tokens[index].start
    for opener in (index + 1, index + 2):
        if opener >= len(tokens):
            return None
        word = source.text[start : tokens[opener - 1].end]
        if tokens[opener].kind == "LBRACE" and opener in closers:
            end = closers[opener]
            body = tuple(tokens[opener + 1 : end])
            return _Block(" ".join(word.split()), Span(start, tokens[end].end), body, end + 1, True)
        if tokens[opener].kind == "COLON" and word in _ITEMS:
            plain = not constrained or _ITEMS[word] == "metric"
            return _labelled(source, tokens, index, word) if plain else None
    return None


def _labelled(source: Source, tokens: Sequence[Token], start: int, word: str) -> _Block | None:
    """`metrics: a = b`, or definitions on deeper lines below: no constraint has a single `=`."""
    column = source.position(tokens[start].start).column
    end = index = start + 2
    while index < len(tokens):
        while index < len(tokens) and tokens[index].kind == "_NL":
            index += 1
        following = [token.kind for token in tokens[index : index + 2]]
        deeper = index == start + 2 or (
            following and source.position(tokens[index].start).column > column
        )
        if not deeper or following[1:] != ["EQUAL"]:
            break
        index = end = _line_end(tokens, index)
    if end == start + 2:
        return None
    span = Span(tokens[start].start, tokens[end - 1].end)
    return _Block(word, span, tuple(tokens[start + 2 : end]), end, False)


def _line_end(tokens: Sequence[Token], index: int) -> int:
    depth = 0
    while index < len(tokens) and (depth > 0 or tokens[index].kind != "_NL"):
        depth += (tokens[index].kind in OPENERS) - (tokens[index].kind in CLOSERS)
        index += 1
    return index


def _lines(source: Source, block: _Block) -> _Lines | None:
    """What a block says in the language; None for what is no block known elsewhere."""
    word, body = block.word, _stripped(block.body)
    if not body:
        return None
    inner = source.text[body[0].start : body[-1].end]
    first = Token("NAME", word, block.span.start, block.span.start + len(word))
    if word in _ITEMS:
        return _items(source, block, body)
    if word in _HEADINGS:
        return _constraints(source, block, first)
    if word in _SETTINGS:
        return _settings(source, block, body, first)
    if word in _ONE:
        meant = _ONE[word]
        behind = source.text[block.span.end :].partition("\n")[0].partition("#")[0].strip()
        if behind and not behind.startswith(("s.t.", "subject", ";")):
            return None
        keyword = Token(keywords()[meant], meant, *first.span, True)
        message = f"no braces stand behind `{word}`"
        shown = f"{meant} {inner}"
        help_ = f"write `{shown}`" if "\n" not in inner else f"write `{meant} ...` without them"
        plain = tuple(token for token in body if token.kind != "_NL")
        fix = None if _commented(source, block) else shown
        return _Lines((keyword, *plain), "CS130", message, (help_,), fix)
    if not _WHOLE.isdisjoint(word.split()[:1]):
        message = "a spec is the problem itself: no braces stand around it"
        help_ = f"remove `{word} {{` and the `}}` that closes it"
        opener = source.text.index("{", first.start)
        whole = source.text[opener + 1 : block.span.end - 1].strip()
        return _Lines(block.body, "CS130", message, (help_,), whole)
    return None


def _stripped(body: tuple[Token, ...]) -> tuple[Token, ...]:
    separators = {"_NL", "COMMA", "SEMICOLON"}
    start, end = 0, len(body)
    while start < end and body[start].kind in separators:
        start += 1
    while end > start and body[end - 1].kind in separators:
        end -= 1
    return body[start:end]


def _items(source: Source, block: _Block, body: tuple[Token, ...]) -> _Lines | None:
    members = _members(body)
    if members is None:
        return None
    meant = _ITEMS[block.word]
    kind = keywords()[meant]
    written = [f"{meant} {_member_text(source, member, ' = ')}" for member in members]
    tokens: list[Token] = []
    for member in members:
        place = member[0].start
        if tokens:
            tokens.append(Token("_NL", "\n", place, place))
        tokens += [Token(kind, meant, place, place, True), *_equal(member)]
    indent = source.position(block.span.start).column - 1
    shape = f"{block.word} {{ ... }}" if block.braces else f"{block.word}:"
    return _Lines(
        tuple(tokens),
        "CS130",
        f"`{shape}`: each `{meant}` is a line of its own",
        (f"write `{written[0]}`" + (", and so on, one a line" if written[1:] else ""),),
        None if _commented(source, block) else ("\n" + " " * indent).join(written),
    )


def _constraints(source: Source, block: _Block, first: Token) -> _Lines:
    opener = source.text.index("{", first.start)
    inner = source.text[opener + 1 : block.span.end - 1].rstrip()
    return _Lines(
        (Token("ST", "s.t.", *first.span), *block.body),
        "CS116",
        "no braces stand around constraints",
        ("write `s.t.`, then one constraint a line",),
        f"s.t.{inner}" if inner[:1].isspace() else f"s.t. {inner}",
    )


def _settings(
    source: Source, block: _Block, body: tuple[Token, ...], first: Token
) -> _Lines | None:
    members = _members(body)
    if members is None or any(m[1:2] and m[1].kind not in {"EQUAL", "COLON"} for m in members):
        return None
    listed: list[Token] = []
    for member in members:
        if listed:
            listed.append(Token("COMMA", ",", member[0].start, member[0].start))
        listed += _equal(member)
    shown = f"fit({', '.join(_member_text(source, m, '=') for m in members)})"
    start, end = Span(first.end, first.end), Span(body[-1].end, body[-1].end)
    opened = (Token("FIT", "fit", *first.span, True), Token("LPAR", "(", *start))
    return _Lines(
        (*opened, *listed, Token("RPAR", ")", *end)),
        "CS131",
        "settings of `fit` stand in `( )`",
        (f"write `{shown}`",),
        None if _commented(source, block) else shown,
    )


def _members(body: tuple[Token, ...]) -> list[tuple[Token, ...]] | None:
    """Definitions, separated by new lines, `;` or `,`; None if it does not begin with one."""
    members: list[list[Token]] = []
    depth = 0
    fresh = True
    for index, token in enumerate(body):
        depth += (token.kind in OPENERS) - (token.kind in CLOSERS)
        if not depth and token.kind in {"_NL", "SEMICOLON", "COMMA"}:
            fresh = True
            continue
        after = body[index + 1].kind if index + 1 < len(body) else "_NL"
        named = token.text.isidentifier() and after in _BEGINS | {"_NL", "COMMA", "SEMICOLON"}
        if fresh and named:
            members.append([])
        elif not members:
            return None
        fresh = False
        members[-1].append(token)
    return [tuple(member) for member in members]


def _equal(member: tuple[Token, ...]) -> tuple[Token, ...]:
    if member[1:2] and member[1].kind == "COLON":
        return (member[0], member[1]._replace(kind="EQUAL", text="="), *member[2:])
    return member


def _member_text(source: Source, member: tuple[Token, ...], equal: str) -> str:
    text = source.text
    if member[1:2] and member[1].kind in {"EQUAL", "COLON"} and member[2:]:
        return f"{member[0].text}{equal}{text[member[2].start : member[-1].end]}"
    return text[member[0].start : member[-1].end]


def _commented(source: Source, block: _Block) -> bool:
    """Whether a comment may stand between the definitions: a fix would lose it."""
    return "#" in source.slice(block.span)

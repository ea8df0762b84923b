"""`s.t.` in other spellings: `st`, `s.t`, `S.T.`, `such that`, `subject to:`, `constraints:`.

They are exchanged before the text is cut into clauses, since `s.t.` is what cuts it.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.mistakes.failure import OPERAND_ENDS, OPERAND_STARTS, problem
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token

_HINT = re.compile(
    r"\b(?:s\w*t[ \t]+to|with|where|under|given|provided|satisfying|restrictions|st|s\.[ \t]*t"
    r"|such(?:_?that)?|subject(?:_?to)?|subjected|suject|subejct|constraints?)\b",
    re.IGNORECASE,
)
_FORMS: tuple[tuple[str, ...], ...] = (
    ("such", "that"),
    ("such", "-", "that"),
    ("such_that",),
    ("suchthat",),
    ("subject", "to"),
    ("subject", "-", "to"),
    ("subject_to",),
    ("subject", "too"),
    ("subjectto",),
    ("subjected", "to"),
    ("suject", "to"),
    ("subejct", "to"),
    ("s", ".", "t", "."),
    ("s", ".", "t"),
    ("s.t.",),
    ("st", "."),
    ("st",),
    ("constraints",),
    ("constraint",),
)


def mend_headings(source: Source, tokens: list[Token]) -> tuple[list[Token], list[Diagnostic]]:
    """The tokens with every misspelt `s.t.` exchanged, and the findings."""
    if not _HINT.search(source.text):
        return tokens, []
    proper = any(token.kind == "ST" for token in tokens)
    result: list[Token] = []
    findings: list[Diagnostic] = []
    index = 0
    while index < len(tokens):
        length = _heading(tokens, index, proper)
        if not length:
            result.append(tokens[index])
            index += 1
            continue
        span = Span(tokens[index].start, tokens[index + length - 1].end)
        findings.append(_finding(source, span, tokens[index].kind == "ST"))
        result.append(Token("ST", "s.t.", span.start, span.end))
        index += length
        if tokens[index - 1].kind == "COLON" and _dash(tokens, index):
            kept, dashes = _listed(tokens, index)
            findings += [_no_dash(source, dash) for dash in dashes]
            result += kept
            index = len(tokens)
    return result, findings


def _dash(tokens: Sequence[Token], index: int) -> bool:
    """Whether a newline and a dash with a blank behind it come next: a list of YAML."""
    if _kind(tokens, index) != "_NL" or index + 2 >= len(tokens):
        return False
    dash, member = tokens[index + 1], tokens[index + 2]
    return dash.text == "-" and member.start > dash.end


def _listed(tokens: Sequence[Token], index: int) -> tuple[list[Token], list[Token]]:
    """The tokens without the dashes that begin lines, and those."""
    kept: list[Token] = []
    dashes: list[Token] = []
    for place in range(index, len(tokens)):
        begins = place and tokens[place - 1].kind == "_NL" and _dash(tokens, place - 1)
        (dashes if begins else kept).append(tokens[place])
    return kept, dashes


def _no_dash(source: Source, dash: Token) -> Diagnostic:
    following = source.text[dash.end : dash.end + 1]
    return problem(
        source,
        "CS116",
        "no dash stands before a constraint",
        dash.span,
        label="a sign, as it stands here",
        helps=("remove it; each constraint begins a line",),
        fix="",
        fix_span=Span(dash.start, dash.end + following.isspace()),
    )


def _finding(source: Source, span: Span, colon: bool) -> Diagnostic:
    written = source.slice(span)
    message = f"`{written}` is written `s.t.`"
    notes = ("`s.t.` takes no colon",) if colon else ()
    helps = ("write `s.t.` (or `subject to`), then one constraint a line",)
    return problem(source, "CS116", message, span, notes=notes, helps=helps, fix="s.t.")


def _heading(tokens: Sequence[Token], index: int, proper: bool) -> int:
    """How many tokens from `index` are a misspelt `s.t.`; 0 if none."""
    token = tokens[index]
    before = tokens[index - 1].kind if index else "_NL"
    if token.kind == "ST":
        return 2 if _kind(tokens, index + 1) == "COLON" else 0
    if not proper and _other_word(tokens, index, before):
        return 1
    if token.kind == "NAME" and _misspelt(tokens, index):
        return 2
    if token.kind != "NAME" or before not in OPERAND_ENDS | {"_NL"}:
        return 0
    for form in _FORMS:
        end = index + len(form)
        if tuple(t.text.lower() for t in tokens[index:end]) == form:
            return _fits(tokens, form, end, before, proper)
    return 0


_OTHERS = frozenset((
    "with", "where", "under", "given", "provided", "satisfying", "restrictions", "subject", "while",
    "keeping", "constrained", "requiring", "when",
))  # fmt: skip
"""Words of other texts before constraints, where a line begins with one below an objective."""


_SEEN = 60
"""Tokens of a line that are looked at, before and behind a word."""


def _other_word(tokens: Sequence[Token], index: int, before: str) -> bool:
    """`where x >= 1` behind an objective, on its line or below."""
    if tokens[index].text.lower() not in _OTHERS or _kind(tokens, index + 1) == "LPAR":
        return False
    if not _relation_on_line(tokens, index):
        return False
    if tokens[index].text.lower() == "subject" and tokens[index + 1].text.lower() in ("to", "-"):
        return False
    if before == "_NL":
        return _objective_above(tokens, index)
    begin = index
    while begin > index - _SEEN and begin > 0 and tokens[begin - 1].kind != "_NL":
        begin -= 1
    line = tokens[begin:index]
    depth = sum((t.kind in OPENERS) - (t.kind in CLOSERS) for t in line)
    return not depth and line[0].kind in {"MINIMIZE", "MAXIMIZE"}


def _misspelt(tokens: Sequence[Token], index: int) -> bool:
    """`subjct to`."""
    if index + 1 >= len(tokens) or tokens[index + 1].text != "to":
        return False
    word = tokens[index].text.lower()
    return word != "subject" and bool(get_close_matches(word, ["subject"], 1, 0.8))


def _objective_above(tokens: Sequence[Token], index: int) -> bool:
    """Whether the line above is an objective, whole on its line."""
    begin = index - 2
    while begin >= 0 and begin > index - _SEEN and tokens[begin].kind != "_NL":
        begin -= 1
    return index > 1 and tokens[begin + 1].kind in {"MINIMIZE", "MAXIMIZE"}


def _relation_on_line(tokens: Sequence[Token], index: int) -> bool:
    for token in tokens[index + 1 : index + _SEEN]:
        if token.kind in {"_NL", "SURROGATE", "FOR"}:
            return False
        if token.kind == "RELATION":
            return True
    return False


def _fits(
    tokens: Sequence[Token], form: tuple[str, ...], end: int, before: str, proper: bool
) -> int:
    after = _kind(tokens, end)
    heading_word = form[0].startswith("constraint")
    if after == "COLON":
        label = form in {("st",), ("constraint",), ("constraints",)}
        labelled = _kind(tokens, end + 1) == "_NL" or _kind(tokens, end + 2) == "COLON"
        return len(form) + 1 if not label or (labelled and not proper) or not proper else 0
    if heading_word:
        return len(form) if after == "_NL" and before == "_NL" and not proper else 0
    operand = after in OPERAND_STARTS | {"FORALL", "SIGN", "NOT"}
    if len(form) == 1 and after == "SIGN" and before == "_NL":
        return 0
    return len(form) if operand or after in {"_NL", "$END"} or _soft(tokens, end) else 0


def _soft(tokens: Sequence[Token], index: int) -> bool:
    return index + 1 < len(tokens) and tokens[index].soft and tokens[index + 1].kind == "COLON"


def _kind(tokens: Sequence[Token], index: int) -> str:
    return tokens[index].kind if index < len(tokens) else "$END"

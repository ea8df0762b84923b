"""Marks that are no part of the language: Unicode signs, LaTeX, quotes, primes, percent, units.

`mend(source, tokens)` reads the tokens of a clause once and exchanges each such mark by what it
stands for, with a finding that says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from cspec.dsl.diagnostics import Diagnostic
from cspec.dsl.numbers import MAX_DIGITS, number_value
from cspec.dsl.source import Source, Span
from cspec.dsl.syntax_failure import OPERAND_ENDS, OPERAND_STARTS, make, problem, touching
from cspec.dsl.tokens import Token

SIGNS = {
    "−": ("SIGN", "-"),
    "–": ("SIGN", "-"),
    "—": ("SIGN", "-"),
    "·": ("TIMES", "*"),
    "×": ("TIMES", "*"),
    "⋅": ("TIMES", "*"),
    "∗": ("TIMES", "*"),
    "÷": ("TIMES", "/"),
    "⁄": ("TIMES", "/"),
    "≦": ("RELATION", "<="),
    "≧": ("RELATION", ">="),
    "⩽": ("RELATION", "<="),
    "⩾": ("RELATION", ">="),
    "→": ("ARROW", "=>"),
    "⟹": ("ARROW", "=>"),
    "∧": ("AND", "and"),
    "∨": ("OR", "or"),
    "¬": ("NOT", "not"),
    "~": ("NOT", "not"),
    "!": ("NOT", "not"),
    "∞": ("NAME", "inf"),
    "√": ("NAME", "sqrt"),
    "∑": ("NAME", "sum"),
    "∏": ("NAME", "prod"),
    "，": ("COMMA", ","),
    "；": ("SEMICOLON", ";"),
    "：": ("COLON", ":"),
    "（": ("LPAR", "("),
    "）": ("RPAR", ")"),
}
LATEX = {
    "le": ("RELATION", "<="),
    "leq": ("RELATION", "<="),
    "leqslant": ("RELATION", "<="),
    "ge": ("RELATION", ">="),
    "geq": ("RELATION", ">="),
    "geqslant": ("RELATION", ">="),
    "ne": ("RELATION", "!="),
    "neq": ("RELATION", "!="),
    "cdot": ("TIMES", "*"),
    "times": ("TIMES", "*"),
    "in": ("IN", "in"),
    "forall": ("FORALL", "forall"),
    "implies": ("ARROW", "=>"),
    "Rightarrow": ("ARROW", "=>"),
    "land": ("AND", "and"),
    "lor": ("OR", "or"),
    "neg": ("NOT", "not"),
    "infty": ("NAME", "inf"),
}
POWERS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))
HINTS = {
    "$": "names need no `$`, and formulas no dollars",
    "?": "a spec states; it does not ask",
    "‖": "write `norm(x, 2)`",
    "∂": "write `diff(u, x)`",
    "∇": "write `grad(f, x)`",
    "≈": "write `==` and give a tolerance: `within 1e-3`",
    "±": "write two constraints, or a chain `lo <= x <= hi`",
}
MAX_INVISIBLE = 5
_INVISIBLE = re.compile(
    "[\\x00-\\x08\\x0b\\x0e-\\x1f\\x7f-\\x9f\\u00ad\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]"
    "|\\r(?!\\n)"
)
QUOTES = "“”„«»‘’‚`'"
UNITS = {
    "KB": "k",
    "kB": "k",
    "MB": "M",
    "GB": "G",
    "K": "k",
    "kib": "KiB",
    "mib": "MiB",
    "gib": "GiB",
    "B": "G",
    "thousand": "k",
    "million": "M",
    "billion": "G",
    "percent": "%",
    "pct": "%",
}


class Mended(NamedTuple):
    """`take` tokens exchanged for `new`; no finding where another check has it."""

    take: int
    new: tuple[Token, ...]
    finding: Diagnostic | None


def mend(source: Source, tokens: tuple[Token, ...]) -> tuple[tuple[Token, ...], list[Diagnostic]]:
    """The tokens with every foreign mark exchanged, and the findings."""
    if not any(_suspicious(tokens, index) for index in range(len(tokens))):
        return tokens, []
    result: list[Token] = []
    findings: list[Diagnostic] = []
    index = 0
    while index < len(tokens):
        mended = _look(source, tokens, index, result)
        if mended is None:
            result.append(tokens[index])
            index += 1
            continue
        if mended.finding is not None:
            findings.append(mended.finding)
        result.extend(mended.new)
        index += mended.take
    return tuple(result), findings


def _suspicious(tokens: tuple[Token, ...], index: int) -> bool:
    token = tokens[index]
    kind = token.kind
    if kind in {"UNKNOWN", "UNCLOSED"}:
        return True
    if kind == "NUMBER":
        follower = tokens[index + 1].kind if index + 1 < len(tokens) else ""
        return follower in OPERAND_STARTS or len(token.text) > 12 or "e" in token.text.lower()
    return kind == "NAME" and not token.text.isascii()


def _look(
    source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]
) -> Mended | None:
    token = tokens[index]
    looks: dict[str, Callable[[Source, tuple[Token, ...], int, list[Token]], Mended | None]] = {
        "UNKNOWN": _unknown,
        "UNCLOSED": _unclosed,
        "NUMBER": _number,
        "NAME": _name,
    }
    look = looks.get(token.kind)
    return look(source, tokens, index, done) if look else None


def _unknown(
    source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]
) -> Mended | None:
    token = tokens[index]
    char = token.text
    if char == "\\":
        return _latex(source, tokens, index)
    if char in QUOTES:
        return _quote(source, tokens, index, done)
    if char == "&":
        return _ampersand(source, tokens, index)
    if char == "%":
        return _percent(source, tokens, index, done)
    if char in POWERS:
        return _superscript(source, tokens, index)
    if char in SIGNS:
        kind, ascii_form = SIGNS[char]
        finding = problem(
            source,
            "CS106",
            f"`{char}` is written `{ascii_form}`",
            token.span,
            label=unicodedata.name(char, "this character").lower(),
            helps=(f"write `{ascii_form}`",),
            fix=f"{ascii_form} " if kind == "NOT" else ascii_form,
        )
        return Mended(1, (make(kind, ascii_form, token),), finding)
    if unicodedata.category(char).startswith("C"):
        return Mended(1, (), None)
    return Mended(1, (), _foreign(source, token))


def _foreign(source: Source, token: Token) -> Diagnostic:
    char = token.text
    blank = char.isspace()
    named = unicodedata.name(char, f"U+{ord(char):04X}").lower()
    hint = "write a plain blank" if blank else HINTS.get(char, "remove it, or write it in words")
    return problem(
        source,
        "CS106",
        f"the blank U+{ord(char):04X} is not a plain one"
        if blank
        else f"`{char}` is not part of the language",
        token.span,
        label=named,
        helps=(hint,),
        fix=" " if blank else "",
        safe=blank,
    )


def invisible(source: Source) -> list[Diagnostic]:
    """Control characters anywhere, also in comments and strings: they hide what a spec says."""
    found = []
    for match in islice(_INVISIBLE.finditer(source.text), MAX_INVISIBLE):
        char = match.group()
        found.append(
            problem(
                source,
                "CS142",
                f"the invisible character U+{ord(char):04X} stands in the text",
                Span(*match.span()),
                label=unicodedata.name(char, "a control character").lower(),
                helps=("remove it",),
                fix="",
            )
        )
    return found


def _latex(source: Source, tokens: tuple[Token, ...], index: int) -> Mended:
    token = tokens[index]
    word = tokens[index + 1] if index + 1 < len(tokens) else None
    if word is None or not touching(token, word) or not word.text[0].isalpha():
        finding = problem(
            source,
            "CS125",
            "`\\` is not part of the language",
            token.span,
            helps=("a line goes on after an operator or inside brackets; no `\\` needed",),
            fix="",
        )
        return Mended(1, (), finding)
    span = Span(token.start, word.end)
    kind, plain = LATEX.get(word.text, (word.kind, word.text))
    finding = problem(
        source,
        "CS125",
        f"`\\{word.text}` is LaTeX; a spec writes `{plain}`",
        span,
        helps=(f"write `{plain}`",),
        fix=plain,
        notes=("a spec is plain text; the report typesets it for you",),
    )
    return Mended(2, (Token(kind, plain, span.start, span.end, word.soft),), finding)


def _quote(source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]) -> Mended:
    token = tokens[index]
    before = done[-1] if done else None
    if (
        token.text in "'’"
        and before is not None
        and before.kind in OPERAND_ENDS
        and touching(before, token)
    ):
        finding = problem(
            source,
            "CS124",
            f"`{before.text}{token.text}`: a prime has no meaning here",
            Span(before.start, token.end),
            helps=("a transpose is `W.T`, a derivative `diff(u, x)`, another name `x_new`",),
            fix=".T",
            fix_span=token.span,
            safe=False,
        )
        return Mended(1, (), finding)
    close = index + 1
    while close < len(tokens) and not (
        tokens[close].kind == "UNKNOWN" and tokens[close].text in QUOTES
    ):
        close += 1
    newline = source.text.find("\n", token.start)
    ends_line = newline if newline >= 0 else len(source.text)
    if close >= len(tokens) or tokens[close].start > ends_line:
        finding = problem(
            source,
            "CS105",
            f"`{token.text}` opens a string that is never closed",
            token.span,
            helps=('strings stand between plain double quotes: `"..."`',),
        )
        return Mended(1, (), finding)
    inner = source.text[token.end : tokens[close].start]
    span = Span(token.start, tokens[close].end)
    fixed = f'"{inner}"'
    finding = problem(
        source,
        "CS105",
        "strings stand between plain double quotes",
        span,
        label="these are other quotes",
        helps=(f"write `{fixed}`",),
        fix=fixed,
    )
    return Mended(close - index + 1, (Token("STRING", fixed, span.start, span.end),), finding)


def _ampersand(source: Source, tokens: tuple[Token, ...], index: int) -> Mended:
    token = tokens[index]
    double = index + 1 < len(tokens) and tokens[index + 1].text == "&"
    take = 2 if double else 1
    span = Span(token.start, tokens[index + take - 1].end)
    finding = problem(
        source,
        "CS112",
        f"`{'&' * take}` is written `and`",
        span,
        helps=("write `and`",),
        fix="and",
    )
    return Mended(take, (Token("AND", "and", span.start, span.end),), finding)


def _percent(source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]) -> Mended:
    token = tokens[index]
    before = done[-1] if done else None
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if after is not None and after.kind in OPERAND_STARTS:
        finding = problem(
            source,
            "CS129",
            "`%` is percent; there is no remainder operator",
            token.span,
            helps=("percent stands directly behind a number: `10%`",),
        )
        return Mended(1, (make("TIMES", "*", token),), finding)
    if before is not None and before.kind == "NUMBER":
        finding = problem(
            source,
            "CS129",
            "`%` stands directly behind its number",
            token.span,
            helps=(f"write `{before.text}%`",),
            fix="%",
            fix_span=Span(before.end, token.end),
        )
        return Mended(1, (), finding)
    finding = problem(
        source,
        "CS129",
        "`%` needs a number before it",
        token.span,
        helps=("percent stands directly behind a number: `10%`; for a name write `x / 100`",),
    )
    return Mended(1, (), finding)


def _superscript(source: Source, tokens: tuple[Token, ...], index: int) -> Mended:
    token = tokens[index]
    digit = POWERS[token.text]
    finding = problem(
        source,
        "CS106",
        f"`{token.text}` is written `^{digit}`",
        token.span,
        helps=(f"write `^{digit}`",),
        fix=f"^{digit}",
    )
    return Mended(1, (make("POWER", "^", token), make("NUMBER", digit, token)), finding)


def _unclosed(source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]) -> Mended:
    token = tokens[index]
    text = token.text.split("#")[0].rstrip()
    cut = min((text.find(mark) for mark in ",)];" if mark in text), default=len(text))
    fixed = f'{text[:cut]}"'
    finding = problem(
        source,
        "CS105",
        "this string is never closed",
        token.span,
        label='the `"` that opens it has no partner on the line',
        helps=(f"close it: `{fixed}`",),
        fix='"',
        fix_span=Span(token.start + cut, token.start + cut),
        safe=False,
    )
    closers = {")": "RPAR", "]": "RSQB", ",": "COMMA", ";": "SEMICOLON"}
    tail = tuple(
        Token(closers[char], char, token.start + place, token.start + place + 1)
        for place, char in enumerate(text)
        if place >= cut and char in ")]"
    )
    return Mended(1, (make("STRING", fixed, token), *tail), finding)


def _number(
    source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]
) -> Mended | None:
    token = tokens[index]
    if number_value(token.text) is None:
        return Mended(1, (make("NUMBER", "1", token),), _out_of_range(source, token))
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if after is None or after.kind not in OPERAND_STARTS or after.kind == "STRING":
        return None
    if after.kind == "NAME" and after.text in UNITS:
        return _unit(source, token, after)
    if after.kind == "NUMBER":
        if not token.text.endswith("%"):
            return None
        finding = problem(
            source,
            "CS129",
            "`%` is percent; there is no remainder operator",
            Span(token.start, after.end),
            helps=("percent stands directly behind a number: `10%`",),
        )
        return Mended(2, (token,), finding)
    if not touching(token, after):
        return None
    times = Token("TIMES", "*", token.end, token.end)
    shown = after.text if after.kind == "NAME" else f"{after.text}...)"
    finding = problem(
        source,
        "CS124",
        f"`{token.text}{shown}`: multiplication needs a `*`",
        Span(token.start, after.end),
        helps=(f"write `{token.text}*{shown}`",),
        fix="*",
        fix_span=Span(token.end, token.end),
    )
    return Mended(1, (token, times), finding)


def _unit(source: Source, number: Token, unit: Token) -> Mended:
    suffix = UNITS[unit.text]
    note = {
        "%": "percent is the sign `%`",
        "k": "powers of 1000 are `k`, `M`, `G`; powers of 1024 are `KiB`, `MiB`, `GiB`",
    }.get(suffix, "powers of 1000 are `k`, `M`, `G`; powers of 1024 are `KiB`, `MiB`, `GiB`")
    finding = problem(
        source,
        "CS129",
        f"`{unit.text}` is not a unit that a number can have",
        unit.span,
        notes=(note,),
        helps=(f"write `{number.text}{suffix}`",),
        fix=f"{number.text}{suffix}",
        fix_span=Span(number.start, unit.end),
        safe=False,
    )
    return Mended(2, (Token("NUMBER", f"{number.text}{suffix}", number.start, unit.end),), finding)


def _out_of_range(source: Source, token: Token) -> Diagnostic:
    if len(token.text) > MAX_DIGITS:
        message = f"a number of {len(token.text)} characters is longer than {MAX_DIGITS}"
    else:
        message = f"`{token.text}` does not fit into a double"
    return problem(
        source,
        "CS133",
        message,
        token.span,
        notes=("doubles reach from 5e-324 to 1.8e308, with 17 digits",),
        helps=("for no bound at all, leave the constraint away, or write `inf`",),
    )


def _name(
    source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]
) -> Mended | None:
    token = tokens[index]
    raised = next((place for place, char in enumerate(token.text) if char in POWERS), None)
    if raised is not None:
        power = "".join(POWERS.get(char, "") for char in token.text[raised:])
        head = token.text[:raised]
        place = token.start + raised
        finding = problem(
            source,
            "CS106",
            f"`{token.text}` is written `{head}^{power}`",
            token.span,
            helps=(f"write `{head}^{power}`",),
            fix=f"{head}^{power}",
        )
        new = (
            Token("POWER", "^", place, token.end),
            Token("NUMBER", power, place, token.end),
        )
        named = (Token("NAME", head, token.start, place),) if head else ()
        return Mended(1, (*named, *new), finding)
    plain = unicodedata.normalize("NFKC", token.text)
    if plain == token.text and plain.isidentifier():
        return None
    fixed = plain if plain.isidentifier() else "".join(c for c in plain if c.isascii()) or "x"
    finding = problem(
        source,
        "CS106",
        f"`{token.text}` is not a plain name",
        token.span,
        notes=("names are letters, digits and `_`, without ligatures, raised or styled letters",),
        helps=(f"write `{fixed}`",),
        fix=fixed,
        safe=False,
    )
    return Mended(1, (make("NAME", fixed, token),), finding)

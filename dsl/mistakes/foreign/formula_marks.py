"""Marks that are no part of the language: Unicode signs, LaTeX, quotes, primes, percent, units.

`mend(source, tokens)` reads the tokens of a clause once and exchanges each such mark by what it
stands for, with a finding that says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import islice

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.mistakes.failure import OPERAND_ENDS, OPERAND_STARTS, Mended, make, problem, touching
from cspec.dsl.mistakes.quantities import number_form, percent_sign
from cspec.dsl.mistakes.quotes import one_quote, open_end
from cspec.dsl.mistakes.signs import HINTS, LATEX, PHRASES, POWERS, QUOTES, SIGNS
from cspec.dsl.text.defined_names import defined_names
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token

MAX_INVISIBLE = 5
_INVISIBLE = re.compile(
    "[\\x00-\\x08\\x0b\\x0e-\\x1f\\x7f-\\x9f\\u00ad\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]"
    "|\\r(?!\\n)"
)


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
        "UNCLOSED": open_end,
        "NUMBER": number_form,
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
        return one_quote(source, tokens, index, done)
    if char == "&":
        return _ampersand(source, tokens, index)
    if char == "%":
        return percent_sign(source, tokens, index, done)
    if char in POWERS:
        return _superscript(source, tokens, index)
    if char == "!" and done and done[-1].kind in OPERAND_ENDS:
        return _factorial(source, token)
    if char in PHRASES:
        return _phrase(source, tokens, index)
    if char == "∂":
        found = _QUOTIENT.match(source.text, token.start)
        if found := found or _INDEXED.match(source.text, token.start):
            return _quotient(source, tokens, index, found)
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
            safe=not (kind == "NOT" and done and done[-1].kind in OPERAND_ENDS),
        )
        return Mended(1, (make(kind, ascii_form, token),), finding)
    if unicodedata.category(char).startswith("C"):
        return Mended(1, (), None)
    return Mended(1, (), _foreign(source, token))


_POWER = r"(?:\^?([2-4²³⁴]))?"
_QUOTIENT = re.compile(
    rf"∂ ?{_POWER} ?(?P<of>[A-Za-z]\w*) ?/ ?"
    rf"(?:\( ?(?P<several>(?:∂ ?[A-Za-z]+{_POWER} ?)+)\)|(?P<one>∂ ?[A-Za-z]+{_POWER}))"
)
_BY = re.compile(rf"∂ ?([A-Za-z]+){_POWER}")
_INDEXED = re.compile(rf"∂_(?P<by>[A-Za-z]+){_POWER} ?(?P<of>[A-Za-z]\w*)")


def _quotient(
    source: Source, tokens: tuple[Token, ...], index: int, found: re.Match[str]
) -> Mended:
    """`∂u/∂x`, `∂²u/∂x²`, `∂²u/(∂x∂t)`, `∂_xx u`."""
    groups = found.groupdict()
    pairs = _BY.findall(groups.get("several") or groups.get("one") or "")
    pairs = pairs or [(letter, found[2] or "") for letter in groups["by"]]
    by = [name for name, power in pairs for _ in range(int(POWERS.get(power, power) or 1))]
    end = found.end()
    meant = f"diff({', '.join([found['of'], *by])})"
    message = f"a derivative is written `{meant}`"
    span = Span(found.start(), end)
    finding = problem(source, "CS106", message, span, label="no quotient", fix=meant)
    kinds = {"(": "LPAR", ")": "RPAR", ",": "COMMA"}
    parts = re.findall(r"\w+|[(),]", meant)
    new = tuple(make(kinds.get(part, "NAME"), part, tokens[index]) for part in parts)
    take = sum(found.start() <= token.start < end for token in tokens[index:])
    return Mended(take, new, finding)


def _factorial(source: Source, token: Token) -> Mended:
    """`n!`."""
    message = "there is no factorial"
    finding = problem(source, "CS106", message, token.span, helps=("write its number: `6` for 3!",))
    return Mended(1, (), finding)


def _phrase(source: Source, tokens: tuple[Token, ...], index: int) -> Mended:
    """`30°`, `½ x`: one sign, several tokens."""
    token = tokens[index]
    parts = PHRASES[token.text]
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    number = parts[0][0] == "NUMBER"
    if number and after is not None and after.kind in OPERAND_STARTS:
        parts = (*parts, ("TIMES", "*"))
    words = parts[0][0] == "NOT"
    meant = (" " if words else "").join(text for _, text in parts)
    finding = problem(
        source,
        "CS106",
        f"`{token.text}` is written `{meant}`",
        token.span,
        label=unicodedata.name(token.text, "this character").lower(),
        helps=(f"write `{meant}`",),
        fix=f"{meant} " if words else meant,
        safe=number or words,
    )
    return Mended(1, tuple(make(kind, text, token) for kind, text in parts), finding)


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
        message = "`\\` is not part of the language"
        helps = ("a line goes on after an operator or inside brackets; no `\\` needed",)
        finding = problem(source, "CS125", message, token.span, helps=helps, fix="")
        return Mended(1, (), finding)
    span = Span(token.start, word.end)
    kind, plain = LATEX.get(word.text, (word.kind, word.text))
    message = f"`\\{word.text}` is LaTeX; a spec writes `{plain}`"
    notes = ("a spec is plain text; the report typesets it for you",)
    finding = problem(source, "CS125", message, span, fix=plain, notes=notes)
    return Mended(2, (Token(kind, plain, span.start, span.end, word.soft),), finding)


def _ampersand(source: Source, tokens: tuple[Token, ...], index: int) -> Mended:
    token = tokens[index]
    double = index + 1 < len(tokens) and tokens[index + 1].text == "&"
    take = 2 if double else 1
    span = Span(token.start, tokens[index + take - 1].end)
    finding = problem(source, "CS112", f"`{'&' * take}` is written `and`", span, fix="and")
    return Mended(take, (Token("AND", "and", span.start, span.end),), finding)


def _superscript(source: Source, tokens: tuple[Token, ...], index: int) -> Mended:
    token = tokens[index]
    digit = POWERS[token.text]
    message = f"`{token.text}` is written `^{digit}`"
    finding = problem(source, "CS106", message, token.span, fix=f"^{digit}")
    return Mended(1, (make("POWER", "^", token), make("NUMBER", digit, token)), finding)


def _name(
    source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]
) -> Mended | None:
    token = tokens[index]
    if token.text in PHRASES:
        return _phrase(source, tokens, index)
    lowered = _lowered(source, token)
    if lowered is not None:
        return lowered
    behind = token.text.removeprefix("π")
    if (
        behind != token.text
        and behind.isidentifier()
        and token.text not in defined_names(source.text)
    ):
        return _times_pi(source, token, behind)
    raised = next((place for place, char in enumerate(token.text) if char in POWERS), None)
    if raised is not None:
        power = "".join(POWERS.get(char, "") for char in token.text[raised:])
        head = token.text[:raised]
        place = token.start + raised
        message = f"`{token.text}` is written `{head}^{power}`"
        finding = problem(source, "CS106", message, token.span, fix=f"{head}^{power}")
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
    message = f"`{token.text}` is not a plain name"
    notes = ("names are letters, digits and `_`, without ligatures, raised or styled letters",)
    finding = problem(source, "CS106", message, token.span, notes=notes, fix=fixed, safe=False)
    follower = tokens[index + 1].kind if index + 1 < len(tokens) else ""
    averaged = fixed in ("E", "P") and follower == "LSQB"
    return Mended(1, (make("AVERAGE" if averaged else "NAME", fixed, token),), finding)


def _times_pi(source: Source, token: Token, behind: str) -> Mended:
    """`sin(πx)`."""
    meant = f"pi*{behind}"
    message = f"`{token.text}`: multiplication needs a `*`"
    finding = problem(source, "CS124", message, token.span, fix=meant)
    parts = (("NAME", "pi"), ("TIMES", "*"), ("NAME", behind))
    return Mended(1, tuple(make(kind, text, token) for kind, text in parts), finding)


_LOW = dict(zip("₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₙₘ", "0123456789ijknm", strict=True))
_LOWERED = re.compile(rf"([A-Za-z]\w*?)([{''.join(_LOW)}]+)([{''.join(POWERS)}]*)")


def _lowered(source: Source, token: Token) -> Mended | None:
    """`x₁`, `x₁²`: an entry, or a name of its own."""
    found = _LOWERED.fullmatch(token.text)
    if found is None:
        return None
    place = "".join(_LOW[char] for char in found[2])
    known = defined_names(source.text)
    entry = found[1] in known and f"{found[1]}{place}" not in known
    head = f"{found[1]}[{place}]" if entry else f"{found[1]}{place}"
    power = "".join(POWERS[char] for char in found[3])
    meant = f"{head}^{power}" if power else head
    one = entry and place.isdigit() and place != "0"
    first = f"; where entries are counted from 1: `{found[1]}[{int(place) - 1}]`" if one else ""
    message = f"`{token.text}` is written `{meant}`"
    notes = ("entries are counted from 0",) if entry else ()
    helps = (f"write `{meant}`{first}",)
    finding = problem(
        source, "CS106", message, token.span, notes=notes, helps=helps, fix=meant, safe=not entry
    )
    kinds = [("NAME", found[1] if entry else head)]
    if entry:
        inner = ("NUMBER" if place.isdigit() else "NAME", place)
        kinds += [("LSQB", "["), inner, ("RSQB", "]")]
    kinds += [("POWER", "^"), ("NUMBER", power)] if power else []
    return Mended(1, tuple(make(kind, text, token) for kind, text in kinds), finding)

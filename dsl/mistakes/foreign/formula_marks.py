"""Marks that are no part of the language: Unicode signs, LaTeX, quotes, primes, percent, units.

`mend(source, tokens)` reads the tokens of a clause once and exchanges each such mark by what it
stands for, with a finding that says so.
"""

import re
import unicodedata
from collections.abc import Callable
from itertools import islice

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.mistakes.failure import OPERAND_ENDS, OPERAND_STARTS, problem, touching
from cspec.dsl.mistakes.foreign.view import Mended, View, mended
from cspec.dsl.mistakes.literals import number_form, one_quote, open_end, percent_sign
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
    stack, done = [*reversed(tokens)], list[Token]()
    view = View(source, stack, done)
    findings: list[Diagnostic] = []
    while stack:
        look = _LOOKS.get(view.at(0).kind)
        exchanged = look(view) if look else None
        if exchanged is None:
            done.append(stack.pop())
            continue
        if exchanged.finding is not None:
            findings.append(exchanged.finding)
        done.extend(exchanged.new)
        del stack[len(stack) - exchanged.take :]
    return tuple(done), findings


def _suspicious(tokens: tuple[Token, ...], index: int) -> bool:
    token = tokens[index]
    kind = token.kind
    if kind in {"UNKNOWN", "UNCLOSED"}:
        return True
    if kind == "NUMBER":
        follower = tokens[index + 1].kind if index + 1 < len(tokens) else ""
        return follower in OPERAND_STARTS or len(token.text) > 12 or "e" in token.text.lower()
    return kind == "NAME" and not token.text.isascii()


def _unknown(view: View) -> Mended | None:
    token, char = view.at(0), view.at(0).text
    behind = view.before.kind in OPERAND_ENDS
    if char == "\\":
        return _latex(view)
    if char in QUOTES:
        return one_quote(view)
    if char == "&":
        take = 2 if view.at(1).text == "&" else 1
        message = f"`{'&' * take}` is written `and`"
        return mended(view, take, [("AND", "and")], "CS112", message, fix="and")
    if char == "%":
        return percent_sign(view)
    if char == "!" and behind:  # `n!`
        helps = ("write its number: `6` for 3!",)
        return mended(view, 1, (), "CS106", "there is no factorial", helps=helps)
    if char in PHRASES:
        return _phrase(view)
    if char == "∂":
        found = _QUOTIENT.match(view.source.text, token.start)
        if found := found or _INDEXED.match(view.source.text, token.start):
            return _quotient(view, found)
    if char in SIGNS:
        kind, plain = SIGNS[char]
        fix = f"{plain} " if kind == "NOT" else plain
        # `y ~ f(x)` negates nothing.
        safe = not (kind == "NOT" and behind)
        return mended(view, 1, [(kind, plain)], "CS106", label=_named(char), fix=fix, safe=safe)
    if unicodedata.category(char).startswith("C"):
        return Mended(1, (), None)
    return _foreign(view)


def _named(char: str) -> str:
    return unicodedata.name(char, "this character").lower()


_POWER = r"(?:\^?([2-4²³⁴]))?"
_QUOTIENT = re.compile(
    rf"∂ ?{_POWER} ?(?P<of>[A-Za-z]\w*) ?/ ?"
    rf"(?:\( ?(?P<several>(?:∂ ?[A-Za-z]+{_POWER} ?)+)\)|(?P<one>∂ ?[A-Za-z]+{_POWER}))"
)
_BY = re.compile(rf"∂ ?([A-Za-z]+){_POWER}")
_INDEXED = re.compile(rf"∂_(?P<by>[A-Za-z]+){_POWER} ?(?P<of>[A-Za-z]\w*)")


def _quotient(view: View, found: re.Match[str]) -> Mended:
    """`∂u/∂x`, `∂²u/∂x²`, `∂²u/(∂x∂t)`, `∂_xx u`."""
    groups = found.groupdict()
    pairs = _BY.findall(groups.get("several") or groups.get("one") or "")
    pairs = pairs or [(letter, found[2] or "") for letter in groups["by"]]
    by = [name for name, power in pairs for _ in range(int(POWERS.get(power, power) or 1))]
    meant = f"diff({', '.join([found['of'], *by])})"
    kinds = {"(": "LPAR", ")": "RPAR", ",": "COMMA"}
    parts = re.findall(r"\w+|[(),]", meant)
    new = [Token(kinds.get(part, "NAME"), part, *view.at(0).span) for part in parts]
    take = sum(found.start() <= token.start < found.end() for token in view.stack)
    said = ("CS106", f"a derivative is written `{meant}`", Span(*found.span()))
    return mended(view, take, new, *said, label="no quotient", fix=meant)


def _phrase(view: View) -> Mended:
    """`30°`, `½ x`: one sign, several tokens."""
    char = view.at(0).text
    parts = PHRASES[char]
    number, words = parts[0][0] == "NUMBER", parts[0][0] == "NOT"
    if number and view.at(1).kind in OPERAND_STARTS:
        parts = (*parts, ("TIMES", "*"))
    meant = (" " if words else "").join(text for _, text in parts)
    fix = f"{meant} " if words else meant
    return mended(view, 1, parts, "CS106", label=_named(char), fix=fix, safe=number or words)


def _foreign(view: View) -> Mended:
    char = view.at(0).text
    label = unicodedata.name(char, f"U+{ord(char):04X}").lower()
    if char.isspace():
        message = f"the blank U+{ord(char):04X} is not a plain one"
        helps = ("write a plain blank",)
        return mended(view, 1, (), "CS106", message, label=label, helps=helps, fix=" ")
    said = ("CS106", f"`{char}` is not part of the language")
    helps = (HINTS.get(char, "remove it, or write it in words"),)
    return mended(view, 1, (), *said, label=label, helps=helps, fix="", safe=False)


def invisible(source: Source) -> list[Diagnostic]:
    """Control characters anywhere, also in comments and strings: they hide what a spec says."""
    found = []
    for match in islice(_INVISIBLE.finditer(source.text), MAX_INVISIBLE):
        char = match.group()
        message = f"the invisible character U+{ord(char):04X} stands in the text"
        label = unicodedata.name(char, "a control character").lower()
        span = Span(*match.span())
        found.append(problem(source, "CS142", message, span, label=label, fix=""))
    return found


def _latex(view: View) -> Mended:
    token, word = view.at(0), view.at(1)
    if not touching(token, word) or not word.text[0].isalpha():
        message = "`\\` is not part of the language"
        helps = ("a line goes on after an operator or inside brackets; no `\\` needed",)
        return mended(view, 1, (), "CS125", message, helps=helps, fix="")
    kind, plain = LATEX.get(word.text, (word.kind, word.text))
    new = Token(kind, plain, *view.span(0, 2), word.soft)
    message = f"`\\{word.text}` is LaTeX; a spec writes `{plain}`"
    notes = ("a spec is plain text; the report typesets it for you",)
    return mended(view, 2, [new], "CS125", message, fix=plain, notes=notes)


def _name(view: View) -> Mended | None:
    token, text = view.at(0), view.at(0).text
    if text in PHRASES:
        return _phrase(view)
    lowered = _lowered(view)
    if lowered is not None:
        return lowered
    behind = text.removeprefix("π")
    if behind != text and behind.isidentifier() and text not in defined_names(view.source.text):
        # `sin(πx)`
        said = ("CS124", f"`{text}`: multiplication needs a `*`")
        factors = (("NAME", "pi"), ("TIMES", "*"), ("NAME", behind))
        return mended(view, 1, factors, *said, fix=f"pi*{behind}")
    raised = next((place for place, char in enumerate(text) if char in POWERS), None)
    if raised is not None:
        power = "".join(POWERS.get(char, "") for char in text[raised:])
        head, place = text[:raised], token.start + raised
        named = (Token("NAME", head, token.start, place),) if head else ()
        above = (Token(*part, place, token.end) for part in (("POWER", "^"), ("NUMBER", power)))
        return mended(view, 1, (*named, *above), "CS106", fix=f"{head}^{power}")
    plain = unicodedata.normalize("NFKC", text)
    if plain == text and plain.isidentifier():
        return None
    fixed = plain if plain.isidentifier() else "".join(c for c in plain if c.isascii()) or "x"
    said = ("CS106", f"`{text}` is not a plain name")
    notes = ("names are letters, digits and `_`, without ligatures, raised or styled letters",)
    averaged = fixed in ("E", "P") and view.at(1).kind == "LSQB"
    new = [("AVERAGE" if averaged else "NAME", fixed)]
    return mended(view, 1, new, *said, notes=notes, fix=fixed, safe=False)


_LOW = dict(zip("₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₙₘ", "0123456789ijknm", strict=True))
_LOWERED = re.compile(rf"([A-Za-z]\w*?)([{''.join(_LOW)}]+)([{''.join(POWERS)}]*)")


def _lowered(view: View) -> Mended | None:
    """`x₁`, `x₁²`: an entry, or a name of its own."""
    found = _LOWERED.fullmatch(view.at(0).text)
    if found is None:
        return None
    place = "".join(_LOW[char] for char in found[2])
    known = defined_names(view.source.text)
    entry = found[1] in known and f"{found[1]}{place}" not in known
    head = f"{found[1]}[{place}]" if entry else f"{found[1]}{place}"
    power = "".join(POWERS[char] for char in found[3])
    meant = f"{head}^{power}" if power else head
    one = entry and place.isdigit() and place != "0"
    first = f"; where entries are counted from 1: `{found[1]}[{int(place) - 1}]`" if one else ""
    new = [("NAME", found[1] if entry else head)]
    if entry:
        inner = ("NUMBER" if place.isdigit() else "NAME", place)
        new += [("LSQB", "["), inner, ("RSQB", "]")]
    new += [("POWER", "^"), ("NUMBER", power)] if power else []
    notes = ("entries are counted from 0",) if entry else ()
    helps = (f"write `{meant}`{first}",)
    return mended(view, 1, new, "CS106", notes=notes, helps=helps, fix=meant, safe=not entry)


_LOOKS: dict[str, Callable[[View], Mended | None]] = {
    "UNKNOWN": _unknown,
    "UNCLOSED": open_end,
    "NUMBER": number_form,
    "NAME": _name,
}
"""What looks at a token, by its kind."""

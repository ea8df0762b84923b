"""Numbers, percent and units in forms that the language does not have."""

from __future__ import annotations

import re

from cspec.dsl.messages.diagnostic import Diagnostic, Fix
from cspec.dsl.messages.wording import as_name
from cspec.dsl.mistakes.failure import OPERAND_STARTS, Mended, make, problem, touching
from cspec.dsl.mistakes.signs import PHYSICAL, UNITS
from cspec.dsl.text.defined_names import defined_names
from cspec.dsl.text.numbers import MAX_DIGITS, number_value
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token


def percent_sign(
    source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]
) -> Mended:
    token = tokens[index]
    before = done[-1] if done else None
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if (
        after is not None
        and (before is None or before.kind == "RELATION")
        and after.kind == "NUMBER"
        and touching(token, after)
    ):
        span = Span(token.start, after.end)
        meant = f"{after.text}%"
        message = "`%` stands behind its number"
        finding = problem(source, "CS129", message, span, helps=(f"write `{meant}`",), fix=meant)
        return Mended(2, (Token("NUMBER", meant, *span),), finding)
    if after is not None and after.kind in OPERAND_STARTS:
        finding = problem(
            source,
            "CS129",
            "`%` is percent; there is no remainder operator",
            token.span,
            helps=("percent stands directly behind a number: `10%`",),
        )
        return Mended(1, (make("TIMES", "*", token),), finding)
    if before is not None and before.kind == "NUMBER" and before.text.endswith("%"):
        helps = (f"write `{before.text}`",)
        finding = problem(source, "CS129", "one `%` is enough", token.span, helps=helps, fix="")
        return Mended(1, (), finding)
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
    helps = ("percent stands directly behind a number: `10%`; for a name write `x / 100`",)
    finding = problem(source, "CS129", "`%` needs a number before it", token.span, helps=helps)
    return Mended(1, (), finding)


def number_form(
    source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]
) -> Mended | None:
    token = tokens[index]
    if number_value(token.text) is None:
        return Mended(1, (make("NUMBER", "1", token),), _out_of_range(source, token))
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if after is None or after.kind not in OPERAND_STARTS or after.kind == "STRING":
        return None
    kelvin = after.text == "K" and after.start > token.end
    if after.kind == "NAME" and after.text in UNITS and not kelvin:
        return _unit(source, token, after)
    timed = index > 0 and tokens[index - 1].kind == "EVERY"
    if (
        not timed
        and after.kind == "NAME"
        and after.text in PHYSICAL
        and _no_name(source, tokens, index + 1)
    ):
        return _physical(source, token, after)
    if after.kind == "NAME" and after.text in _SUFFIXES and not token.text[-1].isalpha():
        return _apart(source, token, after)
    if after.kind == "NUMBER":
        grouped = _grouped(source, tokens, index)
        if grouped is not None:
            return grouped
        if not token.text.endswith("%"):
            return None
        return Mended(2, (token,), _after_percent(source, token, after, tokens[index - 1].text))
    if not touching(token, after):
        return None
    if after.text in ("x10", "X10", "×10"):
        scientific = _scientific(source, tokens[index : index + 5])
        if scientific is not None:
            return scientific
    if after.kind == "NAME" and after.text in ("e", "E"):
        return _unfinished(source, token, after, tokens[index + 2 : index + 3])
    if after.kind == "NAME" and (_HEX.fullmatch(f"{token.text}{after.text}") or after.text == "j"):
        return _other_numbers(source, token, after)
    if not index and after.kind == "NAME" and _kind_at(tokens, 2) == "COLON":
        return _label(source, token, after)
    times = Token("TIMES", "*", token.end, token.end)
    if done and done[-1].text == "/":
        return _divided(source, tokens, index, done)
    shown = after.text if after.kind == "NAME" else _bracket(source, tokens, index + 1)
    message = f"`{token.text}{shown}`: multiplication needs a `*`"
    span = Span(token.start, after.end)
    helps = (f"write `{token.text}*{shown}`",)
    finding = problem(
        source, "CS124", message, span, helps=helps, fix="*", fix_span=Span(token.end, token.end)
    )
    return Mended(1, (token, times), finding)


def _kind_at(tokens: tuple[Token, ...], index: int) -> str:
    return tokens[index].kind if index < len(tokens) else "$END"


def _label(source: Source, number: Token, rest: Token) -> Mended:
    """`1a: ...`, `2nd: ...`: a label begins with a letter."""
    span = Span(number.start, rest.end)
    meant = as_name(source.slice(span))
    message = f"`{source.slice(span)}` can't be a label: names begin with a letter"
    helps = (f"write `{meant}: ...`",)
    finding = problem(source, "CS126", message, span, helps=helps, fix=meant, safe=False)
    return Mended(2, (Token("NAME", meant, *span),), finding)


def _after_percent(source: Source, token: Token, after: Token, before: str) -> Diagnostic:
    """`7 % 3` is no remainder; `30% 1%`, `within 1% 5%` are two numbers."""
    span = Span(token.start, after.end)
    if before == "within":
        helps = tuple(f"write `within {number.text}`" for number in (token, after))
        return problem(source, "CS136", "a tolerance is one number", span, helps=helps)
    if after.text.endswith("%"):
        message = f"nothing stands between `{token.text}` and `{after.text}`"
        help_ = f"where the second is a tolerance: `{token.text} within {after.text}`"
        return problem(source, "CS101", message, span, helps=(help_,))
    message = "`%` is percent; there is no remainder operator"
    helps = ("percent stands directly behind a number: `10%`",)
    return problem(source, "CS129", message, span, helps=helps)


def _grouped(source: Source, tokens: tuple[Token, ...], index: int) -> Mended | None:
    """`10 000`: digits in groups of three."""
    end = index + 1
    while end < len(tokens) and re.fullmatch(r"\d{3}", tokens[end].text):
        end += 1
    if end == index + 1 or not re.fullmatch(r"\d{1,3}", tokens[index].text):
        return None
    meant = "_".join(token.text for token in tokens[index:end])
    span = Span(tokens[index].start, tokens[end - 1].end)
    message = f"`{source.slice(span)}`: no blanks stand in a number"
    finding = problem(source, "CS124", message, span, fix=meant, safe=False)
    return Mended(end - index, (Token("NUMBER", meant, *span),), finding)


def _no_name(source: Source, tokens: tuple[Token, ...], index: int) -> bool:
    """Whether the spec itself has no such name, and no operand follows."""
    follower = tokens[index + 1].kind if index + 1 < len(tokens) else ""
    called = follower in {"LPAR", "LSQB"}
    return not called and tokens[index].text not in defined_names(source.text)


def _physical(source: Source, number: Token, unit: Token) -> Mended:
    """`5 kg`: a number of the problem has no unit."""
    finding = problem(
        source,
        "CS129",
        f"`{unit.text}`: numbers of a spec have no units",
        unit.span,
        notes=("all values of one kind are meant in one unit, which a remark may name",),
        helps=(f"write `{number.text}`, and `# in {unit.text}` behind the line",),
        fix="",
        fix_span=Span(number.end, unit.end),
        safe=False,
    )
    return Mended(2, (number,), finding)


def _scientific(source: Source, tokens: tuple[Token, ...]) -> Mended | None:
    """`1x10^-3`: a number as in print is `1e-3`."""
    minus = len(tokens) > 3 and tokens[3].text == "-"
    take = 5 if minus else 4
    if len(tokens) < take or tokens[2].kind != "POWER" or not tokens[take - 1].text.isdigit():
        return None
    meant = f"{tokens[0].text}e{'-' if minus else ''}{tokens[take - 1].text}"
    if number_value(meant) is None:
        return None
    span = Span(tokens[0].start, tokens[take - 1].end)
    message = f"`{source.slice(span)}` is written `{meant}`"
    finding = problem(source, "CS124", message, span, fix=meant)
    return Mended(take, (Token("NUMBER", meant, span.start, span.end),), finding)


def _bracket(source: Source, tokens: tuple[Token, ...], opener: int) -> str:
    """The text of a short bracket, or its beginning."""
    for index in range(opener, min(opener + _SHOWN, len(tokens))):
        if tokens[index].kind == "RPAR":
            inner = tokens[opener + 1 : index]
            if not any(token.kind == "LPAR" for token in inner):
                return source.text[tokens[opener].start : tokens[index].end]
    return f"{tokens[opener].text}...)"


_SHOWN = 20
"""Tokens of a bracket that a message shows."""


def _divided(source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]) -> Mended:
    """`1/2x`: half of x, or one over 2x? Both are natural, so both are offered."""
    number, after = tokens[index], tokens[index + 1]
    left = done[-2] if len(done) > 1 else number
    operand = after.text if after.kind == "NAME" else _bracket(source, tokens, index + 1)
    head = f"{left.text}/" if left.kind in {"NUMBER", "NAME"} else ".../"
    factor, divisor = f"{head}{number.text}*{operand}", f"{head}({number.text}*{operand})"
    end = Span(number.end, number.end)
    fixes = [Fix(span=end, replacement="*", title=f"write `{factor}`")]
    if not operand.endswith("...)"):
        whole = Span(number.start, number.end + len(operand))
        text = f"({number.text}*{operand})"
        fixes.append(Fix(span=whole, replacement=text, title=f"write `{divisor}`"))
    message = f"`{head}{number.text}{operand}` has two readings"
    span = Span(done[-1].start, after.end)
    label = "a factor, or a divisor?"
    helps = (f"for a factor write `{factor}`", f"for a divisor write `{divisor}`")
    finding = problem(source, "CS124", message, span, label=label, helps=helps, fixes=tuple(fixes))
    return Mended(1, (number, Token("TIMES", "*", number.end, number.end)), finding)


_HEX = re.compile(r"0([xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)")


def _unfinished(
    source: Source, number: Token, letter: Token, following: tuple[Token, ...]
) -> Mended | None:
    """`1e`: the digits of an exponent are missing."""
    if following and following[0].kind in {"LPAR", "POWER"}:
        return None
    shown = f"{number.text}{letter.text}"
    span = Span(number.start, letter.end)
    message = f"`{shown}` is no number: digits are missing behind `{letter.text}`"
    notes = ("Euler's number is `exp(1)`",)
    helps = (f"write `{number.text}e-3`, or another power of ten",)
    finding = problem(source, "CS124", message, span, notes=notes, helps=helps)
    return Mended(2, (Token("NUMBER", number.text, span.start, span.end),), finding)


def _other_numbers(source: Source, number: Token, letters: Token) -> Mended:
    """`0xff`, `3j`: numbers of Python that the language does not have."""
    written = f"{number.text}{letters.text}"
    span = Span(number.start, letters.end)
    plain = "" if letters.text == "j" else str(int(written, 0))
    message = f"`{written}`: numbers are {'decimal' if plain else 'real'}"
    helps = (f"write `{plain}`",) if plain else ("for a product write `*`: `3*j`",)
    finding = problem(source, "CS124", message, span, helps=helps, fix=plain or None, safe=False)
    return Mended(2, (Token("NUMBER", plain or "1", span.start, span.end),), finding)


_SUFFIXES = frozenset({"k", "M", "G", "KiB", "MiB", "GiB"})


def _apart(source: Source, number: Token, unit: Token) -> Mended:
    """`1 KiB`: a unit with a blank before it."""
    whole = f"{number.text}{unit.text}"
    message = f"`{unit.text}` stands directly behind its number"
    finding = problem(
        source, "CS129", message, unit.span, fix=whole, fix_span=Span(number.start, unit.end)
    )
    return Mended(2, (Token("NUMBER", whole, number.start, unit.end),), finding)


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
    notes = ("doubles reach from 5e-324 to 1.8e308, with 17 digits",)
    helps = ("for no bound at all, leave the constraint away, or write `inf`",)
    return problem(source, "CS133", message, token.span, notes=notes, helps=helps)

"""Strings between other quotes, strings that never end, primes."""

from __future__ import annotations

import re

from cspec.dsl.mistakes.failure import OPERAND_ENDS, Mended, make, problem, touching
from cspec.dsl.mistakes.signs import QUOTES
from cspec.dsl.text.defined_names import fields
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token, tokenize


def one_quote(source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]) -> Mended:
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
        message = f"`{token.text}` opens a string that is never closed"
        helps = ('strings stand between plain double quotes: `"..."`',)
        finding = problem(source, "CS105", message, token.span, helps=helps)
        return Mended(1, (), finding)
    inner = source.text[token.end : tokens[close].start]
    span = Span(token.start, tokens[close].end)
    fixed = f'"{inner}"'
    message = "strings stand between plain double quotes"
    finding = problem(source, "CS105", message, span, label="these are other quotes", fix=fixed)
    return Mended(close - index + 1, (Token("STRING", fixed, span.start, span.end),), finding)


def open_end(source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]) -> Mended:
    token = tokens[index]
    earlier = _opened_earlier(source, tokens, index, done) or _second_derivative(
        source, token, done
    )
    if earlier is not None:
        return earlier
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


def _second_derivative(source: Source, token: Token, done: list[Token]) -> Mended | None:
    """`u" + u == 0` of `model u(t)`: a derivative, and no string."""
    of = done[-1] if done else None
    axes = fields(source.text).get(of.text, ()) if of and touching(of, token) else ()
    if of is None or len(axes) != 1:
        return None
    called = re.match(rf'"(?:\([ \t]*{re.escape(axes[0])}[ \t]*\))?', token.text)
    end = token.start + (called.end() if called else 1)
    form = f"diff({of.text}, {axes[0]}, {axes[0]})"
    span = Span(of.start, end)
    message = f'`{of.text}"`: a derivative is written `{form}`'
    finding = problem(source, "CS124", message, span, fix=form)
    del done[-1]
    made = (t._replace(start=span.start, end=span.end) for t in tokenize(form)[0])
    tail = (t._replace(start=t.start + end, end=t.end + end) for t in _rest(source, token, end))
    return Mended(1, (*made, *tail), finding)


def _rest(source: Source, token: Token, end: int) -> tuple[Token, ...]:
    """The tokens of what a string that is none had swallowed."""
    return tuple(tokenize(source.text[end : token.end])[0])


_SWALLOWED = re.compile(r'(?P<value>"[^",]*)(?P<rest>,\s*\w+\s*=\s*")')


def _opened_earlier(
    source: Source, tokens: tuple[Token, ...], index: int, done: list[Token]
) -> Mended | None:
    """`csv("adult.csv, target="income")`: the string that lacks its end is an earlier one."""
    for place in range(len(done) - 1, -1, -1):
        found = _SWALLOWED.fullmatch(done[place].text) if done[place].kind == "STRING" else None
        if found is None:
            continue
        start = done[place].start
        end = start + len(found["value"])
        if "\n" in source.text[start : tokens[index].start]:
            return None
        tail = source.text[end : tokens[index].end]
        del done[place:]
        finding = problem(
            source,
            "CS105",
            "this string is never closed",
            Span(start, end),
            label='the `"` that opens it has no partner here',
            helps=(f'close it: `{found["value"]}"`',),
            fix='"',
            fix_span=Span(end, end),
            safe=False,
        )
        moved = (t._replace(start=t.start + end, end=t.end + end) for t in tokenize(tail)[0])
        text = Token("STRING", f'{found["value"]}"', start, end)
        return Mended(1, (text, *moved), finding)
    return None

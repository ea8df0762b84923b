"""Strings between other quotes, strings that never end, primes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cspec.dsl.mistakes.failure import OPERAND_ENDS, touching
from cspec.dsl.mistakes.foreign.view import Mended, View, mended
from cspec.dsl.mistakes.repairs import read_at
from cspec.dsl.mistakes.signs import QUOTES
from cspec.dsl.text.defined_names import fields
from cspec.dsl.text.source import Span, line_of
from cspec.dsl.text.tokens import Token, tokenize


def one_quote(view: View) -> Mended:
    token, before, text = view.at(0), view.before, view.source.text
    if token.text in "'’" and before.kind in OPERAND_ENDS and touching(before, token):
        message = f"`{before.text}{token.text}`: a prime has no meaning here"
        said = ("CS124", message, Span(before.start, token.end))
        helps = ("a transpose is `W.T`, a derivative `diff(u, x)`, another name `x_new`",)
        fix_span = token.span
        return mended(view, 1, (), *said, helps=helps, fix=".T", fix_span=fix_span, safe=False)
    close = 1
    while view.at(close).kind != "$END" and not _quotes(view.at(close)):
        close += 1
    last = view.at(close)
    if last.kind == "$END" or last.start > line_of(text, token.start)[1]:
        message = f"`{token.text}` opens a string that is never closed"
        helps = ('strings stand between plain double quotes: `"..."`',)
        return mended(view, 1, (), "CS105", message, helps=helps)
    fixed = f'"{text[token.end : last.start]}"'
    message, label = "strings stand between plain double quotes", "these are other quotes"
    return mended(view, close + 1, [("STRING", fixed)], "CS105", message, label=label, fix=fixed)


def _quotes(token: Token) -> bool:
    return token.kind == "UNKNOWN" and token.text in QUOTES


def open_end(view: View) -> Mended:
    token = view.at(0)
    earlier = _opened_earlier(view) or _second_derivative(view)
    if earlier is not None:
        return earlier
    text = token.text.split("#")[0].rstrip()
    cut = min((text.find(mark) for mark in ",)];" if mark in text), default=len(text))
    closers = {")": "RPAR", "]": "RSQB"}
    tail = (
        Token(closers[char], char, place, place + 1)
        for place, char in enumerate(text[cut:], token.start + cut)
        if char in closers
    )
    behind = "on the line"
    return _never_closed(view, f'{text[:cut]}"', token.span, token.start + cut, behind, tail)


def _never_closed(
    view: View, closed: str, span: Span, end: int, behind: str, tail: Iterable[Token]
) -> Mended:
    """A string that would end at a place; `tail` are the tokens behind it."""
    said = ("CS105", "this string is never closed", span)
    label = f'the `"` that opens it has no partner {behind}'
    helps, fix_span = (f"close it: `{closed}`",), Span(end, end)
    new = (Token("STRING", closed, *span), *tail)
    return mended(
        view, 1, new, *said, label=label, helps=helps, fix='"', fix_span=fix_span, safe=False
    )


def _second_derivative(view: View) -> Mended | None:
    """`u" + u == 0` of `model u(t)`: a derivative, and no string."""
    token, of, text = view.at(0), view.before, view.source.text
    axes = fields(text).get(of.text, ()) if view.done and touching(of, token) else ()
    if len(axes) != 1:
        return None
    called = re.match(rf'"(?:\([ \t]*{re.escape(axes[0])}[ \t]*\))?', token.text)
    end = token.start + (called.end() if called else 1)
    form = f"diff({of.text}, {axes[0]}, {axes[0]})"
    span = Span(of.start, end)
    made = (t._replace(start=span.start, end=span.end) for t in tokenize(form)[0])
    message = f'`{of.text}"`: a derivative is written `{form}`'
    del view.done[-1]
    new = (*made, *read_at(view.source, Span(end, token.end)))
    return mended(view, 1, new, "CS124", message, span, fix=form)


_SWALLOWED = re.compile(r'(?P<value>"[^",]*)(?P<rest>,\s*\w+\s*=\s*")')


def _opened_earlier(view: View) -> Mended | None:
    """`csv("adult.csv, target="income")`: the string that lacks its end is an earlier one."""
    text, done = view.source.text, view.done
    for place in range(len(done) - 1, -1, -1):
        found = _SWALLOWED.fullmatch(done[place].text) if done[place].kind == "STRING" else None
        if found is None:
            continue
        start = done[place].start
        end = start + len(found["value"])
        if "\n" in text[start : view.at(0).start]:
            return None
        del done[place:]
        tail = read_at(view.source, Span(end, view.at(0).end))
        return _never_closed(view, f'{found["value"]}"', Span(start, end), end, "here", tail)
    return None

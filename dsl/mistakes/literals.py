"""Numbers, percent, units and strings in forms that the language does not have; primes."""

import re
from collections.abc import Iterable

from cspec.dsl.messages.diagnostic import Fix
from cspec.dsl.messages.wording import as_name
from cspec.dsl.mistakes.failure import OPERAND_ENDS, OPERAND_STARTS, read_at, touching
from cspec.dsl.mistakes.foreign.view import Mended, View, mended
from cspec.dsl.mistakes.signs import PHYSICAL, QUOTES, UNITS
from cspec.dsl.text.defined_names import defined_names, fields
from cspec.dsl.text.numbers import MAX_DIGITS, number_value
from cspec.dsl.text.source import Span, line_of
from cspec.dsl.text.tokens import Token, tokenize

_NO_REMAINDER = "`%` is percent; there is no remainder operator"
_BEHIND = "percent stands directly behind a number: `10%`"


def percent_sign(view: View) -> Mended:
    token, before, after = view.at(0), view.before, view.at(1)
    begins = not view.done or before.kind == "RELATION"
    if begins and after.kind == "NUMBER" and touching(token, after):
        meant = f"{after.text}%"
        said = ("CS129", "`%` stands behind its number")
        return mended(view, 2, [("NUMBER", meant)], *said, fix=meant)
    if after.kind in OPERAND_STARTS:
        return mended(view, 1, [("TIMES", "*")], "CS129", _NO_REMAINDER, helps=(_BEHIND,))
    if before.kind != "NUMBER":
        helps = (f"{_BEHIND}; for a name write `x / 100`",)
        return mended(view, 1, (), "CS129", "`%` needs a number before it", helps=helps)
    if before.text.endswith("%"):
        helps = (f"write `{before.text}`",)
        return mended(view, 1, (), "CS129", "one `%` is enough", helps=helps, fix="")
    said = ("CS129", "`%` stands directly behind its number")
    helps, gap = (f"write `{before.text}%`",), Span(before.end, token.end)
    return mended(view, 1, (), *said, helps=helps, fix="%", fix_span=gap)


def number_form(view: View) -> Mended | None:
    token, after = view.at(0), view.at(1)
    if number_value(token.text) is None:
        return _out_of_range(view)
    if after.kind not in OPERAND_STARTS or after.kind == "STRING":
        return None
    named = after.kind == "NAME"
    kelvin = after.text == "K" and after.start > token.end
    if named and after.text in UNITS and not kelvin:
        return _unit(view)
    timed = view.before.kind == "EVERY"
    if not timed and named and after.text in PHYSICAL and _no_name(view):
        return _physical(view)
    if named and after.text in _SUFFIXES and not token.text[-1].isalpha():
        return _apart(view)
    if after.kind == "NUMBER":
        return _grouped(view) or (_after_percent(view) if token.text.endswith("%") else None)
    if not touching(token, after):
        return None
    if after.text in ("x10", "X10", "×10"):
        scientific = _scientific(view)
        if scientific is not None:
            return scientific
    if named and after.text in ("e", "E"):
        return _unfinished(view)
    if named and (_HEX.fullmatch(f"{token.text}{after.text}") or after.text == "j"):
        return _other_numbers(view)
    if not view.done and named and view.at(2).kind == "COLON":
        return _label(view)
    times, gap = Token("TIMES", "*", token.end, token.end), Span(token.end, token.end)
    if view.before.text == "/":
        return _divided(view, times)
    operand = after.text if named else _bracket(view, 1)
    said = ("CS124", f"`{token.text}{operand}`: multiplication needs a `*`", view.span(0, 2))
    helps = (f"write `{token.text}*{operand}`",)
    return mended(view, 1, [token, times], *said, helps=helps, fix="*", fix_span=gap)


def _label(view: View) -> Mended:
    """`1a: ...`, `2nd: ...`: a label begins with a letter."""
    shown = view.text(0, 2)
    meant = as_name(shown)
    message = f"`{shown}` can't be a label: names begin with a letter"
    helps = (f"write `{meant}: ...`",)
    return mended(view, 2, [("NAME", meant)], "CS126", message, helps=helps, fix=meant, safe=False)


def _after_percent(view: View) -> Mended | None:
    """`7 % 3` is no remainder; `30% 1%`, `within 1% 5%` are two numbers."""
    number, after = view.at(0), view.at(1)
    if view.before.text == "within" and view.done[-2].kind == "RELATION":
        return None  # `== within 1% 30%`, which is told of the whole
    if view.before.text == "within":
        helps = tuple(f"write `within {one.text}`" for one in (number, after))
        return mended(view, 2, [number], "CS136", "a tolerance is one number", helps=helps)
    if after.text.endswith("%"):
        message = f"nothing stands between `{number.text}` and `{after.text}`"
        helps = (f"where the second is a tolerance: `{number.text} within {after.text}`",)
        return mended(view, 2, [number], "CS101", message, helps=helps)
    return mended(view, 2, [number], "CS129", _NO_REMAINDER, helps=(_BEHIND,))


def _grouped(view: View) -> Mended | None:
    """`10 000`: digits in groups of three."""
    end = 1
    while re.fullmatch(r"\d{3}", view.at(end).text):
        end += 1
    if end == 1 or not re.fullmatch(r"\d{1,3}", view.at(0).text):
        return None
    meant = "_".join(view.at(index).text for index in range(end))
    message = f"`{view.text(0, end)}`: no blanks stand in a number"
    return mended(view, end, [("NUMBER", meant)], "CS124", message, fix=meant, safe=False)


def _no_name(view: View) -> bool:
    """Whether the spec itself has no such name, and no operand follows."""
    called = view.at(2).kind in {"LPAR", "LSQB"}
    return not called and view.at(1).text not in defined_names(view.source.text)


def _physical(view: View) -> Mended:
    """`5 kg`: a number of the problem has no unit."""
    number, unit = view.at(0), view.at(1)
    return mended(
        view,
        2,
        [number],
        "CS129",
        f"`{unit.text}`: numbers of a spec have no units",
        unit.span,
        notes=("all values of one kind are meant in one unit, which a remark may name",),
        helps=(f"write `{number.text}`, and `# in {unit.text}` behind the line",),
        fix="",
        fix_span=Span(number.end, unit.end),
        safe=False,
    )


def _scientific(view: View) -> Mended | None:
    """`1x10^-3`: a number as in print is `1e-3`."""
    minus = view.at(3).text == "-"
    take = 5 if minus else 4
    power = view.at(take - 1).text
    meant = f"{view.at(0).text}e{'-' if minus else ''}{power}"
    if view.at(2).kind != "POWER" or not power.isdigit() or number_value(meant) is None:
        return None
    return mended(view, take, [("NUMBER", meant)], "CS124", fix=meant)


def _bracket(view: View, opener: int) -> str:
    """The text of a short bracket, or its beginning."""
    for index in range(opener, opener + _SHOWN):
        inner = (view.at(place).kind for place in range(opener + 1, index))
        if view.at(index).kind == "RPAR" and "LPAR" not in inner:
            return view.text(opener, index + 1)
    return f"{view.at(opener).text}...)"


_SHOWN = 20
"""Tokens of a bracket that a message shows."""


def _divided(view: View, times: Token) -> Mended:
    """`1/2x`: half of x, or one over 2x? Both are natural, so both are offered."""
    number, after = view.at(0), view.at(1)
    left = view.done[-2] if len(view.done) > 1 else number
    operand = after.text if after.kind == "NAME" else _bracket(view, 1)
    head = f"{left.text}/" if left.kind in {"NUMBER", "NAME"} else ".../"
    factor, divisor = f"{head}{number.text}*{operand}", f"{head}({number.text}*{operand})"
    fixes = [Fix(span=times.span, replacement="*", title=f"write `{factor}`")]
    if not operand.endswith("...)"):
        whole = Span(number.start, number.end + len(operand))
        text = f"({number.text}*{operand})"
        fixes.append(Fix(span=whole, replacement=text, title=f"write `{divisor}`"))
    message = f"`{head}{number.text}{operand}` has two readings"
    span, label = Span(view.before.start, after.end), "a factor, or a divisor?"
    helps = (f"for a factor write `{factor}`", f"for a divisor write `{divisor}`")
    said = ("CS124", message, span)
    return mended(view, 1, [number, times], *said, label=label, helps=helps, fixes=fixes)


_HEX = re.compile(r"0([xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)")


def _unfinished(view: View) -> Mended | None:
    """`1e`: the digits of an exponent are missing."""
    number = view.at(0).text
    if view.at(2).kind in {"LPAR", "POWER"}:
        return None
    message = f"`{view.text(0, 2)}` is no number: digits are missing behind `{view.at(1).text}`"
    notes = ("Euler's number is `exp(1)`",)
    helps = (f"write `{number}e-3`, or another power of ten",)
    return mended(view, 2, [("NUMBER", number)], "CS124", message, notes=notes, helps=helps)


def _other_numbers(view: View) -> Mended:
    """`0xff`, `3j`: numbers of Python that the language does not have."""
    shown = view.text(0, 2)
    plain = "" if view.at(1).text == "j" else str(int(shown, 0))
    said = ("CS124", f"`{shown}`: numbers are {'decimal' if plain else 'real'}")
    helps = () if plain else ("for a product write `*`: `3*j`",)
    new = [("NUMBER", plain or "1")]
    return mended(view, 2, new, *said, helps=helps, fix=plain or None, safe=False)


_SUFFIXES = frozenset({"k", "M", "G", "KiB", "MiB", "GiB"})


def _apart(view: View) -> Mended:
    """`1 KiB`: a unit with a blank before it."""
    unit = view.at(1)
    whole = f"{view.at(0).text}{unit.text}"
    said = ("CS129", f"`{unit.text}` stands directly behind its number", unit.span)
    return mended(view, 2, [("NUMBER", whole)], *said, fix=whole, fix_span=view.span(0, 2))


def _unit(view: View) -> Mended:
    unit = view.at(1)
    suffix = UNITS[unit.text]
    meant = f"{view.at(0).text}{suffix}"
    note = "powers of 1000 are `k`, `M`, `G`; powers of 1024 are `KiB`, `MiB`, `GiB`"
    return mended(
        view,
        2,
        [("NUMBER", meant)],
        "CS129",
        f"`{unit.text}` is not a unit that a number can have",
        unit.span,
        notes=("percent is the sign `%`" if suffix == "%" else note,),
        fix=meant,
        fix_span=view.span(0, 2),
        safe=False,
    )


def _out_of_range(view: View) -> Mended:
    text = view.at(0).text
    message = f"`{text}` does not fit into a double"
    if len(text) > MAX_DIGITS:
        message = f"a number of {len(text)} characters is longer than {MAX_DIGITS}"
    notes = ("doubles reach from 5e-324 to 1.8e308, with 17 digits",)
    helps = ("for no bound at all, leave the constraint away, or write `inf`",)
    return mended(view, 1, [("NUMBER", "1")], "CS133", message, notes=notes, helps=helps)


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

"""`E[...]` and `P[...]` in other forms: `P(a | b)`, `gap(a | b)`, `P[a | b | c]`, `acc on test`."""

from itertools import pairwise

from cspec.dsl.messages.diagnostic import Fix
from cspec.dsl.messages.synonyms import RATES
from cspec.dsl.mistakes.failure import OPERAND_ENDS, Failure, Repair, closer_of, rewritten, told
from cspec.dsl.mistakes.placed.example_lines import names_of
from cspec.dsl.text.source import Span
from cspec.dsl.text.tokens import Token
from cspec.dsl.words.losses import LOSSES

_RATES = frozenset({"P", "Pr", "Prob", "prob", "probability", "rate", "mean_of"})
_MEANS = frozenset({"E", "mean", "expectation", "avg"})
_REDUCTIONS = frozenset({"gap", "ratio", "max", "min"})


def bar(f: Failure) -> Repair | None:
    """A `|` outside of the square brackets of `E[...]` and `P[...]`, or a second one inside."""
    opened = f.depth(f.index)
    if f.token.text != "|" or f.before.kind not in OPERAND_ENDS:
        return None
    if not opened:
        return _behind_the_bracket(f)
    opener = opened[-1]
    if f.at(opener - 1).kind == "AVERAGE" and f.at(opener).kind == "LSQB":
        return _on_first(f, opener) or _second(f)
    word = f.at(opener - 1).text
    if f.at(opener).kind != "LPAR" or word not in _RATES | _MEANS | _REDUCTIONS:
        return None
    close = f.closer()
    return None if close is None else _brackets(f, opener, close, word)


def _behind_the_bracket(f: Failure) -> Repair | None:
    """`P[a] | b <= 10%` is `P[a | b] <= 10%`."""
    inside = f.depth(f.index - 1)
    opener = inside[-1] if inside and f.before.kind == "RSQB" else 0
    if f.at(opener - 1).kind != "AVERAGE" or f.at(opener).kind != "LSQB":
        return None
    relations = [i for i in range(f.index, len(f.tokens)) if f.at(i).kind == "RELATION"]
    last = relations[-1] if relations and not f.depth(relations[-1]) else len(f.tokens)
    if last == f.index + 1:
        return None
    event, condition = f.span(opener - 1, f.index - 1), f.span(f.index + 1, last)
    pieces = (event, " ", f.token.span, " ", condition, "]")
    said = ("CS101", "a condition stands inside the brackets of its mean")
    return rewritten(f, opener - 1, last, pieces, *said, shown=f.span(f.index, last))


def _on_first(f: Failure, opener: int) -> Repair | None:
    """`P[a on val | b]` is `P[a | b on val]`."""
    named = (f.at(f.index - 2).kind, f.before.kind) == ("ON", "NAME")
    close = f.closer()
    if not named or close is None:
        return None
    bar, data = f.token, f.before.text
    last, start = f.at(close - 1), f.at(f.index - 2).start
    condition = f.source.text[bar.end : last.end].strip()
    span, fix_span = Span(start, f.before.end), Span(start, last.end)
    said = ("CS101", f"`on {data}` stands last, behind the condition")
    moved = (*f.tokens[f.index : close], *f.tokens[f.index - 2 : f.index])
    tokens = f.replaced(f.index - 2, close, *moved)
    return told(f, span, *said, fix=f"| {condition} on {data}", fix_span=fix_span, tokens=tokens)


def _second(f: Failure) -> Repair:
    return told(
        f,
        f.token.span,
        "CS102",
        "`|` stands once: an event, then what it is conditioned on",
        "separate conditions by `,`",
        label="a second condition",
        fix=",",
        fix_span=Span(f.before.end, f.token.end),
        tokens=f.replaced(f.index, f.index + 1, Token("COMMA", ",", f.token.start, f.token.end)),
    )


def _brackets(f: Failure, opener: int, close: int, word: str) -> Repair:
    """`P(a | b)` is `P[a | b]`, `gap(a | b)` is `gap(P[a | b])`."""
    inner = f.source.text[f.at(opener).end : f.at(close).start]
    rate = RATES.get(f.at(opener + 1).text.lower())
    if rate and f.at(opener + 2).kind == "BAR" and word in _REDUCTIONS:
        return _rate_by_group(f, opener, close, rate)
    reduced = word in _REDUCTIONS
    inside = closer_of(f.tokens, opener + 2) if f.at(opener + 1).kind == "AVERAGE" else None
    if inside is not None and f.at(inside + 1).kind == "BAR":
        rate, rest = f.text(opener + 1, inside), f.text(inside + 2, close)
        meant = f"{f.at(opener - 1).text}({rate} | {rest}])"
        message = "the column stands inside the brackets, behind `|`"
        return rewritten(f, opener - 1, close + 1, (meant,), "CS130", message)
    loss = f.at(opener + 1).text in LOSSES
    kind = "E" if word in _MEANS or loss else "P"
    head = f"{word}(" if reduced else ""
    meant = f"{head}{kind}[{inner}]{')' if reduced else ''}"
    first, last = f.at(opener), f.at(close)
    span = Span(f.at(opener - 1).start, last.end)
    average = Token("AVERAGE", kind, first.start, first.start, True)
    left = Token("LSQB", "[", first.start, first.end)
    right = Token("RSQB", "]", last.start, last.end)
    body = f.tokens[opener + 1 : close]
    new = (f.at(opener - 1), first, average, left, *body, right, last)
    if not reduced:
        new = (average._replace(start=span.start), left, *body, right)
    tokens = f.replaced(opener - 1, close + 1, *new)
    said = ("CS130", f"a condition behind `|` stands in `{kind}[...]`")
    return told(f, span, *said, fix=meant, safe=word in ("P", "E"), tokens=tokens)


def _rate_by_group(f: Failure, opener: int, close: int, rate: str) -> Repair:
    """`min(accuracy | sex)`: the rate that has this name, of each group."""
    given = f.text(opener + 3, close)
    written = rate.format(c=1)
    behind = f", {given}]" if "|" in written else f" | {given}]"
    meant = f"{f.at(opener - 1).text}({written[:-1]}{behind})" if written.count("[") == 1 else ""
    message = f"`{f.at(opener + 1).text}` by group is a fraction of the examples"
    said = ("CS130", message)
    if not meant:
        return told(f, f.span(opener - 1, close + 1), *said)
    return rewritten(f, opener - 1, close + 1, (meant,), *said)


def empty_condition(f: Failure) -> Repair | None:
    """`P[pred == 1 | ]`, `P[pred == 1 | on val]`, `P[pred == 1 | y == 1, ]`: what is left out?"""
    inside, at = f.depth(f.index), f.index - (f.before.text == "on")
    mark, averaged = f.at(at - 1), bool(inside) and f.at(inside[-1] - 1).kind == "AVERAGE"
    on = f.at(at).text == "on"
    if not averaged or not (on or f.token.kind == "RSQB") or mark.kind not in {"BAR", "COMMA"}:
        return None
    place, left = Span(mark.start, mark.end), f.replaced(at - 1, at)
    without = Fix(span=Span(f.at(at - 2).end, mark.end), replacement="", title="without")
    if on or mark.text == ",":
        message = f"nothing stands behind `{mark.text}`"
        rest = f.source.text[mark.end : f.tokens[-1].end]
        meant = f"{f.text(inside[-1] - 1, at - 1)}{rest}"
        return told(f, place, "CS101", message, f"write `{meant}`", fixes=(without,), tokens=left)
    condition = _a_condition(f, inside[-1])
    head, shorter = f.text(inside[-1] - 1, f.index), f.text(inside[-1] - 1, f.index - 1)
    help_ = f"write the condition, for example `{head} {condition}]`"
    said = ("CS101", "nothing stands behind `|`", help_, f"or, without one: `{shorter}]`")
    fixes = (Fix(span=place, replacement=f"| {condition}", title=f"| {condition}"), without)
    return told(f, place, *said, label="under which condition?", fixes=fixes, tokens=left)


def _a_condition(f: Failure, opener: int) -> str:
    """A column of groups where a rate is compared over them, else a class."""
    columns = next(iter(names_of(f.source.text).data.values()), ("x", "y"))
    word = f.at(opener - 3).text if f.at(opener - 2).kind == "LPAR" else ""
    target = columns[1] if len(columns) > 1 else "y"
    return columns[2] if columns[2:] and word in _REDUCTIONS else f"{target} == 1"


def means_on(f: Failure, start: int, end: int, data: str) -> str:
    """The text from one token to before another with `on data` in each `E[...]` and `P[...]`.

    Of those inside of one another, in the inner; empty where there is none, or one has its data.
    """
    found: list[int] = []
    for index in range(start, end):
        if f.at(index).kind == "AVERAGE" and f.at(index + 1).kind == "LSQB":
            close = closer_of(f.tokens, index + 1)
            if close is None or close >= end or f.find("ON", index, close) is not None:
                return ""
            found = [*(other for other in found if other < index), close]
    cuts = [f.at(start).start, *(f.at(close).start for close in found), f.at(end - 1).end]
    return f" on {data}".join(f.source.text[a:b] for a, b in pairwise(cuts)) if found else ""


def on_outside(f: Failure) -> Repair | None:
    """`metric acc = accuracy on test`, `let a = ce on val`."""
    if f.first.kind not in {"METRIC", "LET"} or f.token.kind != "ON" or f.depth(f.index):
        return None
    equal = f.find("EQUAL", end=f.index)
    if equal is None or f.at(f.index + 1).kind != "NAME":
        return None
    value, data = f.text(equal + 1, f.index), f.at(f.index + 1).text
    inside = means_on(f, equal + 1, f.index, data)
    meant = inside or f"E[{value} on {data}]"
    span, fix_span = f.span(f.index, f.index + 2), f.span(equal + 1, f.index + 2)
    said = ("CS101", f"`on {data}` stands inside `E[...]` or `P[...]`")
    left, safe = f.tokens[: f.index], bool(inside)
    return told(f, span, *said, fix=meant, fix_span=fix_span, safe=safe, tokens=left, sure=False)

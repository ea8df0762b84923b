"""Words of queries and of prose inside a constraint: `AVG(a) WHERE c`, `IS NOT NULL`, `in R+`,
`f monotone in age`, `∏ x`."""

from __future__ import annotations

import re

from cspec.dsl.mistakes.failure import Piece
from cspec.dsl.mistakes.foreign.view import WINDOW, Found, View
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.defined_names import defined_names

_LAST = frozenset({"<=", ">=", "<", ">", "≤", "≥"})
_SINGLE = re.compile(r"(?<![<>=!])=(?!=)")
_GROWS = frozenset({"monotone", "monotonic", "increasing", "nondecreasing"})
_FALLS = frozenset({"decreasing", "nonincreasing"})
_QUOTES = re.compile(r"'([^'\"]*)'")


def mean_where(view: View) -> Found | None:
    """`AVG(pred) WHERE sex = 'F' >= 20%`: a mean over the examples where something holds."""
    close = view.closer(1) if view.at(1).kind == "LPAR" else None
    if close is None or close == 2 or view.at(close + 1).text.lower() != "where":
        return None
    end = _condition_end(view, close + 2)
    condition = _QUOTES.sub(r'"\1"', _SINGLE.sub("==", view.text(close + 2, end)))
    inner = view.text(2, close)
    rate = view.at(0).text.lower() == "count" or any(
        view.at(index).kind in {"RELATION", "EQUAL"} for index in range(2, close)
    )
    event = "pred == 1" if inner == "pred" else _SINGLE.sub("==", inner)
    kind = "P" if rate or inner == "pred" else "E"
    message = "a mean over the examples where something holds has it behind `|`"
    return Found(end, (f"{kind}[{event} | {condition}]",), "CS120", message, safe=inner != "pred")


def _condition_end(view: View, start: int) -> int:
    """Behind the condition: its last relation is that of the constraint, where it has two."""
    depth, marks, index = 0, list[int](), start
    while index < start + WINDOW and view.at(index).kind not in {"_NL", "$END", "SEMICOLON"}:
        token = view.at(index)
        depth += (token.kind in OPENERS) - (token.kind in CLOSERS)
        if depth < 0:
            break
        if not depth and token.kind in {"RELATION", "EQUAL", "IN"}:
            marks.append(index)
        index += 1
    return marks[-1] if len(marks) > 1 and view.at(marks[-1]).text in _LAST else index


def not_null(view: View) -> Found | None:
    """`| sex IS NOT NULL`: what is missing is settled where data are read."""
    words = [view.at(index).text.lower() for index in range(4)]
    take = 3 if words[1:3] == ["not", "null"] else 0
    before = view.done[-2:]
    if not take or len(before) < 2 or before[1].kind != "NAME":
        return None
    if before[0].kind not in {"BAR", "AND"}:
        return None
    shown = f"{before[1].text} {view.text(0, take)}"
    message = f"`{shown}`: examples have no missing values, which is settled where data are read"
    note = '`csv("data.csv", target="y", missing=drop)` leaves rows out that are not complete'
    return Found(take, (), "CS110", message, "remove the condition", note, back=2, safe=False)


def such_that(view: View) -> Found | None:
    """`sum(x[i] : i in range(3))`: the colon of mathematics is `for`."""
    opener = view.opener()
    if opener is None or view.at(1).kind != "NAME" or view.at(2).kind != "IN":
        return None
    word = view.done[opener - 1].text
    if view.done[opener].kind != "LPAR" or word not in _GATHER:
        return None
    over, depth = 3, 0
    while over < WINDOW and depth >= 0 and view.at(over).kind != "$END":
        depth += (view.at(over).kind in OPENERS) - (view.at(over).kind in CLOSERS)
        over += 1
    members = view.text(1, over - 1)
    message = f"`: {members}`: what a `{word}` runs over stands behind `for`"
    return Found(1, (" for",), "CS128", message, f"write `for {members}`")


_GATHER = frozenset({"sum", "max", "min", "any", "all", "prod"})


def asked_of_prob(view: View) -> Found | None:
    """`prob[pred == 1 | sex == "F"]`: the share of the examples is `P[...]`."""
    close = view.closer(1) if view.at(1).kind == "LSQB" else None
    inner = range(2, close or 2)
    if close is None or not any(view.at(i).kind in {"RELATION", "BAR"} for i in inner):
        return None
    meant = f"P{view.text(1, close + 1)}"
    message = "the share of the examples where something holds is `P[...]`"
    return Found(2, ("P[",), "CS120", message, f"write `{meant}`")


def real_numbers(view: View) -> Found | None:
    """`in R+`, `in R_+`, `in ℝ`: intervals of the real numbers."""
    if view.before.kind != "IN" or view.at(0).text in defined_names(view.source.text):
        return None
    word, take = view.at(0).text, 1
    if view.at(1).text in ("+", "-") and view.at(1).start == view.at(0).end:
        word, take = word + view.at(1).text, 2
    if view.at(take).text in ("+", "^") and view.at(take).start == view.at(take - 1).end:
        return None
    meant = {"+": "[0, inf]", "-": "[-inf, 0]"}.get(word[-1], "[-inf, inf]")
    shown = view.text(0, take)
    return Found(take, (meant,), "CS123", f"`{shown}` is written as an interval: `{meant}`")


def monotone_in(view: View) -> Found | None:
    """`f monotone in age`, `f is increasing in age`: larger inputs, larger outputs."""
    if view.at(1).kind == "LPAR":
        return _monotone_call(view)
    at = 1 if view.at(0).text in ("is", "be") else 0
    called = [token.kind for token in view.done[-4:]] == ["NAME", "LPAR", "NAME", "RPAR"]
    back = 4 if called else 1
    if len(view.done) < back or view.at(at).text not in _GROWS | _FALLS:
        return None
    model, name = view.done[-back], view.at(at + 2)
    if model.kind != "NAME" or view.at(at + 1).kind != "IN" or name.kind != "NAME":
        return None
    down = view.at(at).text in _FALLS
    take, column = at + 3, name.text
    if view.at(take).kind == "DOT" and view.at(take + 1).kind == "NAME":
        take, column = take + 2, view.at(take + 1).text
    return _monotone(model.text, column, down, take, back)


def _monotone_call(view: View) -> Found | None:
    """`monotone(f, age)`, `increasing(f(x), x.age)`."""
    close = view.closer(1)
    words = [view.at(i).text for i in range(2, close or 2) if view.at(i).kind == "NAME"]
    known = view.before.kind in {"_NL", "ST", "COLON", "SEMICOLON"} and view.at(2).kind == "NAME"
    if close is None or not known or len(words) < 2 or view.text(2, close).count(",") != 1:
        return None
    return _monotone(words[0], words[-1], view.at(0).text in _FALLS, close + 1, 0)


def _monotone(model: str, column: str, down: bool, take: int, back: int) -> Found:
    first, second = ("raised", "x") if down else ("x", "raised")
    meant = f"E[max({model}({first}) - {model}({second}), 0)] <= 1e-3"
    message = f"that `{model}` is monotone is said of pairs of inputs"
    note = (
        f"`raised` is a column of inputs that differ from `x` by a larger `{column}` alone:"
        " name it in the `data` line"
    )
    # Read on as a requirement that is right in every spec: what is to be added is said above.
    go_on: tuple[Piece, ...] = ("0 <= 1",)
    return Found(take, None, "CS120", message, f"write `{meant}`", note, go_on=go_on, back=back)


def product_sign(view: View) -> Found | None:
    """`∏ x`: the product of the entries, by the sum of their logarithms."""
    if view.at(1).kind != "NAME" or view.at(1).text.startswith("_"):
        return None
    end = view.term_end(1)
    meant = f"exp(sum(log({view.text(1, end)})))"
    pieces = ("exp(sum(log(", view.span(1, end), ")))")
    message = f"a product over all entries is written `{meant}`"
    return Found(end, pieces, "CS106", message, note=PRODUCTS, safe=False)


PRODUCTS = "for entries above 0; of a few, of any sign, write `x[0]*x[1]`"
"""When a product is the exponential of a sum of logarithms."""

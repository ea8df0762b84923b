"""Words inside a line: `a if c else b`, `when c: a`, `x nonnegative`, `AVG(a) WHERE c`, `in R+`,
`IS NOT NULL`, `f monotone in age`; `c ? a : b` and `∏ x`."""

import re

from cspec.dsl.mistakes.failure import OPERAND_ENDS, OPERAND_STARTS, Piece, closer_of
from cspec.dsl.mistakes.foreign.view import WINDOW, Found, View
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.defined_names import defined_names
from cspec.dsl.text.source import Span

_BEGINS = frozenset({"_NL", "ST", "COMMA", "EQUAL", "SEMICOLON", "MINIMIZE", "MAXIMIZE", "COLON"})
_ENDS = frozenset({"_NL", "$END", "COMMA", "SEMICOLON", "WITHIN", "BY", "SOFT"})
_INVERSE = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}
POWERED = frozenset(["sin", "cos", "tan", "log", "exp", "tanh", "sqrt", "sigmoid"])
"""Functions whose power is written behind their name in formulas."""
PROPERTIES: dict[str, str] = {
    **dict.fromkeys(("nonnegative", "non_negative", "nonneg", "positive", "Positive"), ">= 0"),
    **dict.fromkeys(("nonpositive", "negative"), "<= 0"),
    **dict.fromkeys(("orthogonal", "orthonormal"), "in stiefel"),
    **dict.fromkeys(("symmetric", "Symmetric"), "in symmetric"),
    **dict.fromkeys(("semidefinite", "psd", "PSD"), "in psd"),
    **dict.fromkeys(("monotone", "increasing"), "in monotone"),
}
"""Words for what holds of a variable or a weight, and what a spec writes for them."""


def _before(view: View) -> int:
    """How many tokens before this one are of its expression."""
    depth = count = 0
    for token in reversed(view.done[-WINDOW:]):
        depth += (token.kind in CLOSERS) - (token.kind in OPENERS)
        if depth < 0 or (not depth and token.kind in _BEGINS):
            break
        count += 1
    return count


def _until(view: View, start: int, *words: str) -> int | None:
    """The next token that is one of some words, or ends the expression; None where none does."""
    depth = 0
    for index in range(start, start + WINDOW):
        token = view.at(index)
        if not depth and (token.text in words or token.kind in _ENDS | CLOSERS.keys()):
            return index
        if token.kind == "$END":
            return None
        depth += (token.kind in OPENERS) - (token.kind in CLOSERS)
    return None


def ternary(view: View) -> Found | None:
    """`(5 if y == 1 else 1)` of Python."""
    return _choice(view, "else", "where({1}, {0}, {2})")


def question(view: View) -> Found | None:
    """`y == 1 ? 5 : 1` of C."""
    return _choice(view, ":", "where({0}, {1}, {2})")


def _choice(view: View, mark: str, form: str) -> Found | None:
    """What stands before this token, between it and a mark, and behind that, in the form."""
    back, middle = _before(view), _until(view, 1, mark)
    if not back or middle is None or middle == 1 or view.at(middle).text != mark:
        return None
    end = _until(view, middle + 1)
    if end is None or end == middle + 1:
        return None
    parts = (view.source.slice(view.last(back)), view.text(1, middle), view.text(middle + 1, end))
    message = "one of two values by an event is written `where(event, a, b)`"
    return Found(end, (form.format(*parts),), "CS128", message, back=back)


def when(view: View) -> Found | None:
    """`when x > 1: y >= 2`."""
    if view.before.kind not in {"ST", "_NL", "COLON", "SEMICOLON"}:
        return None
    middle = _until(view, 1, ":", "then")
    if middle is None or middle == 1 or view.at(middle).text not in (":", "then", ","):
        return None
    condition = view.span(1, middle)
    if "RELATION" not in {view.at(index).kind for index in range(1, middle)}:
        return None
    meant = f"{view.source.slice(condition)} => ..."
    message = f"what holds under a condition is written `{meant}`"
    return Found(middle + 1, (condition, " =>"), "CS128", message, f"write `{meant}`")


def either(view: View) -> Found | None:
    """`x >= 1 | x <= -1`, outside of brackets."""
    depth, related = 0, False
    for token in reversed(view.done[-WINDOW:]):
        if token.kind in {"_NL", "ST", "SEMICOLON"}:
            break
        depth += (token.kind in CLOSERS) - (token.kind in OPENERS)
        related = related or (token.kind == "RELATION" and not depth)
    operands = view.before.kind in OPERAND_ENDS and view.at(1).kind in OPERAND_STARTS | {"SIGN"}
    if depth or not related or not operands:
        return None
    line = [view.at(index).kind for index in range(1, WINDOW)]
    ends = [line.index(kind) for kind in ("_NL", "$END", "SEMICOLON") if kind in line]
    end = min(ends, default=0)
    if "RELATION" not in line[:end]:
        return None
    return _condition(view, end + 1) or Found(1, ("or",), "CS112")


def _condition(view: View, end: int) -> Found | None:
    """`gap(P[a | sex]) <= 5% | y == 1`: a condition behind the bound of one average."""
    if "AVERAGE" in {view.at(index).kind for index in range(end)}:
        return None
    done = view.done[len(view.done) - view.behind("_NL", "ST") :]
    opened = [i for i, token in enumerate(done) if token.kind == "AVERAGE"]
    if len(opened) != 1 or not end:
        return None
    close = closer_of(done, opened[0] + 1)
    if close is None:
        return None
    barred = any(token.kind == "BAR" for token in done[opened[0] : close])
    condition = f"{',' if barred else ' |'} {view.text(1, end)}"
    label = done[1].end if len(done) > 1 and done[1].kind == "COLON" else done[0].start
    head = view.source.slice(Span(label, done[close - 1].end)).strip()
    rest = view.source.slice(Span(done[close].start, done[-1].end))
    said = ("CS124", "a condition stands inside the brackets", f"write `{head}{condition}{rest}`")
    return Found(end, (condition + rest,), *said, back=len(done) - close)


def exactly_one(view: View) -> Found | None:
    """`a xor b`."""
    if view.before.kind not in OPERAND_ENDS or view.at(1).kind not in OPERAND_STARTS:
        return None
    message = f"`{view.at(0).text}`: that exactly one holds is written out"
    back, end = _before(view), _until(view, 1)
    help_ = "write `(a or b) and not (a and b)`; where both may hold, `a or b`"
    if back and end and end > 1:
        left, right = view.source.slice(view.last(back)), view.text(1, end)
        meant = f"({left} or {right}) and not ({left} and {right})"
        help_ = f"where both may hold, `{left} or {right}`; else `{meant}`"
    return Found(1, None, "CS112", message, help_, go_on=("or",))


def property_of(view: View) -> Found | None:
    """`x nonnegative`, `x is positive`, `W orthogonal`."""
    word = view.at(0).text
    take = 1
    if word in ("is", "be", "are") and view.at(1).text in PROPERTIES:
        word, take = view.at(1).text, 2
    ends = view.at(take).kind in _ENDS | {"RBRACE"}
    if word not in PROPERTIES or view.before.kind not in OPERAND_ENDS or not ends:
        return None
    if word in defined_names(view.source.text) or view.before.text in ("in", "var"):
        return None
    if any(t.kind in {"VAR", "PARAM", "IN", "RELATION"} for t in view.done[-4:]):
        return None
    return Found(take, (PROPERTIES[word],), "CS120")


def powered(view: View) -> Found | None:
    """`sin^2(x)`, `sin^-1(x)`."""
    word, sign = view.at(0).text, view.at(2).text == "-"
    number, opener = (3, 4) if sign else (2, 3)
    close = view.closer(opener) if view.at(opener).kind == "LPAR" else None
    if view.at(1).kind != "POWER" or view.at(number).kind != "NUMBER" or close is None:
        return None
    inner = view.text(opener, close + 1)
    power = f"{'-' if sign else ''}{view.at(number).text}"
    if power == "-1" and word not in _INVERSE:
        once = f"1/{word}{inner}"
        message = f"`{word}^-1` has two readings: the inverse function, or a quotient"
        help_ = f"for the quotient write `{once}`; inverse are `exp` and `log`, `sqrt` and a square"
        return Found(close + 1, None, "CS124", message, help_, go_on=(once,))
    meant = f"{_INVERSE[word]}{inner}" if power == "-1" else f"{word}{inner}^{power}"
    return Found(close + 1, (meant,), "CS125")


def counted_share(view: View) -> Found | None:
    """`COUNT(pred == 1) / COUNT(*)` of SQL."""
    close = view.closer(1) if view.at(1).kind == "LPAR" else None
    if close is None or view.at(close + 1).text != "/" or close == 2:
        return None
    rest = [view.at(close + place).text for place in range(2, 6)]
    if rest[0].lower() not in ("count", "n", "len") or rest[1:] != ["(", "*", ")"]:
        return None
    message = "a share of the examples is written `P[event]`"
    return Found(close + 6, (f"P[{view.text(2, close)}]",), "CS120", message)


def columns_behind_on(view: View) -> Found | None:
    """`E[ce on train(x, y)]`: the data alone."""
    close = view.closer(2) if view.at(2).kind == "LPAR" else None
    inside = range(3, close or 3)
    if view.at(1).kind != "NAME" or close is None:
        return None
    if any(view.at(i).kind != ("COMMA" if i % 2 == 0 else "NAME") for i in inside):
        return None  # more than columns: nothing of it is dropped
    name = view.at(1).text
    message = f"behind `on` stands the name of the data alone: `{name}`"
    return Found(close + 1, ("on ", name), "CS120", message)


def values_of_a_column(view: View) -> Found | None:
    """`in values sex`."""
    if view.before.kind != "IN" or view.at(1).kind != "NAME":
        return None
    return Found(2, (f"values({view.at(1).text})",), "CS101", "what `values` takes stands in `( )`")


def another_quantifier(view: View) -> Found | None:
    """`forall a in S and b in T:`."""
    quantified = False
    for token in reversed(view.done[-40:]):
        if token.kind in {"_NL", "COLON", "RELATION"}:
            break
        quantified = quantified or token.kind == "FORALL"
    if not quantified or view.at(1).kind != "NAME" or view.at(2).kind != "IN":
        return None
    return Found(1, (",",), "CS122", "several quantifiers are separated by commas")


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
    apart = view.at(0).start > view.before.end
    return Found(1, ("for" if apart else " for",), "CS128", message, f"write `for {members}`")


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

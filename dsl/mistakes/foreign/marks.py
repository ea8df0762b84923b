"""Operators, ranges and words of MATLAB, Julia, R, GAMS, SQL and Python inside a line."""

import re

from cspec.dsl.mistakes.failure import OPERAND_ENDS, OPERAND_STARTS
from cspec.dsl.mistakes.foreign.sums import below, chooses, counted
from cspec.dsl.mistakes.foreign.view import WINDOW, Found, View
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.defined_names import defined_names

_GAMS = {"l": "<=", "g": ">=", "e": "==", "n": "!="}
_NEAR = 40
"""Tokens of a line that are looked back at."""
_DOTTED = {"TIMES", "POWER", "RELATION"}


def dotted(view: View) -> Found | None:
    """`.*`, `.^`, `.>=` (element by element is the rule), `..` between numbers, `...`."""
    after = view.at(1)
    if after.start != view.at(0).end:
        return None
    if after.kind in _DOTTED and view.before.kind in OPERAND_ENDS:
        meant = after.text
        message = f"`.{meant}` is written `{meant}`: it acts entry by entry"
        return Found(2, (meant,), "CS110", message)
    if view.texts(".", ".", "."):
        return _continued(view)
    return _label(view) if view.texts(".", ".") else None


def _continued(view: View) -> Found:
    message = "`...` goes on nowhere: a line goes on after an operator or inside brackets"
    return Found(3, (), "CS101", message)


def _label(view: View) -> Found | None:
    """`c1.. x =g= 3`: the label of an equation in GAMS."""
    if view.before.kind != "NAME" or (
        len(view.done) > 1 and view.done[-2].kind not in {"_NL", "ST"}
    ):
        return None
    name = view.before.text
    return Found(2, (":",), "CS126", f"the label `{name}` ends with `:`", f"write `{name}: ...`")


def equation(view: View) -> Found | None:
    """`=l=`, `=g=`, `=e=` of GAMS."""
    meant = _GAMS.get(view.at(1).text.lower())
    if meant is None or not view.texts("=", view.at(1).text, "="):
        return None
    return Found(3, (meant,), "CS110")


def between_percent(view: View) -> Found | None:
    """`%*%`, `%in%`, `%%` of R."""
    if view.texts("%", "*", "%"):
        return Found(3, ("@",), "CS110")
    return Found(3, ("in",), "CS110") if view.texts("%", "in", "%") else None


def unequal(view: View) -> Found | None:
    """`~=` of MATLAB; between numbers of a constraint what is about equal."""
    if view.before.kind not in OPERAND_ENDS or not view.texts("~", "="):
        return None
    if view.at(2).kind == "NUMBER" and not _bracketed(view):
        message = "`~=`: about equal is `==` with a tolerance"
        help_ = f"write `== {view.at(2).text} within 1e-2`"
        return Found(2, None, "CS110", message, help_, go_on=("==",))
    return Found(2, ("!=",), "CS110")


def _bracketed(view: View) -> bool:
    """Whether a bracket is open before this token on its line."""
    return sum((t.kind in OPENERS) - (t.kind in CLOSERS) for t in view.line(_NEAR)) > 0


def column(view: View) -> Found | None:
    """`x$age` of R."""
    left, right = view.before, view.at(1)
    plain = left.kind == right.kind == "NAME"
    if not plain or left.end != view.at(0).start or right.start != view.at(0).end:
        return None
    meant = f"{left.text}.{right.text}"
    said = (f"`{left.text}${right.text}` is written `{meant}`", f"write `{meant}`")
    return Found(1, (".",), "CS110", *said)


def members(view: View) -> Found | None:
    """`in 0..2`, `in 0:2`: whole numbers from one to another, or the ends of an interval."""
    span, first, last = _ends(view)
    if not span:
        return None
    line = view.line(_NEAR)
    quantified = any(token.kind in {"FORALL", "FOR", "LBRACE"} for token in line)
    pattern = any(token.text in ("weights", "params") for token in line)
    if pattern and first.isdigit() and last.isdigit() and view.at(2).kind == "COLON":
        meant = f"nm({first}, {last})"
    elif not quantified:
        meant = f"[{first}, {last}]"
    elif first == "0" and _entries(view, view.before.text) == last:
        meant = f"range({last})"
    elif first.isdigit() and view.before.kind == "NAME":
        meant = counted(int(first), last, view.before.text)
    else:
        return None
    shown = view.text(1, 1 + span)
    message = f"`{shown}` is written `{meant}`"
    note = "`range(n)` are the whole numbers 0 to n - 1" if meant[0] == "r" else ""
    help_ = f"write `{meant}`"
    shifted = meant[0] != "[" and first != "0" and chooses(view, view.before.text, 1 + span)
    if shifted:
        help_ += f"; where it chooses entries, which are counted from 0: `{below(last)}`"
    pieces = (view.at(0).text, " ", meant)
    return Found(1 + span, pieces, "CS123", message, help_, note, safe=not shifted)


def _entries(view: View, index: str) -> str:
    """How many entries what an index chooses has, where the text says it: `var x[3]`, `x[i]`."""
    text = view.source.text
    chosen = re.search(rf"(\w+)\[[ \t]*{re.escape(index)}[ \t]*\]", text)
    size = chosen and re.search(
        rf"\b(?:var|param)[ \t]+{re.escape(chosen[1])}\[[ \t]*(\d+)[ \t]*\]", text
    )
    return size[1] if size else ""


def _ends(view: View) -> tuple[int, str, str]:
    """How many tokens a range has, and its ends."""
    first, mark = view.at(1), view.at(2)
    if first.kind not in {"NUMBER", "NAME"} or mark.start != first.end:
        return 0, "", ""
    if mark.kind == "COLON" and first.kind == "NUMBER" and view.at(3).kind in {"NUMBER", "NAME"}:
        return 3, first.text, view.at(3).text
    if mark.text != ".":
        return 0, "", ""
    second, third = view.at(3), view.at(4)
    if second.text == "." and third.kind in {"NUMBER", "NAME"}:
        return 4, first.text, third.text
    if second.kind == "NUMBER" and second.text.startswith("."):
        return 3, first.text, second.text[1:]
    return 0, "", ""


def counted_index(view: View) -> Found | None:
    """`for i = 0:2`: what an index runs over stands behind `in`."""
    counts = len(view.done) > 1 and view.done[-2].kind in {"FOR", "FORALL"}
    span, first, last = _ends(view)
    if not counts or not span or not first.isdigit():
        return None
    meant = f"in {counted(int(first), last, view.before.text)}"
    return Found(1 + span, (" ", meant), "CS123")


def root(view: View) -> Found | None:
    """`√x` is `sqrt(x)`."""
    if view.at(1).kind not in {"NAME", "NUMBER"}:
        return None
    return Found(2, ("sqrt(", view.span(1, 2), ")"), "CS106", factor=True)


def latex_space(view: View) -> Found | None:
    """`s.t.~x >= 1`: the blank of LaTeX."""
    if view.before.kind not in {"ST", "MINIMIZE", "MAXIMIZE", "FORALL"}:
        return None
    return Found(1, (" ",), "CS125", "`~` is a blank of LaTeX", "write a plain blank")


_LESS, _MORE = "less smaller lower fewer", "more greater larger higher bigger"
_PHRASES: dict[tuple[str, ...], str] = {
    ("at", "least"): ">=",
    ("at", "most"): "<=",
    ("up", "to"): "<=",
    ("equal", "to"): "==",
    ("equals",): "==",
    **{(word, "than"): "<=" for word in _LESS.split()},
    **{(word, "than"): ">=" for word in _MORE.split()},
    **{(no, word, "than"): ">=" for word in _LESS.split() for no in ("no", "not")},
    **{(no, word, "than"): "<=" for word in _MORE.split() for no in ("no", "not")},
    **{(word,): "<=" for word in ("below", "under", "beneath")},
    **{(word,): ">=" for word in ("above", "exceeds", "exceed", "exceeding")},
    **{("not", word): "<=" for word in ("exceed", "exceeding", "above")},
    **{(not_, "exceed"): "<=" for not_ in ("cannot", "never")},
    ("not", "below"): ">=",
}
_VERBS = frozenset((
    "is", "are", "be", "must", "should", "shall", "has", "have", "to", "stays", "stay",
    "remains", "remain", "does",
))  # fmt: skip
PHRASES = frozenset(words[0] for words in _PHRASES) | _VERBS - {"is"}
"""First words of relations that are written out."""


def phrase(view: View) -> Found | None:
    """`x at least 1`, `x must not exceed 1`, `x is no more than 1`."""
    if view.before.kind not in OPERAND_ENDS:
        return None
    verb = next(i for i in range(WINDOW) if view.at(i).text.lower() not in _VERBS)
    for length in (3, 2, 1):
        words = tuple(view.at(verb + place).text.lower() for place in range(length))
        meant, end = _PHRASES.get(words), verb + length
        if meant is None or view.at(end).kind not in OPERAND_STARTS | {"SIGN"}:
            continue
        return Found(end, (meant,), "CS110")
    return None


def is_word(view: View) -> Found | None:
    """`pred is 1`, `pred is not y`, `x is at least 1`."""
    if view.before.kind not in OPERAND_ENDS or view.at(0).text not in {"is", "IS"}:
        return None
    said = phrase(view)
    if said is not None:
        return said
    negated = view.at(1).text.lower() == "not"
    follower = view.at(1 + negated)
    if follower.kind not in OPERAND_STARTS or follower.text in {"between", "within", "in"}:
        return None
    return Found(1 + negated, ("!=" if negated else "==",), "CS110")


def group_by(view: View) -> Found | None:
    """`P[pred == 1 group by sex]`."""
    if view.before.kind not in OPERAND_ENDS or view.at(1).text.lower() != "by":
        return None
    meant = f"| {view.at(2).text}"
    message = f"`{view.text(0, 2)}` is written `|` inside of `E[...]` and `P[...]`"
    return Found(2, ("|",), "CS120", message, f"write `{meant}`")


def between(view: View) -> Found | None:
    """`x between 2 and 3` is `2 <= x <= 3`."""
    if view.before.kind != "NAME" or view.at(2).text.lower() != "and":
        return None
    whole = len(view.done) < 2 or view.done[-2].kind in {"_NL", "ST", "COLON", "AND", "LSQB", "BAR"}
    low, high = view.at(1), view.at(3)
    if not whole or {low.kind, high.kind} - {"NUMBER", "NAME"}:
        return None
    name = view.before
    meant = f"{low.text} <= {name.text} <= {high.text}"
    message = f"`{view.at(0).text}` is written as a chain: `{meant}`"
    pieces = (low.span, " <= ", name.span, " <= ", high.span)
    return Found(4, pieces, "CS110", message, f"write `{meant}`", back=1)


def listed(view: View) -> Found | None:
    """`sum([a for i in S])`: the list of Python inside of a sum."""
    if view.before.kind != "LPAR":
        return None
    close = view.closer(0)
    if close is None or view.at(close + 1).kind != "RPAR":
        return None
    if not any(view.at(index).kind == "FOR" for index in range(1, close)):
        return None
    inner = view.span(1, close)
    message = "no `[ ]` stand around what is summed `for` each element"
    return Found(close + 1, (inner,), "CS128", message, f"write `({view.source.slice(inner)})`")


AVERAGES = {
    **dict.fromkeys(("Pr", "Prob", "Probability", "PP"), "P"),
    **dict.fromkeys(("EE", "Ex", "Exp", "Expectation", "Mean", "mean", "avg"), "E"),
}


def average(view: View) -> Found | None:
    """`Pr[event]`, `Expectation[x]`: what stands before square brackets is `P` or `E`."""
    word = view.at(0).text
    meant = AVERAGES[word]
    if view.at(1).kind != "LSQB" or view.at(1).start != view.at(0).end:
        return None
    if word in defined_names(view.source.text):
        return None
    what = "a fraction of the data" if meant == "P" else "a mean over the data"
    help_ = f"write `{meant}[...]`"
    return Found(1, (meant,), "CS120", f"`{word}[...]` is written `{meant}[...]`", help_, what)

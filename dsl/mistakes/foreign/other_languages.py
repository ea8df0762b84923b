"""Lines as other modeling languages write them: AMPL, JuMP, cvxpy, Python with kinds."""

import re

from cspec.dsl.mistakes.endings import FORMS
from cspec.dsl.mistakes.failure import Failure, Repair, closer_of, rewritten, told, touching
from cspec.dsl.settings.models import MODELS
from cspec.dsl.settings.sources import SOURCES
from cspec.dsl.text.defined_names import defined_names
from cspec.dsl.text.source import Span
from cspec.dsl.text.tokens import Token

_OBJECTIVE = "the objective is a line `minimize ...` or `maximize ...`"
_CONSTRAINT = "constraints stand below `s.t.`, one a line: `cap: x + y <= 3`"
_MACROS = {
    "variable": "a variable is a line `var x in [0, 10]`",
    "variables": "variables are lines `var x in [0, 10]`",
    "parameter": "a constant is a line `param a = 1`",
    **dict.fromkeys(("objective", "nlobjective"), _OBJECTIVE),
    **dict.fromkeys(("constraint", "constraints", "nlconstraint"), _CONSTRAINT),
    "expression": "a name for an expression is a line `let e = x + y`",
}
_CONTINUOUS = frozenset({"real", "float", "continuous", "free", "double", "number", "reals"})
_DISCRETE = frozenset({"integer", "int", "binary", "bool", "boolean", "discrete"})
_DECLARED = {"variable": "var", "parameter": "param", "constant": "param"}
_HEADING = re.compile(r"^[ \t]*(s\.t\.|subject[ \t]+to\b)|[ \t](s\.t\.)", re.MULTILINE)


def macro(f: Failure) -> Repair | None:
    """`@variable(model, x >= 0)`."""
    mark, word = f.token, f.at(f.index + 1)
    help_ = _MACROS.get(word.text.lower())
    if mark.text != "@" or help_ is None or not touching(mark, word):
        return None
    said = ("CS136", f"`@{word.text}` is not part of the language", help_)
    return told(f, Span(mark.start, word.end), *said, tokens=f.tokens[: f.index] or None)


def bounds(f: Failure) -> Repair | None:
    """`var x >= 0`, `var x <= 3`, `param e >= 0`: bounds stand behind `in`."""
    token, word = f.token, f.first.text
    if f.first.kind not in {"VAR", "PARAM"} or token.kind != "RELATION" or f.depth(f.index):
        return None
    if token.text == "==" or f.index < 2:
        return None
    value = f.tokens[f.index + 1 :]
    plain = bool(value) and all(t.kind in {"NUMBER", "NAME", "SIGN", "TIMES"} for t in value)
    left, right = ("in [", ", inf]") if token.text.startswith(">") else ("in [-inf, ", "]")
    said = ("CS136", f"bounds of a `{word}` stand behind `in`")
    help_ = f"write `{f.text(0, f.index)} {left}{f.text(f.index + 1) if plain else '0'}{right}`"
    if not plain:
        return told(f, token.span, *said, help_, "for both bounds write `in [lo, hi]`")
    pieces = (left, f.span(f.index + 1), right)
    return rewritten(f, f.index, len(f.tokens), pieces, *said, help_)


def objective_label(f: Failure) -> Repair | None:
    """`minimize cost: x`, `cost: minimize x`: an objective has no label."""
    objective = f.first.kind in {"MINIMIZE", "MAXIMIZE"}
    if f.at(1).kind == "COLON" and f.at(2).kind in {"MINIMIZE", "MAXIMIZE"}:
        gap = Span(f.first.start, f.at(2).start)
        return _without_label(f, f.span(0, 2), gap, f.text(2), f.tokens[2:])
    if not objective or f.token.kind != "COLON" or f.index != 2 or f.before.kind != "NAME":
        return None
    following = f.at(3)
    gap = Span(f.before.start, following.start if following.text else f.token.end)
    tokens = f.replaced(1, 3) if following.text else None
    return _without_label(f, f.span(1, 3), gap, f"{f.first.text} {f.text(3) or '...'}", tokens)


def _without_label(
    f: Failure, span: Span, gap: Span, meant: str, tokens: tuple[Token, ...] | None
) -> Repair:
    notes = ("labels name constraints; there is only one objective",)
    said = ("CS126", "an objective has no label", f"write `{meant}`")
    return told(f, span, *said, notes=notes, fix="", fix_span=gap, tokens=tokens)


def _whole_number(f: Failure, start: int) -> str:
    """The line without the kind, in its own set or in a usual one."""
    rest = f.text(start) if start < len(f.tokens) else ""
    held = f" {rest}" if rest.startswith("in ") else _ends(f.at(start - 1).text)
    return f"write `{f.text(0, f.index)}{held}`, and look at how near to a whole number it ends"


def _ends(word: str) -> str:
    """The interval of a kind that has two values; whole numbers have none."""
    return " in [0, 1]" if word.lower().startswith(("bin", "bool")) else ""


def declared_kind(f: Failure) -> Repair | None:
    """`var x: float = 0`, `var x integer`, `param n: int`."""
    if f.first.kind not in {"VAR", "PARAM", "LET"} or f.depth(f.index):
        return None
    colon = f.token.kind == "COLON" and f.at(f.index + 1).kind == "NAME"
    at = f.index + 1 if colon else f.index
    kind, after = f.at(at), f.at(at + 1)
    known = kind.text.lower() in _CONTINUOUS | _DISCRETE
    if not known and not (colon and after.kind == "EQUAL"):
        return None
    close = closer_of(f.tokens, at + 1) if after.kind == "LSQB" else None
    if close is not None and known and f.at(2).kind not in {"LSQB", "EQUAL"}:
        size = f.text(at + 1, close + 1)
        shown = f.text(f.index, close + 1)
        said = ("CS136", f"`{shown}`: kinds are not declared, and sizes stand behind the name")
        help_ = f"write `{f.text(0, f.index)}{size}`"
        return rewritten(f, f.index, close + 1, (size,), *said, help_)
    whole = kind.text.lower() in _DISCRETE and f.first.kind == "VAR"
    why = "variables are real numbers" if whole else "kinds are not declared"
    return told(
        f,
        f.span(f.index, at + 1),
        "CS136",
        f"`{f.text(f.index, at + 1)}`: {why}",
        _whole_number(f, at + 1) if whole else "remove it",
        notes=("training moves by gradients, and whole numbers have none",) if whole else (),
        fix=_ends(kind.text) if whole and f.at(at + 1).kind != "IN" else "",
        fix_span=Span(f.before.end, kind.end),
        safe=not whole,
        tokens=f.replaced(f.index, at + 1),
        sure=False,
    )


def bare_definition(f: Failure) -> Repair | None:
    """`x = Variable(3)`, `eps = 0.1` above `s.t.`: a definition begins with its kind."""
    name, equal, value = f.first, f.token, f.at(2)
    if f.kind != "clause" or f.index != 1 or equal.kind != "EQUAL" or name.kind != "NAME":
        return None
    plain = len(f.tokens) == 3 and value.kind == "NUMBER"
    known = not plain or name.text in defined_names(f.source.text)
    if known and _HEADING.search(f.source.text, 0, name.start):
        return None
    head = 4 if f.at(3).kind == "DOT" else 2
    kind = _DECLARED.get(f.at(head).text.lower())
    made = "model" if value.text in MODELS else "data" if value.text in SOURCES else ""
    word = made or ("param" if plain else "let")
    if f.at(head).text == "Problem":
        return _problem(f)
    said = ("CS136", f"`{name.text} = ...` does not say what it defines")
    notes = ("a definition begins with `let`, `param`, `var`, `data` or `model`",)
    if kind:
        size = f"[{f.at(head + 2).text}]" if f.at(head + 2).kind == "NUMBER" else ""
        help_ = f"write `{kind} {name.text}{size}`"
        return told(f, name.span, *said, help_, notes=notes, sure=False)
    helps = [f"write `{word} {f.text(0)}`"]
    if word == "let":
        helps.append(f"or another kind, such as `{FORMS['VAR'][1]}`")
    return rewritten(
        f,
        0,
        0,
        (f"{word} ",),
        *said,
        *helps,
        notes=notes,
        shown=name.span,
        place=name.start,
        safe=False,
        sure=False,
    )


def _problem(f: Failure) -> Repair:
    """`prob = Problem(Minimize(x), [x >= 1])`."""
    message = "a spec is the problem itself: it is not put together by a call"
    help_ = "write a line `minimize ...`, and below `s.t.` one constraint a line"
    return told(f, f.span(0), "CS136", message, help_)


def star_import(f: Failure) -> Repair | None:
    """`from "nets.py" import *`."""
    if f.first.kind != "FROM" or f.token.text != "*":
        return None
    help_ = f"name them: `{f.text(0, f.index)} {_called_in(f.source.text)}`"
    return told(f, f.token.span, "CS128", "`import *` does not say what it brings in", help_)


def _called_in(text: str) -> str:
    """The names that a model of the spec is made by, which a file may bring in."""
    called = re.findall(r"^[ \t]*model[ \t]+\w+[ \t]*=[ \t]*([A-Z]\w*)", text, re.MULTILINE)
    return ", ".join(dict.fromkeys(called)) or "Net, loss"


def renamed_given(f: Failure) -> Repair | None:
    """`given kl as k`: the names are those that the loop hands over."""
    if f.first.kind != "GIVEN" or f.token.kind != "AS":
        return None
    there, here = f.before.text, f.at(f.index + 1).text or "k"
    label = "a loop hands values over by the names in this line"
    tokens = f.replaced(f.index, f.index + 2)
    said = (
        "CS136",
        "`given` names have no second name",
        f"write `given {here}`, and hand it over as `p.loss({here}=...)`",
        f"or `given {there}` and, on a line below, `let {here} = {there}`",
    )
    return told(f, f.token.span, *said, label=label, tokens=tokens, sure=False)

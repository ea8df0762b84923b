"""LaTeX in a spec: commands with arguments, layout, subscripts, transposes."""

import re
from collections.abc import Callable

from cspec.dsl.mistakes.failure import OPERAND_ENDS, OPERAND_STARTS
from cspec.dsl.mistakes.foreign.norms import bars_of_latex
from cspec.dsl.mistakes.foreign.sums import latex_sum
from cspec.dsl.mistakes.foreign.view import TERM_ENDS, Found, View
from cspec.dsl.text.defined_names import defined_data, defined_names

_DROPPED = frozenset(
    (
        *("left", "right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "quad", "qquad"),
        *("limits", "displaystyle", "nolimits", "nonumber", "notag", "hspace", "mathop", "hfill"),
    )
)
_WRAPS = frozenset(
    (
        *("text", "mathrm", "mathbf", "mathbb", "mathcal", "mathit", "mathsf", "operatorname"),
        *("textbf", "boldsymbol", "bm", "textrm", "mbox", "hat", "bar", "tilde", "vec"),
    )
)
_FUNCTIONS = frozenset(
    ["sqrt", "exp", "log", "ln", "sin", "cos", "tan", "tanh", "max", "min", "det"]
)
_FRACTIONS = frozenset(["frac", "dfrac", "tfrac"])
_OBJECTIVES = {
    **dict.fromkeys(("min", "argmin", "inf", "minimize", "minimise"), "minimize"),
    **dict.fromkeys(("max", "argmax", "sup", "maximize", "maximise"), "maximize"),
}
_SPACES = frozenset([",", ";", "!", ":"])


def latex(view: View) -> Found | None:
    """What begins with a backslash; None for a plain word or mark, which has a table of its own."""
    mark, word = view.at(0), view.at(1)
    if word.start != mark.end:
        return None
    text = word.text
    if text == "\\":
        return _dropped(view, 2, "`\\\\` ends no line here: a line ends where it ends")
    if text in _SPACES or text in _DROPPED:
        return _dropped(view, 2, f"`\\{text}` is layout; a spec is plain text")
    if text in {"{", "}"}:
        return _written(view, 2, text)
    if text in {"left", "right"} and view.at(2).text == "\\" and view.at(3).text == "|":
        return _dropped(view, 2, f"`\\{text}` is layout; a spec is plain text")
    if text in {"lVert", "Vert", "|", "lvert", "vert"}:
        return bars_of_latex(view, text, 2)
    if text.partition("_")[0] in {"sum", "prod"}:
        return latex_sum(view, *text.split("_", 1)) if "_" in text else latex_sum(view, text, "")
    if text.rstrip("_") in _OBJECTIVES and view.before.kind in {"_NL", "ST"}:
        return _objective(view, 1)
    short = _SHORT.fullmatch(text)
    if short is not None:
        return _short_fraction(view, text, f"{short[1]}/{short[2]}")
    if text == "approx":
        help_ = "write `==`, and behind it how near is near enough: `within 1e-2`"
        said = ("CS125", "`\\approx` is no relation of a spec", help_)
        return Found(2, None, *said, go_on=("==",))
    return _with_argument(view, text)


_FRACTION = "is LaTeX; a fraction is written with `/`"
_SHORT = re.compile(r"[dt]?frac(\d)(\d)")


def _short_fraction(view: View, text: str, meant: str) -> Found:
    r"""`\frac12` is `1/2`."""
    follows = view.at(2).kind in OPERAND_STARTS or view.at(2).text in {"\\", "|"}
    said = ("CS125", f"`\\{text}` {_FRACTION}", f"write `{meant}`")
    return Found(2, (meant, _times(view, 2) if follows else ""), *said, factor=True)


def _times(view: View, place: int) -> str:
    """The sign of a product before an operand, with a blank where one stands behind it."""
    return " *" if view.at(place).start > view.at(place - 1).end else "*"


def _with_argument(view: View, text: str) -> Found | None:
    """`\\frac{a}{b}`, `\\sqrt{a}`, `\\mathbb{E}`."""
    close = view.closer(2) if view.at(2).kind == "LBRACE" else None
    if close is None:
        wrapped = text in _WRAPS and view.at(2).kind in {"NAME", "AVERAGE"}
        return _written(view, 3, view.at(2).text) if wrapped else None
    inner = view.span(3, close)
    averaged = view.source.slice(inner) in {"E", "P"} and view.at(close + 1).text == "_"
    below = view.closer(close + 2) if averaged and view.at(close + 2).kind == "LBRACE" else None
    if text in _WRAPS and below is not None:
        close = below
    if text in _WRAPS:
        message = f"`\\{text}{{...}}` is LaTeX; a spec is plain text"
        return Found(close + 1, (inner,), "CS125", message)
    if text in _FUNCTIONS:
        name = "log" if text == "ln" else text
        meant = f"{name}({view.source.slice(inner)})"
        message = f"`\\{text}{{...}}` is LaTeX; a spec writes `{meant}`"
        return Found(close + 1, (f"{name}(", inner, ")"), "CS125", message, factor=True)
    if text not in _FRACTIONS or view.at(close + 1).kind != "LBRACE":
        return None
    end = view.closer(close + 1)
    if end is None:
        return None
    divisor = view.span(close + 2, end)
    meant = f"({view.source.slice(inner)})/({view.source.slice(divisor)})"
    product = _times(view, end + 1) if view.at(end + 1).kind in OPERAND_STARTS else ""
    pieces = ("(", inner, ")/(", divisor, ")", product)
    said = ("CS125", f"`\\{text}` {_FRACTION}", f"write `{meant}`")
    return Found(end + 1, pieces, *said, factor=True)


def objective_subscript(view: View) -> Found | None:
    """`min_x f(x)`, `min_{x} f(x)` at the beginning of a line."""
    head = view.at(0).text.partition("_")[0]
    if head not in _OBJECTIVES or view.before.kind != "_NL":
        return None
    return _objective(view, 0)


def _objective(view: View, word: int) -> Found:
    """The word of an objective with what it is minimized over, which the `var` lines say."""
    name, _, below = view.at(word).text.partition("_")
    end = word + 1
    opener = end if view.at(end).kind == "LBRACE" else end + 1
    marked = view.at(word).text.endswith("_") or view.at(end).text == "_"
    if marked and view.at(opener).kind == "LBRACE":
        close = view.closer(opener)
        end = close + 1 if close is not None else end
    elif view.at(end).text.startswith("_") and view.at(end).start == view.at(word).end:
        end += 1
    meant = _OBJECTIVES[name]
    if not below and end == word + 1:
        return Found(end, (meant,), "CS119")
    help_ = f"write `{meant} ...`; it is over every `var` and every parameter of a model that moves"
    return Found(end, (meant,), "CS119", help=help_)


def subscript(view: View) -> Found | None:
    """`x_{1}` is `x[1]`."""
    name, brace, close = view.at(0), view.at(1), view.closer(1)
    below = name.text.endswith("_") and brace.kind == "LBRACE" and brace.start == name.end
    if not below or close is None:
        return None
    stem = name.text.rstrip("_")
    inner = view.span(2, close)
    if not stem or not view.text(2, close):
        return None
    if stem in {"E", "P"} and view.at(close + 1).kind == "LSQB":
        return _averaged(view, stem, close)
    meant = f"{stem}[{view.source.slice(inner)}]"
    message = f"`{view.text(0, close + 1)}` is LaTeX; an entry is written `{meant}`"
    pieces, note = (f"{stem}[", inner, "]"), "indices begin at 0"
    return Found(close + 1, pieces, "CS125", message, note=note, safe=False)


def _averaged(view: View, stem: str, close: int) -> Found:
    """`E_{x, y}[loss]`: over which data is said by `on`, or by the only data there are."""
    shown = view.text(0, close + 1)
    named = defined_data(view.source.text)
    data = [view.at(i).text for i in range(2, close) if view.at(i).text in named]
    end = view.closer(close + 1)
    if data and end is not None:
        body = view.text(close + 2, end)
        meant = f"{stem}[{body} on {data[-1]}]"
        said = f"`{shown}`: the data stand behind `on`, and nothing below `{stem}`"
        return Found(end + 1, (meant,), "CS125", said)
    help_ = f"write `{stem}[...]`, or `{stem}[... on train]` where there are several data sets"
    if any(view.at(index).kind in {"EQUAL", "RELATION"} for index in range(2, close)):
        body = view.text(close + 2, end) if end is not None else "..."
        given = re.sub(r"(?<![<>=!])=(?!=)", " == ", view.text(2, close))
        given = re.sub(r"== *([A-Z]\w*)", _as_value(view), given)
        meant = f"{stem}[{body} | {re.sub(' +', ' ', given)}]"
        said = f"`{shown}`: conditions stand behind `|`, inside of the brackets"
        pieces = (meant,) if end is not None else None
        return Found((end or close) + 1, pieces, "CS125", said, f"write `{meant}`", safe=False)
    message = f"`{shown}`: no variables stand below `{stem}`"
    return Found(close + 1, (stem,), "CS125", message, help_)


def _as_value(view: View) -> Callable[[re.Match[str]], str]:
    """A word with a capital that the spec does not define is a value of the column."""
    known = defined_names(view.source.text)
    return lambda m: f"== {m[1]}" if m[1] in known else f'== "{m[1]}"'


def transpose(view: View) -> Found | None:
    r"""`w^T w`, `w^\top w` are `w @ w`; alone `W.T`."""
    if view.before.kind not in OPERAND_ENDS:
        return None
    width = 2 if view.at(1).text in {"T", "top", "intercal", "transp"} else 0
    if view.at(1).text == "\\" and view.at(2).text in {"top", "intercal", "T"}:
        width = 3
    if view.at(1).kind == "LBRACE" and view.at(3).kind == "RBRACE" and view.at(2).text == "T":
        width = 4
    if view.at(1).kind == "LBRACE" and view.text(2, 4) == "\\top" and view.at(4).kind == "RBRACE":
        width = 5
    if not width:
        return None
    return _form(view, width) or _transposed(view, width)


def _form(view: View, width: int) -> Found | None:
    """`x^T A x`: a quadratic form, with a blank for the second product."""
    matrix, right = view.at(width), view.at(width + 1)
    known = defined_names(view.source.text)
    if not {matrix.text, right.text} <= known or matrix.kind != "NAME":
        return None
    meant = f"{view.before.text} @ {matrix.text} @ {right.text}"
    message = "a product of vectors and matrices is written `@`"
    pieces = (" @ ", matrix.span, " @ ", right.span)
    return Found(width + 2, pieces, "CS124", message, f"write `{meant}`")


def prime(view: View) -> Found | None:
    """`w'*w` and `w' w` are `w @ w`."""
    if view.before.kind not in OPERAND_ENDS or view.before.end != view.at(0).start:
        return None
    starred = [view.at(i).text for i in (1, 3)] in (["*", "*"], ["@", "@"])
    if starred and view.at(4).text == view.before.text and view.at(2).kind == "NAME":
        return _quadratic(view, 2, 4)
    form = [view.at(i).kind for i in (1, 2)] == ["NAME", "NAME"] and view.before.kind == "NAME"
    if form and view.at(2).text == view.before.text and view.at(3).kind in TERM_ENDS:
        return _quadratic(view, 1, 2)
    return _transposed(view, 1) if view.at(1).text == "*" or view.at(1).kind == "NAME" else None


def _quadratic(view: View, matrix: int, right: int) -> Found:
    """`x' Q x`, `x'*Q*x`."""
    meant = f"{view.before.text} @ {view.at(matrix).text} @ {view.at(right).text}"
    return Found(right + 1, (meant,), "CS124", back=1)


def power_of_e(view: View) -> Found | None:
    """`e^{x}` is `exp(x)`."""
    close = view.closer(2) if view.at(1).kind == "POWER" and view.at(2).kind == "LBRACE" else None
    if close is None or "e" in defined_names(view.source.text):
        return None
    return Found(close + 1, ("exp(", view.span(3, close), ")"), "CS125", factor=True)


def _transposed(view: View, width: int) -> Found:
    times = view.at(width).text in {"*", "@"}
    end = width + times
    left, right, shown = view.before.text, view.at(end).text, view.text(0, width)
    if left == right and left[:1].isupper() and len(left) < 3:
        message = f"`{shown}`: a transpose is written `.T`, a product of matrices `@`"
        return Found(end + 1, (f".T @ {left}",), "CS124", message, f"write `{left}.T @ {left}`")
    if view.at(end).kind in {"NAME", "LPAR"} or view.at(end).text == "\\":
        touches = view.at(end).start == view.at(end - 1).end
        message = f"`{shown}`: a product of vectors or matrices is written `@`"
        help_ = f"write `{left} @ {right}`; of matrices `A.T @ B`"
        return Found(end, (" @ " if touches else " @",), "CS124", message, help_)
    message = f"`{shown}`: a transpose is written `.T`"
    return Found(width, (".T",), "CS124", message, f"write `{left}.T`")


def _dropped(view: View, take: int, message: str) -> Found:
    return Found(take, (), "CS125", message)


def _written(view: View, take: int, text: str) -> Found:
    message = f"`{view.text(0, take)}` is LaTeX; a spec writes `{text}`"
    note = "a spec is plain text; the report typesets it for you"
    return Found(take, (text,), "CS125", message, note=note)

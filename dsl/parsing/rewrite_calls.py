"""Rows of calls as other libraries and papers write them, and of names that belong to a line.

softmax(net(x), T)       ->   softmax(net(x)/T)
CVaR_{0.95}(loss)        ->   cvar(loss, 0.95)
ref = copy.deepcopy(f)   ->   model ref = frozen(f)
"""

from __future__ import annotations

import re

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.wording import split_arguments
from cspec.dsl.parsing import rewrite_forms as forms
from cspec.dsl.parsing.rewrite_forms import Rewrite, row
from cspec.dsl.text.defined_names import defined_names, model_names
from cspec.dsl.text.source import Span
from cspec.dsl.words.functions import SIGNATURES

_AXIS = re.compile(r"(?:dim|axis)[ \t]*=[ \t]*[-+]?\d+|-1")
_HEAT = re.compile(r"(?:temperature|temp|tau|t)[ \t]*=[ \t]*(.+)", re.IGNORECASE)
_HEATS = re.compile(r"t|tau|temp\w*|[-+]?\d+\.\d+", re.IGNORECASE)
_WHOLE = re.compile(r"[\w.]+(?:\((?:[^()\n]|\((?:[^()\n]|\([^()\n]*\))*\))*\)|\[[^\[\]\n]*\])*")
"""What a division takes as it stands: a name, a call, an entry."""


def _divided(match: re.Match[str]) -> str:
    """`softmax(z, T)`, `F.log_softmax(z, dim=1)`: a temperature divides; an axis says nothing."""
    word, (of, *rest) = match["word"], split_arguments(match["in"])
    by = ""
    for part in rest:
        heat = _HEAT.fullmatch(part)
        if _AXIS.fullmatch(part) or (part in {"0", "1"} and word != "prob"):
            continue  # one example has one axis
        if by or not (heat or _HEATS.fullmatch(part)):
            return ""
        by = heat[1] if heat else part
    of = of if not by or _WHOLE.fullmatch(of) else f"({of})"
    inner = f"{of}/{by}" if by else of
    if word.startswith("log"):
        return f"log(softmax({inner}))"
    return f"{word}({inner})"


_TAILS = {
    **dict.fromkeys(("cvar", "es", "avar", "tvar", "expected_shortfall"), "cvar"),
    "var": "quantile",
}
"""Measures of a tail by the names of papers; `VaR` is the quantile itself."""


def _tail(match: re.Match[str]) -> str:
    """`CVaR_{0.95}(e)`, `VaR_95(e)`, `cvar[0.9](e)`: the level stands second."""
    word, level = match["word"].lower(), match["level"]
    if (
        match[0].split("(")[0].rstrip() in defined_names(match.string)
        or len(split_arguments(match["in"])) != 1
    ):
        return ""
    share = level.endswith("%") or "." in level
    return f"{_TAILS[word]}({match['in'].strip()}, {level if share else f'{level}%'})"


_WRAPPED = (
    rf"(?:(?:WORD\.)*(?:{forms.COPIED})\( (?P<a>WORD) \)"
    rf"|(?P<b>WORD)\.(?:{forms.COPIED})(?:\( \))?|(?P<c>WORD))"
)
_AFTER = rf"(?:\.(?:{forms.COPIED})(?:\( \))?)*"


def _copy(match: re.Match[str]) -> str:
    """`ref = copy.deepcopy(f)`, `let ref = f.clone()`, where `f` is a model of the spec."""
    of, name = match["a"] or match["b"] or match["c"], match["name"]
    called = not match["c"] or re.search(rf"\b{name}\(", match.string)
    return f"model {name} = frozen({of})" if called and of in model_names(match.string) else ""


_SETS = "|".join(
    sorted((name for name, s in SIGNATURES.items() if s.family == "set"), key=len)[::-1]
)
_MEASURES = "|".join(
    sorted(
        (name for name, s in SIGNATURES.items() if s.family in ("model", "weights", "matrices")),
        key=len,
    )[::-1]
)
_RELATED = r"(?=(?:WORD\(|[EP]\[|forall\b)[^\n]*(?:[<>=]=|\bin\b))"

CALL_ROWS = (
    row(
        rf"^( (?:s\.t\. )?)({_SETS})~{_RELATED}",
        r"\1\2: ",
        "a label ends with `:`",
        "CS1",
    ),
    row(
        rf"^ (?:(?:let|var|param)~)?(?P<name>WORD) :?= {_WRAPPED}{_AFTER} ;?$",
        _copy,
        "a copy of a model is a `model` of its own, and never moves: `frozen(...)`",
    ),
    row(
        r"(?:\b(?:WORD\.)+)?(?<!\w)(?P<word>softmax|log_softmax|logsoftmax|sigmoid|prob)"
        r"\( (?P<in>(?:IN)+?,(?:IN)+?) \)",
        _divided,
        "`{word}` takes 1 argument: a temperature divides it, and one example has no other axis",
        "CS301",
        "CS502",
        "CS201",
    ),
    row(
        r"(?<![\w.])(?P<word>CVaR|CVAR|cvar|cVaR|Cvar|VaR|VAR|var|Var|ES|AVaR|TVaR"
        r"|[Ee]xpected_[Ss]hortfall) (?:[_@] [{(]? |[\[{] |(?=\d))"
        r"(?P<level>\d+%|0?\.\d+|\d\d) [)}\]]? [(\[](?P<in>(?:IN)+)[)\]]",
        _tail,
        "the level of a tail is the second argument of `cvar` or `quantile`",
        "CS1",
        "CS2",
    ),
    row(
        r"(\b(?![EP]\[)WORD\[ [\w,+* -]*?\w)~(for~(?:IN)*?) \]",
        r"\1] \2",
        "the index ends before `for`",
        "CS1",
    ),
)
"""Rows that are tried before all others: each has a word of its own."""

LABEL_ROWS = (
    row(
        rf"^( (?:s\.t\. )?)({_MEASURES})~{_RELATED}",
        r"\1\2: ",
        "a label ends with `:`",
        "CS1",
    ),
)
"""Rows of labels that are functions, too: tried where no call of them fits."""

_LET = re.compile(
    r"^[ \t]*let[ \t]+(?P<name>[A-Za-z_]\w*)[ \t]*=[ \t]*frozen\([ \t]*(?P<of>\w+)[ \t]*\)",
    re.MULTILINE,
)


def let_of_a_model(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`let ref = frozen(f)` of a `ref(x)`: what is called on inputs is a `model`."""
    if first.code != "CS302" or "is no function" not in first.message:
        return None
    line = next((m for m in _LET.finditer(text) if m["name"] == word), None)
    if line is None or line["of"] not in model_names(text):
        return None
    said = f"`{word}` is called as a model is: its line begins with `model`"
    new = f"model {line['name']} = frozen({line['of']})"
    return Rewrite(Span(*line.span()), new, said)

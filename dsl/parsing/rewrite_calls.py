"""Rows of calls as other libraries and papers write them, and of names that belong to a line.

softmax(net(x), T)       ->   softmax(net(x)/T)
CVaR_{0.95}(loss)        ->   cvar(loss, 0.95)
ref = copy.deepcopy(f)   ->   model ref = frozen(f)
forall n, W in net.named_parameters(): A >= 0   ->   forall W in net.params: A >= 0
f is increasing in x.age   ->   forall x in train: grad(f(x)[0], x.age) >= 0
"""

import re

from cspec.dsl.messages.wording import split_arguments
from cspec.dsl.parsing import rewrite_forms as forms
from cspec.dsl.parsing.rewrite_forms import row
from cspec.dsl.text.defined_names import defined_data, defined_names, fields, model_names

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


def _tail(match: re.Match[str]) -> str:
    """`CVaR_{0.95}(e)`, `VaR_95(e)`, `cvar[0.9](e)`: the level stands second.

    Measures of a tail go by many names; `VaR` is the quantile itself.
    """
    level, of = match["level"], "quantile" if match["word"].lower() == "var" else "cvar"
    if (
        match[0].split("(")[0].rstrip() in defined_names(match.string)
        or len(split_arguments(match["in"])) != 1
    ):
        return ""
    share = level.endswith("%") or "." in level
    return f"{of}({match['in'].strip()}, {level if share else f'{level}%'})"


_WRAPPED = rf"(?:{forms.COPY}|(?P<c>WORD))"
_AFTER = rf"(?:\.(?:{forms.COPIED})(?:\( \))?)*"


def _copy(match: re.Match[str]) -> str:
    """`ref = copy.deepcopy(f)`, `let ref = f.clone()`, where `f` is a model of the spec."""
    of, name = match["a"] or match["b"] or match["c"], match["name"]
    called = not match["c"] or re.search(rf"\b{re.escape(name)}\(", match.string)
    return f"model {name} = frozen({of})" if called and of in model_names(match.string) else ""


def _weights(match: re.Match[str]) -> str:
    """`forall n, p in net.named_parameters(): A`: over all parameters, or all weights."""
    model = match["of"]
    told = match["part"] or match["listed"]
    if not told or model not in model_names(match.string):
        return ""
    part = "params" if re.search(r"param|state", match["part"] or "") else "weights"
    name = match["name"] or match["one"]
    number = match["number"] and re.search(
        rf"(?<![\w.]){re.escape(match['number'])}\b", match["rest"]
    )
    parts = r"\.(?:weight|data|kernel|weights|value|values|tensor)\b(?:\(\))?"
    own = rf"(?<![\w.]){re.escape(name)}{parts}"
    rest = re.sub(own, name, match["rest"])
    head = match["head"] or ""
    quantifier = "forall" if match["head"] is not None else match["quantifier"]
    return "" if number else f"{head}{quantifier} {name} in {model}.{part}{rest}"


_WEIGHTS = (
    r"(?P<head>^ (?:s\.t\. )?(?:\w+ :)? )?(?P<quantifier>\bforall|\bfor)~"
    r"(?:\(? (?P<number>WORD|_) , (?P<name>WORD) \)?|(?P<one>WORD))"
    r"~in~(?P<listed>(?:enumerate|list|iter|reversed|zip|dict)\( )?(?P<of>WORD)"
    r"(?:\.(?P<part>(?:named_)?(?:parameters|params|layers|modules|children|weights|state_dict|buffers"
    r"|get_weights|trainable_variables|trainable_weights|variables)))?"
    r"(?:\( \))?(?:\.(?:items|values|named_parameters|parameters)\( \))?(?(listed) \))"
    r"(?:\.(?:items|values)\( \))?"
    r"(?P<rest>[^\n]*)"
)

_UP = r"(?:increas(?:ing|es?)|ris(?:ing|es?)|grow(?:ing|s)?|up(?:ward)?)"
_DOWN = r"(?:decreas(?:ing|es?)|fall(?:ing|s)?|sink(?:ing|s)?|declin(?:ing|es?)|down(?:ward)?)"
_EVER = r"(?:monotonic(?:ally)?|monotonously|monotonely|monotone|strictly|weakly|always)"
_HOW = (
    rf"(?:{_EVER}(?:~|_))*(?:(?P<not>non|not|never)(?:-|_|~)?)?"
    rf"(?P<way>{_UP}|{_DOWN}|monoton(?:e|ic|ically)|isotonic|antitonic)(?:ly)?"
)
_IN = r"(?:in|with|of|w\.r\.t\.|wrt|by|over|along|as~a~function~of)"
_FEATURE = r"(?P<by>WORD\.WORD|WORD\[ (?:\"[^\"\n]*\"|\d+) \]|\"[^\"\n]*\"|WORD)"


def _slope(match: re.Match[str]) -> str:
    """`f is increasing in x.age`: the sign of the slope at every example."""
    text = match.string
    found, models, data = match.groupdict(), model_names(text), defined_data(text)
    of = found.get("of") or ""
    inputs, *others = forms.columns_of(text) or ("x",)
    by = match["by"].strip('"')
    told = re.match(rf"{re.escape(inputs)}[.\[]", by)
    if len(models) == 1 and (not of or re.fullmatch(_EVER, of) or (told and of not in others)):
        of = models[0]
    if of not in models or of in fields(text) or by in others:
        return ""  # a column beside the inputs is none of them
    by = by if told else f"{inputs}.{by}"
    down = bool(re.match(rf"{_DOWN}|antitonic", found.get("way") or ""))
    sign = found.get("sign") or ("<=" if down != bool(found.get("not")) else ">=")
    over = "train" if "train" in data or not data else data[0]
    return f"{match[1]}forall {inputs} in {over}: grad({of}({inputs})[0], {by}) {sign} 0"


_SETS = forms.any_of(forms.functions_of("set"))
_MEASURES = forms.any_of(forms.functions_of("model", "weights", "matrices"))
_RELATED = r"(?=(?:WORD\(|[EP]\[|forall\b)[^\n]*(?:[<>=]=|\bin\b))"

_FOUND = "CS1 CS2 CS3 CS111 CS126"
_SLOPE = "that an output only rises, or only falls, is the sign of its slope"

CALL_ROWS = (
    row(
        _WEIGHTS,
        _weights,
        "all parameters of `{of}` are `{of}.params`, its matrices `{of}.weights`",
    ),
    row(
        rf"HEAD(?:(?:the~)?(?P<of>WORD)(?: \( WORD \))?(?:\[ \d \])?~)?(?:(?:is|be"
        rf"|must~be|should~be|to~be|must|should|shall|has~to|may)~)?{_HOW}~{_IN}~{_FEATURE} $",
        _slope,
        _SLOPE,
        _FOUND,
    ),
    row(
        rf"HEAD(?P<of>WORD)~in~{_HOW}(?:_in)? \( {_FEATURE} \) $",
        _slope,
        _SLOPE,
        "CS3",
    ),
    row(
        r"HEAD(?:d|\u2202) (?P<of>WORD)(?: \( WORD \))? / (?:d|\u2202) (?P<by>WORD\.WORD)"
        r" (?P<sign><=|>=) 0 $",
        _slope,
        _SLOPE,
        "CS1 CS126 CS2",
    ),
    row(
        rf"HEAD(?:is_)?{_HOW}(?:_in)? \( (?:model = )?(?P<of>WORD)(?:\( WORD \))?(?:\[ \d \])? , "
        rf"(?:WORD = )?{_FEATURE} \) $",
        _slope,
        _SLOPE,
        _FOUND,
    ),
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
        "CS301 CS502 CS201",
    ),
    row(
        r"(?<![\w.])(?P<word>CVaR|CVAR|cvar|cVaR|Cvar|VaR|VAR|var|Var|ES|AVaR|TVaR"
        r"|[Ee]xpected_[Ss]hortfall) (?:[_@] [{(]? |[\[{] |(?=\d))"
        r"(?P<level>\d+%|0?\.\d+|\d\d) [)}\]]? [(\[](?P<in>(?:IN)+)[)\]]",
        _tail,
        "the level of a tail is the second argument of `cvar` or `quantile`",
        "CS1 CS2",
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

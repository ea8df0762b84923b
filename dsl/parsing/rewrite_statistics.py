"""Rows of what statistics packages and spreadsheets write: formulas, means by condition, spans,
and examples that lack a value.

model f = glm(y ~ x, family=binomial)         ->   model f = linear
minimize y ~ f(x)                             ->   minimize mse(f(x), y)
AVERAGEIF(region, "south", f(x)[0])           ->   E[f(x)[0] | region == "south"]
P[pred == 1 | age 30-60]                      ->   P[pred == 1 | age in [30, 60]]
csv("a.csv", target="y", na.rm=TRUE)          ->   csv("a.csv", target="y", missing=drop)
"""

import re

from cspec.dsl.messages.synonyms import OVER_EXAMPLES
from cspec.dsl.messages.wording import split_arguments
from cspec.dsl.parsing.rewrite_forms import columns_of, row
from cspec.dsl.text.defined_names import defined_names, model_names
from cspec.dsl.words.losses import LOSS_WORDS

_NETS = frozenset({"nnet", "mlp", "neuralnet", "mlpclassifier", "mlpregressor", "net"})
_TREES = re.compile(r"forest|tree|boost|gbm|ranger|rpart|knn|svm|gam|lmer")
"""Models that the language does not have: nothing is written in their place."""
_WIDTH = re.compile(r"(?:size|hidden|hidden_units)[ \t]*=[ \t]*(?:c\()?[ \t]*(\d[\d, \t]*)\)?")


def _of_a_formula(match: re.Match[str]) -> str:
    """`glm(y ~ x, family=binomial)`, `y ~ .`: the kind of the model alone."""
    word = (match["kind"] or "").lower().rsplit(".", 1)[-1]
    if _TREES.search(word):
        return ""
    if word not in _NETS:
        return f"{match['head']} = linear"
    width = _WIDTH.search(match[0])
    hidden = f"(hidden=[{', '.join(split_arguments(width[1]))}])" if width else ""
    return f"{match['head']} = mlp{hidden}"


def _loss_of_a_formula(match: re.Match[str]) -> str:
    """`minimize y ~ f(x)`, `fit lm(y ~ x)`: the loss between the only model and the target."""
    text, columns = match.string, columns_of(match.string)
    models, sides = model_names(text), (match["left"].strip(), match["right"].strip())
    target = next((side for side in sides if side in columns), "")
    chosen = re.search(r"^[ \t]*(?:minimize|maximize|satisfy)\b", text, re.MULTILINE)
    if len(models) != 1 or not target or (match["fit"] and chosen):
        return ""
    told = "probability" if _OF_CLASSES.search(text) else "number"
    targets = next((of for sign, of in _FAMILIES if sign.search(match[0])), told)
    loss = next(word for word, record in LOSS_WORDS.items() if record.targets == targets)
    return f"minimize {loss}({models[0]}({columns[0]}), {target})"


_FAMILIES = (
    (re.compile(r"binom|logi[ts]|bernoulli"), "probability"),
    (re.compile(r"multinom|categor"), "class"),
    (re.compile(r"gauss|normal|\blm\b|\bols\b", re.IGNORECASE), "number"),
)
_OF_CLASSES = re.compile(r"\bpred[ \t]*[!=]=|\bprob\b")
"""What a spec says of a model that tells two classes apart."""

_RELATED = re.compile(r"(<=|>=|<>|!=|==|=|<|>)[ \t]*(.+)")


def _condition(of: str, said: str) -> str:
    """`region == "south"` for `region, "south"`, `age > 60` for `age, ">60"`."""
    text = said.strip("\"'")
    related = _RELATED.fullmatch(text) if text != said else None
    if related is None:
        return f"{of} == {said}"
    sign = {"<>": "!=", "=": "=="}.get(related[1], related[1])
    number = re.fullmatch(r"[-+]?\d[\d.]*%?", related[2])
    return f"{of} {sign} {related[2] if number else chr(34) + related[2] + chr(34)}"


def _conditions(parts: list[str]) -> list[str]:
    """The conditions of a list of a spreadsheet: each said at once, or a column and its value."""
    if all(_COMPARED.search(part) for part in parts):
        return [_EQUAL.sub("==", part) for part in parts]
    if len(parts) % 2 or any(_COMPARED.search(part) for part in parts[::2]):
        return []
    return [_condition(of, said) for of, said in zip(parts[::2], parts[1::2], strict=True)]


_COMPARED = re.compile(r"^[^\"']*[<>=]")
_EQUAL = re.compile(r"(?<![<>=!])=(?!=)")


def _cells(match: re.Match[str], group: str) -> list[str]:
    return split_arguments((match[group] or "").replace(";", ","))


def _averaged(word: str, parts: list[str]) -> tuple[str, list[str]]:
    """What is averaged, or added up, and under which conditions."""
    if len(parts) < 2:
        return "", []
    if word.lower().endswith("s") or _COMPARED.search(parts[-1]):
        return parts[0], _conditions(parts[1:])
    return parts[-1], _conditions(parts[:-1])


def _mean_if(match: re.Match[str]) -> str:
    """`AVERAGEIF(region, "south", f(x)[0])`, `MEDIANIFS(...)` has no form of its own."""
    if match["word"] in defined_names(match.string):
        return ""
    of, when = _averaged(match["word"], _cells(match, "in"))
    return f"E[{of} | {' and '.join(when)}]" if when else ""


def _share_if(match: re.Match[str]) -> str:
    """`COUNTIFS(a, 1, b, 2)/COUNTIF(b, 2)`, `COUNTIF(a, 1)/COUNT(a)`: a share of those below."""
    above, below = (_conditions(_cells(match, group)) for group in ("in", "by"))
    if not above or (below and not {*below} <= {*above}):
        return ""
    event = " and ".join(part for part in above if part not in below)
    given = f" | {' and '.join(below)}" if below else ""
    return f"P[{event}{given}]" if event else ""


def _total_if(match: re.Match[str]) -> str:
    """`SUMIF(c, "a", v)/COUNTIF(c, "a")`: the mean of those."""
    of, when = _averaged(match["word"], _cells(match, "in"))
    return f"E[{of} | {' and '.join(when)}]" if when == _conditions(_cells(match, "by")) else ""


def _counted_if(match: re.Match[str]) -> str:
    """`COUNTIF(pred, 1) <= 30%`: what is bounded by a share is one."""
    event = " and ".join(_conditions(_cells(match, "in")))
    return f"P[{event}]" if event else ""


_IF = r"_?(?i:ifs?)"
_CELLS = r"\( (?P<in>(?:IN)+?) \)"
_BY_CELLS = r"\( (?P<by>(?:IN)*?) \)"
_SHEET = "`{word}` is a function of spreadsheets: a mean by condition is `E[... | condition]`"
_SHARE = "`{word}` is a function of spreadsheets: a share is `P[event | condition]`"


def _between(match: re.Match[str]) -> str:
    """`age from 30 to 60`, where `age` is a column or a part of one."""
    column = match["of"].split(".")[0]
    if re.search(r"between.*\band\b", match[0], re.IGNORECASE):
        return ""  # said as a chain
    ends = f"[{match['low']}, {match['high']}]"
    return f"{match['of']} in {ends}" if column in columns_of(match.string) else ""


def _compared(match: re.Match[str]) -> str:
    sign = next(sign for sign, words in _SIGNS.items() if match["word"].lower() in words)
    known = match["of"].split(".")[0] in columns_of(match.string)
    return f"{match['of']} {sign} {match['by']}" if known else ""


_SIGNS = {
    ">": ("over", "above", "exceeds", "exceeding", "older than", "beyond"),
    "<": ("under", "below", "younger than"),
}
_FEATURE = r"(?P<of>(?<![\w.])[A-Za-z_]\w*(?:\.\w+)?)"
_TO = r"(?:\.\.+|-|\u2013|\u2014|\u2026|~(?:to|and|through|until|up~to)~)"
_SPAN = rf"[(\[]? (?P<low>[-+]?\d[\d_.]*?%?) {_TO} (?P<high>[-+]?\d[\d_.]*%?) [)\]]?"
_ENDED = r"(?= (?:\]|,|\band\b|\bor\b|\bon\b|:|$))"

_FORMULA = (
    "a formula names columns: a spec names the inputs in its line `data`, and a model by its kind"
)
_MISSING = "examples that lack a value are left out by `missing=drop`"
_ABSENT = (
    r"(?:na[._]?rm|na[._](?:action|omit)|drop[._]?(?:na|nan|null|nulls|missing)|skip[._]?(?:na|nan)"
    r"|(?:remove|omit|ignore|exclude)[._]?(?:na|nan|null|missing)|na|nan|missing[._]values?)"
)
_TRUE = (
    r"(?:TRUE|True|true|T|1|[\"']?(?:na[._])?(?:omit|exclude|drop|remove|skip|ignore)[\"']?"
    r"|[\"']any[\"'])\b[\"']?"
)
_SOURCE = r"(?:csv|parquet)"


def _of_all(match: re.Match[str]) -> str:
    """`np.mean(y)`, `np.std(y)`: what it is over the examples."""
    word = {"average": "mean", "var": "variance", "nanmean": "mean"}.get(match["word"])
    form = OVER_EXAMPLES.get(word or match["word"], "")
    return form.format(match["in"].strip())


STATISTICS_ROWS = (
    row(
        rf"(?<![\w.])(?:np|numpy|torch|jnp|tf|pd)\.(?P<word>mean|average|nanmean|std|var|median)"
        rf" {_CELLS}",
        _of_all,
        "`{word}` of a module of Python is not at hand; over the examples a mean is `E[...]`",
        "CS201",
    ),
    row(r"(NUM%)~of~(?=[A-Za-z(])", r"\1*", "a share of a number is a product: `{1}*...`"),
    row(
        r"^ (?:minimize(?: :|~) |(?P<fit>fit(?:~| \( )))(?:(?:WORD(?:\.|::))*WORD \( )?"
        r"(?:formula = )?[\"']?(?P<left>[\w.()]+) [~] (?P<right>[^~,#\n]+?)[\"']?"
        r"(?: ,[^#\n]*)?(?: \))? $",
        _loss_of_a_formula,
        "`~` stands in formulas of R: what is made small is a loss, here with `{left}`",
    ),
    row(
        rf"(?P<word>\b(?i:sum){_IF}) {_CELLS} / (?i:count){_IF} {_BY_CELLS}",
        _total_if,
        _SHEET,
    ),
    row(
        rf"(?P<word>\b(?i:count){_IF}) {_CELLS} / "
        rf"(?:(?i:count){_IF} {_BY_CELLS}|(?i:counta?|rows|len|size) \((?:IN)*\))",
        _share_if,
        _SHARE,
    ),
    row(rf"(?P<word>\b(?i:count){_IF}) {_CELLS}(?= [<>=]=? \d[\d.]*%)", _counted_if, _SHARE),
    row(
        rf"(?:(?<![<>=!])=(?!=) )?(?P<word>\b(?i:average|avg|mean){_IF}) {_CELLS}", _mean_if, _SHEET
    ),
    row(
        r"\b(?P<word>AVERAGE|AVG) \( IF \( (?P<in>(?:IN)+?) , "
        r"(?P<of>(?:[^(),\n]|\((?:IN)*\))+?) \) \)",
        lambda m: f"E[{m['of'].strip()} | {' and '.join(_conditions([m['in'].strip()]))}]",
        _SHEET,
        "CS1 CS2",
    ),
    row(
        rf"\b(?:AVERAGE|AVG|Average) {_CELLS}",
        lambda m: "" if "," in m["in"] else f"E[{m['in'].strip()}]",
        "a mean over the examples is `E[...]`",
        "CS2",
    ),
    row(
        rf"\b(?:MEDIAN|Median) {_CELLS}",
        lambda m: "" if "," in m["in"] else f"quantile({m['in'].strip()}, 50%)",
        "the median over the examples is `quantile(..., 50%)`",
        "CS2",
    ),
    row(
        rf"{_FEATURE}(?: (?:=|==|:|\u2208) |~(?:from|between|within|ranging~from|in|is)~|~){_SPAN}"
        rf"{_ENDED}",
        _between,
        "from one number to another is `in [a, b]`",
        "CS1 CS302",
    ),
    row(
        rf"(?:(?P<call>\bbetween) \( {_FEATURE} , |{_FEATURE.replace('of', 'own')}~"
        r"(?i:between|within|range) \( )(?P<low>NUM) , (?P<high>NUM) \)",
        lambda m: (of := m["of"] or m["own"]) and f"{of} in [{m['low']}, {m['high']}]",
        "from one number to another is `in [a, b]`",
        "CS1 CS2",
    ),
    row(
        rf"{_FEATURE}~(?:is~)?(?P<word>over|above|exceeds|exceeding|older than|beyond|under|below"
        rf"|younger than)~(?P<by>NUM){_ENDED}",
        _compared,
        "numbers are compared by `<` and `>`",
        "CS1",
    ),
    row(
        r"^(?P<head> model~WORD) (?:=|<-|:=?|~) (?:(?P<kind>WORD(?:\.WORD)*) \( )?"
        r"(?:formula = )?[\"']?WORD~?(?:\~)[^\n#]*$",
        _of_a_formula,
        _FORMULA,
    ),
    row(
        rf"(?P<head>\b{_SOURCE}\((?:IN)*?, ){_ABSENT}(?: = {_TRUE})?(?= [,)])",
        r"\g<head>missing=drop",
        _MISSING,
    ),
    row(
        rf"(?P<head>\b{_SOURCE}\((?:IN)+?)\) "
        rf"(?:\.|%>%|\|>) (?:tidyr::)?{_ABSENT}\([^()\n]*\)",
        r"\g<head>, missing=drop)",
        _MISSING,
    ),
    row(
        rf"\b(?:na[._]omit|drop_?na|complete_cases)\( (?P<in>{_SOURCE}\((?:IN)+?)\) \)",
        r"\g<in>, missing=drop)",
        _MISSING,
    ),
)

"""Rows of what statistics packages write: formulas, and examples that lack a value.

model f = glm(y ~ x, family=binomial)         ->   model f = linear
csv("a.csv", target="y", na.rm=TRUE)          ->   csv("a.csv", target="y", missing=drop)
"""

from __future__ import annotations

import re

from cspec.dsl.messages.wording import split_arguments
from cspec.dsl.parsing.rewrite_forms import row

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

STATISTICS_ROWS = (
    row(
        r"^(?P<head> model~WORD) (?:=|<-|:=?|~) (?:(?P<kind>WORD(?:\.WORD)*) \( )?"
        r"(?:formula = )?[\"']?WORD~?(?:\~)[^\n#]*$",
        _of_a_formula,
        _FORMULA,
    ),
    row(
        rf"(?P<head>\b{_SOURCE}\((?:IN)*?, ){_ABSENT} = {_TRUE}(?= [,)])",
        r"\g<head>missing=drop",
        _MISSING,
    ),
    row(
        rf"(?P<head>\b{_SOURCE}\((?:IN)*?, ){_ABSENT}(?= [,)])",
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

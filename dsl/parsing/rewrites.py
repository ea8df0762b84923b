"""Lines whose whole form says what was meant: a row a kind, and what a spec writes in its place.

    s.t. verify(a, test)              ->   verify a on test
    forall {i in range(3)} x[i] >= 1  ->   forall i in range(3): x[i] >= 1

A row is offered only where the spec, with its line in place, has fewer errors and none there: it
may be short, and needs no knowledge of the grammar. What it says takes the place of all that was
found on the line, since that followed from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.wording import number, split_arguments
from cspec.dsl.settings.duals import DUALS
from cspec.dsl.settings.fit import OPTIMIZERS
from cspec.dsl.text.clauses import ITEM_WORDS
from cspec.dsl.text.defined_names import defined_names, model_names
from cspec.dsl.text.source import Source, Span
from cspec.dsl.words.functions import SIGNATURES
from cspec.dsl.words.losses import LOSSES


class Rewrite(NamedTuple):
    """A piece of the text, what is written in its place, and why."""

    span: Span
    new: str
    message: str


Make = str | Callable[[re.Match[str]], str]


class Row(NamedTuple):
    """A form of a line: `pattern` is searched in it, `make` is what is written there.

    With `codes`, only for findings of those. `{n}` in the message is a group of the pattern, and
    `{new}` what is written.
    """

    pattern: re.Pattern[str]
    make: Make
    message: str
    codes: tuple[str, ...] = ()


_WORD = r"[A-Za-z_]\w*"
_NUM = r"[-+]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?%?"
_ROUND = r"\((?:[^()\n]|\([^()\n]*\))*\)"
_IN = rf"(?:[^()\[\]\n]|{_ROUND}|\[(?:[^()\[\]\n]|{_ROUND}|\[[^\[\]\n]*\])*\])"
"""A character, or a bracket with all that it holds."""
_RATE = r"[EP]\[(?:[^\[\]\n]|\[[^\[\]\n]*\])*\]"
_HEAD = r"^([ \t]*(?:s\.t\.[ \t]*)?(?:\w+:(?!=)[ \t]*)?)"
_SETS = "|".join(
    name
    for name, s in SIGNATURES.items()
    if s.family == "set" and not any(p.required for p in s.parameters)
)
_SIZED = "rank|channels|sparse|nuclear|grid"
_CALLED = "|".join(
    sorted((n for n, s in SIGNATURES.items() if s.parameters and n not in LOSSES), key=len)[::-1]
)
_BOUNDED = "|".join(
    name for name, s in SIGNATURES.items() if s.family in ("model", "weights") or name == "gap"
)
_MARKS = {"at most": "<=", "at least": ">="}


def _row(pattern: str, make: Make, message: str, *codes: str) -> Row:
    shaped = pattern
    for word, form in (
        ("WORD", _WORD), ("NUM", _NUM), ("RATE", _RATE), ("HEAD", _HEAD), ("IN", _IN),
    ):  # fmt: skip
        shaped = re.sub(rf"\b{word}\b", lambda _, form=form: form, shaped)
    return Row(re.compile(shaped, re.MULTILINE), make, message, codes)


def _share(text: str) -> float:
    return float(text.rstrip("%")) / (100 if text.endswith("%") else 1)


def _sure(match: re.Match[str]) -> str:
    """`95%`, `significance 5%`, `alpha=0.05`: how sure."""
    text, word = match["value"], match["word"] or ""
    share = float(text.rstrip("%")) / (100 if float(text.rstrip("%")) >= 1 else 1)
    share = 1 - share if word.startswith(("sig", "alpha")) else share
    return f"{match['head']} with confidence {number(round(100 * share, 6))}%"


def _verified(match: re.Match[str]) -> str:
    sure = f" with confidence {match['sure']}" if match["sure"] else ""
    return f"verify {match['what']} on {match['data']}{sure}"


def _area(match: re.Match[str]) -> str:
    """An area under a curve: how often an example of class 1 is ahead of one of class 0."""
    models = model_names(match.string)
    data = re.search(r"^[ \t]*data[ \t]+(\w+)", match.string, re.MULTILINE)
    own = re.search(r"\bon[ \t]*=?[ \t]*(\w+)", match[0])
    f, on = (models or ("model",))[0], own[1] if own else data[1] if data else "data"
    return f"P[{f}(a.x) > {f}(b.x) | a.y == 1 and b.y == 0 for (a, b) in pairs({on})]"


def _bits(match: re.Match[str]) -> str:
    levels = int(match[1])
    return f"grid(bits={max(1, (levels - 1).bit_length())})"


def _without(match: re.Match[str]) -> str:
    name = match["name"]
    each = " and ".join(f"{name} != {part}" for part in split_arguments(match["gone"]))
    return f"{match['head']} {name} in {match['set']} where {each}"


def _quantified(match: re.Match[str]) -> str:
    listed = match["sets"].strip()
    return f"forall {listed}: {match['rest'].lstrip(' :,')}"


def _shares(match: re.Match[str]) -> str:
    parts = [float(part.strip(" %")) for part in re.split("[/:-]", match[1])]
    return f"split=[{', '.join(number(part / sum(parts)) for part in parts)}]"


def _boxed(match: re.Match[str]) -> str:
    ends = split_arguments(match["ends"])
    if len(ends) % 2 or len(ends) < 4:
        return ""
    pairs = zip(ends[::2], ends[1::2], strict=True)
    return f"box({', '.join(f'[{low}, {high}]' for low, high in pairs)})"


def _thousands(match: re.Match[str]) -> str:
    return f"{match[1].replace('.', '')}.{match[2]}"


def _product_of(match: re.Match[str]) -> str:
    inner = match[2].strip()
    return f"{match[1]}({inner[1:-1] if inner.startswith('(') else inner})"


def _dual(match: re.Match[str]) -> str:
    return f"using lagrangian(dual={match[1]}{match[2] or ''})" if match[1] in DUALS else ""


def _optimizer(match: re.Match[str]) -> str:
    return f"fit(optimizer={match[1]}{match[2] or ''})" if match[1] in OPTIMIZERS else ""


def _parts(match: re.Match[str]) -> str:
    of, by, again = match[1], match[2], match[3]
    return f"diff({of}, {', '.join([by] * (1 + len(again)))})"


def _scheduled(match: re.Match[str]) -> str:
    """`schedule=cosine, warmup=50`: a setting of the schedule stands behind it."""
    inside = ", ".join(part for part in (match["in"], match["name"]) if part)
    return f"schedule={match['word']}({inside}){match['between'] or ''}"


def _stops(match: re.Match[str]) -> str:
    rest = f"{match[1].rstrip(', ')}{', ' if match[3] and match[1][-1:] != '(' else ''}{match[3]}"
    fit = "" if rest.strip() == "fit(" else f"{rest.rstrip(', ')})\n"
    return f"{fit}stop when stalled(epochs={match[2]})"


def _named(match: re.Match[str]) -> str:
    """`model = mlp(...)`: a name that the rest of the spec calls, else a usual one."""
    called = re.search(r"\b(net|model|f|g|h)\(", match.string[match.end() :])
    return f"model {called[1] if called else 'f'} = "


def _labelled(match: re.Match[str]) -> str:
    """A word before a constraint, where it is no name of the language or of the spec."""
    word = match[2]
    taken = word in SIGNATURES or word in defined_names(match.string) or word == "forall"
    return "" if taken or word.upper() in ITEM_WORDS else f"{match[1]}{word}: "


def _near(match: re.Match[str]) -> str:
    """`A within 5% of B`, `A == B +- 5%`: the distance is bounded."""
    left, right = match["left"].strip(), match["right"].strip()
    if re.fullmatch(_NUM, right):
        return ""
    return f"{match[1]}abs({left} - {right}) <= {match['by']}"


def _each_weight(match: re.Match[str]) -> str:
    models = model_names(match.string)
    if len(models) != 1 or "forall" in match[0]:
        return ""
    return f"{match[1]}forall {match['word']} in {models[0]}.weights: {match[2]}"


ROWS = (
    _row(
        r"\b(?:gap|abs|diff|difference|distance|gap_between)\((RATE)[ \t]*,[ \t]*(RATE)\)",
        r"abs(\1 - \2)",
        "`gap` compares the groups of one rate; two rates are compared by their difference",
    ),
    _row(
        r"\b(?:roc_auc_score|average_precision|roc_auc|auroc|auc|AUROC|AUC)\b(?:\((?:IN)*\))?",
        _area,
        "an area under a curve is the share of pairs that are in order",
    ),
    _row(
        r"\bgrid\((?:n_levels|levels|n_values|values|bins|n)[ \t]*=[ \t]*(\d+)\)",
        _bits,
        "a grid is said in bits: of 4 bits it has 16 levels",
    ),
    _row(
        r"(?P<head>\b(?:forall|for))[ \t]+(?P<name>WORD)[ \t]+in[ \t]+(?P<set>values\(WORD\))[ \t]*"
        r"(?:-|\\|minus|except|without|excluding|but not)[ \t]*[{\[](?P<gone>[^{}\[\]\n]+)[}\]]",
        _without,
        "what a quantifier leaves out stands behind `where`",
    ),
    _row(
        r"\b(?:np\.|torch\.)?(?:linspace|uniform|grid|arange)\([ \t]*([^(),\n]+),[ \t]*"
        r"([^(),\n]+),[ \t]*(?:n[ \t]*=[ \t]*|num[ \t]*=[ \t]*|size[ \t]*=[ \t]*)?(\d+)\)",
        r"uniform(\1, \2).sample(\3)",
        "points of an interval are drawn: how many stands behind it",
    ),
    _row(
        r"\b([EP])\[((?:[^\[\]|\n]|\[[^\[\]\n]*\])*?)[ \t]+(for[ \t](?:IN)*?)[ \t]*\|[ \t]*"
        r"((?:[^\[\]\n]|\[[^\[\]\n]*\])*)\]",
        r"\1[\2 | \4 \3]",
        "a condition stands before the `for`",
    ),
    _row(
        r"\b(param|var|let)([ \t]+WORD[ \t]*(?:\[[^\]\n]*\])?)[ \t]*=[ \t]*[({]?"
        r"((?:NUM)(?:[ \t]*,[ \t]*NUM)+)[)}]?[ \t]*$",
        r"\1\2 = [\3]",
        "several values are a list in brackets",
    ),
    _row(
        r"(\bparam[ \t]+WORD[ \t]*=[ \t]*)(\d+(?:\.\d+)?)(?=[ \t]+in[ \t]+\[[ \t]*0[ \t]*,[ \t]*1)",
        r"\1\2%",
        "",
        "CS304",
    ),
    _row(
        r"(\bvar[ \t]+(WORD)[ \t]*\[[^\]\n]*\](?:[ \t]*=[^\n]*?)?)[ \t]+in[ \t]+[\[(][ \t]*"
        r"(\[[^\]\n]*\]|NUM)[ \t]*,[ \t]*(\[[^\]\n]*\]|NUM)[ \t]*[\])]((?:.|\n)*\S)",
        r"\1\5" + "\n" + r"s.t. \3 <= \2 <= \4",
        "ends that differ from entry to entry are a constraint",
    ),
    _row(
        _HEAD + rf"((?:{_BOUNDED}|max|sum)\((?:IN)*\)|E\[(?:IN)*\])[ \t]+(NUM)[ \t]*$",
        r"\1\2 <= \3",
        "a relation is missing before `{3}`",
    ),
    _row(
        _HEAD + r"(ratio\((?:IN)*\)|P\[(?:IN)*\])[ \t]+(NUM)[ \t]*$",
        r"\1\2 >= \3",
        "a relation is missing before `{3}`",
    ),
    _row(
        r"\b(WORD)[ \t]+in[ \t]+(?:u?int(\d+)\b|quantized\((?:bits[ \t]*=[ \t]*)?(\d+)\))",
        r"\1 in grid(bits=\2\3)",
        "quantized weights lie on a grid",
    ),
    _row(
        rf"\b(WORD)[ \t]+in[ \t]+({_SIZED})[ \t]*(?:<=|==|=|<|of|at most)[ \t]*(NUM)",
        r"\1 in \2(\3)",
        "the size of a set stands in `( )`",
    ),
    _row(
        rf"\b({_SIZED})\((WORD)\)[ \t]*(?:<=|==|=|<|at most)[ \t]*(NUM)",
        r"\2 in \1(\3)",
        "`{1}` is a set: what lies in it stands before `in`",
    ),
    _row(
        rf"\b(WORD)[ \t]*(?:==|=|:|\b(?:is|by|are|to|as)\b)[ \t]*({_SETS})\b",
        r"\1 in \2",
        "`{2}` is a set: what lies in it stands before `in`",
    ),
    _row(
        r"^([ \t]*fit\(.*?)[ \t]*\b(?:early_stopping|early_stop|patience)[ \t]*=[ \t]*(\d+)"
        r"[ \t]*,?[ \t]*(.*?)\)[ \t]*$",
        _stops,
        "when to stop is a line of its own",
    ),
    _row(
        r"(\bdata[ \t].*?\))[ \t]*(?:and|&|;|\+|\|)?[ \t]*(?=WORD\([^()\n]*\)[ \t]*(?:=|$|,))",
        r"\1, ",
        "datasets are separated by `,`",
    ),
    _row(
        r"\bin[ \t]+(?:box|interval|Interval|range)\([ \t]*(NUM)[ \t]*,[ \t]*(NUM)[ \t]*\)",
        r"in [\1, \2]",
        "an interval is written in square brackets",
    ),
    _row(
        r"\bbox\([ \t]*(?P<ends>(?:NUM)(?:[ \t]*,[ \t]*NUM)+)[ \t]*\)",
        _boxed,
        "each interval stands in brackets of its own",
    ),
    _row(
        r"(\bdomain[ \t][^=\n]*=[ \t]*)[\[(]?[ \t]*(\[[^\]\n]*\])[ \t]*(?:x|×|\*|,|;|by|and)?[ \t]*"
        r"(\[[^\]\n]*\])[ \t]*[\])]?[ \t]*$",
        r"\1box(\2, \3)",
        "a product of intervals is a `box`",
    ),
    _row(
        r"\bfor(?:all)?[ \t]*(?:\{(?P<sets>[^{}\n]*\bin\b[^{}\n]*)\}|\((?P<more>WORD[ \t]+in\b(?:IN)*"
        r")\))(?P<rest>[ \t]*[:,]?[ \t]*)(?=[^\s:])",
        lambda m: f"forall {(m['sets'] or m['more']).strip()}: ",
        "what a quantifier goes over stands before a `:`, without brackets",
    ),
    _row(
        r"([<>=]=[ \t]*)(?:np\.|torch\.|jnp\.)?(zeros|ones|zeros_like|ones_like)\((?:IN)*\)",
        lambda m: f"{m[1]}{'0' if m[2].startswith('zeros') else '1'}",
        "one number stands for as many as there are entries",
    ),
    _row(
        r"\b(exp|log|sqrt|sin|cos|tanh)[ \t]*\^[ \t]*(WORD|\((?:IN)*\))",
        _product_of,
        "`{1}` is a function: what it takes stands in `( )`",
    ),
    _row(
        r"(?<![\w.,])(\d{1,3}(?:\.\d{3})+),(\d+)(?![\w,])",
        _thousands,
        "`{0}`: numbers have a point, no comma",
    ),
    _row(
        r"(?<![\w.,\[(])(\d+),(\d+)(?![\w,\])])",
        r"\1.\2",
        "`{0}`: numbers have a point, no comma",
    ),
    _row(
        r"^([ \t]*(?:s\.t\.[ \t]*)?)(?!forall|verify|metric|let|data)(WORD)[ \t-]+(\w+)[ \t]*:(?!=)",
        r"\1\2_\3:",
        "a label is one word",
    ),
    _row(
        rf"\b({_CALLED})[ \t]+(RATE)",
        r"\1(\2)",
        "what `{1}` takes stands in `( )`",
    ),
    _row(r"[ \t]*\b(?:and|or|,)[ \t]*\|", " |", "nothing stands between `{0}` and the condition"),
    _row(r"\|[ \t]*(?:and|or|\||,)[ \t]*", "| ", "a condition begins behind one `|`"),
    _row(
        r"HEAD(?P<left>.+?)[ \t]+(?:is[ \t]+)?within[ \t]+(?P<by>NUM)[ \t]+of[ \t]+(?P<right>.+?)[ \t]*$",
        _near,
        "how far two numbers are apart is bounded by `abs(a - b)`",
    ),
    _row(
        r"HEAD(?P<left>(?:IN)+?)[ \t]*(?:[<>]=|==|=|~=|≈|~)[ \t]*(?P<right>.+?)[ \t]*(?:\+/?-|±)[ \t]*"
        r"(?P<by>NUM)[ \t]*$",
        _near,
        "how far two numbers are apart is bounded by `abs(a - b)`",
    ),
    _row(
        r"\bforall[ \t]+(WORD)[ \t]*:([^\n]*\|[^\n]*?)\b\1\b(?![ \t]*==)",
        r"forall g in values(\1):\2\1 == g",
        "a quantifier has a name, and a set behind `in`",
    ),
    _row(
        r"((?:<=|>=|==)[ \t]*NUM)[ \t]+(?:with[ \t]+)?(?:weight|penalty|weighted)[ \t]*[=:]?[ \t]*"
        r"(?:by[ \t]+)?(NUM)",
        r"\1 soft(weight=\2)",
        "a requirement with a weight is a preference: `soft`",
    ),
    _row(
        r"\b(by|using)[ \t]+(WORD)(?:[ \t]*,|[ \t]+with|[ \t]+where)[ \t]+(WORD[ \t]*=.*?)[ \t]*$",
        r"\1 \2(\3)",
        "settings of `{2}` stand behind it in `( )`",
    ),
    _row(
        r"^([ \t]*)model[ \t]*=[ \t]*",
        _named,
        "a model has a name",
    ),
    _row(
        r"^[ \t]*data(?:set)?[ \t]*=[ \t]*(?=WORD\()",
        "data train(x, y) = ",
        "a dataset has a name, and columns",
    ),
    _row(
        r"(?<=[(,])([ \t]*)(nesterov|amsgrad)\b(?![ \t]*=)",
        r"\1\2=true",
        "a setting is written with its value",
    ),
    _row(
        r"(?P<head>^[ \t]*verify[ \t].*?\bon[ \t]+WORD)[ \t]*,?[ \t]*(?:with\b|at\b)?[ \t]*"
        r"(?P<word>confidence|significance|significance level|alpha|level)?[ \t]*[=:]?[ \t]*"
        r"(?P<value>\d+(?:\.\d+)?%?)[ \t]*(?:confidence|sure)?[ \t]*$",
        _sure,
        "how sure a verdict is stands behind `with confidence`",
        "CS1",
    ),
    _row(
        r"^[ \t]*verify[ \t]*\([ \t]*(?P<what>WORD(?:[ \t]*,[ \t]*WORD)*?)[ \t]*(?:,|on)[ \t]*"
        r"(?:on[ \t]*=[ \t]*|data[ \t]*=[ \t]*)?(?P<data>WORD)[ \t]*"
        r"(?:,[ \t]*(?:confidence[ \t]*=[ \t]*)?(?P<sure>\d+%))?[ \t]*\)",
        _verified,
        "what is verified is a line of words",
    ),
    _row(
        r"(^[ \t]*data[ \t]+WORD)[ \t]*:?[ \t]+(WORD(?:[ \t]*,[ \t]*WORD)+)[ \t]*(?==|$)",
        r"\1(\2) ",
        "columns stand in `( )` behind their dataset",
    ),
    _row(
        r"\bsplit[ \t]*=[ \t]*\"?(\d+%?(?:[ \t]*[/:-][ \t]*\d+%?)+)\"?",
        _shares,
        "shares are a list in brackets",
    ),
    _row(
        r"(?<=\.)(sample|grid)\([ \t]*WORD[ \t]*=[ \t]*(\w+)[ \t]*\)",
        r"\1(\2)",
        "the number of points has no name",
    ),
    _row(
        r"\bfor(all)?[ \t]+(WORD(?:[ \t]*,[ \t]*WORD)+)[ \t]+in[ \t]+(?=WORD\.|pairs\(|WORD\])",
        lambda m: f"for{m[1] or ''} ({m[2]}) in ",
        "several names stand in `( )`",
    ),
    _row(
        r"\bdiff\((WORD),[ \t]*([a-z])(\2+)\)",
        _parts,
        "a variable is named as often as it is differentiated by",
    ),
    _row(
        rf"{_HEAD}(?P<all>[^\n]*?\b(?P<word>[A-Z]\d?)\b[^\n]*?)[ \t]*$".replace("?P<all>", ""),
        _each_weight,
        "",
        "CS201",
    ),
    _row(
        r"\bforall[ \t]*\([ \t]*(WORD)[ \t]*,[ \t]*(WORD)[ \t]*\)[ \t]+in[ \t]+pairs\((WORD)\)",
        r"forall \1 in values(\3), \2 in values(\3) where \1 != \2",
        "`pairs` are of examples; pairs of groups are two names",
        "CS302",
    ),
    _row(
        r"\bschedule[ \t]*=[ \t]*(?P<word>WORD)(?:\((?P<in>[^()\n]*)\))?(?P<between>[^()\n]*?)[ \t]*,"
        r"[ \t]*(?P<name>(?:warmup|final|hold|follow)[ \t]*=[ \t]*[^,()\n]+)",
        _scheduled,
        "a setting of the schedule stands behind its word",
    ),
    _row(
        r"(\bvar[ \t]+WORD[ \t]*(?:\[[^\]\n]*\])?)[ \t]+(?:on[ \t]+|of[ \t]+|:[ \t]*)?"
        rf"({_SETS})\b",
        r"\1 in \2",
        "a set stands behind `in`",
    ),
    _row(
        r"^[ \t]*using[ \t]+(WORD)(\((?:IN)*\))?[ \t]*$",
        _dual,
        "`{1}` is a dual step: a setting of `lagrangian`",
        "CS501",
    ),
    _row(
        r"^[ \t]*using[ \t]+(WORD)(\((?:IN)*\))?[ \t]*$",
        _optimizer,
        "`{1}` is an optimizer: `fit` takes it",
        "CS501",
    ),
    _row(
        r"\b(WORD)\.(?:layers|weight|kernels|modules|modules_list)\b(?![\w.\[(])",
        lambda m: f"{m[1]}.weights" if m[1] in model_names(m.string) else "",
        "all weights of `{1}` are `{1}.weights`",
        "CS210",
    ),
    _row(
        r"\[[ \t]*([^\[\],\n]+?)[ \t]*,[ \t]*([^\[\],\n]+?)[ \t]*\]",
        r"[\2, \1]",
        "",
        "CS402",
        "CS303",
    ),
    _row(
        r"(NUM)([ \t]*[<>]=[^<>\n]+?[<>]=[ \t]*)(NUM)",
        r"\3\2\1",
        "",
        "CS402",
    ),
    _row(
        r"^([ \t]*(?:s\.t\.[ \t]*)?)[(\[\"]?(WORD)\b[)\]\"]?[ \t]*(?:->|=>|-|\|)?[ \t]*(?=WORD[\[(])",
        _labelled,
        "a label ends with `:`",
    ),
    _row(
        r"[ \t]*(?://|--|%|;)[ \t]*(?=[A-Za-z][\w ,]*$)",
        "  # ",
        "a remark begins with `#`",
        "CS1",
    ),
    _row(
        r"\bin[ \t]+(WORD)\.(?:values|unique|categories|levels|groups)\b(?:\(\))?",
        r"in values(\1)",
        "the values of a column are `values({1})`",
    ),
    _row(
        r"\b([EP]\[)((?:IN)*)\][ \t]+(?:over|in|of|using|for|from|@)[ \t]+(WORD)[ \t]*$",
        r"\1\2 on \3]",
        "the data that are measured stand behind `on`",
    ),
    _row(
        r"\boptimizer[ \t]*=[ \t]*(?P<word>WORD)(?:\((?P<in>[^()\n]*)\))?(?P<between>[^()\n]*?)"
        r"[ \t]*,[ \t]*(?P<name>(?:lr|momentum|weight_decay|betas)[ \t]*=[ \t]*(?:NUM|\[[^\]\n]*\]))",
        lambda m: _scheduled(m).replace("schedule=", "optimizer=", 1),
        "a setting of the optimizer stands behind its word",
    ),
    _row(
        r"\b(using|by)[ \t]+(WORD)_(?:method|solver|algorithm|optimizer)\b",
        r"\1 \2",
        "the method is called `{2}`",
    ),
    _row(
        r"\b(?:multiplier_lr|lambda_lr|lr_lambda|lr_dual|dual_step|dual_step_size|dual_rate"
        r"|dual_learning_rate|multiplier_learning_rate)[ \t]*=[ \t]*(NUM)",
        r"dual=sgd(lr=\1)",
        "how fast multipliers move is a setting of the dual step",
    ),
    _row(
        r"HEAD((?!forall\b|.*[EP]\[)[^\n]*?[<>=]=[^\n]*?)[ \t]+(?:for|when|whenever|if)[ \t]+"
        r"(\w[^\n]*?[<>=]=[^\n]*)$",
        r"\1\3 => \2",
        "what holds under a condition is written `=>`",
    ),
    _row(
        r"[ \t]*(?:∀|\bforall\b|\bfor (?:all|each|every))[ \t]*\w+[ \t]*$",
        "",
        "a relation of vectors holds for all entries",
    ),
    _row(
        r"\bin[ \t]+range\([ \t]*(NUM)[ \t]*,[ \t]*(NUM)[ \t]*\)",
        lambda m: (
            f"in uniform({m[1]}, {m[2]}).sample(100)"
            if re.search(r"^[ \t]*domain\b", m.string, re.MULTILINE)
            else ""
        ),
        "`range` counts whole numbers; points of an interval are drawn",
    ),
    _row(
        r"\b(?:let|def)[ \t]+(WORD)[ \t]*=[ \t]*lambda[ \t]+([\w, \t]*):[ \t]*",
        r"let \1(\2) = ",
        "`lambda` is Python: what a function takes stands behind its name",
    ),
)


def rewrites(source: Source, first: Diagnostic) -> Iterator[Rewrite]:
    """What a line may have meant, by the rows that fit it, the most specific first."""
    text = source.text
    start = text.rfind("\n", 0, first.span.start) + 1
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    yield from _of_the_spec(source, first)
    for row in ROWS:
        if row.codes and not first.code.startswith(row.codes):
            continue
        for match in row.pattern.finditer(text, start):
            if match.start() > end:
                break
            new = match.expand(row.make) if isinstance(row.make, str) else row.make(match)
            if (new or row.make == "") and new != match[0] and not match[0].startswith("#"):
                yield Rewrite(Span(*match.span()), new, _said(row.message, match))


def _said(message: str, match: re.Match[str]) -> str:
    for group in re.findall(r"\{(\w+)\}", message):
        value = match[int(group) if group.isdigit() else group] or ""
        message = message.replace(f"{{{group}}}", value.strip())
    return message


def _of_the_spec(source: Source, first: Diagnostic) -> Iterator[Rewrite]:
    """Edits that other lines of the spec tell: a name that it takes, a second objective."""
    for make in (_renamed, _added_column, _one_objective, _on_an_axis, _each_entry, _left_out):
        found = make(source.text, first, source.slice(first.span))
        if found is not None:
            yield found


def _renamed(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`param pi = 0.3`, `param max-rate`: the name gets a form of its own wherever it stands."""
    if first.code == "CS106":
        dashed = re.match(r"(?:param|var|let)[ \t]+([A-Za-z]\w*(?:-[A-Za-z]\w*)+)", word)
        old = dashed[1] if dashed else ""
        new = old.replace("-", "_")
    else:
        old, new = (word, f"{word}_") if first.code == "CS209" else ("", "")
    places = [m.span() for m in re.finditer(rf"(?<![\w.]){re.escape(old)}(?![\w(])", text)]
    if not old or not places:
        return None
    span = Span(places[0][0], places[-1][1])
    whole = re.sub(rf"(?<![\w.]){re.escape(old)}(?![\w(])", new, text[span.start : span.end])
    return Rewrite(span, whole, first.message)


_DATA_LINE = re.compile(r"the `data` line: `(?:data )?(\w+)\(([^()`]*)\)`")
_TARGET = re.compile(r"(\w+)\(([^()\n]*)\)")


def _added_column(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """A column, or a dataset, that the line of the data lacks."""
    told = next((m for h in first.helps for m in [_DATA_LINE.search(h)] if m), None)
    line = re.search(r"^[ \t]*data[ \t]+[^=\n]*", text, re.MULTILINE)
    if told is None or line is None or first.fixes:
        return None
    targets = list(_TARGET.finditer(text, line.start(), line.end()))
    names = [target[1] for target in targets]
    if not targets:
        return None
    span = Span(targets[0].start(), targets[-1].end())
    if told[1] in names:
        new = ", ".join(f"{t[1]}({t[2]}, {word})" for t in targets)
    else:
        new = f"{text[span.start : span.end]}, {told[1]}({targets[0][2]})"
    return Rewrite(span, new, first.message)


def _one_objective(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """Two objectives are one sum, of what is made small."""
    before = [label.span for label in first.related]
    if first.code != "CS409" or len(before) != 1 or before[0].start > first.span.start:
        return None
    head, rest = text[before[0].start : before[0].end], text[before[0].end : first.span.start]
    one, two = head.split(maxsplit=1), word.split(maxsplit=1)
    if len(one) < 2 or len(two) < 2 or one[1] == two[1]:
        return None
    added = f"+ {two[1]}" if one[0] == two[0] else f"- ({two[1]})"
    whole = f"{one[0]} {one[1]} {added}{rest.rstrip()}"
    return Rewrite(Span(before[0].start, first.span.end), whole, first.message)


def _each_entry(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`x[i] >= 1`, `forall i: x[i] >= 1`: the index goes over the entries of the variable."""
    if first.code not in ("CS201", "CS137"):
        return None
    start = text.rfind("\n", 0, first.span.start) + 1
    line = re.compile(_HEAD + r"(?:forall[ \t]+\w+[ \t]*:[ \t]*)?([^\n]*)", re.M).match(text, start)
    index = word.split()[-1] if word.split() else ""
    of = re.search(rf"\b(\w+)\[{re.escape(index)}\b", line[2]) if line and index else None
    size = of and re.search(rf"^[ \t]*(?:var|param)[ \t]+{of[1]}[ \t]*\[(\w+)\]", text, re.M)
    if line is None or not size or "forall" in line[2] or " for " in line[2]:
        return None
    new = f"{line[1]}forall {index} in range({size[1]}): {line[2]}"
    return Rewrite(Span(*line.span()), new, f"what `{index}` counts stands behind `forall`")


def _left_out(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """A method that can't be used, a second line of settings, a second length of a run."""
    start, end = first.span
    if first.code == "CS531":
        start -= len(re.search(r"[ \t]*,?[ \t]*\Z", text[:start])[0])  # type: ignore[index]
    elif first.code == "CS521":
        by = re.search(r"(?:[ \t]+by|^[ \t]*using)[ \t]+\Z", text[:start], re.MULTILINE)
        end = end if by is None else len(text[:end] + _BRACKET.match(text, end)[0])  # type: ignore[index]
        start = start if by is None else by.start()
    elif first.code != "CS508" or not first.helps[0].startswith("remove one"):
        return None
    return Rewrite(Span(start, end), "", first.message)


_BRACKET = re.compile(r"(?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\))?")


def _on_an_axis(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`u(0, x) == 0` without a quantifier: points of the axis of the domain are drawn."""
    if first.code != "CS201":
        return None
    for domain in re.finditer(
        r"^[ \t]*domain[ \t]+\w+\(([^()\n]*)\)[ \t]*=[ \t]*box\((.*)\)", text, re.M
    ):
        axes = [axis.strip() for axis in domain[1].split(",")]
        ends = re.findall(r"\[([^\[\]]*)\]", domain[2])
        if word in axes and len(ends) == len(axes):
            start = text.rfind("\n", 0, first.span.start) + 1
            line = re.compile(_HEAD + r"([^\n]*)", re.MULTILINE).match(text, start)
            if line is None or "forall" in line[0]:
                return None
            points = f"uniform({ends[axes.index(word)].strip()}).sample(100)"
            message = f"`{word}` has no value here: a condition holds for each of its points"
            new = f"{line[1]}forall {word} in {points}: {line[2].lstrip()}"
            return Rewrite(Span(*line.span()), new, message)
    return None


__all__ = ["ROWS", "Rewrite", "rewrites"]

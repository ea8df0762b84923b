"""Requirements as sentences: `keep density(f) below 50%`, `P[pred == 1] same across sex`, `weights
quantized to 8 bits`, `early stopping(5)`, `minimize 1/n sum_i loss(f(x_i), y_i)`."""

import re
from functools import partial

from cspec.dsl.mistakes.foreign.rows import REMOVE, Template, row
from cspec.dsl.text.defined_names import model_names
from cspec.dsl.words.losses import LOSSES

_HEAD = r"(?P<head>(?:s\.t\.|subject~to)~)?"
_LABEL = r"(?P<label>[A-Za-z_]\w* : )?"
_REST = r"[^#\n:,]*[^#\n:,; \t]"
_REQUIRE = (
    "assert|require|ensure|keep|force|enforce|limit|bound|restrict|hold|demand|need|constraint"
    "|requirement|guarantee|maintain|make|want|impose|constrain|set"
)
_ACROSS = r"(?:across|over|for|between|in|among|on|by|of)~(?:all~|each~|every~|the~)?"
_GROUPS = rf"{_ACROSS}(?P<column>[A-Za-z_]\w*)(?:~groups?)?"
_RATE = r"(?P<rate>[EP]\[[^\]\n|]*)(?:\|(?P<given>[^\]\n]*))?\]"
_BELOW = "to|at|below|under|within|at~most|up~to"


def _limited(match: re.Match[str]) -> str:
    """`keep density(f) below 50%`."""
    mark = ">=" if match["word"] in ("above", "over", "at least") else "<="
    return f"{{st}}{{head}}{{expr}} {mark} {{value}}"


def _same(match: re.Match[str]) -> str:
    """`P[pred == 1] same across sex`."""
    given = f", {match['given'].strip()}" if match["given"] else ""
    rate = match["rate"].rstrip()
    return f"{{st}}{{head}}{{label}}gap({rate} | {match['column']}{given}]) <= 5%"


def _gap(match: re.Match[str]) -> str:
    """`difference of P[pred == 1] between sex <= 5%`, with the bound that is written."""
    return _same(match).replace(" <= 5%", match["rest"] or " <= 5%")


def _each_weight(held: str) -> Template:
    """What holds each weight of the model that is named, or of that of the text."""

    def constraint(match: re.Match[str]) -> str:
        named, models = match["model"] or "", model_names(match.string)
        model = named if named in models or not models else models[0]
        members = held.format(**match.groupdict())
        return f"{{st}}{{head}}{{label}}forall W in {model}.weights: W in {members}"

    return constraint


def _mean(match: re.Match[str]) -> str | None:
    """`1/n sum_i loss(f(x_i), y_i)`: the mean over the data, not a sum over entries of a `var`."""
    entries = "|".join(re.findall(r"(\w+)_\{?i\b", match["body"]))
    if entries and re.search(rf"^[ \t]*var[ \t]+(?:{entries})\b", match.string, re.MULTILINE):
        return ""
    body = re.sub(r"(\w)_(?:\{i\}|i\b)", r"\1", match["body"])
    if body == match["body"] or body.count("(") != body.count(")"):
        return None
    return f"{match['word']} E[{body}]"


def _verified(match: re.Match[str]) -> str:
    what = match["what"] or "all"
    return f"verify {what} on {match['data']}"


def _label_of(match: re.Match[str]) -> str | None:
    """`verify P[pred == 0] >= 5% on test`: the label of the constraint that says so."""
    said = re.sub(r"\s+", "", match["expr"])
    for line in re.finditer(r"^[ \t]*(?:s\.t\.[ \t]*)?(\w+):([^#\n]*)", match.string, re.MULTILINE):
        if re.sub(r"\s+", "", line[2]) == said:
            return f"verify {line[1]} on {match['data']}"
    return None


def _verified_each(match: re.Match[str]) -> str:
    names = re.split(r"[ \t]*(?:,|and\b|&)[ \t]*", match["names"])
    return "\n".join(f"verify {match['what']} on {name}" for name in names)


def _products(match: re.Match[str]) -> str:
    columns = re.findall(r"values\([ \t]*(\w+)[ \t]*\)", match["product"])
    return (
        f"{{st}}{{head}}{{label}}forall {match['names']} in cross({', '.join(columns)}): {{body}}"
    )


def _ordered(match: re.Match[str]) -> str:
    a, b, of = match["a"], match["b"], match["of"]
    where = f"{a} {match['mark']} {b}"
    return f"{{st}}{{head}}{{label}}forall {a} in {of}, {b} in {of} where {where}: {{body}}"


def _worst(match: re.Match[str]) -> str:
    expr = match["expr"]
    if expr in LOSSES:
        expr = f"{expr}({next(iter(model_names(match.string)), 'f')}(x), y)"
    return f"{{head}}cvar({expr}, {100 - float(match['share']):g}%){{rest}}"


def _every(match: re.Match[str]) -> str:
    epochs = match["unit"].startswith("epoch")
    return "{head}" + (f"epochs({match['count']})" if epochs else match["count"]) + "{rest}"


def _over(match: re.Match[str]) -> str:
    """`minimize ce over f`: what moves is not said; over data it is a mean."""
    data = rf"^[ \t]*data\b[^#\n=]*\b{re.escape(match['names'])}[ \t]*\("
    if re.search(data, match.string, re.MULTILINE):
        return "{word} E[{expr} on {names}]"
    return "{word} {expr}"


_worded = partial(row, code="CS120")
"""A row for words that a spec writes in another form."""

PROSE = (
    row(
        r"verify~(?P<expr>[^#\n]*[\[\(<>=][^#\n]*[^#\n \t])~on~(?P<data>\w+)",
        "behind `verify` stand labels of constraints",
        _label_of,
        help="write `verify all on {data}`, or give its constraint a label and write that",
        code="CS101",
    ),
    row(
        r"verify~(?P<what>\w+(?: , \w+)*)~on~(?P<names>\w+(?: (?:,|and\b|&) \w+)+)",
        "a `verify` line is about one data set",
        _verified_each,
        code="CS101",
    ),
    row(
        r"(?P<word>minimize|maximize)~(?P<expr>(?:(?!\bs\.t\.|\bsubject\b|\bfor)[^#\n])*"
        r"[^#\n \t])~(?:over|wrt|w\.r\.t\.)~"
        r"(?P<names>\w+(?:\.\w+)?(?: , \w+)*)",
        "over what is optimized is not said: every `var` and every model moves",
        _over,
        code="CS119",
    ),
    _worded(
        r"(?P<word>minimize|maximize)~(?P<expr>[a-z]\w*(?:\([^#\n]*?\))?)~(?:where|when|if|given|for)~"
        r"(?P<cond>\w+ (?:==|!=|<=|>=|<|>) [^#\n]*[^#\n; \t])",
        "a mean over some of the examples has its condition behind `|`",
        "{word} E[{expr} | {cond}]",
    ),
    _worded(
        rf"{_HEAD}{_LABEL}forall~(?P<names>\([\w, ]*\)|\w+ , \w+)~in~(?P<product>values\( \w+ \)"
        r"(?: (?:[xX×*@,&]|and) values\( \w+ \))+) : (?P<body>[^#\n]*[^#\n; \t])",
        "every combination of the values of columns is `cross`",
        _products,
    ),
    row(
        rf"{_HEAD}{_LABEL}forall~(?P<a>[A-Za-z]\w*) (?P<mark>!=|<=|>=|<|>) (?P<b>[A-Za-z]\w*)~in~"
        r"(?P<of>[^#\n:]*[^#\n: \t]) : (?P<body>[^#\n]*[^#\n; \t])",
        "two names go over a set each, and are compared behind `where`",
        _ordered,
        code="CS137",
    ),
    row(
        rf"{_HEAD}{_LABEL}forall~(?P<a>[A-Za-z]\w*) (?:[~∼]|\\sim)"
        r" (?P<of>(?:uniform|normal)\([^#\n:]*\)) : (?P<body>[^#\n]*[^#\n; \t])",
        "a quantifier goes over points that are drawn: `in ... .sample(n)`",
        "{st}{head}{label}forall {a} in {of}.sample(50): {body}",
        code="CS137",
    ),
    row(
        rf"{_HEAD}(?P<a>[A-Za-z]\w*)~in~"
        r"(?P<of>\w+\.(?:weights|params)|range\( \w+ \)|values\( \w+ \)) : "
        r"(?P<body>[^#\n]*[^#\n; \t])",
        "`forall` is missing before a quantifier",
        "{st}{head}forall {a} in {of}: {body}",
        code="CS137",
    ),
    _worded(
        r"(?P<head>[^#\n]*?)E\[ (?P<expr>[^\[\]|\n]*[^\[\]|\n ]) \| (?:the~)?"
        r"(?:worst|top|highest|hardest|largest)~(?P<share>[\d.]+) %(?: of [\w ]+)? \]"
        r"(?P<rest>[^#\n]*)",
        "the mean of the worst examples is `cvar`",
        _worst,
    ),
    row(
        r"(?P<head>using~\w+\([^#\n]*\bevery = )(?P<count>\d+)~?(?P<unit>epochs?|steps?)"
        r"(?P<rest>[^#\n]*\))",
        "how often is a number of steps, or `epochs(n)`",
        _every,
        code="CS136",
    ),
    _worded(
        r"verify~(?:all~)?(?:the~)?(?:constraints|requirements|everything)~on~(?P<data>\w+)",
        "all constraints are `all`",
        "verify all on {data}",
    ),
    _worded(
        r"verify~on~(?P<data>\w+) : (?P<what>\w+(?: , \w+)*)",
        "what is verified stands before its data",
        "verify {what} on {data}",
    ),
    _worded(
        r"(?:record|log|track|report|monitor|print)~(?P<name>[A-Za-z_]\w*) (?:=|:)"
        r" (?P<value>[^#\n=][^#\n]*[^#\n; \t])",
        "what is recorded is a `metric`",
        "metric {name} = {value}",
    ),
    _worded(
        r"metric~(?P<name>\w+) \( (?P<data>train|val|test) \) = (?P<value>[EP]\[[^\]#\n]*)\]",
        "where a metric is measured stands behind `on`, in its brackets",
        "metric {name} = {value} on {data}]",
    ),
    _worded(
        rf"{_HEAD}{_LABEL}(?P<rate>[EP]\[[^\]|#\n]*)\](?P<rest> [<>=]= [\d.]+%?)~"
        r"(?:for|where|if|when|given)~(?P<given>\w+ (?:==|!=|<=|>=|<|>) [^#\n;]*[^#\n; \t])",
        "over which examples a rate goes stands behind `|`, in its brackets",
        "{st}{head}{label}{rate} | {given}]{rest}",
    ),
    row(
        rf"{_HEAD}{_LABEL}(?P<body>[^#\n]*[<>=]=[^#\n]*[^#\n \t])~for~(?:all|each|every)"
        r"(?:~entries|~entry)?",
        "a relation of vectors holds for every entry",
        "{st}{head}{label}{body}",
        code="CS122",
    ),
    row(
        r"(?:freeze|fix|lock)~(?P<name>[A-Za-z_]\w*)",
        "`{name}` does not move where its line says `frozen`",
        help="remove the line, and write `model {name} = frozen(...)` of the model that it copies",
        code="CS101",
    ),
    row(
        rf"{_HEAD}{_LABEL}(?:keep|limit|restrict|bound|hold|cap|constrain)~"
        rf"(?P<expr>[^#\n<>=]*[^#\n<>= \t])~(?P<word>{_BELOW}|above|over|at~least)~"
        r"(?P<value>[-+]?[\d.]+%?)",
        "a requirement is a relation",
        _limited,
        code="CS128",
    ),
    row(
        rf"(?P<word>{_REQUIRE})~(?:that~)?(?P<expr>[^#\n:,]*(?:[<>]=?|\bin\b){_REST})",
        "`{word}`: constraints stand below `s.t.`, one a line",
        "{st}{expr}",
        code="CS128",
    ),
    _worded(
        rf"{_HEAD}{_LABEL}{_RATE} (?:is~|are~|be~|must~be~)?(?:the~)?"
        rf"(?:same|equal|identical|constant|similar|balanced)~{_GROUPS}",
        "that a rate is the same in all groups is a small `gap`",
        _same,
        safe=False,
    ),
    _worded(
        rf"{_HEAD}{_LABEL}(?:difference|gap|disparity|differences)~(?:in|of)~{_RATE}~{_GROUPS}"
        r"(?P<rest> (?:<=|<) [\d.]+%?)?",
        "the largest difference between groups is a `gap`",
        _gap,
        safe=False,
    ),
    _worded(
        rf"{_HEAD}{_LABEL}(?:difference|gap|disparity|differences)~{_GROUPS}~(?:in|of)~{_RATE}"
        r"(?P<rest> (?:<=|<) [\d.]+%?)?",
        "the largest difference between groups is a `gap`",
        _gap,
        safe=False,
    ),
    _worded(
        rf"{_HEAD}{_LABEL}(?:pred|predictions?)~(?:is~|are~)?independent~(?:of|from)~"
        r"(?P<column>[A-Za-z_]\w*)",
        "that predictions do not depend on a column is a small `gap` of their rates",
        "{st}{head}{label}gap(P[pred == 1 | {column}]) <= 5%",
        safe=False,
    ),
    _worded(
        rf"{_HEAD}{_LABEL}(?:(?P<model>\w+)(?:\.weights)?~)?(?:weights~)?(?:are~|is~)?"
        r"(?:quantized|quantised|rounded)~(?:to~)?(?P<bits>\d+)[ -]?bits?",
        "quantized weights lie on a grid",
        _each_weight("grid(bits={bits})"),
    ),
    _worded(
        rf"{_HEAD}{_LABEL}(?:(?P<model>\w+)(?:\.weights)?~)?(?:is~|are~)?(?P<n>\d+):(?P<m>\d+)"
        r"(?:[ -](?:sparse|sparsity|pruned))",
        "N of M in a row is the set `nm`",
        _each_weight("nm({n}, {m})"),
    ),
    row(
        rf"{_HEAD}{_LABEL}(?:(?P<model>\w+)\.)?weights~(?:lie~|are~)?(?:on|in)~(?:the~)?"
        r"(?P<set>simplex|stiefel|nonneg|box)",
        "a set holds one weight at a time",
        _each_weight("{set}"),
        code="CS302",
    ),
    row(
        rf"{_HEAD}{_LABEL}forall~(?P<model>[A-Za-z_]\w*)\.weights : (?P<body>[^#\n]*[^#\n; \t])",
        "a quantifier names what it runs over",
        "{st}{head}{label}forall W in {model}.weights: {body}",
        code="CS137",
    ),
    _worded(
        r"early[_ -]?stop(?:ping)? (?:\(? (?:patience = )?(?P<count>\d+)(?:~epochs?)? \)?|\( \))",
        "when a run ends early, `stop when` says",
        lambda m: f"stop when stalled(epochs={m['count'] or 5})",
    ),
    _worded(
        r"stop~(?:when|if|once)~(?:all~|every~)?(?:the~)?(?:constraints?|requirements?)~"
        r"(?:are~|is~)?(?:all~)?(?:hold|holds|met|satisfied|feasible|fulfilled)",
        "that all requirements hold is one word",
        "stop when feasible",
    ),
    _worded(
        r"(?P<word>test|check|evaluate|validate|eval)~(?:(?P<what>all|[a-z]\w*)~)?on~"
        r"(?P<data>[A-Za-z_]\w*)",
        "on which data requirements are judged, `verify` says",
        _verified,
    ),
    row(
        r"verify~(?P<what>\w+(?: , \w+)*)~(?:after|at~the~end~of|when|at)~(?:training|end|fit|run)",
        "`verify` says on which data; when is no question: at the end of each run",
        REMOVE,
        help="remove the line, or write `verify {what} on test`",
        code="CS102",
    ),
    row(
        r"(?P<word>minimize|maximize)~(?:\\frac\{1\}\{[nNmM]\}|\(?1 / [nNmM]\)?)? \*? "
        r"(?:\\?sum(?:_?\{i(?: (?:=|in|\\in)[^{}\n]*)?\}|_i)?(?:\^(?:\w|\{\w\}))?)~?"
        r"(?P<body>[^#\n]*_(?:i\b|\{i\})[^#\n]*[^#\n; \t])",
        "a sum over the examples is their mean, `E[...]`",
        _mean,
        code="CS125",
        safe=False,
    ),
    row(
        r"(?P<word>minimize|maximize)~(?:over|wrt|w\.r\.t\.|with~respect~to)~\w+(?: , \w+)* [:,]? "
        r"(?P<expr>[^#\n]*[^#\n; \t])",
        "over what is optimized is not said: every `var` and every model moves",
        "{word} {expr}",
        code="CS119",
    ),
    row(
        r"\$? \\(?P<word>min|max)(?:_\{[^{}\n]*\}|_\w+)? \$?~?(?P<expr>[^#\n$]*[^#\n;$ \t]) \$?",
        "`\\{word}` is LaTeX; a spec writes the word",
        lambda m: f"{m['word']}imize {{expr}}",
        code="CS125",
    ),
    row(
        _HEAD + _LABEL + r"(?P<expr>[^#\n]*(?:==|<=|>=)[^#\n;]*?) , "
        r"(?:tol|tolerance|atol|eps|epsilon) ?= ?(?P<value>\d[\d.eE+-]*)",
        "a tolerance stands behind `within`",
        "{st}{head}{label}{expr} within {value}",
        code="CS115",
    ),
    row(
        _HEAD + _LABEL + r"(?P<expr>[^#\n]*\bin~(?:rank|nuclear|spectral|sparse|density|nm))"
        r" <=? (?P<value>\d[\d.]*%?)",
        "the size of a set stands in `( )` behind its word",
        "{st}{head}{label}{expr}({value})",
    ),
    row(
        _HEAD + _LABEL + r"forall \( (?P<i>\w+) , (?P<j>\w+) \)~in~"
        r"(?P<first>range\([^#\n()]*\)) , (?P<second>range\([^#\n()]*\)) :"
        r" (?P<expr>[^#\n]*[^#\n; \t])",
        "each name has a set of its own",
        "{st}{head}{label}forall {i} in {first}, {j} in {second}: {expr}",
        code="CS121",
    ),
    row(
        _HEAD + r"(?P<expr>[^#\n]*(?:==|<=|>=)[^#\n;]*[^#\n; \t])"
        r" \\label\{ ?(?P<name>[A-Za-z_]\w*) ?\}",
        "a label stands first, with a `:`",
        "{st}{head}{name}: {expr}",
        code="CS126",
    ),
)
"""What people say of a model in a sentence of their own."""

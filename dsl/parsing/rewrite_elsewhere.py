"""Rows of rates, groups, pairs, draws and solutions as other tools write them.

gap(P[pred == 1 | sex * race])   ->   gap(P[pred == 1 | sex, race])
gap(FPR[sex])                    ->   gap(P[pred == 1 | sex, y != 1])
for a, b in train x train        ->   for (a, b) in pairs(train)
for e in N(0, 0.1)               ->   for e in normal(0, 0.1)
A \\ b                            ->   inv(A) @ b
"""

import re

from cspec.dsl.kinds.by_group import measured
from cspec.dsl.messages.synonyms import RATES, meant
from cspec.dsl.messages.wording import split_arguments
from cspec.dsl.parsing.rewrite_forms import (
    METHOD_WORDS,
    any_of,
    columns_of,
    declared,
    row,
    where_known,
)
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.settings.record_findings import word_elsewhere
from cspec.dsl.text.defined_names import defined_data, defined_names, model_names
from cspec.dsl.words.functions import SIGNATURES
from cspec.dsl.words.losses import LOSSES

_BETWEEN = r"[*+:×/&@∩∧⊗,-]+|(?<=\s)(?:x|by|cross|with)(?=\s)"
_RATES = any_of(RATES)
_TIMES = r"(?:\*|x|×|@|⊗|,)"


def _crossed(match: re.Match[str]) -> str:
    """`| sex * race]`: groups of two columns, where both are columns of the data."""
    names = [name.strip() for name in re.split(_BETWEEN, match["all"])]
    groups = {*columns_of(match.string)} - {"x", "y"}
    closed = (match["open"] or "").strip() + (match["close"] or "").strip()
    return f"{match['head']}{', '.join(names)}" if {*names} <= groups and closed in _CLOSED else ""


_CLOSED = frozenset({"", "()", "[]", "{}"})


def _by_group(match: re.Match[str]) -> str:
    """`FPR[sex]`, `TPR(sex == "F")`, `TNR_race`: the rate under conditions of its own."""
    parts = split_arguments(match["in"])
    groups = {*columns_of(match.string)} - {"x", "y"}
    own = match["word"] in defined_names(match.string)
    if len(groups) == 1:  # of one column of groups, a text alone is a value
        parts = [f"{min(groups)} == {p}" if p.startswith('"') else p for p in parts]
    told = all(part in groups or re.search(r"[<>=!]=|\bin\b", part) for part in parts)
    return measured(match["word"], parts) if told and not own else ""


def _paired(match: re.Match[str]) -> str:
    """`for a, b in train x train`: pairs of a dataset of the spec."""
    data = match["data"]
    known = data in (*defined_data(match.string), "train")
    if re.search(rf"\([^()]*\)[ \t]+in[ \t]+{re.escape(data)}$", match[0]):
        return ""  # two columns of one example, or two examples: said by itself
    return f"{match['q']} ({match['a']}, {match['b']}) in pairs({data})" if known else ""


def _counted(match: re.Match[str]) -> str:
    """`nnz(net) <= 2000`, `net.nnz() <= 20%`: how many numbers of a model are not 0, or their
    share."""
    parts = match.groupdict()
    of, word = parts["of"] or parts["own"], parts.get("word") or parts.get("part") or "l0"
    known = meant(word)
    models = model_names(match.string) or ("model",)
    if known is None or known.word != "params" or of not in models:
        return ""
    return f"{'density' if match['bound'].endswith('%') else 'params'}({of})"


_DRAWN = (
    (re.compile(r"n|.*(?:gauss|normal|randn|rnorm|noise).*"), "normal"),
    (re.compile(r"u|.*(?:unif|rand(?!n)).*"), "uniform"),
)
"""Distributions by their names elsewhere."""
_SIZE = re.compile(r"(?:size|shape|n|num|count)[ \t]*=|I$|\w+\.shape$")
_VALUE = re.compile(r"(?:loc|mean|mu|low|a|min|scale|std|sd|sigma|high|b|max)[ \t]*=[ \t]*")

_SECOND = ("scale", "std", "sd", "sigma", "high", "b", "max")
_OF_A_VARIANCE = frozenset({"n", "gaussian", "normal"})
"""Distributions of mathematics: their second number is a variance where it is a square."""
_SQUARE = re.compile(r"(\w[\w.]*)[ \t]*(?:\^|\*\*)[ \t]*2")


def _distribution(match: re.Match[str]) -> str:
    """`N(0, 0.1)`, `np.random.uniform(-1, 1, size=3)`: what is drawn, and for `forall` how often.

    `randn(...)` of sizes alone is drawn around 0.
    """
    word = match["word"].lower().rpartition(".")[2]
    ours = next((meant for name, meant in _DRAWN if name.fullmatch(word)), "")
    given = split_arguments(match["in"].replace(";", ","))
    if not ours or match["word"] in SIGNATURES or match["word"] in defined_names(match.string):
        return ""
    told = [part for part in given if part and not _SIZE.match(part)]
    told.sort(key=lambda part: part.startswith(_SECOND) and "=" in part)
    ends = [_VALUE.sub("", part) for part in told]
    if len(ends) == 1:  # a size, examples of that shape, or a deviation
        spread = ours == "normal" and re.fullmatch(r"0?\.\d+|\d+/\d+", ends[0])
        ends = ["0", ends[0]] if spread else []
    if len(ends) > 2:
        return ""
    variance = _SQUARE.fullmatch(ends[-1]) if ends and word in _OF_A_VARIANCE else None
    ends = [ends[0], variance[1]] if variance else ends
    drawn = f"{ours}({', '.join(ends) or '0, 1'})"
    points = "" if match["head"].startswith(("for ", "=")) else ".sample(100)"
    return f"{match['head']}{drawn}{points}"


_FACTOR = r"(?:WORD(?:\.\w+)*(?:\((?:IN)*\))?|\((?:IN)+\))"


def _solved(match: re.Match[str]) -> str:
    """`A \\ b`, `solve(A, b)`, `A^-1 b`: the inverse times what stands behind it."""
    matrix, right = match["of"].strip(), match["right"].strip()
    whole = matrix[1:-1] if matrix.startswith("(") else matrix
    turned = ".T" if match.groupdict().get("prime") else ""
    plain = re.fullmatch(r"[\w.]+(?:\([^()]*\))?|\(.*\)", right)
    head = re.match(r"[A-Za-z]\w*", right)
    if head and head[0] not in {*defined_names(match.string), *SIGNATURES}:
        return ""  # a command of LaTeX
    return f"inv({whole}{turned}) @ {right if plain else f'({right})'}"


_SETTING = r"WORD (?:=|:) (?:NUM|WORD(?:\((?:IN)*\))?)"


def _method(match: re.Match[str]) -> str:
    """`using method=alm`, `using by lagrangian dual=adam`: the method, its settings in `( )`."""
    said = re.sub(r"[ \t-]+", "_", match["word"].strip()).lower()
    word = said if said in METHODS else word_elsewhere("method", said)
    if (
        word is None
        or (match["open"] or "").strip() + (match["close"] or "").strip() not in _CLOSED
    ):
        return ""
    found = re.findall(r"(\w+)[ \t]*[=:][ \t]*([^\s,;=:()]+(?:\([^()]*\))?)", match["in"] or "")
    settings = ", ".join(f"{name}={value}" for name, value in found)
    return f"{match['head']} {word}{f'({settings})' if settings else ''}"


def _pruned(match: re.Match[str]) -> str:
    """`by magnitude_pruning(amount=0.9)`: the bound says what is kept, and no setting does."""
    made = _method(match)
    return made if match["word"] not in METHODS and " projection" in made else ""


def _measured_often(match: re.Match[str]) -> str:
    """`checkpoint every 5 epochs`: on the data that nothing is trained on."""
    known = defined_data(match.string)
    others = sorted((d for d in known if d != "train"), key=lambda d: (d != "val", d != "test"))
    data = match["data"] or (others or known or ("val",))[0]
    return f"verify all on {data} {match['often']}"


_METHOD = (
    r"(?P<head>^ using\b|(?<=[\w%\])])~by\b) [:=]? "
    r"(?:(?:by|method|solver|algorithm|the|an?|with)\b [:=]? )*"
    r"(?P<word>[A-Za-z_][\w-]*(?:~(?:lagrangian|penalty|projection))?)"
    r"(?: ,|~with\b|~where\b| :)?"
    rf"(?P<open> [\[({{])? (?P<in>{_SETTING}(?:(?: ,|~and)? {_SETTING})*)?"
    r"(?P<close> [\])}])? $"
)


def _objective(match: re.Match[str]) -> str:
    """`loss = ce` in a spec without an objective."""
    chosen = re.search(r"^[ \t]*(?:minimize|maximize|satisfy)\b", match.string, re.MULTILINE)
    return "" if chosen else f"minimize {match['what']}"


def _of_a_pair(match: re.Match[str]) -> str:
    """`P[f(a.x) > f(b.x) | a.y == 1]`: two names that the spec does not know, of two examples."""
    known, inside = {*defined_names(match.string), *SIGNATURES}, match["in"]
    parts = re.findall(r"(?<![\w.])([A-Za-z]\w*)\.(\w+)\b(?!\()", inside)
    names = list(dict.fromkeys(name for name, _ in parts if name not in known))
    columns = {"x", "y", *columns_of(match.string)}
    data = (*defined_data(match.string), "train")[0]
    told = len(names) == 2 and all(column in columns for name, column in parts if name in names)
    bound = re.search(r"\bfor\b", inside)
    return f"{match[0]} for ({', '.join(names)}) in pairs({data})" if told and not bound else ""


_NOT_ZERO = "how many numbers of a model are not 0 is `params`, their share is `density`"
_VALUES = r"(?:'[^'\n]*'|\"[^\"\n]*\"|NUM)"
_DONE = (
    r"\w*(?:checkpoint|save|snapshot|log|eval|print|report|validate|monitor|measure|record|display"
    r"|show|output|dump|board|wandb|track|test|store)\w*"
)

ELSEWHERE_ROWS = (
    row(
        r"\bratio\( (RATE) , (RATE) \)(?! \^)",
        lambda m: "" if m.string[: m.start()].rstrip().endswith("/") else f"{m[1]} / {m[2]}",
        "`ratio` compares the groups of one rate; two rates are compared by their quotient",
    ),
    row(
        rf"(?P<head>(?:\||,) )(?P<open>[(\[{{] )?(?P<all>WORD(?: (?:{_BETWEEN}) WORD)+)"
        r"(?P<close> [)\]}])?(?= (?:[,\]]|on\b))",
        _crossed,
        "`{all}`: groups of several columns have a comma between these",
    ),
    row(
        (
            rf"(?<![\w.])(?P<word>(?i:{_RATES})) [\[({{] (?P<in>(?:IN)+?) [\])}}]",
            (
                rf"(?<![\w.])(?P<word>(?i:{_RATES}))(?:_by_|_per_|_| \| "
                r"|~(?:by|per|for|across|over|within|given)~(?:(?:the|each|every|group|groups)~(?:of~)?)*)"
                r"(?P<in>WORD)(?![\w(])"
            ),
        ),
        _by_group,
        "`{word}` is no word of the language: a rate is `P[...]`, its groups behind `|`",
    ),
    row(
        rf"(?P<head>\b(?:gap|ratio|max|min)\( )(?P<word>(?i:{_RATES})) , "
        r"(?:(?:by|group|groups|sensitive_features|over) = )?(?P<in>WORD)(?= \))",
        lambda m: (form := _by_group(m)) and m["head"] + form,
        "`{word}` is no word of the language: a rate is `P[...]`, its groups behind `|`",
    ),
    row(
        r"\b(?P<q>for(?:all)?)~(?:\( )?(?P<a>WORD) , (?P<b>WORD)(?: \))?~in~(?:(?:WORD\.)*"
        r"(?:cross|product|combinations|permutations|all_pairs|couples|zip|pair|pairs)\( )?"
        rf"(?P<data>WORD)(?: {_TIMES} (?P=data)\b| (?:\^|\*\*) 2\b"
        r"| , (?:(?:r|repeat) = )?2)?(?: \))?(?= [\]:|,])",
        _paired,
        "pairs of examples are `(a, b) in pairs({data})`",
        "CS1 CS2 CS3",
    ),
    row(
        r"\b(?P<q>for)~(?P<a>WORD)~in~(?P<data>WORD)(?: , (?:for~)?|~(?:for|and)~)"
        r"(?P<b>WORD)~in~(?P=data)\b(?= [\]|])",
        _paired,
        "pairs of examples are `(a, b) in pairs({data})`",
        "CS1 CS115 CS2",
    ),
    row(
        r"(?:(?<![\w.])(?:WORD\.)*(?P<word>WORD)\( (?P<of>WORD)(?:\.(?:weights|params|parameters)"
        r"(?:\( \))?)? \)|(?<![\w.])(?P<own>WORD)\.(?P<part>WORD)(?:\( \))?)"
        r"(?= [<>=]=? (?P<bound>NUM))",
        _counted,
        _NOT_ZERO,
        "CS2",
    ),
    row(
        r"(?:\bnorm\( (?P<of>WORD)(?:\.(?:weights|params))? , (?:(?:p|ord) = )?0 \)"
        r"|(?:\|\||‖) (?P<own>WORD)(?:\.(?:weights|params))? (?:\|\||‖)(?:_\{?0\}?|₀))"
        r"(?= [<>=]=? (?P<bound>NUM))",
        _counted,
        _NOT_ZERO,
        "CS1 CS3",
    ),
    row(
        r"(?P<head>\bfor~WORD~in~|\bforall~WORD~in~|= )(?P<word>(?:WORD\.)*WORD)\( "
        r"(?P<in>(?:IN)*?) \)(?!\.)",
        _distribution,
        "`{word}` is no word of the language: drawn are `normal(mean, deviation)` and"
        " `uniform(a, b)`",
        "CS1 CS2",
    ),
    row(
        rf"(?P<of>{_FACTOR})(?P<prime>')? (?:\\|\.\\) (?P<right>{_FACTOR})",
        _solved,
        "what solves `A @ x == b` is `inv(A) @ b`: `\\` is no sign of the language",
    ),
    row(
        rf"(?<![\w.])(?:WORD\.)*(?:solve|lstsq|linsolve|mldivide)\( (?P<of>{_FACTOR}) , "
        r"(?P<right>(?:IN)+?) \)",
        _solved,
        "what solves `A @ x == b` is `inv(A) @ b`",
        "CS2",
    ),
    row(
        r"\b(?P<of>WORD) (?:\^|\*\*) (?:-1|[({] -1 [)}]) [*@]? (?P<right>WORD)\b(?! [(\[.])",
        _solved,
        "the inverse is `inv(A)`, its product `inv(A) @ b`",
        "CS3 CS329",
    ),
    row(
        rf"^with(?=~(?:{METHOD_WORDS})\b)",
        lambda m: "" if re.search(r"^[ \t]*using\b", m.string, re.MULTILINE) else "using",
        "a method for all that the spec requires stands behind `using`",
        "CS120",
    ),
    row(
        rf"^ using~(?P<word>{METHOD_WORDS}) [;,] (?P<in>{_SETTING}(?: [;,] {_SETTING})*) ;? $",
        lambda m: f"using {m['word']}({re.sub(r'[ ]*[;,][ ]*', ', ', m['in'])})",
        "settings of `{word}` stand behind it in `( )`",
        "CS115",
    ),
    row(_METHOD, _pruned, codes="CS501"),
    row(
        _METHOD,
        _method,
        "a method stands behind `using ...` or `by ...` without `:`, its settings in `( )`",
        "CS101 CS103 CS104 CS107 CS120 CS126 CS130 CS131 CS503",
    ),
    row(
        r"(?P<head>^ using\b|(?<=[\w%\])])~by\b)~(?P<word>[A-Za-z_][\w-]*)"
        r"\((?P<in>)(?P<open>)(?:IN)*(?P<close>)\) $",
        _pruned,
        "`{word}` is a name of other tools: the method here has other settings",
        "CS501",
    ),
    row(
        rf"^ (?P<what>{_DONE})(?:~WORD){{0,3}}?(?:~on~(?P<data>WORD))?"
        r"~(?P<often>every~(?:\d+~)?(?:epoch|step)s?) $",
        _measured_often,
        "there is no line `{what}`: what is measured and kept while it trains is a line `verify`",
    ),
    row(
        rf"^ (?P<what>{_DONE})\b(?! [:=(\[])[^\n=<>]*\b(?:every|each)\b[^\n=<>]* $",
        "",
        "there is no line `{what}`: losses and constraints are recorded by themselves",
        "CS1 CS2",
    ),
    row(
        r"^ (?:loss|loss_fn|loss_function|objective|obj|cost|criterion) (?:=|:=?|<-)"
        r" (?P<what>.+?) $",
        _objective,
        "what is made small is a line `minimize`",
        "CS1 CS118 CS136",
    ),
    row(
        r"(?<=[\w\")\]]) \|\| (?=[\w(\"])",
        " or ",
        "either of two conditions is `or`",
        "CS102 CS112 CS124",
    ),
    row(
        r"\b(?P<loss>WORD)\( (?P<truth>WORD) [~] (?P<told>(?:IN)+?) \)",
        lambda m: f"{m['loss']}({m['told']}, {m['truth']})" if m["loss"] in LOSSES else "",
        "`{truth} ~ {told}` is a formula of R: a loss takes what is predicted, then the truth",
        "CS106",
    ),
    row(
        r" , on~(?P<data>WORD)(?= \])",
        " on \\g<data>",
        "`on {data}` belongs to the mean: no comma before it",
        "CS115",
    ),
    row(
        r"~from~(?P<data>WORD)(?= \])",
        where_known(defined_data, "data", r" on \g<data>"),
        "the data of a mean stand behind `on`",
        "CS101",
    ),
    row(
        r"^(?P<head> (?:var|param)\b[^\n]*?\bin~)(?P<low>NUM) \.\.+ (?P<high>NUM) $",
        r"\g<head>[\g<low>, \g<high>]",
        "an interval has two ends in brackets",
        "CS123 CS317",
    ),
    row(
        r"\bin~(?P<of>WORD)\( (?P<n>\d+) \)",
        lambda m: f"in {m['of']}.sample({m['n']})" if declared(m.string, "domain", m["of"]) else "",
        "points of the domain `{of}` are drawn by `{of}.sample({n})`",
        "CS302",
    ),
    row(
        r"(?P<head>[PE]\[)(?P<in>(?:[^\[\]\n]|\[[^\[\]\n]*\])*)(?=\])",
        _of_a_pair,
        "two examples at a time are `for (a, b) in pairs(D)`",
        "CS201",
    ),
    row(
        r"(?P<left>WORD(?:\((?:IN)*\))?) (?P<is>[=!]=) (?P<right>WORD(?:\((?:IN)*\))?|NUM)"
        r" (?P<bound>[<>]=? (?:NUM)) $",
        lambda m: f"P[{m['left']} {m['is']} {m['right']}] {m['bound']}",
        "how often two things agree is a share: `P[...]`",
        "CS111",
    ),
    row(
        r"^ (?P<name>WORD)~data(?= \()",
        "data \\g<name>",
        "`data` stands before the names of the data",
    ),
    row(
        r"(?P<head>\bforall~(?P<g>WORD)~in~values\( (?P<c>WORD) \)[^\n]*?)\[ (?P=c) \]",
        r"\g<head>[\g<g>]",
        "under `forall {g} in values({c})` a table is read by `{g}`",
        "CS305",
    ),
    row(
        rf"\b(?i:in) [(\[{{] (?P<all>{_VALUES}(?: , {_VALUES})*) [)\]}}]",
        lambda m: f"in {{{m['all'].replace(chr(39), chr(34))}}}",
        "values are listed in braces, texts between double quotes",
        "CS101",
    ),
    row(
        r"\b(WORD)\.(?:predict_proba|predict_prob|predict|proba|probs)\( ((?:IN)*?) \)"
        r"\[ : , (\d+) \]",
        r"prob(\1(\2))[\3]",
        "the probability of a class is an entry of `prob`",
    ),
)

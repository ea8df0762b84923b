"""Rows of notations of mathematics and of other modules, where a spec has a form of its own.

E[bce(f(x + e), y), e ~ N(0, 0.2)]   ->   E[bce(f(x + e), y) for e in normal(0, 0.2)]
domain q(x, y) in [0, 1]x[0, 1]      ->   domain q(x, y) = box([0, 1], [0, 1])
q.sample[100]                        ->   q.sample(100)
"""

import re

from cspec.dsl.messages.wording import split_arguments
from cspec.dsl.parsing import rewrite_forms as forms
from cspec.dsl.parsing.rewrite_forms import occurs, put, row, where_known
from cspec.dsl.text.defined_names import defined_data, defined_names, fields, model_names

_NORMS = {
    **dict.fromkeys(("inf", "infinity", "infty", "∞", "oo", "max", "sup", "chebyshev"), "inf"),
    **dict.fromkeys(("2", "2.0", "two", "euclidean", "fro", "frobenius"), "2"),
    **dict.fromkeys(("1", "1.0", "one", "manhattan", "taxicab", "cityblock"), "1"),
}
"""Norms by their words elsewhere, without the `l` before them."""


def _norm(match: re.Match[str]) -> str:
    """`norm="linf"`, `norm=L2`: the norm as its number."""
    word = match["norm"].strip("\"'").lower()
    meant = _NORMS.get(word) or _NORMS.get(re.sub(r"^(?:\\?ell|l)[-_]?", "", word))
    return f"{match['head']}{meant}" if meant else ""


def _derivative(match: re.Match[str]) -> str:
    """`dde.grad.hessian(u, x)`, `torch.autograd.grad(u, t, create_graph=True)[0]`."""
    parts = [part for part in split_arguments(match["in"]) if not re.match(r"\w+ *=(?!=)", part)]
    of, *by = parts or [""]
    places = dict(re.findall(r"\b([ij]) *= *(\d)", match["in"]))
    of = re.sub(r"\.(?:sum|mean)\(\)$", "", of)
    axes = fields(match.string).get(of.split("(")[0], ())
    if len(by) != 1 or not by[0].isidentifier():
        return ""
    twice = match["word"].startswith("hess")
    wanted = ("i", "j") if twice else ("j",)
    named = [axes[int(n)] for k in wanted if (n := places.get(k)) and int(n) < len(axes)]
    by = named or by * (2 if twice else 1)
    return f"{'diff' if axes or twice else 'grad'}({of}, {', '.join(by)})"


def _derived_function(match: re.Match[str]) -> str:
    """`jax.grad(f)(x)`: of the value, by what it is given."""
    of, given = match["of"], split_arguments(match["in"])
    place = int(match["place"] or 0)
    axes = fields(match.string).get(of, ())
    if place >= len(given) or (of not in model_names(match.string) and not axes):
        return ""
    by = axes[place] if axes else given[place]
    whole = of if tuple(given) == axes else f"{of}({', '.join(given)})"
    twice = ", " + by if match["word"] == "hessian" else ""
    return f"{'diff' if axes or twice else 'grad'}({whole}, {by}{twice})"


def _reals(match: re.Match[str]) -> str:
    """`x in R^3`, `A in R^(2x3)`: a size stands behind the name."""
    raised = match["size"].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
    sizes = re.findall(r"\d+|[A-Za-z]\w*", re.sub(r"(?<=\d)x(?=\d)", " ", raised))
    return f"{match['head']}[{', '.join(s for s in sizes if s not in {'x', 'times', 'by'})}]"


def _for(match: re.Match[str]) -> str:
    """`sum(x[i] i in range(3))`: inside of brackets, behind what is summed."""
    before = match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()]
    inside = sum(c in "([" for c in before) > sum(c in ")]" for c in before)
    return f" for {match['names']} in " if inside else ""


def _spread(match: re.Match[str]) -> str:
    """`i = 0, ..., 2`, `i = 0, 1, 2`: the numbers as a set."""
    numbers = [int(n) for n in re.findall(r"\d+", match["numbers"])]
    step = numbers[1] - numbers[0] if len(numbers) > 2 else 1
    listed = not re.search(r"\.|…", match["numbers"])
    if listed and re.search(r"\bin\b", match[0]):
        return ""  # a set or a list, said by itself
    if listed and numbers != [*range(numbers[0], numbers[-1] + 1, step or 1)]:
        return ""
    return f"{match['head']} {forms.from_to(numbers[0], numbers[-1], step)}"


def _crossed(match: re.Match[str]) -> str:
    """`forall a in cross(sex, race): ... sex == a and race == b`: a name for each column."""
    line, columns = match[0], split_arguments(match["columns"])
    own = re.escape(match["name"].strip("() \t"))
    listed = r"[ \t]*,[ \t]*".join(map(re.escape, columns))
    both = rf"\([ \t]*{listed}[ \t]*\)[ \t]*==[ \t]*{own}\b"
    for place, column in enumerate(columns):
        line = re.sub(rf"\b{own}\[[ \t]*{place}[ \t]*\]", f"\0{column}", line)
    told = [
        re.findall(rf"\b{re.escape(column)}[ \t]*==[ \t]*([A-Za-z]\w*)\b", line)
        for column in columns
    ]
    names = [t[0] if t else _free(c, line) for t, c in zip(told, columns, strict=True)]
    if len({*names}) < len(names) or own.count(",") + 1 == len(columns):
        return ""
    pairs = zip(columns, names, strict=True)
    line = put(both, " and ".join(f"{c} == {n}" for c, n in pairs), line)
    for column, name in zip(columns, names, strict=True):
        line = line.replace(f"\0{column}", name)
    start = match.start("name") - match.start()
    return f"{line[:start]}({', '.join(names)}){line[start + len(match['name']) :]}"


def _free(column: str, line: str) -> str:
    """A letter of a column that a line does not use, else the column with a mark."""
    used = line.replace("s.t.", "")
    letters = (c for c in column if c.isalpha() and not occurs(c, used))
    return next(letters, f"{column}_")


_SETS = {
    **dict.fromkeys(("n", "normal", "gaussian", "gauss", "norm"), "normal"),
    **dict.fromkeys(("u", "uniform", "unif"), "uniform"),
}
"""Distributions by their names elsewhere."""


def _drawn(match: re.Match[str]) -> str:
    """`E[A, e ~ normal(0, 0.2)]`: a name that is drawn stands behind `for`."""
    of = _SETS.get(match["set"].lower(), match["set"])
    known = defined_names(match.string) | {*forms.columns_of(match.string)}
    if match["name"] in known:
        return ""
    drawn = f" for {match['name']} in {of}({match['in']})"
    return f"{match['word']}[{match['body'].strip()}{drawn}]" if match["word"] else drawn


_SET = rf"(?P<set>(?i:{'|'.join(_SETS)})|ball) \( (?P<in>(?:IN)*?) \)"
_DRAWS = (
    r"(?:[~]|\u223c|\\sim\b|=|:|:=|<-|\bin\b|\bfrom\b|\u2208"
    r"|(?:is~)?(?:drawn|sampled)~from\b|\bis\b|\bfollows\b)"
)


def _box(match: re.Match[str]) -> str:
    """`domain q(x, y) in [0, 1]x[0, 1]`, `domain t in [0, 3]`: a product of intervals."""
    text, name = match.string, match["name"]
    ends = re.findall(r"[\[(][ \t]*([^\[\](),]+,[^\[\](),]+?)[ \t]*[\])]", match["ends"])
    listed = (match["axes"] or match["own"] or "").strip("() \t")
    axes = split_arguments(listed) if listed else []
    rest = text[match.end() :]
    if not axes:  # `domain t in [0, 3]`, of points that are drawn from another name
        drawn = re.search(rf"\b{re.escape(name)}[ \t]+in[ \t]+(\w+)\.(?:sample|grid)\b", rest)
        own = re.search(
            rf"(\w+|\([^()\n]*\))[ \t]+in[ \t]+{re.escape(name)}\.(?:sample|grid)\b", rest
        )
        names = split_arguments(own[1].strip("()")) if own else []
        axes, name = ([name], drawn[1]) if drawn else (names, name)
    ends = ends * len(axes) if len(ends) == 1 else ends
    if not axes or len(ends) != len(axes):
        return ""
    return f"domain {name}({', '.join(axes)}) = box({', '.join(f'[{e}]' for e in ends)})"


_INTERVAL = r"[\[(] [^\[\](),\n]+ , [^\[\](),\n]+ [\])]"
_MODULE = r"(?:\b(?:WORD\.)+|(?<![\w.])(?=hessian|jacobian|gradients?\b))"

NOTATION_ROWS = (
    row(
        rf"(?: [,;|]|~(?:with|where|over|under|given|when|for|as)\b) (?P<name>WORD) {_DRAWS} {_SET}"
        r"(?P<word>)(?= [\])])",
        _drawn,
        "`{name}` is drawn: a mean over it is written `for {name} in ...`",
        "CS1 CS115 CS2 CS3",
    ),
    row(
        rf"\b(?P<word>[EP])\[(?P<body>(?:IN)+?)\](?: [,|]|~(?:with|where|over|for|given)\b)"
        rf" (?P<name>WORD) {_DRAWS} {_SET}",
        _drawn,
        "`{name}` is drawn: a mean over it is written `for {name} in ...`",
    ),
    row(
        rf"\b(?P<word>[EP]) _? \{{? \[? (?P<name>WORD) {_DRAWS} {_SET} (?:[}}\]] \[|:)"
        r"(?P<body>(?:IN)+?)\]",
        _drawn,
        "`{name}` is drawn: a mean over it is written `for {name} in ...`",
    ),
    row(
        r"^ domain~(?P<name>WORD)(?P<axes> \([^()\n]*\))? (?:~(?:in|is|over|on)\b|:|=|\u2208)? "
        rf"(?:(?P<own>\(? WORD(?: , WORD)* \)?)~(?:in\b|\u2208|:) )?(?P<ends>{_INTERVAL}"
        rf"(?: (?:x|\u00d7|\*|,|;|by|and|cross) (?:WORD~(?:in\b|\u2208) )?{_INTERVAL})*)"
        r"(?: (?:\^|\*\*) \d)? $",
        _box,
        "what a domain is stands behind `=`: a `box` of intervals, one an axis",
        "CS1",
    ),
    row(
        r"^ domain~(?P<name>WORD)(?P<axes> \([^()\n]*\))?~(?P<own>WORD)~(?:in|from)~"
        rf"(?P<ends>{_INTERVAL}) $",
        _box,
        "what a domain is stands behind `=`: a `box` of intervals, one an axis",
        "CS1",
    ),
    row(
        r"^(?P<head> domain~WORD \( WORD \)) (?:=|:|~(?:from|in|between)\b)?~?(?P<low>NUM) "
        r"(?:\.\.+|to\b|and\b|until\b|-|<=? WORD <=?) (?P<high>NUM) $",
        r"\g<head> = box([\g<low>, \g<high>])",
        "what a domain is stands behind `=`: a `box` of intervals, one an axis",
        "CS1",
    ),
    row(
        r"^(?P<head> domain~WORD \( WORD \) =) (?:interval|Interval|range|segment|line) "
        r"\( (?P<low>NUM) , (?P<high>NUM) \) $",
        r"\g<head> box([\g<low>, \g<high>])",
        "what a domain is stands behind `=`: a `box` of intervals, one an axis",
        "CS2",
    ),
    row(
        r"(?P<of>(?:\b[A-Za-z_]\w*|\))\.(?:sample|grid)) "
        r"(?:[\[{<] (?P<n>\d[\d_]*) [\]}>]|(?<=[\w])~(?P<m>\d[\d_]*)\b)",
        lambda m: f"{m['of']}({m['n'] or m['m']})",
        "how many points are drawn stands in `( )`",
    ),
    row(
        rf"{_MODULE}(?P<word>grad|gradients?|jacobian|hessian|jacfwd|jacrev|derivative)"
        r"\( (?P<of>WORD) (?:, (?:argnums =)? (?P<place>\d))? \)\( (?P<in>(?:IN)+?) \)",
        _derived_function,
        "`{0}`: what is derived stands first, by what behind it",
    ),
    row(
        rf"{_MODULE}(?P<word>grad|gradients?|jacobian|hessian|jacfwd|jacrev|derivative)"
        r"\((?P<in>(?:IN)+,(?:IN)+)\)(?:\[ 0 \])?",
        _derivative,
        "`{0}`: a derivative is written `diff`, or `grad` by the inputs",
    ),
    row(
        (
            r"(?P<head>\b(?:norm|ord|p) = )(?P<norm>[\"'][\w∞]+[\"']|\\?[A-Za-z]\w*)(?=[ \t,)])",
            r"(?P<head>\bnorm\((?:IN)*?, (?:(?:ord|p) = )?)(?P<norm>[\"'][\w∞]+[\"'])(?= \))",
        ),
        _norm,
        "norms are 1, 2 and inf, without quotes",
    ),
    row(
        r"(?P<head>^ (?:var|param)~WORD) (?:\b(?:in|of)\b|∈|:|\\in\b) "
        r"(?:(?:\\mathbb\{ R \}|\\R\b|ℝ|RR?|[Rr]eals?|REALS?|[Vv]ector|[Mm]atrix)"
        r" (?:\^|\*\*)? [({\[]? (?=[\d\w]+)(?P<size>\w+(?: (?:x|×|\*|,|\\times|by) \w+)*)"
        r" [)}\]]?)(?= (?:=|$|in\b))",
        _reals,
        "a size stands behind the name, in `[ ]`",
    ),
    row(
        r"(?P<head>^ verify~[^\n]*?)"
        r"~(?:at|in|over|for|using|against|from|upon|wrt|w\.r\.t\.|under|through|@)~"
        r"(?P<data>WORD)\b",
        where_known(defined_data, "data", r"\g<head> on \g<data>"),
        "before the data stands `on`",
    ),
    row(
        r"(?P<head>^ verify~[^\n]*?\bon~WORD) [(\[{] every (?:=|:)? (?:(?P<n>\d+)~)?"
        r"(?P<unit>epoch|step)s? [)\]}]",
        lambda m: (
            f"{m['head']} every "
            + (f"{m['n']} {m['unit']}s" if m["n"] and m["n"] != "1" else m["unit"])
        ),
        "how often stands behind `every`",
    ),
    row(
        r"(?P<head>^ verify~[^\n]*?\bon~WORD) \( (?P<word>confidence|alpha|delta|level) = "
        r"(?P<value>NUM) , [^()\n]*\) $",
        forms.sure,
        "how sure stands behind `with confidence`; the better bound is taken by itself",
    ),
    row(
        r"(?P<head>\bfor(?:all)?)~(?P<names>WORD|\( WORD(?: , WORD)* \)) "
        r"(?:\~|∼|\\sim\b|(?:is~)?(?:drawn|sampled|distributed)~(?:from|as|by)\b"
        r"|from\b|follow(?:s|ing)\b) (?P<normal>(?:N|Normal|gaussian|Gaussian)(?= \())?",
        lambda m: f"{m['head']} {m['names']} in {'normal' if m['normal'] else ''}",
        "what is drawn stands behind `in`",
    ),
    row(
        r"(?P<head>\bfor(?:all)?~WORD) (?:=|:=|\bin\b|:|\bfrom\b) [{\[]? "
        r"(?P<numbers>\d+(?: , \d+)* ,? (?:\.\.\.?|…|,) ,? \d+) [}\]]?",
        _spread,
        "`{numbers}`: numbers from 0 on are `range(n)`",
    ),
    row(
        r"(?<=[\w)\]])(?<!\bfor)(?<!\band)(?<!\bor)(?<!\bnot)(?<!\bforall)~"
        r"(?P<names>WORD|\( WORD(?: , WORD)* \))~in~(?=WORD|\{)",
        _for,
        "before `{names} in` stands `for`",
    ),
    row(
        r"^[^\n]*\bfor(?:all)?~(?P<name>WORD|\([^()\n]*\))~in~cross\( (?P<columns>WORD(?: , WORD)+)"
        r" \)[^\n]*$",
        _crossed,
        "`cross` has a name for each column",
    ),
    row(
        r"^ import~\{? (?P<names>WORD(?: , WORD)*) \}?~from~"
        r"(?P<from>[\"'][^\"'\n]+[\"']|[\w./]+) ;? $",
        lambda m: (
            'from "' + m["from"].strip("\"'") + f'" import {m["names"]}'
            if m["from"][0] in "\"'" or m["from"].endswith(".py")
            else f"from {m['from']} import {m['names']}"
        ),
        "the words are turned round: `from ... import ...`",
    ),
)

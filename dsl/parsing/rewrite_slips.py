"""Rows of slips in numbers, words and marks, which keep every number that stands on the line.

lr=1e^-3                  ->   lr=1e-3
flops(f) <= 100 kFLOPs    ->   flops(f) <= 100k
density(f) <= 100% -> 10% ->   density(f) <= ramp(100%, 10%)
norm_1(w)                 ->   norm(w, 1)
"""

import re

from cspec.dsl.messages.wording import split_arguments
from cspec.dsl.parsing.rewrite_counts import COUNT_ROWS
from cspec.dsl.parsing.rewrite_forms import Row, row, where_known
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.settings.sources import SOURCES
from cspec.dsl.text.clauses import ITEM_WORDS
from cspec.dsl.text.defined_names import defined_data, fields, model_names
from cspec.dsl.words.losses import LOSSES


def _power(match: re.Match[str]) -> str:
    """`1e^-3`, `1 x 10^-3`, `1e - 3`."""
    sign = "-" if match["sign"] in {"-", "\u2212", "\u2013"} else ""
    return f"{match['base'].rstrip('.')}e{sign}{match['by']}"


_SIGN = "(?P<sign>[-+\u2212\u2013]?)"
_BASE = r"(?<![\w.])(?P<base>\d+(?:\.\d*)?|\.\d+)"


def _plain_unit(match: re.Match[str]) -> str:
    """`100 kFLOPs`, `5 million parameters`: words of a scale differ in their first letters."""
    begins = (match["prefix"] or "")[:1].lower()
    scale = {"k": "k", "t": "k", "m": "M", "g": "G", "b": "G"}.get(begins, "")
    return f"{match['n']}{scale}"


def _ramped(match: re.Match[str]) -> str:
    over = f", {match['unit']}s={match['n']}" if match["n"] else ""
    return f"{match['head']}ramp({match['first']}, {match['last']}{over})"


def _of_a_model(match: re.Match[str]) -> str:
    """`weights(f, "fc*")`, `f["fc*"]`, `weights("fc*")` of the only model."""
    models = model_names(match.string)
    own = match["model"] or (models[0] if len(models) == 1 else "")
    chosen = f"({match['text']})" if match["text"] else ""
    meant = f"{match.groupdict().get('head', '')}{own}.weights{chosen}"
    return meant if own in models and (match["model"] or chosen) else ""


def _loss_on(match: re.Match[str]) -> str:
    """`ce(test)`, `E[ce(test)]`: a mean of the loss on the data that are named."""
    text, models = match.string, model_names(match.string)
    if match["data"] not in defined_data(text) or len(models) != 1:
        return ""
    columns = re.search(rf"\b{re.escape(match['data'])}\(([^()\n]*)\)", text)
    names = split_arguments(columns[1])[:2] if columns else []
    given = f"{models[0]}({names[0]}), {names[1]}" if len(names) == 2 else ""
    return f"E[{match['loss']}({given}) on {match['data']}]" if given else ""


def _derived(match: re.Match[str]) -> str:
    """`d f(x) / d x.age`, `d/dx.age f(x)`: `grad`, or `diff` of a model of coordinates."""
    parts = {k: v for k, v in match.groupdict().items() if v}
    of = parts.get("of") or parts.get("whole") or ""
    model = of.split("(")[0]
    if model not in model_names(match.string):
        return ""
    if model in fields(match.string):
        return f"diff({of}, {parts['by']})"
    return f"grad({of}, {parts['by']})" if "(" in of else ""


_D = r"(?:\bd|\u2202|\\partial\b|\\mathrm\{d\})"
_BY = r"(?P<by>[A-Za-z]\w*(?:\.\w+)?)"
_CALLED = r"(?P<of>[A-Za-z]\w*\((?:IN)*\))"


def _with_heading(match: re.Match[str]) -> str:
    """A word before a constraint that no spec has: with `s.t.` where none stands above."""
    return "" if match["st"] else f"s.t. {match['label'] or ''}"


_DEMAND = (
    r"^ (?P<st>s\.t\. )?(?P<word>(?:require|requirement|requires|constraint|constrain|subject~to"
    r"|ensure|enforce|assert|demand|guarantee|impose|restrict|need|must~have|must|bound)s?)~"
    r"(?P<label>WORD :(?!=) )?(?=\S)"
)


def _norm_of(match: re.Match[str]) -> str:
    found = match.groupdict()
    if re.search(r"\.(?:weights|params)\b", match["in"]):
        return ""  # `l1` and `l2` are the norms of all weights
    kind = next(found[k] for k in ("a", "b", "c", "d") if found.get(k)).lower()
    return f"norm({match['in'].strip()}, {kind})"


_P = "1|2|inf"
_NORM = "`{0}`: a norm has its order behind what it is of, `norm(v, 1)`"


def _unended(match: re.Match[str]) -> str:
    """A mark at the end of a line that the next line does not go on."""
    after = match.string[match.end() :].lstrip()
    word = re.match(r"[A-Za-z_.]+", after)
    label = re.match(r"(?:s\.t\.|\w+[ \t]*:(?!=))", after)
    new = not after or label or (word and word[0].upper() in ITEM_WORDS)
    return match[1] if new and match[1].strip() else ""


def _single(match: re.Match[str]) -> str:
    """`{g}` of a name that stands alone."""
    before = match.string[: match.start()].rstrip()
    return "" if re.search(r"(?:\bin|[_^:])\Z", before) else match["name"]


def _share_of(match: re.Match[str]) -> str:
    """`sum(pred == 1)/count`: the share of an event, the mean of a number."""
    inner = match["in"].strip()
    bare = re.sub(r"\([^()]*\)", "", inner)
    return f"{'P' if re.search('[<>=]', bare) else 'E'}[{inner}]"


_MEMBER = r"(?:\"[^\"\n]*\"|-?\d[\w.]*%?|[A-Za-z]\w*)"

_WORDS = "AND|OR|NOT|I[N]|ON|FOR|FORALL|WITHIN|BY|WHERE"  # `IN` alone stands for a pattern in rows
_CAPITALS = re.compile(rf"\"[^\"\n]*\"|\b(?:{_WORDS})\b")


def _small(match: re.Match[str]) -> str:
    """A line with `OR`, `NOT`, `IN` in small letters."""
    return _CAPITALS.sub(lambda m: m[0] if m[0][0] == '"' else m[0].lower(), match[0])


SLIP_ROWS: tuple[Row, ...] = (
    row(
        r"(?P<of>[)\]])~(?:IS~|is~)?BETWEEN~(?P<low>NUM)~(?:AND|and)~(?P<high>NUM)(?![\w.])",
        r"\g<of> in [\g<low>, \g<high>]",
        "an interval is written `in [{low}, {high}]`",
        "CS1",
    ),
    row(
        rf"^[^\n]*?\b(?P<word>{_WORDS})\b[^\n]*$",
        _small,
        "`{word}` is written in small letters",
        "CS1 CS2",
    ),
    row(
        r"^ (?i:subject~to|such~that|under|s\.t\.)~(?:(?:the|these|all)~)?(?:following~)?"
        r"(?:constraints?|requirements?|conditions?|restrictions?) :? $",
        "s.t.",
        "what stands below `s.t.` are constraints",
        "CS1 CS2",
    ),
    *COUNT_ROWS,
    row(
        rf"{_BASE} [eE] \^ (?P<o>[{{(] )?{_SIGN} (?P<by>\d+)(?!\.?\d)(?(o) [}})])",
        _power,
        "a power of ten is written `1e-3`, without `^`",
    ),
    row(
        rf"{_BASE} (?:[x*]|\u00d7|\u00b7|\u22c5|\\times|\\cdot) 10 (?:\^|\*\*)"
        rf" (?P<o>[{{(] )?{_SIGN} (?P<by>\d+)(?!\.?\d)(?(o) [}})])",
        _power,
        "a power of ten is written `1e-3`",
        "CS1",
    ),
    row(
        rf"{_BASE}(?:~[eE] | [eE] (?=[-+]?~)|[eE](?=[\u2212\u2013])) {_SIGN} (?P<by>\d+)(?![\w.])",
        _power,
        "a power of ten is written `1e-3`, without blanks",
    ),
    row(
        rf"{_BASE} \*[eE] (?P<sign>-?)(?P<by>\d+)(?![\w.])",
        _power,
        "a power of ten is written `1e-3`",
        "CS503",
    ),
    row(
        r"(?P<n>\d[\d_.]*(?:e[-+]?\d+)?) \*? (?P<prefix>[kKMG]|[kK]ilo|[Mm]ega|[Gg]iga"
        r"|thousand|million|billion)?[ -]?"
        r"(?:FLOPs?|flops?|Flops?|FLOPS|FLOP/s|params?|parameters)(?!\w|\()",
        _plain_unit,
        "a number has no unit behind it: thousands are `k`, millions `M`",
        "CS1 CS2",
    ),
    row(
        r"(?P<n>\d[\d_.]*(?:e[-+]?\d+)?) \*? (?P<prefix>[kKMG]|[kK]ilo|[Mm]ega|[Gg]iga)?[ -]?"
        r"(?:[Bb]ytes?|(?<=[\d \t])B)(?!\w|\()",
        _plain_unit,
        "bytes have no unit behind their number: thousands are `k`, millions `M`",
        "CS1 CS2",
    ),
    row(
        r"(?P<head>(?:<=|>=|==) )(?:ramp~)?(?:from~)?(?P<first>NUM) "
        r"(?:-+>|=>|\u2192|\u21d2|\b(?:to|then|down~to)\b|\.\.+) (?P<last>NUM)"
        r"(?: ,? (?:\b(?:over|in|within|for|during)~)?(?P<n>\d+)~(?P<unit>epoch|step)s?)?(?!\w)",
        _ramped,
        "a bound that moves from one number to another is a `ramp`",
        "CS1 CS102",
    ),
    row(
        r"\b(?:(?i:count)|len|size|support|num) \( (?:\*|1|WORD)? \)(?= [<>=])",
        "count",
        "`count` stands alone: it is the number of examples of a group",
        "CS1 CS2 CS3",
    ),
    row(
        r"\$?\{ (?P<name>WORD) \}(?! \()",
        _single,
        "`{name}` stands alone, without braces",
        "CS130 CS106 CS125",
    ),
    row(
        r"(?P<head>[=!]= )[<$@%:](?P<name>WORD) >?(?=[ \t\],)])",
        r"\g<head>\g<name>",
        "`{name}` stands alone, without a mark",
        "CS1 CS102",
    ),
    row(
        r"(?P<head>\bforall~WORD~in )(?P<in>MEMBER(?: , MEMBER)+)(?= :)".replace("MEMBER", _MEMBER),
        r"\g<head>{\g<in>}",
        "values are listed in braces",
        "CS1",
    ),
    row(
        r"HEAD(?:soft|prefer|preferably|ideally|try)~(?P<label>WORD :(?!=) )?"
        r"(?P<rest>[^\n#]*[<>=]=[^\n#]*?) (?=$|#)",
        r"\g<1>\g<label>\g<rest> soft",
        "`soft` stands behind its constraint",
        "CS1",
    ),
    row(
        rf"(?P<head>\bin )\( (?P<in>{_MEMBER}(?: , {_MEMBER}){{2,}}) ,? \)",
        r"\g<head>{\g<in>}",
        "values are listed in braces",
        "CS1 CS3",
    ),
    row(
        r"(\b(?:hidden|channels|split|betas|kernels|strides|features) = )[({]? "
        r"(NUM(?: , NUM)+) [)}]?(?= (?:\)|, \w+ =))",
        lambda m: f"{m[1]}[{m[2]}]",
        "several numbers are a list in brackets",
        "CS503 CS505 CS131 CS506",
    ),
    row(
        r"~in~(?P<set>WORD(?:\((?:IN)*?\))?)~for~(?P<name>WORD|\( WORD(?: , WORD)+ \))(?= [)\]])",
        r" for \g<name> in \g<set>",
        "the name stands before its set: `for {name} in {set}`",
        "CS137 CS1",
    ),
    row(
        r"\bball\( (?P<radius>NUM|WORD) , (?P<of>WORD(?:\((?:IN)*\))?)(?= [,)])(?! =)",
        r"ball(\g<of>, \g<radius>",
        "`ball` has its middle first, and its radius behind it",
        "CS302",
    ),
    row(
        r"\bball\( (?P<of>WORD)(?P<rest>(?: , WORD =(?:IN)*?)?) \)",
        r"ball(\g<of>, 0.1\g<rest>)",
        "`ball({of})` lacks its radius: how far from `{of}`, for example 0.1",
        "CS302",
    ),
    row(
        _DEMAND,
        r"\g<st>\g<label>",
        "`{word}` begins no constraint: what stands below `s.t.` is one",
        "CS1",
    ),
    row(
        _DEMAND,
        _with_heading,
        "`{word}` begins no constraint: it stands below `s.t.`",
        "CS1",
    ),
    row(
        (
            r"(?<=[\w)\]%])~soft (?::|=|\bweight =?|\bwith~weight =?|\bof\b) (NUM)(?= (?:$|;|#))",
            r"(?<=[\w)\]%])~soft \[ (NUM) \](?= (?:$|;|#))",
        ),
        r" soft(weight=\1)",
        "settings of `soft` stand in `( )`",
        "CS1",
    ),
    row(
        rf"(?<=[\w)\]%])~(by|within) : (NUM|(?:{'|'.join(METHODS)})\b)",
        r" \1 \2",
        "behind `{1}` stands no `:`",
        "CS1",
    ),
    row(
        r"(?<![\w.])weights\( (?P<model>WORD)? ,? (?P<text>\"[^\"\n]*\")? \)",
        _of_a_model,
        "weights belong to a model: they stand behind its name",
        "CS2 CS3",
    ),
    row(
        r"\b(?:(?:layers|modules|kernels|matrices)\( (?P<model>WORD)(?P<text>) \))",
        _of_a_model,
        "all weights of `{model}` are `{model}.weights`",
        "CS2",
    ),
    row(
        r"\b(?:all~)?(?:the~)?(?:weights|layers)~(?:of|from|in)~(?P<model>WORD)(?P<text>)",
        _of_a_model,
        "all weights of `{model}` are `{model}.weights`",
        "CS1",
    ),
    row(
        r"(?P<head>\bin~)(?P<model>WORD)\[ (?P<text>\"[^\"\n]*\") \]",
        _of_a_model,
        "weights of `{model}` are chosen by their names, in `( )`",
        "CS3 CS2",
    ),
    row(
        r"(\bdata[ \t][^=\n]*\)) ,? (?:from|:|<-|:=|==|in|\bis\b)? (WORD)(?= (?:\(|$))",
        lambda m: f"{m[1]} = {m[2]}" if m[2] in SOURCES else "",
        "where data come from stands behind `=`",
        "CS1",
    ),
    row(
        r"\b(?P<word>[EP])\( (?P<in>(?:IN)+?~on~WORD) \)",
        r"\g<word>[\g<in>]",
        "`{word}` stands before square brackets",
        "CS1",
    ),
    row(
        r"\bgrad\( (?P<of>(?:IN)+?) \)~(?:wrt|w\.r\.t\.|by|over|in|along|with~respect~to)~"
        r"(?P<by>WORD(?:\.\w+)?)",
        r"grad(\g<of>, \g<by>)",
        "by what is derived stands in the brackets: `grad(f(x), x.c)`",
        "CS1",
    ),
    row(
        r"\b(?:grad|diff)\( (?P<of>WORD) , (?P<by>(?P<x>WORD)\.\w+) \)",
        where_known(model_names, "of", r"grad(\g<of>(\g<x>), \g<by>)"),
        "a model is derived where it sees an example: `grad({of}({x}), {by})`",
        "CS302",
    ),
    row(
        (
            rf"\bE\[ (?P<loss>{'|'.join(LOSSES)})\( (?P<data>WORD) \) \]",
            rf"(?<![\w\[])(?P<loss>{'|'.join(LOSSES)})\( (?P<data>WORD) \)",
        ),
        _loss_on,
        "`{loss}` compares what the model says with the target; the data stand behind `on`",
        "CS301",
    ),
    row(
        (
            rf"{_D} (?P<o>\( )?{_CALLED}(?(o) \)) / {_D} (?P<p>\( )?{_BY}(?(p) \))",
            rf"{_D} / {_D} (?P<o>\( )?{_BY}(?(o) \)) (?P<p>\( )?{_CALLED}(?(p) \))",
        ),
        _derived,
        "a derivative is `grad(f(x), x.c)`, of a model of coordinates `diff(u, x)`",
    ),
    row(
        (
            (
                rf"(?:\bnorm_?(?P<a>{_P})|\b[lL]_?(?P<b>{_P})_?norm|\bl_?(?P<c>inf)"
                rf"|\bnorm_?[lL](?P<d>{_P})) \( (?P<in>(?:IN)+?) \)"
            ),
            rf"\bnorm\( (?P<in>(?:IN)+?) , [lL]_?(?P<a>{_P}) \)",
            rf"\bnorm\( (?P<in>(?:IN)+?) \) _ \{{?(?P<a>{_P})\b(?: \}})?",
            rf"\bnorm\[ (?P<a>{_P}) \] \( (?P<in>(?:IN)+?) \)",
            rf"\|(?P<in>[^|\n]+)\| _ \{{?(?P<a>{_P})\b(?: \}})?",
        ),
        _norm_of,
        _NORM,
    ),
    row(
        r"\b(?:norm_?max|max_?norm|norm_?sup|sup_?norm)\( (?P<in>(?:IN)+?) \)",
        r"norm(\g<in>, inf)",
        _NORM,
        "CS201",
    ),
    row(
        rf"(?P<in>\b[A-Za-z]\w*)\.norm\( (?:(?:p|ord|norm) = )?(?P<a>{_P}) \)",
        _norm_of,
        _NORM,
        "CS210",
    ),
    row(
        r"([^\n#]*?) (?:&&?|\|\|?|,|\\\\|\u2227|\u2228|\band\b|\bor\b)(?= (?:#[^\n]*)?$)",
        _unended,
        "nothing stands at the end of a line: each line is a constraint of its own",
        "CS112 CS102 CS115 CS106",
    ),
    row(
        r"\bsum\( (?P<in>(?:IN)+?) \) / "
        r"(?:(?:len|size|count|length)\( (?:IN)*? \)|(?:count|[nN])\b)",
        _share_of,
        "`sum` goes over what one example has; over the examples a mean is `E[...]`",
        "CS2",
    ),
)

"""Rows of lines whose words are right and stand in another order, or lack the word that joins them.

verify on val all          ->   verify all on val
g in values(sex): A >= 1   ->   forall g in values(sex): A >= 1
A == B +/- 1%              ->   A == B within 1%
P[A] | sex == "F" >= 80%   ->   P[A | sex == "F"] >= 80%
verify all on the test set ->   verify all on test
"""

import re

from cspec.dsl.messages.wording import split_arguments
from cspec.dsl.parsing.rewrite_forms import occurs, put, row, where_known
from cspec.dsl.text.defined_names import defined_data


def _verified(match: re.Match[str]) -> str:
    """The parts of `verify`: which constraints, on which data, how often, how sure."""
    rest, found = match["rest"].replace(":", " "), []
    for part in (r"\bon[ \t]+\w+", r"\bevery(?:[ \t]+\d+)?[ \t]+\w+", r"\bwith[ \t]+\w+[ \t]+\S+"):
        place = re.search(part, rest)
        found += [place[0]] if place else []
        rest = f"{rest[: place.start()]} {rest[place.end() :]}" if place else rest
    named = [label for label in re.split(r"[ \t,]+", rest) if label not in ("", "and")]
    plain = all(re.fullmatch(r"[A-Za-z_][\w.]*", label) for label in named)
    return f"{match['head']}{' '.join([', '.join(named), *found])}" if named and plain else ""


def _interval(match: re.Match[str]) -> str:
    """`>= 0, <= 1` behind a `var`: the two ends of an interval."""
    ends = sorted([(match["one"][0], match["a"]), (match["two"][0], match["b"])], reverse=True)
    if ends[0][0] == ends[1][0]:
        return ""
    return f"{match['head']} in [{ends[0][1]}, {ends[1][1]}]"


_LETTERS = "abcdghijk"


def _crossed(match: re.Match[str]) -> str:
    """`forall g in cross(sex, race): ... (sex, race) == g`: a name for each column."""
    columns = split_arguments(match["columns"])
    given = [name.strip() for name in match["names"].strip("() ").split(",")]
    one = given[0] if len(given) == 1 else ""
    free = [c for c in _LETTERS if c not in columns and not occurs(c, match[0])]
    names = given if len(given) == len(columns) else (free if one else [])[: len(columns)]
    if len(names) != len(columns) or len(columns) < 2:
        return ""
    pairs = [f"{column} == {name}" for column, name in zip(columns, names, strict=True)]
    comma = r"[ \t]*,[ \t]*"
    listed = (
        rf"(?:\b(?:cross|values)[ \t]*)?[(\[][ \t]*{comma.join(map(re.escape, columns))}[ \t]*[)\]]"
    )
    listed += r"[ \t]*==[ \t]*" + (re.escape(one) if one else r"\([^()\n]*\)") + r"(?![\w\[.])"
    rest = put(listed, " and ".join(pairs), match["rest"])
    if one:
        rest = re.sub(
            rf"\b{re.escape(one)}\[[ \t]*(\d)[ \t]*\]",
            lambda m: names[int(m[1])] if int(m[1]) < len(names) else m[0],
            rest,
        )
        alone = rf"([|,][ \t]*|\band[ \t]+){re.escape(one)}(?=[ \t]*[,\]])"
        rest = re.sub(alone, lambda m: m[1] + " and ".join(pairs), rest)
        if occurs(one, rest):
            return ""
    return f"{match['head']}({', '.join(names)}) in cross({match['columns']}){rest}"


def _listed(match: re.Match[str]) -> str:
    """`race not in ["White"]`: values are listed in braces; two numbers may be an interval."""
    inside = match["in"].strip()
    numbers = re.fullmatch(r"[-+\d.%e]+[ \t]*,[ \t]*[-+\d.%e]+", inside)
    whole = not re.search(r"[.%e]", inside)
    members = match["set"] if numbers and not whole else f"{{{inside}}}"
    return f"not {match['of']} in {members}"


def _inside(match: re.Match[str]) -> str:
    """`P[A] given sex == "F" >= 80%`: a condition in the brackets of its mean."""
    when, inner = match["when"].strip(), match["in"].strip()
    if "|" in re.sub(r"\|[^|\s][^|]*\|", "", inner):
        return ""
    return f"{match['word']}[{inner} | {when}]{match['rest'] or ''}"


_VALUE = r"(?:\"[^\"\n]*\"|NUM|WORD(?:\.\w+)?|\{[^{}\n]*\}|\[[^\[\]\n]*\])"
_ATOM = rf"(?:not~)?[A-Za-z_][\w.]* (?:[<>=!]=|[<>]|\bin\b) {_VALUE}"
_WHEN = rf"(?P<when>{_ATOM}(?:~(?:and|or)~{_ATOM}| , {_ATOM})*)"
_GIVEN = r"(?: \| |~(?:given|where|when|whenever|if|for|provided|with|among|in~case)(?:~that)?~)"


_MEAN = r"\b(?P<word>[EP])\[(?P<in>(?:IN)*)\]"
_BEHIND = r"[<>=]=|[<>] NUM|\bin\b [\[{]|[-+*/)]|\b(?:within|by|soft)\b|$"
_SIDE = r"(?:[^#;\n,]|,(?!~?(?:and|but)\b))*?(?:<=|>=|==)(?:[^#;\n,])*?"
ORDER_ROWS = (
    row(
        (
            rf"{_MEAN}{_GIVEN}{_WHEN}(?: [,:])?(?P<rest> )(?={_BEHIND})",
            rf"{_MEAN}(?P<rest> (?:(?:<=|>=|==) (?:NUM)|in \[[^\[\]\n]*\])) ,?{_GIVEN}{_WHEN} $",
        ),
        _inside,
        "a condition stands inside the brackets of its mean, behind `|`",
    ),
    row(
        r"(?P<head>^ verify~)(?P<rest>[^\n#]+?) $",
        _verified,
        "behind `verify` stand the labels, `on` which data, how often, how sure",
        "CS1",
    ),
    row(
        r"HEAD(?!forall\b|for\b)(\(? WORD(?: , WORD)* \)?~in~(?:IN)*?) : (?=[^\s:])",
        r"\1forall \2: ",
        "a quantifier begins with `forall`",
        "CS1",
    ),
    row(
        r"(?P<head>^ (?:var|param)~WORD (?:\[[^\]\n]*\])?(?: = NUM)?) ,? (?P<one>[<>])=? "
        r"(?P<a>NUM) (?:,|and|&|;) (?:WORD (?=[<>]))?(?P<two>[<>])=? (?P<b>NUM) $",
        _interval,
        "bounds of a `var` stand behind `in`",
    ),
    row(
        r"(== (?:IN)+?) (?:\+/?-|±|\bplus~(?:or~)?minus\b|\bgive~or~take\b) (NUM)(?!\w)",
        r"\1 within \2",
        "a tolerance is written `within {2}`",
        "CS1 CS102",
    ),
    row(
        r"(?P<head>\b(?:forall|for)~)(?P<names>\(? WORD(?: , WORD)* \)?)"
        r"~in~cross\((?P<columns>[^()\n]*)\)(?P<rest>[^\n]*)",
        _crossed,
        "`cross` goes over several columns: each has a name of its own",
        "CS1 CS2 CS3",
    ),
    row(
        r"(?P<of>\b[A-Za-z_][\w.]*)~not~in~(?P<set>[\[({](?P<in>[^\[\](){}\n]*)[\])}])",
        _listed,
        "`not` stands before the whole comparison",
        "CS1",
    ),
    row(
        r"(?P<of>\b[A-Za-z_][\w.]*)~not~in~(WORD(?:\((?:IN)*\))?)",
        r"not \1 in \2",
        "`not` stands before the whole comparison",
        "CS1",
    ),
    row(
        r"\b(values|cross)\( [\"'](WORD)[\"'] \)",
        r"\1(\2)",
        "a column is written by its name, without quotes",
    ),
    row(
        r"(^ (?:s\.t\. )?|[{;] )(WORD) = (?=(?:IN|[^\n;=]=)*?[<>=]=)",
        r"\1\2: ",
        "the label `{2}` ends with `:`",
        "CS201 CS107 CS111",
    ),
    row(
        r"^( (?:minimize|maximize)~[^\n]+?) \+ \( ((?:IN)+?[<>=]=(?:IN)+?) \) $",
        r"\1" + "\n" + r"s.t. \2",
        "a comparison is a requirement, behind `s.t.`",
        "CS313",
    ),
    row(
        (
            (
                r"\bon~(?:the~|our~|my~)?(?P<data>WORD)[ \t_-]+(?:data(?:[ \t_-]?sets?)?|sets?"
                r"|splits?|part|fold|sample|examples|rows|images)\b"
            ),
            r"\bon~(?:the|our|my)~(?P<data>WORD)\b",
        ),
        where_known(defined_data, "data", r"on \g<data>"),
        "data stand behind `on` by their name alone",
        "CS1",
    ),
    row(
        rf"(?P<one>{_SIDE}) ,?~(?:and~then|and~also|but~also|but|yet|plus|as~well~as)~"
        rf"(?P<other>{_SIDE})(?= (?:$|#))",
        lambda m: f"{m['one'].rstrip(' ,')}; {m['other']}",
        "constraints are separated by `;` or a new line",
        "CS1",
    ),
)

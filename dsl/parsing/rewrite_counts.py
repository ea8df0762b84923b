"""Rows of numbers in words: what sums and quantifiers go over, shares as people say them.

sum(i=1..3, x[i])      ->   sum(x[i] for i in range(3))
forall i=1:3: x[i] >= 1   ->   forall i in range(3): x[i] >= 1
<= 5 in 100, <= half   ->   <= 5%, <= 50%
"""

import re

from cspec.dsl.messages.wording import number, split_arguments
from cspec.dsl.parsing.rewrite_forms import from_to, occurs, row, sizes_of
from cspec.dsl.text.source import line_of


def counted_set(text: str, index: str, low: int, high: int, step: int, body: str) -> str:
    """The numbers that an index goes over; of a vector with `high` entries those from 0 on."""
    entry = rf"\b([A-Za-z_]\w*)\[[ \t]*{re.escape(index)}[ \t]*\]"
    bare = re.sub(rf"{entry}|\b(?:for|forall)[ \t]*[{{(\[]?[ \t]*{re.escape(index)}\b", "", body)
    if occurs(index, bare):
        return from_to(low, high, step)  # `sum(i*x[i] ...)`: what it counts is meant, too
    for name in re.findall(entry, body):
        if step == 1 and low in (0, 1) and sizes_of(text, name) == [str(high)]:
            return f"in range({high})"
    return from_to(low, high, step)


def _limits(text: str) -> tuple[int, int, int] | None:
    """`1..3`, `1:3`, `{1, 2, 3}`, `range(1, 4)`, `1 to 3`: the first, the last, the step."""
    text = text.strip().strip("{}[]() \t")
    ranged = re.match(r"range[ \t]*\([ \t]*(\d+)[ \t]*,[ \t]*(\d+)\Z", text)
    if ranged:
        return int(ranged[1]), int(ranged[2]) - 1, 1
    ends = re.fullmatch(r"(\d+)[ \t]*(?:\.\.+|\u2026|:|\bto\b|,[ \t]*\.\.+,?)[ \t]*(\d+)", text)
    if ends:
        return int(ends[1]), int(ends[2]), 1
    numbers = [int(n) for n in text.split(",")] if re.fullmatch(r"[\d, \t]+\d", text) else []
    if len(numbers) > 1 and numbers == [*range(numbers[0], numbers[-1] + 1)]:
        return numbers[0], numbers[-1], 1
    return None


_COUNTING = (
    r"(?:(?P<o>[{\[(] )?\d+ (?:\.\.+|\u2026|:|~to~|, \.\.+ ,?) \d+(?(o) [}\])])"
    r"|\{ \d+(?: , \d+)+ \}|range\( \d+ , \d+ \))"
)


def _quantified(match: re.Match[str]) -> str:
    """`forall i=1:3: x[i] ...`, `for i in 1..3: x[i] ...`."""
    ends = _limits(match["set"])
    start, end = line_of(match.string, match.start())
    if ends is None:
        return ""
    members = counted_set(match.string, match["i"], *ends, match.string[start:end])
    head = match.string[start : match.start()]
    begins = match["q"] == "forall" or re.fullmatch(r"[ \t]*(?:s\.t\.)?[ \t]*(?:\w+:)?[ \t]*", head)
    return f"{'forall' if begins else 'for'} {match['i']} {members}" if members else ""


def _summed(match: re.Match[str]) -> str:
    """`sum(i=0..2, x[i])`, `sum(x[i], i, 0, 2)`, `sum_{i=1}^3 x[i]`: term, index and set."""
    parts = match.groupdict()
    body = (parts["body"] or "").strip()
    low, high = parts["low"], parts["high"]
    if not body or not occurs(parts["i"], body) or len(split_arguments(body)) > 1:
        return ""
    members = counted_set(match.string, parts["i"], int(low), int(high), 1, body)
    return f"sum({body} for {parts['i']} {members})" if members else ""


_ENDS = r"(?P<low>\d+) (?:\.\.+|\u2026|:|\bto\b) (?P<high>\d+)"
_INDEX = r"(?P<i>[A-Za-z]\w*)"
_OVER = rf"{_INDEX} (?:=|\bin\b|\u2208) [{{\[(]? {_ENDS} [}}\])]?"

_PARTS = {
    **dict.fromkeys(("half", "one half", "a half", "one-half"), "50%"),
    **dict.fromkeys(("a third", "one third", "one-third"), "1/3"),
    **dict.fromkeys(("two thirds", "two-thirds"), "2/3"),
    **dict.fromkeys(("a quarter", "one quarter", "a fourth", "one fourth"), "25%"),
    **dict.fromkeys(("three quarters", "three-quarters", "three fourths"), "75%"),
    **dict.fromkeys(("a fifth", "one fifth"), "20%"),
    **dict.fromkeys(("a tenth", "one tenth"), "10%"),
}
_OF = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_MANY = r"(?:100|1[_,]?000|10[_,]?000|1[_,]?000[_,]?000|(?:a~|one~)?(?:hundred|thousand|million))"
_RELATION = r"(?:<=|>=|==|<|>|≤|≥|at~most|at~least|of|under|over|below|above)"


_SIGNS = {"at most": "<=", "at least": ">=", "under": "<=", "below": "<=", "over": ">="}
_WRITTEN_PARTS = "|".join(part.replace(" ", "~") for part in _PARTS)


def _part(match: re.Match[str]) -> str:
    """`half` as 50%."""
    relation = " ".join(match[1].lower().split())
    return f"{_SIGNS.get(relation, relation)} {_PARTS[' '.join(match[2].lower().split())]}"


def _in_many(match: re.Match[str]) -> str:
    """`5 in 100`, `2 out of a thousand`: as a percentage."""
    word = match["many"].split()[-1]
    many = _OF.get(word) or int(re.sub(r"[_,]", "", word))
    return f"{number(float(match['few'].replace('_', '')) / many * 100)}%"


COUNT_ROWS = (
    row(
        (
            rf"\bsum\( {_OVER} , (?P<body>(?:IN)+?) \)",
            rf"\bsum\( (?P<body>(?:IN)+?) , {_OVER} \)",
            rf"\bsum\( {_INDEX} , (?P<low>\d+) , (?P<high>\d+) , (?P<body>(?:IN)+?) \)",
            rf"\bsum\( (?P<body>(?:IN)+?) , {_INDEX} , (?P<low>\d+) , (?P<high>\d+) \)",
        ),
        _summed,
        "what a sum goes over stands behind its term: `for {i} in ...`",
    ),
    row(
        rf"\bsum [{{\[(] {_OVER} [}}\])]"
        r" (?P<body>WORD\[(?:IN)+?\](?: \^ \d+)?(?: \* WORD\[(?:IN)+?\])*|\((?:IN)+\))",
        _summed,
        "what a sum goes over stands behind its term: `for {i} in ...`",
        "CS1",
    ),
    row(
        rf"\b(?P<q>forall) [{{\[(] {_INDEX} (?:=|:=|\bin\b|\u2208|\bfrom\b) (?P<set>{_COUNTING})"
        r" [}\])] :? ",
        lambda m: (form := _quantified(m)) and f"{form}: ",
        "`{set}`: numbers from 0 on are `range(n)`, and a quantifier has no brackets",
        "CS1",
    ),
    row(
        r"\bsum [\[{] (?P<over>WORD~in~(?:range\([^()\n]*\)|\{[^{}\n]*\})) [\]}]"
        r" (?P<body>WORD\[(?:IN)+?\](?: \^ \d+)?|\((?:IN)+\))",
        r"sum(\g<body> for \g<over>)",
        "what a sum goes over stands behind its term: `for {over}`",
        "CS1",
    ),
    row(
        rf"(?:\\?\bsum|\u03a3|\u2211) _ [{{(]? {_INDEX} = (?P<low>\d+) [}})]? \^ [{{(]?"
        r" (?P<high>\d+) [})]? "
        r"(?P<body>\((?:IN)+\)|WORD\[(?:IN)+?\](?: \^ \d+)?(?: \* WORD\[(?:IN)+?\])*)",
        _summed,
        "a sum is written `sum(... for {i} in ...)`",
    ),
    row(
        rf"\b(?P<q>for(?:all)?)~{_INDEX} (?:=|:=|\bin\b|\u2208|\bfrom\b) (?P<set>{_COUNTING})",
        _quantified,
        "`{set}`: numbers from 0 on are `range(n)`",
        "CS1 CS3",
    ),
    row(
        rf"(?:\bis~)?({_RELATION})~?({_WRITTEN_PARTS})(?![\w(\[.])(?!~of\b)",
        _part,
        "a share is a number: `{2}` is written with `%`, or as a quotient",
        "CS110 CS1 CS2",
    ),
    row(
        rf"(?<![\w.])(?P<few>\d[\d_]*(?:\.\d+)?)~(?:in|out~of|of|per)~(?:every~|each~)?"
        rf"(?P<many>{_MANY})(?![\w.%*^/])",
        _in_many,
        "a share is written with `%`",
        "CS1 CS2 CS3",
    ),
)

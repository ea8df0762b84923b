"""What stands where nothing belongs: words of prose, commas before modifiers, a bare `:`."""

import re

from cspec.dsl.mistakes.failure import Failure, Repair, problem, rewritten
from cspec.dsl.text.defined_names import defined_names
from cspec.dsl.tree.constants import CONSTANTS, TRUTHS
from cspec.dsl.words.functions import SIGNATURES

_MODIFIERS = frozenset({"BY", "WITHIN", "SOFT", "WITH", "SURROGATE"})
_OWN = frozenset({"x", "y", "pred", "prob", *CONSTANTS, *TRUTHS})


def bare_colon(f: Failure) -> Repair | None:
    """`: P[pred == 1] <= 3%`: a label without its name."""
    if f.token.kind != "COLON" or f.index or f.kind != "clause" or len(f.tokens) < 2:
        return None
    said = ("CS126", "nothing stands before `:`", "remove it, or write a label: `name: ...`")
    return rewritten(f, 0, 1, (), *said, label="a label stands here")


def numbered_list(f: Failure) -> Repair | None:
    """`1. a <= 50%`, `(1) a <= 50%`: constraints have no numbers, but may have labels."""
    number = f.text(0, f.index)
    named = f.token.kind in {"NAME", "AVERAGE", "NUMBER"} and f.token.start > f.before.end
    if f.kind != "clause" or not _NUMBERED.fullmatch(number) or not named:
        return None
    if not f.has("RELATION", "IN"):
        return None
    rest = f.text(f.index)
    said = ("CS126", f"constraints have no numbers: `{number}` stands alone", f"write `{rest}`")
    return rewritten(f, 0, f.index, (), *said)


_NUMBERED = re.compile(r"\d+\.?|\(?(?:\d+|[a-z]|[ivx]+)\.?\)|\[\d+\]")


def label_elsewhere(f: Failure) -> Repair | None:
    """`P[a] <= 30% :cap`, `[cap] P[a] <= 30%`: a label stands first, with its colon."""
    if f.kind != "clause" or f.depth(f.index):
        return None
    if f.token.kind == "COLON" and f.index and f.index + 2 == len(f.tokens):
        name, body = f.at(f.index + 1), f.text(0, f.index)
        if name.kind != "NAME" or not f.has("RELATION", end=f.index):
            return None
    elif [t.kind for t in f.tokens[:3]] == ["LSQB", "NAME", "RSQB"] and f.index == 3:
        name, body = f.at(1), f.text(3)
        if not _stray(f, name.text):
            return None
    else:
        return None
    said = ("CS126", f"the label `{name.text}` stands first, with a `:`")
    return rewritten(f, 0, len(f.tokens), (f"{name.text}: {body}",), *said)


def second_bound(f: Failure) -> Repair | None:
    """`a >= 20% and <= 30%`: two bounds of one value are a chain."""
    found = _TWO_BOUNDS.fullmatch(f.text(f.body))
    if f.kind != "clause" or f.before.kind != "AND" or found is None:
        return None
    value, low, high = found["value"].strip(), found["first"], found["second"]
    if found["mark"] == found["other"]:
        return None
    low, high = (low, high) if found["mark"] == ">=" else (high, low)
    meant = f"{low.strip()} <= {value} <= {high.strip()}"
    return rewritten(f, f.body, len(f.tokens), (meant,), "CS111", _CHAIN)


def second_bound_inside(f: Failure) -> Repair | None:
    """`P[pred == 1 | age > 20 and < 30]`: two bounds of one name inside of brackets."""
    kinds = [f.at(i).kind for i in range(f.index - 4, f.index + 2)]
    number = {kinds[2], kinds[5]} == {"NUMBER"}
    if [kinds[0], kinds[1], kinds[3], kinds[4]] != ["NAME", "RELATION", "AND", "RELATION"]:
        return None
    name, mark, first, _, other, second = (f.at(i) for i in range(f.index - 4, f.index + 2))
    turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
    if not number or mark.text not in turned or other.text[0] == mark.text[0]:
        return None
    meant = f"{first.text} {turned[mark.text]} {name.text} {other.text} {second.text}"
    return rewritten(f, f.index - 4, f.index + 2, (meant,), "CS111", _CHAIN)


_CHAIN = "two bounds of one value are written as a chain"
_TWO_BOUNDS = re.compile(
    r"(?P<value>(?:[^<>=]|==)+?)\s*(?P<mark><=|>=)(?P<first>[^<>=]+?)\s+and\s+"
    r"(?P<other><=|>=)(?P<second>[^<>=]+)"
)


def comma_before_modifier(f: Failure) -> Repair | None:
    """`a == 30% within 1%, by lagrangian`: modifiers stand one behind the other."""
    word = f.at(f.index + 1)
    comma = f.token.kind == "COMMA" and f.kind == "clause" and not f.depth(f.index)
    if not comma or word.kind not in _MODIFIERS:
        return None
    return rewritten(f, f.index, f.index + 1, (), "CS115", f"no `,` stands before `{word.text}`")


def stray_words(f: Failure) -> Repair | None:
    """`density(f) <= 50% please`, `minimize the loss ce`: words that nothing defines."""
    if f.kind == "clause" and f.token.kind == "NAME" and not f.depth(f.index):
        related = f.has("RELATION", end=f.index)
        rest = f.tokens[f.index :]
        if related and f.before.kind != "RELATION" and all(_stray(f, t.text) for t in rest):
            return _without(f, f.index, len(f.tokens))
    if f.first.kind in {"MINIMIZE", "MAXIMIZE"} and f.token.kind == "NAME" and f.index == 2:
        end = 1
        while _stray(f, f.at(end).text):
            end += 1
        if end > 1 and end < len(f.tokens):
            return _without(f, 1, end)
    return None


def _stray(f: Failure, word: str) -> bool:
    """Whether a word is none of the spec, and none of the language that could stand alone."""
    if not word.isidentifier() or word in _OWN or word in SIGNATURES:
        return False
    return word not in defined_names(f.source.text)


def _without(f: Failure, start: int, end: int) -> Repair:
    message = f"`{f.text(start, end)}` means nothing here"
    help_ = f"remove it: `{' '.join(p for p in (f.text(0, start), f.text(end)) if p)}`"
    notes = ("remarks stand behind `#`",)
    return rewritten(f, start, end, (), "CS101", message, help_, notes=notes, safe=False)


def given_with_more(f: Failure) -> Repair | None:
    """`given loss(x, y)`, `given loss = x`: what is computed outside has a name alone."""
    if f.first.kind != "GIVEN" or f.token.kind not in {"LPAR", "EQUAL", "COLON", "IN", "LSQB"}:
        return None
    meant = f.text(0, f.index)
    value = f.text(f.index + 1) if f.token.kind == "EQUAL" else ""
    helps = [f"write `{meant}`"]
    if value and f.index == 2:
        helps.append(f"what is computed here is a `let`: `let {f.before.text} = {value}`")
    note = "its values are handed over in each step: `handle.loss(loss=...)`"
    end = len(f.tokens)
    said = ("CS102", "what is `given` is computed outside, and has a name alone")
    return rewritten(f, f.index, end, (), *said, *helps, notes=(note,), safe=False)


def several_variables(f: Failure) -> Repair | None:
    """`var x y z`: each stands on a line of its own."""
    if f.first.kind not in {"VAR", "PARAM"} or f.index != 2 or len(f.tokens) < 3:
        return None
    names = f.tokens[1:]
    if any(t.kind != "NAME" for t in names):
        return None
    word = f.first.text
    lines = [f"{word} {name.text}" for name in names]
    helps = [f"{'write' if not i else 'and'} `{line}`" for i, line in enumerate(lines)]
    message = f"each `{word}` stands on a line of its own"
    found = problem(f.source, "CS136", message, f.span(0), helps=helps, fix="\n".join(lines))
    others = [t for name in names[1:] for t in (f.first, name)]
    return Repair(found, (f.first, names[0]), rest=tuple(others[:2]))


def product_of_intervals(f: Failure) -> Repair | None:
    """`domain q = [0, 1] x [0, 1]`, `domain q = box([0, 1])`: a domain names its axes."""
    if f.first.kind != "DOMAIN" or f.index != 2 or f.token.kind != "EQUAL":
        return None
    text = f.text(3)
    found = re.findall(r"\[[^\[\]]*,[^\[\]]*\]", text)
    plain = re.fullmatch(r"(?:box\()?\s*\[[^\[\]]*\](?:\s*[x*×,]\s*\[[^\[\]]*\])*\s*\)?", text)
    if not plain or len(found) > len(_AXES):
        return None
    name = f.before.text
    model = re.search(r"^[ \t]*model[ \t]+\w+[ \t]*\(([^)\n]*)\)", f.source.text, re.MULTILINE)
    axes = [a.strip() for a in model[1].split(",")] if model else []
    if len(axes) != len(found):
        axes = [*_AXES[-len(found) :]]
    meant = f"domain {name}({', '.join(axes)}) = box({', '.join(found)})"
    message = f"domain `{name}` does not name its axes"
    shown = f.before.span
    return rewritten(f, 0, len(f.tokens), (meant,), "CS102", message, shown=shown, safe=False)


_AXES = ("t", "x", "y", "z")


def quantifier_behind_term(f: Failure) -> Repair | None:
    """`sum(sumsq(W) forall W in f.weights)`: inside of a function it is `for`."""
    opened = f.depth(f.index)
    if f.token.kind != "FORALL" or not opened or f.at(opened[-1]).kind == "LBRACE":
        return None
    message = f"inside of brackets `{f.token.text}` is written `for`"
    return rewritten(f, f.index, f.index + 1, ("for",), "CS122", message)


def prefixed(f: Failure) -> Repair | None:
    """`x++`, `x--`."""
    signs = f.text(f.index - 2, f.index)
    if f.token.kind != "$END" or signs not in ("++", "--") or f.index < 3:
        return None
    name = f.at(f.index - 3)
    if name.kind != "NAME":
        return None
    meant = f"{name.text} {signs[0]} 1"
    start = f.index - 3
    message = f"`{name.text}{signs}`: a spec has no steps, and changes no value"
    return rewritten(f, start, f.index, (meant,), "CS102", message, safe=False)


STRAYS = (
    bare_colon,
    numbered_list,
    label_elsewhere,
    second_bound,
    second_bound_inside,
    comma_before_modifier,
    given_with_more,
    product_of_intervals,
    quantifier_behind_term,
    prefixed,
)
"""Before the other checks; `stray_words` and `several_variables` come late."""

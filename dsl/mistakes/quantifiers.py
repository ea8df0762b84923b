"""Quantifiers in other spellings, in other places, without names or colon."""

import re
from dataclasses import replace
from itertools import pairwise

from cspec.dsl.mistakes.failure import (
    OPERAND_ENDS,
    OPERAND_STARTS,
    Failure,
    Repair,
    closer_of,
    opener_of,
    rewritten,
    swapped,
    told,
)
from cspec.dsl.text.source import Span, line_of


def index_outside(f: Failure) -> Repair | None:
    """`sum(x[i]) for i in range(3)`: the index stands in the brackets."""
    kinds = [f.at(f.index + i).kind for i in range(4)]
    if kinds != ["FOR", "NAME", "IN", "NAME"]:
        return None
    opener = opener_of(f.tokens, f.index - 1)
    if opener is None:
        return None
    head, end = f.at(opener - 1).text, f.index + 4
    if head not in {"sum", "max", "min", "any", "all", "mean", "prod"}:
        return None
    if f.at(end).kind == "LPAR":
        end = (closer_of(f.tokens, end) or end) + 1
    meant = f"{head}({f.text(opener + 1, f.index - 1)} {f.text(f.index, end)})"
    message = f"what `{head}` goes over stands in its brackets"
    return rewritten(f, opener - 1, end, (meant,), "CS122", message)


def for_all(f: Failure) -> Repair | None:
    """`for all x in S:`, `for each x in S:`, `for x in S:` before a constraint."""
    if f.kind != "clause":
        return None
    start = f.index if f.token.kind == "FOR" else f.index - 1
    token = f.at(start)
    if token.kind != "FOR" or f.depth(start):
        return None
    if f.at(start - 1).kind not in {"$END", "COLON"} and start > 0:
        return _trailing_for(f, start)
    end = start + 1
    if f.at(end).text in {"all", "each", "every", "any"}:
        end += 1
    message = f"`{f.text(start, end)}` is written `forall`"
    return rewritten(f, start, end, ("forall",), "CS122", message)


def _trailing_for(f: Failure, start: int) -> Repair:
    binder = f.text(start + 1) if start + 1 < len(f.tokens) else "v in S"
    binder = binder.removeprefix("all ").removeprefix("each ").rstrip(": ")
    message = "the quantifier stands before the relation"
    return told(f, f.at(start).span, "CS122", message, f"write `label: forall {binder}: ...`")


def where_first(f: Failure) -> Repair | None:
    """`forall (a, b) where count >= 50 in S:`: the condition stands behind the set."""
    at, held = f.find("FORALL", end=f.index), f.find("IN", f.index)
    if f.token.kind != "WHERE" or at is None or held is None or f.find("IN", at, f.index):
        return None
    colon = f.find("COLON", held)
    if colon is None:
        return None
    meant = f"{f.text(held, colon)} {f.text(f.index, held)}"
    said = ("CS122", "the condition stands behind the set", f"write `{meant}:`")
    return rewritten(f, f.index, colon, (meant,), *said)


def missing_colon(f: Failure) -> Repair | None:
    """`forall W in net.weights W in stiefel`."""
    start = None
    for index in range(f.index - 1, -1, -1):
        if f.at(index).kind == "COLON":
            return None
        if f.at(index).kind == "FORALL":
            start = index
            break
    if start is None or f.depth(f.index) or f.before.kind not in OPERAND_ENDS:
        return None
    if f.token.kind not in OPERAND_STARTS | {"LBRACE", "FORALL"} or f.index < start + 4:
        return None
    labelled = label_behind(replace(f, index=f.index + 1))
    if labelled is not None:
        return labelled
    help_ = f"write `{f.text(start, f.index)}: {f.token.text} ...`"
    said = ("CS121", "a `:` is missing behind the quantifier", help_)
    whole = f.span(start, f.index)
    return rewritten(f, f.index, f.index, (":",), *said, label="for all of these", shown=whole)


def _indented(f: Failure, at: int, quantifier: str) -> Repair | None:
    """Lines below `forall a in S:` that are indented, as in Python: they stand in braces."""
    text, opened = f.source.text, f.before
    start = line_of(text, opened.start)[0]
    indent = opened.start - start
    if start <= f.at(at).start or text[start : opened.start].strip() or not indent:
        return None
    lines = re.match(rf"(?:[ \t]{{{indent}}}[^\n]+\n?)+", text[start:])
    body = lines[0].rstrip() if lines else ""
    if body.count("\n") < 1:
        return None
    meant = f"{quantifier}: {{"
    begin = f.at(at).start
    margin = text[line_of(text, begin)[0] : begin].replace("s.t.", "    ")
    return told(
        f,
        f.span(at, f.index - 1),
        "CS126",
        "lines below a quantifier stand in braces, not by their indentation",
        f"write `{meant}`, and `}}` behind the last of them",
        fix=f"{meant}\n{body}\n{margin}}}",
        fix_span=Span(begin, start + len(body)),
        safe=False,
        tokens=(
            opened._replace(kind="NAME"),
            f.token,
            *f.tokens[: f.index - 1],
            *f.tokens[f.index + 1 :],
        ),
        sure=False,
    )


def label_behind(f: Failure) -> Repair | None:
    """`forall w in S: lip: ...`: the label stands before the quantifier."""
    label = f.before
    at = f.find("FORALL", end=f.index)
    word = label.text.isidentifier() and label.text != "where"
    behind = f.token.kind == "COLON" and word and not f.depth(f.index)
    if at is None or not behind or f.kind != "clause" or f.index < at + 4:
        return None
    start = f.at(at).start
    colon = f.at(f.index - 2).kind == "COLON"
    quantifier = f.text(at, f.index - 2 if colon else f.index - 1)
    if at:
        return told(
            f,
            Span(label.start, f.token.end),
            "CS126",
            f"a constraint has one label: `{f.first.text}` or `{label.text}`",
            f"remove `{label.text}:`",
            label="a second label",
            fix="",
            fix_span=Span(label.start, f.at(f.index + 1).start),
            safe=False,
            tokens=f.replaced(f.index - 1, f.index + 1),
        )
    block = _indented(f, at, quantifier) if colon else None
    if block is not None:
        return block
    head = f"{label.text}: {quantifier}:"
    body = f.text(f.index + 1) if f.at(f.index + 1).text else "..."
    span = Span(label.start, f.token.end)
    message = "a label stands before the quantifier"
    tokens = (
        label._replace(kind="NAME"),
        f.token,
        *f.tokens[: f.index - 1],
        *(() if colon else (f.token,)),
        *f.tokens[f.index + 1 :],
    )
    said = ("CS126", message, f"the label comes first: `{head} {body}`")
    return told(f, span, *said, fix=head, fix_span=Span(start, f.token.end), tokens=tokens)


_DATA = re.compile(r"^[ \t]*data[ \t]+\w+[ \t]*\(([^#\n)]*)\)", re.MULTILINE)


def _over(f: Failure, word: str, name: str) -> str:
    """`write `forall g in values(sex)``, where the constraint compares `sex` with `g`."""
    data = _DATA.search(f.source.text)
    line = rf"^[ \t]*data\b(?:[^#\n=]*[\s,])?{re.escape(name)}[ \t]*(?:\(|,|=|#|$)"
    columns_of = [c.strip() for c in data[1].split(",")] if data else []
    if name in columns_of:
        return f"write `{word} g in values({name})`, and `{name} == g` behind `|`"
    if re.search(line, f.source.text, re.MULTILINE):
        columns = data[1] if data and data[0].split("(")[0].split()[-1] == name else "x, y"
        pair = ", ".join(part.strip() for part in columns.split(",")[:2])
        return f"write `{word} ({pair}) in {name}`"
    triples = [*zip(f.tokens, f.tokens[1:], f.tokens[2:], strict=False)]
    for left, mark, right in triples:
        sides = {left.text, right.text}
        if mark.text == "==" and name in sides and {left.kind, right.kind} == {"NAME"}:
            column = next(iter(sides - {name}), "")
            if column:
                return f"write `{word} {name} in values({column})`"
    if any(left.kind == "LSQB" and right.text == name for left, right in pairwise(f.tokens)):
        ends = (end for left, mark, end in triples if left.text == name and mark.text == "<")
        last = next(ends, None)
        if last is not None and last.kind in {"NUMBER", "NAME"}:
            return f"write `{word} {name} in range({last.text})`"
        return f"write `{word} {name} in range(n)`, where n is how many there are"
    if len(columns_of) > 2 and name in ("groups", "group", "g", "a", "values"):
        column = columns_of[2]
        return f"write `{word} g in values({column})`, and `{column} == g` behind `|`"
    return f"write `{word} {name} in S` with a set: `values(column)`, `range(n)`, `f.weights`"


def quantifier_names(f: Failure) -> Repair | None:
    """`forall a, b in S`, `forall x S`."""
    opener = f.at(f.index - 2)
    if opener.kind not in {"FORALL", "FOR"}:
        return None
    if f.token.kind == "COMMA":
        end = f.index
        while f.at(end).kind == "COMMA" and f.at(end + 1).text.isidentifier():
            end += 2
        names = [f.at(i).text for i in range(f.index - 1, end, 2)]
        listed, word = ", ".join(names), opener.text
        separate = f": {word} ".join(f"{name} in S" for name in names)
        each = f"write `{word} {separate}`" if word == "forall" else "write one `for` for each"
        said = (
            f"`{word} {listed} in` has two readings",
            f"if each element of the set is a tuple, write `{word} ({listed}) in S`",
            f"if each name runs over the set, {each}",
        )
        return rewritten(f, f.index - 1, end, (f"({listed})",), "CS137", *said, safe=False)
    if f.before.kind == "NAME" and "IN" in f.expected:
        wrong = f.token
        if wrong.text in {"of", "from", "on", "is"}:
            return swapped(f, f.index, "in", "IN", "CS120")
        bound = f.at(f.index + 1).text
        if wrong.text in {"<", "<="} and bound.isdigit():
            meant = f"in range({int(bound) + (wrong.text == '<=')})"
            each = f"{opener.text} {f.before.text} {meant}"
            said = ("CS137", f"what `{f.before.text}` counts stands behind `in`", f"write `{each}`")
            return rewritten(f, f.index, f.index + 2, (meant,), *said, safe=False)
        message = f"`{opener.text} {f.before.text}` does not say over what"
        help_ = _over(f, opener.text, f.before.text)
        return told(f, f.span(f.index - 2, f.index), "CS137", message, help_)
    return None

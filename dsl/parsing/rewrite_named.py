"""Edits of a line that other lines of the spec tell: where a name is bound, how many entries it
has, which name nothing uses.

d: P[pred == 1 | sex == g] <= 30%   ->   d: forall g in values(sex): P[pred == 1 | sex == g] <= 30%
x[1] + x[2] + x[3] <= 4             ->   x[0] + x[1] + x[2] <= 4
"""

from __future__ import annotations

import re

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.wording import split_arguments
from cspec.dsl.parsing.rewrite_forms import HEAD, Rewrite
from cspec.dsl.text.source import Span, line_of

_BODY = re.compile(HEAD + r"(?P<body>[^\n#]*[^\n#\s])", re.MULTILINE)
_NO_CONSTRAINT = re.compile(
    r"(?:forall|metric|let|var|param|data|model|minimize|maximize|verify|fit|using|stop)\b"
)
_CALL = r"[A-Za-z_][\w.]*(?:\((?:[^()\n]|\((?:[^()\n]|\([^()\n]*\))*\))*\)(?:\.\w+\([^()\n]*\))?)?"
_BINDER = re.compile(
    rf"\b(?P<q>forall|for)[ \t]+(?P<names>[A-Za-z_]\w*|\([^()\n]*\))[ \t]+in[ \t]+"
    rf"(?P<set>{_CALL}|\{{[^{{}}\n]*\}})"
)


def _bound_elsewhere(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`z` of `max(... for z in ball(x, r))`, `g` of another line's `forall g in values(c)`."""
    if first.code != "CS201" or not word.isidentifier():
        return None
    start, end = line_of(text, first.span.start)
    for binder in _BINDER.finditer(text):
        names = [name.strip() for name in binder["names"].strip("() ").split(",")]
        if word not in names or start <= binder.start() <= end:
            continue
        line = _BODY.match(text, start)
        if line is None:
            return None
        if re.search(r"\.(?:sample|grid)\(", binder["set"]):
            return None  # points of its own are drawn for each
        where = _where(text, binder, word)
        if binder["set"].startswith("ball("):
            stands = split_arguments(binder["set"][5:-1])[0]
            new = re.sub(rf"(?<![\w.]){word}\b(?! *=(?!=))", stands, line["body"])
            said = f"`{word}` is known only inside {where}; outside of it stands `{stands}`"
            return Rewrite(Span(*line.span("body")), new, said)
        if _NO_CONSTRAINT.match(line["body"]):
            return None
        new = f"forall {binder['names']} in {binder['set']}: {line['body']}"
        return Rewrite(
            Span(*line.span("body")), new, f"`{word}` is known only inside {where}, not here"
        )
    return None


def _where(text: str, binder: re.Match[str], word: str) -> str:
    """`max(... for z in ...)` of `robust`: where a name is bound."""
    start, _ = line_of(text, binder.start())
    label = re.match(r"[ \t]*(?:s\.t\.[ \t]*)?(\w+):(?!=)", text[start:])
    before, opened = text[start : binder.start()], 0
    for place in range(len(before) - 1, -1, -1):
        opened += (before[place] in "([") - (before[place] in ")]")
        if opened > 0:
            break
    called = re.search(r"(\w+)[(\[]\Z", before[: place + 1]) if opened > 0 and before else None
    inside = f"forall {word} in ...:" if binder["q"] == "forall" else f"... for {word} in ..."
    inside = f"{called[1]}({inside})" if called else inside
    return f"`{inside}`" + (f" of `{label[1]}`" if label else "")


_FOR_EACH = re.compile(r"for each value write `(forall (\w+) in [^`]*:)` before it")


def _each_value(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`sex == g` where nothing is called `g`: for each value of the column."""
    told = next((m for h in first.helps for m in [_FOR_EACH.match(h)] if m), None)
    line = _BODY.match(text, line_of(text, first.span.start)[0])
    if told is None or line is None or _NO_CONSTRAINT.match(line["body"]):
        return None
    said = f"nothing is called `{word}`: for each value of a column, `forall` names it"
    return Rewrite(Span(*line.span("body")), f"{told[1]} {line['body']}", said)


_NO_ENTRY = re.compile(r"`(\w+)` has no entry (-?\d+)")
_TO = re.compile(r"indices go from 0 to (\d+)")
_OVER = re.compile(r"let `(\w+)` run over `(range\(\d+\)|\{[^`]*\})`")


def _from_one(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`x[1] + x[2] + x[3]` of three entries: indices that count from 1."""
    of, to = _NO_ENTRY.match(first.message), _TO.match(first.label)
    if first.code != "CS329" or of is None or to is None:
        return None
    name, size = of[1], int(to[1]) + 1
    if not word.isdigit():
        return _run_over(text, first, name, size)
    entry, every = (re.compile(rf"\b{name}\[{inner}") for inner in (r"[ \t]*(\d+)[ \t]*\]", ""))
    line = line_of(text, first.span.start)
    for start, end in ((0, len(text)), line):
        uses = [m for m in entry.finditer(text, start, end) if not _declares(text, m)]
        others = [m for m in every.finditer(text, start, end) if not _declares(text, m)]
        if len(uses) == len(others) and all(1 <= int(m[1]) <= size for m in uses):
            span = Span(uses[0].start(), uses[-1].end())
            new = entry.sub(lambda m: f"{name}[{int(m[1]) - 1}]", text[span.start : span.end])
            last = f"`{name}[{size - 1}]`"
            said = f"{first.message}: the first is `{name}[0]`, the last {last}"
            return Rewrite(span, new, said)
    return None


def _declares(text: str, use: re.Match[str]) -> bool:
    start, _ = line_of(text, use.start())
    return bool(re.match(r"[ \t]*(?:var|param)[ \t]+\Z", text[start : use.start()]))


def _run_over(text: str, first: Diagnostic, name: str, size: int) -> Rewrite | None:
    """`for i in range(4)` of three entries."""
    told = next((m for h in first.helps for m in [_OVER.search(h)] if m), None)
    start, end = line_of(text, first.span.start)
    if told is None:
        return None
    over = re.compile(rf"\b{told[1]}[ \t]+in[ \t]+(range\([^()\n]*\)|\{{[^{{}}\n]*\}})")
    found = [*over.finditer(text, start, end)]
    if len(found) != 1:
        return None
    entries = "1 entry" if size == 1 else f"{size}, 0 to {size - 1}"
    said = f"{first.message}: `{name}` has {entries}, and `{told[1]}` goes beyond them"
    return Rewrite(Span(*found[0].span(1)), told[2], said)


_DEFINED = re.compile(r"^[ \t]*(?:let|var|param)[ \t]+(\w+)", re.MULTILINE)


def _let_of_itself(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`let s = s + 1`: the name above it that nothing uses."""
    start, end = line_of(text, first.span.start)
    line = re.match(rf"[ \t]*let[ \t]+{re.escape(word)}[ \t]*=", text[start:end]) if word else None
    if first.code != "CS204" or line is None or "itself" not in first.message:
        return None
    above = _DEFINED.findall(text[:start])
    unused = [n for n in above if len(re.findall(rf"\b{n}\b", text)) == 1]
    if len(unused) != 1:
        return None
    body = Span(start + line.end(), end)
    new = re.sub(rf"(?<![\w.]){re.escape(word)}\b", unused[0], text[body.start : body.end])
    said = f"`{word}` can't stand in itself: `{unused[0]}` is defined above, and never used"
    return Rewrite(body, new, said)


def _let_without_itself(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`let g = g*k*x + 1`: without the factor, or the term, that is the name itself."""
    start, end = line_of(text, first.span.start)
    line = re.match(rf"[ \t]*let[ \t]+{re.escape(word)}[ \t]*=", text[start:end]) if word else None
    if first.code != "CS204" or line is None or "itself" not in first.message:
        return None
    body, own = Span(start + line.end(), end), rf"(?<![\w.]){re.escape(word)}\b(?![\[(.^])"
    inside = text[body.start : body.end]
    weight = r"(?:\d[\d.]*[ \t]*\*[ \t]*)?"
    parts = (
        rf"(?<=[\w)\]])[ \t]*[-+][ \t]*{weight}{own}(?![ \t]*[*/@])|^[ \t]*{weight}{own}[ \t]*\+"
        rf"|{own}[ \t]*[*+][ \t]*|[ \t]*\*[ \t]*{own}"
    )
    new = re.sub(parts, "", inside, count=1)
    if new == inside or re.search(rf"\b{re.escape(word)}\b", new):
        return None
    said = f"`{word}` can't stand in itself: leave it out, or give the new one another name"
    return Rewrite(body, new, said)


NAMED = (_bound_elsewhere, _each_value, _from_one, _let_of_itself, _let_without_itself)
"""Edits that take a text, a finding and the word that it marks."""

"""Unknown names that their place explains: a norm's order, a group's label, what a `let` takes."""

from __future__ import annotations

import re

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import Fix
from cspec.dsl.messages.wording import closing
from cspec.dsl.text.source import Span
from cspec.dsl.tree.nodes import Name
from cspec.dsl.words.kind import UNKNOWN, Kind

_NORMS = {
    **dict.fromkeys(("fro", "frobenius", "euclidean", "l_2", "two"), "2"),
    **dict.fromkeys(("one", "manhattan", "l_1"), "1"),
    **dict.fromkeys(("linf", "l_inf", "infty", "infinity", "sup"), "inf"),
}
_ORDER = re.compile(r"\bnorm\([^(),]*(?:\([^()]*\))?[^(),]*,[ \t]*\Z")
_BY_GROUP = re.compile(r"\b[EP]\[[^\[\]|]*\|[^\[\]]*\][ \t]*\[[ \t]*\Z")
_LET = re.compile(r"^[ \t]*let[ \t]+(\w+)(?=[ \t]*=)", re.MULTILINE)
_AVERAGES = {
    **dict.fromkeys(("e", "exp", "expected", "average", "expectation", "avg"), "E"),
    **dict.fromkeys(("p", "pr", "probability", "rate", "share", "fraction"), "P"),
}
_SPARSE = re.compile(r"sparsity\([ \t]*([\w.]+)[ \t]*\)[ \t]*(<=|>=|==)[ \t]*(\d+(?:\.\d+)?)%")
_WEIGHTS = re.compile(r"(?:weights|parameters|get_weights)\([ \t]*(\w+)[ \t]*\)")
_INDEXED = re.compile(r"(\w+)\.weights\[[ \t]*\Z")
_PATTERN = re.compile(r"\.weights\([ \t]*\Z")
_FLIPPED = {"<=": ">=", ">=": "<=", "==": "=="}
_BEFORE = 200
"""Characters before a name that tell its place."""


def by_place(typer: Typer, name: Name) -> Kind | None:
    """Report `norm(W, fro)`, `P[pred == 1 | sex][F]`, `let rate = P[pred == k]` with `rate(0)`."""
    text, word, start = typer.source.text, name.id, name.span.start
    begin = text.rfind("\n", 0, start) + 1
    before = text[max(begin, start - _BEFORE) : start]
    order = _NORMS.get(word.lower())
    if order and _ORDER.search(before):
        return _told(typer, name, f"a norm is named by a number: write `{order}`", name.span, order)
    if _BY_GROUP.search(before):
        label = f'"{word}"'
        return _told(typer, name, f"the label of a group is a text: `{label}`", name.span, label)
    if text[name.span.end : name.span.end + 1] == "[" and word.lower() in _AVERAGES:
        kind = _AVERAGES[word.lower()]
        return _told(typer, name, f"write `{kind}[...]`", name.span, kind)
    if _PATTERN.search(before):
        pattern = f'"{word}"'
        return _told(typer, name, f"names of weights are texts: `{pattern}`", name.span, pattern)
    indexed = _INDEXED.search(before)
    if indexed is not None and text[name.span.end : name.span.end + 1] == "]":
        meant = f'{indexed[1]}.weights("{word}")'
        place = Span(start - len(indexed[0]), name.span.end + 1)
        return _told(typer, name, f"weights are chosen by a text: `{meant}`", place, meant)
    weights = _WEIGHTS.match(text, start)
    if weights is not None and weights[1] in typer.symbols.models():
        meant = f"{weights[1]}.weights"
        return _told(typer, name, f"write `{meant}`", Span(*weights.span()), meant)
    sparse = _SPARSE.match(text, start)
    if sparse is not None:
        share = f"{100 - float(sparse[3]):g}%"
        meant = f"density({sparse[1]}) {_FLIPPED[sparse[2]]} {share}"
        return _told(typer, name, f"write `{meant}`", Span(*sparse.span()), meant)
    let = _LET.match(text, begin)
    if let is None or not re.search(rf"(?<!\w){let[1]}\(", text):
        return None
    end = text.find("\n", begin)
    rest = text[let.end() : end if end >= 0 else len(text)]
    help_ = f"it is called as `{let[1]}(...)`: write `let {let[1]}({word}){rest}`"
    return _told(typer, name, help_, Span(let.end(), let.end()), f"({word})")


def _told(typer: Typer, name: Name, help_: str, place: Span, new: str) -> Kind:
    return typer.report(
        "CS201",
        f"unknown name `{name.id}`",
        name.span,
        "not defined in this spec",
        helps=(help_,),
        fixes=(Fix(span=place, replacement=new, title=f"write {new}"),),
    )


def in_square_brackets(typer: Typer, name: Name) -> Kind | None:
    """Report `gap[P[pred == 1 | sex]]`, `rate["F"]`: what a function takes stands in `( )`."""
    text, opener = typer.source.text, name.span.end
    close = closing(text, opener) if text[opener : opener + 1] == "[" else None
    if close is None:
        return None
    meant = f"{name.id}({text[opener + 1 : close]})"
    span = Span(name.span.start, close + 1)
    return typer.report(
        "CS302",
        f"what `{name.id}` takes stands in `( )`",
        span,
        "a function",
        helps=(f"write `{meant}`",),
        fixes=(Fix(span=span, replacement=meant, title=f"write {meant}"),),
    )


_ON = re.compile(r"([ \t]*(?:[<>]=?|==)[ \t]*[\d.]+%?)[ \t]+on[ \t]+(\w+)")


def rate_on(typer: Typer, name: Name, rate: str) -> Kind | None:
    """Report `accuracy >= 90% on test`: the data stand in the brackets of the rate."""
    behind = _ON.match(typer.source.text, name.span.end)
    if behind is None:
        return None
    meant = f"{rate[:-1]} on {behind[2]}]{behind[1]}"
    place = Span(name.span.start, behind.end())
    return _told(typer, name, f"write `{meant}`", place, meant)


def dashed(typer: Typer, name: Name) -> Kind | None:
    """Report `marital-status` where `"marital-status" as marital` is a column: its name here."""
    text, start = typer.source.text, name.span.start
    for column in (c for columns in typer.symbols.datasets().values() for c in columns):
        written = column.original
        inside = written.find(name.id)
        if written.isidentifier() or inside < 0 or not text.startswith(written, start - inside):
            continue
        if inside:
            return UNKNOWN  # said at its first word
        place = Span(start, start + len(written))
        return typer.report(
            "CS201",
            f"`{written}` is called `{column.name}` here",
            place,
            "the name in the data",
            helps=(f"write `{column.name}`",),
            fixes=(Fix(span=place, replacement=column.name, title=f"write {column.name}"),),
        )
    return None

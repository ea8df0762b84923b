"""Lines whose indices, coordinates or points lack the quantifier that other lines tell.

sum(A[i, j]*x[i] for i in range(3)) >= 5   ->   forall j in range(4): sum(...) >= 5
E[diff(u, t)^2]                            ->   E[diff(u, t)^2 for (t, x) in q.sample(200)]
u == 0 at t = 0                            ->   u(0) == 0
"""

import re

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.wording import closing, split_arguments
from cspec.dsl.parsing.rewrite_forms import (
    HEAD,
    Rewrite,
    columns_of,
    declared,
    domains,
    put,
    sizes_of,
)
from cspec.dsl.text.defined_names import defined_data, fields
from cspec.dsl.text.source import Span, line_of
from cspec.dsl.tree.constants import is_whole

_BODY = re.compile(HEAD + r"([^#\n]*)", re.MULTILINE)
_OBJECTIVE = re.compile(r"([ \t]*(?:minimize|maximize|metric[ \t]+\w+[ \t]*=)[ \t]+)([^#\n]*)")
_SOME = 200
"""Points of a mean over a domain, where the spec says no number."""


def _each_entry(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`x[i] >= 1`, `forall i: x[i] >= 1`, `A[i, j]`: an index goes over entries of its size."""
    if first.code not in ("CS201", "CS137"):
        return None
    index = word.split()[-1] if word.split() else ""
    line = _BODY.match(text, line_of(text, first.span.start)[0])
    size = _size_of(text, line[2], index) if line and index.isidentifier() else ""
    if line is None or not size:
        return None
    message = f"`{index}` has no values here: what it counts stands behind `forall` or `for`"
    over = f"{index} in range({size})"
    objective = _OBJECTIVE.match(text, line.start())
    inner = _around(text, line.start(2), line.end(2), index)
    if inner is not None:
        return Rewrite(Span(inner, inner), f" for {over}", message)
    if objective is not None:
        if re.search(r"\b(?:for|forall)\b", objective[2]):
            return None
        start, end = objective.span(2)
        whole = objective[2].rstrip()
        return Rewrite(Span(start, end), f"sum({whole} for {over})", message)
    rest = re.sub(rf"\Aforall[ \t]+{re.escape(index)}[ \t]*:[ \t]*", "", line[2])
    bound = re.match(r"forall[ \t]+[^:\n]*?(?=[ \t]*:)", rest)
    if bound and "where" in bound[0]:
        return None
    new = f"{bound[0]}, {over}{rest[bound.end() :]}" if bound else f"forall {over}: {rest}"
    return Rewrite(Span(*line.span()), f"{line[1]}{new.rstrip()}", message)


_LAST = re.compile(
    r"\b(?P<of>[A-Za-z_]\w*)\[(?P<in>[^\[\]\n]*(?<![\w.])(?P<word>end|END|last|LAST|\$)"
    r"(?![\w.])[^\[\]\n]*)\]"
)
_BEFORE_LAST = re.compile(r"(?:end|END|last|LAST|\$)(?:[ \t]*-[ \t]*(\d+))?")


def _last_entry(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`x[end]`, `x[last - 1]`, `x[n]` of `x[n]`: entries are counted from 0."""
    line = _BODY.match(text, line_of(text, first.span.start)[0])
    if line is None:
        return None
    if first.code == "CS329" and "has no entry" in first.message:
        return _by_its_size(text, first, word)
    if first.code not in ("CS201", "CS106"):
        return None
    for use in _LAST.finditer(text, line.start(2), line.end(2)):
        sizes, places = sizes_of(text, use["of"]), split_arguments(use["in"])
        made = [_placed(place, size) for place, size in zip(places, sizes, strict=False)]
        new = ", ".join(made)
        if len(places) <= len(sizes) and not _LAST.search(f"{use['of']}[{new}]"):
            shown = f"{use['of']}[{new}]"
            message = f"there is no `{use['word']}`: entries are counted from 0, here `{shown}`"
            return Rewrite(Span(*use.span("in")), new, message)
    return None


def _by_its_size(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`x[n]`, `x[-1]` of `x[n]`: the last entry whatever `n` is."""
    before = text[line_of(text, first.span.start)[0] : first.span.start]
    of = re.search(r"\b(\w+)\[([^\[\]\n]*,)?[ \t]*\Z", before)
    sizes = sizes_of(text, of[1]) if of else []
    place = of[2].count(",") if of and of[2] else 0
    if of is None or place >= len(sizes) or not sizes[place].isidentifier():
        return None
    size = sizes[place]
    if word not in (size, "-1"):
        return None
    message = (
        f"entries are counted from 0: of `{of[1]}[{', '.join(sizes)}]` the last is `{size} - 1`"
    )
    return Rewrite(first.span, f"{size} - 1", message)


def _placed(place: str, size: str) -> str:
    """The number of `end - 1`; of a slice up to the end, nothing behind its `:`."""
    head, colon, tail = place.rpartition(":")
    found = _BEFORE_LAST.fullmatch(tail.strip())
    if found is None:
        return place
    back = int(found[1] or 0) + 1
    if colon:
        return f"{head}:" if back == 1 else f"{head}:-{back - 1}"
    return f"{int(size) - back}" if size.isdigit() else f"{size} - {back}"


def _size_of(text: str, line: str, index: str) -> str:
    """The declared size of what an index chooses from, as it is written there."""
    for of in re.finditer(r"\b(\w+)\[([^\[\]\n]*)\]", line):
        places = split_arguments(of[2])
        sizes = sizes_of(text, of[1])
        if index in places and len(sizes) == len(places):
            size = sizes[places.index(index)]
            number = declared(text, "param|let", size, r"[ \t]*(?:=|$)")
            if size.isdigit() or (size.isidentifier() and number):
                return size
    return ""


def _around(text: str, start: int, end: int, index: str) -> int | None:
    """Where the `for` of an index goes: the end of the only sum that has all its uses.

    In a constraint a sum that counts another index already leaves this one to `forall`.
    """
    objective = _OBJECTIVE.match(text, line_of(text, start)[0]) is not None
    uses = [m.start() for m in re.finditer(rf"\b{re.escape(index)}\b", text[start:end])]
    for call in re.finditer(r"\b(?:sum|max|min)\(", text[start:end]):
        close = closing(text, start + call.end() - 1)
        if close is None or close > end:
            continue
        held = all(call.end() <= use < close - start for use in uses)
        counts = re.search(r"\bfor\b", text[start + call.end() : close])
        if held and (objective or not counts):
            return close
    return None


def regular(match: re.Match[str]) -> str:
    """`x in linspace(0, 1, 101)`: the grid of the domain that has this axis from end to end."""
    texts = match.group("low", "high", "n")
    if not all(map(_FLOAT.fullmatch, texts)):
        return ""
    low, high, count = map(float, texts)
    step = count if match["kind"] == "arange" else 0.0
    count = round((high - low) / step) if step else count
    for name, axes, ends in domains(match.string):
        written = split_arguments(ends[0]) if axes == [match["name"]] and len(ends) == 1 else []
        known = [float(end) for end in written if _FLOAT.fullmatch(end)]
        if len(known) != 2 or not is_whole(count) or count < 1 or known[0] != low:
            continue
        if not step and high == known[1]:
            return f"{match['name']} in {name}.grid({int(count)})"
        beyond = round((high - known[1]) / step, 3) if step else -1
        if beyond in (0, 1):  # the end itself is left out by `arange`, and is in a grid
            return f"{match['name']} in {name}.grid({int(count) + 1 - int(beyond)})"
    return ""


_FLOAT = re.compile(r"[-+]?[\d.]+(?:e[-+]?\d+)?")


def _at_points(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`E[diff(u, t)^2]`: nothing says at which points of the domain."""
    start = line_of(text, first.span.start)[0]
    line = _BODY.match(text, start)
    if first.code not in ("CS201", "CS302") or line is None or _BOUND_ON.search(line[0]):
        return None
    derived = re.search(r"\b(?:diff|grad|laplacian)\((\w+)", line[0])
    used = {*re.findall(r"\b[A-Za-z_]\w*\b", line[0])}
    for name, axes, _ in domains(text):
        if not derived or derived[1] not in fields(text) or not used & {*axes}:
            continue
        listed = axes[0] if len(axes) == 1 else f"({', '.join(axes)})"
        words = " and ".join(f"`{axis}`" for axis in axes)
        taken = "is taken: they" if len(axes) == 1 else "are taken: they"
        message = f"nothing says at which points {words} {taken} are drawn from `{name}`"
        over = f" for {listed} in {name}.sample({_SOME})"
        means = [*re.compile(r"\bE\[").finditer(text, start, line.start() + derived.start())]
        mean = means[-1] if means else None
        close = closing(text, mean.end() - 1) if mean else None
        objective = _OBJECTIVE.match(text, start)
        if close is not None and close < line.end():
            return Rewrite(Span(close, close), over, message)
        if mean is None and objective is not None:
            new = f"E[{objective[2].strip()}{over}]"
            return Rewrite(Span(*objective.span(2)), new, message)
    return None


_BOUND_ON = re.compile(r"\b(?:for|forall)\b|\.sample\(|\.grid\(")


_AT = re.compile(
    HEAD + r"(?P<left>[^#\n]+?)[ \t]*==?[ \t]*(?P<right>[^#\n=]+?)[ \t]*,?[ \t]*"
    r"(?:\b(?:at|when|for|if|on|where|in)\b|@|\|)[ \t]*(?P<axis>[A-Za-z_]\w*)[ \t]*==?[ \t]*"
    r"(?P<value>-?[\w.]+)[ \t]*(?=#|$)",
    re.MULTILINE,
)


def _at_a_point(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`u == 0 at t = 0`, `u(t, x) == 0 when x == -1`: a value at a point is a call."""
    found = _AT.match(text, line_of(text, first.span.start)[0])
    for name, axes in fields(text).items() if found else ():
        used = rf"\b{re.escape(name)}\b(?:\([^()\n]*\))?"
        if found is None or found["axis"] not in axes or not re.search(used, found["left"]):
            continue
        if re.search(r"\b(?:diff|grad|forall)\b", found["left"]):
            continue
        value = ", ".join(found["value"] if axis == found["axis"] else axis for axis in axes)
        left = put(used, f"{name}({value})", found["left"])
        free = [axis for axis in axes if axis != found["axis"]]
        over = _drawn(text, free)
        if over is None:
            return None
        new = f"{found[1]}{over}{left} == {found['right']}"
        message = f"a value at a point is a call: `{name}({value})`"
        return Rewrite(Span(*found.span()), new, message)
    return None


def _drawn(text: str, axes: list[str]) -> str | None:
    """The quantifier over points of the axes that are free; None where no domain has them."""
    if not axes:
        return ""
    for _, known, ends in domains(text):
        if len(axes) == 1 and axes[0] in known and len(ends) == len(known):
            return f"forall {axes[0]} in uniform({ends[known.index(axes[0])]}).sample(100): "
    return None


_GROUPS = re.compile(
    HEAD
    + r"forall[ \t]+(?P<column>\w+)(?P<where>[ \t]+where[^:\n]*?)?[ \t]*:[ \t]*(?P<rest>[^#\n]*)",
    re.MULTILINE,
)


def _each_group(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`forall ward: P[pred == 1 | ward == w]`: a name goes over the values of a column."""
    line = _GROUPS.match(text, line_of(text, first.span.start)[0])
    if first.code != "CS137" or line is None:
        return None
    column, rest = line["column"], line["rest"].rstrip()
    of_data = rf"^[ \t]*data\b[^=]*\([^()]*\b{re.escape(column)}\b[^()]*\)"
    if not re.search(of_data, text, re.MULTILINE):
        return None
    columns, data = columns_of(text), defined_data(text)
    if column == columns[0] and data:  # inputs make no groups
        new = f"{line[1]}forall ({', '.join(columns)}) in {data[0]}: {rest}"
        said = f"`forall {column}` does not say over what: examples are those of a dataset"
        return Rewrite(Span(*line.span()), new, said)
    named = re.search(rf"\b{re.escape(column)}[ \t]*==[ \t]*([A-Za-z_]\w*)", rest)
    bare = re.compile(rf"((?:[|,]|\band\b)[ \t]*){re.escape(column)}(?=[ \t]*[\],]|[ \t]+and\b)")
    if not named and bare.search(rest):
        rest = bare.sub(lambda m: f"{m[1]}{column} == g", rest)
    mean = None if named or f"{column} == g" in rest else re.search(r"\b[EP]\[", rest)
    close = closing(rest, mean.end() - 1) if mean else None
    if mean and close is not None:
        joint = " and" if "|" in rest[mean.end() : close] else " |"
        rest = f"{rest[:close]}{joint} {column} == g{rest[close:]}"
    name = named[1] if named else "g"
    new = f"{line[1]}forall {name} in values({column}){line['where'] or ''}: {rest}"
    return Rewrite(Span(*line.span()), new, f"`forall {column}` does not say over what")


def _on_an_axis(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`u(0, x) == 0` without a quantifier: points of the axis of the domain are drawn."""
    over = _drawn(text, [word]) if first.code == "CS201" else None
    line = _BODY.match(text, line_of(text, first.span.start)[0])
    if not over or line is None or re.search(r"\bforall\b", line[0]):
        return None
    message = f"`{word}` has no value here: a condition holds for each of its points"
    return Rewrite(Span(*line.span()), f"{line[1]}{over}{line[2].lstrip()}", message)


BOUND = (_at_a_point, _at_points, _on_an_axis, _last_entry, _each_entry, _each_group)
"""Edits that take a text, a finding and the word that it marks."""

"""Edits of a line that other lines of the spec tell: where a name is bound, how many entries it
has, which name nothing uses.

d: P[pred == 1 | sex == g] <= 30%   ->   d: forall g in values(sex): P[pred == 1 | sex == g] <= 30%
x[1] + x[2] + x[3] <= 4             ->   x[0] + x[1] + x[2] <= 4
let pos = pos + 0.1*v               ->   let pos_next = pos + 0.1*v
bytes(net) <= 50%*initial(bytes(net))   ->   bytes(net) <= 50%*bytes(start), of a frozen copy
"""

import re

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.wording import closing, split_arguments
from cspec.dsl.parsing.rewrite_forms import HEAD, Rewrite, columns_of, declared, occurs, put
from cspec.dsl.text.defined_names import model_names
from cspec.dsl.text.source import Span, line_of
from cspec.dsl.words.losses import LOSSES

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
            new = put(rf"(?<![\w.]){re.escape(word)}\b(?! *=(?!=))", stands, line["body"])
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
    entry, every = (
        re.compile(rf"\b{re.escape(name)}\[{inner}") for inner in (r"[ \t]*(\d+)[ \t]*\]", "")
    )
    line = line_of(text, first.span.start)
    for start, end in ((0, len(text)), line):
        uses = [m for m in entry.finditer(text, start, end) if not _declares(text, m)]
        others = [m for m in every.finditer(text, start, end) if not _declares(text, m)]
        if uses and len(uses) == len(others) and all(1 <= int(m[1]) <= size for m in uses):
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
    over = re.compile(rf"\b{re.escape(told[1])}[ \t]+in[ \t]+(range\([^()\n]*\)|\{{[^{{}}\n]*\}})")
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
    unused = [n for n in above if len(re.findall(rf"\b{re.escape(n)}\b", text)) == 1]
    if len(unused) != 1:
        return None
    body = Span(start + line.end(), end)
    new = re.sub(rf"(?<![\w.]){re.escape(word)}\b", unused[0], text[body.start : body.end])
    said = f"`{word}` can't stand in itself: `{unused[0]}` is defined above, and never used"
    return Rewrite(body, new, said)


def _next_value(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`let pos = pos + 0.1*v`, `pos += 0.1*v`: a new name for the next value, here and below it.

    What nothing defines above is a `param`, the value that it starts from.
    """
    start, end = line_of(text, first.span.start)
    line = _UPDATE.match(text, start, end)
    told = ("CS204", "CS202", "CS128", "CS136")
    if first.code not in told or line is None:
        return None
    name, own = line["name"], rf"(?<![\w.]){re.escape(line['name'])}\b(?![\w(]| *[:=](?!=))"
    sign, body = line["sign"], line["body"].strip()
    if not (sign or re.search(own, body)) or body == name:
        return None
    if sign:
        whole = sign == "+" or _PLAIN.fullmatch(body) or (sign == "-" and not _SIGN.search(body))
        body = f"{name} {sign} {body if whole else f'({body})'}"
    new = next(n for n in (f"{name}_next", f"{name}_new", f"{name}_2") if n not in text)
    above = name in _DEFINED.findall(text[:start])
    if first.code == "CS136" and not above:
        return None
    begin = "1" if re.search(rf"{own}[ \t]*[*/]|[*/][ \t]*{own}", body) else "0"
    head = "" if above else f"param {name} = {begin}\n"
    rest = re.sub(own, new, text[end:])
    said = f"a `let` defines a name once, and assigns nothing: the next `{name}` is another name"
    said = (
        f"`{sign}=`: nothing is assigned twice: the next `{name}` is another name" if sign else said
    )
    return _from(text, start, f"{head}let {new} = {body}{rest}", said)


def _from(text: str, start: int, new: str, said: str) -> Rewrite:
    """A text with another end from `start` on, up to the last character that changes."""
    old = text[start:]
    pairs = enumerate(zip(reversed(old), reversed(new), strict=False))
    same = next((place for place, (a, b) in pairs if a != b), min(len(old), len(new)))
    return Rewrite(Span(start, len(text) - same), new[: len(new) - same], said)


_UPDATE = re.compile(
    r"[ \t]*(?:let[ \t]+)?(?P<name>[A-Za-z_]\w*)[ \t]*(?P<sign>[-+*/])?=(?!=)"
    r"[ \t]*(?P<body>[^#\n]+)"
)
_PLAIN = re.compile(r"[\w.]+(?:\([^()]*\))?")
_SIGN = re.compile(r"[-+]")


def _of_itself_alone(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`let q = q`: a number that is sought."""
    start, end = line_of(text, first.span.start)
    line = re.match(r"[ \t]*let[ \t]+(\w+)[ \t]*=[ \t]*(\w+)[ \t]*\Z", text[start:end])
    if first.code != "CS204" or line is None or line[1] != line[2]:
        return None
    said = f"`{line[1]} = {line[1]}` says nothing: a number that is sought is a `var`"
    return Rewrite(Span(start, end), f"var {line[1]}", said)


def _circle(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`let a = b + v`, `let b = a - 1`: one of the two is sought, its equation a constraint."""
    start, end = line_of(text, first.span.start)
    line = re.match(r"[ \t]*let[ \t]+(\w+)[ \t]*=[ \t]*([^#\n]+?)[ \t]*\Z", text[start:end])
    below = re.compile(r"^[ \t]*s\.t\.", re.MULTILINE).search(text, end)
    if first.code != "CS204" or "each other" not in first.message or line is None:
        return None
    if below is None or re.search(r"^[ \t]*(?:data|model|domain|given)\b", text, re.MULTILINE):
        return None
    between = text[end : below.start()]
    said = f"{first.message}: an equation in both is a constraint of a `var`"
    new = f"var {line[1]}{between}s.t. {line[1]} == {line[2]}\n"
    return Rewrite(Span(start, below.start()), new, said)


_START_OF = re.compile(r"(?<![\w.])initial\(")


def _at_the_start(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`bytes(net) <= 50%*initial(bytes(net))`: of a copy of `net` that never moves."""
    start, end = line_of(text, first.span.start)
    call = _START_OF.search(text, start, end)
    close = closing(text, call.end() - 1) if call else None
    if first.code != "CS338" or call is None or close is None:
        return None
    inside = text[call.end() : close]
    models = model_names(text)
    if len(models) == 1:
        mean = f"E[{inside}]" if inside.strip() in LOSSES else inside
        inside = _of_one_model(mean, models[0], columns_of(text))
    used = [name for name in models if re.search(rf"(?<![\w.]){re.escape(name)}\b", inside)]
    line = declared(text, "model", used[0], r"\b[^\n]*\n") if used else None
    if len(used) != 1 or line is None or line.end() > start:
        return None
    of = rf"^[ \t]*model[ \t]+(\w+)[ \t]*=[ \t]*frozen\([ \t]*{re.escape(used[0])}[ \t]*\)"
    copy = re.search(of, text, re.MULTILINE)
    free = (name for name in ("start", "before", "first") if not occurs(name, text))
    name = copy[1] if copy else next(free, f"{used[0]}_start")
    new = re.sub(rf"(?<![\w.]){re.escape(used[0])}\b", name, inside)
    new = new if _PLAIN_CALL.fullmatch(new) else f"({new})"
    said = f"`initial` is only known in metrics: what `{used[0]}` was is a copy that never moves"
    if copy and copy.end() <= start:
        return Rewrite(Span(call.start(), close + 1), new, said)
    whole = f"{text[line.end() : call.start()]}{new}{text[close + 1 :]}"
    whole = _of_one_model(whole, used[0], columns_of(text)) if len(models) == 1 else whole
    return _from(text, line.end(), f"model {name} = frozen({used[0]})\n{whole}", said)


_BOUNDED = re.compile(
    rf"^([ \t]*(?:s\.t\.[ \t]*)?(?:\w+:[ \t]*)?)({'|'.join(LOSSES)})(?=[ \t]*[<>=]=)", re.MULTILINE
)
"""A loss alone that is bounded: with one model its mean."""


def _of_one_model(text: str, model: str, columns: tuple[str, ...]) -> str:
    """Bare losses, `pred` and `prob` of a text that has a second model now, of the first."""
    given = f"({model}({columns[0]}), {columns[1]})" if len(columns) > 1 else ""
    text = _BOUNDED.sub(lambda m: f"{m[1]}E[{m[2]}]", text)
    text = re.sub(rf"(?<![\w.=])({'|'.join(LOSSES)})\b(?![\w(])", lambda m: f"{m[1]}{given}", text)
    return re.sub(
        r"(?<![\w.=])(pred|prob)\b(?![\w(])", lambda m: f"{m[1]}({model}({columns[0]}))", text
    )


_LET = re.compile(
    r"^[ \t]*let[ \t]+(?P<name>[A-Za-z_]\w*)[ \t]*=[ \t]*(?P<copy>frozen\([ \t]*)?(?P<of>\w+)"
    r"(?(copy)[ \t]*\))[ \t]*$",
    re.MULTILINE,
)


def _let_of_a_model(text: str, first: Diagnostic, word: str) -> Rewrite | None:
    """`let ref = frozen(f)`, `let ref = f` of a `ref(x)`: what is called on inputs is a `model`."""
    if first.code != "CS302":
        return None
    here, _ = line_of(text, first.span.start)
    line = next((m for m in _LET.finditer(text) if m["name"] == word or m.start() == here), None)
    models = model_names(text)
    if line is None or line["of"] not in models:
        return None
    rest = text[line.end() :]
    rest = _of_one_model(rest, models[0], columns_of(text)) if len(models) == 1 else rest
    said = f"`{line['name']}` is a model: its line begins with `model`"
    return _from(text, line.start(), f"model {line['name']} = frozen({line['of']}){rest}", said)


_PLAIN_CALL = re.compile(r"[\w.]+(?:\(.*\)|\[.*\])|\w+")


NAMED = (
    _bound_elsewhere,
    _each_value,
    _from_one,
    _let_of_itself,
    _of_itself_alone,
    _next_value,
    _circle,
    _at_the_start,
    _let_of_a_model,
)
"""Edits that take a text, a finding and the word that it marks."""

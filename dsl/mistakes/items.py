"""Items whose first word is right and whose form is not: `verify on test`, `metric P[...]`."""

import re

from cspec.dsl.messages.wording import as_name
from cspec.dsl.mistakes.failure import Failure, Repair, offered, rewritten, to_write, told
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.text.source import Span


def verify_words(f: Failure) -> Repair | None:
    """`verify on test`, `verify every epoch`: which constraints?"""
    if f.first.kind != "VERIFY":
        return None
    second = f.at(1)
    bare = second.kind in {"ON", "EVERY"} and f.index <= 2
    if not bare or f.at(2).kind in {"$END", "COMMA"}:
        return None
    help_ = f"write `verify all {f.text(1)}`, or labels in place of `all`"
    said = ("CS102", "`verify` does not say which constraints", help_)
    return rewritten(f, 1, 1, ("all ",), *said, shown=f.span(0, 2), place=second.start)


def verify_often(f: Failure) -> Repair | None:
    """`verify all on val every 5`, `every=5 epochs`: of what?"""
    place = f.find("EVERY", end=f.index)
    if f.first.kind != "VERIFY" or place is None:
        return None
    rest = [t for t in f.tokens[place + 1 :] if t.kind not in {"EQUAL", "LPAR", "RPAR"}]
    if not rest or not rest[0].text.isdigit() or len(rest) > 2:
        return None
    count, unit = rest[0].text, rest[1].text.lower() if len(rest) > 1 else ""
    units = ["epochs", "steps"]
    known = [word for word in units if unit and word.startswith(unit.rstrip("s"))]
    span = f.span(place)
    forms = [f"every {count} {word}" for word in known or units]
    said = ("CS132", f"`{f.source.slice(span)}` is written `{forms[0]}`")
    return told(f, span, *said, *map(to_write, forms), fixes=offered(span, *forms))


def using_setting(f: Failure) -> Repair | None:
    """`using penalty=10`: a setting without its method."""
    named = f.first.kind == "USING" and f.at(1).kind == "NAME" and f.at(2).kind == "EQUAL"
    if not named or not f.at(3).text:
        return None
    setting = f.text(1)
    if f.at(1).text in {"method", "solver", "algorithm"} and f.at(3).text in METHODS:
        said = ("CS131", "the method stands alone behind `using`", f"write `using {f.at(3).text}`")
        return rewritten(f, 1, 3, (), *said, shown=f.span(1))
    method = next((w for w in _METHODS if f.at(1).text in METHODS[w].model_fields), None)
    meant = f"using {method}({setting.replace(' ', '')})" if method else "using lagrangian"
    message = "a method stands behind `using`, its settings in `( )`"
    fix = meant.removeprefix("using ") if method else None
    return told(f, f.span(1), "CS131", message, f"write `{meant}`", fix=fix, safe=False)


def using_number(f: Failure) -> Repair | None:
    """`using penalty 10`, `using lagrangian 0.1`: settings stand in brackets, by name."""
    number = f.token.kind == "NUMBER" and f.index == 2 and len(f.tokens) == 3
    if f.first.kind != "USING" or not number or f.before.text not in METHODS:
        return None
    record = METHODS[f.before.text]
    setting = next((name for name in _FIRST if name in record.model_fields), None)
    value = f"({setting}={f.token.text})" if setting else ""
    if setting == "dual":
        value = f"(dual=sgd(lr={f.token.text}))"
    meant = f"{f.before.text}{value}"
    said = ("CS131", "settings of a method stand in `( )`, by name", f"write `using {meant}`")
    return rewritten(f, 1, 3, (meant,), *said, safe=False)


_FIRST = ("coefficient", "penalty", "rho", "dual")
"""Settings that one number alone most likely means."""
_METHODS = ("augmented_lagrangian", "lagrangian", *METHODS)
"""Methods by how likely a setting alone is meant for them."""


def using_several(f: Failure) -> Repair | None:
    """`using sal, projection`: one method stands behind `using`."""
    if f.first.kind != "USING" or f.token.kind not in {"COMMA", "AND", "SIGN"} or f.index < 2:
        return None
    if f.depth(f.index):
        return None
    method, other = f.text(1, f.index), f.text(f.index + 1)
    message = "one method stands behind `using`, that of every constraint without its own"
    help_ = f"write `using {method}`, and `by {other or 'method'}` behind the others"
    return told(f, f.span(f.index), "CS101", message, help_, tokens=f.tokens[: f.index])


def using_for(f: Failure) -> Repair | None:
    """`using lagrangian for lip`: `using` is about every constraint."""
    if f.first.kind != "USING" or f.token.kind not in {"FOR", "ON"} or f.index < 2:
        return None
    method, named = f.text(1, f.index), f.tokens[f.index + 1 :]
    label = named[0].text if named and named[0].text.isidentifier() else "c"
    every = label in {"all", "every", "each"}
    help_ = f"write `using {method}`" if every else _for_one(f, label, method)
    said = ("CS101", "`using` is about every constraint that names no method", help_)
    fix, gap = "" if every else None, Span(f.before.end, f.tokens[-1].end)
    return told(f, f.span(f.index), *said, fix=fix, fix_span=gap, tokens=f.tokens[: f.index])


def _for_one(f: Failure, label: str, method: str) -> str:
    """The line of the constraint with its method, where a constraint has the label."""
    begin = rf"^[ \t]*(?:s\.t\.|subject to)?[ \t]*({re.escape(label)}[ \t]*:(?!=)[^#\n;]*[^#\n;\s])"
    line = re.search(begin, f.source.text, re.MULTILINE)
    others = re.findall(r"(\w+(?:\([^()]*\))?)[ \t]+for[ \t]+(\w+)", f.text(1))
    if len(others) > 1:
        told = ", ".join(f"`{name}: ... by {by}`" for by, name in others)
        return f"remove this line, and write a method behind each constraint: {told}"
    if line is None or "{" in line[1] or re.search(r"\bby\b", line[1]):
        return f"`{label}: ... by {method}` says it for one constraint"
    return f"remove this line, and write `{line[1]} by {method}`"


def _metric_on(f: Failure) -> Repair:
    """`metric acc on test = P[pred == y]`: the data stand inside of the brackets."""
    data, value = f.at(f.index + 1).text, f.text(f.index + 3)
    inner = f"{value[:-1]} on {data}]" if value.endswith("]") else f"E[{value} on {data}]"
    meant = f"metric {f.before.text} = {inner}"
    said = ("CS101", "on which data it is measured stands in the brackets")
    return rewritten(f, 0, len(f.tokens), (meant,), *said, shown=f.span(f.index, f.index + 2))


def unnamed_metric(f: Failure) -> Repair | None:
    """`metric P[pred == y]`: a metric has a name."""
    if f.first.kind != "METRIC" or f.index > 2 or f.token.kind in {"EQUAL", "COLON", "RELATION"}:
        return None
    if f.token.kind == "ON" and f.at(f.index + 2).kind == "EQUAL":
        return _metric_on(f)
    if len(f.tokens) < 3:
        return None
    return rewritten(
        f,
        1,
        1,
        ("m = ",),
        "CS102",
        "a metric has a name",
        f"write `metric m = {f.text(1)}`",
        label="recorded under which name?",
        shown=f.first.span,
        place=f.at(1).start,
        safe=False,
        sure=False,
    )


def stop_after(f: Failure) -> Repair | None:
    """`stop after 5 epochs`, `stop at 500 steps`: how long a run is, `fit` says."""
    if f.first.kind != "STOP" or f.index != 1 or f.at(2).kind != "NUMBER":
        return None
    count, unit = f.at(2).text, f.at(3).text
    word = "steps" if unit.startswith("step") else "epochs"
    message = "how long a run is, `fit` says"
    help_ = f"write `fit({word}={count})`"
    said = ("CS120", message, help_, f"to stop early: `stop when stalled({word}={count})`")
    return told(f, f.span(0), *said)


def stop_list(f: Failure) -> Repair | None:
    """`stop when feasible, stalled(epochs=5)`: conditions are joined by `and` or `or`."""
    if f.first.kind != "STOP" or f.token.kind != "COMMA" or f.depth(f.index):
        return None
    said = ("CS115", "conditions of `stop` are joined by `and`, or by `or`")
    help_ = f"write `{f.text(0, f.index)} and {f.text(f.index + 1)}`"
    return rewritten(f, f.index, f.index + 1, (" and",), *said, help_, "or with `or`", safe=False)


def quoted_column(f: Failure) -> Repair | None:
    """`data train(x, "marital-status")`: a column that is no identifier has a name here."""
    if f.first.kind != "DATA" or f.before.kind != "STRING" or f.token.kind not in {"RPAR", "COMMA"}:
        return None
    column = f.before.text
    name = as_name(column) or "column"
    said = (f"the column `{column}` has no name to be called by", f"write `{column} as {name}`")
    return rewritten(
        f, f.index, f.index, (f" as {name}",), "CS102", *said, shown=f.before.span, safe=False
    )


def dashed_column(f: Failure) -> Repair | None:
    """`data train(x, marital-status)`: a column that is no name here."""
    if f.first.kind != "DATA" or f.token.text not in ("-", ".", "/") or f.before.kind != "NAME":
        return None
    if f.has("EQUAL", end=f.index) or not f.depth(f.index):
        return None
    end = f.index
    while f.at(end).text in ("-", ".", "/") and f.at(end + 1).text.isidentifier():
        end += 2
    if end == f.index:
        return None
    written = f.text(f.index - 1, end)
    name = "".join(c if c.isalnum() else "_" for c in written)
    meant, notes = f'"{written}" as {name}', (f"below, it is called `{name}`",)
    said = ("CS102", f"the column `{written}` is no name of a spec: it has a second one here")
    return rewritten(f, f.index - 1, end, (meant,), *said, notes=notes, safe=False)


def domain_axes(f: Failure) -> Repair | None:
    """`domain s = box([0, 1])`: a domain names its axes."""
    if f.first.kind != "DOMAIN" or f.index != 2 or f.token.kind not in {"EQUAL", "IN"}:
        return None
    message = f"domain `{f.before.text}` does not name its axes"
    help_ = f"write `domain {f.before.text}(t) = ...`, one name for each interval"
    return told(f, f.before.span, "CS102", message, help_)

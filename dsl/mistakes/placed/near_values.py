"""Values, settings and modifiers whose words stand in another order, or under another mark."""

import re

from cspec.dsl.messages.synonyms import SETTING_WORDS
from cspec.dsl.mistakes.failure import Failure, Repair, closer_of, rewritten, told
from cspec.dsl.settings.fit import FitSettings

_UNITS = {"epoch": "epochs", "epochs": "epochs", "step": "steps", "steps": "steps"}


_PATH = re.compile(r"(?:~|\.{1,2})?[\w.\-]*(?:[\\/][\w.\-]+)+(?=[ \t]*[,)\n]|\Z)")


def path_without_quotes(f: Failure) -> Repair | None:
    """`mnist(folder=./mnist)`, `csv(data/adult.csv)`: a path is a text."""
    marks = {"EQUAL", "LPAR", "COMMA"}
    start = next((i + 1 for i in range(f.index, -1, -1) if f.at(i).kind in marks), 0)
    found = _PATH.match(f.source.text, f.at(start).start) if start and f.depth(start) else None
    if found is None or f.first.kind not in {"DATA", "MODEL", "FIT", "FROM"}:
        return None
    end = next((i for i in range(start, len(f.tokens)) if f.at(i).end >= found.end()), start) + 1
    message = f"the path `{found[0]}` stands between quotes"
    return rewritten(f, start, end, (f'"{found[0]}"',), "CS105", message)


def second_value(f: Failure) -> Repair | None:
    """`param eps = 5% = 0.05`: one value."""
    equal = f.find("EQUAL", end=f.index)
    again = f.token.kind == "EQUAL" or f.token.text == "=="
    if f.first.kind not in {"PARAM", "LET", "VAR", "METRIC"} or not again or equal is None:
        return None
    if f.depth(f.index):
        return None
    meant = f.text(0, f.index)
    said = ("CS136", f"`{f.at(1).text}` gets one value", f"write `{meant}`")
    return rewritten(f, f.index, len(f.tokens), (), *said, label="a second value", safe=False)


def rows_of_a_matrix(f: Failure) -> Repair | None:
    """`param A = [1, 2], [3, 4]`: the rows stand in brackets."""
    equal = f.find("EQUAL", end=f.index)
    if f.first.kind not in {"PARAM", "VAR", "LET"} or f.token.kind != "COMMA" or equal is None:
        return None
    text = f.text(equal + 1)
    if not re.fullmatch(r"\[[^\[\]]*\](?:\s*,\s*\[[^\[\]]*\])+", text) or f.depth(f.index):
        return None
    message = "rows of a matrix stand in brackets of their own"
    rows = [row.count(",") + 1 for row in re.findall(r"\[([^\[\]]*)\]", text)]
    if f.first.kind != "LET" and equal == 2 and len(set(rows)) == 1:
        meant = f"{f.text(0, 2)}[{len(rows)}, {rows[0]}] = [{text}]"
        return rewritten(f, 0, len(f.tokens), (meant,), "CS115", message, safe=False)
    return rewritten(f, equal + 1, len(f.tokens), (f"[{text}]",), "CS115", message)


def and_in_a_list(f: Failure) -> Repair | None:
    """`verify a and b on test`, `verify all on val and test`: separated by commas."""
    if f.first.kind != "VERIFY" or f.token.kind != "AND" or f.at(f.index + 1).kind != "NAME":
        return None
    if f.find("ON", end=f.index) is not None:
        line = f"{f.text(0, f.index - 1)} {f.at(f.index + 1).text}"
        line = f"{line} {f.text(f.index + 2)}".rstrip()
        said = ("CS115", "`verify` names one data set", f"write `{line}` on the next line")
        found = rewritten(f, f.index, len(f.tokens), ("\n", line), *said, safe=False)
        return found._replace(tokens=f.replaced(f.index, f.index + 2))
    message = "labels are separated by `,`"
    return rewritten(f, f.index, f.index + 1, (",",), "CS115", message)


def tolerance_first(f: Failure) -> Repair | None:
    """`a == within 1% 30%`: the tolerance stands behind the value."""
    place = f.index - 1
    if f.token.text == "within":
        place = f.index
    if f.at(place).text != "within" or f.at(place - 1).kind != "RELATION":
        return None
    numbers = [f.at(place + 1), f.at(place + 2)]
    text = f.source.text[f.at(place).end : f.tokens[-1].end]
    found = re.fullmatch(r"\s*([\d.e-]+%?)\s*(?:of\s+|,\s*)?([\d.e-]+%?)\s*", text)
    if found is None or not all(n.text for n in numbers):
        return None
    message = "a tolerance stands behind the value"
    return rewritten(f, place, len(f.tokens), (f"{found[2]} within {found[1]}",), "CS120", message)


def value_of_a_modifier(f: Failure) -> Repair | None:
    """`soft=0.1`, `surrogate=sigmoid`, `by=admm`."""
    marks = {"EQUAL", "COLON"}
    at = f.index if f.token.kind in marks else f.index + 1
    word = f.at(at - 1)
    rest = f.text(at + 1)
    if f.kind != "clause" or f.at(at).kind not in marks or not rest or at < 3:
        return None
    if word.kind == "SOFT" and re.fullmatch(r"[\d.e-]+", rest):
        meant = f"soft(weight={rest})"
    elif word.text == "surrogate":
        meant = f"with surrogate {rest}"
    else:
        return None
    start = at - 2 if f.at(at - 2).kind == "WITH" else at - 1
    message = f"`{f.text(start)}` is written `{meant}`"
    return rewritten(f, start, len(f.tokens), (meant,), "CS120", message)


def modifier_inside(f: Failure) -> Repair | None:
    """`P[pred == 1 with surrogate sigmoid] <= 50%`: a modifier stands behind the relation."""
    opened = f.depth(f.index)
    close = f.closer()
    if f.token.kind not in {"WITH", "BY", "WITHIN", "SOFT"} or not opened or close is None:
        return None
    if f.at(opened[0] - 1).kind != "AVERAGE" or f.kind != "clause" or len(opened) > 1:
        return None
    modifier = f.text(f.index, close)
    whole = f"{f.text(0, f.index)}{f.text(close)} {modifier}"
    said = ("CS120", f"`{modifier}` stands behind the relation")
    return rewritten(f, 0, len(f.tokens), (whole,), *said, shown=f.span(f.index, close))


def number_with_a_unit(f: Failure) -> Repair | None:
    """`projection(ramp=10 epochs)`: a setting in epochs, of its own form or a share of the run."""
    unit = _UNITS.get(f.token.text)
    if unit is None or f.before.kind != "NUMBER" or not f.depth(f.index):
        return None
    named = f.at(f.index - 2).kind == "EQUAL" and f.at(f.index - 3).kind in {"NAME", "EVERY"}
    if not named or f.first.kind == "FIT":
        return None
    name, count = f.at(f.index - 3).text, f.before.text
    if name == "every":
        meant = f"{unit}({count})"
        said = ("CS129", f"`{count} {f.token.text}` is written `{meant}`")
        return rewritten(f, f.index - 1, f.index + 1, (meant,), *said)
    shown = f"{name}={count} {f.token.text}"
    if f.at(f.depth(f.index)[-1] - 1).text == "ramp":
        said = ("CS129", f"`{shown}` is written `{unit}={count}`")
        return rewritten(f, f.index - 3, f.index + 1, (f"{unit}={count}",), *said)
    helps = (f"leave `{shown}` out: without it a default is taken, which `cspec explain` shows",)
    message = f"`{name}` is a number, without `{f.token.text}`"
    return told(f, f.span(f.index - 1, f.index + 1), "CS129", message, *helps)


def fit_in_words(f: Failure) -> Repair | None:
    """`fit(20 epochs, batch 64)`: settings as `name=value`."""
    if f.first.kind != "FIT" or f.at(1).kind != "LPAR" or f.tokens[-1].kind != "RPAR":
        return None
    settings = []
    for part in f.text(2, len(f.tokens) - 1).split(","):
        setting = _setting(part.strip())
        if setting is None:
            return None
        settings.append(setting)
    meant = f"fit({', '.join(settings)})"
    said = ("CS131", "`fit` takes settings by name")
    return rewritten(f, 0, len(f.tokens), (meant,), *said, shown=f.span(2, len(f.tokens) - 1))


def _setting(part: str) -> str | None:
    """`epochs=20` for `20 epochs`; what is named already as it stands."""
    found = re.fullmatch(r"(?:([\d_]+)\s+([a-z_]+)|([a-z_]+)\s+([\d_]+))", part)
    if found is None:
        return part if re.fullmatch(r"[a-z_]+\s*=\s*[^=]+", part) else None
    word, value = found[2] or found[3], found[1] or found[4]
    known = [n for n in FitSettings.model_fields if word in (n, *SETTING_WORDS.get(n, ()))]
    name = known[0] if known else _UNITS.get(word)
    return f"{name}={value}" if name else None


def arguments_in_square_brackets(f: Failure) -> Repair | None:
    """`let f[a] = a^2`: what a `let` takes stands in round brackets."""
    if f.first.kind != "LET" or f.at(2).kind != "LSQB" or f.index != 2:
        return None
    names = closer_of(f.tokens, 2)
    if names is None or any(f.at(i).kind not in {"NAME", "COMMA"} for i in range(3, names)):
        return None
    meant = f"({f.text(3, names)})"
    name = f.at(1).text
    said = (
        "CS136",
        f"what `{name}` takes stands in `( )`",
        f"write `{name}{meant}`, also where it is used",
    )
    return rewritten(f, 2, names + 1, (meant,), *said, safe=False)


def dimensions_apart(f: Failure) -> Repair | None:
    """`var W[2][3]`: dimensions are separated by a comma."""
    if f.first.kind not in {"VAR", "PARAM"} or f.token.kind != "LSQB" or f.before.kind != "RSQB":
        return None
    meant = f.text(2).replace("][", ", ")
    if f.at(2).kind != "LSQB" or "][" not in f.text(2):
        return None
    said = ("CS136", "dimensions are separated by `,`", f"write `{f.text(0, 2)}{meant}`")
    return rewritten(f, 2, len(f.tokens), (meant,), *said)


VALUES = (
    path_without_quotes,
    second_value,
    rows_of_a_matrix,
    and_in_a_list,
    tolerance_first,
    value_of_a_modifier,
    modifier_inside,
    number_with_a_unit,
    fit_in_words,
    arguments_in_square_brackets,
    dimensions_apart,
)

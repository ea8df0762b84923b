"""What is missing between two words: `=`, `,`, `on`, `every`, an underscore, a quantifier's place.

Each check knows one thing that people leave out, and where in a clause it belongs.
"""

import re
from difflib import get_close_matches

from cspec.dsl.messages.synonyms import meant
from cspec.dsl.mistakes.failure import (
    OPERAND_ENDS,
    OPERAND_STARTS,
    Failure,
    Piece,
    Repair,
    closer_of,
    comma_before,
    commas_between,
    rewritten,
    told,
    touching,
)
from cspec.dsl.settings.fit import OPTIMIZERS, FitSettings
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.settings.models import MODELS
from cspec.dsl.settings.sources import SOURCES
from cspec.dsl.text.source import Span
from cspec.dsl.text.terminals import keywords
from cspec.dsl.text.tokens import Token
from cspec.dsl.words.losses import LOSSES

_DEFINED = frozenset(["VAR", "PARAM", "LET", "METRIC", "MODEL", "DATA", "DOMAIN"])
_SETTINGS = frozenset(FitSettings.model_fields) | {
    name for method in METHODS.values() for name in method.model_fields
}
_RECORDS = frozenset((*METHODS, *OPTIMIZERS, *SOURCES, *MODELS))
_OFTEN = frozenset(["each", "per", "at", "after", "any"])
_UNITS = frozenset(["epoch", "epochs", "step", "steps"])
_VALUES = frozenset(["NUMBER", "STRING", "NAME"])
_WORDS_OF_A_LABEL = 8
_BETWEEN = frozenset(["ALL", "EVERY", "FOR", "ON", "AND", "OR", "WHEN", "AS", "DATA", "MODEL"])
"""Keywords that a label of several words may hold."""
_MODIFIERS = frozenset(["WITHIN", "BY", "ON", "USING", "SURROGATE"])


def equal_sign(f: Failure) -> Repair | None:
    """`let a 3`, `var x 1`, `metric acc P[pred == y]`: the `=` is missing."""
    named = f.at(1).kind == "NAME" or f.first.kind != "METRIC"
    if f.first.kind not in _DEFINED or f.depth(f.index) or not named:
        return None
    if "EQUAL" not in f.expected:
        return None
    if f.token.kind not in OPERAND_STARTS | {"SIGN", "LBRACE"} or f.index < 2:
        return None
    here = [word for word, kind in keywords().items() if kind in f.expected]
    if f.token.kind == "NAME" and get_close_matches(f.token.text, here, n=1, cutoff=0.6):
        return None
    if f.token.kind == "NAME" and f.first.kind not in {"LET", "METRIC", "MODEL"}:
        return None
    defined = f.text(1, f.index)
    equal = f.find("EQUAL", f.index)
    names = f.tokens[f.index : equal or f.index]
    if f.first.kind == "LET" and f.index == 2 and names and all(t.kind == "NAME" for t in names):
        meant = f"({', '.join(t.text for t in names)})"
        said = (f"what `{defined}` takes stands in `( )`", f"write `let {defined}{meant} = ...`")
        return rewritten(f, f.index, equal or f.index, (meant,), "CS136", *said)
    if f.first.kind == "LET" and f.token.kind == "LSQB" and equal is not None:
        said = ("CS136", f"`{defined}` has the size of its value, which a `let` does not say")
        help_ = f"write `let {defined} {f.text(equal)}`"
        return rewritten(f, f.index, equal, (), *said, help_, safe=False)
    help_ = f"write `{f.first.text} {defined} = {f.text(f.index)}`"
    message = f"a `=` is missing behind `{defined}`"
    return rewritten(f, f.index, f.index, (" =",), "CS136", message, help_, shown=f.token.span)


def start_behind_set(f: Failure) -> Repair | None:
    """`var x in [0, 2] = 1`: the start stands before the set."""
    if f.first.kind not in {"VAR", "PARAM"} or f.token.kind != "EQUAL" or f.depth(f.index):
        return None
    at = f.find("IN", end=f.index)
    if at is None or f.index + 1 >= len(f.tokens):
        return None
    value, members = f.span(f.index + 1), f.span(at, f.index)
    shape = f"{f.text(0, at)} = {f.source.slice(value)} {f.source.slice(members)}"
    said = ("CS136", "the value stands before the set: `= value in set`", f"write `{shape}`")
    return rewritten(f, at, len(f.tokens), ("= ", value, " ", members), *said)


def data_names(f: Failure) -> Repair | None:
    """`data csv("a.csv", target="y")`: the data have a name and columns."""
    source = f.at(1)
    if f.first.kind != "DATA" or source.text not in SOURCES or f.at(2).kind != "LPAR":
        return None
    if f.at(3).kind == "NAME" and f.at(4).kind in {"COMMA", "RPAR"}:
        return None
    help_ = f"write `data train(x, y) = {f.text(1)}`"
    said = ("CS102", f"the data of `{source.text}` have no name", help_)
    notes = ("what stands before the `=` names the data and their columns",)
    return rewritten(f, 1, 1, (" train(x, y) =",), *said, notes=notes, shown=f.span(0, 2))


def verify_word(f: Failure) -> Repair | None:
    """`verify all test`, `verify all on val each epoch`, `... 5 epochs`."""
    if f.first.kind != "VERIFY" or f.index < 2:
        return None
    token, after = f.token, f.at(f.index + 1)
    if token.kind == "COMMA" and after.kind in {"EVERY", "ON", "WITH"}:
        message = f"no `,` stands before `{after.text}`"
        return rewritten(f, f.index, f.index + 1, (), "CS115", message)
    if after.text.endswith("%") and token.text in {"at", "with", "to", "level"}:
        meant = f"with confidence {after.text}"
        message = f"`{f.text(f.index, f.index + 2)}`: a level stands behind `with confidence`"
        return rewritten(f, f.index, f.index + 2, (meant,), "CS120", message)
    often = token.text in _OFTEN
    unit = token.text in _UNITS or (token.kind == "NUMBER" and after.text in _UNITS)
    if often and (after.text in _UNITS or after.kind == "NUMBER"):
        rest = f.text(f.index + 1)
        said = ("CS120", f"`{token.text}` is written `every`", f"write `every {rest}`")
        return rewritten(f, f.index, f.index + 1, ("every",), *said)
    if unit and "EVERY" in f.expected:
        rest = f.text(f.index)
        said = ("CS120", f"before `{rest}` stands `every`", f"write `every {rest}`")
        return rewritten(f, f.index, f.index, (" every",), *said, shown=token.span)
    here = [word for word, kind in keywords().items() if kind in f.expected]
    if get_close_matches(token.text, here, n=1, cutoff=0.6):
        return None
    if token.kind == "NAME" and "ON" in f.expected and f.before.kind in {"ALL", "NAME"}:
        said = ("CS120", f"before the data `{token.text}` stands `on`", f"write `on {token.text}`")
        return rewritten(f, f.index, f.index, (" on",), *said, shown=token.span)
    return None


def label_of_words(f: Failure) -> Repair | None:
    """`my label: x <= 3`, `at least two: ...`: a label is one name."""
    if f.kind != "clause" or f.depth(f.index):
        return None
    end = f.index
    while end < len(f.tokens) and f.at(end).kind != "COLON" and end < f.index + _WORDS_OF_A_LABEL:
        end += 1
    words = f.tokens[:end]
    plain = all(t.kind == "NAME" or t.text == "-" or t.kind in _BETWEEN for t in words)
    if f.at(end).kind != "COLON" or end < 2 or not plain:
        return None
    span, shown = f.span(0, end), f.text(0, end)
    if span.end <= span.start:
        return None  # tokens that were put in stand in no order
    name = re.sub(r"\W+", "_", shown).strip("_")
    said = ("CS126", f"the label `{shown}` is not one name", f"write `{name}: ...`")
    note = "a label is one name; an underscore stands between its words"
    return rewritten(f, 0, end, (name,), *said, notes=(note,))


def words_of_a_name(f: Failure) -> Repair | None:
    """`using augmented lagrangian`, `fit(batch size=32)`: an underscore is missing."""
    known = _SETTINGS if f.at(f.index + 1).kind == "EQUAL" else frozenset(METHODS)
    left, right = f.before, f.token
    name = f"{left.text}_{right.text}".lower()
    other = meant(name)
    helps = []
    if other is not None and other.word and f.at(f.index + 1).kind == "LPAR":
        name, helps = other.word, [other.help]
    elif name not in known or not left.text.isidentifier() or not right.text.isidentifier():
        return None
    message = f"`{left.text} {right.text}` is written `{name}`"
    return rewritten(f, f.index - 1, f.index + 1, (name,), "CS120", message, *helps)


def comma_of_a_list(f: Failure) -> Repair | None:
    """`[1 2 3]`, `fit(epochs=3 batch_size=32)`, `csv("a.csv" target="y")`."""
    opened = f.depth(f.index)
    if not opened or f.before.kind not in OPERAND_ENDS or f.token.kind not in OPERAND_STARTS:
        return None
    opener = opened[-1]
    setting = f.token.kind == "NAME" and f.at(f.index + 1).kind == "EQUAL"
    chosen = f.at(opener - 1).kind in {"NAME", "AVERAGE", "RPAR"}
    vector = f.at(opener).kind == "LSQB" and not chosen
    numbers = f.before.kind == f.token.kind == "NUMBER" and not touching(f.before, f.token)
    if f.at(opener).kind == "LBRACE" and f.at(opener - 1).kind == "COLON":
        return None
    if not setting and not numbers and not (vector and {f.before.kind, f.token.kind} <= _VALUES):
        return None
    return comma_before(f, f"{f.before.text}, {f.token.text}")


def number_parts(f: Failure) -> Repair | None:
    """`1.2.3`: no number has two points."""
    left, right = f.before, f.token
    both = left.kind == right.kind == "NUMBER" and touching(left, right)
    if not both or not right.text.startswith("."):
        return None
    whole = Span(left.start, right.end)
    help_ = f"write `{left.text}`, or `{left.text}{right.text[1:]}`, as you mean it"
    said = ("CS124", f"`{f.source.slice(whole)}` is no number: it has two points", help_)
    return told(f, whole, *said, tokens=f.replaced(f.index, f.index + 1), sure=False)


def trailing_quantifier(f: Failure) -> Repair | None:
    """`x[i] >= 1 forall i in S`, also with a comma before it: the quantifier comes first."""
    comma = f.token.kind == "COMMA"
    at = f.index + comma
    bare = comma and f.at(at).kind == "NAME" and f.at(at + 1).kind == "IN"
    word = f.at(at).kind in {"FORALL", "FOR"}
    if f.kind != "clause" or f.depth(f.index) or not (word or bare):
        return None
    if bare and not _used(f, f.at(at).text):
        return None
    at -= bool(bare)
    begin = f.body
    names = at + 1 + (f.at(at + 1).text in {"all", "each", "every"})
    tail = [t.kind for t in f.tokens[names:]]
    if begin >= f.index or "IN" not in tail or "COLON" in tail:
        return None
    if comma and bare:
        names = f.index + 1
    binder, body = f.span(names), f.span(begin, f.index)
    pieces = ("forall ", binder, ": ", body)
    said = ("CS122", "the quantifier stands before the relation")
    return rewritten(f, begin, len(f.tokens), pieces, *said, shown=f.at(at + bool(bare)).span)


def _used(f: Failure, name: str) -> bool:
    """Whether a name stands before the place: then what follows says what it runs over."""
    return any(t.kind == "NAME" and t.text == name for t in f.tokens[: f.index])


def value_of_a_setting(f: Failure) -> Repair | None:
    """`fit(epochs 10)`, `fit(adam)`: the `=` of a setting, or its name."""
    opened = f.depth(f.index)
    if not opened or f.before.kind != "NAME":
        return None
    word, owner = f.before.text, f.at(opened[-1] - 1)
    if owner.kind != "FIT" and owner.text not in _RECORDS:
        return None
    if owner.kind == "FIT" and word in OPTIMIZERS and f.token.kind in {"RPAR", "COMMA", "LPAR"}:
        said = ("CS131", f"`{word}` has no name here", f"write `optimizer={word}`")
        return rewritten(f, f.index - 1, f.index, ("optimizer=", f.before.span), *said)
    if word in _SETTINGS and f.token.kind in OPERAND_STARTS:
        said = ("CS131", f"a `=` is missing behind `{word}`", f"write `{word}={f.token.text}`")
        return rewritten(f, f.index, f.index, ("=",), *said, shown=f.token.span)
    return None


def model_name(f: Failure) -> Repair | None:
    """`model mlp(hidden=[64])`: the model has no name."""
    kind = f.at(1)
    if f.first.kind != "MODEL" or kind.text not in MODELS or f.at(2).kind != "LPAR":
        return None
    called = re.search(rf"\b(?!(?:{'|'.join(LOSSES)})\b)([a-z]\w*)\(x\)", f.source.text)
    name = called[1] if called else "f"
    shape = f"model {name} = {f.text(1)}"
    said = ("CS102", f"the `{kind.text}` has no name", f"write `{shape}`")
    return rewritten(f, 1, 1, (f" {name} =",), *said, shown=f.span(0, 2))


def indexed_label(f: Failure) -> Repair | None:
    """`lim {i in S}: x[i] >= 1` of AMPL."""
    opener = f.index if f.token.kind == "LBRACE" else f.index - 1
    if f.kind != "clause" or f.at(opener).kind != "LBRACE" or opener > 1 or f.depth(opener):
        return None
    close = closer_of(f.tokens, opener)
    if close is None or f.at(opener + 2).kind != "IN" or f.at(close + 1).kind != "COLON":
        return None
    inner = f.span(opener + 1, close)
    quantifier = f"forall {f.source.slice(inner)}"
    shape = f"{f.first.text}: {quantifier}: ..." if opener else f"{quantifier}: ..."
    pieces: tuple[Piece, ...] = (": " if opener else "", "forall ", inner)
    said = ("CS122", "indices of a constraint stand behind `forall`", f"write `{shape}`")
    return rewritten(f, 0, close + 1, ((f.at(0).span, *pieces) if opener else pieces[1:]), *said)


def equal_behind_modifier(f: Failure) -> Repair | None:
    """`within=1e-3`, `by = projection`: a modifier takes no `=`."""
    if f.token.kind != "EQUAL" or f.before.kind not in _MODIFIERS or f.depth(f.index):
        return None
    word, value = f.before.text, f.at(f.index + 1).text
    shape = f"{word} {f.text(f.index + 1)}"
    if not value:
        return None
    said = ("CS136", f"no `=` stands behind `{word}`", f"write `{shape}`")
    return rewritten(f, f.index - 1, f.index + 1, (f.before.span, " "), *said)


_WEIGHS = frozenset({"weight", "coefficient", "lambda", "penalty", "priority", "cost", "price"})


def soft_settings(f: Failure) -> Repair | None:
    """`soft weight=0.1`: settings stand in brackets."""
    if f.before.kind != "SOFT":
        return None
    soft, number = f.before.span, f.at(f.index + 1)
    said = ("CS131", "settings of `soft` stand in `( )`")
    if f.token.kind == "NUMBER":
        pieces = (soft, "(weight=", f.token.span, ")")
        return rewritten(f, f.index - 1, f.index + 1, pieces, *said)
    if f.token.text in _WEIGHS and number.kind == "NUMBER":
        meant, message = f"soft(weight={number.text})", f"{said[1]}, by name"
        return rewritten(f, f.index - 1, f.index + 2, (meant,), "CS131", message)
    if f.token.kind != "NAME" or number.kind != "EQUAL":
        return None
    inner = f.span(f.index, f.index + 3)
    return rewritten(f, f.index - 1, f.index + 3, (soft, "(", inner, ")"), *said)


def several_values(f: Failure) -> Repair | None:
    """`var x, y = 1, 2`: one a line, each with its own value."""
    if f.first.kind not in {"VAR", "PARAM", "LET"} or f.token.kind != "COMMA" or f.index != 2:
        return None
    equal = f.find("EQUAL")
    if equal is None:
        return None
    equal_token = f.at(equal)
    names, values = _parts(f, 1, equal), _parts(f, equal + 1, len(f.tokens))
    if len(names) != len(values) or len(names) < 2:
        return None
    word = f.first.text
    lines = [
        f"{word} {f.source.slice(name)} = {f.source.slice(value)}"
        for name, value in zip(names, values, strict=True)
    ]
    fixed = "\n".join(lines)
    first = tuple(
        t
        for t in f.tokens
        if t.start < names[0].end or equal_token.start <= t.start < values[0].end
    )
    return told(
        f,
        f.token.span,
        "CS115",
        f"each `{word}` stands on a line of its own",
        f"write `{lines[0]}`, and `{lines[1]}` on the next line",
        fix=fixed,
        fix_span=f.span(0),
        tokens=first,
        rest=_second(f, names, equal),
        sure=False,
    )


def _second(f: Failure, names: list[Span], equal: int) -> tuple[Token, ...]:
    """The tokens of the second line of two."""
    if len(names) != 2:
        return ()
    comma = commas_between(f.tokens, equal, len(f.tokens))[0]
    return (f.first, *f.tokens[3 : equal + 1], *f.tokens[comma + 1 :])


def _parts(f: Failure, start: int, end: int) -> list[Span]:
    """The members of a list between two tokens."""
    parts, begin = [], start
    for index in (*commas_between(f.tokens, start, end), end):
        if index > begin:
            parts.append(f.span(begin, index))
        begin = index + 1
    return parts

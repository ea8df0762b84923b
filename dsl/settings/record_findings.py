"""What is wrong with the word of a record: of a method, an optimizer, a source, a model."""

from __future__ import annotations

import re
from typing import Literal, get_args, get_origin

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, finding, replacing, writing
from cspec.dsl.messages.synonyms import SETTINGS_OF
from cspec.dsl.messages.wording import closest, listing, quoted
from cspec.dsl.settings.duals import DUALS
from cspec.dsl.settings.findings import Table, a, options_of
from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Index, Name, String
from cspec.dsl.words.sets import SET_WORDS

_COPIES = frozenset({"deepcopy", "copy", "clone", "detach", "freeze"})
_USUAL = {
    "optimizer": "`adam(lr=1e-3)` is the usual one",
    "schedule": "`cosine` is the usual one",
    "method": "`using lagrangian` fits every requirement with a gradient; without a line `using`,"
    " cspec chooses",
    "model": "`mlp(hidden=[64])` is the usual one for a table, `cnn` for images",
    "data source": '`csv("data.csv", target="y")` reads a table',
}
"""What to take where nothing tells what is meant."""
_HOW = {
    "model": 'bring your own in: add the line `from "nets.py" import {word}` above, or bind it:'
    " `model net`",
    "data source": "or leave `= ...` away, and bind your data from outside",
}


_IN_FILE = re.compile(r"([\w./-]+\.py):(\w+)")


def no_record(expr: Expr, table: Table, noun: str, source: Source) -> Diagnostic:
    """What stands where a word such as `adam` belongs: a text, a dotted name, a number."""
    head: Expr = expr.function if isinstance(expr, Call) else expr
    word = ""
    if isinstance(expr, Index) and isinstance(expr.value, Name) and expr.value.id in table:
        return _in_brackets(expr, expr.value.id, noun, source)
    if isinstance(head, String):
        word = head.value
    elif isinstance(head, Attribute):
        word = head.name
    meant = known_word(word, table, noun)
    text = quoted(source, expr.span)
    helps: tuple[str, ...] = (f"one of {listing(table)}",)
    fixes: tuple[Fix, ...] = ()
    if noun == "model" and word.lower() in _COPIES and isinstance(expr, Call) and expr.arguments:
        helps = (f"a copy that never moves is `frozen({source.slice(expr.arguments[0].span)})`",)
        meant = None
        head = Name(span=head.span, id=word)
    file = _IN_FILE.fullmatch(word) if isinstance(head, String) else None
    if file is not None:
        helps = (f'write `from "{file[1]}" import {file[2]}` above, and `{file[2]}` here',)
    elif meant:
        helps = (f"write `{meant}`",)
        fixes = replacing(head.span, meant)
    elif isinstance(head, Attribute) and noun in ("model", "data source"):
        path = source.slice(head.value.span)
        call = source.slice(Span(head.name_span.start, expr.span.end))
        loaded = path in ("torch", "pickle", "joblib", "np") and word == "load" and noun == "model"
        if loaded:
            bound = "leave the `=` and what follows away, and bind the model from outside"
            return _no_record(text, noun, expr, (bound,), fixes)
        beside = f'`from "{path.replace(".", "/")}.py" import {word}`'
        helps = (f"write {beside} above, and `{call}` here", *helps)
    return _no_record(text, noun, expr, helps, fixes)


def _no_record(
    text: str, noun: str, expr: Expr, helps: tuple[str, ...], fixes: tuple[Fix, ...]
) -> Diagnostic:
    label = f"the name of {a(noun)} goes here"
    return finding("CS503", f"{text} is no {noun}", expr.span, label, helps=helps, fixes=fixes)


def _in_brackets(expr: Index, word: str, noun: str, source: Source) -> Diagnostic:
    """`mlp[64, 64]`: settings stand in round brackets."""
    inner = source.text[expr.value.span.end : expr.span.end]
    meant = f"{word}({inner})"
    said = f"{quoted(source, expr.span)} is no {noun}: settings stand in `( )`"
    return finding("CS503", said, expr.span, "square brackets", **writing(expr.span, meant))


def known_word(word: str, table: Table, noun: str) -> str | None:
    """The word of a table that another library's word, or a typing mistake, most likely means."""
    if word.lower() in _ELSEWHERE.get(noun, {}):
        return None
    other = word_elsewhere(noun, word)
    return other if other in table else closest(word, table) if word else None


def word_elsewhere(noun: str, word: str) -> str | None:
    """The word of a record that another library's word means."""
    pruned = noun == "method" and _PRUNED.search(word.lower())
    return "projection" if pruned else SETTINGS_OF.get(noun, {}).get(word.lower())


_PRUNED = re.compile(r"prun|sparsif|quanti[sz]|magnitude|unstructured")
"""Methods elsewhere that keep the largest weights, or round them: what a projection does."""


def _setting_with(word: str, table: Table) -> str:
    """`projection(stiefel=svd)` for `svd`: the only record with a setting that takes the word."""
    settings = [
        f"{record.word}({name}={word})"
        for record in dict.fromkeys(table.values())
        for name, field in record.model_fields.items()
        for option in options_of(field.annotation)
        if get_origin(option) is Literal and word in get_args(option)
    ]
    return settings[0] if len(settings) == 1 else ""


_OPTIMIZERS = dict.fromkeys(
    ("adam", "adamw", "sgd", "lbfgs", "rmsprop"), "an optimizer stands in `fit(optimizer=...)`"
)
_METHODS = dict.fromkeys(
    ("augmented_lagrangian", "lagrangian", "admm", "exact_penalty", "sqp", "projection", "penalty"),
    "a method stands in a line of its own: `using ...`",
)
_ELSEWHERE = {"method": _OPTIMIZERS, "optimizer": _METHODS}
"""Words that are right in another line."""


def unknown_word(word: str, span: Span, table: Table, noun: str) -> Diagnostic:
    """`lagrangean`, `mnsit`."""
    guess = known_word(word, table, noun)
    fixes = replacing(span, guess)
    plural = f"{noun}s" if noun[-1] != "y" else f"{noun[:-1]}ies"
    helps = [f"did you mean `{guess}`?"] if guess else []
    if not guess and noun not in _USUAL:
        helps = [f"one of {listing(table)}"]
    elsewhere = _ELSEWHERE.get(noun, {}).get(word.lower())
    if elsewhere:
        helps = [elsewhere]
    if not guess and not elsewhere and noun in _USUAL:
        helps = [_USUAL[noun], *helps]
    if noun == "method" and word in DUALS:
        helps = [f"it is a dual step: write `lagrangian(dual={word})`, with its settings there"]
        if word in _OPTIMIZERS:
            helps.insert(0, f"of the model it is an optimizer: `fit(optimizer={word})`")
    elif noun == "method" and (setting := _setting_with(word, table)):
        helps = [f"it is what a setting says: write `{setting}`"]
        fixes = replacing(span, setting)
    elif noun == "method" and word in SET_WORDS:
        helps = [f"it is a set: write `in {word}` in place of `by {word}`"]
    if noun == "model" and word.lower() in _COPIES:
        helps = ["a copy that never moves is `frozen(...)`, with the model in the brackets"]
    elif not guess and noun in _HOW:
        own = 0 if noun == "model" and word[:1].isupper() else len(helps)  # a class of one's own
        helps.insert(own, _HOW[noun].format(word=word))
    said = f"unknown {noun} `{word}`"
    label = f"no {noun} of this name"
    note = f"{plural}: {', '.join(table)}"
    return finding("CS501", said, span, label, notes=(note,), helps=helps, fixes=fixes)

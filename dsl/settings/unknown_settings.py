"""Settings that a word does not take: what they are called here, and where they stand."""

from __future__ import annotations

import re

from cspec.dsl.messages.diagnostic import Diagnostic, edit, finding, replacing
from cspec.dsl.messages.synonyms import PATIENCE, SETTING_WORDS
from cspec.dsl.messages.wording import closest, listing, number
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.duals import DUALS
from cspec.dsl.settings.fit import OPTIMIZERS
from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree.nodes import Keyword, Number


def known_setting(cls: type[Settings], word: str) -> str | None:
    """The setting that another library's word, or a typing mistake, most likely means."""
    return other_word(cls, word) or closest(word, cls.model_fields)


def other_word(cls: type[Settings], word: str) -> str | None:
    """The setting that another library calls so."""
    for ours, others in SETTING_WORDS.items():
        if ours in cls.model_fields and word.lower() in others:
            return ours
    return None


def unknown_setting(
    cls: type[Settings], keyword: Keyword, source: Source, given: frozenset[str] = frozenset()
) -> Diagnostic:
    """A setting that the word does not take; `given` are those that stand beside it."""
    known = tuple(cls.model_fields)
    guess = other_word(cls, keyword.name)
    inner = None if guess else _inner(cls, keyword, source) or _of_optimizer(cls, keyword, source)
    guess = guess or (None if inner else closest(keyword.name, cls.model_fields))
    span, label = keyword.name_span, "unknown setting"
    said = f"`{cls.word}` has no setting `{keyword.name}`"
    line, fixes = "", replacing(span, guess)
    if guess == "hidden" and isinstance(keyword.value, Number) and keyword.value.value < 16:
        count = int(keyword.value.value)
        layers = f"hidden=[{', '.join([_width(source)] * count)}]"
        note = f"`hidden` lists the width of each hidden layer, here of {count}"
        listed = re.search(r"\bhidden[ \t]*=[ \t]*\[([^\]\n]*)\]", source.text)
        twice = "hidden" in given and listed is not None and listed[1].count(",") + 1 == count
        place = _with_comma(keyword, source) if twice else keyword.span
        help_ = f"remove `{keyword.name}`: `hidden` says it" if twice else f"write `{layers}`"
        fixes = edit(place, "" if twice else layers, note)
        return finding("CS502", said, span, label, notes=(note,), helps=(help_,), fixes=fixes)
    if inner and inner.partition("=")[0] not in given:
        fixes = replacing(keyword.span, inner)
    if not fixes and not inner and not (line := _line_of_its_own(cls, keyword, source)):
        fixes = edit(_with_comma(keyword, source), "", "remove it")
    takes = listing(known, "and") if known else "no settings"
    notes = (f"`{cls.word}` takes {takes}", *_follows(cls, keyword.name))
    help_ = _inside(inner, given, source) if inner else line or f"remove `{keyword.name}`"
    help_ = f"did you mean `{guess}`?" if guess else help_
    return finding("CS502", said, span, label, notes=notes, helps=(help_,), fixes=fixes)


_SIZES = frozenset({
    "inputs", "in_features", "input_dim", "input_size", "n_inputs", "in_channels", "in_dim",
    "outputs", "out_features", "output_dim", "output_size", "n_outputs", "out_channels", "out_dim",
    "classes", "n_classes", "num_classes",
})  # fmt: skip
"""Sizes of a model in other libraries, which a spec never says."""


def _follows(cls: type[Settings], word: str) -> tuple[str, ...]:
    """Where a size comes from that other libraries ask for."""
    if word.lower() not in _SIZES or not {"hidden", "bias"} & cls.model_fields.keys():
        return ()
    return ("inputs follow the data, outputs the loss and the use: `f(x)[2]` makes three of them",)


def _line_of_its_own(cls: type[Settings], keyword: Keyword, source: Source) -> str:
    """`fit(early_stopping=5)`: what is said in a line of its own, and goes here."""
    if keyword.name.lower() not in PATIENCE or "optimizer" not in cls.model_fields:
        return ""
    count = source.slice(keyword.value.span) if isinstance(keyword.value, Number) else "5"
    return f"it is a line of its own, `stop when stalled(epochs={count})`; remove it here"


def _width(source: Source) -> str:
    """The width that stands beside a number of layers, else a usual one."""
    given = re.search(r"\bhidden[ \t]*=[ \t]*\[?[ \t]*(\d+)[ \t]*\]?[ \t]*[,)]", source.text)
    return given[1] if given else "64"


def _of_optimizer(cls: type[Settings], keyword: Keyword, source: Source) -> str | None:
    """`momentum=0.9` in `fit`, where the optimizer that stands there takes it."""
    if keyword.name in _SHARES and "split" in cls.model_fields:
        share = keyword.value.value if isinstance(keyword.value, Number) else 0.0
        first = keyword.name.startswith("train")
        shares = (share, 1 - share) if first else (1 - share, share)
        whole = ", ".join(number(round(part, 12)) for part in shares)
        return f"split=[{whole}]" if 0 < share < 1 else None
    found = re.search(r"\boptimizer[ \t]*=[ \t]*(\w+)(?:\(([^()\n]*)\))?", source.text)
    record = OPTIMIZERS.get(found[1]) if found else None
    named = "optimizer" in cls.model_fields and record is not None
    if not named or found is None or record is None or keyword.name not in record.model_fields:
        return None
    settings = f"{found[2]}, " if found[2] else ""
    return f"optimizer={found[1]}({settings}{keyword.name}={source.slice(keyword.value.span)})"


_SHARES = frozenset({
    "test_size", "val_size", "valid_size", "validation_split", "test_split", "val_split",
    "test_share", "train_size", "train_split", "train_share", "test_fraction", "val_fraction",
})  # fmt: skip
"""The share of one of two data sets in other libraries."""


def _inside(inner: str, given: frozenset[str], source: Source) -> str:
    """`write `schedule=cosine(warmup=5)``, with the word that stands there already."""
    name, _, rest = inner.partition("=")
    word = re.search(rf"\b{re.escape(name)}[ \t]*=[ \t]*\"?([A-Za-z_]\w*)", source.text)
    if name in given and word and word[1] not in rest:
        return f"write `{name}={word[1]}{rest[rest.index('(') :]}`"
    return f"write `{inner}`"


def _with_comma(keyword: Keyword, source: Source) -> Span:
    """A setting with the comma that goes with it."""
    text, (start, end) = source.text, keyword.span
    before = len(text[:start].rstrip())
    if text[:before].endswith(","):
        return Span(before - 1, end)
    after = text[end:].lstrip()
    if after.startswith(","):
        rest = after[1:].lstrip()
        return Span(start, len(text) - len(rest))
    return keyword.span


def _inner(cls: type[Settings], keyword: Keyword, source: Source) -> str | None:
    """`fit(lr=0.1)`: a setting of a record that is a setting itself."""
    for name, field in cls.model_fields.items():
        listed = isinstance(field.default, tuple)
        default = next(iter(field.default), None) if listed else field.default
        setting = _setting_of(type(default), keyword) if isinstance(default, Settings) else None
        if isinstance(default, Settings) and setting:
            return f"{name}={default.word}({setting}={source.slice(keyword.value.span)})"
    if "dual" in cls.model_fields:
        found = ((word, _setting_of(record, keyword)) for word, record in DUALS.items())
        word, setting = next((pair for pair in found if pair[1]), ("", None))
        value = source.slice(keyword.value.span)
        return f"dual={word}({setting}={value})" if setting else None
    return None


def _setting_of(record: type[Settings], keyword: Keyword) -> str | None:
    own = keyword.name in record.model_fields
    return keyword.name if own else other_word(record, keyword.name)

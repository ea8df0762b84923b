"""Settings as lines of their own: `epochs = 5`, `optimizer adam(lr=0.1)`, `method: lagrangian`."""

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.mistakes.failure import problem
from cspec.dsl.settings.fit import OPTIMIZERS, FitSettings
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token

_NAMES = frozenset(FitSettings.model_fields)
MEANT = {
    **dict.fromkeys(("batch", "batchsize"), "batch_size"),
    **dict.fromkeys(("n_epochs", "num_epochs", "max_epochs"), "epochs"),
    **dict.fromkeys(("n_steps", "num_steps", "max_steps"), "steps"),
}
"""Settings of `fit` by the names that others give them."""
_RATES = frozenset({"lr", "learning_rate"})
_WORDS = "|".join(sorted(_NAMES | MEANT.keys() | _RATES))
_FIT = re.compile(r"^[ \t]*fit\b", re.MULTILINE)
_LINE = re.compile(
    rf"^[ \t]*({_WORDS})(?:[ \t]*[=:][ \t]*(?!=)|[ \t]+(?=[\w.]))([^#\n]*[^#\s])", re.MULTILINE
)

_USED = re.compile(rf"\b({_WORDS})\b(?![ \t]*=[^=])")
_NUMBERS = frozenset({"float32", "float64"})
_LISTED = 8
"""Settings that a message lists at most."""

Mended = tuple[tuple[Token, ...], list[Diagnostic]]


def setting_line(source: Source, tokens: tuple[Token, ...]) -> Mended:
    """A clause that sets what `fit` sets, as that `fit`."""
    if len(tokens) < 2:
        return tokens, []
    first, second = tokens[0], tokens[1]
    if first.text in {"train", "training"} and _settings_call(tokens):
        message = f"`{first.text}` is written `fit`"
        finding = problem(source, "CS120", message, first.span, fix="fit")
        return (Token("FIT", "fit", *first.span, True), *tokens[1:]), [finding]
    if first.text in OPTIMIZERS and second.kind == "LPAR" and tokens[-1].kind == "RPAR":
        return _optimizer(source, tokens)
    if first.text == "fit" and second.kind == "COLON" and _named(tokens[2:]):
        return _in_brackets(source, tokens)
    if first.text in {"using", "method", "solver", "algorithm"} and _method(tokens):
        return _using(source, tokens)
    if first.text in _NAMES | MEANT.keys() | _RATES and _sets(source, tokens):
        return _setting(source, tokens)
    return tokens, []


def _named(tokens: tuple[Token, ...]) -> bool:
    return len(tokens) > 2 and tokens[0].text.isidentifier() and tokens[1].kind == "EQUAL"


def _settings_call(tokens: tuple[Token, ...]) -> bool:
    """`train(epochs=3)`, where the first setting is one of `fit`."""
    named = tokens[1].kind == "LPAR" and _named(tokens[2:]) and tokens[-1].kind == "RPAR"
    return named and tokens[2].text in _NAMES | MEANT.keys()


def _sets(source: Source, tokens: tuple[Token, ...]) -> bool:
    """Whether `name = value`, `name: value` or `name value` is a setting, and no definition."""
    name, second = tokens[0].text, tokens[1]
    if name == "precision" and tokens[-1].text not in _NUMBERS:
        return False  # a metric has this name, too
    relations = {"RELATION", "IN", "ARROW", "FORALL"}
    if second.kind in {"NUMBER", "NAME"}:
        return True
    if len(tokens) < 3 or any(token.kind in relations for token in tokens):
        return False
    if second.kind == "COLON":
        return True
    return second.kind == "EQUAL" and name not in _written(source.text).used


def _in_brackets(source: Source, tokens: tuple[Token, ...]) -> Mended:
    """`fit: epochs=3`."""
    first, colon, end = tokens[0], tokens[1], tokens[-1].end
    meant = f"fit({source.text[tokens[2].start : end]})"
    message = "settings of `fit` stand in `( )`"
    span = Span(first.start, colon.end)
    finding = problem(source, "CS131", message, span, fix=meant, fix_span=Span(first.start, end))
    closer = Token("RPAR", ")", end, end)
    opened = (Token("FIT", "fit", *first.span, True), Token("LPAR", "(", *colon.span))
    return (*opened, *tokens[2:], closer), [finding]


def _optimizer(source: Source, tokens: tuple[Token, ...]) -> Mended:
    """`adam(lr=1e-3)` as a line of its own."""
    span = Span(tokens[0].start, tokens[-1].end)
    meant = f"fit(optimizer={source.slice(span)})"
    known = _FIT.search(source.text) is not None
    help_ = f"write it into the line `fit(...)`: `{meant[4:-1]}`" if known else f"write `{meant}`"
    message = f"the optimizer `{tokens[0].text}` is a setting of `fit`"
    label = "not a line of its own"
    finding = problem(
        source, "CS131", message, span, label=label, helps=(help_,), fix=None if known else meant
    )
    return (), [finding]


def _method(tokens: tuple[Token, ...]) -> bool:
    """`method = lagrangian(...)`; where a `:` follows `using`, another check says so."""
    marks = {"EQUAL"} if tokens[0].text == "using" else {"EQUAL", "COLON"}
    relations = any(token.kind in {"RELATION", "IN"} for token in tokens)
    known = len(tokens) > 2 and tokens[2].text in METHODS
    return tokens[1].kind in marks and known and not relations


def _using(source: Source, tokens: tuple[Token, ...]) -> Mended:
    span = Span(tokens[0].start, tokens[1].end)
    meant = f"using {source.text[tokens[2].start : tokens[-1].end]}"
    message = f"the method stands behind `using`, without `{tokens[1].text}`"
    finding = problem(
        source, "CS131", message, span, fix=meant, fix_span=Span(span.start, tokens[-1].end)
    )
    return (Token("USING", "using", *span, True), *tokens[2:]), [finding]


def _setting(source: Source, tokens: tuple[Token, ...]) -> Mended:
    name = tokens[0]
    written = _written(source.text)
    whole = written.block is not None and name.start == written.block.start
    value = tokens[1 if tokens[1].kind in {"NUMBER", "NAME"} else 2 :]
    behind = {"NAME", "FROM", "FOR", "WITH", "ON"}
    if len(value) > 1 and value[0].kind == "NAME" and value[1].kind in behind:
        value = value[:1]  # `schedule cosine from 1 to 3`: prose behind the word
    own = _as_setting(name.text, source.text[value[0].start : value[-1].end])
    together = ", ".join(written.lines[:_LISTED]) if len(written.lines) > 1 else own
    help_ = f"write `fit({together})`"
    if written.fit:
        help_ = f"write it into the line `fit(...)`: `{own}`"
    finding = problem(
        source,
        "CS131",
        f"`{name.text}` is a setting of `fit`",
        name.span,
        label="not a line of its own",
        helps=(help_,),
        fix=f"fit({together})" if whole and not written.fit else None,
        fix_span=written.block,
        safe=name.text not in _RATES,
    )
    return (), [finding]


class _Written(NamedTuple):
    """What a text says of settings: lines of their own, names used elsewhere, and a `fit`."""

    lines: tuple[str, ...]
    used: frozenset[str]
    fit: bool
    block: Span | None
    """From the first of the lines to the last, where nothing else stands between."""


@lru_cache(maxsize=4)
def _written(text: str) -> _Written:
    found = tuple(_LINE.finditer(text))
    lines = tuple(_as_setting(m[1], m[2]) for m in found)
    joined = all(not text[left.end() : right.start(1)].strip() for left, right in pairwise(found))
    block = Span(found[0].start(1), found[-1].end()) if found and joined else None
    used = frozenset(m[1] for m in _USED.finditer(text))
    return _Written(lines, used, _FIT.search(text) is not None, block)


def _as_setting(name: str, value: str) -> str:
    if name in _RATES:
        return f"optimizer=adam(lr={value})"
    return f"{MEANT.get(name, name)}={value}"

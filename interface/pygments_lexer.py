"""Highlighting of specs for Sphinx, Jupyter and everything else that uses Pygments."""

from typing import ClassVar

from pygments.lexer import RegexLexer, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Whitespace,
)

from cspec.dsl.settings.fit import OPTIMIZERS, SCHEDULES
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.settings.models import MODELS
from cspec.dsl.settings.sources import SOURCES
from cspec.dsl.words.functions import SIGNATURES

ITEMS = (
    "from", "import", "as", "param", "let", "var", "data", "model", "domain", "given", "minimize",
    "maximize", "satisfy", "using", "fit", "verify", "metric", "stop",
)  # fmt: skip
WORDS = (
    "forall", "for", "in", "where", "by", "soft", "within", "with", "surrogate", "confidence", "on",
    "every", "when", "all", "construction", "frozen", "and", "or", "not",
)  # fmt: skip
SETTINGS = (*METHODS, *OPTIMIZERS, *SCHEDULES, *MODELS, *SOURCES)
CONSTANTS = ("pi", "inf", "true", "false", "none")


class CspecLexer(RegexLexer):  # type: ignore[misc]
    """Lexer of cspec; words come from the tables of the language."""

    name = "cspec"
    aliases: ClassVar = ["cspec"]
    filenames: ClassVar = ["*.cspec"]
    url = ""
    version_added = ""

    tokens: ClassVar = {
        "root": [
            (r"\s+", Whitespace),
            (r"#[^\r\n]*", Comment.Single),
            (r'"[^"\r\n]*"', String),
            (r"s\.t\.|subject\s+to\b", Keyword),
            (r"(?:\d[\d_]*)?\.?\d[\d_]*(?:[eE][+-]?\d+)?(?:%|[KMG]iB\b|[kMG]\b)?", Number),
            # A label, also one that is a keyword; `:` follows no other name.
            (r"[^\W\d]\w*(?=\s*:)", Name.Label),
            (words(ITEMS, suffix=r"\b"), Keyword),
            (words(WORDS, suffix=r"\b"), Keyword.Reserved),
            (r"[EP](?=\s*\[)", Name.Builtin),
            (words(tuple(SIGNATURES), suffix=r"\b"), Name.Builtin),
            (words(SETTINGS, suffix=r"\b"), Name.Class),
            (words(CONSTANTS, suffix=r"\b"), Name.Constant),
            (r"<=|>=|==|!=|=>|\*\*|[-+*/@^<>=|≤≥≠⇒∈∀]", Operator),
            (r"[\[\](){},;:.]", Punctuation),
            (r"[^\W\d]\w*", Name),
            (r".", Text),
        ]
    }

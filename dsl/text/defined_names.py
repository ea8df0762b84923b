"""Names that a text defines, as far as its lines tell before they are parsed."""

import re
from functools import lru_cache

_DEFINING = re.compile(
    r"^[ \t]*(?:let|var|param|given|data|model|domain)\b([^#\n=]*)", re.MULTILINE
)
_MODEL = re.compile(r"^[ \t]*model[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_FIELD = re.compile(r"^[ \t]*model[ \t]+([A-Za-z_]\w*)\(([^()\n]*)\)", re.MULTILINE)
_DATA = re.compile(r"^[ \t]*data\b([^#\n=]*)", re.MULTILINE)
_TARGET = re.compile(r"([A-Za-z_]\w*)[ \t]*(?:\(|$)")
_WORD = re.compile(r"[A-Za-z_]\w*")


@lru_cache(maxsize=4)
def defined_names(text: str) -> frozenset[str]:
    """The words before the `=` of all lines that define something."""
    words: set[str] = set()
    for line in _DEFINING.finditer(text):
        words.update(_WORD.findall(line[1]))
    return frozenset(words)


@lru_cache(maxsize=4)
def model_names(text: str) -> tuple[str, ...]:
    """The names of the models of a text, in its order."""
    return tuple(_MODEL.findall(text))


@lru_cache(maxsize=4)
def fields(text: str) -> dict[str, tuple[str, ...]]:
    """The models of coordinates of a text, `model u(t, x)`, with those."""
    return {name: tuple(_WORD.findall(listed)) for name, listed in _FIELD.findall(text)}


@lru_cache(maxsize=4)
def defined_data(text: str) -> tuple[str, ...]:
    """The names of the datasets of a text, in its order."""
    return tuple(name for line in _DATA.findall(text) for name in _TARGET.findall(line.rstrip()))

"""Slips of the finger: a word that is one letter off the only word that it can be.

    minimze      a letter is missing
    densitty     one is too many
    epochz       one is another
    vla          two have changed places

Digits are no slips (`x1`, `x2` are two names), and words of fewer than four letters are one letter
off too many others; of three, only two that have changed places.
"""

from collections.abc import Collection, Mapping

from cspec.dsl.check import Checked
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.fit import OPTIMIZERS, FitSettings
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.settings.models import MODELS
from cspec.dsl.settings.sources import SOURCES
from cspec.dsl.text.terminals import keywords
from cspec.dsl.words.functions import SIGNATURES

_SHORTEST, _TURNED = 4, 3


def words_of(checked: Checked) -> frozenset[str]:
    """All words that may be meant in a spec: its own names, and those of the language."""
    own = {*checked.symbols.table, *checked.symbols.column_names, *checked.symbols.targets}
    labels = {constraint.label for constraint in checked.spec.constraints() if constraint.label}
    return frozenset(own | labels) | _LANGUAGE


_TABLES: tuple[Mapping[str, type[Settings]], ...] = (METHODS, OPTIMIZERS, SOURCES, MODELS)
_RECORDS: list[type[Settings]] = [FitSettings, *(r for table in _TABLES for r in table.values())]
_LANGUAGE = frozenset(
    {*keywords(), *SIGNATURES}.union(*_TABLES, *(record.model_fields for record in _RECORDS))
)


def slip(written: str, meant: str, words: Collection[str]) -> bool:
    """Whether `meant` is one letter off what was written, and no other of the words is."""
    if not (written.isidentifier() and meant.isidentifier()) or not one_off(written, meant):
        return False
    return all(word == meant or not one_off(written, word) for word in words)


def one_off(first: str, second: str) -> bool:
    """Whether two words differ by one letter more, less, another, or by two that changed places."""
    if first.lower() == second.lower():
        return first != second and len(first) >= _TURNED
    short, long = sorted((first.lower(), second.lower()), key=len)
    if len(short) < _TURNED or len(long) - len(short) > 1:
        return False
    places = enumerate(zip(short, long, strict=False))
    start = next((i for i, (a, b) in places if a != b), len(short))
    if len(short) < len(long):
        return (
            len(long) > _SHORTEST and long[start].isalpha() and short[start:] == long[start + 1 :]
        )
    pair, turned = short[start : start + 2], long[start : start + 2][::-1]
    if pair == turned and short[start + 2 :] == long[start + 2 :]:
        return pair.isalpha()
    letters = short[start].isalpha() and long[start].isalpha()
    return len(short) >= _SHORTEST and letters and short[start + 1 :] == long[start + 1 :]

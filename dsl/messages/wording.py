"""Small pieces of sentences that the checks share."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import lru_cache
from unicodedata import normalize

from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree.constants import CONSTANTS, TRUTHS
from cspec.dsl.tree.nodes import Attribute, Call, Expectation, Expr, Name, Number

_LONGEST = 60


def quoted(source: Source, span: Span) -> str:
    """The text of a span as typed, on one line, in back quotes, cut where it is long."""
    text = " ".join(source.slice(span).split())
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 3].rstrip() + "..."
    return f"`{text}`"


def bracketed(source: Source, value: Expr) -> str:
    """The text of an expression, in brackets where an operator beside it would take it apart."""
    text = source.slice(value.span)
    whole = isinstance(value, Name | Number | Call | Attribute | Expectation)
    return text if whole or text.startswith("(") else f"({text})"


def listing(words: Iterable[str], last: str = "or") -> str:
    """`a`, `b` or `c`."""
    marked = [f"`{word}`" for word in words]
    if len(marked) < 2:
        return "".join(marked)
    return f"{', '.join(marked[:-1])} {last} {marked[-1]}"


def some(words: Sequence[str], most: int = 12) -> str:
    """The first words, `a, b, ...` where there are more than a message lists."""
    return ", ".join(words[:most]) + (", ..." if len(words) > most else "")


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a typing mistake most likely meant."""
    return _closest(word, tuple(sorted(set(known))))


@lru_cache(maxsize=4_096)
def _closest(word: str, candidates: tuple[str, ...]) -> str | None:
    lowered = {candidate.lower(): candidate for candidate in reversed(candidates)}
    if word.lower() in lowered:
        return lowered[word.lower()]
    # `penalty_max` is `max_penalty`, and no misspelt `penalty`.
    parts = sorted(word.lower().split("_"))
    turned = [known for known in lowered if "_" in known and sorted(known.split("_")) == parts]
    if turned:
        return lowered[turned[0]]
    if close := get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.7):
        return lowered[close[0]]
    # Two letters of a short word that changed places (`vla`), or another one in the place of its
    # last (`gab`), leave little that is alike.
    letters = sorted(word.lower())
    turned = [known for known in lowered if len(known) > 1 and sorted(known) == letters]
    if not turned and len(word) == 3:
        slips = [known for known in lowered if len(known) == 3 and known[:2] == word.lower()[:2]]
        turned = slips if len(slips) == 1 else []
    if turned:
        return lowered[turned[0]]
    sounds = {_sound(known): known for known in lowered if len(known) > 3}
    near = get_close_matches(_sound(word.lower()), list(sounds), n=1, cutoff=0.8)
    return lowered[sounds[near[0]]] if near else None


def _sound(word: str) -> str:
    """A word by its sound, about: `klinik`, `Clinic` and `clinique` are near."""
    plain = normalize("NFKD", word).encode("ascii", "ignore").decode()
    for one, other in (("ph", "f"), ("qu", "k"), ("ck", "k"), ("c", "k"), ("z", "s"), ("y", "i")):
        plain = plain.replace(one, other)
    return plain


def closest_word(word: str, known: Iterable[str]) -> str | None:
    """The closest word of the language: a constant only where one letter differs, or two have
    changed places (`Female` is no slip of `false`)."""
    guess = closest(word, known)
    if guess in CONSTANTS or guess in TRUTHS:
        near = get_close_matches(word.lower(), [guess], cutoff=0.8)
        return guess if near or sorted(word.lower()) == sorted(guess) else None
    return guess


def as_name(text: str) -> str:
    """The name nearest to a text, quoted or not: `marital_status`; empty of signs alone."""
    name = "".join(c if c.isalnum() else "_" for c in text.strip('"')).strip("_")
    return f"c{name}" if name[:1].isdigit() else name


def closing(text: str, opener: int) -> int | None:
    """The place of the bracket that closes the one at a place; None where there is none."""
    left, depth = text[opener : opener + 1], 0
    if left not in _PAIRS:
        return None
    for mark in _PAIRS[left].finditer(text, opener):
        depth += 1 if mark[0] == left else -1
        if not depth:
            return mark.start()
    return None


_PAIRS = {"(": re.compile(r"[()]"), "[": re.compile(r"[\[\]]"), "{": re.compile(r"[{}]")}


def number(value: float) -> str:
    """A number as people write it: `0.5`, `3`, `1e-06`."""
    return f"{value:g}"


def counted(count: int, noun: str) -> str:
    """`1 argument`, `2 arguments`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def split_arguments(text: str) -> list[str]:
    """What stands between the commas outside of brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]

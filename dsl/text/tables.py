"""The generated parser tables, read once."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Reduction(NamedTuple):
    """What a reduction does: pop `length` values, apply `action`, go on as `origin`.

    `spliced` says that a child may be the list of a helper rule.
    """

    origin: str
    length: int
    action: str
    spliced: bool


class Tables(NamedTuple):
    """The automaton: `states[i]` maps a symbol to shift/goto (>= 0) or rule -code - 1 (< 0)."""

    states: tuple[dict[str, int], ...]
    rules: tuple[Reduction, ...]
    starts: dict[str, tuple[int, int]]
    terminals: tuple[tuple[str, str], ...]
    words: dict[str, str]
    grammar: str


@cache
def load_tables() -> Tables:
    """Read `cspec.tables.json`, which `python -m cspec.grammars.build` writes."""
    text = (files("cspec.grammars") / "cspec.tables.json").read_text(encoding="utf-8")
    data = json.loads(text)
    rows = data["rows"]
    return Tables(
        states=tuple(rows[row] for row in data["states"]),
        rules=tuple(Reduction(*rule) for rule in data["rules"]),
        starts={name: (first, last) for name, (first, last) in data["starts"].items()},
        terminals=tuple((name, pattern) for name, pattern, _ in data["terminals"] if pattern),
        words={word: name for name, _, words in data["terminals"] for word in words},
        grammar=data["grammar"],
    )

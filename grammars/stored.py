"""The stored parser, as lark's objects: its terminals, and the parser with actions on its rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from types import SimpleNamespace
from typing import Any, NamedTuple

import lark
from lark.lexer import TerminalDef

from cspec.grammars.build import STORED, digest, read_grammar, serialized


class Stored(NamedTuple):
    """lark's serialization: the parser's data, and the rules and terminals that they refer to."""

    data: dict[str, Any]
    memo: dict[int, Any]


@cache
def read() -> Stored:
    """What is shipped; built anew where the grammar or the version of lark is another."""
    grammar = read_grammar()
    shipped = json.loads((files("cspec.grammars") / STORED).read_text(encoding="utf-8"))
    if (shipped["lark"], shipped["grammar"]) != (lark.__version__, digest(grammar)):
        return Stored(*serialized(grammar))
    table = shipped["data"]["parser"]["parser"]
    table["tokens"] = _numbered(table["tokens"])
    table["states"] = {int(state): _numbered(row) for state, row in table["states"].items()}
    return Stored(shipped["data"], _numbered(shipped["memo"]))


def _numbered(entries: Mapping[str, Any]) -> dict[int, Any]:
    """The keys as the numbers that JSON made text of."""
    return {int(key): value for key, value in entries.items()}


@cache
def terminals() -> tuple[TerminalDef, ...]:
    """The terminals in the order in which they are tried: priority, then the longer first."""
    entries = (e for e in read().memo.values() if e["__type__"] == TerminalDef.__name__)
    found = [TerminalDef.deserialize(entry, {}) for entry in entries]
    return tuple(sorted(found, key=lambda t: (-t.priority, -t.pattern.max_width, t.name)))


def parser(actions: Mapping[str, Callable[[list[Any]], Any]]) -> lark.Lark:
    """The parser; as soon as a rule is read, the action of its name is called with its children."""
    load: Callable[..., lark.Lark] = lark.Lark._load_from_dict
    return load(*read(), transformer=SimpleNamespace(**actions))

"""Store the parser of the grammar: `python -m cspec.grammars.build`.

lark checks the grammar (LALR(1) without conflicts, terminals that do not collide) and builds its
parser, which takes a quarter of a second. What is shipped is that parser as lark itself serializes
it (the data of `lark.tools.serialize`) in JSON, which loads in a twentieth of the time. A test
holds it equal to the grammar.
"""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import lark
from lark.grammar import Rule
from lark.lexer import TerminalDef
from lark.parsers.lalr_analysis import IntParseTable

STARTS = ("start", "item", "clause")
GRAMMAR = "cspec.lark"
STORED = "cspec.lark.json"


def read_grammar() -> str:
    """The text of `cspec.lark`."""
    return (files("cspec.grammars") / GRAMMAR).read_text(encoding="utf-8")


def digest(grammar: str) -> str:
    """What ties a stored parser to the grammar that it was made from."""
    return hashlib.sha256(grammar.encode()).hexdigest()


def build(grammar: str, *, strict: bool = False) -> lark.Lark:
    """lark's parser of a grammar; `strict` refuses conflicts and collisions (needs interegular)."""
    return lark.Lark(
        grammar,
        parser="lalr",
        lexer="basic",
        start=list(STARTS),
        strict=strict,
        maybe_placeholders=False,
    )


def serialized(grammar: str) -> tuple[dict[str, Any], dict[int, Any]]:
    """lark's serialization of the parser: its data, and the rules and terminals that they share."""
    parser = build(grammar)
    inner = parser.parser.parser
    inner._parse_table = _in_order(inner._parse_table)
    data, memo = parser.memo_serialize([TerminalDef, Rule])
    return data, {key: _bounded(entry) for key, entry in memo.items()}


UNBOUNDED = 2**31 - 1
"""The width of a pattern without an end; each version of Python has a number of its own for it."""


def _bounded(entry: dict[str, Any]) -> dict[str, Any]:
    """A terminal whose width is the same wherever it is built."""
    pattern = entry.get("pattern")
    if not isinstance(pattern, dict) or "_width" not in pattern:
        return entry
    width = [min(UNBOUNDED, length) for length in pattern["_width"]]
    return {**entry, "pattern": {**pattern, "_width": width}}


def _in_order(table: IntParseTable) -> IntParseTable:
    """States in the order in which they are reached, so that the same grammar gives one text."""
    order: dict[int, int] = {}
    waiting = [table.start_states[name] for name in STARTS]
    for state in waiting:
        if state not in order:
            order[state] = len(order)
            row = table.states[state]
            waiting += [row[symbol][1] for symbol in sorted(row) if _shifts(row[symbol])]
    states = {
        order[state]: {
            symbol: (act[0], order[act[1]]) if _shifts(act) else act
            for symbol, act in sorted(table.states[state].items())
        }
        for state in order
    }
    starts, ends = (
        {name: order[places[name]] for name in STARTS}
        for places in (table.start_states, table.end_states)
    )
    return IntParseTable(states, starts, ends)  # type: ignore[no-untyped-call]


def _shifts(act: tuple[Any, Any]) -> bool:
    return bool(act[0].name == "Shift")


def to_json(grammar: str) -> str:
    """The text that is shipped."""
    data, memo = serialized(grammar)
    parts = {"lark": lark.__version__, "grammar": digest(grammar), "data": data, "memo": memo}
    return json.dumps(parts, separators=(",", ":")) + "\n"


def main() -> None:
    """Write the parser beside the grammar."""
    grammar = read_grammar()
    build(grammar, strict=True)
    target = Path(__file__).with_name(STORED)
    target.write_text(to_json(grammar), encoding="utf-8")
    print(f"wrote {target.name}")


if __name__ == "__main__":
    main()

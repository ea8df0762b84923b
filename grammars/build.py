"""Generate the parser's tables from the grammar: `python -m cspec.grammars.build`.

lark checks the grammar (LALR(1) without conflicts, terminals that do not collide) and computes the
tables; what is shipped is their plain JSON form, so that reading a spec needs neither lark nor
pickle. A test holds the shipped tables equal to the grammar.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import lark

STARTS = ("start", "item", "clause")
GRAMMAR = "cspec.lark"
TABLES = "cspec.tables.json"


def build_tables(grammar: str) -> dict[str, Any]:
    """The tables of a grammar as JSON data.

    `terminals`: in the order in which they are tried, each with name, regular expression (of its
    marks; may be empty) and the words that it stands for (keywords only).
    `rules`: origin, length, action and whether a child is spliced, where action "" passes the only
    child and "*" makes a spliced list.
    `rows`: `{terminal or rule: code}` with code >= 0 for shift (or goto) to that state and
    code < 0 for reduction by rule -code - 1; `states` names the row of each state.
    `starts`: first and last state for each start rule.
    """
    parser = lark.Lark(
        grammar,
        parser="lalr",
        lexer="contextual",
        start=list(STARTS),
        strict=True,
        maybe_placeholders=False,
    )
    table = parser.parser.parser._parse_table
    numbers = {rule: number for number, rule in enumerate(parser.rules)}
    order = _in_reach(table)
    rows: list[dict[str, int]] = []
    row_of: dict[str, int] = {}
    states: list[int] = []
    for state in order:
        row = _row(table.states[state], numbers, order)
        key = json.dumps(row)
        if key not in row_of:
            row_of[key] = len(rows)
            rows.append(row)
        states.append(row_of[key])
    return {
        "grammar": digest(grammar),
        "terminals": [_terminal(terminal) for terminal in _in_order(parser.terminals)],
        "ignored": sorted(parser.ignore_tokens),
        "rules": [_rule(rule) for rule in parser.rules],
        "rows": rows,
        "states": states,
        "starts": {
            name: [order[table.start_states[name]], order[table.end_states[name]]]
            for name in STARTS
        },
    }


def digest(grammar: str) -> str:
    """What ties tables to the grammar they were made from."""
    return hashlib.sha256(grammar.encode()).hexdigest()


def _in_reach(table: Any) -> dict[int, int]:
    """States in the order in which they are reached, so that the same grammar gives one text."""
    order: dict[int, int] = {}
    waiting = [table.start_states[name] for name in STARTS]
    for state in waiting:
        if state in order:
            continue
        order[state] = len(order)
        actions = table.states[state]
        waiting += [actions[s][1] for s in sorted(actions) if actions[s][0].name == "Shift"]
    return order


def _row(actions: dict[str, Any], numbers: dict[Any, int], order: dict[int, int]) -> dict[str, int]:
    row = {}
    for symbol in sorted(actions):
        kind, argument = actions[symbol]
        row[symbol] = order[argument] if kind.name == "Shift" else -numbers[argument] - 1
    return row


def _rule(rule: Any) -> list[Any]:
    spliced = any(symbol.name.startswith("__") for symbol in rule.expansion)
    separated = any(symbol.name == "_separator" for symbol in rule.expansion)
    return [rule.origin.name, len(rule.expansion), _action(rule), spliced or separated]


def _action(rule: Any) -> str:
    name: str = rule.alias or rule.origin.name
    if name.startswith("_"):
        return "*"
    if rule.options.expand1 and len(rule.expansion) == 1 and not rule.alias:
        return ""
    return name


def _in_order(terminals: Iterable[Any]) -> list[Any]:
    """Higher priority first, then longer ones."""
    return sorted(terminals, key=lambda t: (-t.priority, -t.pattern.max_width, t.name))


def _terminal(terminal: Any) -> list[Any]:
    pattern = terminal.pattern.to_regexp()
    choices = pattern.removeprefix("(?:").removesuffix(")").split("|")
    words = [choice for choice in choices if choice.isidentifier()]
    if words:
        pattern = "|".join(choice for choice in choices if choice not in words)
    return [terminal.name, pattern, words]


def to_json(tables: dict[str, Any]) -> str:
    """The text that is shipped: one row a line."""
    lines = []
    for key, value in tables.items():
        if isinstance(value, list) and key != "states":
            body = ",\n".join(f"  {json.dumps(entry, ensure_ascii=True)}" for entry in value)
            lines.append(f" {json.dumps(key)}: [\n{body}\n ]")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_grammar() -> str:
    """The text of `cspec.lark`."""
    return (files("cspec.grammars") / GRAMMAR).read_text(encoding="utf-8")


def main() -> None:
    """Write the tables beside the grammar."""
    target = Path(__file__).with_name(TABLES)
    target.write_text(to_json(build_tables(read_grammar())), encoding="utf-8")
    print(f"wrote {target.name}")


if __name__ == "__main__":
    main()

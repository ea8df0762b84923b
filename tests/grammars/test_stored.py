"""The stored parser is that of the grammar; a lark of another version reads the grammar."""

import json
import re
from importlib.resources import files

import lark
import pytest

from cspec.grammars.build import STARTS, STORED, build, digest, read_grammar, to_json
from cspec.grammars.stored import parser, read, terminals


def test_it_is_that_of_the_grammar() -> None:
    grammar = read_grammar()
    shipped = (files("cspec.grammars") / STORED).read_text(encoding="utf-8")
    written = json.loads(shipped)
    assert written["grammar"] == digest(grammar)
    if written["lark"] != lark.__version__:
        pytest.skip(f"the stored parser was written by lark {written['lark']}")
    assert to_json(grammar) == shipped


def test_the_grammar_has_no_conflicts() -> None:
    build(read_grammar(), strict=True)
    with pytest.raises(lark.GrammarError, match="conflict"):
        build("start: item | clause\nitem: A item | item A | A\nclause: A\nA: /a/", strict=True)


def test_another_lark_reads_the_grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lark, "__version__", "0")
    assert json.dumps(read.__wrapped__()) == json.dumps(read())


def test_another_grammar_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = read_grammar().replace('"minimize"', '"least"')
    monkeypatch.setattr("cspec.grammars.stored.read_grammar", lambda: changed)
    patterns = [entry.get("pattern", {}).get("value") for entry in read.__wrapped__().memo.values()]
    assert "least" in patterns and "minimize" not in patterns


def test_terminals_are_those_of_the_grammar() -> None:
    defined = re.findall(r"^(_?[A-Z]+)(?:\.\d+)?:", read_grammar(), re.MULTILINE)
    assert {terminal.name for terminal in terminals()} == set(defined)
    assert [t.name for t in terminals()[:2]] == ["ST", "AVERAGE"]


@pytest.mark.parametrize("start", STARTS)
def test_actions_get_the_children_of_their_rules(start: str) -> None:
    seen = []
    steps = parser({"name": lambda c: seen.append(c[0].value)}).parse_interactive(start=start)
    word = "MINIMIZE" if start == "item" else None
    for kind, text in ((word, "minimize"), ("NAME", "x"), ("$END", "")):
        if kind:
            steps.feed_token(lark.Token(kind, text))
    assert seen == ["x"]

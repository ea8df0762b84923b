"""Text of others as a terminal may be given it, and files that are none."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from pathlib import Path

import pytest

from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.messages.render import render_text
from cspec.dsl.parsing.files import read
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.visible import visible, visible_json, visible_line

EVIL = "a\x1b[2J\x1b]0;t\x07\rb\nerror[CS999]: forged\x9b1m\u202egnp\u2066\u200b\x00\udcff"


def obeyed(text: str) -> list[str]:
    """What a terminal would obey, line feeds apart."""
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n"]


def test_nothing_is_left_to_obey() -> None:
    assert obeyed(visible(EVIL)) == []
    assert "\n" in visible(EVIL)
    assert "\n" not in visible_line(EVIL)
    assert visible_line("a\x1b[1mb\nc\u202e") == r"a\x1b[1mb\nc\u202e"


def test_every_control_and_every_bidi_character_is_written_out() -> None:
    joiners = {"\u200c", "\u200d"}
    for number in range(sys.maxunicode + 1):
        char = chr(number)
        if unicodedata.category(char) in ("Cc", "Zl", "Zp", "Cs") and char not in "\t\n":
            assert visible(char) != char, hex(number)
        if unicodedata.bidirectional(char) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI"):
            assert visible(char) != char, hex(number)
        if unicodedata.category(char)[0] in "LNPSM" and char not in "\u115f\u1160\u3164\uffa0":
            assert char in joiners or visible(char) == char or char in "\u17b4\u17b5", hex(number)


def test_joiners_of_scripts_and_emoji_stay() -> None:
    assert visible_line("👩\u200d🔬 ک\u200cی") == "👩\u200d🔬 ک\u200cی"


def test_json_says_the_same() -> None:
    text = json.dumps({"a": EVIL, "b": "\U000e0041"}, ensure_ascii=False)
    shown = visible_json(text)
    assert obeyed(shown) == []
    assert json.loads(shown) == {"a": EVIL, "b": "\U000e0041"}


def test_messages_show_whatever_they_quote() -> None:
    source = Source(text="minimize ce", name=f"{EVIL}.cspec")
    found = Diagnostic(
        code="CS208",
        message=f"column `{EVIL}`",
        span=Span(0, 8),
        label=EVIL,
        notes=(EVIL,),
        helps=(EVIL,),
        source=source,
    )
    text = render_text([found])
    assert obeyed(text) == []
    assert not any(line.startswith("error[CS999]") for line in text.split("\n"))
    assert obeyed(str(SpecError([found]))) == []


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices of posix")
def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "p.cspec"
    os.mkfifo(pipe)
    (tmp_path / "link.cspec").symlink_to("/dev/zero")
    for path, words in (
        (pipe, "is a pipe"),
        (tmp_path / "link.cspec", "is a device"),
        (tmp_path, "is a folder"),
    ):
        source, (found,) = read(path)
        assert source.text == "" and found.code == "CS140" and words in found.message


@pytest.mark.skipif(os.name != "posix", reason="sparse files")
def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.cspec"
    with path.open("wb") as file:
        file.truncate(1 << 36)
    assert [d.code for d in read(path)[1]] == ["CS144"]

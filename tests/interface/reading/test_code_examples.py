"""Pages of codes show what is true: the wrong example gives the code, the right one does not."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from cspec.cli import main
from cspec.dsl.messages.pages.all import CODES, LATER
from cspec.dsl.messages.pages.later_examples import EXAMPLES
from cspec.reading.codes import code_page
from cspec.reading.page_messages import MESSAGES


def test_wrong_and_right_differ() -> None:
    for page in CODES.values():
        if page.wrong:
            same = page.wrong.strip() == page.right.strip()
            assert not same or page.commands != page.right_commands, page.code


def test_only_what_no_spec_brings_about_has_no_example() -> None:
    """What is found at check, or where something is bound or run, is shown."""
    assert {code for code, page in CODES.items() if not page.wrong} == {
        *("CS510", "CS513", "CS516", "CS523"),  # met by programs, loaders and models from Python
        "CS219",  # met from Python
        *("CS140", "CS141", "CS143", "CS144"),  # files that can't be read
        *("CS603", "CS607", "CS622", "CS623", "CS624", "CS629"),
        *("CS625", "CS626", "CS627", "CS628"),  # folders that were changed, objects from Python
        *("CS630", "CS631", "CS632", "CS633", "CS634"),
        "CS636",  # met where the same rows were looked at before
        "CS900",
    }
    assert EXAMPLES.keys() <= LATER


def rounded(text: str) -> str:
    """A message without its numbers and the ends of its lines: machines round differently."""
    lines = re.sub(r"\d[\d.e+-]*", "0", text).split("\n")
    return "\n".join(line.rstrip() for line in lines)


def test_every_wrong_example_shows_its_message() -> None:
    for code, page in CODES.items():
        found = code_page(code)
        assert found is not None
        assert code in found.message or not page.wrong, code


def test_one_spec_is_shown_once() -> None:
    page = code_page("CS211")
    assert page is not None and page.text().count("minimize x^2") == 1
    assert "Wrong:\n\n    $ cspec run spec.cspec --set epsilon=0.3" in page.text()


def printed(commands: tuple[str, ...], spec: str, files: dict[str, str], capsys: Any) -> str:
    Path("spec.cspec").write_text(spec, encoding="utf-8")
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")
    capsys.readouterr()
    for command in commands:
        try:
            main(shlex.split(command))
        except SystemExit as ended:
            assert ended.code in (0, 1, 3, 4, 5), (command, ended.code)
    found = capsys.readouterr()
    return str(found.out + found.err)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("code", EXAMPLES)
def test_the_wrong_example_gives_its_code_and_the_right_one_does_not(
    code: str, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("cspec.functions._REGISTRY", {})
    page = CODES[code]
    wrong = printed(page.commands, page.wrong, page.files, capsys)
    assert code in wrong
    shown = "\n".join(MESSAGES[code])
    assert rounded(shown) in rounded(wrong), "run: python docs/messages.py"
    if page.right:
        found = printed(page.right_commands, page.right, page.files, capsys)
        assert "error[" not in found and code not in found, found


def test_a_page_shows_commands_and_files() -> None:
    page = code_page("CS223")
    assert page is not None
    text = page.text()
    assert "$ cspec run spec.cspec --set level=level.json" in text and "level.json:" in text
    assert "```csv" not in page.markdown() and "cspec run spec.cspec" in page.markdown()
    marked = {code for code in CODES if "not compiled yet:" in code_page(code).text()}  # type: ignore
    assert not marked
    empty = code_page("CS603")
    assert empty is not None and "Wrong" not in empty.text() and "Right" not in empty.text()

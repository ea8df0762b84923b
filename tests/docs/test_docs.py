"""Pages say what is true: every block is checked or run, every table is the code's own."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import cspec
from cspec.dsl.check import check
from cspec.dsl.not_compiled import LATER
from cspec.dsl.text.source import Source

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS))

from blocks import Block, blocks, commands, output, pages, same  # noqa: E402
from generate import generated  # noqa: E402

NAMES = [str(page.relative_to(DOCS)) for page in pages()]
WITH_BLOCKS = [name for name in NAMES if any(True for _ in blocks(DOCS / name))]


def _spec(block: Block, folder: Path) -> None:
    found = check(Source(text=block.text, name=str(folder / "block.cspec"))).diagnostics
    where = f"{block.page.name}:{block.line}"
    expected = [word for word in block.words if re.fullmatch(r"CS\d{3}", word)]
    if "later" in block.words:
        assert found, f"{where}: runs now"
        assert {d.code for d in found} <= LATER, (where, [d.message for d in found])
        assert "not compiled yet" in " ".join(block.above.lower().split()), where
        return
    assert [d.code for d in found] == expected, (where, [d.message for d in found])
    severities = {d.severity for d in found}
    assert severities <= {block.words[0]} if expected else not severities, where
    if "run" in block.words:
        path = folder / "block.cspec"
        path.write_text(block.text, encoding="utf-8")
        result = cspec.run(path)
        assert result.status == "satisfied", (where, str(result))


def _console(block: Block, folder: Path) -> None:
    for command in commands(block):
        got = output(command, folder)
        assert "usage: cspec" not in got and "CS900" not in got, (block.page.name, command.line)
        assert same(command.expected, got), (
            f"{block.page.name}:{block.line}: $ {command.line}\n"
            f"--- expected\n{command.expected}--- got\n{got}"
        )


@pytest.mark.parametrize("name", WITH_BLOCKS)
def test_every_block_of_a_page(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cspec.functions._REGISTRY", {})
    for block in blocks(DOCS / name):
        if block.file is not None:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
        if block.language == "cspec":
            _spec(block, tmp_path)
        elif block.language == "console":
            _console(block, tmp_path)
        elif block.language == "python" and "run" in block.words:
            exec(compile(block.text, f"{name}:{block.line}", "exec"), {"__name__": "page"})


@pytest.mark.parametrize("name", NAMES)
def test_generated_tables_are_up_to_date(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert generated(text) == text, "run: python docs/generate.py"


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert ((DOCS / name).parent / target).exists(), target


@pytest.mark.parametrize("name", NAMES)
def test_fences_are_of_known_kinds(name: str) -> None:
    known = {"cspec", "console", "python", "text", "toml", "sh"}
    assert {block.language for block in blocks(DOCS / name)} <= known

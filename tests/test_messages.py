"""No error is built without what to type, and no page shows how a command is called wrongly."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("dsl", "compiler", "runtime", "interface")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_error_is_built_with_a_help() -> None:
    """`helps=` stands in every call of `Diagnostic`; what is in it, the corpora hold."""
    without = []
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Diagnostic":
                    words = {keyword.arg for keyword in node.keywords}
                    if not words & {"helps", None}:
                        without.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert without == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_prints_how_a_command_is_called_wrongly(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for mark in ("usage: cspec", "error: unrecognized", "error: argument", "Traceback", "CS900"):
        assert mark not in text or f"`{mark}" in text or f"| {mark} |" in text, mark

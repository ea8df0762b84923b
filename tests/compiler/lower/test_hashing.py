"""The digest of a spec ignores layout and comments: formatting leaves every plan what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cspec.compiler.lower.digest import plan_digest
from cspec.dsl.check import check
from cspec.dsl.format.spec import format_text
from cspec.dsl.text.source import Source

CORPUS = Path(__file__).parents[2] / "dsl" / "corpus" / "checks" / "right.txt"
SPECS = [part.split("\n", 1)[1] for part in CORPUS.read_text().split("=== ")[1:]]


def digest(text: str) -> str:
    return plan_digest(check(Source(text=text)).elaborated, "", "")


@pytest.mark.parametrize("text", SPECS, ids=lambda text: text.strip().split("\n")[0][:40])
def test_formatting_keeps_the_plan(text: str) -> None:
    formatted = format_text(text)
    assert format_text(formatted) == formatted
    assert digest(formatted) == digest(text)
    assert digest("# a remark\n\n" + formatted) == digest(text)


def test_another_number_is_another_plan() -> None:
    assert digest("minimize ce\ns.t. density(model) <= 50%") == digest(
        "minimize ce\ns.t. density(model) <= 0.5"
    )
    assert digest("minimize ce\ns.t. density(model) <= 50%") != digest(
        "minimize ce\ns.t. density(model) <= 51%"
    )

"""Every code of the checks has a page whose wrong example gives it and whose right one is clean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cspec.dsl import not_compiled
from cspec.dsl.check import check
from cspec.dsl.messages.pages.all import CODES, LATER
from cspec.dsl.messages.pages.kinds import KIND_CODES
from cspec.dsl.messages.pages.limits import LIMIT_CODES
from cspec.dsl.messages.pages.names import NAME_CODES
from cspec.dsl.messages.pages.problem import FORM_CODES
from cspec.dsl.messages.pages.running import RUN_CODES
from cspec.dsl.messages.pages.settings import SETTING_CODES
from cspec.dsl.messages.pages.syntax import SYNTAX_CODES
from cspec.dsl.text.source import Source

ROOT = Path(__file__).parents[3]
OWN = sorted(CODES.keys() - SYNTAX_CODES.keys())


@pytest.mark.parametrize("code", [code for code in OWN if code not in LATER])
def test_wrong_example_gives_exactly_its_code(code: str) -> None:
    found = check(Source(text=CODES[code].wrong)).diagnostics
    if code == "CS146":  # the count of others stands behind a hundred of them
        found = found[100:]
    assert [d.code for d in found if d.code not in not_compiled.LATER or d.code == code] == [code]


@pytest.mark.parametrize("code", [code for code in OWN if CODES[code].right])
def test_right_example_is_clean(code: str) -> None:
    found = check(Source(text=CODES[code].right)).diagnostics
    assert [d for d in found if d.code not in not_compiled.LATER] == []


def test_every_code_in_the_sources_has_a_page() -> None:
    used: set[str] = set()
    for folder in ("dsl", "compiler", "runtime", "interface"):
        for file in (ROOT / folder).rglob("*.py"):
            if not file.name.endswith("codes.py"):
                used.update(re.findall(r'"(CS\d{3})"', file.read_text(encoding="utf-8")))
    assert used - CODES.keys() == set()


def test_every_page_of_a_check_is_used() -> None:
    text = "\n".join(
        file.read_text(encoding="utf-8")
        for file in (ROOT / "dsl").rglob("*.py")
        if not file.name.endswith("codes.py")
    )
    assert [code for code in OWN if code not in LATER and f'"{code}"' not in text] == []


def test_limits_have_codes_of_their_own() -> None:
    for pages in (SYNTAX_CODES, NAME_CODES, KIND_CODES, FORM_CODES, SETTING_CODES, RUN_CODES):
        assert not LIMIT_CODES.keys() & pages.keys()

"""Wrong specs and what the checks say about them: `corpus/checks/wrong.txt`.

Each case is a title, a spec, and the findings as `code line:column headline`, in source order.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from cspec.dsl.check import Checked, check
from cspec.dsl.messages.diagnostic import Diagnostic, errors
from cspec.dsl.messages.render import render_text
from cspec.dsl.text.source import Source

CORPUS = Path(__file__).parents[1] / "corpus" / "checks" / "wrong.txt"
INTERNAL = (
    *("LPAR", "RPAR", "NAME", "Settings", "Optimizer(", "Span(", "Kind(", "Number(", "Name("),
    *("None", "<class", "Traceback", "{'", "['", "frozenset", "pydantic", "#0", "(0.0", "Error("),
)


class Case(NamedTuple):
    """One wrong spec and the findings expected."""

    title: str
    spec: str
    findings: list[str]


def read_cases(text: str) -> list[Case]:
    """The cases of a corpus file."""
    cases = []
    for block in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        title, _, rest = block.partition("\n")
        spec, *findings = rest.split("\n--- ")
        cases.append(Case(title, spec, [finding.strip() for finding in findings]))
    return cases


CASES = read_cases(CORPUS.read_text(encoding="utf-8"))


@cache
def checked(spec: str) -> Checked:
    """A checked text."""
    return check(Source(text=spec))


def said(spec: str) -> list[str]:
    """Findings as the corpus writes them."""
    source = Source(text=spec)
    lines = []
    for found in checked(spec).diagnostics:
        place = source.position(found.span.start)
        lines.append(f"{found.code} {place.line}:{place.column} {found.message}")
    return lines


def test_there_are_many_cases_with_titles_of_their_own() -> None:
    assert len(CASES) >= 140
    assert len({case.title for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_findings(case: Case) -> None:
    assert said(case.spec) == case.findings


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_every_finding_says_what_to_type(case: Case) -> None:
    for found in checked(case.spec).diagnostics:
        assert found.helps, found.message


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_every_fix_makes_the_spec_valid(case: Case) -> None:
    found = checked(case.spec).diagnostics
    for index, diagnostic in enumerate(found):
        for option in range(len(diagnostic.fixes)):
            fixed = apply(case.spec, found, index, option)
            left = [d.code for d in errors(checked(fixed).diagnostics)]
            assert left.count(diagnostic.code) < sum(d.code == diagnostic.code for d in found)
            assert len(left) < len(errors(found)) or diagnostic.severity == "warning"


def apply(spec: str, found: tuple[Diagnostic, ...], index: int, option: int) -> str:
    """The text with one fix of one finding applied."""
    fix = found[index].fixes[option]
    return spec[: fix.span.start] + fix.replacement + spec[fix.span.end :]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_messages_show_nothing_internal(case: Case) -> None:
    text = render_text(checked(case.spec).diagnostics)
    quoted = {word for word in INTERNAL if word in case.spec}
    assert [word for word in INTERNAL if word in text and word not in quoted] == []

"""Specs as users of other languages write them: `corpus/languages/*.txt`.

Each case is a title, a wrong spec, `--- line: words; words` for every line that is told (`a|b`: one
of the words is enough; line 0: nothing is wrong), and behind `+++` what the offered fixes make of
it, `+++ ask` where there are two readings, each with a fix, or `+++ none` where only its author
knows.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from cspec.dsl.check import check
from cspec.dsl.format.spec import format_text
from cspec.dsl.messages.diagnostic import Diagnostic, errors
from cspec.dsl.text.source import Source
from cspec.reading.fixes import mended, offered

FOLDER = Path(__file__).parents[2] / "corpus" / "languages"


class Told(NamedTuple):
    """A line that has a message, and what it says: one word of each group."""

    line: int
    words: tuple[tuple[str, ...], ...]


class Case(NamedTuple):
    """A wrong spec, what is told, and what the fixes make of it."""

    title: str
    spec: str
    told: tuple[Told, ...]
    how: str
    right: str


def read_told(text: str) -> Told:
    line, _, words = text.partition(":")
    groups = tuple(tuple(w.strip().lower().split("|")) for w in words.split(";") if w.strip())
    return Told(int(line), groups)


def read_cases(path: Path) -> list[Case]:
    cases = []
    for block in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, rest = block.partition("\n")
        body, _, right = rest.partition("\n+++")
        how, _, right = right.partition("\n")
        spec, *told = body.split("\n--- ")
        lines = tuple(read_told(line) for line in told)
        cases.append(Case(f"{path.stem}: {title}", f"{spec}\n", lines, how.strip(), right))
    return cases


CASES = [case for path in sorted(FOLDER.glob("*.txt")) for case in read_cases(path)]
WRONG = [case for case in CASES if case.told != (Told(0, ()),)]
FIXED = [case for case in WRONG if not case.how]


@cache
def found(spec: str) -> tuple[Diagnostic, ...]:
    return errors(check(Source(text=spec)).diagnostics)


def line_of(diagnostic: Diagnostic) -> int:
    assert diagnostic.source is not None
    return diagnostic.source.position(diagnostic.span.start).line


def said_in(diagnostics: tuple[Diagnostic, ...], line: int) -> str:
    """All that is said about a line, in small letters."""
    parts = []
    for d in diagnostics:
        if line_of(d) == line:
            parts += [d.message, d.label, *d.notes, *d.helps]
    return " ".join(parts).lower()


def test_there_are_many_cases_and_most_can_be_fixed() -> None:
    assert len(WRONG) >= 300
    assert len({case.title for case in CASES}) == len(CASES)
    asked = [case for case in WRONG if case.how == "ask"]
    assert len(FIXED) + len(asked) >= 0.8 * len(WRONG)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_the_right_line_is_told_the_right_cause(case: Case) -> None:
    diagnostics = found(case.spec)
    expected = {told.line for told in case.told if told.line}
    assert {line_of(d) for d in diagnostics} == expected
    for told in case.told:
        said = said_in(diagnostics, told.line)
        for words in told.words:
            assert any(word in said for word in words), (words, said)


@pytest.mark.parametrize("case", FIXED, ids=lambda case: case.title)
def test_the_fixes_lead_to_what_was_meant(case: Case) -> None:
    text = mended(Source(text=case.spec), safe_only=False)[0].text
    assert found(text) == ()
    assert plain(text) == plain(case.right)


def plain(text: str) -> str:
    """A spec as the formatter writes it, without blanks."""
    return re.sub(r"[\s;]+", "", format_text(text))


@pytest.mark.parametrize(
    "case", [case for case in WRONG if case.how == "ask"], ids=lambda case: case.title
)
def test_two_readings_are_both_offered(case: Case) -> None:
    diagnostics = offered(check(Source(text=case.spec)))
    assert max(len(d.fixes) for d in diagnostics) >= 2
    assert all(not d.fixes[0].safe for d in diagnostics if len(d.fixes) > 1)


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.title)
def test_every_message_says_what_to_type(case: Case) -> None:
    assert all(d.helps for d in found(case.spec))


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.title)
def test_safe_fixes_never_make_it_worse(case: Case) -> None:
    before = found(case.spec)
    text, count = mended(Source(text=case.spec))
    after = found(text.text)
    assert len(after) < len(before) if count else text.text == case.spec


def test_what_parses_is_never_touched() -> None:
    spec = "let end = 3\nvar x = 1\nlet c(a, b) = a + b\nminimize c(x, end)\ns.t. end: x >= end\n"
    assert check(Source(text=spec)).diagnostics == ()

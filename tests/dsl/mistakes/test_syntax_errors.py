"""Wrong specs and what is said about them: `corpus/syntax/wrong.txt`.

Each case is a title, a spec, the findings as `code line:column headline`, and either what the fixes
make of it (`+++ fixed`) or a right form written by hand (`+++ right`).
"""

import random
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.pages.syntax import SYNTAX_CODES
from cspec.dsl.messages.render import render_text
from cspec.dsl.mistakes.failure import Failure, open_brackets
from cspec.dsl.parsing.parse import parse_text
from cspec.dsl.text.source import Source
from cspec.dsl.text.tokens import tokenize

CORPUS = Path(__file__).parents[1] / "corpus" / "syntax" / "wrong.txt"


class Case(NamedTuple):
    title: str
    spec: str
    findings: list[str]
    how: str
    right: str


def read_cases(text: str) -> list[Case]:
    cases = []
    for block in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        title, _, rest = block.partition("\n")
        spec, *findings = rest.split("\n--- ")
        last, _, right = findings[-1].partition("\n+++ ")
        findings[-1] = last
        how, _, right = right.partition("\n")
        cases.append(Case(title, spec, [f.strip() for f in findings], how, right.rstrip()))
    return cases


CASES = read_cases(CORPUS.read_text(encoding="utf-8"))


def apply_first_fixes(text: str, found: tuple[Diagnostic, ...]) -> str:
    edits = {(d.fixes[0].span, d.fixes[0].replacement) for d in found}
    for span, replacement in sorted(edits, reverse=True):
        text = text[: span.start] + replacement + text[span.end :]
    return text


def test_there_are_many_cases_with_titles_of_their_own() -> None:
    assert len(CASES) >= 120
    assert len({case.title for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_findings(case: Case) -> None:
    _, found = parse_text(case.spec)
    source = Source(text=case.spec)
    said = []
    for diagnostic in found:
        place = source.position(diagnostic.span.start)
        said.append(f"{diagnostic.code} {place.line}:{place.column} {diagnostic.message}")
    assert said == case.findings
    assert all(d.helps for d in found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_following_the_help_makes_it_valid(case: Case) -> None:
    if case.how == "fixed":
        _, found = parse_text(case.spec)
        assert apply_first_fixes(case.spec, found).rstrip() == case.right
    assert parse_text(case.right)[1] == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_no_name_of_the_grammar_is_shown(case: Case) -> None:
    shown = render_text(parse_text(case.spec)[1])
    for name in ("LPAR", "RPAR", "LSQB", "_NL", "$END", "SIGN", "Token(", "Span(", "__", "None"):
        assert name not in shown


def test_all_codes_of_the_corpus_are_explained() -> None:
    used = {finding.split()[0] for case in CASES for finding in case.findings}
    assert used <= set(SYNTAX_CODES)


@pytest.mark.parametrize("code", SYNTAX_CODES.values(), ids=lambda code: code.code)
def test_explained_examples_say_the_truth(code) -> None:
    if code.wrong:
        assert code.code in {d.code for d in parse_text(code.wrong)[1]}
    assert parse_text(code.right)[1] == ()


def test_one_error_does_not_hide_another() -> None:
    text = "minimize x +\ns.t. a: x = 1\n     b: y <\n     ok: z <= 1\nusng lagrangian\n"
    spec, found = parse_text(text)
    assert [d.code for d in found] == ["CS102", "CS107", "CS102", "CS120"]
    labels = [c.label for c in spec.constraints()]
    assert labels == ["a", "ok"]
    assert [type(item).__name__ for item in spec.items] == ["SubjectTo", "Using"]


def test_a_wrong_member_leaves_the_group() -> None:
    text = "s.t. g: forall a in S: {\n  t: a <= 1\n  u: a + <= 2\n  v: a >= 0\n}\n"
    spec, found = parse_text(text)
    assert [d.code for d in found] == ["CS102"]
    (group,) = spec.constraints()
    assert [c.label for c in group.constraints] in (["t", "v"], ["t", "u", "v"])


def test_both_readings_of_a_signed_line_are_offered() -> None:
    text = "minimize x\ns.t. a: x <= 1\n     -y <= 3\n"
    (found,) = parse_text(text)[1]
    for fix in found.fixes:
        edited = text[: fix.span.start] + fix.replacement + text[fix.span.end :]
        assert not [d for d in parse_text(edited)[1] if d.code == "CS114"]
    assert len(found.fixes) == 2


def test_open_brackets_are_those_of_the_text_before() -> None:
    draw = random.Random(5)
    for _ in range(300):
        text = "".join(draw.choice("([{}])a,") for _ in range(draw.randrange(25)))
        tokens = tuple(tokenize(text)[0])
        failure = Failure(Source(text=text), tokens, 0, frozenset(), "clause")
        places = range(len(tokens) + 1)
        assert [failure.depth(i) for i in places] == [open_brackets(tokens[:i]) for i in places]

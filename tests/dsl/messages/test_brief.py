"""Answers stay short: quotes, lines, and the number of findings."""

from __future__ import annotations

import pytest

from cspec.dsl.check import check
from cspec.dsl.messages.brief import brief
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.render import render_text
from cspec.dsl.text.limits import FINDINGS, QUOTE, SAME
from cspec.dsl.text.source import Source, Span


def said(text: str) -> str:
    return render_text(check(Source(text=text)).diagnostics)


@pytest.mark.parametrize("unit", [",;", "a b;", "x <= 1 1;", "x²;", "c: x < 1;", "let a = 1\n"])
def test_answers_do_not_grow_with_the_text(unit: str) -> None:
    small, large = said("minimize " + unit * 300), said("minimize " + unit * 1200)
    assert len(large) < 1.05 * len(small) + 100
    assert len(large) < 100_000


def test_the_others_are_counted() -> None:
    found = check(Source(text="minimize " + ",;" * 2000)).diagnostics
    assert len(found) == FINDINGS.most + 1
    assert found[-1].code == "CS146"
    assert found[-1].severity == "error"
    assert found[-1].message == "and 1,901 errors more"


def test_equal_warnings_are_grouped() -> None:
    lines = "; ".join("x >= 0" for _ in range(500))
    found = check(Source(text=f"var x = 1\nminimize x\ns.t. {lines}\n")).diagnostics
    assert [d.code for d in found] == ["CS403"] * SAME.most
    assert found[-1].notes[-1] == "and 489 more warnings CS403 like this one"


def test_errors_go_before_warnings() -> None:
    def finding(place: int, severity: str, code: str) -> Diagnostic:
        fields = {"code": code, "message": "m", "span": Span(place, place), "severity": severity}
        return Diagnostic.model_validate(fields)

    warnings = [finding(i, "warning", f"CS{i}") for i in range(200)]
    shown = brief([*warnings, finding(300, "error", "CS101")])
    assert sum(d.code == "CS101" for d in shown) == 1
    assert shown[-1].message == "and 101 warnings more"
    assert shown[-1].severity == "warning"
    assert brief(shown) == shown


def test_a_long_line_is_seen_through_a_window() -> None:
    text = "minimize " + "a + " * 500 + "b c" + " + d" * 500
    place = text.index("b c")
    found = Diagnostic(
        code="CS101", message="m", span=Span(place, place + 3), source=Source(text=text)
    )
    *_, line, marks = render_text([found]).splitlines()
    assert len(line) <= QUOTE + 12
    start = marks.index("^")
    assert line[start : start + 3] == "b c" and marks.count("^") == 3
    assert line[4:].startswith("...") and line.endswith("...")


def test_a_long_quote_is_cut_in_the_middle() -> None:
    found = Diagnostic(code="CS101", message=f"`{'a' * 5000}z` is long", helps=("b" * 5000,))
    (short,) = brief([found])
    assert len(short.message) < 200
    assert short.message.endswith("az` is long") and " ... " in short.message
    assert len(short.helps[0]) < 1000

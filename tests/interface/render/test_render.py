"""Words, tables, progress and report of results made by hand."""

import io
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from cspec.compiler.records.which_data import CHOSE_TOO
from cspec.render import progress as progress_module
from cspec.render.messages import columns, counted
from cspec.render.progress import describe, progress, worst_violation
from cspec.render.report_html import report_html
from cspec.render.summary import summarize
from cspec.render.svg import Series, chart, ticks
from cspec.render.terminal import plain_text, print_result
from cspec.render.words import apart, explain_miss, explain_misses, price, prices, row, slack
from cspec.runtime.result.constraint import ConstraintResult
from cspec.runtime.result.history import Row
from cspec.runtime.result.iterate import Iterate
from cspec.runtime.result.result import Result

MET = ConstraintResult(
    name="c1",
    kind="inequality",
    value=0.487,
    bound=0.5,
    relation="<=",
    violation=0.0,
    tolerance=0.0,
    satisfied=True,
    text="density(model) <= 0.5",
    multiplier=1.3,
    sensitivity=-1.3,
    dual_state="active",
    method="lagrangian",
)
MISSED = replace(
    MET,
    name="dp",
    value=0.0712,
    bound=0.05,
    violation=0.0212,
    satisfied=False,
    text="gap(P[pred == 1 | sex]) <= 5%",
    split="test",
    n=9049,
    sensitivity=None,
    dual_state="growing",
)


def result(*constraints: ConstraintResult, **changes: Any) -> Result:
    end = Iterate(300, 3, 0.13, 0.0, {}, {}, {})
    made = Result(
        spec="a.cspec",
        status="satisfied" if all(c.satisfied for c in constraints) else "violated",
        termination="completed",
        objective=0.1312,
        constraints=constraints,
        vars={},
        metrics={"acc": 0.971},
        steps=300,
        epochs=3,
        seconds=1.5,
        method="lagrangian",
        seed=0,
        out="runs/a",
        best=end,
        last=end,
    )
    return replace(made, **changes)


PROGRAM: Any = SimpleNamespace(
    described={"train": "10 rows; y in {a, <b>}"},
    spec="minimize ce <script> s.t. ...",
    sense="minimize",
    objective="ce",
    objective_datasets=("train",),
    constraints=[
        SimpleNamespace(
            label=c.name, text=c.text, method=c.method, reason="why not", relation=c.relation,
            sign=1.0, soft=False, tolerance=1e-6, equal=c.relation == "==", rescaled=False,
        )
        for c in (MET, MISSED)
    ],
)  # fmt: skip


def test_rows_say_verdicts_in_words() -> None:
    assert row(MET) == (
        "c1", "0.487", "<=", "0.5", "0.013", "1.3", "met", "parameters", "", "exact",
    )  # fmt: skip
    assert row(MISSED)[4:9] == ("over by 0.021", "1.3", "NOT MET", "test", "9,049")
    assert row(replace(MISSED, soft=True))[6] == "preference, not met"


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"relation": ">=", "value": 0.6}, "0.1"),
        ({"relation": ">=", "value": 0.4}, "under by 0.1"),
        ({"relation": "==", "value": 0.4, "satisfied": False}, "off by 0.1"),
        ({"relation": "in", "value": 1e-6}, "off by 1e-06"),
        ({"value": math.nan}, ""),
        ({"value": 0.5000005, "tolerance": 1e-6}, "over by 5e-07, tolerance 1e-06"),
    ],
)
def test_slack_has_the_direction_of_the_relation(change: dict[str, Any], shown: str) -> None:
    assert slack(replace(MET, **change)) == shown


def test_a_value_next_to_its_bound_gets_the_digits_that_tell_them_apart() -> None:
    assert apart(0.50000123, 0.5) == ("0.500001", "0.5")
    assert apart(0.5, 0.5) == ("0.5", "0.5")


def test_a_price_names_its_unit_and_direction() -> None:
    text = price(MET, "ce", "minimize")
    assert text is not None
    assert "raising the bound of `density(model) <= 0.5` by 0.01 buys about 0.013 of `ce`" in text
    assert "costs" in str(price(MET, "ce", "maximize"))
    assert price(MISSED, "ce", "minimize") is None
    large = replace(MET, bound=40.0, sensitivity=0.5)
    assert "by 1 costs about 0.5" in str(price(large, "ce", "minimize"))


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({}, "multiplier was still growing"),
        ({"standard_error": 0.02}, "within sampling noise"),
        ({"method": "penalty"}, "by augmented_lagrangian"),
        ({"relation": "in", "method": "lagrangian", "bound": 0.0}, "by projection"),
        ({"relation": "==", "tolerance": 0.01}, "within"),
    ],
)
def test_a_miss_says_where_by_how_much_and_what_to_try(change: dict[str, Any], advice: str) -> None:
    head, *tries = explain_miss(replace(MISSED, **change), "train")
    assert head.startswith("dp NOT MET on test") and "gap(P[pred == 1 | sex]) <= 5%" in head
    assert any(advice in line for line in tries)
    assert any("trained on train and is judged on test; or `verify" in line for line in tries)
    facts = ["dp: 3 of 9 examples of train violate it", "dp: its condition `a` held on 5%"]
    _, *same = explain_miss(replace(MISSED, **change), "train", (), facts)
    assert same == tries
    _, first, *_ = explain_miss(replace(MISSED), "train", (), [*facts, "a, dp: too small: x"])
    assert first == "  try: too small: x"
    tries = explain_miss(replace(MISSED, **change), "train", (), [f"p, dp: {CHOSE_TOO}"])
    assert any(line.endswith("trained on train and is judged on test") for line in tries)


def test_a_multiplier_that_stays_0_is_blamed_only_on_the_data_it_saw() -> None:
    idle = replace(MISSED, dual_state="inactive")
    assert not any("never left 0" in line for line in explain_miss(idle, "train"))
    assert any("never left 0" in line for line in explain_miss(replace(idle, split=None), "train"))


def test_where_a_note_says_why_nothing_else_is_guessed() -> None:
    growing = replace(MISSED, dual_state="growing", split=None)
    told = explain_miss(growing, None, (), (f"{growing.name}: its gradient is zero",))
    assert told[1:] == ["  try: its gradient is zero"]
    guessed = explain_miss(growing, None, (), ("other: its gradient is zero",))
    assert "larger dual step" in guessed[1]


def test_the_text_has_everything_and_no_color() -> None:
    text = plain_text(summarize(result(MET, MISSED, notes=("mind this",)), PROGRAM))
    assert text.startswith("a.cspec: a requirement is NOT MET\n")
    for part in ("minimize ce", "0.1312", "acc", "0.971", "runs/a", "note: mind this", "9,049"):
        assert part in text
    assert "\x1b" not in text


def test_a_terminal_gets_a_table_and_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    colored, plain = Terminal(), Terminal()
    print_result(result(MET, MISSED), PROGRAM, colored)
    monkeypatch.setenv("NO_COLOR", "1")
    print_result(result(MET, MISSED), PROGRAM, plain)
    assert "\x1b[" in colored.getvalue() and "NOT MET" in colored.getvalue()
    assert not re.search(r"\x1b\[[\d;]*3[0-9]m", plain.getvalue())
    assert "NOT MET" in plain.getvalue()


def test_other_iterates_are_reported() -> None:
    last = Iterate(300, 3, 0.11, 0.02, {}, {}, {})
    text = plain_text(
        summarize(result(MET, best=Iterate(200, 2, 0.13, 0.0, {}, {}, {}), last=last))
    )
    assert "reported: step 200" in text and "(step 300) has objective 0.11, violation 0.02" in text


def test_an_interrupted_run_says_how_to_go_on() -> None:
    text = plain_text(summarize(result(MET, status="interrupted", termination="interrupted")))
    assert "cspec resume runs/a" in text


STATE = {
    "step": 50,
    "total_steps": 100,
    "epoch": 1,
    "objective": 0.5,
    "violations": {"c1": -0.1, "dp": 0.02},
    "multipliers": {"c1": 0.1, "dp": 2.0},
    "skipped": 0,
}


def test_progress_names_the_worst_violation() -> None:
    assert worst_violation(PROGRAM, {"c1": -0.1, "dp": 0.02}) == ("dp", 0.02)
    assert worst_violation(PROGRAM, {"c1": math.nan}) is None
    text = describe(PROGRAM, STATE)
    assert text == "objective 0.5  violation 0.02 (dp)  multipliers dp 2 c1 0.1"
    assert "feasible" in describe(PROGRAM, {**STATE, "violations": {"c1": -0.1}})
    assert "feasible" in describe(PROGRAM, {**STATE, "violations": {"dp": 1e-9}})


def test_progress_without_a_terminal_is_a_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(PROGRAM, "auto") as update:
        assert update is not None
        for step in range(101):
            update({**STATE, "step": step})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == progress_module.LINES + 1 and lines[-1].startswith("step 100/100")


def test_progress_as_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(PROGRAM, "json") as update:
        assert update is not None
        update({**STATE, "objective": math.nan, "violations": {"c1": math.inf}})
    line = json.loads(capsys.readouterr().out)
    assert line["type"] == "progress" and line["objective"] is None
    assert line["violations"] == {"c1": None}
    with progress(PROGRAM, "none") as update:
        assert update is None


def test_the_report_is_one_file_with_curves_and_escaped_text() -> None:
    rows = tuple(
        Row(step, 1, 1 / step, {"c1": 0.5 / step, "dp": math.nan}, {"c1": step / 10})
        for step in range(1, 50)
    )
    page = report_html(result(MET, MISSED, history=rows), PROGRAM)
    assert "&lt;script&gt;" in page and "<script" not in page
    assert page.count("<svg") == 3 and "nothing was measured" in page
    assert 'class="bad">NOT MET' in page
    assert not re.search(r"(src|href)=", page)
    assert "10 rows; y in {a, &lt;b&gt;}" in page
    assert "too short" in report_html(result(MET), PROGRAM)


def test_charts_leave_out_what_is_not_finite_and_stay_inside() -> None:
    ys = [math.nan if i % 7 == 0 else math.sin(i / 50) for i in range(5000)]
    svg = chart([Series("a & b", range(5000), ys)], "step", "value")
    ElementTree.fromstring(svg[: svg.index("</svg>") + 6])
    points = re.search(r'points="([^"]+)"', svg)
    assert points is not None
    pairs = [tuple(map(float, p.split(","))) for p in points[1].split()]
    assert len(pairs) <= 601
    assert all(0 <= x <= 640 and 0 <= y <= 260 for x, y in pairs)
    assert "a &amp; b" in svg and "nan" not in svg


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3.2, 7.9), (5, 5), (0, 0), (1e-9, 2e-9), (-1e6, 1e7)]
)
def test_ticks_are_round_and_cover_the_range(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low + 1e-12 and found[-1] >= high - 1e-12
    assert 2 <= len(found) <= 12
    assert found == sorted(set(found))


def test_columns_align() -> None:
    assert columns([("a", "10"), ("bcd", "2")], right=(1,)) == ["a    10", "bcd   2"]
    assert columns([]) == []
    assert [counted(n, "error") for n in (0, 1, 2000)] == ["no errors", "1 error", "2,000 errors"]


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    return lambda: None


def test_members_of_one_constraint_are_told_together() -> None:
    missed = [
        replace(MISSED, name=f"each[{i}]", violation=0.1 * i, split="test") for i in range(1, 10)
    ]
    lines = explain_misses(missed, "train")
    assert [line.split()[0] for line in lines[:3]] == ["each[9]", "each[8]", "each[7]"]
    assert lines[3] == (
        "each NOT MET on test for 6 more: each[6], each[5], each[4], each[3], each[2], each[1]"
    )
    tries = lines[4:]
    assert tries and len(tries) == len(set(tries)) and all("try:" in line for line in tries)


def test_free_bounds_are_told_in_one_line() -> None:
    idle = [replace(MET, name=f"c{i}", sensitivity=1e-12) for i in range(8)]
    lines = prices([MET, *idle], "ce", "minimize", 2.0)
    assert len(lines) == 2
    assert lines[1].startswith("c0, c1, c2, c3, c4 and 3 more: their bounds cost nothing")


def test_rounding_is_not_spelled_out() -> None:
    assert apart(1.0000000000000002, 1.0) == ("1", "1")

"""The first-order conditions and the conflict in the words of a rendered result."""

from pathlib import Path

import cspec
from cspec.render.report_html import report_html
from cspec.render.summary import summarize
from cspec.render.terminal import plain_text

NEAR = "var x = 3\nvar y = 1\nminimize x^2 + y^2\ns.t. c: x + y >= 2\n     d: y >= -1"
APART = "var x = 3\nvar y = 1\nminimize x^2 + y^2\ns.t. c: x + y >= 2\n     d: x + 2*y <= 0\n"
APART += "     e: y >= 0"


def test_the_table_says_how_optimal_the_end_is() -> None:
    facts = dict(summarize(cspec.run(NEAR)).facts)
    assert facts["optimality"].startswith("stationary, residual")
    assert facts["multipliers"] == "by least squares over the active constraints"


def test_what_rounding_leaves_of_a_multiplier_is_zero() -> None:
    result = cspec.run(NEAR)
    rows = {cells[0]: cells for cells in summarize(result).rows}
    assert rows["d"][5] == "0" and rows["c"][5] == "2"


def test_sources_are_told_apart() -> None:
    text = "var w[2] = 0.1\nminimize (w[0] - 2)^2 + w[1]^2\ns.t. ball: norm(w, 2) <= 1\n"
    text += "     up: w[0] - w[1]^2 >= 0.2 by lagrangian\nfit(optimizer=sgd(lr=0.01), steps=1000)"
    words = dict(summarize(cspec.run(text)).facts)["multipliers"]
    assert "the method's own (up)" in words and "by least squares" in words and "(ball)" in words


def test_a_conflict_has_no_prices_and_points_to_relax(tmp_path: Path) -> None:
    result = cspec.run(APART)
    assert result.status == "infeasible"
    summary = summarize(result)
    assert not summary.prices
    assert "INFEASIBLE" in summary.headline and "not feasible" in dict(summary.facts)["optimality"]
    assert all("cspec relax" in line for line in summary.misses if line.startswith("  try"))
    program = cspec.compile(APART)
    for shown in (plain_text(summary), report_html(result, program)):
        assert "optimality" in shown and "cspec relax" in shown


def test_no_multipliers_no_words() -> None:
    text = "var x = 3\nminimize x^2\ns.t. c: x >= 1 by exact_penalty(coefficient=5)\n"
    text += "fit(optimizer=sgd(lr=0.01), steps=200)"
    assert "optimality" not in dict(summarize(cspec.run(text)).facts)

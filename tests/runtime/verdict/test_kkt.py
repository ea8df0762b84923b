"""The KKT report: residuals and where each multiplier comes from."""

import json

import pytest

import cspec

BALL = """
var w[2] = 0.1
minimize (w[0] - 2)^2 + w[1]^2 + abs(w[0] + 5)
s.t. ball: norm(w, 2) <= {bound} by projection
     far: norm(w, 2) <= 50 by projection
fit(optimizer=sgd(lr=0.01), steps=1500)
"""


def test_projection_gets_multipliers_by_least_squares() -> None:
    result = cspec.run(BALL.format(bound=1))
    assert result["ball"].method == "projection"
    # At w = (1, 0) the gradient is (-2 + 1, 0) and that of the norm (1, 0).
    assert result["ball"].multiplier == pytest.approx(1.0, rel=0.02)
    assert result["ball"].sensitivity == pytest.approx(-1.0, rel=0.02)
    assert result["far"].multiplier == 0.0
    assert result.kkt is not None
    assert result.kkt.sources == {"ball": "least squares", "far": "least squares"}


def test_the_solver_is_stationary_to_its_precision() -> None:
    text = "var x = 3\nvar y = 1\nminimize exp(x) + y^2\ns.t. c: x + y >= 1\n     d: x*y >= -2"
    report = cspec.run(text).kkt
    assert report is not None
    assert report.stationarity < 1e-8
    assert report.feasibility < 1e-9
    assert report.complementarity < 1e-8


def test_the_report_is_part_of_the_json() -> None:
    result = cspec.run("var x = 3\nminimize x^2\ns.t. c: x >= 1")
    found = json.loads(result.to_json())["kkt"]
    parts = {"stationarity", "feasibility", "complementarity", "sources", "projected_gradient"}
    parts |= {"scope"}
    assert set(found) == parts
    assert found["sources"] == {"c": "least squares"}


def test_no_constraint_no_report() -> None:
    assert cspec.run("var x = 3\nminimize x^2").kkt is None

"""`cspec relax` and `cspec.relax`: how far bounds must give."""

import json
import math
from pathlib import Path

import pytest
import torch
from torch import nn

import cspec
from cspec.cli import main
from cspec.runtime.verdict.why.relaxation import Give

BOTH = "var x = 3\nminimize x^2\ns.t. b: x <= 1\n     a: x >= {}\n"


def test_the_least_change_of_a_contradiction(tmp_path: Path, capsys) -> None:
    spec = tmp_path / "both.cspec"
    spec.write_text(BOTH.format(4))
    assert main(["run", str(spec)]) == 1
    capsys.readouterr()
    assert main(["relax", str(spec)]) == 4
    out = capsys.readouterr().out
    assert "(by 3)" in out and "proved" in out and "in conflict: b, a" in out
    assert main(["relax", str(spec), "--json"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert found["type"] == "relaxation" and not found["met"]
    assert sum(g["by"] for g in found["gives"]) == pytest.approx(3)


def test_nothing_must_give() -> None:
    found = cspec.relax(BOTH.format(0.5))
    assert found.met and found.exit_code == 0 and "nothing must give" in str(found)


def test_params_and_methods_of_a_training_loop_go_to_the_solver() -> None:
    text = (
        "param r = 1\nvar w[2] = 0.1\nvar v = 0.5 in [0, 1]\nminimize w[0]^2 + v^2\n"
        "s.t. ball: norm(w, 2) <= r\n     far: w[0] + v >= 3\nusing lagrangian\nfit(steps=10)"
    )
    # |w| <= r and v <= 1 leave w[0] + v <= 1 + r; v's bounds stay hard.
    for r in (1.0, 1.5):
        found = cspec.relax(text, r=r)
        assert sum(g.by for g in found.gives) == pytest.approx(2 - r, abs=1e-5)
        assert found.vars["v"] <= 1
    assert cspec.relax(text, r=2.5).met


def test_equalities_and_scales() -> None:
    text = "var x = 0\nminimize x^2\ns.t. e: x^2 == -1\n     f: 100*x >= 500"
    found = cspec.relax(text)
    assert found["e"].by >= 1 and not found.met
    # Least |x^2 + 1| + (500 - 100 x)/500 with x free: x = 0.1.
    assert found.vars["x"] == pytest.approx(0.1, abs=1e-3)


def test_bounds_round_to_the_side_that_can_be_met() -> None:
    assert "raised to 0.3334" in str(Give("c", "v <= 0.1", "<=", 0.1, 1 / 3, 1 / 3 - 0.1))
    assert "lowered to 0.3333" in str(Give("c", "v >= 0.5", ">=", 0.5, 1 / 3, 0.5 - 1 / 3))
    assert "lowered to -0.6667" in str(Give("c", "v >= 0.5", ">=", 0.5, -2 / 3, 7 / 6))
    assert "raised to 0 (by 1)" in str(Give("c", "v <= -1", "<=", -1.0, 1.5e-18, 1.0))
    assert "moved to 0.3333 (by 0.167)" in str(Give("c", "v == 0.5", "==", 0.5, 1 / 3, 1 / 6))
    assert str(Give("c", "v <= 1", "<=", 1.0, 0.5, 0.0)) == "c: `v <= 1` can stay as it is"
    assert "could not be measured" in str(Give("c", "v <= 1", "<=", 1.0, math.nan, math.nan))


def test_a_network_is_trained_with_a_penalty_and_sets_stay_hard() -> None:
    torch.manual_seed(0)
    x = torch.randn(200, 4)
    model = nn.Linear(4, 1)
    text = """
data D(x)
model net
minimize E[net(x)^2 on D]
s.t. mean: E[net(x) on D] >= {}
     cap: forall W in net.weights: -1 <= W <= 1
     bias: forall b in net.params("bias"): -2 <= b <= 2
fit(optimizer=adam(lr=3e-2), epochs=30, batch_size=full)
"""
    found = cspec.relax(text.format(5), D={"x": x}, net=model)
    assert found.exit_code == 4 and found["mean"].needed
    assert all(g.hard and not g.needed for g in found.gives if g.name != "mean")
    # The mean can be at most 2 plus what the capped weights make of the data's means.
    most = 2 + float(x.mean(0).abs().sum())
    assert found["mean"].value <= most + 1e-5
    assert cspec.relax(text.format(1), D={"x": x}, net=model).met


def test_other_mistakes_still_stop() -> None:
    with pytest.raises(cspec.SpecError):
        cspec.relax("var x = 0\nminimize x + missing s.t. x >= 1")

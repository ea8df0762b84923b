"""Bounds that move: over the whole run where no length is said."""

from collections.abc import Callable
from typing import Any

import pytest

from cspec.runtime.steps.update import ramp_down

SPEC = (
    "param n = 60\ndata train(x, y) = digits(split=[1])\nmodel f = mlp(hidden=[8]{gates})\n"
    "minimize ce\ns.t. density(f) <= {ramp} by {method}\nfit(epochs=10, seed=0{n})"
)


def line(compiled: Callable[..., Any], ramp: str, method: str) -> str:
    """The line of the loop that reads the moving bound."""
    gates = ", gates=hard_concrete" if method == "lagrangian" else ""
    text = SPEC.format(ramp=ramp, method=method, gates=gates, n="")
    if "n)" not in ramp:
        text = text.replace("param n = 60\n", "")
    source: str = compiled(text).source
    lines = [part for part in source.splitlines() if "ramp(1," in part or "ramp_down(" in part]
    return lines[0]


# 1,797 digits in batches of 128 are 15 steps an epoch, 150 in all.
@pytest.mark.parametrize(
    ("ramp", "steps"),
    [
        ("ramp(100%, 10%)", 150),
        ("ramp(100%, 10%, epochs=2)", 30),
        ("ramp(100%, 10%, steps=60)", 60),
        ("ramp(100%, 10%, steps=n)", 60),
        ("ramp(100%, 10%, epochs=50)", 750),
    ],
)
def test_the_length_of_a_ramp(compiled: Callable[..., Any], ramp: str, steps: int) -> None:
    assert f'batch["clock"], {steps})' in line(compiled, ramp, "lagrangian")
    share = min(steps / 150, 1)
    for method in ("projection", "admm"):
        assert f"progress / {share:g}, power=1)" in line(compiled, ramp, method)


def test_a_ramp_of_a_projection_is_the_line_that_it_says() -> None:
    """A method's own ramp is cubic."""
    assert [ramp_down(8, 0, share, power=1) for share in (0, 1 / 8, 1 / 2, 1, 2)] == [8, 7, 4, 0, 0]
    assert ramp_down(8, 0, 1 / 2) == 1


def test_a_ramp_over_the_run_ends_at_its_last_value(run: Callable[..., Any]) -> None:
    result = run(
        "var x = 3\nminimize (x - 2)^2\ns.t. c: x <= ramp(2, 1)\n"
        "using lagrangian(dual=sgd(lr=0.1))\nfit(optimizer=sgd(lr=0.05), steps=400)"
    )
    assert result["c"].bound == 1
    assert result.vars["x"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("text", "vars_"),
    [
        ("var x = 0\nmaximize x\ns.t. c: x <= ramp(3, 1)", {"x": 1}),
        ("var x = 3\nminimize x^2\ns.t. c: ramp(1, 2, steps=9) <= x", {"x": 2}),
        (
            "var x = 3\nvar y = 1\nminimize (x - 4)^2 + y^2\ns.t. c: x + y <= ramp(3, 1)",
            {"x": 2.5, "y": -1.5},
        ),
    ],
)
def test_a_solver_takes_the_last_value(
    run: Callable[..., Any], text: str, vars_: dict[str, float]
) -> None:
    result = run(text)
    assert result.vars == pytest.approx(vars_, abs=1e-6)
    assert result["c"].satisfied
    assert any("takes the last value" in note for note in result.notes)

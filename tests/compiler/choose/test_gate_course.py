"""A size on gates comes to its bound along a ramp and is decided, where its method is open."""

from __future__ import annotations

import pytest

import cspec

GATED = "mlp(hidden=[8], gates=hard_concrete)"
LINE = "minimize ce\ns.t. c: density(model) <= 0.5"


def source(spec: str, model: str = GATED) -> str:
    return cspec.compile(f"{spec}\nfit(steps=100)", model=model, data="digits").source


@pytest.mark.parametrize("method", ["", " by lagrangian", " by augmented_lagrangian"])
def test_the_bound_comes_down_from_every_weight(method: str) -> None:
    text = source(LINE + method)
    assert 'density(model) - ramp(1, 0.5, batch["clock"], 40)' in text
    assert "late = progress >= 0.8" in text and "decide(primal, session.progress)" in text


@pytest.mark.parametrize("size, full, bound", [("flops", 1184, 700), ("params", 610, 400)])
def test_a_size_comes_down_from_what_it_is_with_every_weight(
    size: str, full: int, bound: int
) -> None:
    text = source(f"minimize ce\ns.t. c: {size}(model) <= {bound}")
    assert f'ramp({full}, {bound}, batch["clock"], 40)' in text and "decide(primal, " in text


@pytest.mark.parametrize(
    "line",
    [
        LINE + " by lagrangian(dual=nupi(lr=0.1, kp=20))",
        LINE + " by lagrangian(dual=sgd)",
        LINE + " by augmented_lagrangian(penalty=1)",
        LINE.replace("0.5", "ramp(100%, 50%)"),
        LINE.replace("<= 0.5", "<= 0.5 soft(weight=2)"),
        LINE.replace("<=", ">="),
    ],
)
def test_what_is_written_acts_as_written(line: str) -> None:
    text = source(line)
    assert "decide" not in text
    assert ("ramp(1, 0.5" in text) == ("ramp(100%" in line)


def test_the_deployed_size_moves_the_multiplier_and_the_expected_one_the_model() -> None:
    text = source(LINE + " by lagrangian(dual=sgd(lr=1))")
    assert "c = expected_density(model) - 0.5" in text
    assert "true_c = density(model) - 0.5" in text


def test_models_are_decided_each_by_its_own_bounds() -> None:
    text = cspec.compile(
        f"data train(x, y) = digits\nmodel f = {GATED}\nmodel h = {GATED}\n"
        "minimize ce(f(x), y) + ce(h(x), y)\n"
        "s.t. a: density(f) <= 50%\n     b: density(h) <= 20%\n     c: params(f) <= 400\n"
        "fit(steps=100)"
    ).source
    assert 'decide_gates([primal["h"]], lambda: sizes(primal)[0], late)' in text
    assert 'decide_gates([primal["f"]], lambda: sizes(primal)[1], late)' in text

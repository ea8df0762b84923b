"""The two examples of the position paper (arXiv 2505.20628), by the last iterate."""

import math
from collections.abc import Callable

import pytest

from cspec.runtime.result.result import Result

Run = Callable[..., Result]
Example = Callable[[str], str]
LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]


def last_x(result: Result) -> float:
    assert result.last is not None
    return float(result.last.tensors["x"])


@pytest.mark.parametrize("eps", LEVELS)
def test_arcsin(run: Run, example: Example, eps: float) -> None:
    result = run(example("arcsin.cspec"), eps=eps)
    assert last_x(result) == pytest.approx(math.asin(eps), abs=1e-3)
    assert result.last is not None
    multiplier = float(result.last.state["multipliers"])
    assert multiplier == pytest.approx(eps / math.sqrt(1 - eps**2), abs=1e-2)
    assert result["level"].satisfied


@pytest.mark.parametrize("coefficient", [0, 0.1, 0.5, 1, 2, 10, 100])
def test_no_fixed_penalty_solves_arcsin(run: Run, example: Example, coefficient: float) -> None:
    # cos x + c (sin x - eps) is concave on [0, pi/2]: it ends at 0 or at pi/2, for every c.
    text = example("arcsin.cspec").replace(
        "using lagrangian(dual=nupi(lr=0.3, kp=40))",
        f"using penalty(coefficient={coefficient})",
    )
    result = run(text.replace("steps=10_000", "steps=2000"))
    assert min(abs(last_x(result) - end) for end in (0.0, math.pi / 2)) < 1e-3


def test_an_exact_penalty_above_the_multiplier_solves_arcsin(run: Run, example: Example) -> None:
    text = example("arcsin.cspec").replace(
        "using lagrangian(dual=nupi(lr=0.3, kp=40))", "using exact_penalty(coefficient=2)"
    )
    text = text.replace(
        "optimizer=sgd(lr=0.01), steps=10_000", "optimizer=sgd(lr=0.001), steps=4000"
    )
    assert last_x(run(text)) == pytest.approx(math.pi / 6, abs=2e-3)


@pytest.mark.parametrize("step", [0.01, 0.1, 1.0, 10.0])
def test_rate(run: Run, example: Example, step: float) -> None:
    result = run(example("rate.cspec"), step=step)
    assert result.last is not None
    one = 1 / 200
    assert result.last.values["quota"] == pytest.approx(0.7, abs=one + 1e-6)
    assert result.last.metrics["acc"] == pytest.approx(0.8, abs=one + 1e-6)

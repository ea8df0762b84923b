"""The learning rate of gates: chosen where none is given, else as written, with a warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cspec.running.plans import plan_of
from cspec.running.prepare import prepare

SPEC = """data train(x, y) = digits(split=[1])
model net = mlp(hidden=[8], gates=hard_concrete)
minimize ce(net(x), y)
s.t. prune: density(net) <= 50%
fit({fit})
"""
STEPS = 15 * 20  # 20 epochs of 1,797 digits in batches of 128


@pytest.fixture
def of(tmp_path: Any, checked: Callable[[str], Any]) -> Callable[..., Any]:
    """The prepared run of a `fit`."""
    return lambda fit, spec=SPEC: prepare(plan_of(checked(spec.format(fit=fit))), {}, base=tmp_path)


def optimizers(prepared: Any) -> list[tuple[str, str | None, float]]:
    return [(w, s["params"], s["lr"]) for w, s in prepared.program.fit["optimizer"]]


@pytest.mark.parametrize(
    "fit", ["epochs=20", "epochs=20, optimizer=adam", "epochs=20, optimizer=sgd"]
)
def test_gates_get_a_rate_where_none_is_given(of: Callable[..., Any], fit: str) -> None:
    run = of(fit)
    word, params, rate = optimizers(run)[0]
    assert (word, params) == ("adam", "*log_alpha")
    assert rate * STEPS == pytest.approx(22, rel=0.2)
    assert run.warnings == ()


@pytest.mark.parametrize("optimizer", ["adam(lr=0.001)", "sgd(lr=0.1)", "adamw(lr=0.01)"])
def test_a_given_rate_acts_on_gates_and_is_warned_of(
    of: Callable[..., Any], optimizer: str
) -> None:
    run = of(f"epochs=20, optimizer={optimizer}")
    assert [(w, p) for w, p, _ in optimizers(run)] == [(optimizer.partition("(")[0], None)]
    (found,) = run.warnings
    assert (found.code, found.severity) == ("CS541", "warning")
    assert any("gates hardly shut" in note for note in run.program.notes)


def test_what_the_warning_says_to_write_is_enough(of: Callable[..., Any]) -> None:
    (found,) = of("epochs=20, optimizer=adam(lr=0.001)").warnings
    written = found.helps[0].partition("fit(")[2].rpartition(")`")[0]
    run = of(f"epochs=20, {written}")
    assert run.warnings == ()
    assert [p for _, p, _ in optimizers(run)] == ["*log_alpha", None]


@pytest.mark.parametrize(
    "optimizer",
    [
        'adam(lr=0.001), adam(params="*log_alpha", lr=0.002)',
        'adam(params="fc*", lr=0.002), adam(lr=0.1)',
    ],
)
def test_the_optimizer_that_acts_on_the_gates_is_the_one_judged(
    of: Callable[..., Any], optimizer: str
) -> None:
    (found,) = of(f"epochs=20, optimizer=[{optimizer}]").warnings
    assert "adam(lr=0.002) move each by about" in found.message


@pytest.mark.parametrize(
    "spec",
    [
        SPEC.replace(", gates=hard_concrete", ""),
        SPEC.replace("s.t. prune: density(net) <= 50%\n", ""),
    ],
)
def test_nothing_is_said_where_no_gate_has_to_shut(of: Callable[..., Any], spec: str) -> None:
    assert of("epochs=20, optimizer=adam(lr=0.001)", spec).warnings == ()


def test_a_rate_that_is_large_enough_is_left_alone(of: Callable[..., Any]) -> None:
    run = of("epochs=20, optimizer=adam(lr=0.1)")
    assert optimizers(run) == [("adam", None, 0.1)] and run.warnings == ()

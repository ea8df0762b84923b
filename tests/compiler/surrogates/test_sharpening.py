"""The stand-in for events that comes closer to them along a run: where, and how sharp when."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from training.text import compiled, session_of

import cspec
from cspec.compiler.expressions.rewrite import call, number
from cspec.compiler.surrogates.arithmetic import over
from cspec.compiler.surrogates.words import as_at_first, sharpening
from cspec.dsl.tree.nodes import Name

D = torch.float64
SPEC = """
data train(x, y)
model f
minimize bce(f(x), y)
s.t. a: P[{event}] >= 90%{surrogate}
{using}fit(steps={steps}, batch_size=full, precision=float64)
"""


def spec(event: str = "pred == 1 | y == 1", steps: int = 1000, **more: str) -> str:
    return SPEC.format(event=event, steps=steps, **{"surrogate": "", "using": "", **more})


def table() -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(30, 2, generator=draw, dtype=D)
    return {"x": x, "y": (x[:, 0] + torch.randn(30, generator=draw, dtype=D) > 0).long()}


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(2, 1).double()


@pytest.mark.parametrize(
    ("step", "temperature"),
    [(0, 1.0), (150, 0.8125), (300, 0.625), (600, 0.25), (601, 0.25), (1000, 0.25)],
)
def test_the_temperature_falls_from_1_to_a_quarter_over_60_percent(
    step: int, temperature: float
) -> None:
    run = session_of(spec(), train=table(), f=net())
    run.step = step
    _, g, true = run.module["measure"](run.primal, run.whole_batch())
    with torch.no_grad():
        z = net()(table()["x"]).squeeze(1).numpy()
    positive = table()["y"].numpy() == 1
    expected = 0.9 - (1 / (1 + np.exp(-z[positive] / temperature))).mean()
    assert g.item() == pytest.approx(expected, abs=1e-12)
    assert true.item() == pytest.approx(0.9 - (z[positive] > 0).mean(), abs=1e-12)


def _sharpens(text: str) -> bool:
    program, _ = compiled(text, {"train": table(), "f": net()})
    return "0.25" in program.source


@pytest.mark.parametrize("steps", [199, 200, 201])
def test_only_runs_of_200_steps_sharpen(steps: int) -> None:
    assert _sharpens(spec(steps=steps)) == (steps >= 200)


@pytest.mark.parametrize(
    "more",
    [
        {"using": "using lagrangian(dual=nupi(lr=0.1))\n"},
        {"using": "using lagrangian(start=0.5)\n"},
        {"using": "using augmented_lagrangian(penalty=2)\n"},
        {"using": "using quadratic_penalty\n"},
        {"surrogate": " with surrogate sigmoid"},
        {"surrogate": " with surrogate sigmoid(temperature=1)"},
        {"surrogate": " with surrogate ramp"},
    ],
)
def test_what_is_given_acts_as_written(more: dict[str, str]) -> None:
    assert not _sharpens(spec(**more))


@pytest.mark.parametrize(
    "method",
    ["augmented_lagrangian", "lagrangian(dual=nupi)", "sal", "proxy_lagrangian"],
)
def test_a_method_by_its_name_alone_leaves_the_surrogate_open(method: str) -> None:
    assert _sharpens(spec(using=f"using {method}\n"))


def test_what_is_printed_has_temperature_1() -> None:
    """As of the same requirement with a sigmoid that is given, which never sharpens."""
    found, given = (
        compiled(text, {"train": table(), "f": net()})[0].constraints[0].stand_in
        for text in (spec(), spec(surrogate=" with surrogate sigmoid"))
    )
    assert found == given and found and "ramp" not in found[0]


def test_a_loop_of_ones_own_keeps_1() -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    handle = cspec.bind(spec(), f=model, optimizer=optimizer, steps=1000, train=table())
    before = handle.program.source
    assert "0.25" not in before and "ramp" not in before


def test_only_the_ramp_of_a_run_is_taken_out() -> None:
    """A temperature that somebody typed as a ramp of other ends stays."""
    margin = Name(id="z")
    ours, theirs = (
        sharpening(1000).above(margin, 1),
        over(margin, call("ramp", number(2), number(1))),
    )
    assert as_at_first(ours) == call("sigmoid", margin)
    assert as_at_first(theirs) == theirs


def test_events_of_numbers_sharpen_alike() -> None:
    run = session_of(spec(event="f(x)[0] > 0.3"), train=table(), f=net())
    run.step = 600
    _, g, _ = run.module["measure"](run.primal, run.whole_batch())
    with torch.no_grad():
        z = net()(table()["x"]).squeeze(1).numpy()
    own = np.abs(z - 0.3).mean() / 4
    expected = 0.9 - (1 / (1 + np.exp(-(z - 0.3) / own / 0.25))).mean()
    assert g.item() == pytest.approx(expected, abs=1e-12)


def test_a_batch_may_ask_for_another_temperature() -> None:
    run = session_of(spec(), train=table(), f=net())
    run.step = 600
    batch = {**run.whole_batch(), "temperature": torch.tensor(2.0, dtype=D)}
    _, g, _ = run.module["measure"](run.primal, batch)
    with torch.no_grad():
        z = net()(table()["x"]).squeeze(1).numpy()
    positive = table()["y"].numpy() == 1
    assert g.item() == pytest.approx(0.9 - (1 / (1 + np.exp(-z[positive] / 2))).mean(), abs=1e-12)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_a_count_of_errors_is_followed_alike_in_any_units(size: float) -> None:
    data = {**table(), "y": size * table()["x"].sum(1)}
    model = net()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(size)
    text = SPEC.replace("bce(f(x), y)", "E[(f(x) - y)^2]").format(
        event=f"abs(f(x) - y) <= {0.5 * size}", steps=1000, surrogate="", using=""
    )
    run = session_of(text, train=data, f=model)
    _, g, _ = run.module["measure"](run.primal, run.whole_batch())
    with torch.no_grad():
        m = 0.5 - (net()(table()["x"]).squeeze(1) - table()["x"].sum(1)).abs().numpy()
    expected = 0.9 - (1 / (1 + np.exp(-4 * m / np.abs(m).mean()))).mean()
    assert g.item() == pytest.approx(expected, rel=1e-6)

"""A threshold moved after training."""

from __future__ import annotations

import pytest
import torch

from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.run.execute import resume
from cspec.runtime.run.execute import run as run_program
from cspec.runtime.run.folder import RunFolder

SPEC = """
data train(x, y) = two_gaussians(n=200, seed=0)
model f = linear
minimize bce(f(x), y)
s.t. quota: P[pred == 0] >= {level} by threshold
fit(optimizer=sgd(lr=0.1), epochs=50, batch_size=full)
"""


def test_shift_is_the_one_of_least_loss_at_which_the_rate_holds(run, session):
    result = run(SPEC.format(level="70%"))
    assert result.status == "satisfied"
    model = result.models["f"]
    trained = session(SPEC.format(level="70%"))
    x, y = trained.data["train"]["x"], trained.data["train"]["y"].float().flatten()
    with torch.no_grad():
        scores = model(x).flatten() - model.decision_shift
        losses = {}
        for shift in torch.linspace(-20, 20, 4001):
            moved = scores + shift
            if (moved <= 0).float().mean() >= 0.7 - 1e-6:
                loss = torch.nn.functional.binary_cross_entropy_with_logits(moved, y)
                losses[float(shift)] = float(loss)
    assert result.objective <= min(losses.values()) + 0.02
    assert any("was shifted by" in note for note in result.notes)


def test_a_rate_that_holds_by_itself_moves_little_or_not(run):
    result = run(SPEC.format(level="5%"))
    free = run(SPEC.format(level="0%"))
    assert result.status == "satisfied"
    assert result.objective <= free.objective + 1e-6


def test_the_shift_is_saved_with_the_model(build, tmp_path):
    program, bound = build(SPEC.format(level="70%"))
    whole = run_program(program, bound, out=tmp_path / "a")
    assert whole.last.tensors["f.decision_shift"].item() != 0
    _, again = build(SPEC.format(level="70%"))
    folder = RunFolder.open(tmp_path / "a")
    resumed = resume(folder, program, again, seed=program.fit["seed"])
    assert resumed.constraints[0].value == whole.constraints[0].value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("var x = 1\nminimize x^2\ns.t. c: x >= 2 by threshold", "only rates count"),
        (
            "data train(x, y) = digits()\nmodel f = linear\nminimize ce(f(x), y)\n"
            "s.t. c: P[pred == 3] <= 5% by threshold",
            "more than one output",
        ),
    ],
)
def test_what_no_threshold_moves_is_refused(build, text, message):
    with pytest.raises(SpecError, match=message):
        build(text)

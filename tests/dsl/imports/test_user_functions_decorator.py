"""The decorator and the reading of its text agree; what is declared holds while training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cspec
from cspec.dsl.check import check
from cspec.dsl.imports.functions import described
from cspec.dsl.parsing.files import read
from cspec.functions import registered

TEXT = '''
import torch
import cspec

@cspec.function(range=(0, 1), gradient=False, surrogate="soft_share")
def share(w):
    """Share of the entries above 1/2."""
    return (w > 0.5).double().mean()

def soft_share(w):
    return torch.sigmoid(10 * (w - 0.5)).mean()

@cspec.function(range=(0, float("inf")), kinds=("number", "number"))
def energy(w, scale=1.0):
    """Scaled sum of squares."""
    return scale * (w**2).sum()
'''
SPEC = """from "helpers.py" import share, energy as e
var w[4] = [0.9, 0.8, 0.2, 0.1]
minimize sumsq(w - 1)
s.t. few:   share(w) <= 50%
     small: e(w, 0.5) <= 1
fit(optimizer=adam(lr=1e-2), steps=1500)
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("cspec.functions._REGISTRY", {})
    (tmp_path / "helpers.py").write_text(TEXT)
    path = tmp_path / "a.cspec"
    path.write_text(SPEC)
    return path


def test_text_and_decorator_give_the_same_signatures(spec: Path) -> None:
    space: dict[str, object] = {"__name__": "elsewhere"}
    exec(compile(TEXT, "helpers.py", "exec"), space)
    by_name = {s.name: s for s in registered()}
    (spec.parent / "b.cspec").write_text(
        SPEC.replace("energy as e", "energy").replace("e(w, 0.5)", "energy(w, 0.5)")
    )
    source = read(spec.parent / "b.cspec")[0]
    from_text = check(source)
    assert from_text.diagnostics == ()
    assert described(from_text.spec, source).functions == by_name


def test_a_spec_that_calls_them_runs(spec: Path) -> None:
    assert cspec.check(spec) == ()
    result = cspec.run(spec)
    assert result.status == "satisfied", str(result)
    assert result["few"].value <= 0.5
    assert result["small"].value <= 1 + 2e-6
    assert registered() == ()


def test_the_surrogate_lends_its_gradient_and_not_its_value(spec: Path) -> None:
    space: dict[str, object] = {"__name__": "elsewhere"}
    exec(compile(TEXT, "helpers.py", "exec"), space)
    w = torch.tensor([0.9, 0.4], dtype=torch.float64, requires_grad=True)
    value = space["share"](w)  # type: ignore[operator]
    assert value.item() == 0.5
    value.backward()
    assert w.grad is not None
    expected = torch.autograd.functional.jacobian(space["soft_share"], w.detach())  # type: ignore
    torch.testing.assert_close(w.grad, expected)


def test_without_a_gradient_nothing_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cspec.functions._REGISTRY", {})
    made = cspec.function(name="cut_off_here", gradient=False)(lambda w: w.sum())
    value = made(torch.ones(2, requires_grad=True))
    assert value.item() == 2
    assert not value.requires_grad


def test_one_number_a_weight_has_one_multiplier(spec: Path) -> None:
    path = spec.parent / "net.cspec"
    path.write_text(
        'from "helpers.py" import share\nmodel f = mlp(hidden=[4])\nminimize ce\n'
        "s.t. few: forall W in f.weights: share(W) <= 90%\nfit(steps=3)\n"
    )
    x = torch.randn(24, 3)
    result = cspec.run(path, data=(x, (x[:, 0] > 0).long()))
    assert [c.name for c in result.constraints] == ["few[fc1.weight]", "few[fc2.weight]"]
    assert all(isinstance(c.multiplier, float) for c in result.constraints)

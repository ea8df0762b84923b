"""Data in the forms that people have them, through a whole run: right, and left as they were."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

import cspec
from cspec import SpecError

pd = pytest.importorskip("pandas")

X = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["age", "income", "rest"])
SPEC = """
data t(x, y)
model f = linear
minimize ce(f(x), y)
metric m = E[f(x)[0]]
metric right = P[pred == y]
fit(epochs=3, batch_size=10)
"""


def run(data: Any, more: str = "") -> cspec.Result:
    return cspec.run(SPEC + more, t=data)


FORMS = {
    "tensors": lambda: (torch.tensor(X), torch.tensor(Y)),
    "lists": lambda: (X.tolist(), Y.tolist()),
    "float64": lambda: (X.astype(float), Y.astype("i2")),
    "objects": lambda: (X.astype(object), Y.astype(object)),
    "column order": lambda: (np.asfortranarray(X), Y),
    "requires_grad": lambda: (torch.tensor(X, requires_grad=True), torch.tensor(Y)),
    "frame": lambda: (FRAME, pd.Series(Y, index=range(40, 80))),
    "frames": lambda: (FRAME, pd.DataFrame({"label": Y})),
    "frame of text": lambda: (FRAME, pd.DataFrame({"label": np.where(Y == 1, "yes", "no")})),
    "nullable frame": lambda: {"x": FRAME.convert_dtypes(), "y": pd.array(Y, dtype="Int64")},
    "truth values": lambda: (X, Y == 1),
    "text": lambda: (X, np.where(Y == 1, "yes", "no")),
    "categories": lambda: (X, pd.Categorical(np.where(Y == 1, "b", "a"), categories=["b", "a"])),
    "examples": lambda: [(torch.tensor(x), int(y)) for x, y in zip(X, Y, strict=True)],
    "tensor dataset": lambda: torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_run_and_stays_as_it_was(form: str) -> None:
    expected, data = run((X, Y)), FORMS[form]()
    before = copy.deepcopy(data)
    result = run(data)
    assert result.objective == pytest.approx(expected.objective, rel=1e-6)
    assert result.metrics == pytest.approx(expected.metrics, rel=1e-5)
    assert repr(before) == repr(data) or form == "tensor dataset"


@pytest.mark.parametrize("kind", ["uint8", "int8", "int64", "bool"])
def test_whole_numbers_as_inputs_of_models_that_are_built(kind: str) -> None:
    x = np.abs(10 * X).astype(kind)
    expected = run((x.astype(np.float32), Y))
    assert run((x, Y)).objective == pytest.approx(expected.objective, rel=1e-6)
    images = x.reshape(40, 3, 1)
    for model in ("mlp(hidden=[4])", "mlp(hidden=[4], gates=hard_concrete)", "cnn(channels=[2])"):
        cspec.run("minimize ce\nfit(epochs=1)", model=model, data=(images, Y))


def test_features_are_called_by_the_names_of_the_frame() -> None:
    for data in ((FRAME, pd.Series(Y)), {"x": FRAME, "y": Y}, FRAME.assign(y=Y)):
        result = run(data, "metric a = E[x.income]\nmetric b = P[x.age > 0]\n")
        assert result.metrics["a"] == pytest.approx(X[:, 1].mean(), abs=1e-6)
        assert result.metrics["b"] == pytest.approx((X[:, 0] > 0).mean())


def test_half_precision_is_told_and_complex_numbers_are_refused() -> None:
    assert any("came in float16" in note for note in run((X.astype("f2"), Y)).notes)
    with pytest.raises(SpecError, match="complex numbers") as caught:
        run((X.astype(complex), Y))
    assert caught.value.diagnostics[0].code == "CS330"


def test_a_checked_spec_is_run_and_bound_like_its_text(tmp_path: Any) -> None:
    text = "param level = 0.9\nminimize ce\ns.t. c: P[pred == 1] <= level\nfit(epochs=1)"
    checked = cspec.load(text, level=0.25)
    assert cspec.run(checked, model="linear", data=(X, Y))["c"].bound == 0.25
    assert cspec.run(checked, model="linear", data=(X, Y), level=0.5)["c"].bound == 0.5
    model = torch.nn.Linear(3, 2)
    handle = cspec.bind(checked, model=model, optimizer=torch.optim.SGD(model.parameters(), 0.1))
    handle.step(x=torch.tensor(X), y=torch.tensor(Y))
    assert handle.verify((X, Y))["c"].bound == 0.25
    assert cspec.check(checked) == cspec.check(text)
    assert cspec.format(checked) == cspec.format(text)
    table = 'data t(x, y) = csv("t.csv", target="y")\n'
    (tmp_path / "a.cspec").write_text(table + SPEC.split("\n", 2)[2])
    FRAME.assign(y=Y).to_csv(tmp_path / "t.csv", index=False)
    assert cspec.run(cspec.load(tmp_path / "a.cspec")).metrics["right"] > 0


def test_what_only_a_loop_computes_is_not_run(tmp_path: Any) -> None:
    with pytest.raises(SpecError, match="computed by a loop of your own") as caught:
        cspec.run("given loss, kl\nminimize loss\ns.t. kl <= 4")
    (found,) = caught.value.diagnostics
    assert found.code == "CS635" and "cspec.bind" in found.helps[0]

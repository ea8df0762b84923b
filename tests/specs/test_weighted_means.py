"""Weighted means as requirements: the data tell the sign of what is divided by."""

from pathlib import Path

import numpy as np
import pytest
import torch

import cspec

G = np.random.default_rng(0)
ROWS = 60
TABLE = {
    "x": G.normal(size=(ROWS, 2)).astype(np.float32),
    "y": G.integers(0, 2, ROWS),
    "w": G.random(ROWS).astype(np.float32),
    "s": G.choice(["a", "b"], ROWS),
    "z": G.normal(size=ROWS).astype(np.float32),
}


def trained(constraint: str) -> tuple[cspec.Result, np.ndarray]:
    result = cspec.run(
        "data train(x, y, w, s, z)\nmodel f = mlp(hidden=[4])\nminimize bce(f(x), y)\n"
        f"s.t. c: {constraint}\nfit(epochs=2, batch_size=16)",
        train=TABLE,
    )
    with torch.no_grad():
        logits = result.models["f"](torch.tensor(TABLE["x"])).double().flatten().numpy()
    return result, logits


def losses(logits: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, logits) - TABLE["y"] * logits


@pytest.mark.parametrize("condition", ["", ' | s == "a"', " | s"])
def test_a_mean_by_weights_that_are_never_negative(condition: str) -> None:
    ratio = f"E[w*bce(f(x), y){condition}]/E[w{condition}]"
    text = f"max({ratio})" if condition == " | s" else ratio
    result, logits = trained(f"{text} <= 0.6")
    loss, w = losses(logits), TABLE["w"].astype(float)
    groups = {"": [np.ones(ROWS, bool)], ' | s == "a"': [TABLE["s"] == "a"]}.get(
        condition, [TABLE["s"] == "a", TABLE["s"] == "b"]
    )
    expected = max(sum(w[g] * loss[g]) / sum(w[g]) for g in groups)
    assert result["c"].value == pytest.approx(expected, rel=1e-5)


def test_whole_numbers_and_labels_have_a_sign() -> None:
    result, logits = trained("E[bce(f(x), y)]/E[y] <= 1.5")
    assert result["c"].value == pytest.approx(losses(logits).mean() / TABLE["y"].mean(), rel=1e-5)


def test_a_column_of_both_signs_is_asked_about() -> None:
    with pytest.raises(cspec.SpecError, match="CS406") as found:
        trained("E[z*bce(f(x), y)]/E[z] <= 0.6")
    assert "smallest `z` is -" in str(found.value)


def test_without_data_nothing_is_asked_yet() -> None:
    spec = "data train(x, y, w)\nmodel f\nminimize ce\ns.t. c: E[w*ce]/E[w] <= 0.6"
    assert not cspec.check(spec)


def test_a_feature_in_the_units_of_its_file_has_a_sign(tmp_path: Path) -> None:
    """Standardized it would have both."""
    rows = [f"{TABLE['w'][i] + 3},{TABLE['z'][i]},{TABLE['y'][i]}" for i in range(ROWS)]
    (tmp_path / "bills.csv").write_text("\n".join(["bill,age,kept", *rows]) + "\n")
    spec = tmp_path / "bills.cspec"
    spec.write_text(
        'data train(x, y) = csv("bills.csv", target="kept")\nmodel f = mlp(hidden=[4])\n'
        "minimize ce\ns.t. c: E[x.bill*(pred == y)]/E[x.bill] >= 10%\n"
        "metric m = E[x.bill*(pred == y)]/E[x.bill]\nfit(epochs=2)"
    )
    result = cspec.run(spec)
    assert result["c"].value == pytest.approx(result.metrics["m"])
    spec.write_text(spec.read_text().replace("x.bill", "x.age"))
    with pytest.raises(cspec.SpecError, match="CS406"):
        cspec.run(spec)

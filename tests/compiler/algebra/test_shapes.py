"""Shapes read from trees: what the rank of a weight rules out."""

from __future__ import annotations

import pytest

import cspec
from cspec import SpecError

NETWORK = """data train(x, y) = digits()
model f = mlp(hidden=[48, 24])
minimize ce(f(x), y)
s.t. c: forall W in f.weights("fc{layer}*"): {relation}
using {method}
fit(steps=3)
"""


def test_more_orthonormal_columns_than_rows_are_refused_before_training() -> None:
    text = NETWORK.format(layer="*", relation="W.T @ W == eye", method="auto")
    with pytest.raises(SpecError) as caught:
        cspec.run(text)
    (finding,) = caught.value.diagnostics
    assert finding.code == "CS527"
    assert "f.fc1.weight is 48 x 64" in finding.message
    assert finding.helps[0] == "for this shape write `W @ W.T == eye`"


@pytest.mark.parametrize(
    ("relation", "refused"),
    [
        ("V.T @ V == eye", True),
        ("eye == V.T @ V", True),
        ("sumsq(V.T @ V - eye) == 0", True),
        ("V @ V.T == eye", False),
        ("V in stiefel", False),
    ],
)
def test_a_wide_variable(relation: str, refused: bool) -> None:
    spec = f"var V[2, 3]\nminimize sumsq(V - 1)\ns.t. o: {relation}\n"
    if not refused:
        assert cspec.run(spec).status == "satisfied"
        return
    with pytest.raises(SpecError, match=r"CS527[\s\S]*`V @ V.T == eye`"):
        cspec.run(spec)


def test_blocks_that_do_not_fill_a_dimension_are_refused_before_training() -> None:
    with pytest.raises(SpecError, match=r"CS528[\s\S]*fc3.weight is 10 x 24[\s\S]*blocks of 5"):
        cspec.run(NETWORK.format(layer="3", relation="W in nm(2, 5)", method="auto"))
    assert cspec.run(NETWORK.format(layer="3", relation="W in nm(2, 4)", method="auto")).steps == 3

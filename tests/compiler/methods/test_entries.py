"""Constraints on many numbers have one entry each in the constraint vector."""

from __future__ import annotations

import pytest

SPEC = """data train(x, y) = digits()
model f = mlp(hidden=[48, 24])
param half[24] = [{half}]
minimize ce(f(x), y)
s.t. c: forall W in f.weights("fc{layer}*"): {relation}
using {method}
fit(steps=2)
"""


@pytest.mark.parametrize("method", ["augmented_lagrangian", "sal", "lagrangian", "penalty"])
@pytest.mark.parametrize(
    ("layer", "relation", "entries"),
    [
        ("1", "W @ W.T == eye", 48 * 48),
        ("2", "W @ W.T == eye(24)", 24 * 24),
        ("2", "2 * W @ W.T - 2 * eye == 0", 24 * 24),
        ("2", "0 == eye - W @ W.T", 24 * 24),
        ("2", "sumsq(W @ W.T - eye) == 0", 1),
        ("3", "W == 0", 10 * 24),
        ("3", "abs(W) <= 0.1", 2 * 10 * 24),
        ("3", "W @ half <= 1", 10),
        ("3", "sum(W) <= 1", 1),
    ],
)
def test_one_entry_a_number(session, method, layer, relation, entries):
    half = ", ".join(["0.5"] * 24)
    held = session(SPEC.format(layer=layer, relation=relation, method=method, half=half))
    _, g, true = held.module["measure"](held.primal, held.batch_at(0))
    (constraint,) = held.program.constraints
    start, stop = constraint.segment
    if method == "penalty" and "abs" in relation:
        entries //= 2  # A penalty weighs the violation as written: |W| - 0.1, not its two sides.
    assert g.numel() == true.numel() == stop - start == entries


VARIABLES = """var x[3]
var M[2, 3]
minimize sumsq(x - 1) + sumsq(M - 0.3)
s.t. c: {relation}
using {method}
fit(steps=2)
"""


@pytest.mark.parametrize("method", ["augmented_lagrangian", "sal", "lagrangian", "penalty"])
@pytest.mark.parametrize(
    ("relation", "entries"),
    [
        ("-1 <= x <= 0.2", 6),
        ("x == [0.1, 0.2, 0.3]", 3),
        ("M @ x == 0", 2),
        ("M @ M.T == eye", 4),
        ("x * M[0] <= 1", 3),
    ],
)
def test_variables_have_one_entry_a_number_too(session, method, relation, entries):
    held = session(VARIABLES.format(relation=relation, method=method))
    _, g, true = held.module["measure"](held.primal, held.whole_batch())
    segments = [c.segment for c in held.program.constraints if c.segment is not None]
    assert g.numel() == true.numel() == sum(stop - start for start, stop in segments) == entries

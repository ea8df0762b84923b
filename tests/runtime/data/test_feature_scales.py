"""Features whose spreads lie far apart, by numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training.linear import line, table
from training.text import session_of

from cspec.runtime.data.feature_scales import scale_notes, spreads

SPEC = """
data train(x, y)
model f
minimize E[(f(x)[0] - y)^2]
s.t. a: E[f(x)[0]] <= 1
fit(optimizer=sgd(lr=1e-3), steps=2, batch_size=full, precision=float64)
"""


@pytest.mark.parametrize(("factor", "told"), [(1.0, False), (300.0, False), (1e5, True)])
def test_what_is_told_of_spreads(factor: float, told: bool) -> None:
    data = table()
    data["x"][:, 1] *= factor
    spread = data["x"].numpy().std(0, ddof=1)
    notes = list(scale_notes(session_of(SPEC, train=data, f=line()).data["train"]))
    assert len(notes) == told == (spread.max() / spread.min() > 1e3)
    if told:
        assert f"factor of {spread.max() / spread.min():.0e}" in notes[0] and "`x`" in notes[0]


def test_a_feature_that_is_constant_has_no_spread() -> None:
    data = table()
    data["x"][:, 2] = 7.0
    assert np.std(data["x"].numpy()[:, 2]) == 0
    assert not list(scale_notes(session_of(SPEC, train=data, f=line()).data["train"]))
    data["x"] = torch.ones_like(data["x"])
    assert not list(scale_notes(session_of(SPEC, train=data, f=line()).data["train"]))


def test_pixels_that_few_images_reach_are_in_the_units_of_the_others() -> None:
    data = table()
    data["x"][:, 1] = 0.0
    data["x"][0, 1] = 1e-2  # one row of all
    assert not list(scale_notes(session_of(SPEC, train=data, f=line()).data["train"]))
    data["x"][0, 1] = 1e-6
    assert len(list(scale_notes(session_of(SPEC, train=data, f=line()).data["train"]))) == 1


@pytest.mark.parametrize("rows", [2, 499, 1301])
def test_spreads_are_those_of_numpy(rows: int) -> None:
    draw = np.random.default_rng(rows)
    x = draw.normal(size=(rows, 5)) * [1, 1e-3, 1e4, 0, 1] + [0, 5, -1e5, 3.7, 1e6]
    found = spreads(torch.from_numpy(x)).numpy()
    assert found == pytest.approx(x.std(0, ddof=1), rel=1e-9, abs=1e-12)
    assert found[3] == 0

"""Extremes of examples that an objective does not improve with have no variable in their place."""

from __future__ import annotations

import pytest

from cspec.dsl.check import check
from cspec.dsl.text.source import Source


@pytest.mark.parametrize(
    "objective",
    [
        "minimize E[f(x)] - max(f(x) for (x, y) in D)",
        "maximize max(f(x) for (x, y) in D)",
        "minimize min(f(x) for (x, y) in D)",
        "minimize max(f(x) for (x, y) in D)^2",
    ],
)
def test_what_does_not_get_better_with_it_is_refused_by_name(objective: str) -> None:
    found = check(Source(name="s", text=f"data D(x, y)\nmodel f\n{objective}\n"))
    assert [d.code for d in found.diagnostics] == ["CS520"]

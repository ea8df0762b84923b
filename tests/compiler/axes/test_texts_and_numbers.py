"""What is never equal, or has no order: the help is what to type for these values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cspec

N = 12
X = torch.randn(N, 2, generator=torch.Generator().manual_seed(0))
DATA = {
    "x": X,
    "y": np.arange(N) % 2,
    "sex": np.array(["F", "M"] * 6),
    "b": np.arange(N) % 3 == 0,
    "k": np.arange(N) % 4,
    "t": np.linspace(0.5, 6, N),
}


@pytest.mark.parametrize(
    ("event", "code", "told"),
    [
        ('t == "1"', "CS334", "write `t == 1`"),
        ('"1.5" == t', "CS334", "write `t == 1.5`"),
        ('t == "one"', "CS334", "compare it with a number, `t == 1`, or with a column of texts"),
        ("t == sex", "CS334", 'compare it with one of its values: `sex == "F"`'),
        ("sex == 1", "CS334", 'compare it with one of its values: `sex == "F"`'),
        ("sex > 1", "CS334", 'write `==`, `!=` or `in {"F", "M"}`'),
        ('k > "1"', "CS334", "write `k > 1`"),
        ('sex > "F"', "CS334", 'write `sex == "F"`, or `in {...}` for several values'),
        ('sex == "f"', "CS208", 'did you mean `"F"`?'),
        ('sex == "X"', "CS208", 'write one of: "F", "M"'),
        ('b == "true"', "CS208", "did you mean `true`?"),
        ("b == 2", "CS208", "write one of: false, true"),
        ('y == "yes"', "CS208", "write one of: 0, 1"),
        ("k == 7", "CS208", "did you mean `3`?"),
    ],
)
def test_the_help_is_what_to_type(event: str, code: str, told: str) -> None:
    spec = f"data train({', '.join(DATA)})\nmodel f = linear\nminimize ce(f(x), y)\n"
    with pytest.raises(cspec.SpecError) as error:
        cspec.compile(f"{spec}s.t. P[pred == 1 | {event}] <= 0.9", train=DATA)
    (found,) = error.value.diagnostics
    assert (found.code, found.helps[0]) == (code, told)

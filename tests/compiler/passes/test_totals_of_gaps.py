"""One requirement on a total of gaps, however it is spelled: one update."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cspec
from cspec.runtime.run.execute import load_module

N = 16
DATA = {
    "x": torch.randn(N, 2, generator=torch.Generator().manual_seed(0)),
    "y": np.arange(N) % 2,
    "s": np.array(["a", "a", "b", "c", "c", "c", "b", "b"] * 2),
}
HEAD = "data train(x, y, s)\nmodel f = linear\nminimize ce(f(x), y)\n"


def functions(line: str) -> torch.Tensor:
    """What a step sees of a requirement, of weights that are drawn once."""
    program = cspec.compile(f"{HEAD}s.t. {line}\nfit(batch_size=full, seed=1)", train=DATA)
    net = torch.nn.Linear(2, 2)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[1.0, -2.0], [0.5, 1.0]]))
        net.bias.zero_()
    codes = np.unique(DATA["s"], return_inverse=True)[1]
    columns = {"x": DATA["x"], "y": torch.tensor(DATA["y"]), "s": torch.tensor(codes)}
    batch = {"train": columns, "clock": torch.zeros(1)}
    _, g, _ = load_module(program)["measure"]({"f": net}, batch)
    return g.detach().sort().values


GAP = "gap(E[prob[1] | s, y == {}])"
PLAIN = f"{GAP.format(0)} + {GAP.format(1)} <= 0.1"
ABS = "abs(E[prob[1] | s == {}] - E[prob[1]])"


@pytest.mark.parametrize(
    ("line", "plain", "factor"),
    [
        (f"sum([{GAP.format(0)}, {GAP.format(1)}]) <= 0.1", PLAIN, 1),
        (f"mean([{GAP.format(0)}, {GAP.format(1)}]) <= 0.05", PLAIN, 0.5),
        (f"sum({GAP.format('k')} for k in values(y)) <= 0.1", PLAIN, 1),
        (f"mean({GAP.format('k')} for k in values(y)) <= 0.05", PLAIN, 0.5),
        (f"0.5*sum({GAP.format('k')} for k in values(y)) <= 0.05", PLAIN, 0.5),
        (
            f"mean({ABS.format('k')} for k in values(s)) <= 0.1",
            " + ".join(ABS.format(f'"{k}"') for k in "abc") + " <= 0.3",
            1 / 3,
        ),
    ],
)
def test_totals_are_split_alike(line: str, plain: str, factor: float) -> None:
    wanted = functions(plain)
    assert len(wanted) > 1
    torch.testing.assert_close(functions(line), factor * wanted)


def test_totals_of_rows_stay_whole() -> None:
    head = "var u[2]\nvar w[2]\nminimize sumsq(u - 1) + sumsq(w - 1)\n"
    result = cspec.run(f"{head}s.t. sum([abs(u), abs(w)]) <= 2")
    total = sum(abs(value) for name in "uw" for value in result.vars[name])
    assert result.satisfied
    assert total == pytest.approx(2, abs=1e-4)

"""The length of a run: what it was planned to be, whatever form the objective has."""

import pytest
import torch

import cspec


@pytest.mark.parametrize(
    "objective",
    [
        "E[ce]",
        "cvar(ce, 0.9)",
        "quantile(ce, 0.5)",
        "cvar(ce, 0.9, where=a > 0) + 0.1*sumsq(f.weights)",
        "max(cvar(ce, 0.5, where=a > 0), cvar(ce, 0.5, where=a <= 0))",
    ],
)
@pytest.mark.parametrize("constraints", ["", "s.t. E[f(x)[1]] <= 0.3 by lagrangian"])
def test_an_epoch_is_a_pass_over_the_data_of_the_objective(
    objective: str, constraints: str
) -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(30, 2, generator=draw)
    data = {"x": x, "y": (x[:, 0] > 0).long(), "a": x[:, 1]}
    spec = (
        f"data train(x, y, a)\nmodel f = linear\nminimize {objective}\n{constraints}\n"
        "fit(optimizer=sgd(lr=0.01), batch_size=10, epochs=4)\n"
    )
    result = cspec.run(spec, train=data)
    assert (result.steps, result.epochs) == (12, 4)

"""Parameters of a model itself are named by their ways in Python, wherever they stand."""

import pytest
import torch
from torch import nn

import cspec

X = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()


class Adapted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.base = nn.Linear(3, 2)
        self.A, self.B = nn.Parameter(torch.randn(2, 3)), nn.Parameter(torch.ones(2, 2))
        self.scale = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.scale * (x @ self.A.T) @ self.B.T


WAYS = {
    "f.scale": lambda f: f.scale,
    "2 * f.scale + 1": lambda f: 2 * f.scale + 1,
    "f.A[0, 1]": lambda f: f.A[0, 1],
    "sumsq(f.A[0])": lambda f: f.A[0].square().sum(),
    "norm(f.B @ f.A, 2)": lambda f: (f.B @ f.A).norm(),
    "norm(f.A.T @ f.B, 2)": lambda f: (f.A.T @ f.B).norm(),
    "norm(f.base.weight.T @ f.base.weight, 2)": lambda f: (f.base.weight.T @ f.base.weight).norm(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_parameter_of_the_model_itself_has_a_name(way: str) -> None:
    net = Adapted()
    spec = (
        "data train(x, y)\nmodel f\nminimize ce(f(x), y)\n"
        f"s.t. a: {way} <= 9 by lagrangian\nmetric m = {way}"
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    found = cspec.bind(spec, f=net, optimizer=optimizer).evaluate((X, Y))
    by_hand = WAYS[way](net).item()
    assert (found["a"], found["m"]) == pytest.approx((by_hand, by_hand), rel=1e-5)


@pytest.mark.parametrize(
    ("way", "code"),
    [("f.scal", "CS525"), ("f.base", "CS525"), ("f.x", "CS210"), ("f.wieghts", "CS210")],
)
def test_what_is_no_parameter_is_said_by_name(way: str, code: str) -> None:
    spec = f"data train(x, y)\nmodel f\nminimize ce(f(x), y)\ns.t. a: {way} <= 9\nfit(epochs=1)"
    with pytest.raises(cspec.SpecError, match=way.partition(".")[2]) as error:
        cspec.run(spec, f=Adapted(), train=(X, Y))
    assert error.value.diagnostics[0].code == code

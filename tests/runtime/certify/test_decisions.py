"""What a certificate is about: decisions of the model that is delivered, whatever its chances."""

import numpy as np
import torch
from torch import nn

import cspec

SPEC = """data train(x, y, sex), test(x, y, sex)
model f
minimize bce
s.t. same: gap(P[pred == 1 | sex]) <= 0.05
verify same on test with confidence 95%
fit(steps=1, batch_size=512, optimizer=sgd(lr=1e-12))
"""


class Lukewarm(nn.Module):
    """Chances within 0.001 of 1/2, on the one side for women, on the other for men."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1e-3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * x[:, 0]


def made(n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    sex = rng.choice(["F", "M"], n)
    x = np.where(sex == "F", 1.0, -1.0)[:, None]
    return {"x": x, "y": rng.integers(0, 2, n), "sex": sex}


def test_equal_chances_of_unequal_decisions_are_not_certified() -> None:
    train, test = made(1000, 0), made(1000, 1)
    result = cspec.run(SPEC, f=Lukewarm(), train=train, test=test)
    chance = torch.sigmoid(result.model(torch.tensor(test["x"]).float())).detach().numpy()
    means = [chance[test["sex"] == group].mean() for group in ("F", "M")]
    assert abs(means[0] - means[1]) < 0.001  # what a certificate of chances would be about
    assert not result["same"].certificate.certified
    assert result["same"].certificate.estimate == 1.0
    assert result.exit_code != 0


def test_a_last_batch_of_one_group_ends_nothing() -> None:
    train, test = made(513, 0), made(2000, 1)
    text = SPEC.replace("steps=1,", "epochs=3,").replace("optimizer=sgd(lr=1e-12)", "seed=1")
    result = cspec.run(text.replace("model f", "model f = linear"), train=train, test=test)
    assert result.termination == "completed"
    assert np.isfinite(result["same"].value)

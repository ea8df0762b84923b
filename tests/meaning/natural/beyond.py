"""Natural specs with functions of one's own, derivatives, grids, worst cases, precedence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from meaning.natural.kept import Facts, Setting, bce, natural, refused
from meaning.natural.settings import animals, houses, loans, one_feature
from torch import nn

LOSSES = '''
import torch

import cspec


@cspec.function(range=(0, float("inf")), result="example", kinds=("scores", "labels"))
def focal(z, y):
    """Focal loss of one logit with exponent 2, an example."""
    z, y = z.reshape(-1), y.reshape(-1)
    p = torch.sigmoid(torch.where(y > 0, z, -z))
    return -((1 - p) ** 2) * torch.log(p)


@cspec.function(range=(0, 1), gradient=False, surrogate="soft_spread")
def spread(z):
    """Share of logits above their mean."""
    return (z > z.mean()).double().mean()


def soft_spread(z):
    return torch.sigmoid(z - z.mean()).mean()


def squash(z):
    return z / (1 + z.abs())
'''


@natural(
    loans,
    """
    from "losses.py" import focal
    minimize focal(f(x), y)
    s.t. women: E[focal(f(x), y) | sex == "F"] <= 0.5
         worst: max(E[focal(f(x), y) | race]) <= 1
    metric hard = P[focal(f(x), y) > 0.3]
    """,
    files={"losses.py": LOSSES},
)
def a_loss_of_ones_own(d: Facts) -> dict:
    p = np.where(d.y == 1, d.p, 1 - d.p)
    loss = -((1 - p) ** 2) * np.log(p)
    return {
        "objective": loss.mean(),
        "women": loss[d.sex == "F"].mean(),
        "worst": max(loss[d.race == r].mean() for r in "ABC"),
        "hard": (loss > 0.3).mean(),
    }


@natural(
    loans,
    """
    from "losses.py" import spread, squash
    minimize bce(f(x), y)
    s.t. half: spread(f(x)) <= 60%
         small: E[squash(f(x))^2] <= 0.5
    """,
    files={"losses.py": LOSSES},
    may_be_refused=True,
)
def statistics_of_ones_own(d: Facts) -> dict:
    return {
        "half": (d.z > d.z.mean()).mean(),
        "small": ((d.z / (1 + np.abs(d.z))) ** 2).mean(),
    }


class Wave(nn.Module):
    """u(t, x) = sum of three hyperbolic tangents, with known derivatives."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(2, 3), nn.Linear(3, 1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.outer(torch.tanh(self.inner(z)))


def wave() -> Setting:
    """A field over a rectangle, and its values on a grid of five points an axis."""
    torch.manual_seed(121)
    net = Wave()
    w = net.inner.weight.detach().double().numpy()
    b = net.inner.bias.detach().double().numpy()
    a = net.outer.weight.detach().double().numpy()[0]
    t, x = (v.ravel() for v in np.meshgrid(np.linspace(0, 1, 5), np.linspace(-1, 1, 5)))
    h = np.tanh(np.stack([t, x], 1) @ w.T + b)
    first, second = 1 - h**2, -2 * h * (1 - h**2)
    facts = SimpleNamespace(
        t=t,
        x=x,
        u=h @ a + float(net.outer.bias.detach().double()[0]),
        u_t=first @ (a * w[:, 0]),
        u_x=first @ (a * w[:, 1]),
        u_tt=second @ (a * w[:, 0] ** 2),
        u_xx=second @ (a * w[:, 1] ** 2),
    )
    return Setting("domain q(t, x) = box([0, 1], [-1, 1])\nmodel u(t, x)\n", {"u": net}, facts)


STILL = "fit(optimizer=sgd(lr=1e-30), steps=1, precision=float64)"


@natural(
    wave,
    f"""
    minimize E[(diff(u, t) + u*diff(u, x) - 0.1*diff(u, x, x))^2 for (t, x) in q.grid(5)]
    s.t. low: E[u for (t, x) in q.grid(5)] <= 2
    metric slope = E[diff(u, t) for (t, x) in q.grid(5)]
    metric bend = E[laplacian(u, t, x) for (t, x) in q.grid(5)]
    metric weighted = E[t*u^2 for (t, x) in q.grid(5)]
    metric above = P[u > 0 for (t, x) in q.grid(5)]
    {STILL}
    """,
    may_be_refused=True,
    close=1e-8,
)
def a_field_on_a_grid(d: Facts) -> dict:
    return {
        "objective": ((d.u_t + d.u * d.u_x - 0.1 * d.u_xx) ** 2).mean(),
        "low": d.u.mean(),
        "slope": d.u_t.mean(),
        "bend": (d.u_tt + d.u_xx).mean(),
        "weighted": (d.t * d.u**2).mean(),
        "above": (d.u > 0).mean(),
    }


@natural(
    wave,
    f"""
    minimize E[u^2 for (t, x) in q.grid(5)]
    s.t. cap: forall (t, x) in q.grid(5): u(t, x) <= 0.1
    {STILL}
    """,
    may_be_refused=True,
    close=1e-8,
)
def a_cap_on_a_grid(d: Facts) -> dict:
    return {"cap.violation": max(0.0, d.u.max() - 0.1), "cap.met": bool(d.u.max() <= 0.1)}


@natural(
    houses,
    """
    minimize mse(f(x), y)
    s.t. flat: E[l2(grad(f(x), x))] <= 100
         rising: P[grad(f(x), x)[0] > 0] >= 90%
    """,
    may_be_refused=True,
)
def gradients_by_the_input(d: Facts) -> dict:
    w = d.weights_f["weight"][0]
    return {"flat": np.sqrt((w**2).sum()), "rising": float(w[0] > 0)}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. robust: E[max(bce(f(z), y) for z in ball(x, 0.1, norm=inf, solver=pgd(steps=40)))] <= 1
    """,
    may_be_refused=True,
    close=1e-4,
)
def the_worst_case_in_a_ball(d: Facts) -> dict:
    # A linear model: the worst point is a corner, which moves the logit by r |w|_1.
    sign = 2 * d.y - 1
    worst = d.z - sign * 0.1 * np.abs(d.weights_f["weight"]).sum()
    return {"robust": bce(worst, d.y).mean()}


@natural(
    animals,
    """
    minimize ce
    s.t. a: P[pred == 0] <= 40%
         b: E[ce] <= 3
    verify all on val every epoch
    metric c = P[pred == 0 on val]
    """,
)
def judged_on_the_data_that_chose(d: Facts) -> dict:
    return {"a": (d.val.pred == 0).mean(), "a.split": "val", "c": (d.val.pred == 0).mean()}


@natural(
    one_feature,
    """
    minimize mse
    s.t. E[f(x)] >= -100
    metric a = 1/2*E[w]
    metric b = 2^3^2 + 0*E[w]
    metric c = -2^2 + E[w] - E[w]
    metric d = 10% + 1k/1_000 + E[0*w]
    metric e = E[w*-1]
    metric g = E[w - x - w]
    metric h = E[w/w/2]
    metric i = P[not w > 1 and x > 0 or w > 1]
    metric j = P[x > 0 => w > 1 => x > -5]
    metric k = 6/2*3 + 0*E[w]
    """,
)
def precedence(d: Facts) -> dict:
    x, w = d.x[:, 0], d.w
    return {
        "a": w.mean() / 2,
        "b": 512.0,
        "c": -4.0,
        "d": 1.1,
        "e": -w.mean(),
        "g": -x.mean(),
        "h": 0.5,
        "i": (((w <= 1) & (x > 0)) | (w > 1)).mean(),
        "j": ((x <= 0) | (w <= 1) | (x > -5)).mean(),
        "k": 9.0,
    }


refused(
    "values_that_a_loop_hands_over",
    None,
    """
    given loss, kl
    minimize loss
    s.t. trust: kl <= 4
    """,
)

"""Surrogates of predictions whatever the labels are: text, signs, truth values, floats, tokens."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec.dsl.check import check
from cspec.dsl.text.source import Source
from cspec.running.plans import plan_of
from cspec.running.prepare import prepare
from cspec.runtime.run.execute import load_module

N = 30


def features() -> Tensor:
    return torch.randn(N, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def model(outputs: int) -> nn.Module:
    torch.manual_seed(outputs)
    return nn.Linear(2, outputs).double()


def parts(spec: str, net: nn.Module, **data: Any) -> tuple[Tensor, Tensor, str]:
    """What the step sees, the true value, and what is printed."""
    text = f"{spec}\nfit(batch_size=full, precision=float64)"
    plan = plan_of(check(Source(text=text, name="spec")))
    ready = prepare(plan, {"f": copy.deepcopy(net), "train": dict(data)}, base=Path())
    batch = {"train": dict(ready.bound.data["train"].columns), "clock": torch.zeros(1)}
    _, g, true = load_module(ready.program)["measure"]({"f": net}, batch)
    return g, true, "".join(ready.program.constraints[0].stand_in[:1])


WORDS = np.array(["cat", "dog", "owl"])
Y3 = torch.arange(N) % 3
Y2 = (torch.arange(N) // 2) % 2
RATER = np.array(["owl", "emu", "cat", "dog", "dog"])[np.arange(N) % 5]


def softmax(z: Tensor) -> Tensor:
    e = torch.exp(z - z.max(1, keepdim=True).values)
    return e / e.sum(1, keepdim=True)


def sigmoid(z: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-z))


@pytest.mark.parametrize(
    ("body", "hand", "exact"),
    [
        ('pred == "dog"', lambda p: p[:, 1], lambda k: k == 1),
        ('pred in {"owl", "cat"}', lambda p: p[:, 0] + p[:, 2], lambda k: k != 1),
        ("pred == y", lambda p: p[torch.arange(N), Y3], lambda k: k == Y3),
        (
            "pred == rater",
            lambda p: torch.stack(
                [
                    p[i, list(WORDS).index(r)] if r in WORDS else 0 * p[i, 0]
                    for i, r in enumerate(RATER)
                ]
            ),
            lambda k: torch.tensor(WORDS[k.numpy()] == RATER),
        ),
        (
            'pred != rater or pred == "cat"',
            lambda p: torch.stack(
                [
                    sum((p[i, c] for c in range(3) if WORDS[c] != r or c == 0), 0 * p[i, 0])
                    for i, r in enumerate(RATER)
                ]
            ),
            lambda k: torch.tensor(WORDS[k.numpy()] != RATER) | (k == 0),
        ),
    ],
)
def test_labels_of_text(body: str, hand: Any, exact: Any) -> None:
    net, x = model(3), features()
    spec = f"data train(x, y, rater)\nmodel f\nminimize ce(f(x), y)\ns.t. a: P[{body}] <= 0.5"
    g, true, _ = parts(spec, net, x=x, y=WORDS[Y3.numpy()], rater=RATER)
    z = net(x)
    assert g.item() == pytest.approx(hand(softmax(z)).mean().item() - 0.5, abs=1e-12)
    assert true.item() == pytest.approx(exact(z.argmax(1)).double().mean().item() - 0.5)


def test_text_in_a_tail_is_compared_by_value() -> None:
    net, x = model(3), features()
    spec = "data train(x, y, t)\nmodel f\nminimize ce(f(x), y)\ns.t. a: cvar(ce + BODY, 50%) <= 0.5"
    t = np.array(["c", "a", "b"])[np.arange(N) % 3]
    ce = nn.functional.cross_entropy(net(x), Y3, reduction="none")
    for body, event in (('(t == "b")', t == "b"), ('(t in {"c", "b"})', t != "a")):
        _, true, _ = parts(spec.replace("BODY", body), net, x=x, y=Y3, t=t)
        hand = (ce + torch.tensor(event)).sort().values[N // 2 :].mean()
        assert true.item() == pytest.approx(hand.item() - 0.5, abs=1e-12)


@pytest.mark.parametrize(
    "labels",
    [
        Y2,
        Y2.double(),
        Y2.bool(),
        Y2[:, None],
        Y2.double()[:, None],
        2 * Y2 - 1,
        (2 * Y2 - 1).double(),
    ],
    ids=["whole", "float", "bool", "column", "float column", "signed", "signed float"],
)
@pytest.mark.parametrize("event", ["pred == y", "y != pred", "pred == 1", "pred == y and x[0] > 0"])
def test_labels_of_one_logit(labels: Tensor, event: str) -> None:
    net, x = model(1), features()
    loss = "hinge" if bool((labels < 0).any()) else "bce"
    spec = f"data train(x, y)\nmodel f\nminimize {loss}(f(x), y)\ns.t. a: P[{event}] <= 0.5"
    g, true, _ = parts(spec, net, x=x, y=labels)
    z = net(x)[:, 0]
    one, own = sigmoid(z), torch.where(Y2 == 1, sigmoid(z), 1 - sigmoid(z))
    hand = {
        "pred == y": own,
        "y != pred": 1 - own,
        "pred == 1": one,
        "pred == y and x[0] > 0": own * (x[:, 0] > 0),
    }[event]
    assert g.item() == pytest.approx(hand.mean().item() - 0.5, abs=1e-12)
    right = ((z > 0).long() == Y2).double()
    told = {
        "pred == y": right,
        "y != pred": 1 - right,
        "pred == 1": (z > 0).double(),
        "pred == y and x[0] > 0": right * (x[:, 0] > 0),
    }[event]
    assert true.item() == pytest.approx(told.mean().item() - 0.5)


def test_another_column_is_predicted_than_y() -> None:
    net, x = model(3), features()
    spec = (
        "data train(x, kind, y)\nmodel f\nminimize ce(f(x), kind)\n"
        's.t. a: P[pred(f(x)) == "dog" and y == "left"] <= 0.5'
    )
    sides = np.array(["left", "right"])[np.arange(N) % 2]
    g, _, printed = parts(spec, net, x=x, kind=WORDS[Y3.numpy()], y=sides)
    wanted = softmax(net(x))[:, 1] * torch.tensor(sides == "left")
    assert g.item() == pytest.approx(wanted.mean().item() - 0.5, abs=1e-12)
    assert 'prob(f(x))["dog"]*(y == "left")' in printed


class Tagger(nn.Module):
    """(examples, tokens) -> (examples, tokens, classes)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(1, 3).double()

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x[..., None])  # type: ignore[no-any-return]


def test_labels_of_tokens_under_a_mask() -> None:
    net = Tagger()
    x = torch.randn(N, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y, mask = (torch.arange(4 * N) % 3).reshape(N, 4), (torch.arange(4 * N) % 5 > 0).reshape(N, 4)
    spec = (
        "data train(x, y, mask)\nmodel f\nminimize E[ce(f(x), y) | mask]\n"
        "s.t. a: P[pred(f(x)) == y | mask] >= 0.9"
    )
    g, true, _ = parts(spec, net, x=x, y=y, mask=mask)
    p = softmax(net(x).reshape(-1, 3))
    own = p[torch.arange(4 * N), y.flatten()][mask.flatten()]
    assert g.item() == pytest.approx(0.9 - own.mean().item(), abs=1e-12)
    right = (net(x).argmax(-1) == y)[mask].double().mean()
    assert true.item() == pytest.approx(0.9 - right.item())


@pytest.mark.parametrize(
    ("written", "surrogate"),
    [
        ("gap(P[pred == 1 | g]) <= 0.05", "gap(E[prob(f(x))[1] | g])"),
        (
            "max(P[y == 1 | pred == 1, g]) <= 0.05",
            "max(E[(y == 1)*prob(f(x))[1] | g]/E[prob(f(x))[1] | g])",
        ),
        ("ratio(P[pred == 1 | g]) >= 0.95", "ratio(E[prob(f(x))[1] | g])"),
        ("abs(P[pred == 1] - P[pred == 2]) <= 0", "abs(E[prob(f(x))[1]] - E[prob(f(x))[2]])"),
        ("gap(E[pred | g]) <= 0", "gap(E[prob(f(x))[1] + prob(f(x))[2]*2 | g])"),
        ("0.4 <= P[pred == 1] <= 0.5", "E[prob(f(x))[1]]"),
    ],
)
def test_surrogates_of_groups_and_sides_mean_the_same_when_typed(
    written: str, surrogate: str
) -> None:
    net, x = model(3), features()
    head = "data train(x, y, g)\nmodel f\nminimize ce(f(x), y)\ns.t. a: "
    data = {"x": x, "y": Y3, "g": (torch.arange(N) // 3) % 3}
    g, true, _ = parts(head + written, net, **data)
    again, truth, _ = parts(f"{head}{written} with surrogate {surrogate}", net, **data)
    assert torch.equal(g, again)
    assert torch.allclose(true, truth, rtol=0, atol=0, equal_nan=True)
    weights = torch.arange(1.0, 1 + len(g)).double()
    both = (weights @ g, weights @ again)
    slopes = [torch.autograd.grad(value, net.weight, retain_graph=True)[0] for value in both]
    assert torch.equal(*slopes) and float(slopes[0].abs().max()) > 0


def test_explain_prints_the_surrogate_that_runs() -> None:
    spec = "data train(x, y)\nmodel f\nminimize ce(f(x), y)\ns.t. a: E[abs(pred - y)] <= 0.5"
    *_, printed = parts(spec, model(3), x=features(), y=Y3)
    inside = "prob(f(x))[0]*abs(-y) + prob(f(x))[1]*abs(1 - y) + prob(f(x))[2]*abs(2 - y)"
    assert printed == f"E[{inside} on train] - 0.5 <= 0"
    said = " ".join(cspec.explain(spec).split())
    assert "sum(prob(f(x))[k]*abs(k - y) for k in classes)" in said
    assert re.search(r"0\.5 <= 0, k over all classes", said)


def test_two_taggers_that_agree_token_by_token() -> None:
    net, other = Tagger(), Tagger()
    with torch.no_grad():
        other.layer.bias.add_(torch.tensor([0.5, -1.0, 0.2]))
    x = torch.randn(N, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = (torch.arange(4 * N) % 3).reshape(N, 4)
    text = (
        "data train(x, y)\nmodel f\nmodel h\nminimize E[ce(f(x), y)] + E[ce(h(x), y)]\n"
        "s.t. a: P[pred(f(x)) == pred(h(x))] >= 0.9\nfit(precision=float64)"
    )
    plan = plan_of(check(Source(text=text, name="spec")))
    bindings = {"f": copy.deepcopy(net), "h": copy.deepcopy(other), "train": {"x": x, "y": y}}
    program = prepare(plan, bindings, base=Path()).program
    batch = {"train": {"x": x, "y": y}, "clock": torch.zeros(1)}
    _, g, _ = load_module(program)["measure"]({"f": net, "h": other}, batch)
    p, q = (softmax(model(x).reshape(-1, 3)) for model in (net, other))
    assert g.item() == pytest.approx(0.9 - (p * q).sum(1).mean().item(), abs=1e-12)


def test_a_long_sum_stays_one_number_an_example() -> None:
    net, x = model(3), features()
    body = " + ".join(["(pred == 1)"] * 250)
    spec = f"data train(x, y)\nmodel f\nminimize ce(f(x), y)\ns.t. a: E[({body})/250] <= 0.1"
    g, true, _ = parts(spec, net, x=x, y=Y3)
    z = net(x)
    assert g.item() == pytest.approx(softmax(z)[:, 1].mean().item() - 0.1, abs=1e-12)
    assert true.item() == pytest.approx((z.argmax(1) == 1).double().mean().item() - 0.1)


def test_explain_names_what_goes_over_the_classes() -> None:
    spec = "data train(x, k)\nmodel f\nminimize ce(f(x), k)\ns.t. a: E[abs(pred - k)] <= 0.5"
    said = " ".join(cspec.explain(spec).split())
    assert "sum(prob(f(x))[c]*abs(c - k) for c in classes)" in said
    assert re.search(r"0\.5 <= 0, c over all classes", said)

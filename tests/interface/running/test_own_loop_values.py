"""What a handle reads of truth values and small whole numbers: what `run` reads, by plain loops."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec.runtime.own_loop.handle import Handle

N = 40


def columns() -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(3)
    return {
        "x": torch.randn(N, 3, generator=draw),
        "y": torch.randint(0, 2, (N,), generator=draw),
        "b": torch.rand(N, generator=draw) < 0.4,
        "c": torch.rand(N, generator=draw) < 0.6,
        "w": torch.randint(60, 250, (N,), generator=draw).to(torch.uint8),
        "m": torch.rand(N, 3, generator=draw) < 0.5,
    }


def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def handle(spec: str, net: nn.Module, **known: Any) -> Handle:
    return cspec.bind(spec, f=net, optimizer=torch.optim.SGD(net.parameters(), lr=0.1), **known)


def by_hand(term: Any, net: nn.Module) -> float:
    """The mean of a term of one example: its probability of class 1 and its columns in Python."""
    data = columns()
    with torch.no_grad():
        chances = net(data["x"]).double().softmax(1)[:, 1].tolist()
    rows = [{name: values[i].tolist() for name, values in data.items()} for i in range(N)]
    terms = [float(term(q, **row)) for q, row in zip(chances, rows, strict=True)]
    return sum(terms) / len(terms)


TERMS: list[tuple[str, Any]] = [
    ("P[pred == 1 and not b]", lambda q, b, **_: q > 0.5 and not b),
    ("P[b => pred == 1]", lambda q, b, **_: not b or q > 0.5),
    ("P[pred == 1 or not c]", lambda q, c, **_: q > 0.5 or not c),
    ("P[pred == 1 and w*w > 9000]", lambda q, w, **_: q > 0.5 and w * w > 9000),
    ("E[where(b, prob[1], 0)]", lambda q, b, **_: q if b else 0),
    ("E[(1 - b)*prob[1]]", lambda q, b, **_: (1 - b) * q),
    ("E[(b + c)*prob[1]]", lambda q, b, c, **_: (b + c) * q),
    ("E[(w - 100)*prob[1]]", lambda q, w, **_: (w - 100) * q),
    ("E[sum(1 - m)*prob[1]]", lambda q, m, **_: (3 - sum(m)) * q),
    ("E[norm(m, 2)*prob[1]]", lambda q, m, **_: sum(m) ** 0.5 * q),
    (
        "E[((x[0] > 0) + (x[1] > 0))*prob[1]]",
        lambda q, x, **_: ((x[0] > 0) + (x[1] > 0)) * q,
    ),
]


@pytest.mark.parametrize(("text", "term"), TERMS, ids=[text for text, _ in TERMS])
@pytest.mark.parametrize("bound", [False, True])
def test_loss_verify_and_a_plain_loop_agree(text: str, term: Any, bound: bool) -> None:
    net, data = linear(), columns()
    known = {"train": data} if bound else {}
    end = "<= 100%" if text[0] == "P" else "<= 1e6"
    spec = f"data train(x, y, b, c, w, m)\nmodel f\nminimize ce(f(x), y)\ns.t. q: {text} {end}"
    found = handle(spec, net, **known)
    first = found.verify(data)["q"].value
    found.loss(**data)
    expected = by_hand(term, net)
    assert [first, found.values["q"]] == pytest.approx([expected] * 2, rel=1e-5, abs=1e-6)


class Masked(nn.Module):
    """Missing entries, where a mask is false, count against class 1."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(3, 2)
        self.seen: set[torch.dtype] = set()

    def forward(self, x: Tensor, m: Tensor) -> Tensor:
        self.seen.add(m.dtype)
        missing = (~m).sum(1, keepdim=True)
        return self.linear(x) - missing * torch.tensor([0.0, 0.3])


MASKED = """data train(x, m, y)
model f
minimize ce(f(x, m), y)
s.t. q: E[sum(1 - m)*prob(f(x, m))[1]] <= 5"""


@pytest.mark.parametrize("form", [lambda t: t, Tensor.numpy, Tensor.tolist])
def test_a_model_gets_a_mask_as_truth_values_and_a_spec_counts_it(form: Any) -> None:
    net = Masked()
    data = {name: columns()[name] for name in ("x", "m", "y")}
    with torch.no_grad():
        chances = net(data["x"], data["m"]).double().softmax(1)[:, 1].tolist()
    terms = [q * sum(not e for e in m) for q, m in zip(chances, data["m"].tolist(), strict=True)]
    given = {name: form(values) for name, values in data.items()}
    values = []
    for known in ({}, {"train": given}):
        found = handle(MASKED, net, **known)
        values.append(found.verify(given)["q"].value)
        found.loss(**given)
        values.append(found.values["q"])
    frozen = MASKED.replace("minimize ce", "minimize 0*ce").replace("s.t. q:", "metric q =")
    frozen = f"{frozen.removesuffix(' <= 5')}\nfit(epochs=1, optimizer=sgd(lr=1e-12))"
    result = cspec.run(frozen, f=copy.deepcopy(net), train=tuple(given.values()))
    values.append(result.metrics["q"])
    assert values == pytest.approx([sum(terms) / N] * len(values), rel=1e-5)
    assert net.seen == {torch.bool}

"""What a handle reads of truth values and small whole numbers: what `run` reads, by plain loops."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec import SpecError
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


# --- labels, classes by name, groups ---


LABELS = """data train(x, y)
model f
minimize hinge(f(x), y)
s.t. right: P[pred == y] >= 10%
     above: P[pred == 1] >= 1%
     room: E[margin(f(x), y)] >= -5
     sure: E[prob[y]] >= 0.1"""


def one_score() -> tuple[nn.Linear, Tensor, Tensor]:
    """A model of one score, its inputs, and labels -1 and 1 that it gets partly right."""
    torch.manual_seed(1)
    net, x = nn.Linear(3, 1), columns()["x"]
    return net, x, torch.where(x[:, 0] > 0, 1, -1)


@pytest.mark.parametrize("known", ["train", "groups"])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.int8])
def test_labels_of_minus_one_and_one_are_read_by_sign_where_somebody_says_so(
    known: str, dtype: torch.dtype
) -> None:
    net, x, sides = one_score()
    y = sides.to(dtype)
    given: dict[str, Any] = {"train": (x, y)} if known == "train" else {"groups": {"y": [-1, 1]}}
    found = handle(LABELS, net, **given)
    with torch.no_grad():
        pairs = list(zip(net(x).double()[:, 0].tolist(), sides.tolist(), strict=True))
    expected = {
        "right": sum((1 if s > 0 else -1) == t for s, t in pairs) / N,
        "above": sum(s > 0 for s, _ in pairs) / N,
        "room": sum(s * t for s, t in pairs) / N,
        "sure": sum(1 / (1 + math.exp(-s * t)) for s, t in pairs) / N,
    }
    found.loss(x=x, y=y)
    assert found.values == pytest.approx(expected, rel=1e-5)
    assert {c.name: c.value for c in found.verify((x, y))} == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", ["hinge", "bce"])
def test_labels_of_minus_one_and_one_are_refused_where_nobody_says_so(loss: str) -> None:
    net, x, y = one_score()
    found = handle(LABELS.replace("hinge", loss), net)
    for ask in (lambda: found.loss(x=x, y=y), lambda: found.verify((x, y))):
        with pytest.raises(SpecError, match=r"holds -1.*, and is read as"):
            ask()
    found.loss(x=x, y=(y + 1) // 2)
    assert 0 <= found.values["right"] <= 1


@pytest.mark.parametrize(
    ("loss", "outputs", "labels"),
    [
        ("hinge", 1, [1, 2]),
        ("hinge", 1, [1.0, 2.0]),
        ("hinge", 1, [0.0, 0.5]),
        ("hinge", 2, [1, 2]),
        ("hinge", 2, [-1, 1]),
        ("hinge", 2, [0.0, 1.0]),
        ("ce", 2, [-1, 1]),
        ("ce", 2, [1, 2]),
        ("ce", 2, [0.0, 1.0]),
        ("nll", 2, [1, 2]),
        ("nll", 3, [0.0, 1.0]),
    ],
)
@pytest.mark.parametrize("known", [False, True])
def test_labels_that_a_loss_can_not_take_are_refused(
    loss: str, outputs: int, labels: list[float], known: bool
) -> None:
    x, y = columns()["x"], torch.tensor(labels)[columns()["y"]]
    spec = f"data train(x, y)\nmodel f\nminimize E[{loss}(f(x), y)]"
    for ask in ("loss", "verify"):
        with pytest.raises(SpecError, match=r"error.CS331.*(needs|gives)") as said:
            found = handle(spec, nn.Linear(3, outputs), **({"train": (x, y)} if known else {}))
            getattr(found, ask)(x=x, y=y)
        assert said.value.diagnostics[0].helps


def of_vectors(text: str) -> str:
    lines = ("data train(x, y, b, c, w, m)", "model f", f"minimize ({text})*sumsq(f.weight)")
    return "\n".join((*lines, f"metric q = {text}"))


VECTORS: list[tuple[str, Any]] = [
    ("E[[b, c] @ [1, 2]]", lambda b, c, **_: b + 2 * c),
    ("E[[1, 2] @ [b, w]]", lambda b, w, **_: b + 2 * w),
    ("E[[b, 2.5, x[0]] @ [1, 2, w]]", lambda x, b, w, **_: b + 5 + x[0] * w),
    ("E[m @ [0.5, 1, 2]]", lambda m, **_: m[0] / 2 + m[1] + 2 * m[2]),
    ("P[[b, c] @ [1, 2] >= 2]", lambda b, c, **_: b + 2 * c >= 2),
    ("E[max([b, c] @ [1, 2], x[0])]", lambda x, b, c, **_: max(b + 2 * c, x[0])),
    ("E[sum(w*x)]", lambda x, w, **_: sum(w * v for v in x)),
    ("E[sum(where(b, x, [1, 2, 3]))]", lambda x, b, **_: sum(x) if b else 6),
    ("E[sum(where(m, x, 0))]", lambda x, m, **_: sum(v for v, k in zip(x, m, strict=True) if k)),
    ("P[all(x > y - b)]", lambda x, y, b, **_: all(v > y - b for v in x)),
    ("E[norm(x - y, 2)]", lambda x, y, **_: math.dist(x, [y] * 3)),
    ("E[sum(y*f(x))]", lambda z, y, **_: y * sum(z)),
    ("E[max(f(x) - w)]", lambda z, w, **_: max(z) - w),
]


@pytest.mark.parametrize("rows", [N, 3])
@pytest.mark.parametrize(("text", "term"), VECTORS)
def test_vectors_of_an_example_meet_its_numbers_by_example(text: str, term: Any, rows: int) -> None:
    """Of as many rows as entries, too; the same with data that are known, and in a run."""
    torch.manual_seed(0)
    net, data = nn.Linear(3, 3), {name: values[:rows] for name, values in columns().items()}
    with torch.no_grad():
        data["z"] = net(data["x"])
        size = net.weight.square().sum().item()
    each = [{name: values[i].tolist() for name, values in data.items()} for i in range(rows)]
    expected = sum(float(term(**row)) for row in each) / rows
    del data["z"]
    for known in ({}, {"train": tuple(data.values())}):
        found = handle(of_vectors(text), net, **known)
        assert found.loss(**data).item() / size == pytest.approx(expected, rel=1e-4)
        assert found.evaluate(data)["q"] == pytest.approx(expected, rel=1e-4)
    spec = of_vectors(text) + "\nfit(epochs=1, optimizer=sgd(lr=1e-12))"
    if rows == N and "y" not in text:  # whose labels are classes there
        result = cspec.run(spec, f=copy.deepcopy(net), train=tuple(data.values()))
        assert result.metrics["q"] == pytest.approx(expected, rel=1e-4)


def test_vectors_that_do_not_fit_are_refused_as_in_run() -> None:
    data = columns()
    with pytest.raises(SpecError, match=r"CS329.*can't be multiplied"):
        handle(of_vectors("E[w @ x]"), linear()).loss(**data)


@pytest.mark.parametrize("known", [False, True])
def test_a_prediction_may_be_true_where_labels_are_truth_values(known: bool) -> None:
    net, x, sides = one_score()
    y = sides > 0
    spec = "data train(x, y)\nmodel f\nminimize bce(f(x), y)\ns.t. q: P[pred == true] >= 1%"
    found = handle(spec, net, **({"train": (x, y)} if known else {}))
    found.loss(x=x, y=y)
    with torch.no_grad():
        expected = sum(score > 0 for (score,) in net(x).tolist()) / N
    assert found.values["q"] == found.verify((x, y))["q"].value == pytest.approx(expected)


@pytest.mark.parametrize("known", ["train", "groups"])
def test_binary_cross_entropy_of_labels_minus_one_and_one_is_refused_as_in_run(known: str) -> None:
    net, x, y = one_score()
    given: dict[str, Any] = {"train": (x, y)} if known == "train" else {"groups": {"y": [-1, 1]}}
    with pytest.raises(SpecError, match="needs labels 0 and 1, but column `y` holds -1, 1"):
        handle("data train(x, y)\nmodel f\nminimize bce(f(x), y)", net, **given)


NAMED = """data train(x, y)
model f
minimize ce(f(x), y)
s.t. right: P[pred == y] >= 1%
     many: P[pred == "b"] >= 1%
     chance: E[prob["b"]] >= 0.01
     attribute: E[prob.b] >= 0.01
     room: E[margin(f(x), "b")] >= -9"""


@pytest.mark.parametrize("order", [["a", "b"], ["b", "a"]])
def test_classes_named_by_groups_are_those_of_bound_data(order: list[str]) -> None:
    net, x = linear(), columns()["x"]
    y = ["b" if row[0] > 0 else "a" for row in x.tolist()]
    b = order.index("b")
    found = handle(NAMED, net, groups={"y": order})
    found.loss(x=x, y=y)
    with torch.no_grad():
        z = net(x).double()
    said = [order[int(row[1] > row[0])] for row in z.tolist()]
    chance = z.softmax(1)[:, b].mean().item()
    assert found.values == pytest.approx(
        {
            "right": sum(p == t for p, t in zip(said, y, strict=True)) / N,
            "many": said.count("b") / N,
            "chance": chance,
            "attribute": chance,
            "room": sum(row[b] - row[1 - b] for row in z.tolist()) / N,
        },
        rel=1e-5,
    )


def test_whole_numbers_that_are_no_known_group_are_refused() -> None:
    net, x = linear(), columns()["x"]
    y, g = columns()["y"], torch.tensor([5, 7, 8, 5] * (N // 4))
    spec = (
        "data train(x, y, g)\nmodel f\nminimize ce(f(x), y)\ns.t. t: gap(P[pred == 1 | g]) <= 90%"
    )
    seen = g != 8
    known: list[dict[str, Any]] = [
        {"train": (x[seen], y[seen], g[seen])},
        {"groups": {"g": [5, 7]}},
    ]
    for given in known:
        found = handle(spec, net, **given)
        with pytest.raises(SpecError, match="holds 8, which is none of its known values"):
            found.loss(x=x, y=y, g=g)
        with pytest.raises(SpecError, match="holds 8, which is none of its known values"):
            found.verify((x, y, g))
        found.loss(x=x[seen], y=y[seen], g=g[seen])


def test_a_table_of_the_specs_own_is_measured_in_the_numbers_of_the_model(tmp_path: Path) -> None:
    x = columns()["x"][:, :2]
    lines = [f"{a},{b},{int(a > 0)}" for a, b in x.tolist()]
    (tmp_path / "t.csv").write_text("p,q,y\n" + "\n".join(lines))
    torch.manual_seed(0)
    net = nn.Linear(2, 2)
    source = f'csv("{tmp_path}/t.csv", target="y", scale=none)'
    found = handle(
        f"data train(x, y) = {source}\nmodel f\nminimize ce(f(x), y)\ns.t. c: P[pred == 1] <= 99%",
        net,
    )
    with torch.no_grad():
        expected = sum(float(row[1] > row[0]) for row in net(x).tolist()) / N
    assert found.verify()["c"].value == found.evaluate()["c"] == pytest.approx(expected)


# --- what can't be measured, and derivatives where none are recorded ---


def test_a_metric_of_vectors_is_measured_before_the_first_loss() -> None:
    net, x, y = linear(), columns()["x"], columns()["y"]
    found = handle(
        "data train(x, y)\nmodel f\nminimize ce(f(x), y)\nmetric m = norm(E[f(x)], 1)", net
    )
    with torch.no_grad():
        rows = net(x).double().tolist()
    expected = sum(abs(sum(row[k] for row in rows) / N) for k in range(2))
    assert found.evaluate((x, y))["m"] == pytest.approx(expected, rel=1e-5)


def test_what_is_not_measured_is_told() -> None:
    net, x, y = linear(), columns()["x"], columns()["y"]
    g = torch.arange(N) % 2
    spec = """data train(x, y, g)
model f
minimize ce(f(x), y)
s.t. t: gap(P[pred == 1 | g]) <= 90%
metric few = P[pred == 1 | x[0] > 100]
metric each = P[pred == 1 | g]
metric right = P[pred == y]"""
    found = handle(spec, net, train=(x, y, g)).verify((x, y, 0 * g))
    assert math.isnan(found["t"].value) and math.isnan(found.metrics["few"])
    told = [note.partition(" not measured")[0] for note in found.notes]
    assert told == ["t:", "metric `few` is", "metric `each[1]` is"]
    assert "no example of `train` has g `1`" in found.notes[0]


def test_derivatives_are_measured_in_inference_mode() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x, y = columns()["x"], columns()["y"]
    spec = """data train(x, y)
model f
minimize ce(f(x), y)
s.t. a: E[norm(grad(f(x)[0], x), 2)] <= 9
     b: E[max(ce(f(z), y) for z in ball(x, 0.5, norm=inf))] <= 9
metric m = E[grad(f(x)[0], x)[0]]"""
    inputs = x.clone().requires_grad_()
    slopes = [torch.autograd.grad(net(row)[0], row)[0] for row in inputs.unbind()]
    found = handle(spec, net)
    found.loss(x=x, y=y)
    plain = found.values
    assert plain["a"] == pytest.approx(sum(s.norm().item() for s in slopes) / N, rel=1e-5)
    with torch.inference_mode():
        made = x + 0  # a tensor of this mode
        loss = found.loss(x=made, y=y)
        looks = [found.values, {c.name: c.value for c in found.verify((made, y))}]
        metric = found.evaluate((made, y))["m"]
    assert looks == [pytest.approx(plain, rel=1e-4)] * 2 and not loss.requires_grad
    assert metric == pytest.approx(sum(s[0].item() for s in slopes) / N, rel=1e-4, abs=1e-6)

"""What a handle measures: the last batch, and whole data as `run` judges them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec import SpecError
from cspec.runtime.data.points import Draws, Region
from cspec.runtime.own_loop.handle import Handle

SPEC = """
data train(x, y, sex)
model net
minimize ce(net(x), y)
s.t. few:  P[pred == 1] <= 30%
     dp:   gap(P[pred == 1 | sex]) <= 5%
     rt:   ratio(P[pred == 1 | sex]) >= 80%
     mid:  abs(E[net(x)[0]] - 1) <= 0.1
     pair: E[ce(net(x), y) | sex == "f"] <= E[ce(net(x), y) | sex == "m"]
     size: sumsq(net.weights) <= 3 by lagrangian
     pref: E[net(x)[1]] >= 2 soft(weight=0.1)
metric acc = P[pred == y]
"""


def examples(seed: int = 0, count: int = 80) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, 5)).astype(np.float32)
    return {"x": x, "y": (x[:, 0] > 0).astype(int), "sex": np.where(x[:, 1] > 0.3, "m", "f")}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))


def bound(net: nn.Module, **settings: Any) -> Handle:
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    return cspec.bind(SPEC, net=net, optimizer=optimizer, **settings)


def by_hand(net: nn.Module, data: dict[str, Any]) -> dict[str, float]:
    """Every constraint by plain loops over the examples."""
    net.eval()
    with torch.no_grad():
        z = net(torch.as_tensor(data["x"])).double().numpy()
    net.train()
    y, sex = data["y"], data["sex"]
    pred = [int(row[1] > row[0]) for row in z]
    ce = [
        float(np.log(np.exp(row - row.max()).sum()) + row.max() - row[k])
        for row, k in zip(z, y, strict=True)
    ]
    of = {s: [i for i in range(len(y)) if sex[i] == s] for s in ("f", "m")}
    rate = {s: sum(pred[i] for i in of[s]) / len(of[s]) for s in of}
    return {
        "few": sum(pred) / len(pred),
        "dp": abs(rate["f"] - rate["m"]),
        "rt": min(rate.values()) / max(rate.values()),
        "mid": abs(float(np.mean(z[:, 0])) - 1),
        "pair": float(np.mean([ce[i] for i in of["f"]])),
        "size": sum(float(p.detach().square().sum()) for p in net.parameters() if p.ndim > 1),
        "pref": float(np.mean(z[:, 1])),
        "acc": sum(int(a == b) for a, b in zip(pred, y, strict=True)) / len(y),
        "objective": float(np.mean(ce)),
    }


def loader(data: dict[str, Any]) -> Any:
    rows = [{k: v[i] for k, v in data.items()} for i in range(len(data["y"]))]
    return torch.utils.data.DataLoader(rows, batch_size=16)


FORMS = {
    "mapping": lambda data: ((data,), {}),
    "tuple": lambda data: (((data["x"], data["y"], data["sex"]),), {}),
    "by name": lambda data: (({"train": data},), {}),
    "keyword": lambda data: ((), {"train": data}),
    "columns": lambda data: ((), data),
    "loader": lambda data: ((loader(data),), {}),
}


@pytest.mark.parametrize("form", FORMS)
def test_evaluate_is_what_loops_over_the_examples_give(form: str) -> None:
    net, other = network(), examples(7, 90)
    handle = bound(net, train=examples())
    arguments, keywords = FORMS[form](other)
    found = handle.evaluate(*arguments, **keywords)
    assert found == pytest.approx(by_hand(net, other), rel=1e-5, abs=1e-6)
    table = handle.verify(*arguments, **keywords)
    assert {c.name: c.value for c in table} == {k: found[k] for k in (c.name for c in table)}
    assert table["few"].n == 90 and table["few"].split == "train" and table["size"].split is None
    assert table["few"].satisfied == (found["few"] <= 0.3)
    assert table["pref"].soft and "few" in str(table)


def test_verdicts_are_those_of_run() -> None:
    data = examples()
    result = cspec.run(SPEC + "fit(epochs=3)\n", net=network(), train=data)
    again = bound(result.model, train=data).verify()
    for mine, theirs in zip(again, result.constraints, strict=True):
        assert mine.name == theirs.name and mine.satisfied == theirs.satisfied
        assert mine.value == pytest.approx(theirs.value, rel=1e-6)
        assert mine.bound == pytest.approx(theirs.bound, rel=1e-6)
        assert mine.violation == pytest.approx(theirs.violation, rel=1e-5, abs=1e-9)
        assert (mine.tolerance, mine.split, mine.n) == (theirs.tolerance, theirs.split, theirs.n)
    assert again.objective == pytest.approx(result.objective, rel=1e-6)
    assert again.metrics == pytest.approx(result.metrics)


def test_measuring_leaves_no_trace() -> None:
    net, data = network(), examples()
    handle = bound(net, train=data)
    handle.step(**data)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    held = {k: v.clone() for k, v in handle.state.items()}
    kept = {k: v.copy() for k, v in data.items()}
    torch.manual_seed(5)
    handle.evaluate(data)
    handle.verify(data)
    _ = handle.values
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)
    assert net.training and all(m.training for m in net.modules())
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(torch.equal(v, held[k]) for k, v in handle.state.items())
    assert all(np.array_equal(v, data[k]) for k, v in kept.items())


def test_values_are_those_of_the_last_batch_without_another_pass() -> None:
    class Counting(nn.Linear):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            Counting.calls += 1
            return super().forward(x)

    torch.manual_seed(0)
    net = Counting(5, 2)
    handle = bound(net, train=examples())
    assert handle.values == {}
    for seed in (1, 2):
        batch = examples(seed, 40)
        handle.optimizer.zero_grad()
        loss = handle.loss(**batch)
        expected = by_hand(net, batch)
        Counting.calls = 0
        assert handle.values == pytest.approx(
            {k: v for k, v in expected.items() if k not in ("acc", "objective")}, rel=1e-5
        )
        assert Counting.calls == 0
        loss.backward()  # type: ignore[no-untyped-call]
        handle.optimizer.step()
        assert handle.values["few"] == pytest.approx(expected["few"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["script", "compile"])
def test_compiled_models_are_measured_too(kind: str) -> None:
    plain = nn.Linear(5, 2)
    net: Any = (
        torch.jit.script(plain) if kind == "script" else torch.compile(plain, backend="eager")
    )
    data = examples()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    handle = cspec.bind("minimize ce s.t. few: P[pred == 1] <= 30%", model=net, optimizer=optimizer)
    rate = float((plain(torch.as_tensor(data["x"])).argmax(1) == 1).double().mean())
    handle.loss(x=data["x"], y=data["y"])
    assert handle.values["few"] == pytest.approx(rate)
    assert handle.evaluate((data["x"], data["y"]))["few"] == pytest.approx(rate)


def test_given_values_are_evaluated_as_they_come() -> None:
    x = nn.Parameter(torch.tensor(1.0))
    handle = cspec.bind(
        "given loss, kl\nminimize loss\ns.t. a: kl <= 1\n b: kl >= 0.5",
        optimizer=torch.optim.SGD([x]),
    )
    handle.loss(loss=x, kl=3 * x)
    assert handle.values == {"a": 3.0, "b": 3.0}
    found = handle.verify(loss=2.0, kl=0.25)
    assert [(c.name, c.value, c.satisfied, c.violation) for c in found] == [
        ("a", 0.25, True, 0.0), ("b", 0.25, False, 0.25),
    ]  # fmt: skip
    assert handle.evaluate(loss=2.0, kl=0.25) == {"objective": 2.0, "a": 0.25, "b": 0.25}
    with pytest.raises(SpecError, match="kl") as caught:
        handle.verify(loss=1.0)
    assert [d.code for d in caught.value.diagnostics] == ["CS631"]


TWO = """
data forget(x, y), retain(x, y)
model net
minimize E[ce(net(x), y) on retain]
s.t. gone: E[ce(net(x), y) on forget] >= 3
metric acc = P[pred(net(x)) == y on retain]
"""


def test_several_datasets_are_told_apart_by_name() -> None:
    net = nn.Linear(5, 2)
    handle = cspec.bind(TWO, net=net, optimizer=torch.optim.Adam(net.parameters()))
    one, two = examples(1), examples(2, 50)
    forget, retain = (one["x"], one["y"]), (two["x"], two["y"])
    with pytest.raises(SpecError, match="say which data are which"):
        handle.evaluate(retain)
    with pytest.raises(SpecError, match="forget"):
        handle.evaluate(retain=retain)
    found = handle.evaluate({"forget": forget, "retain": retain})
    assert found == handle.evaluate(forget=forget, retain=retain)
    value = nn.functional.cross_entropy(net(torch.as_tensor(one["x"])), torch.as_tensor(one["y"]))
    assert found["gone"] == pytest.approx(value.item(), rel=1e-5)


# --- Groups --------------------------------------------------------------------------------------


def test_groups_come_from_data_or_by_name() -> None:
    data, seen = examples(), []
    for settings in ({"train": data}, {"groups": {"sex": ["f", "m"]}}):
        net = network()
        handle = bound(net, **settings)
        torch.manual_seed(1)
        for _ in range(3):
            handle.step(**data)
        seen.append((handle.multipliers, handle.evaluate(data)))
    assert seen[0][0] == pytest.approx(seen[1][0]) and seen[0][0]["dp"] > 0
    assert seen[0][1] == pytest.approx(seen[1][1])


@pytest.mark.parametrize(
    "relation",
    [
        "gap(P[pred == 1 | sex]) <= 5%",
        "max(P[pred == 1 | sex]) <= 50%",
        "forall a in values(sex): P[pred == 1 | sex == a] <= 50%",
        'P[pred == 1 | sex == "f"] <= 50%',
        'P[pred == "yes"] <= 50%',
    ],
)
def test_groups_that_nobody_names_are_asked_for(relation: str) -> None:
    net = nn.Linear(5, 2)
    spec = f"data train(x, y, sex)\nmodel net\nminimize ce\ns.t. a: {relation}\n"
    optimizer = torch.optim.Adam(net.parameters())
    with pytest.raises(SpecError) as caught:
        cspec.bind(spec, net=net, optimizer=optimizer)
    (found,) = caught.value.diagnostics
    assert found.code == "CS633" and any("groups={" in text for text in found.helps)
    groups: dict[str, Any] = {"sex": ["f", "m"]} if "sex" in relation else {"y": ["no", "yes"]}
    handle = cspec.bind(spec, net=net, optimizer=optimizer, groups=groups)
    codes = {"sex": np.where(examples()["x"][:, 1] > 0.3, 1, 0)}
    handle.step(**(examples() | codes))


def test_groups_of_no_column_or_of_known_data_are_refused() -> None:
    with pytest.raises(SpecError, match="no column of this spec"):
        bound(network(), groups={"sexx": [0, 1]}, train=examples())
    with pytest.raises(SpecError, match="known from the data"):
        bound(network(), groups={"sex": [0, 1]}, train=examples())


def test_values_that_are_no_group_are_named() -> None:
    handle = bound(network(), train=examples())
    with pytest.raises(SpecError, match=r"'x'.*none of its known values"):
        handle.loss(**(examples() | {"sex": np.full(80, "x")}))
    with pytest.raises(SpecError, match=r"2.*none of its known values"):
        handle.loss(**(examples() | {"sex": torch.full((80,), 2)}))
    with pytest.raises(SpecError, match="none of its known values"):
        handle.evaluate(examples() | {"sex": np.full(80, "x")})
    with pytest.raises(SpecError, match="different lengths"):
        handle.loss(**(examples() | {"y": torch.zeros(3, dtype=torch.long)}))


# --- What has no effect --------------------------------------------------------------------------


def test_clauses_without_effect_are_named_once(caplog: pytest.LogCaptureFixture) -> None:
    net = nn.Linear(5, 2)
    text = """
    minimize ce
    s.t. P[pred == 1] <= 90%
    using lagrangian(order=primal_first)
    fit(epochs=30, optimizer=lbfgs)
    verify all on test every epoch
    metric a = P[pred == y on test]
    stop when feasible(1e-3)
    """
    with caplog.at_level("WARNING", logger="cspec"):
        handle = cspec.bind(text, model=net, optimizer=torch.optim.Adam(net.parameters()))
        data = examples()
        for _ in range(3):
            handle.step(x=data["x"], y=data["y"])
    words = ("fit(epochs=30", "verify all on test", "metric `a`", "stop when", "primal_first")
    for word in words:
        assert sum(word in note for note in handle.notes) == 1, word
        assert sum(word in record.getMessage() for record in caplog.records) == 1, word
    assert handle.evaluate((data["x"], data["y"]))["a"] >= 0


def test_a_plain_spec_has_no_notes() -> None:
    net = nn.Linear(5, 2)
    optimizer = torch.optim.Adam(net.parameters())
    assert (
        cspec.bind("minimize ce s.t. P[pred == 1] <= 9%", model=net, optimizer=optimizer).notes
        == ()
    )


# --- Counts along a ramp -------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [None, 150])
def test_a_density_shrinks_along_the_loop_and_no_layer_dies(steps: int | None) -> None:
    torch.manual_seed(0)
    x = torch.randn(512, 6)
    y = (x[:, 0] > 0).long()
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    handle = cspec.bind(
        "minimize ce s.t. density(model) <= 10%", model=net, optimizer=optimizer, steps=steps
    )
    assert any("steps" in note for note in handle.notes) == (steps is None)
    density = []
    for s in range(steps or 60):
        rows = torch.arange(s * 64, s * 64 + 64) % 512
        handle.step(x=x[rows], y=y[rows])
        weights = [p.detach() for p in net.parameters() if p.ndim > 1]
        density.append(sum(int((w != 0).sum()) for w in weights) / 128)
    assert density[0] > 0.8 and sorted(density, reverse=True) == density
    assert all(bool((w != 0).any()) for w in weights)
    assert (net(x).argmax(1) == y).float().mean() > 0.9
    met = handle.verify((x, y))["c1"]
    assert met.satisfied == (steps is not None) and met.value == pytest.approx(density[-1])


def test_a_given_value_is_one_number() -> None:
    x = torch.nn.Parameter(torch.tensor(1.0))
    optimizer = torch.optim.SGD([x], lr=0.05)
    handle = cspec.bind("given loss, kl\nminimize loss\ns.t. kl <= 4", optimizer=optimizer)
    with pytest.raises(cspec.SpecError, match="2 by 3 were handed over"):
        handle.loss(loss=x**2, kl=x * torch.ones(2, 3))
    assert handle.loss(loss=(x**2).reshape(1), kl=x).ndim == 0


# --- points of domains ----------------------------------------------------------------------------

POINTS = """data train(t, x, y)
domain q(t, x) = box([0, 1], [-1, 1])
model u(t, x)
minimize E[(u - y)^2 on train] + E[(u - 1)^2 for (t, x) in q.sample(7)]
s.t. low: forall (t, x) in q.sample(9, redraw=true): u >= 0.5 within 0.1
"""


class OfTwo(nn.Module):
    """An affine function of t and x."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(2, 1)

    def forward(self, t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return self.one(torch.stack([t, x], 1))[:, 0]


def test_points_are_drawn_for_a_loop_of_ones_own() -> None:
    """Losses and verdicts by hand: the draws of a step, the fresh grid of midpoints."""
    torch.manual_seed(0)
    net = OfTwo()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    handle = cspec.bind(POINTS.partition("s.t.")[0], u=net, optimizer=optimizer)
    box = Region("uniform", (0.0, -1.0), (1.0, 1.0), (1, 1), ("t", "x"))
    t, x, y = torch.rand(5), torch.rand(5), torch.rand(5)
    seen = []
    for step in range(3):
        drawn = Draws(box, 7, 0).at(0, step)
        expected = (net(t, x) - y).square().mean() + (net(**drawn) - 1).square().mean()
        optimizer.zero_grad()
        loss = handle.loss(t=t, x=x, y=y)
        assert torch.allclose(loss, expected)
        loss.backward()
        optimizer.step()
        seen.append(drawn["t"])
    assert not torch.equal(seen[0], seen[1])
    line = (torch.arange(51) + 0.5) / 51
    grid_t, grid_x = torch.cartesian_prod(line, 2 * line - 1).T
    with torch.no_grad():
        far = float((0.5 - net(grid_t, grid_x)).relu().mean())
    other = cspec.bind(POINTS, u=net, optimizer=torch.optim.SGD(net.parameters(), lr=0.01))
    other.loss(t=t, x=x, y=y).backward()
    found = other.verify(t=t, x=x, y=y)
    assert found["low"].value == pytest.approx(far, rel=1e-5)
    assert found["low"].evidence == "sampled"


def test_one_multiplier_a_point_is_refused_in_a_loop_of_ones_own() -> None:
    text = POINTS.replace("q.sample(9, redraw=true)", "q.sample(9)")
    net = OfTwo()
    with pytest.raises(cspec.SpecError, match="in a loop of your own"):
        cspec.bind(text, u=net, optimizer=torch.optim.SGD(net.parameters(), lr=0.01))

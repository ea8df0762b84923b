"""Pairs of examples: means and requirements against plain loops, ranks, and U-statistics."""

from __future__ import annotations

import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

import cspec
from cspec.cli import main
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.bind.pairs import drawn, pairs
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.run.folder import RunFolder

HEAD = "data train(x, y, sex)\nmodel f\nminimize bce(f(x), y)\n"
OVER = "for (a, b) in pairs(train)"
AUC = f"P[f(a.x) > f(b.x) | a.y == 1 and b.y == 0 {OVER}]"


def world(rows: int = 40, seed: int = 0) -> dict[str, Any]:
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 2, generator=g)
    y = (x[:, 0] + torch.randn(rows, generator=g) > 0.3).long()
    return {"x": x, "y": y, "sex": ["ab"[i % 3 == 0] for i in range(rows)]}


def model() -> torch.nn.Linear:
    torch.manual_seed(3)
    return torch.nn.Linear(2, 1)


def scores(result: cspec.Result, data: dict[str, Any]) -> list[float]:
    with torch.no_grad():
        return list(map(float, result.models["f"].eval()(data["x"]).reshape(-1)))


def run(text: str, data: dict[str, Any], more: str = "fit(epochs=3)") -> cspec.Result:
    return cspec.run(f"{HEAD}{text}\n{more}\n", train=data, f=model())


def test_values_are_those_of_plain_loops() -> None:
    data = world()
    result = run(
        f"metric auc = {AUC}\n"
        f"metric apart = E[(f(a) - f(b))^2 | a.sex != b.sex {OVER}]\n"
        f"metric close = P[abs(f(p.x) - f(q.x)) <= norm(p.x - q.x, 2) for (p, q) in pairs(train)]\n"
        f"metric where_ = E[f(a.x) {OVER} where a.y > b.y]\n"
        f"metric groups = max(P[f(a.x) > f(b.x) | a.sex, a.y == 1, b.y == 0 {OVER}])",
        data,
    )
    z, x, y, sex = scores(result, data), data["x"], data["y"].tolist(), data["sex"]
    both = [(i, j) for i in range(len(z)) for j in range(len(z)) if i != j]

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    ranked = [(i, j) for i, j in both if y[i] == 1 and y[j] == 0]
    assert result.metrics["auc"] == pytest.approx(mean([z[i] > z[j] for i, j in ranked]))
    order = sorted(range(len(z)), key=lambda i: z[i])
    ranks = {i: place + 1 for place, i in enumerate(order)}
    m = sum(y)
    by_ranks = (sum(ranks[i] for i in range(len(z)) if y[i]) - m * (m + 1) / 2) / (m * (len(z) - m))
    assert result.metrics["auc"] == pytest.approx(by_ranks)
    apart = [(z[i] - z[j]) ** 2 for i, j in both if sex[i] != sex[j]]
    assert result.metrics["apart"] == pytest.approx(mean(apart), rel=1e-5)
    close = [abs(z[i] - z[j]) <= float((x[i] - x[j]).norm()) for i, j in both]
    assert result.metrics["close"] == pytest.approx(mean(close))
    above = [z[i] for i, j in both if y[i] > y[j]]
    assert result.metrics["where_"] == pytest.approx(mean(above), rel=1e-5)
    of_each = [mean([z[i] > z[j] for i, j in ranked if sex[i] == s]) for s in "ab"]
    assert result.metrics["groups"] == pytest.approx(max(of_each))


@pytest.mark.parametrize("part", ["objective", "requirement"])
def test_a_step_pulls_along_the_mean_over_its_pairs(part: str) -> None:
    """On all pairs it is that of plain loops, by central differences."""
    data = world(12)
    value = f"E[log(1 + exp(f(b.x) - f(a.x))) | a.y > b.y {OVER}]"
    text = "data train(x, y, sex)\nmodel f\n" + (
        f"minimize {value}\n"
        if part == "objective"
        else f"minimize 0*E[f(x)]\ns.t. c: {value} <= 0 by penalty(coefficient=1)\n"
    )
    start = model().double()
    w0, b0 = start.weight.detach()[0].clone(), float(start.bias.detach())
    result = cspec.run(
        f"{text}fit(batch_size=full, steps=1, precision=float64, optimizer=sgd(lr=1),"
        " schedule=constant)\n",
        train=data,
        f=start,
    )
    x, y = data["x"].double(), data["y"].tolist()
    both = [(i, j) for i in range(12) for j in range(12) if y[i] > y[j]]

    def mean(w: torch.Tensor) -> float:
        z = (x @ w + b0).tolist()
        return sum(math.log1p(math.exp(z[j] - z[i])) for i, j in both) / len(both)

    moved = result.models["f"].weight.detach()[0].double() - w0
    h = 1e-5 * torch.eye(2).double()
    slope = torch.tensor([(mean(w0 + e) - mean(w0 - e)) / 2e-5 for e in h])
    torch.testing.assert_close(moved, -slope.double(), rtol=1e-5, atol=1e-7)


def test_draws_are_uniform_over_pairs_of_different_examples() -> None:
    found = drawn(5, 200_000, 1)
    assert bool((found.first != found.second).all())
    counts = torch.bincount(found.first * 5 + found.second, minlength=25).double()
    kept = counts[counts > 0]
    assert len(kept) == 20
    assert float((kept / 10_000 - 1).abs().max()) < 0.05


def test_steps_see_pairs_without_bias() -> None:
    """The mean of a pair's function over many steps is that over all pairs."""
    data = Dataset("train", {"x": world(30)["x"], "y": world(30)["y"]})
    columns = {"u": (0, "x"), "v": (1, "x"), "k": (0, "y")}
    made = pairs(data, columns, n=500, seed=2)
    assert made.draws is not None and len(made) == 30 * 29 and not made.sampled
    one = made.draws.at(0, 3)
    assert torch.equal(one["u"], made.draws.at(0, 3)["u"])
    assert not torch.equal(one["u"], made.draws.at(0, 4)["u"])
    assert not torch.equal(one["u"], made.draws.at(1, 3)["u"])
    means = torch.stack(
        [((d := made.draws.at(0, step))["u"] - d["v"]).norm(dim=1).mean() for step in range(200)]
    )
    whole = (made["u"] - made["v"]).norm(dim=1).mean()
    assert abs(float(means.mean() - whole)) < 4 * float(means.std()) / math.sqrt(200)


def test_too_many_pairs_are_judged_on_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cspec.runtime.bind.pairs.MOST", 900)
    data = world(60)
    result = run(f"s.t. auc: {AUC} >= 0", data)
    c = result["auc"]
    assert c.evidence == "sampled"
    assert any("900 of 3,540 pairs" in note for note in result.notes)
    z, y = torch.tensor(scores(result, data)), data["y"]
    exact = float((z[y == 1][:, None] > z[y == 0][None]).double().mean())
    assert c.standard_error is not None and abs(c.value - exact) < 3 * c.standard_error


def test_standard_errors_are_those_of_u_statistics() -> None:
    data = world(120, seed=1)
    result = run(
        f"s.t. auc: {AUC} >= 0\n     half: E[(f(a.x) + f(b.x))/2 {OVER}] <= 99\n"
        "     one: E[f(x)] <= 99",
        data,
    )
    z, y = torch.tensor(scores(result, data)).double(), data["y"]
    psi = (z[y == 1][:, None] > z[y == 0][None]).double()
    of_each = [psi.mean(1), psi.mean(0)]
    delong = math.sqrt(sum(float(means.var()) / len(means) for means in of_each))
    assert result["auc"].standard_error == pytest.approx(delong, rel=0.03)
    assert result["half"].standard_error == pytest.approx(result["one"].standard_error, rel=1e-3)
    assert result["auc"].n == int((y == 1).sum() * (y == 0).sum())


def test_a_ranking_is_held() -> None:
    data = world(80, seed=2)
    text = f"data train(x, y, sex)\nmodel f\nminimize E[(f(x) - x[1])^2]\ns.t. auc: {AUC} >= 0.75\n"
    fit = "fit(epochs=60, optimizer=adam(lr=0.02))\n"
    free = cspec.run(text.replace("0.75", "0") + fit, train=data, f=model())
    held = cspec.run(text + fit, train=data, f=model())
    assert free["auc"].value < 0.7
    assert held["auc"].satisfied and held.objective > free.objective


def test_each_pair_has_a_multiplier() -> None:
    data = world(20)
    each = "forall (a, b) in pairs(train): abs(f(a.x) - f(b.x)) <= 0.5*norm(a.x - b.x, 2)"
    result = run(f"s.t. lip: {each}", data, "fit(epochs=200, optimizer=adam(lr=0.02))")
    z, x = scores(result, data), data["x"]
    worst = max(
        abs(z[i] - z[j]) - 0.5 * float((x[i] - x[j]).norm())
        for i in range(20)
        for j in range(20)
        if i != j
    )
    assert result["lip"].satisfied == (worst <= 1e-6)
    assert result["lip"].value - result["lip"].bound == pytest.approx(worst, abs=1e-5)
    assert worst < 0.05


def test_named_requirements_are_verified_on_pairs_of_other_data() -> None:
    train, test = world(40), world(30, seed=5)
    result = cspec.run(
        f"data train(x, y, sex), test(x, y, sex)\nmodel f\nminimize E[bce(f(x), y) on train]\n"
        f"s.t. auc: {AUC} >= 0\nmetric m = {AUC.replace('train', 'test')}\n"
        "verify auc on test\nfit(epochs=2)\n",
        train=train,
        test=test,
        f=model(),
    )
    assert result["auc"].split == "pairs(test)"
    assert result["auc"].value == pytest.approx(result.metrics["m"])


def test_multipliers_move_on_pairs_of_other_data() -> None:
    result = cspec.run(
        f"data train(x, y, sex), val(x, y, sex)\nmodel f\nminimize E[bce(f(x), y) on train]\n"
        f"s.t. auc: {AUC} >= 0.999\nusing lagrangian(dual_data=val)\nfit(epochs=3)\n",
        train=world(40),
        val=world(30, seed=5),
        f=model(),
    )
    assert result["auc"].multiplier is not None and result["auc"].multiplier > 0


def test_lets_and_features() -> None:
    data = world()
    result = run(
        "let h(u) = sigmoid(f(u.x))\nlet d(u, v) = norm(u.x - v.x, 2)\n"
        f"metric m = E[abs(h(a) - h(b))/d(a, b) {OVER}]\nmetric k = P[a.x[0] > b.x[0] {OVER}]",
        data,
    )
    z, x = torch.tensor(scores(result, data)).sigmoid(), data["x"]
    both = [(i, j) for i in range(40) for j in range(40) if i != j]
    found = sum(float((z[i] - z[j]).abs() / (x[i] - x[j]).norm()) for i, j in both) / len(both)
    assert result.metrics["m"] == pytest.approx(found, rel=1e-4)
    assert result.metrics["k"] == pytest.approx(0.5)


def test_resumed_runs_draw_the_same_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the emitted file, run on its own, delivers the same bits."""
    path = tmp_path / "rank.cspec"
    path.write_text(
        "data train(x, y) = two_gaussians(n=60)\nmodel f = linear()\n"
        f"minimize bce(f(x), y)\ns.t. auc: {AUC} >= 0.99\nfit(steps=30)\n"
    )
    whole = cspec.run(path, out=tmp_path / "whole")
    tick = RunFolder.tick

    def cut(self: RunFolder, session: Any) -> None:
        if session.step == 13:
            os.kill(os.getpid(), signal.SIGTERM)
        tick(self, session)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "tick", cut)
        assert cspec.run(path, out=tmp_path / "cut").status == "interrupted"
    again = cspec.resume(tmp_path / "cut")
    assert again.constraints == whole.constraints
    for name, value in whole.models["f"].state_dict().items():
        assert torch.equal(value, again.models["f"].state_dict()[name])
    assert main(["verify", str(tmp_path / "cut")]) == 0


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (f"metric m = E[f(a.z) {OVER}]", "CS208", "no column `z`"),
        (f"metric m = E[(f(a.x) - b)^2 {OVER}]", "CS302", "`b` is a whole example"),
        (f"s.t. m: {AUC} >= 0.5\nverify m on train with confidence 95%", "CS515", "share"),
    ],
)
def test_what_is_wrong_is_said(text: str, code: str, words: str) -> None:
    found = [d for d in cspec.check(HEAD + text) if d.code == code]
    assert found and words in found[0].message


def test_own_loops_have_no_pairs() -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(SpecError, match=r"pairs\(train\).*in a loop of your own"):
        cspec.bind(f"{HEAD}s.t. auc: {AUC} >= 0.5\n", f=net, optimizer=optimizer)


def test_labels_of_text_have_numbers_in_pairs_as_in_single_rows() -> None:
    data = world()
    named = {**data, "y": ["no" if y == 0 else "yes" for y in data["y"].tolist()]}
    words = AUC.replace("== 1", '== "yes"').replace("== 0", '== "no"')
    result = run(f"s.t. c: {AUC} >= 0.1\nmetric words = {words}", named)
    plain = run(f"s.t. c: {AUC} >= 0.1", data)
    assert result["c"].value == result.metrics["words"] == plain["c"].value

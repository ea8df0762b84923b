"""Means over noise beside examples: against plain draws, loops and closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import cspec
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.data.embedded import two_gaussians

HEAD = "data train(x, y) = two_gaussians(n=30)\nmodel f = linear\nminimize bce(f(x), y)\ns.t. "
FIT = "\nfit(epochs=20, optimizer=adam(lr=0.01))"


def run(requirements: str, **settings: Any) -> Any:
    return cspec.run(HEAD + requirements + FIT, **settings)


def linear(result: Any) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """Weights, bias, inputs and labels in doubles."""
    model = result.models["f"]
    w, b = (p.detach().double().numpy() for p in model.parameters())
    rows = two_gaussians(n=30)["train"]
    return w[0], float(b[0]), np.asarray(rows["x"], float), np.asarray(rows["y"], float)


def test_the_square_of_a_change_has_a_closed_form() -> None:
    """E[(f(x + e) - f(x))^2] = s^2 |w|^2 of an affine f, for noise of each entry of x."""
    result = run("r: E[E[(f(x + e) - f(x))^2 for e in normal(0, 0.5)]] <= 9")
    w, *_ = linear(result)
    found = result["r"]
    assert abs(found.value - 0.25 * w @ w) < 4 * found.standard_error
    assert found.standard_error < 0.1 * found.value and found.evidence == "sampled"
    assert any("64 draws of normal(0, 0.5) an example" in note for note in result.notes)


def test_a_mean_over_examples_and_noise_needs_no_second_mean() -> None:
    one = run("r: E[(f(x + e) - f(x))^2 for e in normal(0, 0.5)] <= 9")
    two = run("r: E[E[(f(x + e) - f(x))^2 for e in normal(0, 0.5)]] <= 9")
    assert one["r"].value == two["r"].value


def test_each_example_has_a_mean_of_its_own() -> None:
    """P[w (x + e) + b > 0] = Phi((w x + b)/(s |w|)) of each example, and the worst of them."""
    result = run(
        "r: forall (x, y) in train where y == 1: "
        "P[f(x + e) > 0 for e in normal(0, 0.7).sample(800)] >= 0.01"
    )
    w, b, x, y = linear(result)
    scores = (x @ w + b)[y == 1] / (0.7 * np.linalg.norm(w))
    least = min(0.5 * (1 + math.erf(s / math.sqrt(2))) for s in scores)
    found = result["r"]
    assert found.standard_error == pytest.approx(math.sqrt(least * (1 - least) / 800), rel=0.5)
    assert abs(found.value - least) < 5 * found.standard_error


def test_a_number_of_each_example_scales_all_of_its_entries() -> None:
    """E[f(a x)^2] of one a an example: (w x)^2 E[a^2] + 2 b (w x) E[a] + b^2."""
    result = cspec.run(
        "domain q(a, e) = box([0.5, 2], [-1, 1])\n"
        + HEAD
        + "r: E[f(a*x)^2 for a in uniform(0.5, 2)] <= 99\n"
        "     z: E[E[f(a*x + e)^2 for e in normal(0, 1)] for a in uniform(0.5, 2)] <= 99\n"
        "     q: E[f(a*x + e)^2 for (a, e) in q.sample(9)] <= 99" + FIT
    )
    w, b, x, _ = linear(result)
    score, square = x @ w, (4 + 1 + 0.25) / 3
    expected = float(np.mean(score**2 * square + 2 * b * score * 1.25 + b * b))
    assert abs(result["r"].value - expected) < 5 * result["r"].standard_error
    both = result["z"]
    assert abs(both.value - expected - w @ w) < 5 * both.standard_error
    assert abs(result["q"].value - expected - w @ w / 3) < 5 * result["q"].standard_error


def test_finite_sets_inside_are_of_each_example_as_well() -> None:
    """E[(mean over a of f(x + a))^2] is not the square of a mean over all examples."""
    result = run(
        "r: E[E[f(x + a) for a in {-1, 2}]^2] <= 99\n"
        "     s: forall (x, y) in train: E[f(x + a) for a in {-1, 2}] <= 99\n"
        "     both: E[mean(f(x + a + e) for a in {-1, 2} for e in normal(0, 1e-6))] <= 99"
    )
    w, b, x, _ = linear(result)
    each = x @ w + b + 0.5 * w.sum()
    assert result["r"].value == pytest.approx(float(np.mean(each**2)), rel=1e-5)
    assert result["s"].value == pytest.approx(float(each.max()), rel=1e-5)
    assert result["both"].value == pytest.approx(float(each.mean()), abs=1e-4)


def test_smoothing_of_targets_and_features_by_name() -> None:
    """E[(x[0] + e - y)^2] = (x[0] - y)^2 + s^2: noise of one number beside one number."""
    result = run("r: E[E[(x[0] + 2*e - y)^2 for e in normal(0, 0.5)] - f(x)*0] <= 99")
    _, _, x, y = linear(result)
    expected = float(np.mean((x[:, 0] - y) ** 2)) + 1
    assert abs(result["r"].value - expected) < 0.25


def test_training_follows_the_mean_under_noise() -> None:
    """Noise of deviation s on the inputs of least squares is ridge with weight s^2."""
    torch.manual_seed(0)
    x = torch.randn(400, 3)
    y = x @ torch.tensor([1.0, -2.0, 0.5])
    text = (
        "data train(x, y)\nmodel f = linear(bias=false)\n"
        "minimize E[(f(x + e) - y)^2 for e in normal(0, 0.8)]\n"
        "fit(epochs=150, batch_size=100, optimizer=adam(lr=0.03), schedule=cosine)"
    )
    result = cspec.run(text, train={"x": x, "y": y})
    gram = (x.T @ x) / 400
    ridge = torch.linalg.solve(gram + 0.64 * torch.eye(3), (x.T @ y) / 400)
    found = next(result.models["f"].parameters()).detach().reshape(-1)
    assert torch.allclose(found, ridge, atol=0.05)


def test_a_requirement_pulls() -> None:
    bound = 0.02
    text = f"{HEAD}r: E[E[(f(x + e) - f(x))^2 for e in normal(0, 1)]] <= {bound}\nfit(epochs=400)"
    result = cspec.run(text)
    w, *_ = linear(result)
    assert result["r"].satisfied and w @ w == pytest.approx(bound, rel=0.1)
    free = run("r: E[E[(f(x + e) - f(x))^2 for e in normal(0, 1)]] <= 9")
    assert linear(free)[0] @ linear(free)[0] > 2 * bound


def test_draws_are_of_the_seed() -> None:
    text = HEAD.replace("bce(f(x), y)", "E[bce(f(x + e), y) for e in normal(0, 1)]")
    text = text.replace("s.t. ", "")
    found = [
        linear(cspec.run(f"{text}fit(epochs=3, batch_size=full, seed={seed})"))[0]
        for seed in (0, 0, 1)
    ]
    assert (found[0] == found[1]).all() and (found[0] != found[2]).any()


def test_metrics_and_values_of_a_loop_of_ones_own() -> None:
    spec = (
        "data train(x, y)\nmodel f\nminimize bce(f(x), y)\n"
        "s.t. r: E[E[(f(x + e) - f(x))^2 for e in normal(0, 0.5)]] <= 0.05\n"
        "     each: forall (x, y) in train: E[f(x + e) for e in normal(0, 0.5)] <= 9\n"
    )
    torch.manual_seed(0)
    rows = two_gaussians(n=30)["train"]
    x, y = torch.as_tensor(rows["x"]), torch.as_tensor(rows["y"])
    net = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    text = spec.replace(
        "     each: forall (x, y) in train: E[f(x + e) for e in normal(0, 0.5)] <= 9\n", ""
    )
    handle = cspec.bind(text, f=net, optimizer=optimizer)
    before = torch.get_rng_state()
    for _ in range(200):
        optimizer.zero_grad()
        handle.loss(x=x, y=y).backward()
        optimizer.step()
    assert torch.equal(before, torch.get_rng_state())
    w = net.weight.detach()[0].double()
    found = handle.verify((x, y))["r"]
    assert abs(found.value - 0.25 * float(w @ w)) < 4 * found.standard_error
    assert found.value < 0.06


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        ("E[sum(f(x + e) for e in normal(0, 1))] <= 1", "sum(... for ...)"),
        ("E[f(x + e) | e > 0 for e in normal(0, 1)] <= 1", "what counts"),
        ("E[max(f(x + e) for e in normal(0, 1))] <= 1", "max(... for ...)"),
    ],
)
def test_what_has_no_draws_is_refused_by_check(requirement: str, said: str) -> None:
    found = [d for d in cspec.check(f"{HEAD}r: {requirement}") if d.code == "CS520"]
    assert found and said in found[0].message


def test_noise_beside_several_outputs_asks_which() -> None:
    text = "data train(x, y) = digits()\nmodel f = linear\nminimize ce(f(x), y)\n"
    with pytest.raises(SpecError, match="f\\(x\\)"):
        cspec.run(f"{text}s.t. r: E[(f(x) + e)[0] for e in normal(0, 1)] <= 1")


def test_a_certificate_of_it_is_refused_by_check() -> None:
    text = HEAD.replace("train(x, y) =", "train(x, y), val(x, y) =")
    text = text.replace("n=30)", "n=30, split=[0.5, 0.5])")
    text += "r: P[f(x + e) > 0 on train for e in normal(0, 1)] <= 70%\n"
    found = cspec.check(text + "verify r on val with confidence 95%")
    assert any(d.code == "CS515" for d in found)


@pytest.mark.parametrize("event", ["f(x + e) > 0", "pred(f(x + e)) == 1"])
def test_a_share_of_examples_whose_share_under_noise_is_large(event: str) -> None:
    """P[w (x + e) + b > 0] >= 90% of an affine f where (w x + b)/(s |w|) >= 1.2816."""
    form = f"P[P[{event} for e in normal(0, 2).sample(4000)] >= 90%]"
    result = run(f"r: {form} >= 1%")
    w, b, x, _ = linear(result)
    z = (x @ w + b) / (2 * np.linalg.norm(w))
    assert ((z >= 1.38).mean()) <= result["r"].value <= ((z >= 1.18).mean())


def test_a_share_under_noise_inside_an_event_pulls() -> None:
    free = run("r: P[P[f(x + e) > 0 for e in normal(0, 0.5)] >= 90%] <= 100%")
    held = run("r: P[P[f(x + e) > 0 for e in normal(0, 0.5)] >= 90%] <= 20%")
    assert free["r"].value > 0.3 and held["r"].satisfied

"""`max(... for z in ball(x, r))` runs: against an attack of plain torch, and plain loops."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import cspec
from cspec.cli import main
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.data.embedded import two_gaussians
from cspec.runtime.functions import worst_case
from cspec.runtime.functions.worst_case import WHOLE, at_worst

HEAD = "data train(x, y)\nmodel f = mlp(hidden=[16])\nminimize ce(f(x), y)\ns.t. r: "
FIT = "\nfit(epochs=20, batch_size=64, optimizer=adam(lr=0.01))"


def digits(rows: int = 200) -> dict[str, Any]:
    found = load_digits()
    return {"x": (found.data[:rows] / 16).astype("float32"), "y": found.target[:rows]}


def run(requirement: str, rows: int = 200) -> Any:
    return cspec.run(HEAD + requirement + FIT, train=digits(rows))


def attacked(model: nn.Module, x: Tensor, y: Tensor, r: float, norm: float) -> Tensor:
    """Losses under 40 steps of plain projected gradient ascent from each of 4 starts."""
    torch.manual_seed(1)
    worst = torch.full((len(x),), -torch.inf)
    for _ in range(4):
        z = x + (torch.rand_like(x) * 2 - 1) * r / (1 if norm == math.inf else x.shape[1] ** 0.5)
        for _ in range(40):
            z = z.detach().requires_grad_()
            loss = nn.functional.cross_entropy(model(z), y, reduction="none")
            (slope,) = torch.autograd.grad(loss.sum(), z)
            if norm == math.inf:
                z = x + (z + 0.1 * r * slope.sign() - x).clamp(-r, r)
            else:
                move = z + 0.1 * r * slope / slope.norm(dim=1, keepdim=True) - x
                z = x + move * (r / move.norm(dim=1, keepdim=True)).clamp(max=1)
        with torch.no_grad():
            loss = nn.functional.cross_entropy(model(z), y, reduction="none")
        worst = torch.maximum(worst, loss)
    return worst


@pytest.mark.parametrize(("norm", "r"), [("inf", 0.05), ("2", 0.4)])
def test_the_value_is_that_of_an_independent_attack(norm: str, r: float) -> None:
    result = run(f"E[max(ce(f(z), y) for z in ball(x, {r}, norm={norm}))] <= 9")
    data = digits()
    x, y = torch.tensor(data["x"]), torch.tensor(data["y"])
    other = attacked(result.models["f"].eval(), x, y, r, float(norm))
    assert result["r"].value == pytest.approx(float(other.mean()), rel=1e-2)
    with torch.no_grad():
        clean = nn.functional.cross_entropy(result.models["f"](x), y)
    assert result["r"].value > 1.05 * float(clean)
    assert result["r"].evidence == "searched"
    assert any("28 steps x 6 starts" in note for note in result.notes)


def test_the_way_from_the_example_to_its_worst_neighbor() -> None:
    """kl(f(z), f(x)) of a network, by random search of the box and its faces."""
    data = "data train(x, y) = two_gaussians(n=20)\nmodel f = mlp(hidden=[8])\n"
    data += "minimize ce(f(x), y)\n"
    worst = "E[max(kl(softmax(f(z)), softmax(f(x))) for z in ball(x, 0.5, norm=inf))]"
    result = cspec.run(f"{data}s.t. r: {worst} <= 9\nfit(epochs=20, optimizer=adam(lr=0.01))")
    x = torch.as_tensor(two_gaussians(n=20)["train"]["x"])
    model, draw = result.models["f"].eval(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        clean = model(x).log_softmax(1)
        most = torch.zeros(len(x))
        for _ in range(2000):
            away = (1.2 * torch.rand(x.shape, generator=draw) - 0.6).clamp(-0.5, 0.5)
            near = model(x + away).log_softmax(1)
            most = torch.maximum(most, (near.exp() * (near - clean)).sum(1))
    assert result["r"].value == pytest.approx(float(most.mean()), rel=1e-2)


def test_the_worst_angle_of_each_example() -> None:
    turned = "[cos(a)*x[0] - sin(a)*x[1], sin(a)*x[0] + cos(a)*x[1]]"
    head = "data train(x, y) = two_gaussians(n=20)\nmodel f = mlp(hidden=[8])\n"
    result = cspec.run(
        f"{head}minimize bce(f(x), y)\ns.t.\n"
        f"     r: E[max(bce(f({turned}), y) for a in [-2, 2.5])] <= 9\n"
        f"     c: forall (x, y) in train, a in [-2, 2.5]: bce(f({turned}), y) <= 99\n"
        f"     s: P[all(bce(f({turned}), y) < 2 for a in [-2, 2.5])] >= 0\n"
        "fit(epochs=20, optimizer=adam(lr=0.01))"
    )
    rows = two_gaussians(n=20)["train"]
    x, y = torch.as_tensor(rows["x"]), torch.as_tensor(rows["y"]).float()
    model, losses = result.models["f"].eval(), []
    for angle in torch.linspace(-2, 2.5, 901):
        c, s = angle.cos(), angle.sin()
        z = torch.stack([c * x[:, 0] - s * x[:, 1], s * x[:, 0] + c * x[:, 1]], 1)
        logit = model(z).detach().reshape(-1)
        losses.append(nn.functional.binary_cross_entropy_with_logits(logit, y, reduction="none"))
    most = torch.stack(losses).amax(0)
    assert result["r"].value == pytest.approx(float(most.mean()), rel=1e-3)
    assert result["c"].value == pytest.approx(float(most.max()), rel=1e-3)
    assert result["s"].value == pytest.approx(float((most < 2).float().mean()), abs=1e-6)
    assert result["r"].evidence == "searched"


def test_two_sets_are_searched_together() -> None:
    """A point of a ball and an angle, a scale and a shift: by a grid of both, and nested maxima."""
    turned = "[cos(a)*z[0] - sin(a)*z[1], sin(a)*z[0] + cos(a)*z[1]]"
    both = f"bce(f({turned}), y)"
    result = cspec.run(
        "data train(x, y) = two_gaussians(n=20)\nmodel f = mlp(hidden=[8])\nminimize bce(f(x), y)\n"
        f"s.t. r: E[max({both} for a in [-0.5, 0.5] for z in ball(x, 0.3, norm=inf))] <= 9\n"
        "     c: forall (x, y) in train, z in ball(x, 0.3, norm=inf), a in [-0.5, 0.5]: "
        f"{both} <= 99\n"
        "     b: E[max(bce(f(x*s + t), y) for (s, t) in box([0.5, 1], [-1, 1]))] <= 9\n"
        "fit(epochs=20, optimizer=adam(lr=0.01))"
    )
    rows = two_gaussians(n=20)["train"]
    x, y = torch.as_tensor(rows["x"]), torch.as_tensor(rows["y"]).float()
    model = result.models["f"].eval()

    def losses(z: Tensor) -> Tensor:
        with torch.no_grad():
            logit = model(z).reshape(-1)
        return nn.functional.binary_cross_entropy_with_logits(logit, y, reduction="none")

    most, scaled = torch.zeros(len(x)), torch.zeros(len(x))
    line = torch.linspace(-1, 1, 13)
    for first in line:
        for second in line:
            z = x + 0.3 * torch.stack([first, second])
            scaled = torch.maximum(scaled, losses(x * (0.75 + 0.25 * first) + second))
            for angle in 0.5 * line:
                c, s = angle.cos(), angle.sin()
                at = torch.stack([c * z[:, 0] - s * z[:, 1], s * z[:, 0] + c * z[:, 1]], 1)
                most = torch.maximum(most, losses(at))
    assert result["r"].value == pytest.approx(float(most.mean()), rel=1e-2)
    assert result["c"].value == pytest.approx(float(most.max()), rel=1e-2)
    assert result["b"].value == pytest.approx(float(scaled.mean()), rel=1e-2)


def test_each_example_in_its_ball() -> None:
    ball = "ball(x, 0.03, norm=inf, solver=pgd(steps=3))"
    result = run(f"forall (x, y) in train where y == 3, z in {ball}: ce(f(z), y) <= 1.5")
    data = digits()
    x, y = torch.tensor(data["x"]), torch.tensor(data["y"])
    other = attacked(result.models["f"].eval(), x, y, 0.03, math.inf)[y == 3]
    assert result["r"].satisfied and float(other.max()) <= 1.5 * 1.01
    assert result["r"].value == pytest.approx(float(other.max()), rel=1e-2)


def test_robust_accuracy() -> None:
    ball = "ball(x, 0.04, norm=inf)"
    result = run(f"P[all(pred(f(z)) == y for z in {ball})] >= 0.3")
    data = digits()
    x, y = torch.tensor(data["x"]), torch.tensor(data["y"])
    model = result.models["f"].eval()
    z, right = x.clone(), torch.ones(len(x), dtype=torch.bool)
    for _ in range(60):  # the margin, by plain steps; stays wrong once it was
        z = z.detach().requires_grad_()
        logits = model(z)
        own = logits.gather(1, y[:, None])[:, 0]
        others = logits.scatter(1, y[:, None], -torch.inf).amax(1)
        right &= own.detach() > others.detach()
        (slope,) = torch.autograd.grad((others - own).sum(), z)
        z = x + (z + 0.004 * slope.sign() - x).clamp(-0.04, 0.04)
    share = float(right.float().mean())
    assert result["r"].value == pytest.approx(share, abs=0.02)
    assert result["r"].satisfied
    any_ = run(f"P[any(pred(f(z)) != y for z in {ball})] <= 0.7")
    assert any_["r"].value == pytest.approx(1 - result["r"].value, abs=1e-6)


def test_adversarial_training_lowers_the_worst_loss() -> None:
    ball = "ball(x, 0.08, norm=inf, solver=pgd(steps=3))"
    worst = f"max(ce(f(z), y) for z in {ball})"
    plain = run(f"E[{worst}] <= 99")
    text = HEAD.replace("minimize ce(f(x), y)", f"minimize E[{worst}]").replace("s.t. r: ", "")
    trained = cspec.run(f"{text}metric m = E[{worst}]{FIT}", train=digits())
    assert trained.metrics["m"] < plain["r"].value
    assert trained.metrics["m"] == pytest.approx(trained.objective, rel=1e-6)


def linear(primal: Any, batch: Any) -> Tensor:
    return batch["d"]["x"] @ primal["w"]


def test_linear_functions_have_a_closed_form() -> None:
    """max of w x over a ball is w c + r |w| in the dual norm."""
    w = torch.tensor([1.0, -2.0, 0.5])
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    batch = {"d": {"x": x}, "clock": torch.tensor([3.0])}
    settings: dict[str, Any] = {"steps": 20, "step": None, "restarts": 1}
    found = at_worst(linear, linear, {"w": w}, batch, ("d", "x"), 0.3, norm=math.inf, **settings)
    torch.testing.assert_close(found, x @ w + 0.3 * w.abs().sum())
    found = at_worst(linear, linear, {"w": w}, batch, ("d", "x"), 0.3, norm=1, **settings)
    torch.testing.assert_close(found, x @ w + 0.3 * w.abs().max())
    found = at_worst(linear, linear, {"w": w}, batch, ("d", "x"), 0.3, norm=2, **settings)
    best = x @ w + 0.3 * w.norm()
    assert bool((found <= best + 1e-6).all())
    torch.testing.assert_close(found, best, rtol=0.05, atol=0.03)


def test_sets_that_are_listed_stand_around_what_is_searched() -> None:
    """The worst of an affine f is b + w x + r |w| in the dual norm, whatever it is listed with."""
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    ball, spec = (
        "ball(x, 0.1, norm=inf)",
        "data train(x, t)\nmodel f = linear\nminimize mse(f(x), t)",
    )
    asked = {
        "last": f"E[max(f(z) + k for z in {ball} for k in {{1, 2}})] <= 9",
        "first": f"E[min(k*f(z) for k in {{1, 2}} for z in {ball})] >= -9",
        "radius": "E[max(f(x + d) for k in {1, 2} for d in ball(k/10, norm=inf))] <= 9",
        "both": f"P[all(f(z) <= t + k for z in {ball} for k in {{1, 2}})] >= 10%",
    }
    listed = "\n  ".join(f"{label}: {text}" for label, text in asked.items())
    result = cspec.run(f"{spec}\ns.t. {listed}\nfit(epochs=2)", train={"x": x, "t": x[:, 0]})
    with torch.no_grad():
        weight, _ = result.model.parameters()
        y, far = result.model(x).flatten(), 0.1 * float(weight.abs().sum())
    low = y - far
    best = {
        "last": y + far + 2,
        "first": torch.minimum(low, 2 * low),
        "radius": y + 2 * far,
        "both": (y + far <= x[:, 0] + 1).float(),
    }
    for label, each in best.items():
        assert result[label].value == pytest.approx(float(each.mean()), abs=1e-5)


def test_no_generator_and_no_statistics_move() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    batch = {"d": {"x": torch.randn(8, 3)}, "clock": torch.tensor([1.0]), WHOLE: torch.ones(1)}

    def value(primal: Any, rows: Any) -> Tensor:
        return primal["f"](rows["d"]["x"])[:, 0]

    model.eval()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    settings: dict[str, Any] = {"steps": 4, "step": 0.1, "restarts": 2, "norm": 2}
    first = at_worst(value, value, {"f": model}, batch, ("d", "x"), 0.3, **settings)
    again = at_worst(value, value, {"f": model}, batch, ("d", "x"), 0.3, **settings)
    assert torch.equal(torch.get_rng_state(), state) and torch.equal(first, again)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_only_verdicts_are_measured_by_the_stronger_attack(monkeypatch: Any) -> None:
    """Twenty epochs end in twenty measurements: they search as training does, the end harder."""
    found: list[int] = []
    starts = worst_case._starts

    def counted(*given: Any) -> Any:
        found.append(given[3])
        return starts(*given)

    monkeypatch.setattr(worst_case, "_starts", counted)
    run("E[max(ce(f(z), y) for z in ball(x, 0.05, norm=inf))] <= 9")
    assert 1 <= found.count(6) <= 3
    assert found.count(1) >= 20 * 4 + 20


EACH = {
    "same": "pred(f(z)) == pred(f(x))",
    "rule": "f(z) > 0 => f(x) > 0",
    "chain": "-1 <= f(z) <= 1",
    "interval": "f(z) in [-1, 1]",
    "inner": "forall z in ball(x, 1.5, norm=2): f(z) <= 1",
}


def test_what_each_example_is_asked_of_all_points_around_it() -> None:
    """Of an affine f, whose values in a ball are f(x) - r |w| .. f(x) + r |w|."""
    data = two_gaussians(n=60, seed=1)["train"]
    around = "forall (x, y) in train, z in ball(x, 1.5, norm=2): "
    lines = [
        f"{name}: {'forall (x, y) in train: ' if 'forall' in form else around}{form}"
        for name, form in EACH.items()
    ]
    lines.append("group: forall (x, y) in train: {\n g: " + EACH["inner"] + "\n }")
    result = cspec.run(
        "data train(x, y)\nmodel f = linear\nminimize bce(f(x), y)\ns.t. "
        + "\n     ".join(f"{line}{' soft(weight=1e-3)'}" for line in lines)
        + "\nfit(epochs=3)",
        train={"x": data["x"], "y": data["y"]},
    )
    w, b = (p.detach().double() for p in result.models["f"].parameters())
    value = data["x"].double() @ w[0] + b
    reach = 1.5 * w.norm()
    share = float((value.abs() < reach).double().mean())
    assert 0 < share < 1
    found = {c.name: c.value for c in result.constraints}
    assert found["same"] == pytest.approx(share, abs=1e-9)
    assert found["rule"] == pytest.approx(
        float(((value <= 0) & (value + reach > 0)).double().mean()), abs=1e-9
    )
    most = float((value.abs() + reach - 1).max())
    assert found["chain"] == pytest.approx(most, rel=1e-3)
    assert found["interval"] == pytest.approx(most, rel=1e-3)
    for name in ("inner", "group.g"):
        assert found[name] == pytest.approx(float((value + reach).max()), rel=1e-3)


ADDED = [
    ("E[max(ce(f(x + d), y) for d in ball(0.1, norm=2))]", "E[max(ce(f(z), y) for z in BALL)]"),
    ("E[max(ce(f(d + x), y) for d in ball(0, 0.1, norm=2))]", "E[max(ce(f(z), y) for z in BALL)]"),
    (
        "E[max(ce(f(x + d), y) - sumsq(d) for d in ball(0.1, norm=2))]",
        "E[max(ce(f(z), y) - sumsq(z - x) for z in BALL)]",
    ),
    (
        "forall (x, y) in train, d in ball(0.1, norm=2): ce(f(x + d), y)",
        "forall (x, y) in train, z in BALL: ce(f(z), y)",
    ),
]


@pytest.mark.parametrize(("added", "around"), ADDED)
def test_a_change_that_is_added_is_a_point_of_the_ball(added: str, around: str) -> None:
    found, other = (
        run(f"{added} <= 1"),
        run(around.replace("BALL", "ball(x, 0.1, norm=2)") + " <= 1"),
    )
    assert found["r"].value == other["r"].value and found.objective == other.objective


@pytest.mark.parametrize("change", ["x - d", "x + 0.5*d", "2*d + x"])
def test_a_change_with_a_factor_reaches_as_far(change: str) -> None:
    """max (f(x + k d) - f(x))^2 of f = w x + b over a ball of radius r is (k r |w|)^2."""
    data = two_gaussians(n=60, seed=1)["train"]
    result = cspec.run(
        "data train(x, y)\nmodel f = linear\nminimize bce(f(x), y)\n"
        f"s.t. r: E[max((f({change}) - f(x))^2 for d in ball(0.3, norm=2))] <= 9\nfit(epochs=3)",
        train={"x": data["x"], "y": data["y"]},
    )
    weight = next(p for p in result.models["f"].parameters() if p.ndim == 2).detach().double()
    factor = {"x - d": 1, "x + 0.5*d": 0.5, "2*d + x": 2}[change]
    assert result["r"].value == pytest.approx(float((factor * 0.3 * weight.norm()) ** 2), rel=1e-3)


@pytest.mark.parametrize("error", ["f(x + d) - t", "t - f(x + d)", "2*t + f(d + x) - 3*t"])
def test_what_a_moved_output_is_compared_with_is_not_moved(error: str) -> None:
    """max |f(x + d) - t| of f = w x + b over a ball of radius r is |w x + b - t| + r |w|."""
    data = two_gaussians(n=60, seed=1)["train"]
    x, t = data["x"], data["x"][:, 0] + data["y"]
    result = cspec.run(
        "data train(x, t)\nmodel f = linear\nminimize mse(f(x), t)\ns.t.\n"
        f"  one: forall (x, t) in train, d in ball(0.3, norm=2): abs({error}) <= 9\n"
        f"  mean: E[max(abs({error}) for d in ball(0.3, norm=2))] <= 9\nfit(epochs=3)",
        train={"x": x, "t": t},
    )
    w, b = (p.detach().double() for p in result.models["f"].parameters())
    found = (x.double() @ w[0] + b - t).abs() + 0.3 * w.norm()
    assert result["mean"].value == pytest.approx(float(found.mean()), rel=1e-3)
    assert result["one"].value == pytest.approx(float(found.max()), rel=1e-3)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (
            "E[max(ce(f(u + z), y) for z in ball(x, 1, norm=2) for u in ball(x, 1, norm=2))] <= 9",
            "two balls around one column",
        ),
        ("E[sum(ce(f(a*x), y) for a in [0, 1])] <= 9", "not finite"),
        ("forall (x, y) in train, a in [0, 1]: f(a*x)[0] == 3", "over `[0, 1]`"),
        ("E[max(ce(f(z), y) for z in ball(2*x, 0.1, norm=2))] <= 9", "ball"),
        ("E[max(ce(f(x), y) + sum(d) for d in ball(0.1, norm=2))] <= 9", "over a whole ball"),
        ("forall d in ball(0.1, norm=2): E[ce(f(x + d), y)] <= 9", "on a whole ball"),
        ("E[max(ce(f(a*x), y) for a in [1, inf])] <= 9", "whose ends are no known numbers"),
    ],
)
def test_what_is_not_searched_is_refused_by_name(form: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        run(form)
    assert any(d.code == "CS520" and said in d.message for d in caught.value.diagnostics)


@pytest.mark.parametrize(
    ("interval", "help_"),
    [
        ("[1.5, 0.5]", "write `[0.5, 1.5]`, from the lower to the upper end"),
        ("[2, 2]", "write `{2}`, a set of one number"),
    ],
)
def test_an_interval_without_points_is_refused(interval: str, help_: str) -> None:
    with pytest.raises(SpecError) as caught:
        run(f"E[max(ce(f(a*x), y) for a in {interval})] <= 9")
    (found,) = caught.value.diagnostics
    assert (found.code, found.helps) == ("CS303", (help_,))


def test_explain_run_and_verify(tmp_path: Path, capsys: Any) -> None:
    spec = tmp_path / "a.cspec"
    spec.write_text(
        "data train(x, y) = digits(split=[1])\nmodel f = mlp(hidden=[8])\nminimize ce(f(x), y)\n"
        "s.t. r: E[max(ce(f(z), y) for z in ball(x, 0.02, norm=inf, solver=pgd(steps=2)))] <= 9\n"
        "fit(epochs=1)\n"
    )
    assert main(["check", "--strict", str(spec)]) == 0
    assert main(["explain", str(spec)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "its worst case searched by 8 steps x 6 starts" in told
    assert main(["run", str(spec), "--out", str(tmp_path / "out")]) == 0
    assert "searched" in capsys.readouterr().out
    assert main(["verify", str(tmp_path / "out")]) == 0


def test_worst_cases_in_a_loop_of_ones_own() -> None:
    """max (f(z) - f(x))^2 of f = w x + b over a ball of radius r is (r |w|)^2."""
    torch.manual_seed(0)
    x, f = torch.randn(64, 3), nn.Linear(3, 1)
    y = (x[:, 0] > 0).long()
    optimizer = torch.optim.Adam(f.parameters(), 1e-2)
    handle = cspec.bind(
        "data train(x, y)\nmodel f\nminimize bce(f(x), y)\n"
        "s.t. r: E[max((f(z) - f(x))^2 for z in ball(x, 0.5, norm=2))] <= 0.01\n",
        f=f,
        train=(x, y),
        optimizer=optimizer,
    )
    for _ in range(300):
        optimizer.zero_grad()
        handle.loss(x=x, y=y).backward()
        exact = float((0.5 * f.weight.detach()).square().sum())
        assert handle.values["r"] == pytest.approx(exact, rel=0.05)
        optimizer.step()
    assert exact == pytest.approx(0.01, rel=0.05) and handle.multipliers["r"] > 0


def test_predictions_that_flip_in_a_ball() -> None:
    """Of an affine f, exactly where |w x + b| < r |w|: `pred(f(x))` stands still in the search."""
    data = two_gaussians(n=60, seed=1)["train"]
    result = cspec.run(
        "data train(x, y)\nmodel f = linear\nminimize bce(f(x), y)\n"
        "s.t. kept: P[all(pred(f(x)) == pred(f(z)) for z in ball(x, 1.5, norm=2))] >= 5%\n"
        "metric flips = P[any(pred(f(z)) != pred(f(x)) for z in ball(x, 1.5, norm=2))]\n"
        "fit(epochs=3)",
        train={"x": data["x"], "y": data["y"]},
    )
    w, b = (p.detach().double() for p in result.models["f"].parameters())
    near = (data["x"].double() @ w[0] + b).abs() < 1.5 * w.norm()
    share = float(near.double().mean())
    assert 0 < share < 1
    assert result.metrics["flips"] == pytest.approx(share, abs=1e-9)
    assert result["kept"].value == pytest.approx(1 - share, abs=1e-9)

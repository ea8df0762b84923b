"""Adam with projections comes to the minimum within the sets, and says so where it did not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec.runtime.session import session as sessions

Matrix = npt.NDArray[np.float64]
Onto = Callable[[Matrix], Matrix]


def simplex(v: Matrix, total: float = 1.0) -> Matrix:
    ordered = np.sort(v)[::-1]
    over = (np.cumsum(ordered) - total) / np.arange(1, len(v) + 1)
    return np.asarray(np.maximum(v - over[np.nonzero(ordered > over)[0][-1]], 0))


def l1(v: Matrix, radius: float) -> Matrix:
    inside = np.abs(v).sum() <= radius
    return v if inside else np.asarray(np.sign(v) * simplex(np.abs(v), radius))


def l2(v: Matrix, radius: float) -> Matrix:
    return np.asarray(v * min(1.0, radius / max(float(np.linalg.norm(v)), 1e-300)))


def singular(W: Matrix, change: Onto) -> Matrix:
    U, s, Vt = np.linalg.svd(W, full_matrices=False)
    return np.asarray(U @ np.diag(change(s)) @ Vt)


def rows(onto: Onto) -> Onto:
    return lambda W: np.stack([onto(w) for w in W])


SETS: dict[str, Onto] = {
    "l1(W) <= 2": lambda W: l1(W.ravel(), 2).reshape(W.shape),
    "l2(W) <= 1": lambda W: l2(W, 1),
    "W in simplex": rows(simplex),
    "sum(W) <= 0.5": lambda W: W - max(W.sum() - 0.5, 0) / W.size,
    "-0.2 <= W <= 0.3": lambda W: W.clip(-0.2, 0.3),
    "W >= 0": lambda W: W.clip(0),
    "forall i in range(3): sum(W[i]) == 0.1": rows(lambda w: w - (w.sum() - 0.1) / w.size),
    "forall i in range(3): l1(W[i]) <= 0.5": rows(lambda w: l1(w, 0.5)),
    "forall i in range(3): l2(W[i]) <= 0.5": rows(lambda w: l2(w, 0.5)),
    "forall i in range(3): norm(W[i], inf) <= 0.2": lambda W: W.clip(-0.2, 0.2),
    "forall j in range(5): l1(W[:, j]) <= 0.3": lambda W: rows(lambda w: l1(w, 0.3))(W.T).T,
    "spectral(W) <= 0.7": lambda W: singular(W, lambda s: s.clip(max=0.7)),
    "nuclear(W) <= 1": lambda W: singular(W, lambda s: l1(s, 1)),
}


def problem(seed: int) -> tuple[Matrix, Matrix]:
    generator = np.random.default_rng(seed)
    A = generator.normal(size=(40, 5)) * np.exp(0.4 * generator.normal(size=5))
    return A, A @ generator.normal(size=(5, 3)) + 0.1 * generator.normal(size=(40, 3))


def optimum(A: Matrix, Y: Matrix, onto: Onto) -> float:
    """Accelerated projected gradient steps with restarts, until nothing moves."""
    rate = Y.size / (2 * np.linalg.norm(A, 2) ** 2)
    x = z = onto(np.zeros((3, 5)))
    weight = 1.0
    for _ in range(5_000):
        new = onto(z - rate * 2 * (A @ z.T - Y).T @ A / Y.size)
        weight = 1.0 if ((z - new) * (new - x)).sum() > 0 else weight
        heavier = (1 + np.sqrt(1 + 4 * weight**2)) / 2
        x, z, weight = new, new + (weight - 1) / heavier * (new - x), heavier
    return float(((A @ x.T - Y) ** 2).mean())


def run(
    relation: str, fit: str, seed: int = 0, out: Path | None = None
) -> tuple[cspec.Result, nn.Linear]:
    A, Y = problem(seed)
    torch.manual_seed(seed)
    model = nn.Linear(5, 3, bias=False)
    text = (
        "data train(x, y)\nmodel f\nminimize mse(f(x), y)\n"
        f"s.t. c: forall W in f.weights: {relation}\nfit(batch_size=full, {fit})"
    )
    data = (torch.tensor(A).float(), torch.tensor(Y).float())
    return cspec.run(text, f=model, train=data, out=out), model


@pytest.mark.parametrize("relation", SETS)
def test_the_minimum_within_a_set(relation: str) -> None:
    A, Y = problem(0)
    result, model = run(relation, "optimizer=adam(lr=0.05), steps=400")
    W = model.weight.detach().double().numpy()
    assert np.abs(SETS[relation](W) - W).max() < 1e-6
    assert ((A @ W.T - Y) ** 2).mean() == pytest.approx(optimum(A, Y, SETS[relation]), rel=3e-5)
    assert result.kkt is not None and result.kkt.stationarity < 1e-2
    assert not any("stationary" in note for note in result.notes)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["adam", "adamw"])
@pytest.mark.parametrize("relation", SETS)
def test_the_minimum_to_six_digits(relation: str, kind: str, seed: int) -> None:
    A, Y = problem(seed)
    _, model = run(relation, f"optimizer={kind}(lr=0.01, weight_decay=0), steps=3000", seed)
    W = model.weight.detach().double().numpy()
    assert ((A @ W.T - Y) ** 2).mean() == pytest.approx(optimum(A, Y, SETS[relation]), rel=1e-6)


def test_steps_in_another_metric_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entrywise moments end beside the minimum, and the projected gradient is Euclidean."""
    monkeypatch.setattr(sessions, "clusters", lambda held: [])
    result, _ = run("l1(W) <= 2", "optimizer=adam(lr=0.05), steps=400")
    assert result.kkt is not None and result.kkt.stationarity > 0.05


def test_a_run_that_stops_early_says_so() -> None:
    result, _ = run("l1(W) <= 2", "optimizer=adam(lr=1e-4), steps=20")
    assert result.kkt is not None and result.kkt.stationarity > 0.1
    assert result.kkt.scope == "within the sets"
    (note,) = [note for note in result.notes if "stationary" in note]
    assert f"{result.kkt.stationarity:.2g} of the objective's slope" in note


def test_a_minimum_inside_the_set_is_stationary() -> None:
    """f is flat there: the slope at the start is what the residual is relative to."""
    result, _ = run("l1(W) <= 1000", "optimizer=adam(lr=0.05), steps=600")
    assert result.kkt is not None and result.kkt.stationarity < 1e-3


def test_counts_choose_what_moves_and_are_not_told() -> None:
    result, _ = run("W in sparse(40%)", "optimizer=adam(lr=1e-4), steps=20")
    assert result.kkt is not None and result.kkt.scope == "of the weights that are not zero"
    assert not any("stationary" in note for note in result.notes)


def test_it_is_the_tangential_gradient_on_a_sphere() -> None:
    result, model = run("W in sphere", "optimizer=adam(lr=0.05), steps=10")
    A, Y = problem(0)
    x, y = torch.tensor(A).float(), torch.tensor(Y).float()
    slopes = []
    torch.manual_seed(0)
    start = nn.Linear(5, 3, bias=False).weight.detach()
    for W in (model.weight.detach(), start / start.norm(dim=1, keepdim=True)):
        slopes.append(_slope(W, x, y))
    W, G = model.weight.detach(), slopes[0]
    tangential = G - (G * W).sum(dim=1, keepdim=True) * W
    assert result.kkt is not None
    expected = float(tangential.norm() / max(s.norm() for s in slopes))
    # The step is finite, and the slope is that of the start as it was given.
    assert result.kkt.stationarity == pytest.approx(expected, rel=0.3)


def _slope(W: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return 2 * (x @ W.mT - y).mT @ x / y.numel()


def test_it_goes_on_to_the_last_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = run("W in simplex", "optimizer=adam(lr=0.05), steps=40")
    record = sessions.Session.record

    def stop(self: sessions.Session, *measured: Tensor) -> None:
        record(self, *measured)
        self.interrupted = self.step == 17

    A, Y = problem(0)
    data = (torch.tensor(A).float(), torch.tensor(Y).float())
    with monkeypatch.context() as patch:
        patch.setattr(sessions.Session, "record", stop)
        cut, _ = run("W in simplex", "optimizer=adam(lr=0.05), steps=40", out=tmp_path / "r")
    assert cut.steps == 17
    torch.manual_seed(0)
    again = cspec.resume(tmp_path / "r", f=nn.Linear(5, 3, bias=False), train=data)
    assert whole.last is not None and again.last is not None and again.steps == 40
    for name, tensor in whole.last.tensors.items():
        assert torch.equal(tensor, again.last.tensors[name]), name


def test_one_set_and_two_optimizers_are_told() -> None:
    A, Y = problem(0)
    model = nn.Sequential(nn.Linear(5, 5, bias=False), nn.Linear(5, 3, bias=False))
    data = (torch.tensor(A).float(), torch.tensor(Y).float())
    for optimizers, count in (('[adam(params="f.0*"), sgd]', 1), ("adam", 0)):
        result = cspec.run(
            "data train(x, y)\nmodel f\nminimize mse(f(x), y)\n"
            f"s.t. c: l2(f.weights) <= 3\nfit(optimizer={optimizers}, steps=3)",
            f=model,
            train=data,
        )
        said = [note for note in result.notes if "trained by different optimizers" in note]
        assert len(said) == count


def test_an_optimizer_with_another_metric_than_the_set_is_named() -> None:
    spec = "data train(x, y)\nmodel f\nminimize mse(f(x), y)\ns.t. c: forall W in f.weights: W {}"
    found = {}
    for kind in (torch.optim.Adam, torch.optim.SGD):
        for relation in ("in simplex", ">= 0"):
            model = torch.nn.Linear(4, 3, bias=False)
            handle = cspec.bind(
                spec.format(relation), f=model, optimizer=kind(model.parameters(), lr=0.01)
            )
            said = [note for note in handle.notes if "couple entries" in note]
            found[kind.__name__, relation] = said
    assert [key for key, said in found.items() if said] == [("Adam", "in simplex")]
    (note,) = found["Adam", "in simplex"]
    assert note.startswith("`f.weight`: Adam scales each entry by itself")

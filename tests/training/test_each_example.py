"""`forall (x, y) in train: ...` runs: against solvers of scipy and plain counts over rows."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize, nnls

import cspec
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.settings.fit import FitSettings
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.functions.examples import mean_violation, one_each, only
from cspec.runtime.result.result import Result
from cspec.runtime.run.folder import RunFolder
from cspec.runtime.session.batches import Batches, EpochPlan

Array = NDArray[Any]
HEAD = "data train(x, y, k)\nmodel f = linear()\nminimize E[mse(f(x), y) on train]\ns.t. "


def table(seed: int, rows: int) -> tuple[Array, Array, Array]:
    """Inputs, targets with noise of at most 0.2, and a class."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 3))
    y = x @ [1.0, -1.0, 0.5] + random.uniform(-0.2, 0.2, rows)
    return x, y, (x[:, 0] > 0).astype(int)


def run(text: str, seed: int = 0, rows: int = 60, **names: Any) -> Result:
    x, y, k = table(seed, rows)
    data = {"x": x.astype("float32"), "y": y.astype("float32"), "k": k}
    return cspec.run(text, train=data, **names)


def residuals(result: Result, seed: int = 0, rows: int = 60) -> Array:
    """f(x) - y of every row, by the weights alone."""
    x, y, _ = table(seed, rows)
    model = result.models["f"].eval()
    with torch.no_grad():
        found = model(torch.tensor(x, dtype=torch.float32)).reshape(-1).double().numpy()
    return np.asarray(found - y)


def exact(x: Array, y: Array, low: float, high: float) -> tuple[float, Array]:
    """The least squares fit with low <= residual <= high, by SLSQP, and the rows' multipliers."""
    a = np.c_[x, np.ones(len(x))]
    rows, bounds = np.r_[a, -a], np.r_[high + y, -low - y]

    def slope(w: Array) -> Array:
        return np.asarray(2 * a.T @ (a @ w - y) / len(y))

    found = minimize(
        lambda w: np.mean((a @ w - y) ** 2),
        np.linalg.lstsq(a, y, rcond=None)[0],
        jac=slope,
        constraints=[{"type": "ineq", "fun": lambda w: bounds - rows @ w, "jac": lambda w: -rows}],
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-14},
    )
    at_bound = np.flatnonzero(bounds - rows @ found.x < 1e-6)
    multipliers = np.zeros(len(rows))
    multipliers[at_bound] = nnls(rows[at_bound].T, -slope(found.x))[0]
    return float(found.fun), multipliers[: len(y)] + multipliers[len(y) :]


@pytest.mark.slow
@pytest.mark.parametrize("batch", ["full", "64"])
def test_a_quadratic_program_of_256_rows(batch: str) -> None:
    """Objective to 1%, multipliers to 5% of the sum, against SLSQP and its active rows."""
    x, y, _ = table(3, 256)
    best, multipliers = exact(x, y, -0.2, 0.2)
    result = run(
        f"{HEAD}near: forall (x, y) in train: abs(f(x)[0] - y) <= 0.2\n"
        f"fit(steps=3000, optimizer=adam(lr=0.01), batch_size={batch})",
        seed=3,
        rows=256,
    )
    assert (multipliers > 1e-6).sum() >= 2
    assert np.abs(residuals(result, 3, 256)).max() <= 0.2 + 2e-6
    assert result.objective == pytest.approx(best, rel=0.01)
    assert result["near"].multiplier == pytest.approx(multipliers.sum(), rel=0.05)
    hardest = {row for row, _ in result["near"].hardest[:2]}
    assert hardest <= set(np.flatnonzero(multipliers > 1e-6).tolist())


def test_where_nothing_is_given_a_solver_finishes_and_tells_every_rows_multiplier() -> None:
    """Few rows and parameters: SLSQP at the end, compared with a SLSQP of numpy's own."""
    x, y, _ = table(1, 40)
    best, multipliers = exact(x, y, -9.0, 0.12)
    fit = "fit(batch_size=full, steps=400, optimizer=adam(lr=0.02))"
    result = run(f"{HEAD}a: forall (x, y) in train: f(x)[0] - y <= 0.12\n{fit}", 1, 40)
    assert result["a"].satisfied and residuals(result, 1, 40).max() <= 0.12 + 2e-6
    assert result.objective == pytest.approx(best, rel=0.02)
    assert result["a"].multiplier == pytest.approx(multipliers.sum(), rel=0.2)


QUICK = "fit(steps=300, optimizer=adam(lr=0.03), batch_size=16)"


def test_where_asks_of_its_rows_alone() -> None:
    result = run(f"{HEAD}a: forall (x, y, k) in train where k == 1: f(x)[0] - y <= -0.1\n{QUICK}")
    found, k = residuals(result), table(0, 60)[2]
    assert result["a"].satisfied and found[k == 1].max() <= -0.1 + 2e-6
    assert found[k == 0].max() > -0.1
    assert {row for row, _ in result["a"].hardest} <= set(np.flatnonzero(k == 1).tolist())
    assert any("0 of " + str(int(k.sum())) in note for note in result.notes)


def test_a_bound_of_each_example() -> None:
    result = run(f"{HEAD}a: forall (x, y) in train: f(x)[0] - y <= 0.05 + 0.1 * abs(y)\n{QUICK}")
    over = residuals(result) - 0.05 - 0.1 * np.abs(table(0, 60)[1])
    assert result["a"].satisfied == bool(over.max() <= 2e-6)
    assert over.max() < 0.01


def test_ends_of_a_chain_have_multipliers_of_their_own() -> None:
    result = run(f"{HEAD}a: forall (x, y) in train: -0.5 <= f(x)[0] - y <= 0.15\n{QUICK}")
    found = residuals(result)
    assert found.max() <= 0.15 + 2e-6 and found.min() >= -0.5 - 2e-6
    assert {c.name for c in result.constraints} == {"a.lo", "a.hi"}


def test_the_verdict_is_of_the_worst_row() -> None:
    """Contradictory rows: the value is the largest over all rows, and it is not met."""
    result = run(f"{HEAD}a: forall (x, y) in train: abs(f(x)[0] - y) <= 0.01\n{QUICK}")
    found = np.abs(residuals(result))
    assert not result["a"].satisfied
    assert result["a"].value == pytest.approx(found.max(), rel=1e-5)
    assert any(f"{(found > 0.01).sum()} of 60 examples" in note for note in result.notes)


def test_a_preference_adds_the_mean_of_its_violation() -> None:
    text = f"{HEAD}a: forall (x, y) in train: f(x)[0] - y <= -0.1 soft(weight=2)\n"
    program = cspec.compile(f"{text}{QUICK}", train=_small()).source
    assert "2 * mean_violation(" in program and "measure_each" not in program


def _small() -> dict[str, Array]:
    x, y, k = table(0, 60)
    return {"x": x.astype("float32"), "y": y.astype("float32"), "k": k}


def test_the_smallest_enclosing_circle() -> None:
    """Variables alone, started where the radius has no slope to speak of."""
    points = np.random.default_rng(4).normal(size=(40, 2)) * [1, 2] + [3, -1]
    best = minimize(
        lambda c: np.sqrt(((points - c) ** 2).sum(1)).max(),
        points.mean(0),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-10},
    )
    result = cspec.run(
        "data D(x, y)\nvar c[2]\nvar r = 1 in [0, inf]\nminimize r\n"
        "s.t. inside: forall (x, y) in D: (c - x) @ (c - x) <= r^2\n"
        "fit(steps=400, optimizer=adam(lr=0.02), batch_size=full)",
        D={"x": points.astype("float32"), "y": np.zeros(40, "float32")},
    )
    assert result["inside"].satisfied
    assert result.objective == pytest.approx(best.fun, rel=0.01)


@pytest.mark.parametrize("at", [60, 250])
def test_a_run_that_is_cut_is_resumed_to_the_same_bits(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Multipliers of rows are state as any other."""
    text = (
        'data train(x, y) = csv("rows.csv", target=y)\nmodel f = linear()\n'
        f"minimize E[mse(f(x), y)]\ns.t. a: forall (x, y) in train: f(x)[0] - y <= 0.1\n{QUICK}"
    )
    x, y, _ = table(0, 60)
    np.savetxt(tmp_path / "rows.csv", np.c_[x, y], delimiter=",", header="a,b,c,y", comments="")
    (tmp_path / "each.cspec").write_text(text, encoding="utf-8")
    whole = cspec.run(tmp_path / "each.cspec", out=tmp_path / "whole")
    tick = RunFolder.tick

    def counted(self: RunFolder, session: object) -> None:
        if session.step == at:  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal.SIGTERM)
        tick(self, session)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "tick", counted)
        cut = cspec.run(tmp_path / "each.cspec", out=tmp_path / "cut")
        assert cut.status == "interrupted"
    again = cspec.resume(tmp_path / "cut")
    assert again.constraints == whole.constraints and whole["a"].hardest
    assert whole.last is not None and again.last is not None
    for name, tensor in whole.last.state.items():
        assert torch.equal(tensor, again.last.state[name]), name


def test_a_batch_tells_its_rows() -> None:
    """Shuffled, and where examples are equal: the columns are those of the rows that it tells."""
    x = torch.tensor([1.0, 1.0, 2.0, 3.0, 3.0, 4.0, 5.0]).reshape(-1, 1)
    data = {"train": Dataset("train", {"x": x, "y": torch.arange(7.0)})}
    fit = FitSettings(batch_size=3)
    batches = Batches(data, EpochPlan("train", 3, 6), fit, seed=1)
    for epoch in (0, 3):
        seen = [batches.at(step) for step in range(epoch, epoch + 3)]
        rows = torch.cat([batch.rows("train") for batch in seen])
        assert sorted(rows.tolist()) == list(range(7)) and rows.tolist() != list(range(7))
        for batch in seen:
            assert torch.equal(batch["train"]["x"], x[batch.rows("train")])
    whole = Batches(data, EpochPlan("train", 1, 6), FitSettings(batch_size="full"), seed=1)
    assert whole.at(0).rows("train").tolist() == list(range(7))


@pytest.mark.parametrize(
    ("requirement", "rest", "said"),
    [
        ("f(x)[0] <= 1 by lagrangian(dual=adam)", QUICK, "by `lagrangian(dual=adam)`"),
        ("f(x)[0] <= 1", "using sal\n" + QUICK, "each example of `train` by `sal`"),
        ("f(x)[0] <= 1 by augmented_lagrangian(every=9)", QUICK, "every=9 steps"),
        ("f(x)[0] <= 1", "fit(steps=9, optimizer=lbfgs())", "under lbfgs"),
    ],
)
def test_what_does_not_run_is_refused_by_name(requirement: str, rest: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        run(f"{HEAD}a: forall (x, y) in train: {requirement}\n{rest}")
    (found,) = caught.value.diagnostics
    assert found.code == "CS520" and said in found.message


def test_conditions_that_move_are_refused() -> None:
    text = f"{HEAD}a: forall (x, y) in train where f(x)[0] > 0: f(x)[0] <= 1\n{QUICK}"
    with pytest.raises(SpecError) as caught:
        run(text)
    (found,) = caught.value.diagnostics
    assert found.code == "CS302" and "moves with the model" in found.message


def test_one_number_an_example() -> None:
    values, asked = torch.tensor([[1.0], [-2.0], [3.0]]), torch.tensor([True, True, False])
    found = one_each(values, values, asked)
    assert found[:2].tolist() == [1.0, -2.0] and bool(found[2].isnan())
    assert one_each(2.0, values).tolist() == [2.0, 2.0, 2.0]
    assert only(values[:, 0], asked).tolist() == [1.0, -2.0]
    assert bool(only(values[:, 0], ~asked & asked).isnan().all())
    assert float(mean_violation(found)) == 0.5  # of the two that are asked
    assert float(mean_violation(found, equal=True, power=2)) == 2.5


def test_one_name_over_data_of_one_column() -> None:
    generator = torch.Generator().manual_seed(1)
    points = torch.randn(60, 2, generator=generator, dtype=torch.float64)
    text = "data train(x)\nvar z[2] = 0\nvar r = 1\nminimize r\ns.t. inside: forall {} in train: "
    found = [
        cspec.run(text.format(names) + f"norm({name} - z, 2) <= r", train={"x": points})
        for names, name in (("x", "x"), ("(x)", "x"), ("p", "p"))
    ]
    farthest = (points - torch.tensor(found[0].vars["z"])).norm(dim=1).max()
    assert found[0].vars["r"] == pytest.approx(float(farthest), abs=1e-6)
    assert len({result.vars["r"] for result in found}) == 1

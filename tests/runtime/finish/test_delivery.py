"""Which iterate a run delivers, decided by hand: feasible first, merit among those that are not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from training.linear import D, line, table
from training.text import session_of

import cspec
from cspec.runtime.data.order import permutation
from cspec.runtime.finish.delivery import deliver
from cspec.runtime.result.iterate import Iterate
from cspec.runtime.session import watch

SPEC = """
data train(x, y)
model f
{sense} E[(f(x)[0] - y)^2]
s.t. a: E[f(x)[0]] <= {bound}
{more}fit(optimizer=sgd(lr=1e-3), steps=100, batch_size=8, precision=float64)
"""
TEXT = SPEC.format(sense="minimize", bound=0.1, more="")


def started(text: str = TEXT, **bound: Any) -> Any:
    return session_of(text, **{"train": table(), "f": line(), **bound})


def noted(session: Any, step: int, bias: float) -> Iterate:
    """Note the model with this bias as the iterate of a step, and return it."""
    with torch.no_grad():
        session.primal["f"].bias.fill_(bias)
    session.step = step
    found = session.iterate()
    session.watch.keep(found, finite=True)
    return found


def by_hand(bias: float) -> tuple[float, float]:
    """The objective, and E[f(x)[0]]."""
    model = line()
    with torch.no_grad():
        model.bias.fill_(bias)
        z = model(table()["x"])[:, 0]
    return ((z - table()["y"]) ** 2).mean().item(), z.mean().item()


def delivered(session: Any, first: tuple[int, float], last: tuple[int, float]) -> Iterate:
    """What is delivered of an iterate on the way, and the last one."""
    noted(session, *first)
    end = noted(session, *last)
    session.told = torch.tensor([1.0], dtype=D)
    return deliver(session, end)


@pytest.mark.parametrize("multiplier", [0.1, 1.0, 100.0])
@pytest.mark.parametrize("biases", [(1.0, 2.0), (2.0, 1.0)])
def test_of_two_that_are_not_feasible_the_smaller_merit(
    multiplier: float, biases: tuple[float, float]
) -> None:
    """f + multiplier x violation, for violations both above the bound, both in the second half."""
    session = started()
    for step, bias in zip((60, 100), biases, strict=True):
        end = noted(session, step, bias)
    session.told = torch.tensor([multiplier], dtype=D)
    assert session.best is not None
    kept = session.best
    found = deliver(session, end)
    merits = []
    for bias in biases:
        f, mean = by_hand(bias)
        assert mean > 0.1
        merits.append(f + multiplier * (mean - 0.1))
    # Of the two only the one with the smaller violation was kept beside the last one.
    smaller = 60 if biases[0] < biases[1] else 100
    assert kept.step == smaller
    expected = 60 if smaller == 60 and merits[0] < merits[1] else 100
    assert found.step == expected


def test_a_violation_without_a_price_is_judged_by_its_size() -> None:
    session = started()
    noted(session, 60, 1.0)
    end = noted(session, 100, 2.0)
    session.told = torch.tensor([0.0], dtype=D)
    assert deliver(session, end).step == 60


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_of_two_that_are_feasible_the_better_objective(sense: str) -> None:
    text = SPEC.format(sense=sense, bound=5, more="")
    text = (
        text.replace("E[(f(x)[0] - y)^2]", "-E[(f(x)[0] - y)^2]") if sense != "minimize" else text
    )
    values = {bias: by_hand(bias)[0] for bias in (0.2, 1.0)}
    good, bad = sorted(values, key=values.__getitem__)
    assert delivered(started(text), (60, good), (100, bad)).step == 60
    assert delivered(started(text), (60, bad), (100, good)).step == 100


def test_a_feasible_one_beats_any_other() -> None:
    low, high = -3.0, 3.0
    assert by_hand(low)[1] <= 0.1 < by_hand(high)[1]
    assert delivered(started(), (60, low), (100, high)).step == 60
    assert delivered(started(), (60, high), (100, low)).step == 100


@pytest.mark.parametrize(("bound", "why"), [(5, "later ones have worse objectives")])
def test_an_early_iterate_is_told(bound: float, why: str) -> None:
    session = started(SPEC.format(sense="minimize", bound=bound, more=""))
    values = {bias: by_hand(bias)[0] for bias in (0.2, 1.0)}
    good, bad = sorted(values, key=values.__getitem__)
    assert delivered(session, (20, good), (100, bad)).step == 20
    assert session.notes[-1] == f"delivered is step 20 of 100, of the run's first half: {why}"
    late = started(SPEC.format(sense="minimize", bound=bound, more=""))
    delivered(late, (60, good), (100, bad))
    assert not any("first half" in note for note in late.notes)


def test_an_early_one_that_alone_is_feasible_is_told_so() -> None:
    session = started()
    assert delivered(session, (20, -3.0), (100, 3.0)).step == 20
    assert session.notes[-1].endswith("no later one met every requirement")


def test_an_early_accident_does_not_outlive_the_first_half() -> None:
    """Nearer to the requirement, before anything was learned: any later one takes its place."""
    session = started(SPEC.format(sense="minimize", bound=-5, more=""))
    early, later = noted(session, 10, -3.0), noted(session, 60, 0.8)
    assert early.violation < later.violation and early.objective > later.objective
    assert session.best is not None and session.best.step == 60


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_what_ran_away_does_not_replace_an_early_one(sense: str) -> None:
    """An early iterate with the better objective and the smaller violation is no accident."""
    text = SPEC.format(sense=sense, bound=0.1, more="")
    text = text if sense == "minimize" else text.replace("E[(f", "-E[(f")
    assert delivered(started(text), (10, 1.0), (100, 1e60)).step == 10


def test_an_early_one_that_is_better_by_rounding_only_is_not_delivered() -> None:
    """Below 1e-4 of all that the objective moved it is the last one that counts."""
    text = SPEC.format(sense="minimize", bound=5, more="")
    best = min((by_hand(b / 100)[0], b / 100) for b in range(-200, 200))[1]
    session = started(text)
    noted(session, 1, best + 2)
    assert delivered(session, (20, best), (100, best + 1e-3)).step == 100
    session = started(text)
    noted(session, 1, best + 2)
    assert delivered(session, (20, best), (100, best + 0.1)).step == 20


def test_multipliers_and_state_are_those_of_the_delivered_iterate() -> None:
    session = started()
    session.state["before"].fill_(7.0)
    noted(session, 60, -3.0)
    session.state["before"].fill_(8.0)
    end = noted(session, 100, 3.0)
    session.told = torch.tensor([0.25], dtype=D)
    assert deliver(session, end).step == 60
    assert session.state["before"].tolist() == [7.0]
    assert session.state["multipliers"].tolist() == [0.25]
    assert session.primal["f"].bias.item() == -3.0


def test_two_that_a_sample_chose_are_compared_on_all_rows(monkeypatch: Any) -> None:
    """The sample says that the earlier one is feasible, all rows that it is not."""
    monkeypatch.setattr(watch, "SNAPSHOT_ROWS", 8)
    session = started()
    assert session.watch.samples
    assert any("chosen on 8 of the 24 rows" in note for note in session.notes)
    rows = table()["x"][permutation(24, 0, 0)[:8]]
    weight = line().weight.detach()[0]
    apart = (rows @ weight).mean().item() - (table()["x"] @ weight).mean().item()
    # The bias at which one of both means is just above the bound, and the other just below.
    base = 0.1 - (table()["x"] @ weight).mean().item()
    between = base - apart / 2
    noted(session, 60, between)
    assert session.best is not None
    assert session.best.feasible == (apart < 0)
    end = noted(session, 100, between - abs(apart))
    session.told = torch.tensor([1.0], dtype=D)
    assert end.feasible
    found = deliver(session, end)
    f = {60: by_hand(between), 100: by_hand(between - abs(apart))}
    best = min((f[s][0], s) for s in f if f[s][1] <= 0.1 + 1e-9)[1]
    assert found.step == (best if session.best.step == 60 else 100)


def test_the_result_of_large_data_is_measured_on_all_of_them() -> None:
    """More than 20,000 rows: objective and values of the delivered one by plain means."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(20_500, 3, generator=draw, dtype=D)
    data = {"x": x, "y": x[:, 0] + torch.randn(20_500, generator=draw, dtype=D)}
    text = TEXT.replace("batch_size=8", "batch_size=1024")
    result = cspec.run(text, train=data, f=line())
    model = result.models["f"]
    with torch.no_grad():
        z = model(x)[:, 0]
    assert result.objective == pytest.approx(((z - data["y"]) ** 2).mean().item(), rel=1e-9)
    assert result.constraints[0].value == pytest.approx(z.mean().item(), abs=1e-9)
    assert any("20,000 of the 20,500 rows" in note for note in result.notes)

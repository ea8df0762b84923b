"""SAL against a transcription of Algorithm 2, and on a problem with a known solution."""

from __future__ import annotations

import pytest
import torch

PROGRAM = """
var x = 3
var y = 0.5
minimize (x - 2)^2 + (y - 1)^2
s.t. c: {c}
     d: {d}
using sal(shuffles=2, iterations=3, penalty=1, growth=2, max_penalty=3, decrease=0.5{more})
fit(optimizer=sgd(lr=0.05), steps=1000, precision=float64)
"""


def algorithm_2(g, starts, shuffles, iterations, mu_init, growth, cap, decrease):
    """lambda and mu after each epoch, from the C of each epoch; equalities only."""
    best, multipliers, found = starts, [0.0, 0.0], []
    epoch = 0
    for s in range(shuffles):
        mu = (s + 1) * mu_init
        for _ in range(iterations):
            c = g[epoch]
            epoch += 1
            if sum(v * v for v in c) <= decrease * sum(v * v for v in best):
                multipliers = [m + mu * v for m, v in zip(multipliers, c, strict=True)]
                best = c
            else:
                mu = min(growth * mu, cap)
            found.append(list(multipliers))
    return found


def test_updates_are_those_of_algorithm_2(session):
    run = session(PROGRAM.format(c="x + y == 2", d="x == y", more=""))
    update = run.module["update_sal"]
    seen, moved = [], []

    def watched(state, true):
        update(state, true)
        seen.append(true.tolist())
        moved.append(state["multipliers"].tolist())

    run.module["update_sal"] = watched
    start = run.full(run.module["constraints"]).tolist()
    run.module["train"](run)
    expected = algorithm_2(seen, start, 2, 3, 1.0, 2.0, 3.0, 0.5)
    assert len({tuple(m) for m in expected}) > 2
    for got, wanted in zip(moved, expected, strict=False):
        assert got == pytest.approx(wanted)


def test_solves_inequality_and_equality(run):
    text = PROGRAM.format(c="x + y <= 2", d="x == y", more="").replace("steps=1000", "steps=6000")
    result = run(
        text.replace("iterations=3", "iterations=30").replace("3, decrease", "100, decrease")
    )
    assert result.vars["x"] == pytest.approx(1.0, abs=1e-3)
    assert result.vars["y"] == pytest.approx(1.0, abs=1e-3)
    assert any("updates of c, d were accepted" in note for note in result.notes)


def test_stops_where_it_is_solved(run):
    more = ", tol_objective=1.01, tol_constraint=1e-4"
    text = PROGRAM.format(c="x + y <= 2", d="x == y", more=more)
    result = run(text.replace("steps=1000", "steps=20000").replace("iterations=3", "iterations=30"))
    assert result.termination == "stop condition"
    assert result.steps < 20000


def test_infeasible_constraints_stall_and_it_is_said(run):
    result = run(
        PROGRAM.format(c="x + y == 2", d="exp(x)*exp(y) == 30", more="").replace("ns=3", "ns=10")
    )
    assert any("stalled" in note and "cap" in note for note in result.notes)


def test_learning_rate_and_memory_start_anew_each_epoch(session):
    text = PROGRAM.format(c="x + y == 2", d="x == y", more="")
    run = session(text.replace("sgd(lr=0.05)", "adam(lr=0.05), schedule=cosine"))
    rates = []
    step = run.schedule.step

    def watched():
        rates.append(run.optimizer.param_groups[0]["lr"])
        step()

    run.schedule.step = watched
    run.total_steps = 250
    run.module["train"](run)
    assert rates[0] == rates[100] == rates[200] == pytest.approx(0.05)
    assert rates[99] < 1e-4
    steps = [s["step"] for part in run.optimizer.parts for s in part.state.values()]
    assert all(int(torch.as_tensor(s)) in (0, 50) for s in steps)


def test_batches_keep_their_order_within_a_shuffle(session):
    run = session(
        "data train(x, y) = digits()\nmodel f = linear\nminimize ce(f(x), y)\n"
        "s.t. c: E[ce(f(x), y) | y == 3] <= 0.3\nusing sal(shuffles=2)\nfit(epochs=4)"
    )
    run.in_rounds(epochs_an_order=2)
    steps = run.plan.epoch_steps
    first = [run.batch_at(epoch * steps)["train"]["y"] for epoch in range(4)]
    assert torch.equal(first[0], first[1])
    assert torch.equal(first[2], first[3])
    assert not torch.equal(first[1], first[2])


def test_multipliers_are_weights_and_no_prices(run):
    text = PROGRAM.format(c="x + y <= 2", d="x == y", more="").replace("steps=1000", "steps=6000")
    result = run(
        text.replace("iterations=3", "iterations=30").replace("3, decrease", "100, decrease")
    )
    assert result.kkt.stationarity <= 1e-2 and result["c"].multiplier > 0
    assert result["c"].sensitivity is None and result["d"].sensitivity is None
    assert any("no prices" in note for note in result.notes)

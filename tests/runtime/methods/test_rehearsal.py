"""Rates tried on the first steps of a run: merits by hand, the choice, and nothing left behind."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from training.linear import line, table
from training.text import compiled, session_of

import cspec
from cspec.compiler.choose.rehearsal import RATES
from cspec.compiler.records.program import Program
from cspec.runtime.methods.rehearsal import chosen, rehearse
from cspec.runtime.run.execute import resume, run
from cspec.runtime.run.folder import RunFolder

SPEC = """
data train(x, y)
model f
minimize E[(f(x)[0] - y)^2]
s.t. a: E[f(x)[0]] <= 0.1
{using}
fit(epochs=20, batch_size=8, optimizer=adam(lr={lr}), schedule={schedule}, precision=float64)
"""
STILL = "using lagrangian(dual=sgd(lr=1e-30))"


def spec(using: str = "", lr: float = 1e-3, schedule: str = "cosine(hold=0.7)") -> str:
    return SPEC.format(using=using, lr=lr, schedule=schedule)


def rehearsed(program: Program, steps: int) -> Program:
    """The same program, whose first steps are tried."""
    loop = "    for batch in session.batches():"
    assert program.source.count(loop) == 1
    source = program.source.replace(loop, f"    rehearse(session, {steps})\n{loop}")
    first = "from cspec.runtime.setup import "
    source = source.replace(
        first, f"from cspec.runtime.methods.rehearsal import rehearse\n{first}", 1
    )
    return program.model_copy(update={"source": source})


def by_hand(steps: int, batches: list[Mapping[str, torch.Tensor]], rate: float) -> float:
    """f + |grad f| / |grad g| x violation at the end of so many steps of Adam, multiplier 0."""
    model = line()
    optimizer = torch.optim.Adam(model.parameters())

    def values(batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        z = model(batch["x"])[:, 0]
        return (z - batch["y"]).square().mean(), z.mean() - 0.1

    sizes = []
    for value in values(batches[0]):
        found = torch.autograd.grad(value, list(model.parameters()), retain_graph=True)
        sizes.append(math.sqrt(sum(float(part.square().sum()) for part in found)))
    for k in range(steps):
        optimizer.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * k / steps)) / 2
        optimizer.zero_grad()
        values(batches[k])[0].backward()
        optimizer.step()
    ends = [[v.item() for v in values(batch)] for batch in batches[:16]]
    f, g = (sum(column) / len(ends) for column in zip(*ends, strict=True))
    return f + sizes[0] / sizes[1] * max(g, 0.0)


@pytest.mark.parametrize(("steps", "lr"), [(7, 0.01), (20, 0.1), (12, 1.0)])
def test_merits_are_those_of_a_plain_loop(steps: int, lr: float) -> None:
    session = session_of(spec(STILL, lr), train=table(), f=line())
    batches = [session.batch_at(k)["train"] for k in range(steps)]
    expected = [by_hand(steps, batches, lr * times) for times in RATES]
    until = next((k for k in (1, 2, 3) if expected[k] >= min(expected[:k])), 3)
    rehearse(session, steps)
    rehearsal = session.rehearsal
    assert rehearsal is not None
    session.module["train"](session)
    assert session.rehearsal is None and session.step == session.total_steps
    assert rehearsal.merits == pytest.approx(expected[: until + 1], rel=1e-9)
    best = expected.index(min(expected[: until + 1]))
    assert session.schedule.times == RATES[min(3, best + 1)]


def test_the_choice_is_the_rate_below_the_best() -> None:
    assert chosen([2.0, 3.0]) == RATES[1]
    assert chosen([math.inf, 2.0, 3.0]) == RATES[2]
    assert chosen([4.0, 3.0, 2.0, 1.0]) == RATES[3] == 1.0
    assert chosen([math.inf] * 4) == 1.0


@pytest.mark.parametrize("using", ["", "using lagrangian", "using penalty(coefficient=2)"])
def test_what_follows_is_the_run_at_that_rate_to_the_bit(using: str) -> None:
    program, bound = compiled(spec(using), {"train": table(), "f": line()})
    told: list[int] = []
    tried = run(rehearsed(program, 10), bound, on_progress=lambda now: told.append(now["step"]))
    times = RATES[1]  # so far from the solution the largest rate is the best
    program, bound = compiled(spec(using, lr=1e-3 * times), {"train": table(), "f": line()})
    plain = run(program, bound)
    assert tried.last is not None and plain.last is not None
    for name, value in plain.last.tensors.items():
        assert torch.equal(value, tried.last.tensors[name])
    assert [row.__dict__ for row in tried.history] == [row.__dict__ for row in plain.history]
    assert told == sorted(told) and tried.steps == plain.steps
    assert any(n.startswith("learning rate 0.01, found in rehearsals") for n in tried.notes)
    assert not any("rehears" in n for n in plain.notes)


@pytest.mark.parametrize("at", [3, 14, 25, 40])
def test_a_run_that_is_cut_anywhere_is_resumed_to_the_same_bits(tmp_path: Path, at: int) -> None:
    program, bound = compiled(spec(), {"train": table(), "f": line()})
    stop = (
        "        optimizer.step()\n        COUNT.append(1)\n"
        f"        if len(COUNT) == {at} and STOP:\n"
        "            import os, signal\n            os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    source = rehearsed(program, 10).source.replace("        optimizer.step()\n", stop)
    cut, whole = (f"STOP = {on}\nCOUNT = []\n{source}" for on in (True, False))
    expected = run(program.model_copy(update={"source": whole}), bound)
    folder = tmp_path / "run"
    _, bound = compiled(spec(), {"train": table(), "f": line()})
    first = run(program.model_copy(update={"source": cut}), bound, out=folder)
    assert first.status == "interrupted"
    assert first.steps == max(0, at - 20)  # two rehearsals of ten steps
    program = program.model_copy(update={"source": whole})
    _, bound = compiled(spec(), {"train": table(), "f": line()})
    again = resume(RunFolder.open(folder), program, bound, seed=0)
    assert expected.last is not None and again.last is not None
    for name, value in expected.last.tensors.items():
        assert torch.equal(value, again.last.tensors[name])
    assert again.history == expected.history
    assert any("found in rehearsals" in n for n in again.notes)


OPEN = """
data train(x, y)
model f
minimize E[(f(x)[0] - y)^2]
s.t. a: E[f(x)[0]] <= 1
fit({fit})
"""


@pytest.mark.parametrize(
    ("fit", "steps"),
    [
        ("batch_size=8", "60"),  # 1,000 epochs of 3 steps
        ("batch_size=8, epochs=400", "50"),
        ("batch_size=8, epochs=10000", "200"),
        ("batch_size=8, epochs=300", "50, below=0.48"),  # 900 steps
        ("batch_size=8, epochs=40", "24, below=0.27"),
        ("batch_size=8, epochs=4", "10, below=0.03"),
        ("steps=10", "10, below=0.0"),
        ("steps=9", None),
        ("batch_size=8, optimizer=adam", None),
        ("batch_size=8, optimizer=adam(lr=0.01)", None),
        ("batch_size=8, schedule=cosine", None),
        ("batch_size=8, schedule=cosine(follow=true)", None),
    ],
)
def test_only_rates_that_are_left_open_are_tried(fit: str, steps: str | None) -> None:
    program = cspec.compile(OPEN.format(fit=fit), train=table(), f=line())
    found = [row for row in program.source.splitlines() if "rehearse(session, " in row]
    acts = [o for o in program.graph.operations if o.kind == "rehearse"]
    assert len(found) == len(acts) == (steps is not None)
    if steps is not None:
        assert f"rehearse(session, {steps})" in found[0]
        assert (
            f"the first {steps.split(',')[0]} steps are tried at 32, 10, 3.2, 1 times lr"
            in acts[0].meaning
        )


@pytest.mark.parametrize(
    "text",
    [
        "data train(x, y)\nmodel f\nmaximize P[f(x)[0] >= y]\nfit(batch_size=8)",
        "data train(x, y)\nvar w[3] = 1\nminimize E[abs(x @ w - y)]\nfit(batch_size=8)",
    ],
)
def test_minimized_counts_and_decision_variables_keep_small_first_steps(text: str) -> None:
    given = {} if "var" in text else {"f": line()}
    program = cspec.compile(text, train=table(), **given)
    assert program.fit["schedule"][1]["follow"] and "rehearse(session, " not in program.source


@pytest.mark.parametrize(("size", "how"), [("full", "60)"), ("8", "60, below=0.75)")])
def test_runs_under_a_required_rate_of_batches_begin_lower(size: str, how: str) -> None:
    fit = f"batch_size={size}, steps=3000"
    program = cspec.compile(
        "data train(x, y)\nmodel f\nminimize E[(f(x)[0] - y)^2]\n"
        f"s.t. a: P[f(x)[0] >= 0] >= 0.5\nfit({fit})",
        train=table(),
        f=line(),
    )
    assert f"rehearse(session, {how}" in program.source


@pytest.mark.parametrize("below", [0.5, 0.75, 1.0])
def test_a_run_begins_so_many_decades_below_the_best(below: float) -> None:
    assert chosen([3.0, 1.0, 2.0], below) == pytest.approx(10 ** (1 - below))
    assert chosen([3.0, 2.0, 1.5, 1.0], below) == 1.0
    assert chosen([math.inf, math.nan], below) == 1.0


ORTHOGONAL = """
data train(x, y)
model f
minimize E[sumsq(f(x) - y)]
s.t. w: forall W in f.weights: W.T @ W == eye
fit(epochs=120, batch_size=10, optimizer=adam(lr=1e-3), schedule=cosine(hold=0.7),
    precision=float64)
"""


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_orthogonal_weights_begin_at_the_better_determinant(seed: int, sign: float) -> None:
    """Of white features the solution is known (Procrustes): U W^T of y^T x = U S W^T."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.linalg.qr(torch.randn(30, 4, generator=draw, dtype=torch.float64)).Q * 30**0.5
    q = torch.linalg.qr(torch.randn(4, 4, generator=draw, dtype=torch.float64)).Q
    q[0] *= sign * torch.det(q).sign()
    y = x @ q.T + 0.2 * torch.randn(30, 4, generator=draw, dtype=torch.float64)
    u, _, w = torch.linalg.svd(y.T @ x)
    assert torch.det(u @ w).sign() == sign
    torch.manual_seed(seed)
    model = torch.nn.Linear(4, 4, bias=False).double()
    program, bound = compiled(ORTHOGONAL, {"train": {"x": x, "y": y}, "f": model})
    result = run(rehearsed(program, 30), bound)
    found = next(iter(result.model.parameters())).detach()
    assert torch.det(found).sign() == sign
    assert float((found - u @ w).abs().max()) < 0.1


class Counting(torch.utils.data.Dataset[tuple[torch.Tensor, ...]]):
    """Counts how often its rows were read."""

    def __init__(self) -> None:
        self.columns = tuple(torch.as_tensor(c) for c in table().values())
        self.reads = 0

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, row: int) -> tuple[torch.Tensor, ...]:
        self.reads += 1
        return tuple(c[row] for c in self.columns)


def test_a_loader_is_not_asked_for_more_batches_where_first_steps_are_tried() -> None:
    reads = []
    for rate in ("", ", optimizer=adam(lr=0.01)"):
        data = Counting()
        loader = torch.utils.data.DataLoader(data, batch_size=8)
        program = cspec.compile(OPEN.format(fit=f"epochs=400{rate}"), train=loader, f=line())
        assert ("rehearse(session, " in program.source) == (not rate)
        result = cspec.run(OPEN.format(fit=f"epochs=400{rate}"), train=loader, f=line())
        assert any("found in rehearsals" in note for note in result.notes) == (not rate)
        reads.append(data.reads)
    assert reads[0] == reads[1]


def test_what_is_interrupted_while_it_is_tried_is_at_its_start() -> None:
    text = OPEN.format(fit="batch_size=8, epochs=400")
    session = session_of(text, train=table(), f=line())
    before = copy.deepcopy(session.state_dict()["primal"])
    rehearse(session, 5)
    session.interrupted = True
    assert list(session.batches()) == []
    assert session.schedule.times is None and session.step == 0
    for name, value in before.items():
        assert torch.equal(value, session.state_dict()["primal"][name])


@pytest.mark.parametrize("how", ["", " by lagrangian"])
def test_a_short_run_leaves_its_start(how: str) -> None:
    """136 steps at a rate of 0.001 end at the loss of a guess, log 10, and a class for all."""
    text = (
        "data train(x, y) = digits\nmodel f = mlp(hidden=[16])\nminimize ce(f(x), y)\n"
        f"s.t. P[pred == 3 | y == 3] >= 97%{how}\nfit(epochs=8, batch_size=64)"
    )
    result = cspec.run(text)
    assert result.steps == 136 and result.status == "satisfied"
    assert result.objective < 0.5 * math.log(10)


def test_what_a_method_keeps_from_its_first_move_on_is_not_there_before_it() -> None:
    """A rehearsal of 10 of 20 steps, within which ADMM makes its copies."""
    result = cspec.run(
        "data train(x, y) = digits\nmodel f = mlp(hidden=[16])\nminimize ce(f(x), y)\n"
        "s.t. density(f) <= 30% by admm\nfit(epochs=4, batch_size=256)"
    )
    assert result.steps == 20 and result.status == "satisfied"

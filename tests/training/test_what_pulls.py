"""Forms that pull, and forms that nothing can move, which are refused before the first step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from training.events import in_units

import cspec
from cspec.dsl.check import check
from cspec.dsl.text.source import Source
from cspec.running.plans import plan_of
from cspec.running.prepare import prepare
from cspec.runtime.run.execute import load_module

N = 12
X = torch.randn(N, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = torch.arange(N) % 2
W = torch.linspace(0.1, 1, N, dtype=torch.float64)
S = np.array(["a", "b", "c"])[np.arange(N) % 3]
Q = np.arange(N) % 4 == 0
FIT = "fit(optimizer=sgd(lr=0.1), steps=2, batch_size=full, precision=float64)"


def linear(outputs: int = 2) -> nn.Module:
    torch.manual_seed(outputs)
    return nn.Linear(2, outputs).double()


def columns(**more: Any) -> dict[str, Any]:
    return {"x": X, "y": Y, "w": W, "s": S, "q": Q, **more}


def seen(line: str, net: nn.Module, objective: str = "ce", **more: Any) -> tuple[Tensor, Tensor]:
    """What a step sees of a requirement, and the true value."""
    data = columns(**more)
    text = f"data train({', '.join(data)})\nmodel f\nminimize {objective}\ns.t. c: {line}\n{FIT}"
    plan = plan_of(check(Source(text=text, name="spec")))
    ready = prepare(plan, {"f": net, "train": data}, base=Path())
    batch = {"train": dict(ready.bound.data["train"].columns), "clock": torch.zeros(1)}
    _, g, true = load_module(ready.program)["measure"]({"f": net}, batch)
    return g, true


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found.squeeze(), wanted.double(), rtol=0, atol=1e-12)


# --- events whose ends move, choices, truth values ------------------------------------------------


def test_an_interval_with_ends_that_move() -> None:
    net = linear()
    z = net(X)
    low, high = (torch.sigmoid(in_units(m)) for m in (W - z[:, 0], z[:, 1] - W))
    inside = low * high
    held = ((z[:, 0] <= W) & (z[:, 1] >= W)).double()
    within = "w in [f(x)[0], f(x)[1]]"
    for line, weights in ((f"P[{within}]", torch.ones(N)), (f"E[w*({within})]", W)):
        g, true = seen(f"{line} >= 0", net)
        close(-g, (weights * inside).mean())
        close(-true, (weights * held).mean())


def test_a_set_with_a_prediction_in_it() -> None:
    net = linear()
    chances = net(X).softmax(1)[torch.arange(N), Y]
    g, _ = seen("P[y in {pred, 0}] >= 0", net)
    close(-g, torch.where(Y == 0, torch.ones(()).double(), chances).mean())


def test_a_choice_by_an_event() -> None:
    net = linear()
    chances = net(X).softmax(1)[torch.arange(N), Y]
    g, true = seen("E[where(pred == y, 0, w)] <= 0", net)
    close(g, (W * (1 - chances)).mean())
    close(true, (W * (net(X).argmax(1) != Y)).mean())


def test_a_choice_by_numbers_alone_has_no_slope() -> None:
    text = "model f\nminimize ce\ns.t. where(l2(f.weights) > 1, 1, 0) <= 0.5"
    assert [d.code for d in cspec.check(text)] == ["CS310"]


@pytest.mark.parametrize("one", ["true", "1"])
def test_predictions_of_truth_values(one: str) -> None:
    net = linear(1)
    truths = Y.numpy().astype(bool)
    z = net(X)[:, 0]
    g, true = seen(f"P[pred == {one}] <= 0", net, "bce(f(x), y)", y=truths)
    close(g, z.sigmoid().mean())
    close(true, (z > 0).double().mean())
    g, _ = seen(f"P[pred != {one} | y == {one}] <= 0", net, "bce(f(x), y)", y=truths)
    close(g, 1 - z.sigmoid()[Y == 1].mean())


# --- nothing that moves ---------------------------------------------------------------------------


class Student(nn.Module):
    """Logits, and a teacher's that no gradient reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = linear()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        z = self.layer(x)
        return {"logits": z, "teacher": (z + 1).detach(), "hard": (z > 0).double()}


OBJECTIVE = "ce(f(x).logits, y)"


@pytest.mark.parametrize(
    "line",
    [
        "P[f(x).teacher[0] > 0] <= 10%",
        "P[pred(f(x).teacher) == 1] <= 10%",
        "E[f(x).hard[0]] <= 0.1",
        "gap(P[pred(f(x).teacher) == 1 | s]) <= 10%",
        "P[pred(f(x).logits) == 1] <= 10% with surrogate E[f(x).teacher[1]]",
    ],
)
def test_parts_of_outputs_that_no_gradient_reaches(line: str) -> None:
    with pytest.raises(cspec.SpecError) as error:
        seen(line, Student(), OBJECTIVE)
    assert [d.code for d in error.value.diagnostics] == ["CS310"]


def test_beside_a_part_that_one_reaches_they_are_data() -> None:
    net = Student()
    g, _ = seen("E[kl(softmax(f(x).teacher), softmax(f(x).logits))] <= 0", net, OBJECTIVE)
    assert g.requires_grad


def trained(lines: str, optimizer: str, **models: nn.Module) -> cspec.Result:
    data = columns()
    heads = "".join(f"model {name}\n" for name in models)
    fit = FIT.replace("sgd(lr=0.1)", optimizer)
    text = f"data train({', '.join(data)})\n{heads}minimize ce(f(x), y)\ns.t. c: {lines}\n{fit}"
    return cspec.run(text, train=data, **models)


def test_a_model_that_no_optimizer_holds() -> None:
    for optimizer in (
        'sgd(lr=0.1, params="f.*")',
        '[sgd(lr=0.1, params="f.w*"), sgd(params="f.b*")]',
    ):
        with pytest.raises(cspec.SpecError) as error:
            trained("P[pred(g(x)) == 1] <= 10%", optimizer, f=linear(), g=linear())
        found = error.value.diagnostics
        assert [d.code for d in found] == ["CS309"]
        assert "no optimizer holds" in (found[0].label or "")


def test_is_compared_with_as_it_is() -> None:
    agree = "P[pred(f(x)) == pred(g(x))] >= 99%"
    other = linear()
    with torch.no_grad():
        other.get_parameter("weight").neg_()
    result = trained(agree, 'sgd(lr=0.1, params="f.*")', f=linear(), g=other)
    assert not any("trained are" in note for note in result.notes)


def test_a_model_that_shares_what_is_trained_moves() -> None:
    first, second = nn.Sequential(linear()), nn.Sequential(linear())
    second[0] = first[0]
    result = trained("P[pred(g(x)) == 1] <= 10%", 'sgd(lr=0.1, params="f.*")', f=first, g=second)
    assert result.steps == 2


# --- two readings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "s.t. gap(P[pred == 1 | s, q]) <= 10%",
        "s.t. max(E[ce | q, s]) <= 1",
        "metric m = gap(P[pred == 1 | s, q])",
    ],
)
def test_true_and_false_beside_groups(line: str) -> None:
    text = f"data train(x, y, w, s, q)\nmodel f\nminimize ce\n{line}\n{FIT}"
    with pytest.raises(cspec.SpecError) as error:
        cspec.run(text, train=columns(), f=linear())
    (found,) = error.value.diagnostics
    assert found.code == "CS313"
    fix = found.fixes[0]
    changed = text[: fix.span.start] + fix.replacement + text[fix.span.end :]
    result = cspec.run(changed, train=columns(), f=linear())
    assert result.termination == "completed"


def test_alone_they_are_a_condition_or_the_groups_of_a_gap() -> None:
    text = (
        "data train(x, y, w, s, q)\nmodel f\nminimize ce\nmetric a = E[w | q]\n"
        f"metric b = gap(E[w | q])\nmetric d = E[w | q, y == 0]\n{FIT}"
    )
    result = cspec.run(text, train=columns(), f=linear())
    inside = torch.tensor(Q)
    assert result.metrics["a"] == pytest.approx(float(W[inside].mean()))
    assert result.metrics["b"] == pytest.approx(float((W[inside].mean() - W[~inside].mean()).abs()))
    assert result.metrics["d"] == pytest.approx(float(W[inside & (Y == 0)].mean()))


# --- equalities by PID ----------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0, 0.3])
def test_an_equality_written_the_other_way_round_trains_the_same(smoothing: float) -> None:
    using = f"by lagrangian(dual=pid(kp=0.4, ki=0.2, kd=0.7, smoothing={smoothing}))"
    ends = []
    for line in ("E[prob[1]] == E[prob[0]]", "E[prob[0]] == E[prob[1]]"):
        result = trained(f"{line} {using}", "sgd(lr=0.5)", f=linear())
        assert result.last is not None
        ends.append(result.last)
    for name, value in ends[0].tensors.items():
        torch.testing.assert_close(value, ends[1].tensors[name], rtol=0, atol=1e-12)
    assert ends[0].multipliers["c"] == pytest.approx(-ends[1].multipliers["c"])


# --- what is said of it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "known", ["", "\n     d: forall k in values(s): P[pred == 1 | s == k] <= 100%"]
)
def test_functions_of_each_groups_number(known: str) -> None:
    """Whether another line says that `s` has groups makes no difference."""
    lines = "max(abs(P[pred == 1 | s] - P[y == 1 | s])) <= 1% by exact_penalty(coefficient=2)"
    result = trained(lines + known, "sgd(lr=0.1)", f=linear())
    net = linear()
    for _ in range(2):
        z = net(X)
        group = torch.arange(N) % 3
        true, soft = (
            torch.stack([(v - (Y == 1).double())[group == k].mean() for k in range(3)])
            for v in ((z.argmax(1) == 1).double(), z.softmax(1)[:, 1])
        )
        both, parts = torch.cat([true, -true]), torch.cat([soft, -soft])
        largest = parts[both >= both.max() - 1e-12].max()
        (nn.functional.cross_entropy(z, Y) + 2 * (both.max() > 0.01) * largest).backward()
        with torch.no_grad():
            for parameter in net.parameters():
                assert parameter.grad is not None
                parameter -= 0.1 * parameter.grad
                parameter.grad = None
    assert result.last is not None
    for name, value in net.named_parameters():
        torch.testing.assert_close(result.last.tensors[f"f.{name}"], value, rtol=0, atol=1e-12)


def test_the_noise_of_a_batch_is_that_of_the_loaders() -> None:
    batches = [{k: v[i : i + 3] for k, v in columns().items()} for i in range(0, N, 3)]
    text = (
        "data train(x, y, w, s, q)\nmodel f\nminimize ce\ns.t. c: P[pred == 1] <= 49%\n"
        "using lagrangian(dual=sgd(lr=0.001))\n"
        "fit(optimizer=sgd(lr=0.1), steps=80, precision=float64)"
    )
    result = cspec.run(text, train=batches, f=linear())
    (said,) = (note for note in result.notes if "noise of its estimate" in note)
    assert "on a batch of 3 " in said


def test_an_objective_of_outputs_that_no_gradient_reaches_is_refused_for_that() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = linear()

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x).detach()

    with pytest.raises(cspec.SpecError) as error:
        trained("P[pred == 1] <= 10%", "sgd(lr=0.1)", f=Cut())
    assert {d.code for d in error.value.diagnostics} == {"CS310"}
    assert all("cut off" in (d.label or "") for d in error.value.diagnostics)


def test_a_function_that_does_not_say_what_it_gives_is_seen(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import cspec\n\n\n@cspec.function(range=(0, 1))\ndef sure(z):\n"
        "    return z.softmax(-1).max(-1).values\n"
    )
    spec = tmp_path / "mine.cspec"
    spec.write_text(
        'from "mine.py" import sure\ndata train(x, y)\nmodel f\nminimize ce(f(x), y)\n'
        f"s.t. c: E[sure(f(x))] <= 60%\n{FIT}\n"
    )
    assert cspec.run(spec, train={"x": X, "y": Y}, f=linear()).steps == 2


@pytest.mark.parametrize(
    "lines", ["forall W in f.weights: norm(W, inf) <= 0.1", "density(f) <= 50%"]
)
def test_weights_that_no_optimizer_holds_are_not_projected(lines: str) -> None:
    net = nn.Sequential(linear(), nn.Tanh(), linear())
    with pytest.raises(cspec.SpecError) as error:
        trained(lines, 'sgd(lr=0.1, params="f.2*")', f=net)
    (found,) = error.value.diagnostics
    note = "`f.0.weight`: no optimizer of `fit` holds it"
    assert found.code == "CS309" and found.notes == (note,)


def test_the_others_are_projected_where_they_are_named() -> None:
    net = nn.Sequential(linear(), nn.Tanh(), linear())
    before = next(net.parameters()).detach().clone()
    rule = 'forall W in f.weights("2*"): norm(W, inf) <= 0.1'
    trained(rule, 'sgd(lr=0.1, params="f.2*")', f=net)
    assert before.equal(next(net.parameters()))
    assert float(list(net.parameters())[2].detach().abs().max()) <= 0.1 + 1e-6

"""ADMM, parametrization and Frank-Wolfe on problems with known solutions."""

from __future__ import annotations

import pytest
import torch

from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.words.sets import SET_WORDS, VERTICES
from cspec.runtime import operators
from cspec.runtime.methods.admm import begin, split_round
from cspec.runtime.own_loop.handle import Handle
from cspec.runtime.run.execute import resume
from cspec.runtime.run.execute import run as run_program
from cspec.runtime.run.folder import RunFolder
from cspec.runtime.steps.feasible_copies import Split

NEAREST = """
var w[4] = 0.3
minimize (w[0]-1)^2 + (w[1]-0.5)^2 + (w[2]+1)^2 + w[3]^2
s.t. {constraints}
fit(optimizer=sgd(lr=0.1), steps={steps}, precision=float64)
"""


def solve(run, *constraints, steps=1000):
    text = NEAREST.format(constraints="\n     ".join(constraints), steps=steps)
    return run(text)


@pytest.mark.parametrize(
    "settings",
    ["", "(linearized=true)", "(relaxation=1.6)", "(balance=false, growth=2, max_rho=8)"],
)
def test_admm_finds_the_nearest_point_of_the_simplex(run, settings):
    result = solve(run, f"a: w in simplex by admm{settings}")
    assert result.status == "satisfied"
    assert result.vars["w"] == pytest.approx([0.75, 0.25, 0, 0], abs=1e-4)
    assert any("rounds of ADMM" in note for note in result.notes)


def test_admm_splits_are_exact_before_fine_tuning(session):
    text = NEAREST.format(constraints="a: w in simplex by admm(fine_tune=0, warmup=0)", steps=1500)
    run = session(text)
    run.module["train"](run)
    assert run.state["a.z.0"].tolist() == pytest.approx([0.75, 0.25, 0, 0], abs=1e-3)
    assert float(run.state["a.residual"]) < 1e-2


def test_admm_on_two_sets_meets_both(run):
    result = solve(run, "a: w in simplex by admm", "b: w in [0.1, 0.6] by admm", steps=300)
    assert result.status == "satisfied"
    assert result.vars["w"] == pytest.approx([0.6, 0.2, 0.1, 0.1], abs=1e-3)


def test_linearized_step_is_the_formula(session):
    text = NEAREST.format(
        constraints="a: w in simplex by admm(linearized=true, warmup=0, rho=2)", steps=1
    )
    run = session(text)
    x = run.primal["w"].detach().clone()
    gradient = 2 * (x - torch.tensor([1.0, 0.5, -1.0, 0.0], dtype=x.dtype))
    z = operators.get("simplex").project(x)
    run.total_steps = 10
    run.batches = lambda: iter([_first(run)])
    run.module["deliver"] = lambda *_: None
    run.module["train"](run)
    eta = 0.1 / (1 + 1 / 200) ** 0.5
    expected = (x / eta + 2 * z - gradient) / (1 / eta + 2)
    assert torch.allclose(run.primal["w"].detach(), expected)


def _first(run):
    run.step = 1
    return run.batch_at(0)


def test_a_support_that_stands_still_is_frozen():
    state: dict[str, torch.Tensor] = {}
    x = [torch.tensor([5.0, 4.0, 0.2, 0.1])]
    half = operators.get("sparse", 0.5)
    split = Split("s", half, x, state)
    begin(split, rho=1.0)
    for _ in range(3):
        split_round(split)
    x[0].copy_(torch.tensor([0.0, 0.0, 9.0, 9.0]))
    split_round(split)
    assert state["s.z.0"].tolist()[2:] == [0, 0]


@pytest.mark.parametrize(
    ("constraint", "nearest"),
    [
        ("w in simplex by softmax", [0.75, 0.25, 0, 0]),
        ("w >= 0 by softplus", [1, 0.5, 0, 0]),
        ("w in [-0.5, 0.6] by parametrization", [0.6, 0.5, -0.5, 0]),
    ],
)
def test_parametrized_variables_reach_the_optimum(run, constraint, nearest):
    result = solve(run, f"a: {constraint}", steps=3000)
    assert result.status == "satisfied"
    assert result.vars["w"] == pytest.approx(nearest, abs=0.04)


NET = """
data train(x, y) = digits()
model net = mlp(hidden=[24, 24])
minimize ce(net(x), y)
s.t. ortho: forall W in net.weights("fc2.*"): W in stiefel by {map} within 1e-4
     signs: forall W in net.params("fc1.bias"): W >= 0 by construction
fit(epochs=2)
"""


@pytest.mark.parametrize("map", ["cayley", "householder", "matrix_exp"])
def test_parametrized_weights_stay_on_the_manifold(run, map):
    result = run(NET.format(map=map))
    assert result.status == "satisfied"
    assert result.history[-1].objective < result.history[0].objective
    names = dict(result.models["net"].named_parameters())
    assert "fc2.weight" in names and not any("parametrizations" in name for name in names)


def test_a_parametrized_run_resumes_to_the_same_bits(build, tmp_path):
    program, bound = build(NET.format(map="cayley"))
    whole = run_program(program, bound, out=tmp_path / "a")
    _, again = build(NET.format(map="cayley"))
    folder = RunFolder.open(tmp_path / "a")
    resumed = resume(folder, program, again, seed=program.fit["seed"])
    for name, tensor in whole.last.tensors.items():
        assert torch.equal(tensor, resumed.last.tensors[name])


def test_frank_wolfe_certifies_its_answer(run):
    result = solve(run, "a: norm(w, 1) <= 1 by frank_wolfe", steps=2000)
    assert result.status == "satisfied"
    assert result.vars["w"] == pytest.approx([0.5, 0, -0.5, 0], abs=2e-3)
    gap = result.last.state.get("a.gap")
    assert any("Frank-Wolfe gap" in note for note in result.notes)
    assert gap is None or float(gap) < 1e-2


def test_tables_of_sets_are_those_of_the_runtime():
    arguments = {"box": (0.0, 1.0), "rank": (2,), "ball": (1.0,), "spectral": (1.0,)}
    arguments["nuclear"] = (1.0,)
    for record in SET_WORDS.values():
        if record.maps:
            assert operators.OPERATORS[record.word].maps == record.maps
    for word in VERTICES:
        made = operators.get(word, *arguments.get(word, ()))
        assert made.convex
        assert made.lmo(torch.ones(3, 3)).shape == (3, 3)


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ("w in simplex by cayley", "maps onto `simplex`: softmax"),
        ("w >= 0 by frank_wolfe", "no vertex oracle"),
        ("w <= 1 by frank_wolfe", "a box with an open end"),
        ("w[0] + w[1]^2 <= 1 by parametrization", "not a set of parameters"),
    ],
)
def test_sets_without_the_form_are_refused_by_name(build, constraint, message):
    with pytest.raises(SpecError, match=message):
        build(NEAREST.format(constraints=f"a: {constraint}", steps=10))


def test_two_constructions_on_one_parameter_are_refused(build):
    both = "a: w in simplex by softmax\n     b: norm(w, 1) <= 1 by projection"
    with pytest.raises(SpecError, match="two sets at once"):
        build(NEAREST.format(constraints=both, steps=10))


@pytest.mark.parametrize("method", ["admm", "frank_wolfe", "softmax"])
def test_own_loops_refuse_what_owns_the_step(build, method):
    program, bound = build(NEAREST.format(constraints=f"a: w in simplex by {method}", steps=10))
    primal = {name: torch.nn.Parameter(v.detach()) for name, v in bound.variables.items()}
    with pytest.raises(SpecError, match="not available in your own loop"):
        Handle(program, primal, torch.optim.SGD(list(primal.values()), lr=0.1))


def test_admm_keeps_the_density_asked_for(run):
    text = (
        "data train(x, y), test(x, y) = digits(split=[0.7, 0.3], seed=0)\n"
        "model net = mlp(hidden=[32])\nminimize ce(net(x), y)\n"
        "s.t. prune: density(net) <= 20% by admm\nfit(epochs=20, batch_size=64)\n"
        "metric acc = P[pred == y on test]"
    )
    result = run(text)
    assert result.status == "satisfied"
    assert result.constraints[0].value == pytest.approx(0.2, abs=1e-3)
    assert result.metrics["acc"] > 0.8

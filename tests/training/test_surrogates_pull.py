"""What trains is what is written: the step's view of generated requirements, by hand, and its pull.

Values and gradients are compared with sums over everything that may happen (`training.events`).
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from training.requirements import Requirement, drawn
from training.worlds import World, head, world

import cspec
from cspec.compiler.records.program import Program
from cspec.runtime.run.execute import load_module

SEEDS = range(96)
ONE_STEP = "fit(optimizer=sgd(lr=0.05), steps=1, batch_size=full, seed=0, precision=float64)"
FIVE_STEPS = ONE_STEP.replace("steps=1", "steps=5").replace("lr=0.05", "lr=0.01")
"""Short ones: where a surrogate is steep, longer steps of a penalty go to and fro."""
PENALTY = "using exact_penalty(coefficient=4)"


def requirement(seed: int) -> Requirement:
    """A generated requirement; what holds or fails whatever is learned is not one."""
    found = drawn(seed)
    if found is None or any(d.code == "CS311" for d in cspec.check(found.spec())):
        pytest.skip("no requirement that is violated at the start, and can be met")
    return found


def bindings(made: World) -> dict[str, Any]:
    """Copies: a run moves what it is given."""
    models = {name: copy.deepcopy(model) for name, model in made.models.items()}
    return {"f": models["f"], "h": models["h"], "other": models["ref"], "train": dict(made.data)}


def seen(program: Program, made: World) -> tuple[Tensor, Tensor]:
    """What `measure` of a program says of the requirement: with gradient, and the true values."""
    batch = {"train": made.data, "clock": torch.zeros(1)}
    primal = {**made.models, "other": made.models["ref"]}
    _, g, true = load_module(program)["measure"](primal, batch)
    return g, true


def slopes(entries: Tensor, made: World) -> list[Tensor]:
    """The gradient of each entry by the parameters of f and h, in one vector each."""
    parameters = [p for name in ("f", "h") for p in made.models[name].parameters()]
    found = []
    for entry in entries:
        parts = torch.autograd.grad(entry, parameters, retain_graph=True, allow_unused=True)
        flat = [
            torch.zeros_like(p) if d is None else d for p, d in zip(parameters, parts, strict=True)
        ]
        found.append(torch.cat([d.reshape(-1) for d in flat]))
    return found


def still(wanted: Requirement) -> bool:
    """Whether no change of a parameter changes what the step sees."""
    soft = wanted.soft(wanted.world)
    return all(float(d.abs().max()) < 1e-12 for d in slopes(soft, wanted.world))


@pytest.mark.parametrize("seed", SEEDS)
def test_value_and_gradient_are_those_of_the_definition(seed: int) -> None:
    wanted = requirement(seed)
    made, spec = wanted.world, wanted.spec("using lagrangian", ONE_STEP)
    try:
        program = cspec.compile(spec, **bindings(made))
    except cspec.SpecError as refused:
        assert still(wanted) and {d.code for d in refused.diagnostics} == {"CS310"}
        return
    g, true = seen(program, made)
    soft = wanted.soft(made)
    assert g.dtype == torch.float64
    assert torch.allclose(true, wanted.exact(made), rtol=0, atol=1e-12, equal_nan=True)
    assert torch.allclose(g, soft, rtol=1e-9, atol=1e-12), wanted.line
    for mine, hand in zip(slopes(g, made), slopes(soft, made), strict=True):
        assert torch.allclose(mine, hand, rtol=1e-9, atol=1e-11), wanted.line


# --- steps ---------------------------------------------------------------------------------------


def moved(wanted: Requirement, text: str) -> World:
    """The world with the models as a run leaves them."""
    result = cspec.run(text, **bindings(wanted.world))
    assert result.last is not None
    models = {name: copy.deepcopy(model) for name, model in wanted.world.models.items()}
    for name in ("f", "h"):
        prefix = f"{name}."
        state = {
            k[len(prefix) :]: v for k, v in result.last.tensors.items() if k.startswith(prefix)
        }
        models[name].load_state_dict(state)
    return replace(wanted.world, models=models)


@pytest.mark.slow
def test_five_steps_lower_what_is_violated() -> None:
    """Against the same steps without the requirement.

    Nearly always: comparisons of numbers are in units of the step, which move with the model.
    """
    total, softer, lower = 0, 0, 0
    for seed in SEEDS:
        wanted = drawn(seed)
        if wanted is None or any(d.code == "CS311" for d in cspec.check(wanted.spec())):
            continue
        if still(wanted) or wanted.line.startswith("gap("):
            continue  # of a gap other pairs of groups pull from one step to the next
        bound = moved(wanted, wanted.spec(PENALTY, FIVE_STEPS))
        free = moved(wanted, f"{head(wanted.world.outputs)}{FIVE_STEPS}")
        pulled = wanted.exact(wanted.world) > 0
        softer += bool(wanted.soft(bound)[pulled].sum() < wanted.soft(free)[pulled].sum())
        total += 1
        lower += bool(wanted.exact(bound)[pulled].sum() <= wanted.exact(free)[pulled].sum())
    assert total >= 50 and min(softer, lower) >= 0.95 * total, (total, softer, lower)


# --- printed, and typed --------------------------------------------------------------------------


def sides(program: Program, spec: str) -> tuple[str, str] | None:
    """The left sides of the requirement and of its surrogate as they are printed; None of groups.

    What is printed for each group, `v[i]`, is not what a requirement compares.
    """
    found = json.loads(cspec.explain(spec, format="json"))["constraints"][0]
    (exact,) = found["canonical"]
    (stand_in,) = program.constraints[0].stand_in
    left, right = (text.removesuffix(" <= 0") for text in (exact["text"], stand_in))
    return None if "][i]" in left or ")[i]" in left else (left, right)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_printed_means_the_same_when_it_is_typed(seed: int) -> None:
    wanted = requirement(seed)
    if still(wanted):
        pytest.skip("nothing moves it")
    spec = wanted.spec("using lagrangian", ONE_STEP)
    program = cspec.compile(spec, **bindings(wanted.world))
    printed = sides(program, spec)
    if printed is None:
        pytest.skip("printed for each group")
    line = f"{printed[0]} <= 0 with surrogate {printed[1]}"
    typed = cspec.compile(spec.replace(wanted.line, line), **bindings(wanted.world))
    (g, true), (again, truth) = (seen(each, wanted.world) for each in (program, typed))
    assert torch.equal(g, again) and torch.equal(true, truth)
    assert all(
        torch.equal(*pair)
        for pair in zip(slopes(g, wanted.world), slopes(again, wanted.world), strict=True)
    )


# --- own loops -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS[::6])
def test_a_loop_of_ones_own_takes_the_same_step(seed: int) -> None:
    wanted = requirement(seed)
    if still(wanted):
        pytest.skip("nothing moves it")
    spec = wanted.spec(PENALTY, ONE_STEP)
    names = bindings(wanted.world)
    models = {name: names[name] for name in ("f", "h", "other")}
    parameters = [p for name in ("f", "h") for p in models[name].parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.05)
    handle = cspec.bind(spec, optimizer=optimizer, train=wanted.world.data, **models)
    optimizer.zero_grad()
    handle.loss(train=wanted.world.data).backward()
    optimizer.step()
    result = cspec.run(spec, **bindings(wanted.world))
    assert result.last is not None
    for name in ("f", "h"):
        for key, value in models[name].state_dict().items():
            assert torch.allclose(value, result.last.tensors[f"{name}.{key}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("E[sign(f(x)[0]) + f(x)[1]] <= 0.1", "sign(f(x)[0])"),
        ("E[ce(h(x), pred(f(x)))] <= 0.1", "ce(h(x), pred(f(x)))"),
        ("P[pred(f(x)) > 2] >= 0.1", "a: P[pred(f(x)) > 2] >= 0.1"),
        ("P[pred(f(x)) in {0, 1, 2}] <= 0.5", "a: P[pred(f(x)) in {0, 1, 2}] <= 0.5"),
        ("E[sign(f(x)[0]) | g == 1] <= 0.1 with surrogate sigmoid", "sign(f(x)[0])"),
    ],
)
@pytest.mark.parametrize("own", [False, True])
def test_what_can_not_pull_is_refused_before_a_step(line: str, place: str, own: bool) -> None:
    made = world(0, 3)
    spec = f"{head(3)}s.t. a: {line}\n"
    names = bindings(made)
    with pytest.raises(cspec.SpecError) as caught:
        if own:
            optimizer = torch.optim.SGD(names["f"].parameters(), lr=0.1)
            cspec.bind(spec, optimizer=optimizer, **names)
        else:
            cspec.run(spec, **names)
    found = caught.value.diagnostics[0]
    assert found.code == "CS310"
    assert spec[found.span.start : found.span.end].removeprefix("s.t. ") == place


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("P[pred(f(x)) > 2] <= 0.1", 0),
        ("P[pred(f(x)) in {0, 1, 2}] >= 90%", 1),
        ("P[pred(f(x)) == 1 | pred(f(x)) == 1] >= 1", 1),
        ("P[y == 1 and pred(f(x)) < 3] <= 99%", None),
    ],
)
def test_what_is_met_whatever_is_predicted_is_judged(line: str, value: float | None) -> None:
    made = world(0, 3)
    result = cspec.run(f"{head(3)}s.t. a: {line}\nfit(steps=2)", **bindings(made))
    expected = float((made.data["y"] == 1).double().mean()) if value is None else value
    assert result["a"].value == pytest.approx(expected) and result["a"].satisfied
    assert any("whatever is predicted" in note for note in result.notes)


@pytest.mark.parametrize("floor", [0.7, 0.85])
def test_most_recall_at_a_precision(floor: float) -> None:
    """Against the best threshold of logistic regression, all counted here."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(1500, 3)).astype("float32")
    chance = 1 / (1 + np.exp(-(x @ np.array([1.5, -1.0, 0.5]) - 1)))
    y = (draw.random(1500) < chance).astype("int64")
    result = cspec.run(
        "data train(x, y)\nmodel f = linear\nmaximize P[pred == 1 | y == 1]\n"
        f"s.t. precision: P[y == 1 | pred == 1] >= {floor}\nfit(epochs=40)",
        train={"x": x, "y": y},
    )
    with torch.no_grad():
        chosen = result.models["f"](torch.as_tensor(x)).reshape(-1).numpy() > 0
    assert y[chosen].mean() >= floor
    scores = LogisticRegression().fit(x, y).predict_proba(x)[:, 1]
    hits = np.cumsum(y[np.argsort(-scores)])
    best = max(hits[hits >= floor * np.arange(1, 1501)]) / y.sum()
    assert chosen[y == 1].mean() >= best - 0.03

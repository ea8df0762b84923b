"""The untuned benchmark: specs without settings, and judges against counts in plain loops."""

import importlib
import json
import math
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import cspec

FOLDER = Path(__file__).parents[2] / "benchmarks"
SETTINGS = re.compile(r"\b(using|fit|by|within|verify|with|penalty|lr|dual|method|soft)\b")
"""Words that would tune a run."""


def load(name: str) -> ModuleType:
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    return importlib.import_module(f"untuned.{name}")


tasks = load("tasks")
task_module = load("task")
judge = load("judge")
scaling = load("scaling")
BY_NAME = {task.name: task for task in tasks.TASKS}


def columns(name: str) -> dict[str, np.ndarray]:
    arrays = BY_NAME[name].data()
    assert isinstance(arrays, dict)
    return arrays


def test_every_spec_is_a_task_of_one_half() -> None:
    stems = {path.stem for path in task_module.SPECS.glob("*.cspec")}
    assert stems == set(BY_NAME)
    assert len(tasks.TASKS) == len(BY_NAME) >= 60
    halves = Counter(task.half for task in tasks.TASKS)
    assert halves["development"] == halves["held"]
    assert {task.family for task in tasks.TASKS} == set(task_module.FAMILIES)


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_a_spec_states_no_setting_and_checks_clean(name: str, scale: float) -> None:
    text = BY_NAME[name].path.read_text()
    assert not SETTINGS.search(text)
    found = cspec.check(scaling.scaled(text, scale))
    assert not [each.message for each in found if each.severity == "error"]


def test_a_requirement_is_multiplied_through_on_each_of_its_lines() -> None:
    text = (
        "minimize E[x <= 2]\ns.t. a: E[x] - E[x | y == 1] <= 0.5\n"
        "     b: forall g in values(s): 1 <= E[x] <= (2 + 1)\n     c: w in simplex\n"
    )
    assert scaling.scaled(text, 1.0) == text
    assert scaling.scaled(text, 10.0) == (
        "minimize E[x <= 2]\ns.t. a: 10.0*(E[x] - E[x | y == 1]) <= 10.0*(0.5)\n"
        "     b: forall g in values(s): 10.0*(1) <= 10.0*(E[x]) <= 10.0*((2 + 1))\n"
        "     c: w in simplex\n"
    )


def test_smooth_judge_is_a_loop_over_examples() -> None:
    task, data = BY_NAME["equal_and_cap"], columns("equal_and_cap")
    model = task.start()
    weights = model.weight.detach().double().numpy()[0]
    offset = model.bias.detach().double().item()
    error = power = group = members = 0.0
    for x, y, s in zip(data["x"], data["y"], data["s"], strict=True):
        f = sum(w * v for w, v in zip(weights, x, strict=True)) + offset
        error, power = error + (f - y) ** 2, power + f**2
        group, members = (group + f, members + 1) if s == 1 else (group, members)
    count = len(data["y"])
    worst = max(abs(group / members - 0.2), power / count - 4)
    found = judge.measure(task, model, task.columns())
    assert found.objective == pytest.approx(error / count)
    assert found.violation == pytest.approx(worst)
    assert not found.met


def test_rates_judge_counts_predictions() -> None:
    task, data = BY_NAME["parity"], columns("parity")
    model = task.start()
    positive, members = [0, 0], [0, 0]
    for x, s in zip(data["x"], data["s"], strict=True):
        logit = model.double()(torch.tensor(x)).item()
        positive[s] += logit > 0
        members[s] += 1
    apart = abs(positive[0] / members[0] - positive[1] / members[1])
    found = judge.measure(task, model, task.columns())
    assert found.violation == pytest.approx(max(0.0, apart - 0.02))
    assert found.met == (apart <= 0.02 + 1e-9)


def test_sets_judge_adds_up_entries() -> None:
    task = BY_NAME["row_simplex"]
    model = task.start()
    rows = [[0.5, 0.5, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4], [1.0, 0.0, 0.0, 0.0], [0.0, 0.3, 0.0, 0.6]]
    model.weight.data = torch.tensor(rows)
    found = judge.measure(task, model, task.columns())
    assert found.violation == pytest.approx(0.1, abs=1e-6)
    rows[3][3] = 0.7
    model.weight.data = torch.tensor(rows)
    assert judge.measure(task, model, task.columns()).met


def test_pruning_judge_counts_zeros() -> None:
    task = BY_NAME["digits_tenth"]
    model = task.start()
    allowed = math.floor(0.1 * (64 * 32 + 32 * 10))
    first = next(iter(model.parameters()))
    for parameter in model.parameters():
        parameter.data.zero_()
    first.data.reshape(-1)[:allowed] = 1.0
    assert judge.measure(task, model, task.columns()).met
    first.data.reshape(-1)[allowed] = 1.0
    assert not judge.measure(task, model, task.columns()).met


def test_decisions_judge_is_a_sorted_tail() -> None:
    task, data = BY_NAME["portfolio_cvar"], columns("portfolio_cvar")
    weights = [0.1, 0.2, 0.3, 0.4]
    losses = sorted((-float(np.dot(weights, x)) for x in data["x"]), reverse=True)
    point = task_module.Variables(w=weights)
    found = judge.measure(task, point, task.columns())
    assert found.objective == pytest.approx(sum(losses[:40]) / 40)
    assert found.met == (sum(losses) / len(losses) <= -0.5)


def test_networks_judge_is_a_mean_by_class() -> None:
    task, data = BY_NAME["wine_class_loss"], columns("wine_class_loss")
    model = task.start().double()
    losses: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for x, y in zip(data["x"], data["y"], strict=True):
        logits = model(torch.tensor(x)).tolist()
        losses[int(y)].append(math.log(sum(map(math.exp, logits))) - logits[int(y)])
    worst = max(sum(each) / len(each) for each in losses.values()) - 0.02
    found = judge.measure(task, model, task.columns())
    assert found.violation == pytest.approx(worst)
    assert 0 <= found.quality <= 1


def test_operations_are_those_of_weights_that_act() -> None:
    operations = load("pruning").operations
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)).double()
    model[0].weight.data[0] = 0.0
    assert operations(model) == 2 * (3 + 2)


def test_known_optima_agree_with_closed_forms() -> None:
    known = load("references").known
    data = columns("mean_cap")
    x = np.column_stack([data["x"], np.ones(len(data["y"]))])
    level, weights = x.mean(0), np.linalg.lstsq(x, data["y"], rcond=None)[0]
    inverse = np.linalg.inv(2 * x.T @ x / len(x))
    multiplier = (level @ weights + 0.4) / (level @ inverse @ level)
    at = weights - multiplier * inverse @ level
    found = known(BY_NAME["mean_cap"])
    assert found.multipliers["cap"] == pytest.approx(multiplier, rel=1e-4)
    assert found.objective == pytest.approx(np.mean((x @ at - data["y"]) ** 2))


def test_what_the_searches_found_is_kept_for_every_task() -> None:
    kept = json.loads((FOLDER / "untuned" / "searched.json").read_text())
    assert set(kept["tasks"]) == set(BY_NAME)
    for name, best in kept["tasks"].items():
        assert best["optimum"] is not None or best["met"], name


def test_backward_passes_are_counted_and_the_counter_is_put_back() -> None:
    before = torch.autograd.grad
    weight = torch.ones(2, requires_grad=True)
    with judge.counted() as total:
        weight.sum().backward()
        torch.autograd.grad(weight.square().sum(), weight)
    assert total == [2]
    assert torch.autograd.grad is before


def test_an_early_iterate_counts_where_nothing_names_its_step() -> None:
    def result(step: int, note: str) -> SimpleNamespace:
        best = SimpleNamespace(step=step)
        return SimpleNamespace(best=best, steps=3000, notes=(note,))

    assert judge.early(result(1000, ""))
    assert not judge.early(result(2000, ""))
    assert not judge.early(result(1000, "reported: step 1,000, feasibility first"))

"""What you read is what runs: the emitted file run on its own gives the bits of `run`."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import cspec
from cspec.runtime.run.execute import load_module

GOLDENS = Path(__file__).parents[2] / "goldens"

SPECS = {
    "gates": (
        "minimize ce s.t. density(model) <= 0.5\nfit(epochs=2)",
        {"model": "mlp(hidden=[16], gates=hard_concrete)", "data": "digits"},
    ),
    "rates": (
        "data train(x, y) = two_gaussians(n=100)\nmodel f = linear\nminimize bce(f(x), y)\n"
        "s.t. quota: P[pred == 0] >= 70%\nmetric acc = P[pred == y]\nfit(epochs=20)",
        {},
    ),
    "variables": (
        "var w[3] = 0\nminimize sumsq(w)\ns.t. a: w[0] + w[1] == 1 by augmented_lagrangian\n"
        "     b: w >= 0.1 by projection\nfit(steps=300)",
        {},
    ),
    "points": (
        "domain q(x) = box([0, 1])\nmodel u(x) = mlp(hidden=[8], act=tanh)\n"
        "minimize E[(u - x)^2 for x in q.sample(30)]\ns.t. end: u(0) == 1\n"
        "     low: forall x in uniform(0.5, 1).sample(9): u(x) == 0.5 within 1e-2\nfit(steps=60)",
        {},
    ),
    "worst cases": (
        "data train(x, y) = two_gaussians(n=40)\nmodel f = linear\nminimize bce(f(x), y)\n"
        "s.t. r: E[max(bce(f(z), y) for z in ball(x, 1, norm=2))] <= 0.3\nfit(epochs=9)",
        {},
    ),
    "multipliers by a network": (
        "data train(x, y) = two_gaussians(n=40)\nmodel f = linear\nminimize bce(f(x), y)\n"
        "s.t. r: forall (x, y) in train: bce(f(x), y) <= 2 "
        "by lagrangian(multipliers=mlp(hidden=[4]))\nfit(epochs=9)",
        {},
    ),
    "noise": (
        "data train(x, y) = two_gaussians(n=40)\nmodel f = linear\n"
        "minimize E[bce(f(x + e), y) for e in normal(0, 0.5)]\n"
        "s.t. r: E[E[(f(x + e) - f(x))^2 for e in normal(0, 1)]] <= 0.3\nfit(epochs=9, seed=3)",
        {},
    ),
}


@pytest.mark.parametrize("name", SPECS)
def test_the_file_alone_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    text, bindings = SPECS[name]
    whole = cspec.run(text, **bindings)
    path = tmp_path / "train.py"
    path.write_text(cspec.compile(text, **bindings).source)
    found = subprocess.run(
        [sys.executable, str(path), "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": str(_threads())},
    )
    assert found.returncode == whole.exit_code, found.stderr
    alone = json.loads(found.stdout.splitlines()[-1])
    inside = json.loads(whole.to_json())
    for key in ("objective", "constraints", "vars", "metrics", "last", "steps", "status"):
        assert alone[key] == inside[key], key


def _threads() -> int:
    import torch

    return torch.get_num_threads()


REQUIREMENTS = (
    "E[f(x)[1]*a] <= 0.5",
    "forall k in range(5): P[pred == k | y == k] >= 0.2",
    "forall k in values(g): abs(P[pred == 1 | g == k] - P[pred == 1]) <= 0.1",
    "forall k in range(5): E[f(x)[4 - k]*a | g == 1] == 0.1*k",
    "quantile(ce, 0.9) <= 3; cvar(ce, 0.8) <= 4; E[a^2 | g != 1] / E[ce] <= 2",
)


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_a_step_waits_for_no_device(requirement: str) -> None:
    """Tensors without values have none that the host could ask for: it would raise."""
    draw = torch.Generator().manual_seed(0)
    data = {
        "x": torch.randn(60, 3, generator=draw), "y": torch.arange(60) % 5,
        "a": torch.randn(60, generator=draw), "g": torch.arange(60) % 4,
    }  # fmt: skip
    text = (
        f"data train(x, y, a, g)\nmodel f\nminimize ce\ns.t. {requirement}\n"
        "using lagrangian(dual=sgd(lr=0.1))"
    )
    model = torch.nn.Linear(3, 5)
    module = load_module(cspec.compile(text, f=model, train=data))
    batch = {name: column.to("meta") for name, column in data.items()}
    f, g, true = module["measure"]({"f": model.to("meta")}, {"train": batch})
    state = {name: value.to("meta") for name, value in module["initial_state"]().items()}
    module["ascend_lagrangian"](state, true)
    loss = module["combine"](f, g, true, state)
    loss.backward()
    assert loss.dtype is g.dtype is torch.float32
    assert all(p.grad is not None for p in model.parameters())


HOST = frozenset({"item", "tolist", "cpu", "numpy", "float", "bool", "int", "nonzero"})
LOOKS = frozenset({"train", "restore", "solve"})
"""Functions that run on the host, and look at what a session knows there."""


@pytest.mark.parametrize("path", sorted(GOLDENS.glob("*.py")), ids=lambda path: path.stem)
def test_emitted_functions_ask_for_no_number(path: Path) -> None:
    functions = [f for f in ast.parse(path.read_text()).body if isinstance(f, ast.FunctionDef)]
    emitted = [f for f in functions if f.name not in LOOKS | {"main"}]
    nodes = [node for function in emitted for node in ast.walk(function)]
    calls = {ast.unparse(n.func).rpartition(".")[2] for n in nodes if isinstance(n, ast.Call)}
    assert not calls & HOST
    assert not any(isinstance(node, ast.If | ast.IfExp | ast.While) for node in nodes)

"""Programs as the compiler emits them, written by hand: a variable, digits with gates."""

from collections.abc import Callable
from typing import Any

import pytest

from cspec.compiler.records.graph import UpdateGraph
from cspec.compiler.records.program import (
    ConstraintFacts,
    DataSetup,
    ModelSetup,
    Program,
    SourceCall,
    VariableSetup,
    plain_fit,
)
from cspec.dsl.settings.fit import AdamOptimizer, FitSettings, SgdOptimizer

VARIABLE = '''"""minimize x^2  subject to  low: x >= 1"""
import torch

def initial_state():
    return {"multipliers": torch.zeros(1)}

def measure(primal, batch):
    x = primal["x"]
    f = (x ** 2).sum()
    g = torch.stack([1.0 - x.sum()])  # low
    return f, g, g.detach()

def violation(primal, batch):
    return measure(primal, batch)[2]

def ascend(state, true):
    old = state["multipliers"]
    state["multipliers"] = torch.where(torch.isnan(true), old, torch.relu(old + 0.1 * true))

def combine(f, g, true, state):
    return f + (state["multipliers"] * torch.where(torch.isnan(g), 0.0, g)).sum()

def objective(primal, data):
    return (primal["x"] ** 2).sum()

def evaluate(primal, data):
    return {"low": (primal["x"].sum(), torch.tensor(1.0))}

metrics = {}

def train(session):
    primal, state, optimizer = session.primal, session.state, session.optimizer
    for batch in session.batches():
        f, g, true = measure(primal, batch)
        ascend(state, true)
        loss = combine(f, g, true, state)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        session.schedule.step()
        session.record(f, true)
        if session.epoch_ended:
            session.verify()
            if session.stopped():
                break
'''

DIGITS = '''"""minimize E[ce(model(x), y) on data]  subject to  c1: density(model) <= 0.5"""
import torch
from cspec.runtime.functions import ce, density, expected_density, mean
from cspec.runtime.models import clamp_gates

def initial_state():
    return {"multipliers": torch.zeros(1)}

def measure(primal, batch):
    model = primal["model"]
    x, y = batch["data"]["x"], batch["data"]["y"]
    f = mean(ce(model(x), y))
    g = torch.stack([expected_density(model) - 0.5])  # c1
    return f, g, g.detach()

def violation(primal, batch):
    return torch.stack([expected_density(primal["model"]) - 0.5])

def ascend(state, true):
    old = state["multipliers"]
    state["multipliers"] = torch.where(torch.isnan(true), old, torch.relu(old + 0.2 * true))

def combine(f, g, true, state):
    return f + (state["multipliers"] * torch.where(torch.isnan(g), 0.0, g)).sum()

def objective(primal, data):
    return mean(ce(primal["model"](data["data"]["x"]), data["data"]["y"]))

def evaluate(primal, data):
    return {"c1": (density(primal["model"]), torch.tensor(0.5))}

def metric_accuracy(primal, data):
    z = primal["model"](data["test"]["x"])
    return (z.argmax(1) == data["test"]["y"]).double().mean()

metrics = {"accuracy": metric_accuracy}

def train(session):
    primal, state, optimizer = session.primal, session.state, session.optimizer
    model = primal["model"]
    for batch in session.batches():
        f, g, true = measure(primal, batch)
        ascend(state, true)
        loss = combine(f, g, true, state)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        clamp_gates(model)
        session.record(f, true)
        if session.epoch_ended:
            session.verify()
            if session.stopped():
                break
'''


def _variable_program(source: str = VARIABLE, steps: int = 1000, **fit: Any) -> Program:
    chosen = {"optimizer": (SgdOptimizer(lr=0.05),), "steps": steps, "precision": "float64"} | fit
    return Program(
        name="low.cspec",
        spec="var x = 3\nminimize x^2\ns.t. low: x >= 1\n",
        digest="0" * 64,
        source=source,
        graph=UpdateGraph(),
        sense="minimize",
        objective="x^2",
        constraints=(
            ConstraintFacts(
                label="low",
                family="low",
                text="x >= 1",
                relation=">=",
                tolerance=1e-6,
                method="lagrangian",
                rule="lagrangian",
                segment=(0, 1),
                sign=-1.0,
                multipliers=True,
                line=3,
            ),
        ),
        variables=(VariableSetup(name="x", start=3.0),),
        fit=plain_fit(FitSettings(**chosen)),
        method="lagrangian",
    )


def _digits_program(source: str = DIGITS, epochs: int = 3, **fit: Any) -> Program:
    optimizers = (AdamOptimizer(lr=0.1, params="*log_alpha"), AdamOptimizer(lr=2e-3))
    chosen = {"optimizer": optimizers, "epochs": epochs, "batch_size": 64} | fit
    gated = SourceCall(
        name="mlp",
        settings={"hidden": [32], "gates": "hard_concrete"},
        inputs=(64,),
        outputs=10,
    )
    return Program(
        name="quick.cspec",
        spec="minimize ce s.t. density(model) <= 0.5\n",
        digest="1" * 64,
        source=source,
        graph=UpdateGraph(),
        sense="minimize",
        objective="E[ce(model(x), y) on data]",
        objective_datasets=("data",),
        constraints=(
            ConstraintFacts(
                label="c1",
                family="c1",
                text="density(model) <= 0.5",
                relation="<=",
                tolerance=1e-6,
                method="lagrangian",
                rule="lagrangian",
                segment=(0, 1),
                multipliers=True,
                line=1,
            ),
        ),
        data=(
            DataSetup(
                targets=(("data", (("x", "x"), ("y", "y"))),), source=SourceCall(name="digits")
            ),
        ),
        models=(ModelSetup(name="model", source=gated),),
        fit=plain_fit(FitSettings(**chosen)),
        method="lagrangian",
    )


@pytest.fixture
def variable_program() -> Callable[..., Program]:
    """minimize x^2 s.t. x >= 1: x* = 1 with multiplier 2."""
    return _variable_program


@pytest.fixture
def digits_program() -> Callable[..., Program]:
    """Cross-entropy on digits under a density of at most 50%, by gates."""
    return _digits_program

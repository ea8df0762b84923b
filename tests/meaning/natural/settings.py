"""Data and models that natural specs are bound to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from meaning.natural.kept import Setting, setting
from torch import nn


def linear(features: int, outputs: int, seed: int, scale: float = 1.0) -> nn.Linear:
    """An affine model with drawn parameters."""
    generator = torch.Generator().manual_seed(seed)
    model = nn.Linear(features, outputs)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * scale)
    return model


def person_columns(n: int, seed: int) -> dict[str, np.ndarray]:
    """Applicants for loans."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["F", "M"], n)
    race = np.concatenate([["A", "B", "C"], rng.choice(["A", "B", "C"], n - 3)])
    x = rng.normal(size=(n, 4)) + 0.5 * (sex == "M")[:, None]
    y = (x[:, 0] + rng.normal(size=n) > 0.3).astype(int)
    return {
        "x": x,
        "y": y,
        "sex": sex,
        "race": race,
        "age": rng.integers(18, 80, n),
        "amount": np.exp(rng.normal(size=n) + 6),
        "married": rng.random(n) < 0.4,
        "branch": rng.choice([1, 2, 5], n),
    }


def loans_of(shape: Callable[[np.ndarray], Any] = lambda v: v, outputs: int = 1) -> Setting:
    """A classifier of two classes with one logit (or two), on train, val and test."""
    tables = {
        t: person_columns(n, s) for t, n, s in (("train", 61, 0), ("val", 44, 1), ("test", 37, 2))
    }
    listed = ", ".join(f"{t}({', '.join(tables[t])})" for t in tables)
    return setting(f"data {listed}\nmodel f\n", tables, {"f": linear(4, outputs, 3)}, shape)


def as_column(values: np.ndarray) -> np.ndarray:
    """(n,) as (n, 1)."""
    return values.reshape(-1, 1)


def loans() -> Setting:
    """One logit, columns of shape (n,)."""
    return loans_of()


def loans_n_by_1() -> Setting:
    """One logit, target and columns of shape (n, 1)."""
    return loans_of(as_column)


def loans_two_logits() -> Setting:
    """Two logits."""
    return loans_of(outputs=2)


def animals() -> Setting:
    """Three classes, and a second model that has been in use so far."""
    tables = {}
    for name, n, seed in (("train", 66, 5), ("val", 39, 6)):
        rng = np.random.default_rng(seed)
        tables[name] = {
            "x": rng.normal(size=(n, 5)),
            "y": np.concatenate([[0, 1, 2], rng.integers(0, 3, n - 3)]),
            "zoo": rng.choice(["north", "south", "west"], n),
            "cost": np.exp(rng.normal(size=n)),
            "wild": rng.random(n) < 0.5,
        }
    listed = ", ".join(f"{t}({', '.join(tables[t])})" for t in tables)
    return setting(f"data {listed}\nmodel f\n", tables, {"f": linear(5, 3, 7)})


def releases() -> Setting:
    """Three classes, and the model that has been in use so far."""
    found = animals()
    old = linear(5, 3, 8)
    tables = {t: dict(found.names[t]) for t in ("train", "val")}
    return setting(found.header + "model old\n", tables, {"f": found.names["f"], "old": old})


def weather() -> Setting:
    """Labels in words, three classes; two people have labelled, one of them with `hail`."""
    tables = {}
    for name, n, seed in (("train", 58, 11), ("val", 33, 12)):
        rng = np.random.default_rng(seed)
        tables[name] = {
            "x": rng.normal(size=(n, 3)),
            "y": np.concatenate(
                [["rain", "snow", "sun"], rng.choice(["rain", "snow", "sun"], n - 3)]
            ),
            "anna": rng.choice(["hail", "rain", "sun"], n),
            "place": rng.choice(["hill", "sea"], n),
        }
    listed = ", ".join(f"{t}({', '.join(tables[t])})" for t in tables)
    found = setting(f"data {listed}\nmodel f\n", tables, {"f": linear(3, 3, 13)})
    for facts in (found.facts, found.facts.val):
        facts.named = np.array(["rain", "snow", "sun"])[facts.pred]
    return found


def houses() -> Setting:
    """Prices in thousands, by region; one output."""
    return houses_of()


def houses_n_by_1() -> Setting:
    """The same with target and columns of shape (n, 1)."""
    return houses_of(as_column)


def houses_of(shape: Callable[[np.ndarray], Any] = lambda v: v) -> Setting:
    """Regression with groups."""
    tables = {}
    for name, n, seed in (("train", 52, 21), ("val", 41, 22)):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, 3))
        tables[name] = {
            "x": x,
            "y": 200 + 50 * x[:, 0] + 20 * rng.normal(size=n),
            "region": rng.choice(["east", "north", "south"], n),
            "area": rng.uniform(40, 200, n),
            "new": rng.random(n) < 0.3,
        }
    listed = ", ".join(f"{t}({', '.join(tables[t])})" for t in tables)
    model = linear(3, 1, 23, 20.0)
    with torch.no_grad():
        model.bias.fill_(190.0)
    return setting(f"data {listed}\nmodel f\n", tables, {"f": model}, shape)


def robot() -> Setting:
    """Two outputs, the torques of two joints, and limits of theirs."""
    tables = {}
    for name, n, seed in (("train", 47, 31), ("val", 29, 32)):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, 4))
        tables[name] = {
            "x": x,
            "y": x[:, :2] + 0.3 * rng.normal(size=(n, 2)),
            "load": rng.uniform(0, 5, n),
            "arm": rng.choice(["left", "right"], n),
        }
    listed = ", ".join(f"{t}({', '.join(tables[t])})" for t in tables)
    return setting(f"data {listed}\nmodel f\n", tables, {"f": linear(4, 2, 33)})


def one_feature() -> Setting:
    """One feature, one output."""
    rng = np.random.default_rng(41)
    x = rng.normal(size=(35, 1))
    columns = {"x": x, "y": 2 * x[:, 0] + rng.normal(size=35), "w": rng.uniform(0.5, 2, 35)}
    return setting("data train(x, y, w)\nmodel f\n", {"train": columns}, {"f": linear(1, 1, 42)})

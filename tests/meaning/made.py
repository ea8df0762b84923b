"""Small made data and models, and the same as plain lists for the evaluator."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from meaning.outputs import ERRORS
from meaning.world import Table, World
from torch import nn

LABELS = ("cat", "dog", "owl")
LOSSES = {
    "classes": ("ce",),
    "gap": ("ce",),
    "text": ("ce",),
    "log": ("nll",),
    "binary": ("bce", "hinge"),
    "bool": ("bce",),
    "text2": ("bce",),
    "signs": ("hinge",),
    "real": tuple(ERRORS),
    "reals": tuple(ERRORS),
}
"""Losses that fit each kind of target."""

OUTPUTS = {"classes": 3, "gap": 4, "text": 3, "log": 3, "reals": 2}
"""Number of outputs, where it is not one."""


class Net(nn.Module):
    """An affine map, or two with tanh between; its outputs come in the form that is asked for."""

    def __init__(self, features: int, outputs: int, form: str, hidden: bool) -> None:
        super().__init__()
        last = nn.Linear(4 if hidden else features, outputs)
        self.net = nn.Sequential(nn.Linear(features, 4), nn.Tanh(), last) if hidden else last
        self.side = nn.Linear(features, 1) if form in ("tuple", "mapping") else None
        self.form = form

    def forward(self, x: torch.Tensor) -> Any:
        x = x.reshape(len(x), -1)
        z = self.net(x)
        if self.form == "log":
            return z.log_softmax(-1)
        if self.form == "flat":
            return z[:, 0]
        if self.side is None:
            return z
        value = self.side(x)
        return (z, value[:, 0]) if self.form == "tuple" else {"logits": z, "value": value}


@dataclass(frozen=True)
class Made:
    """A header of a spec, what it is bound to, and the same as plain lists."""

    header: str
    names: Mapping[str, Any]
    world: World
    other: World
    target: str
    outputs: int
    features: int
    parts: tuple[int | str, int | str] | None = None
    feature_names: tuple[str, ...] = ()
    models: tuple[str, ...] = ("f",)
    scale: float = 1.0
    tables: tuple[str, ...] = ("train",)
    flat: bool = False


def plain(values: np.ndarray) -> list[Any]:
    """A bound array as one entry an example: (n, 1) is (n,)."""
    return (
        values.reshape(len(values), -1)[:, 0].tolist() if values[0].size == 1 else values.tolist()
    )


def shaped(rng: random.Random, values: np.ndarray) -> np.ndarray:
    """The same column as (n,) or as (n, 1)."""
    return values.reshape(-1, 1) if values.ndim == 1 and rng.random() < 0.3 else values


def numbers(rng: random.Random, values: np.ndarray) -> np.ndarray:
    """Whole or real numbers in a format that holds them exactly."""
    if values.dtype.kind == "i":
        return values.astype(rng.choice([np.int64, np.int32, np.int64, np.float64]))
    return values.astype(np.float32).astype(rng.choice([np.float32, np.float64]))


def target_values(
    rng: random.Random, draw: np.random.Generator, kind: str, n: int, even: bool
) -> np.ndarray:
    """The target's values of a kind; every class occurs."""
    if kind in ("classes", "log"):
        return np.concatenate([[0, 1, 2], draw.integers(0, 3, n - 3)])
    if kind == "gap":
        return np.concatenate([[0, 2, 3], draw.choice([0, 2, 3], n - 3)])
    if kind == "text":
        return np.concatenate([LABELS, draw.choice(LABELS, n - 3)])
    if kind == "text2":
        return np.concatenate([["no", "yes"], draw.choice(["no", "yes"], n - 2)])
    if kind == "signs":
        return numbers(rng, np.concatenate([[-1, 1], draw.choice([-1, 1], n - 2)]))
    if kind == "bool":
        return draw.random(n) < 0.5
    if kind == "binary":
        return numbers(rng, np.concatenate([[0, 1], draw.integers(0, 2, n - 2)]))
    size = (n, 2) if kind == "reals" else (n,)
    return numbers(rng, draw.normal(size=size) * (1.0 if even else 10 ** rng.uniform(-1, 2)))


def some_columns(
    rng: random.Random, draw: np.random.Generator, kind: str, n: int, rare: bool, even: bool
) -> dict[str, np.ndarray]:
    """Columns beside `x` and `y`; `rare` leaves the last group of each group column out."""
    scale = 1.0 if even else 10 ** rng.uniform(-3, 3)

    def grouped(values: list[Any]) -> np.ndarray:
        kept = values[:-1] if rare else values
        return np.array(kept + [rng.choice(kept) for _ in range(n - len(kept))])

    columns = {
        "w": numbers(rng, np.abs(draw.normal(size=n)) * scale + 0.1 * scale),
        "a": numbers(rng, draw.normal(size=n) * scale),
        "k": grouped([1, 2, 5]),
        "q": draw.random(n) < 0.5,
        "s": grouped(["a", "b", "c"]),
        "t": grouped(["b", "c", "d"]),
    }
    if kind in ("text", "text2"):
        names = [*(LABELS if kind == "text" else ("no", "yes")), "emu"]
        columns["rater"] = draw.choice(names[1:], n)
    return columns


def bound_column(rng: random.Random, values: np.ndarray) -> Any:
    """As a user may bind it: an array, a tensor, a list, a series, (n,) or (n, 1)."""
    values = shaped(rng, values)
    if values.ndim == 1 and rng.random() < 0.3:
        return rng.choice([np.ndarray.tolist, pd.Series, objects])(values)
    if values.dtype.kind in "ifb" and rng.random() < 0.3:
        return torch.tensor(values)
    return values


def objects(values: np.ndarray) -> Any:
    """Text as a categorical column or as Python strings, numbers as they are."""
    if values.dtype.kind != "U":
        return values
    return pd.Categorical(values) if len(values) % 2 else values.astype(object)


def bound_input(rng: random.Random, x: np.ndarray, names: tuple[str, ...], flat: bool) -> Any:
    """As a user may bind it: an array, a tensor, a frame with names; one feature also as (n,)."""
    if names:
        return pd.DataFrame(x, columns=list(names))
    if flat:
        x = x[:, 0]
    return torch.tensor(x) if rng.random() < 0.5 else x


def output_lists(model: nn.Module, x: Any) -> dict[int | str | None, list[list[float]]]:
    """Every output of a model in float64, as lists."""
    with torch.no_grad():
        out = copy.deepcopy(model).double().eval()(torch.tensor(x, dtype=torch.float64))
    if isinstance(out, torch.Tensor):
        return {None: out.reshape(len(x), -1).tolist()}
    pairs = out.items() if isinstance(out, dict) else enumerate(out)
    return {part: z.reshape(len(x), -1).tolist() for part, z in pairs}


def weight_lists(model: nn.Module) -> list[list[float]]:
    """The entries of the parameters of two or more dimensions."""
    return [p.detach().double().flatten().tolist() for p in model.parameters() if p.ndim > 1]


def scaled_net(rng: random.Random, net: Net, scale: float, even: bool) -> Net:
    """Parameters so that outputs are small, moderate or large whatever the scale of the input."""
    size = rng.choice([0.3, 1.0] if even else [0.05, 1.0, 1.0, 3.0])
    with torch.no_grad():
        for name, p in net.named_parameters():
            first = "0." in name or not isinstance(net.net, nn.Sequential) or "side" in name
            p.copy_(torch.randn_like(p) * size)
            if p.ndim > 1 and first:
                p.div_(scale)
    return net


@dataclass(frozen=True)
class Plan:
    """What data and models are drawn: kind of target, features, forms, scales."""

    kind: str
    features: int
    feature_names: tuple[str, ...]
    form: str
    outputs: int
    scale: float
    even: bool
    simple: bool
    flat: bool
    frozen: bool

    def net(self, rng: random.Random) -> Net:
        """A model that fits."""
        net = Net(self.features, self.outputs, self.form, rng.random() < 0.5)
        return scaled_net(rng, net, self.scale, self.even)


def planned(rng: random.Random, kind: str | None, simple: bool, even: bool) -> Plan:
    """Draw a plan."""
    kind = kind or rng.choice(list(LOSSES))
    features, outputs = rng.randint(1, 4), OUTPUTS.get(kind, 1)
    names = ("age", "income", "hours per week", "z9")[:features] if rng.random() < 0.25 else ()
    form = rng.choice(["plain", "plain", "tuple", "mapping", "flat" if outputs == 1 else "plain"])
    if simple or kind == "log":
        form = "log" if kind == "log" else "plain"
    return Plan(
        kind=kind,
        features=features,
        feature_names=() if simple else names,
        form=form,
        outputs=outputs,
        scale=1.0 if even else 10 ** rng.uniform(-3, 3),
        even=even,
        simple=simple,
        flat=features == 1 and not simple and rng.random() < 0.3,
        frozen=rng.random() < 0.1,
    )


def made_table(
    rng: random.Random, plan: Plan, models: Mapping[str, Net], first: bool
) -> tuple[dict[str, Any], Table]:
    """A data set as it is bound, and as plain lists."""
    draw = np.random.default_rng(rng.randrange(2**32))
    n = rng.randint(20, 80)
    x = draw.normal(size=(n, plan.features)) * plan.scale
    x = numbers(rng, x + rng.choice([0, plan.scale]))
    rare = not first and rng.random() < 0.3
    columns = {"y": target_values(rng, draw, plan.kind, n, plan.even)}
    columns |= some_columns(rng, draw, plan.kind, n, rare, plan.even)
    bound = {"x": bound_input(rng, x, plan.feature_names, plan.flat)}
    bound |= {c: v if plan.simple else bound_column(rng, v) for c, v in columns.items()}
    table = Table(
        columns={c: plain(v) for c, v in columns.items()},
        features=x.astype(float).tolist(),
        feature_names=plan.feature_names,
        outputs=outputs_of(models, x, plan.frozen),
    )
    return bound, table


def outputs_of(
    models: Mapping[str, nn.Module], x: Any, frozen: bool
) -> dict[str, dict[int | str | None, list[list[float]]]]:
    """The outputs of each model; `ref` is a frozen copy of `f`."""
    found = {m: output_lists(net, x) for m, net in models.items()}
    return found | ({"ref": found["f"]} if frozen else {})


def make(
    rng: random.Random, kind: str | None = None, simple: bool = False, even: bool = False
) -> Made:
    """Data of one to three tables, one or two models, bound in the ways that users bind them;
    `simple`: as arrays of shape (n,), with a model of one output tensor; `even`: all numbers about
    1 in size."""
    torch.manual_seed(rng.randrange(2**31))
    plan = planned(rng, kind, simple, even)
    names = rng.choice([("train",), ("people",), ("train", "val"), ("train", "val", "test")])
    other = () if plan.frozen or rng.random() < 0.8 else ("other",)
    models = {name: plan.net(rng) for name in ("f", *other)}
    found = {t: made_table(rng, plan, models, t == names[0]) for t in names}
    bound = {t: columns for t, (columns, _) in found.items()}
    tables = {t: table for t, (_, table) in found.items()}
    moved = {m: scaled_net(rng, copy.deepcopy(net), plan.scale, even) for m, net in models.items()}
    classes = LABELS if plan.kind == "text" else ("no", "yes") if plan.kind == "text2" else None
    weights = {m: weight_lists(net) for m, net in models.items()}
    world = World(tables=tables, default=names[0], classes=classes, weights=weights)
    listed = ", ".join(f"{t}({', '.join(bound[t])})" for t in names)
    lines = [f"data {listed}", *(f"model {m}" for m in models)]
    lines += ["model ref = frozen(f)"] if plan.frozen else []
    if classes and other and "rater" in bound[names[0]]:
        lines += labels_of(plan, models)
    return Made(
        header="\n".join(lines) + "\n",
        names=bound | models,
        world=world,
        other=with_models(world, moved),
        target=plan.kind,
        outputs=plan.outputs,
        features=plan.features,
        parts={"tuple": (0, 1), "mapping": ("logits", "value")}.get(plan.form),
        feature_names=plan.feature_names,
        models=(*models, *(["ref"] if plan.frozen else [])),
        scale=plan.scale,
        tables=names,
        flat=plan.flat,
    )


def labels_of(plan: Plan, models: Mapping[str, nn.Module]) -> list[str]:
    """Lines that say that each model predicts `y`, and not the labels of the other rater."""
    word = "ce" if plan.outputs > 1 else "bce"
    part = {"tuple": "[0]", "mapping": ".logits"}.get(plan.form, "")
    return [f"let loss_of_{m} = {word}({m}(x){part}, y)" for m in models]


def with_models(world: World, models: Mapping[str, nn.Module]) -> World:
    """The same world with other parameters; a frozen copy stays what it was."""
    tables = {}
    for name, table in world.tables.items():
        found = {m: output_lists(net, table.features) for m, net in models.items()}
        tables[name] = replace(table, outputs={**table.outputs, **found})
    weights = {m: weight_lists(net) for m, net in models.items()}
    return replace(world, tables=tables, weights={**world.weights, **weights})

"""How natural specs are kept: a text, what it is bound to, and the right values in numpy.

    @natural(loans, '''
    minimize bce(f(x), y)
    s.t. dp: gap(P[pred == 1 | sex]) <= 5%
    ''')
    def demographic_parity(d):
        rates = [d.pred[d.sex == s].mean() for s in ("F", "M")]
        return {"dp": max(rates) - min(rates)}

Names of what is returned: a requirement (its value), `name.bound`, `name.met`, `name.n`,
`name.split`, `name.violation`, a metric, `objective`, `var.x`, or `status`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from meaning.made import output_lists
from torch import nn

STILL = "fit(optimizer=sgd(lr=1e-30), steps=1, batch_size=full, precision=float64)"
"""One step that moves nothing."""

Facts = Any
"""The arrays of the data, and of what the models put out, by name; `val`, `test` for other data."""

Right = Callable[[Facts], Mapping[str, Any]]


@dataclass(frozen=True)
class Setting:
    """Data and models: the lines that declare them, what they are bound to, and the facts."""

    header: str
    names: Mapping[str, Any]
    facts: Facts


@dataclass(frozen=True)
class Natural:
    """A spec as somebody writes it. `right` is None where it must be refused with a place;
    `may_be_refused` where it has one meaning, and may be said not to run yet."""

    name: str
    text: str
    setting: Callable[[], Setting] | None
    right: Right | None
    close: float = 1e-9
    also: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    may_be_refused: bool = False

    def source(self, header: str) -> str:
        """The whole text: the lines of the setting, the spec, and a fit that moves nothing."""
        text = header + self.text
        return text if self.setting is None or "fit(" in text else f"{text}{STILL}\n"


SPECS: list[Natural] = []
"""All natural specs, in the order in which they are written down."""


def lines(text: str) -> str:
    """A text without the indentation of the module it stands in."""
    return textwrap.dedent(text).strip("\n") + "\n"


def natural(
    setting: Callable[[], Setting] | None, text: str, **options: Any
) -> Callable[[Right], Right]:
    """Keep a spec with the function that computes what is right."""

    def keep(right: Right) -> Right:
        SPECS.append(Natural(right.__name__, lines(text), setting, right, **options))
        return right

    return keep


def refused(name: str, setting: Callable[[], Setting] | None, text: str, **options: Any) -> None:
    """Keep a spec that has two readings or none: an error with a place is right."""
    SPECS.append(Natural(name, lines(text), setting, None, **options))


def table(columns: Mapping[str, Any], models: Mapping[str, nn.Module]) -> Facts:
    """Arrays of one data set, with z, p (softmax or sigmoid) and pred of the model `f`."""
    facts = SimpleNamespace(**{k: np.asarray(v) for k, v in columns.items()}, n=len(columns["x"]))
    for name, model in models.items():
        found = output_lists(model, np.asarray(columns["x"]))
        outputs = {part: np.array(z) for part, z in found.items()}
        setattr(facts, f"outputs_{name}", outputs)
        if None in outputs:
            z, p, pred = scores(outputs[None])
            end = "" if name == "f" else f"_{name}"
            for word, value in (("z", z), ("p", p), ("pred", pred)):
                setattr(facts, word + end, value)
    return facts


def scores(outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits, probabilities and predicted classes."""
    if outputs.shape[1] == 1:
        z = outputs[:, 0]
        return z, 1 / (1 + np.exp(-z)), (z > 0).astype(int)
    powers = np.exp(outputs - outputs.max(1, keepdims=True))
    return outputs, powers / powers.sum(1, keepdims=True), outputs.argmax(1)


def setting(
    header: str,
    tables: Mapping[str, Mapping[str, Any]],
    models: Mapping[str, nn.Module],
    shape: Callable[[np.ndarray], Any] = lambda v: v,
) -> Setting:
    """A setting whose facts are those of the first table, with the others by name."""
    facts = {name: table(columns, models) for name, columns in tables.items()}
    first = next(iter(facts.values()))
    for name, other in facts.items():
        setattr(first, name, other)
    bound = {
        name: {k: v if k == "x" else shape(v) for k, v in columns.items()}
        for name, columns in tables.items()
    }
    for name, model in models.items():
        weights = {k: p.detach().double().numpy() for k, p in model.named_parameters()}
        setattr(first, f"weights_{name}", weights)
    return Setting(header, {**bound, **models}, first)


def bce(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Binary cross-entropy of logits, an example."""
    return np.logaddexp(0, z) - z * y


def ce(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Cross-entropy of logits and class numbers, an example."""
    return np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), y]

"""What names mean in the whole emitted module, whichever function they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cspec.compiler.axes.inference import Inference
from cspec.compiler.records.facts import Facts
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Call


class ModuleScope(NamedTuple):
    """What names mean in the whole module."""

    symbols: Symbols
    facts: Facts
    inference: Inference
    params: Mapping[str, str]
    """Spec name of a param -> Python name of the module constant."""
    auxiliary: str | None = None
    """A vector of variables that a solver has beside those of the spec."""
    functions: Mapping[str, str] = {}
    """Imported Python callables: spec name -> Python name."""
    length: tuple[int, int] = (0, 1)
    """Steps of the run, steps an epoch."""
    epochs: float = 0.0
    """Epochs of the run."""
    mapped: frozenset[str] = frozenset()
    """Decision variables that are the image of a free one: called for their value."""
    tracked: frozenset[str] = frozenset()
    """Columns that derivatives are taken by."""
    followed: frozenset[str] = frozenset()
    """Those of which single features are."""
    vectors: frozenset[str] = frozenset()
    """Params of several numbers."""
    seed: int = 0
    """That of the run: what draws of a step are a function of, besides the step."""
    precision: str = "float64"
    """The number format of what moves: that of tensors of numbers beside it."""

    def columns(self, dataset: str) -> frozenset[str]:
        """Declared columns, and those that are bound without: `test` of implied data."""
        known = self.facts.data.get(dataset)
        declared = (c.name for c in self.symbols.datasets().get(dataset, ()))
        return frozenset(declared) | frozenset(() if known is None else known.columns)


def ramp_steps(ramp: Call, scope: ModuleScope) -> int:
    """Steps over which a bound moves: as it says, else the whole run."""
    steps, per_epoch = scope.length
    for keyword in ramp.keywords:
        count = value_or_none(keyword.value, scope.inference.known.params)
        if count is not None:
            steps = round(count * (per_epoch if keyword.name == "epochs" else 1))
    return max(steps, 1)

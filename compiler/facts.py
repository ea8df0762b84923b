"""What binding data and models to a plan makes known: plain records, no torch.

`specialize(plan, facts)` is a pure function of these: same spec, same facts, same program.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Record = ConfigDict(frozen=True, extra="forbid")


class ColumnFacts(BaseModel):
    """One column of a dataset. `classes` and `counts` are in code order for categories."""

    model_config = Record

    kind: Literal["real", "integer", "categorical"]
    shape: tuple[int, ...] = ()
    """Shape of one example."""
    classes: tuple[str | int | float | bool, ...] = ()
    counts: tuple[int, ...] = ()
    values: tuple[int | float, ...] = Field((), exclude=True)
    """The smallest distinct values of a column of numbers: for messages, no part of the plan."""


class DataFacts(BaseModel):
    """One dataset: its rows, its columns in declared order, the names of its features."""

    model_config = Record

    rows: int
    columns: dict[str, ColumnFacts]
    feature_names: tuple[str, ...] = ()
    provenance: str = ""
    joint: tuple[tuple[tuple[str, ...], tuple[tuple[tuple[int, ...], int], ...]], ...] = ()
    """Counts of combinations: (columns, ((codes, count), ...)) for each `cross` of the spec."""

    def joint_counts(self, columns: tuple[str, ...], codes: tuple[int, ...]) -> int | None:
        """Rows with these codes in these columns; None if the combination was not counted."""
        for names, counts in self.joint:
            if names == columns:
                return dict(counts).get(codes, 0)
        return None


class ParameterFacts(BaseModel):
    """One parameter of a model. `prunable`: counted by `density`; `gated`: has an L0 gate."""

    model_config = Record

    name: str
    shape: tuple[int, ...]
    requires_grad: bool = True
    prunable: bool = False
    gated: bool = False
    gate: bool = False
    """Whether this is itself the gate logits of another weight."""


class ModelFacts(BaseModel):
    """One model. `outputs` is the shape of one example's output, None where it was not tried."""

    model_config = Record

    parameters: tuple[ParameterFacts, ...]
    outputs: tuple[int, ...] | None = None
    refusal: str = Field("", exclude=True)
    """What the model raised on examples of `x` alone: for messages, no part of the plan."""
    frozen: bool = False

    @property
    def gated(self) -> bool:
        """Whether any weight has a gate."""
        return any(parameter.gated for parameter in self.parameters)


class Facts(BaseModel):
    """All that is known of what was bound."""

    model_config = Record

    data: dict[str, DataFacts] = {}
    models: dict[str, ModelFacts] = {}
    functions: tuple[str, ...] = ()
    """Names of Python callables bound by `from`."""
    device: str = "cpu"

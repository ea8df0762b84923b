"""What binding data and models to a plan makes known: plain records, no torch.

`specialize(plan, facts)` is a pure function of these: same spec, same facts, same program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field

MOST_CLASSES = 10_000
"""Whole numbers from this one on are no class numbers."""


Classes = tuple[str | int | float | bool, ...]
"""What the codes 0, 1, ... of a categorical column stand for."""


class ColumnFacts(BaseModel, frozen=True, extra="forbid"):
    """One column of a dataset."""

    kind: Literal["real", "integer", "categorical"]
    shape: tuple[int, ...] = ()
    """Shape of one example."""
    classes: Classes = ()
    """Of a categorical column."""
    levels: tuple[int, ...] = ()
    """Of a column of whole numbers that takes few: which ones, in order."""
    counts: tuple[int, ...] = ()
    """Rows with each class or level."""
    signed: bool = False
    """Whether it holds -1 and 1: the labels of two classes."""
    values: tuple[int | float, ...] = Field((), exclude=True)
    """The smallest distinct values of a column of numbers: for messages, no part of the plan."""

    @property
    def held(self) -> tuple[int, ...]:
        """What the column holds for each of its groups: codes of classes, or levels."""
        return tuple(range(len(self.classes))) or self.levels

    def called(self, code: int) -> str:
        """What people call the group of rows that hold `code`."""
        return str(self.classes[code]) if self.classes else str(code)

    def count(self, code: int) -> int:
        """Rows that hold `code`."""
        return dict(zip(self.held, self.counts, strict=True)).get(code, 0)

    @property
    def present(self) -> tuple[int, ...]:
        """The groups that have rows."""
        return tuple(code for code, count in zip(self.held, self.counts, strict=False) if count > 0)

    @property
    def outputs(self) -> int | None:
        """Outputs, one a class, that its labels ask for; None where it holds no classes.

        Classes are numbered from 0 on; a number that no row has is a class all the same.
        """
        if self.classes:
            return len(self.classes)
        if self.levels and self.levels[0] >= 0 and self.levels[-1] < MOST_CLASSES:
            return self.levels[-1] + 1
        return None


class StreamFacts(BaseModel, frozen=True, extra="forbid"):
    """Batches of a dataset's own: how many are an epoch, how many examples each has."""

    epoch: int
    batch_size: int | None = None


class DataFacts(BaseModel, frozen=True, extra="forbid"):
    """One dataset: its rows, its columns in declared order, the names of its features."""

    rows: int
    columns: dict[str, ColumnFacts]
    feature_names: tuple[str, ...] = ()
    provenance: str = ""
    scaling: tuple[tuple[str, float, float], ...] = Field((), exclude=True)
    """Of each standardized feature its name, mean and deviation: for people, not the plan."""
    joint: tuple[tuple[tuple[str, ...], tuple[tuple[tuple[int, ...], int], ...]], ...] = ()
    """Counts of combinations: (columns, ((codes, count), ...)) for each `cross` of the spec."""
    stream: StreamFacts | None = Field(None, exclude=True)
    """Where training draws the batches that its source makes."""
    points: bool = Field(False, exclude=True)
    """Whether they are points of a domain, which have no passes that would be epochs."""
    boxed: bool = Field(False, exclude=True)
    """Whether they are points drawn once from a box: a requirement may be broken between them."""

    def combinations(self, columns: tuple[str, ...]) -> set[tuple[int, ...]]:
        """The codes of these columns that occur together, from counts of these and others."""
        for names, counts in self.joint:
            if set(columns) <= set(names):
                places = [names.index(column) for column in columns]
                return {tuple(codes[place] for place in places) for codes, _ in counts}
        return set()

    def rows_with(self, held: Mapping[str, int]) -> int | None:
        """Rows that hold these codes or levels; None where the combination was not counted."""
        if not held:
            return self.rows
        if len(held) == 1:
            ((name, code),) = held.items()
            column = self.columns.get(name)
            return None if column is None or not column.counts else column.count(code)
        for names, counts in self.joint:
            if held.keys() <= set(names):
                places = [(names.index(name), code) for name, code in held.items()]
                return sum(n for codes, n in counts if all(codes[p] == c for p, c in places))
        return None


class ParameterFacts(BaseModel, frozen=True, extra="forbid"):
    """One parameter of a model. `prunable`: counted by `density`; `gated`: has an L0 gate."""

    name: str
    shape: tuple[int, ...]
    requires_grad: bool = True
    prunable: bool = False
    gated: bool = False
    computed: str = Field("", exclude=True)
    """What to do where a parametrization or a hook of torch computes it, so that nothing can be put
    into it; empty where none does. The methods that follow from it are part of the plan."""
    inputs_first: bool = Field(False, exclude=True)
    """Whether its rows are of inputs, not of outputs: the kernel of a transposed convolution. For
    refusals, no part of the plan."""
    gate: bool = False
    """Whether this is itself the gate logits of another weight."""
    held: bool = Field(True, exclude=True)
    """Whether an optimizer holds it: for refusals, no part of the plan."""


class OperationFacts(BaseModel, frozen=True, extra="forbid"):
    """What a forward pass of one example takes: how often it uses the weights of each layer."""

    uses: tuple[tuple[str, int], ...] = ()
    other: int = 0
    """Operations of what has no such weights."""
    refusal: str = Field("", exclude=True)
    """Why they are not known: for messages, no part of the plan."""


class ModelFacts(BaseModel, frozen=True, extra="forbid"):
    """One model: its parameters, and whether none of them moves."""

    parameters: tuple[ParameterFacts, ...]
    frozen: bool = False
    held: bool = Field(True, exclude=True)
    """Whether an optimizer holds any of its parameters: for refusals, no part of the plan."""
    operations: OperationFacts | None = None
    """Known where the spec asks for `flops`."""
    by_batch: bool = Field(False, exclude=True)
    """Whether it normalizes by the statistics of a batch, which one example does not have."""

    @property
    def still(self) -> bool:
        """Whether none of its parameters moves."""
        return self.frozen or not self.held

    @property
    def gated(self) -> bool:
        """Whether any weight has a gate."""
        return any(parameter.gated for parameter in self.parameters)


class OutputFacts(BaseModel, frozen=True, extra="forbid"):
    """What a model or another callable gives for some inputs, seen on a few examples."""

    each: bool = True
    """Whether it has one value an example, and `shape` is that of one example's value."""
    shape: tuple[int, ...] = ()
    kind: Literal["real", "integer", "event"] = "real"
    parts: tuple[tuple[str | int, OutputFacts], ...] = ()
    """Of a tuple (by position), a mapping or a record (by name)."""
    style: Literal["", "index", "key", "field"] = ""
    """How a part is taken out: `z[0]`, `z["logits"]`, `z.logits`."""
    gradient: bool = Field(True, exclude=True)
    """Whether it moves with what it is given and with what trains: for refusals, no part of the
    plan."""
    refusal: str = Field("", exclude=True)
    """What it raised: for messages, no part of the plan."""
    takes: str | None = Field(None, exclude=True)
    """What a model's `forward` takes (`x, w`), where it can't be called with what it is given."""


class OwnLoop(BaseModel, frozen=True, extra="forbid"):
    """A training loop of the user's own: its optimizer steps, where the user says how many."""

    steps: int | None = None


class Facts(BaseModel, frozen=True, extra="forbid"):
    """All that is known of what was bound."""

    data: dict[str, DataFacts] = {}
    models: dict[str, ModelFacts] = {}
    outputs: dict[str, OutputFacts] = {}
    """By call, as `f(x) on train`."""

    @property
    def gated(self) -> bool:
        """Whether a model has gates."""
        return any(model.gated for model in self.models.values())

    def outputs_of(self, model: str) -> tuple[int, ...] | None:
        """The shape of one example's output of a model; None where it was not seen, or has parts.

        A single output is () however it comes.
        """
        for call, seen in self.outputs.items():
            if call.startswith(f"{model}(") and not seen.refusal and not seen.parts:
                return () if seen.shape == (1,) else seen.shape
        return None

    functions: tuple[str, ...] = ()
    """Names of Python callables bound by `from`."""
    device: str = "cpu"
    own_loop: OwnLoop | None = Field(None, exclude=True)
    """Set by `bind`: who drives the steps is no fact of data or models."""

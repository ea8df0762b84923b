"""What a certificate rests on: the means of a requirement, and the tree that combines them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import BaseModel

Operation = Literal[
    "number", "leaf", "sum", "negate", "product", "quotient", "power", "abs", "max", "min", "gap",
    "ratio", "exp", "log", "sqrt",
]  # fmt: skip


class LeafFacts(BaseModel, frozen=True, extra="forbid"):
    """One mean of a requirement, measured alone: the module's `leaves` has its value."""

    text: str
    kind: Literal["rate", "mean", "number"]
    """A fraction of examples; the mean of a quantity in [low, high]; a number without data."""
    low: float = 0.0
    high: float = 1.0
    groups: tuple[str, ...] = ()
    """With a column behind `|`: its values, one number each."""
    selects: tuple[tuple[str, str], ...] = ()
    """`column == value` behind `|`: two means that differ in a value are of other examples."""


class Tree(BaseModel, frozen=True, extra="forbid"):
    """An expression over leaves."""

    operation: Operation
    number: float = 0.0
    """Of `number` its value, of `power` the exponent."""
    leaf: int = -1
    group: int = -1
    parts: tuple[Tree, ...] = ()


class CertificateFacts(BaseModel, frozen=True, extra="forbid"):
    """`value relation bound` with confidence: what is to be shown on data that chose nothing."""

    confidence: float
    data: str
    """The split that certifies."""
    leaves: tuple[LeafFacts, ...]
    value: Tree
    bound: Tree
    tolerance: float = 0.0
    """As written behind `within`; a default tolerance is none of a certificate."""


class Margin(NamedTuple):
    """What a bound is tightened by in training, and why."""

    amount: float
    note: str

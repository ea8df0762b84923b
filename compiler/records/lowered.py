"""The lowered problem: constraints with their methods as rules and set actions."""

import itertools
from collections.abc import Container
from typing import Literal, NamedTuple

from cspec.compiler.records.fragment import Fragment, Rule
from cspec.compiler.records.graph import Kind, Operation
from cspec.compiler.records.problem import Constraint, Problem, SetMember
from cspec.dsl.settings.base import Settings
from cspec.dsl.tree.nodes import Expr

Row = tuple[float, ...]


def numbered(wanted: str, taken: Container[str]) -> str:
    """A name, told apart by a number where it is taken: `lagrangian_2`."""
    names = itertools.chain([wanted], (f"{wanted}_{count}" for count in itertools.count(2)))
    return next(name for name in names if name not in taken)


class SetResidual(Expr):
    """The residual of a set, or its inequality form: a membership as functions."""

    set: SetMember
    subject: Expr
    equality: bool = True
    label: str = ""


class Segment(NamedTuple):
    """A constraint's entries [start, stop) in the constraint vector."""

    constraint: Constraint
    functions: tuple[Expr, ...]
    gradients: tuple[Expr, ...] | None
    start: int
    stop: int


class FunctionalRule(NamedTuple):
    """A rule, its fragment of the graph, and where its entries are."""

    rule: Rule
    fragment: Fragment
    parts: tuple[Segment, ...]

    @property
    def combine(self) -> Operation:
        """Its COMBINE operation."""
        return next(op for op in self.fragment.operations if op.kind is Kind.COMBINE)

    @property
    def start(self) -> int:
        """First entry in the constraint vector."""
        return self.parts[0].start

    @property
    def stop(self) -> int:
        """One past the last entry in the constraint vector."""
        return self.parts[-1].stop


class SetAction(NamedTuple):
    """Parameters that a method keeps in a set."""

    name: str
    family: str
    settings: Settings
    set: SetMember
    targets: tuple[Expr, ...]
    """`ParameterRef`s or variable names; empty for the prunable weights of `set.model`."""
    constraints: tuple[Constraint, ...]


EntryRules = tuple[tuple[str, tuple[tuple[int, ...], ...]], ...]
"""Labels, and entries of the constraint vector that together make a rule hold, each way."""


class OutputRows(NamedTuple):
    """lower <= rows @ f(x) <= upper for one model."""

    model: str
    rows: tuple[Row, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    labels: tuple[str, ...]


class EachRule(NamedTuple):
    """A requirement on each example of a dataset: one multiplier a row."""

    name: str
    """In the emitted module."""
    constraint: Constraint
    dataset: str
    rows: int
    """Rows of the dataset; 0 as long as it is not bound."""
    total_steps: int
    every: int
    """Epochs, or steps, between two moves of a multiplier."""
    points: bool = False
    """Whether its rows are points, of which every step sees all: it counts steps, not epochs."""
    boxed: bool = False
    """Whether they are points drawn once from a box: it may be broken between them."""
    balanced: bool = False
    """Whether its penalty follows f, and its multipliers are found after the last step."""
    features: tuple[str, ...] = ()
    """The columns that a network of multipliers sees."""
    width: int = 0
    """How many numbers of an example that are."""

    @property
    def round(self) -> Literal["step", "epoch"]:
        """What `every` counts."""
        return "step" if self.points else "epoch"

    @property
    def equality(self) -> bool:
        """Whether it is h == 0 and not g <= 0."""
        return self.constraint.relation == "=="

    @property
    def multipliers(self) -> str:
        """Their place in the state."""
        return f"{self.constraint.full_label}.multipliers"


class Lowered(NamedTuple):
    """The whole problem, ready for the graph."""

    problem: Problem
    rules: tuple[FunctionalRule, ...]
    actions: tuple[SetAction, ...]
    soft: tuple[Constraint, ...]
    outputs: tuple[OutputRows, ...] = ()
    """Affine constraints that are part of the models."""
    thresholds: tuple[Constraint, ...] = ()
    """Rates that a shift of the score meets after training."""
    ways: EntryRules = ()
    """How rules can hold, where a solver tries each way."""
    examples: tuple[EachRule, ...] = ()
    """Requirements on each example, which have no entry of the constraint vector."""

    @property
    def size(self) -> int:
        """Entries of the constraint vector."""
        return self.rules[-1].stop if self.rules else 0

    @property
    def parts(self) -> list[Segment]:
        """The entries of every constraint that has some."""
        return [part for rule in self.rules for part in rule.parts]

    @property
    def equalities(self) -> tuple[bool, ...]:
        """Which entries of the constraint vector are equalities."""
        return tuple(equal for rule in self.rules for equal in rule.rule.equalities)

    @property
    def looks_ahead(self) -> bool:
        """Whether a step looks one step ahead first: extragradient."""
        return any(rule.fragment.dual_order == "extragradient" for rule in self.rules)

    def operations(self, kind: Kind) -> list[tuple[Operation, FunctionalRule]]:
        """The operations of a kind, each with its rule."""
        return [
            (operation, rule)
            for rule in self.rules
            for operation in rule.fragment.operations
            if operation.kind is kind
        ]

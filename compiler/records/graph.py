"""The update graph: what one run computes, as typed operations over named state.

Each operation is a few assignments `target <- formula` over named quantities, with a trigger. A
formula is a line of mathematics in Python's notation, over state, measured quantities and the
operation's own constants; `emit` splices it into the training loop, `explain` prints it. Nothing
outside `compiler/methods` knows a method by name.
"""

import ast
import math
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, PlainSerializer

from cspec.dsl.settings.base import STEP, Every


class Kind(StrEnum):
    """The kinds of operation."""

    MEASURE = "measure"
    COMBINE = "combine"
    BACKWARD = "backward"
    PRIMAL_STEP = "primal_step"
    DUAL_STEP = "dual_step"
    PENALTY_STEP = "penalty_step"
    PROJECT = "project"
    GATES = "gates"
    PROX = "prox"
    EXTRAPOLATE = "extrapolate"
    RESET = "reset"
    UNITS = "units"
    SETTLE = "settle"
    RESTORE = "restore"
    REHEARSE = "rehearse"
    RECORD = "record"
    VERIFY = "verify"
    STOP = "stop"


def _strict(value: float | tuple[float, ...]) -> object:
    """Numbers that JSON can not say as words, which pydantic reads back as numbers."""
    if isinstance(value, tuple):
        return [_strict(item) for item in value]
    return value if math.isfinite(value) else str(value)


Start = Annotated[float | tuple[float, ...], PlainSerializer(_strict, when_used="json")]


class StateFacts(BaseModel, frozen=True, extra="forbid"):
    """A named vector of the run's state: `size` entries that start at `start`."""

    name: str
    size: int = 1
    start: Start = 0.0
    meaning: str = ""


class Update(BaseModel, frozen=True, extra="forbid"):
    """`target <- formula`."""

    target: str
    formula: str


def assigned(*lines: str) -> tuple[Update, ...]:
    """The updates that lines such as `"moves <- moves + 1"` say, in order."""
    pairs = (line.split(" <- ", 1) for line in lines)
    return tuple(Update(target=target, formula=formula) for target, formula in pairs)


class Operation(BaseModel, frozen=True, extra="forbid"):
    """One node of the graph: what it computes, when, from what."""

    kind: Kind
    name: str
    rule: str = ""
    updates: tuple[Update, ...] = ()
    constants: dict[str, float] = {}
    trigger: Every = STEP
    after: int = 0
    """Steps before the first time."""
    often: str = ""
    """When it acts, in words, where that follows the length of the run: `60 times a run`."""
    sees: Literal["true", "surrogate"] = "true"
    """For dual steps: what `true` stands for in the formulas."""
    data: str | None = None
    """For dual steps: the dataset they are measured on, in place of the constraint's own."""
    options: dict[str, float] = {}
    """Numbers that a step of the runtime takes beside its state (`escalate`)."""
    operator: str = ""
    """For PROJECT and PROX: the set, `stiefel`, `sparse(0.1)`."""
    targets: tuple[str, ...] = ()
    """For PROJECT and PROX: parameters `model:name` and variables it acts on."""
    meaning: str = ""


class UpdateGraph(BaseModel, frozen=True, extra="forbid"):
    """Operations in the order of one step, and the state they act on."""

    state: tuple[StateFacts, ...] = ()
    operations: tuple[Operation, ...] = ()

    def of(self, *kinds: Kind) -> tuple[Operation, ...]:
        """Its operations of some kinds."""
        return tuple(op for op in self.operations if op.kind in kinds)


FORMULA_FUNCTIONS = frozenset(
    {"relu", "abs", "maximum", "minimum", "where", "isnan", "sqrt", "sum", "mean", "clamp", "sign"}
)
"""Functions a formula may call; all elementwise torch functions but `sum` and `mean`."""

RUNTIME_FUNCTIONS = {
    "cspec.runtime.methods.proxy_lagrangian": frozenset(
        {"external_regret", "swap_regret", "stationary", "objective_share", "constraint_shares"}
    ),
}
"""Functions of the runtime that a formula may call, by module."""
_CALLABLE = FORMULA_FUNCTIONS.union(*RUNTIME_FUNCTIONS.values())

_ALLOWED = (
    ast.Expression, ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call,
    ast.Load, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.MatMult, ast.USub, ast.Invert,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.BitAnd, ast.BitOr, ast.Not,
)  # fmt: skip


def parse_formula(formula: str) -> ast.expr:
    """The syntax tree of a formula, or ValueError where it is more than arithmetic.

    Graphs may come from JSON, so a formula is checked node by node before it is emitted.
    """
    tree = ast.parse(formula, mode="eval")
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise ValueError(f"a formula may not contain this: {ast.unparse(node)!r}")
        if isinstance(node, ast.Call) and not (
            isinstance(node.func, ast.Name) and node.func.id in _CALLABLE
        ):
            raise ValueError(f"unknown function in a formula: {ast.unparse(node)!r}")
    return tree.body


def names_in(formula: str) -> frozenset[str]:
    """The quantities that a formula reads (not the functions it calls)."""
    tree = parse_formula(formula)
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and n not in called)
    return frozenset(name.id for name in names)

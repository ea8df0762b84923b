"""The canonical problem: minimize f subject to g <= 0, h = 0, x in X, with its history.

A `Problem` starts as the spec reads and is rewritten by the passes of `compiler/passes`. A
constraint keeps two faces: what people wrote (`value relation bound`, reported in their units) and
what the machine works on (`parts`, canonical functions). The face for people never changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.methods import Soft
from cspec.dsl.text.source import NOWHERE, Span
from cspec.dsl.tree.nodes import (
    Binder,
    Call,
    Expectation,
    Expr,
    Index,
    Interval,
    Name,
    Node,
    Number,
)

Relation = Literal["<=", ">=", "==", "in"]


# --- Expressions that only the compiler makes ----------------------------------------------------


class ParameterRef(Expr):
    """A parameter of a model by its name: what a quantifier over weights stands for."""

    model: str
    name: str
    shape: tuple[int, ...]


class Category(Expr):
    """A value of a categorical column: `code` in the data, `text` for people."""

    column: str
    text: str
    code: int


class Lookup(Expr):
    """The number that a table has for what its columns hold: each example's own."""

    columns: tuple[Name, ...]
    held: tuple[tuple[int, ...], ...]
    """What the columns hold for each value, in the order of `values`."""
    values: tuple[float, ...]
    written: Index
    """As it stands in the spec: the entry of a param."""


class PerExample(Expr):
    """An expression with one value an example of a dataset; its verdict is the worst of them."""

    dataset: str
    body: Expr
    condition: Expr | None = None
    """Which examples it is asked of (`where`), of what the data alone say; None for all."""


class Beside(Expr):
    """What only the rows of a search hold: a column as the data have it, or a number of each."""

    name: str
    column: Name | None = None
    """The column that it is; None for a number of each example."""


def at_rest(column: str) -> str:
    """The name in such rows of a column as the data hold it, where the column itself is moved."""
    return f"{column} at rest"


class InBranch(Expr):
    """What a function of limited domain is of, where its branch is taken; elsewhere a number of it.

    The event decides nothing here, it only says where: of walks it is no part, it changes as the
    rest does.
    """

    value: Expr
    event: Expr

    def children(self) -> list[Node]:
        """The value alone."""
        return [self.value]


class Searched(Expr):
    """A ball that is searched together with another one."""

    column: str
    center: float | None
    radius: Expr
    norm: float
    step: float | None


class WorstCase(Expr):
    """The largest value of `body` in a ball around a column of each example: a lower bound of it.

    The column stands in `body` for the point, and `Beside` for the column itself; or `Beside` for
    a number of each example, with a `center` of its own.
    """

    body: Expr
    guide: Expr | None = None
    """What the search follows where `body` has no gradient."""
    column: str
    center: float | None = None
    radius: Expr
    norm: float
    attack: tuple[int, float | None, int]
    """Steps, their size (None: 2.5 r / steps), restarts."""
    also: tuple[Searched, ...] = ()
    """What is searched together with it."""
    written: Expr
    """As it stands in the spec."""


class Noise(NamedTuple):
    """What is drawn anew at every step: a number of each example, or of each entry of a column."""

    name: str
    kind: Literal["normal", "uniform"]
    ends: tuple[float, float]
    """Mean and deviation, or the two ends."""
    like: str | None = None
    """The column whose entries it is added to."""


class Drawn(Expr):
    """The mean of `body` over noise, of each example: from a number of draws.

    `Beside` stands in `body` for each of the noises.
    """

    body: Expr
    noises: tuple[Noise, ...]
    draws: int
    """Of a step."""
    judged: int
    """Where a verdict is measured."""
    written: Expr
    """As it stands in the spec."""


class Violations(Expr):
    """How far requirements are from being met, one number each, or the largest of them."""

    labels: tuple[tuple[str, Relation], ...]
    """Full labels with their relations, in the order of the problem."""
    largest: bool = False
    moved: tuple[str, str] | None = None
    """The training data, and what stands in for them."""


class Initial(Expr):
    """The value of an expression before the first step; the emitted module calls it `text`."""

    text: str
    body: Expr


# --- The problem ---------------------------------------------------------------------------------

Index_ = tuple[int, ...]
Coefficients = float | tuple[float, tuple[tuple[Index_, float], ...]]
"""One number for every entry; or that number and (index, number) to add to single entries."""


class SetMember(BaseModel, frozen=True, extra="forbid"):
    """`subject in set`: which set, on which parameters, jointly or one by one."""

    word: str
    """The set's word in `runtime/operators`: `nonneg`, `stiefel`, `sparse`, ..."""
    arguments: dict[str, Any] = {}
    subject: Expr | None = None
    """A `ParameterRef`, a quantified weight, a decision variable; None for a whole model."""
    together: bool = False
    """Whether the set is one of all the subject's tensors as one long vector."""
    rows: tuple[tuple[int, ...], ...] = ()
    """The rows of the subject that are in the set, by their first indices; () for all of it."""
    part: tuple[int | tuple[int, int], ...] = ()
    """The part of the subject that is in the set: an index or the ends of a slice an axis."""
    model: str | None = None
    """For sets over a whole model (`sparse` from `density(net)`): its name."""
    recognized: str = ""
    """How it was written, where it was not written as a set: `density(net) <= 0.1`."""

    @property
    def partial(self) -> bool:
        """Whether it is about some rows, or a part, of its subject."""
        return bool(self.rows or self.part)


def membership(value: Expr, bound: Expr) -> SetMember | None:
    """The set of `value in bound`; None for one that is none of tensors."""
    match bound:
        case Name(id=word):
            return SetMember(word=word, subject=value)
        case Call(function=Name(id=word), arguments=arguments, keywords=keywords):
            given = {k.name: k.value for k in keywords}
            if word == "ball" and len(arguments) == 2:
                given["center"], arguments = arguments[0], arguments[1:]
            given = {str(i): a for i, a in enumerate(arguments)} | given
            return SetMember(word=word, subject=value, arguments=given)
        case Interval(lower=low, upper=high):
            return SetMember(word="box", subject=value, arguments={"0": low, "1": high})
    return None


class Recovery(BaseModel, frozen=True, extra="forbid"):
    """How a canonical multiplier turns back into the user's units and sign.

    multiplier in the user's sign rule = sum of the parts' multipliers;
    d(objective as written) / d(bound as written) = sensitivity_sign * multiplier.
    """

    sensitivity_sign: float = -1.0


class Constraint(BaseModel, frozen=True, extra="forbid"):
    """One constraint (with `binders`: one for each member of the index set)."""

    label: str
    binders: tuple[Binder, ...] = ()
    value: Expr
    bound: Expr
    relation: Relation
    mirrored: bool = False
    """Whether an equality was written `bound == value`: its multiplier is of (bound - value)."""
    event: Expr | None = None
    """What must hold, where that is no relation (`A => B`): the value is its violation then."""
    cases: tuple[tuple[str, Expr], ...] = ()
    """The ways in which an event can hold, in words, each with a function that is <= 0 there."""
    alternatives: tuple[tuple[tuple[int, ...], ...], ...] = ()
    """Clauses that all hold, where a solver tries each way of one: the parts that make it hold."""
    equal_parts: tuple[int, ...] = ()
    """Places of the parts that are == 0 though others are not."""
    every: bool = False
    """Whether it is asked of every entry that an example has: a membership in an interval."""
    parts: tuple[Expr, ...] = ()
    """Canonical functions, each <= 0 (or == 0): true values. Empty before `canonical`."""
    whole: bool = False
    """Whether the only part is value - bound as written (`gap`, `abs`, `max` are not split)."""
    gradient_parts: tuple[Expr, ...] | None = None
    """What the model's step differentiates instead of `parts`; None where they are the same."""
    decides: tuple[Expr, ...] = ()
    """Functions, each <= 0, by which gates are decided before the run ends; empty elsewhere."""
    set: SetMember | None = None
    margin: float = 0.0
    """How far inside its bound training keeps it, so that it can be certified afterwards."""
    bound_written: Expr | None = None
    """With a margin, the bound as written: `bound` is what training keeps."""
    tolerance: float = 0.0
    tolerance_given: bool = False
    surrogate: Expr | None = None
    surrogate_text: str | None = None
    constant: bool = False
    """Whether it is the same whatever is predicted, as `pred < 5` of two classes."""
    soft: Soft | None = None
    method: Settings | None = None
    """What enforces it: the spec's own `by`, then the strategy's choice."""
    construction: bool = False
    reason: str = ""
    rejected: tuple[str, ...] = ()
    """Alternatives that the strategy tried, each with why it was not taken."""
    recovery: Recovery = Recovery()
    text: str = ""
    member: str = ""
    """Which member of the quantifier this is, for people; empty before expansion."""
    span: Span = NOWHERE

    def equality(self, place: int) -> bool:
        """Whether a part has to be 0; else it may be negative."""
        whole = self.relation == "==" and not self.alternatives
        return whole or place in self.equal_parts

    @property
    def known_set(self) -> SetMember:
        """Its set, of a constraint that has one."""
        assert self.set is not None
        return self.set

    @property
    def judged_by(self) -> Expr:
        """The bound as written, which verdicts are about."""
        return self.bound if self.bound_written is None else self.bound_written

    @property
    def each(self) -> PerExample | None:
        """Its canonical function where it has a multiplier for each example; None elsewhere."""
        (part,) = self.parts if len(self.parts) == 1 else (None,)
        return part if isinstance(part, PerExample) else None

    @property
    def true_or_false(self) -> bool:
        """Whether it is a rule on each example of which only the truth is known, no distance."""
        each, share = self.each, self.value
        if each is None or self.event is None:
            return False
        return isinstance(share, Expectation) and each.body == share.body

    @property
    def full_label(self) -> str:
        """What people call it: its label, with its member in brackets."""
        return f"{self.label}[{self.member}]" if self.member else self.label


class DerivedBound(BaseModel, frozen=True, extra="forbid"):
    """A constraint that was proved to be a bound of one variable."""

    label: str
    member: str = ""
    part: int
    """Which of the constraint's canonical functions."""
    variable: str
    index: tuple[int, ...] = ()
    lower: float | None = None
    upper: float | None = None
    text: str = ""
    """For people: `sin(x) <= eps is x <= 0.5236, because sin(x) increases on [0, pi/2]`."""

    @classmethod
    def of(
        cls, c: Constraint, part: int, place: tuple[str, Index_], end: float, rises: bool, text: str
    ) -> DerivedBound:
        """The bound of a variable that a function is: an upper one where it rises with it."""
        variable, index = place
        ends = {"upper" if rises else "lower": end}
        named = {"label": c.label, "member": c.member, "variable": variable, "index": index}
        return cls(part=part, text=text, **named, **ends)


class Eliminated(BaseModel, frozen=True, extra="forbid"):
    """A variable that an affine equality gives: x = constant + sum of coefficient times another."""

    label: str
    member: str = ""
    part: int
    """Which of the constraint's canonical functions it comes from."""
    variable: str
    index: tuple[int, ...] = ()
    constant: float
    terms: tuple[tuple[str, tuple[int, ...], float], ...] = ()
    text: str = ""
    """For people: `x[2] = 1 - x[0] - x[1]`."""


class Lift(BaseModel, frozen=True, extra="forbid"):
    """A problem with kinks as a smooth one over auxiliary variables, each above its pieces."""

    name: str
    """The vector of auxiliary variables."""
    size: int
    objective: Expr
    parts: tuple[tuple[Expr, ...], ...]
    """The canonical functions of every constraint, without kinks."""
    pieces: tuple[Expr, ...]
    """What keeps auxiliary variables above their kinks: each <= 0."""
    above: tuple[int, ...]
    """Place of the auxiliary variable that each entry of the pieces is about."""


class Step(BaseModel, frozen=True, extra="forbid"):
    """One pass that changed something, for `explain`: its name and what it did."""

    name: str
    notes: tuple[str, ...] = ()


class Face(BaseModel, frozen=True, extra="forbid"):
    """A face x[axis] == at of a box, and the value of a model there."""

    axis: int
    at: float
    names: tuple[str, ...]
    """Of the coordinates, as `value` calls them."""
    value: Expr
    label: str


class Lifted(BaseModel, frozen=True, extra="forbid"):
    """A model whose values on faces hold by construction."""

    model: str
    box: tuple[tuple[float, float], ...]
    """Ends of each axis."""
    faces: tuple[Face, ...] = ()


class Problem(BaseModel, frozen=True, extra="forbid"):
    """minimize `objective` subject to `constraints`."""

    sense: Literal["minimize", "maximize", "satisfy"]
    objective: Expr = Number(text="0", value=0.0)
    """As minimized."""
    objective_gradient: Expr | None = None
    """What the model's step differentiates instead; None where that is the objective itself."""
    objective_text: str = ""
    objective_sign: float = 1.0
    """-1 where the spec maximizes: the objective as written is sign * the one minimized."""
    constraints: tuple[Constraint, ...] = ()
    metrics: tuple[tuple[str, Expr], ...] = ()
    history: tuple[Step, ...] = ()
    surrogate_notes: tuple[str, ...] = ()
    """What is said of surrogates, for people."""
    solver: Settings | None = None
    """A method that owns the whole run (`sqp`); None where a training loop runs."""
    bounds: tuple[DerivedBound, ...] = ()
    """Constraints that the solver holds as bounds."""
    eliminated: tuple[Eliminated, ...] = ()
    """Variables that the solver does not see: affine equalities give them."""
    implied: tuple[tuple[str, str, int], ...] = ()
    """Affine equalities that those imply: label, member, part."""
    presolve: tuple[str, ...] = ()
    """What was found on the way, for people: equalities that contradict each other."""
    lift: Lift | None = None
    """The smooth problem that a solver gets in place of one with kinks."""
    lifted: tuple[Lifted, ...] = Field((), exclude=True)
    """Models with known values on faces, which hold by construction."""
    convex: bool = False
    """Proved: every local minimum is the global one."""

    def with_constraints(self, constraints: Iterable[Constraint]) -> Problem:
        """The problem with these constraints in the place of its own."""
        return self.model_copy(update={"constraints": tuple(constraints)})

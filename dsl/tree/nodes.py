"""The tree of a spec: frozen records, each with the span of the text that wrote it.

Two trees are the same program when their `shape`s are equal: spans, comments and the spelling of
numbers do not count. Sums, products, `and` and `or` are n-ary, so that depth means nesting.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Literal, Self, get_args

from pydantic import BaseModel

from cspec.dsl.text.source import NOWHERE, Span


class Node(BaseModel, frozen=True, extra="forbid"):
    """What every part of a tree has."""

    span: Span = NOWHERE

    def children(self) -> list[Node]:
        """The nodes directly below this one, in the order they were written."""
        values = self.__dict__
        found: list[Node] = []
        for name in parts(type(self)):
            value = values[name]
            if isinstance(value, Node):
                found.append(value)
            elif value:
                found.extend(value)
        return found

    def changed(self, **values: object) -> Self:
        """The same with other values in some of its fields."""
        return self.model_copy(update=values)


_WHERE = {"span", "name_span", "label_span", "dataset_span", "label_spans", "comments"}


@cache
def fields(cls: type[Node]) -> tuple[str, ...]:
    """The names of the fields that say something: all but places and comments."""
    return tuple(name for name in cls.model_fields if name not in _WHERE)


@cache
def parts(cls: type[Node]) -> tuple[str, ...]:
    """The names of the fields that can hold nodes, one or a tuple: most nodes are leaves."""
    return tuple(name for name in fields(cls) if _holds(cls.model_fields[name].annotation))


def _holds(annotation: object) -> bool:
    """Whether a value of this type may be a node, or hold some."""
    own = isinstance(annotation, type) and issubclass(annotation, Node)
    return own or any(_holds(argument) for argument in get_args(annotation))


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it, parents first, in written order."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack += current.children()[::-1]


def shape(value: object) -> object:
    """What a tree says without where it says it: nested tuples, equal for equal programs."""
    if isinstance(value, Number):
        return ("Number", value.value)
    if isinstance(value, Node):
        cls = type(value)
        return (cls.__name__, *(shape(getattr(value, name)) for name in fields(cls)))
    if isinstance(value, tuple) and value and not isinstance(value[0], float):
        return tuple(shape(item) for item in value)
    return value


# --- Expressions ---------------------------------------------------------------------------------


class Expr(Node):
    """An expression."""


class Number(Expr):
    """`0.5`, `10%`, `64KiB`, `10_000`: `text` as typed, `value` what it means."""

    text: str
    value: float


class String(Expr):
    """`"marital-status"`."""

    value: str


class Name(Expr):
    """A name standing for itself: `x`, `density`, `pi`, `all`."""

    id: str


class Vector(Expr):
    """`[a, b, c]`; `param` names the param of two dimensions whose rows it spells out."""

    items: tuple[Expr, ...]
    param: str = ""


class Negate(Expr):
    """`-operand`."""

    operand: Expr


class Not(Expr):
    """`not operand`."""

    operand: Expr


class _Joined(Expr):
    """Operands n with operators n - 1 between them."""

    operands: tuple[Expr, ...]
    operators: tuple[str, ...]


class Sum(_Joined):
    """`a + b - c`: operands n, operators n - 1 of `+` and `-`, from left to right."""


class Product(_Joined):
    """`a * b / c @ d`: operands n, operators n - 1 of `*`, `/` and `@`, from left to right."""


class Power(Expr):
    """`base ^ exponent`."""

    base: Expr
    exponent: Expr


class Compare(_Joined):
    """`a <= b`, `lo <= a <= hi`: operands n, operators n - 1 of `< <= > >= == !=`."""


class Membership(Expr):
    """`element in set` (as a constraint, or as an event)."""

    element: Expr
    set: Expr


class And(Expr):
    """`a and b and c`."""

    operands: tuple[Expr, ...]


class Or(Expr):
    """`a or b or c`."""

    operands: tuple[Expr, ...]


class Implies(Expr):
    """`condition => consequence`."""

    condition: Expr
    consequence: Expr


class Keyword(Node):
    """`name=value` inside a call, `fit(...)`, `soft(...)`. `name_span` covers the name."""

    name: str
    value: Expr
    name_span: Span = NOWHERE


class Call(Expr):
    """`function(arguments, name=value)`; `function` is a `Name` or an `Attribute`."""

    function: Expr
    arguments: tuple[Expr, ...] = ()
    keywords: tuple[Keyword, ...] = ()


class Slice(Expr):
    """`0:2`, `1:`, `:` inside an index: the entries from `lower` up to, not including, `upper`."""

    lower: Expr | None = None
    upper: Expr | None = None


class Index(Expr):
    """`value[i]`, `value[i, j]`, `W[0:2, :]`, `x["capital-gain"]`."""

    value: Expr
    indices: tuple[Expr, ...]


class Attribute(Expr):
    """`value.name`: `net.weights`, `prob.rain`, `W.T`."""

    value: Expr
    name: str
    name_span: Span = NOWHERE


class Interval(Expr):
    """`[lo, hi]` after `in`: a closed interval."""

    lower: Expr
    upper: Expr


class FiniteSet(Expr):
    """`{a, b, c}`."""

    items: tuple[Expr, ...]


class Binder(Node):
    """`names in domain where condition`: `W in net.weights("conv*")`, `(x, y) in train`."""

    names: tuple[str, ...]
    domain: Expr
    condition: Expr | None = None
    one: bool = False
    """Whether it goes over one thing that the text names without a quantifier."""


class Expectation(Expr):
    """`E[body | conditions on dataset for a in S where c]` (mean) or `P[...]` (fraction).

    Conditions that are lone columns of categories mean *by group*: a vector over their values (or
    over the combinations that occur). The others are events that all hold.
    """

    kind: Literal["E", "P"]
    body: Expr
    conditions: tuple[Expr, ...] = ()
    dataset: str | None = None
    dataset_span: Span = NOWHERE
    binders: tuple[Binder, ...] = ()
    grouped: bool = False
    """Whether it stands where only groups make sense (`gap(P[.. | q])`): elaboration says so."""


class Comprehension(Expr):
    """`sum(body for i in S where c)`, also `max`, `min`, `any`, `all`; `for` nest left to right."""

    function: str
    body: Expr
    binders: tuple[Binder, ...]


# --- Items ---------------------------------------------------------------------------------------


class Item(Node):
    """One statement of a spec."""


class Imported(Node):
    """`name as alias`; `alias` equals `name` where none was written."""

    name: str
    alias: str


class From(Item):
    """`from "nets.py" import a, B as c` (`path` true) or `from package.module import f`."""

    module: str
    path: bool
    names: tuple[Imported, ...]


class _Number(Item):
    """A number by name, or as many as its dimensions say."""

    name: str
    dimensions: tuple[Expr, ...] = ()
    value: Expr | None = None
    domain: Expr | None = None
    name_span: Span = NOWHERE


class Param(_Number):
    """`param eps = 0.5 in [0, 1]`, `param mu[64]`, `param level[hospital]`."""


class Let(Item):
    """`let pos = ...` or, with parameters, `let kl(a, b) = ...`."""

    name: str
    parameters: tuple[str, ...] | None = None
    value: Expr
    name_span: Span = NOWHERE


class Var(_Number):
    """`var x = 1.0 in [0, pi/2]`, `var w[3] = 0`: a decision variable of the spec itself."""


class Column(Node):
    """A column of a dataset: `original` is its name in the data, `name` its name in the spec."""

    name: str
    original: str


class Target(Node):
    """`train(x, y, sex)` on the left of a `data` line; no columns means `x, y`."""

    name: str
    columns: tuple[Column, ...] = ()


class Data(Item):
    """`data train(x, y), test(x, y) = digits(split=[0.8, 0.2])`; no source: bound from outside."""

    targets: tuple[Target, ...]
    source: Expr | None = None


class Model(Item):
    """`model net = mlp(hidden=[64])`, `model u(t, x)`, `model ref = frozen(net)`."""

    name: str
    arguments: tuple[str, ...] | None = None
    source: Expr | None = None
    name_span: Span = NOWHERE


class DomainAxis(Node):
    """`t` or `z[2]` in a `domain` line."""

    name: str
    dimensions: tuple[Expr, ...] = ()


class Domain(Item):
    """`domain q(t, x) = box([0, 1], [-1, 1])`: a continuous set."""

    name: str
    axes: tuple[DomainAxis, ...]
    source: Expr
    name_span: Span = NOWHERE


class Given(Item):
    """`given loss, kl`: values that the user's own loop hands to each step."""

    names: tuple[Imported, ...]


class Objective(Item):
    """`minimize expr`, `maximize expr`, `satisfy`."""

    sense: Literal["minimize", "maximize", "satisfy"]
    expression: Expr | None = None


class Modifier(Node):
    """What stands behind a constraint."""


class By(Modifier):
    """`by construction` (`method` is the name `construction`) or `by method(...)`."""

    method: Expr


class Soft(Modifier):
    """`soft(weight=0.1)`."""

    keywords: tuple[Keyword, ...] = ()


class Within(Modifier):
    """`within 1e-3`."""

    tolerance: Expr


class WithSurrogate(Modifier):
    """`with surrogate expr`."""

    surrogate: Expr


class On(Modifier):
    """`on D` behind a constraint."""

    dataset: str


class Constraint(Item):
    """`label: forall binders: relation modifiers`."""

    label: str | None = None
    label_span: Span = NOWHERE
    binders: tuple[Binder, ...] = ()
    relation: Expr
    modifiers: tuple[Modifier, ...] = ()


class Group(Item):
    """`label: forall binders: { constraints }`."""

    label: str | None = None
    label_span: Span = NOWHERE
    binders: tuple[Binder, ...]
    constraints: tuple[Constraint | Group, ...]
    modifiers: tuple[Modifier, ...] = ()


class SubjectTo(Item):
    """The constraints behind `s.t.`, in order. A spec may have several."""

    constraints: tuple[Constraint | Group, ...]


class Using(Item):
    """`using method(...)`: a `Name` or a `Call`."""

    method: Expr


class Fit(Item):
    """`fit(optimizer=adam(lr=1e-3), epochs=150)`."""

    keywords: tuple[Keyword, ...]


class Verify(Item):
    """`verify all on val every 5 epochs`, `verify dp, eo.tpr on test with confidence 95%`.

    `labels` is empty for `all`; `every` is `(n, unit)` with unit `epoch` or `step`.
    """

    labels: tuple[str, ...] = ()
    label_spans: tuple[Span, ...] = ()
    dataset: str | None = None
    dataset_span: Span = NOWHERE
    every: tuple[int, str] | None = None
    confidence: Expr | None = None


class Metric(Item):
    """`metric acc = P[pred == y on test]`."""

    name: str
    value: Expr
    name_span: Span = NOWHERE


class Stop(Item):
    """`stop when feasible(1e-3) and stalled(epochs=5)`."""

    condition: Expr


class Comment(Node):
    """A `#` comment: its text with the `#`, and whether it stands on a line of its own."""

    text: str
    own_line: bool


CONNECTIVES = (Implies, And, Or, Not)
"""Events that are made of events."""
EVENTS = (Compare, Membership, *CONNECTIVES)
"""What is true or false as it is written."""
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
"""The operator of a comparison whose sides change places."""
EXTREMES = frozenset({"max", "min", "all", "any"})
"""Of a set of points the worst decides: it can be searched."""


class Spec(Node):
    """A whole spec: its items in order, and its comments by place."""

    items: tuple[Item, ...]
    comments: tuple[Comment, ...] = ()

    def constraints(self) -> Iterator[Constraint | Group]:
        """Every top-level constraint or group, in order."""
        for item in self.items:
            if isinstance(item, SubjectTo):
                yield from item.constraints

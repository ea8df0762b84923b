"""What must hold, as comparisons joined by all and any: negation normal form.

A => B                 ->   any(not A, B)
not (x <= 1 and c)     ->   any(x > 1, not c)
1 < x <= 3             ->   all(x > 1, x <= 3)
x in [1, 3]            ->   all(x >= 1, x <= 3);  x in {1, 3}: any(x == 1, x == 3)
abs(x) >= 1            ->   any(x >= 1, -x >= 1); max and min of several likewise

Comparisons of constants are decided. A comparison of tensors is about all their entries, its
negation about any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal as Word
from typing import NamedTuple

from cspec.compiler.algebra.shapes import shape_of
from cspec.compiler.expressions.moving import is_prediction, moves
from cspec.compiler.expressions.not_compiled import form, not_compiled
from cspec.compiler.expressions.rewrite import as_comparisons, call, function_name, number
from cspec.compiler.passes.canonical import minus, negate
from cspec.compiler.passes.expansion.where import holds
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.problem import Beside, Category
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.rebuild import names
from cspec.dsl.values.shapes import Shape

OPPOSITE: Mapping[str, str] = {
    "<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==",
}  # fmt: skip
Entries = Word["", "all", "any"]


class Decided(NamedTuple):
    """What decides comparisons of constants and tells tensors from numbers."""

    params: Values
    shapes: Mapping[str, Shape] = {}
    """Of decision variables."""
    facts: Facts = Facts()
    open: frozenset[str] = frozenset()
    """Names of quantifiers that are not expanded yet: constants of which nothing is known."""
    moving: frozenset[str] = frozenset()
    """Models and variables that training changes."""
    rows: bool = False
    """Whether it is about each example: what does not move is data."""
    searched: frozenset[str] = frozenset()
    """What a search moves: beside it models stand still, and so does what names none of it."""


class Truth(NamedTuple):
    """What is decided before anything moves."""

    value: bool


class Atom(NamedTuple):
    """`left operator right`; of tensors for `all` their entries, or for `any` of them."""

    left: nodes.Expr
    operator: str
    right: nodes.Expr
    entries: Entries = ""

    @property
    def equal(self) -> bool:
        """Whether it is an equality."""
        return self.operator == "=="

    @property
    def function(self) -> nodes.Expr:
        """g, with g <= 0 (or g == 0) exactly where the comparison or its border holds."""
        turned = self.operator in (">", ">=")
        return minus(self.right, self.left) if turned else minus(self.left, self.right)


class OfData(NamedTuple):
    """What the data say of each example: nothing that moves makes it hold, or not hold."""

    event: nodes.Expr
    positive: bool


class All(NamedTuple):
    """Every one of several holds."""

    items: tuple[Formula, ...]


class Any(NamedTuple):
    """One of several holds."""

    items: tuple[Formula, ...]


FAR = 1e6
"""The margin of what the data alone say, as far from changing as can be."""
Formula = Truth | Atom | OfData | All | Any


def formula(event: nodes.Expr, known: Decided, positive: bool = True) -> Formula:
    """An event, or what `not` makes of it, as comparisons joined by all and any.

    Raises:
        SpecError: a form that is no comparison of numbers.
    """
    if known.rows and not moves(event, known.moving):
        return OfData(event, positive)
    match event:
        case nodes.Not(operand=operand):
            return formula(operand, known, not positive)
        case nodes.And(operands=operands) | nodes.Or(operands=operands):
            found = [formula(operand, known, positive) for operand in operands]
            return together(found, isinstance(event, nodes.And) == positive)
        case nodes.Implies(condition=condition, consequence=consequence):
            sides = [formula(condition, known, not positive), formula(consequence, known, positive)]
            return together(sides, not positive)
        case nodes.Compare(operands=(left, right), operators=(operator,)):
            return _comparison(left, operator, right, known, positive)
        case nodes.Compare() | nodes.Membership() if (links := as_comparisons(event)) is not event:
            return formula(links, known, positive)
    raise not_compiled(form(event), event)


def together(items: list[Formula], every: bool) -> Formula:
    """All of them (or any), decided as far as its parts are."""
    open_: list[Formula] = []
    for item in items:
        if isinstance(item, Truth):
            if item.value != every:
                return item
        elif isinstance(item, All if every else Any):
            open_.extend(item.items)
        else:
            open_.append(item)
    if len(open_) < 2:
        return open_[0] if open_ else Truth(every)
    return All(tuple(open_)) if every else Any(tuple(open_))


def _comparison(
    left: nodes.Expr, operator: str, right: nodes.Expr, known: Decided, positive: bool
) -> Formula:
    if known.rows:
        return _of_row(left, operator, right, known, positive)
    if _constant(left, known) and _constant(right, known):
        relation = nodes.Compare(operands=(left, right), operators=(operator,), span=left.span)
        return Truth(holds(relation, {}, {}, known.facts, known.params) == positive)
    operator = operator if positive else OPPOSITE[operator]
    tensor = any(shape_of(side, known.shapes, known.params) for side in (left, right))
    entries: Entries = "" if not tensor else "all" if positive else "any"
    if operator == "!=" and not (_settled(left, known) and _settled(right, known)):
        shown = f"{format_expression(left)} == {format_expression(right)}"
        raise Diagnostic(
            code="CS109",
            message=f"`{shown}` asks for nothing here: numbers that move are almost never equal",
            span=left.span,
            notes=("where they are, a change of nothing makes them differ",),
            helps=("say how near counts: `abs(x - a) <= 0.01 => ...`",),
        ).error()
    return _split(Atom(left, operator, right, entries), known)


def _of_row(
    left: nodes.Expr, operator: str, right: nodes.Expr, known: Decided, positive: bool
) -> Formula:
    """A comparison of each example; of a class by the margin of its output."""
    whole = nodes.Compare(operands=(left, right), operators=(operator,), span=left.span)
    if not moves(whole, known.moving):
        return OfData(whole, positive)
    operator = operator if positive else OPPOSITE[operator]
    if is_prediction(right):
        left, operator, right = right, nodes.TURNED[operator], left
    if _stays(left, known):
        left, operator, right = right, nodes.TURNED[operator], left
    if operator in ("==", "!=") and is_prediction(left) and _stays(right, known):
        assert isinstance(left, nodes.Call)
        outputs = call("margin", left.arguments[0], right)
        return Atom(outputs, ">=" if operator == "==" else "<=", number(0))
    if operator == "!=" or is_prediction(left):
        raise not_compiled(form(whole), whole)
    return _split(Atom(left, operator, right), known)


def _stays(expr: nodes.Expr, known: Decided) -> bool:
    """Whether a side is the same wherever training, or the search alone, goes."""
    if not moves(expr, known.moving):
        return True
    return bool(known.searched) and not _searched(expr, known.searched)


def _searched(node: nodes.Node, moved: frozenset[str]) -> bool:
    """Whether something that a search moves stands in it; a column at rest is none."""
    if isinstance(node, Beside):
        return node.column is None and node.name in moved
    if isinstance(node, nodes.Name):
        return node.id in moved
    return any(_searched(child, moved) for child in node.children())


def _constant(expr: nodes.Expr, known: Decided) -> bool:
    return (
        isinstance(expr, nodes.String | Category) or value_or_none(expr, known.params) is not None
    )


def _settled(expr: nodes.Expr, known: Decided) -> bool:
    """Whether an expression is constant once quantifiers are expanded."""
    return _constant(expr, known) or names(expr) <= known.open | known.params.keys()


def _split(atom: Atom, known: Decided) -> Formula:
    """Without `abs`, `max`, `min` where comparisons of their arguments say the same."""
    if function_name(atom.left) not in SPLIT and function_name(atom.right) in SPLIT:
        atom = Atom(atom.right, nodes.TURNED[atom.operator], atom.left, atom.entries)
    word, value = function_name(atom.left), atom.left
    if word not in SPLIT or not isinstance(value, nodes.Call) or value.keywords or atom.equal:
        return atom
    every = (atom.operator in ("<", "<=")) == (word != "min")
    entries: Entries = "all" if every else "any"
    pieces, inner = value.arguments, value.arguments[0]
    if word == "abs":
        pieces = (inner, negate(inner))
    elif len(pieces) == 1:
        if not shape_of(inner, known.shapes, known.params):
            return atom
        return _split(Atom(inner, atom.operator, atom.right, entries), known)
    if atom.entries not in ("", entries):
        return atom  # `abs(w) >= 1` of every entry is an alternative for each entry
    return together([_split(atom._replace(left=piece), known) for piece in pieces], every)


SPLIT = frozenset({"abs", "max", "min"})


# --- As functions --------------------------------------------------------------------------------


def margin(found: Formula) -> nodes.Expr:
    """g <= 0 exactly where it holds: the largest of all, the smallest of any.

    Where it is positive it is the least change of a comparison's sides that makes it hold.
    """
    match found:
        case Truth(value=value):
            return number(-1) if value else number(1)
        case OfData():
            return _where(found, number(-FAR), number(FAR))
        case Atom(entries=entries):
            size = call("abs", found.function) if found.equal else found.function
            return call("max" if entries == "all" else "min", size) if entries else size
        case All(items=items) | Any(items=items):
            every = isinstance(found, All)
            data = [item for item in items if isinstance(item, OfData)]
            sizes = [margin(item) for item in items if not isinstance(item, OfData)]
            if not sizes:
                return call("max" if every else "min", *map(margin, data))
            size = sizes[0] if len(sizes) == 1 else call("max" if every else "min", *sizes)
            for item in data:  # elsewhere what is compared need not be defined
                size = (
                    _where(item, size, number(FAR)) if every else _where(item, number(-FAR), size)
                )
            return size


def _where(data: OfData, held: nodes.Expr, broken: nodes.Expr) -> nodes.Expr:
    return call("where", data.event, *((held, broken) if data.positive else (broken, held)))

"""Means over random classes and truth values.

    h(pred)     ->   prob[0]*h(0) + prob[1]*h(1) + ...
    h(u > v)    ->   p*h(1) + (1 - p)*h(0), p the soft truth

Where a prediction is only compared with constants or one label, all other classes give the same,
and how many there are need not be known: `pred != 1` is 1 - prob[1].
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from cspec.compiler.expressions.rewrite import changed, number, same
from cspec.compiler.surrogates.arithmetic import (
    ONE,
    ZERO,
    complement,
    is_number,
    plus,
    times,
    total,
)
from cspec.compiler.surrogates.atoms import (
    each_once,
    events,
    is_closed,
    is_prediction,
    moves,
    outside_means,
    predictions,
    reduces,
)
from cspec.compiler.surrogates.base import SoftenerBase
from cspec.compiler.surrogates.classes import (
    Class,
    Classes,
    Other,
    Uses,
    classes_of,
    numbered,
    predicted,
    uses_of,
)
from cspec.compiler.surrogates.folding import replaced
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.nodes import (
    Binder,
    Call,
    Compare,
    Comprehension,
    Expr,
    FiniteSet,
    Membership,
    Name,
    Node,
    Not,
    Number,
    Product,
    String,
    walk,
)
from cspec.dsl.tree.rebuild import names, rebuild

MOST_CLASSES = 100
"""Classes that are written out at most."""

MOST_EVENTS = 6
"""Events at most whose truth values are combined with one another."""


class Cell(NamedTuple):
    """Classes for which an expression is the same: places among the probabilities."""

    places: tuple[Expr, ...]
    value: Expr
    guard: Expr = ONE
    """Of a label: whether it is none of the classes with a name."""


def over_classes(s: SoftenerBase, expr: Expr, sign: int) -> Expr:
    """The mean over the classes of the first prediction in an expression."""
    expr = s.opened(expr)
    prediction = predictions(expr, s.moving)[0]
    outputs = prediction.arguments[0]
    if isinstance(outputs, Call) and s.is_flat(outputs):
        return s.remarks.refuse(outputs, "cut off from what it is given, or from what trains")
    if (pair := _pair(s, expr)) is not None:
        return pair if isinstance(expr, Compare) and expr.operators == ("==",) else complement(pair)
    uses = uses_of(s, expr, prediction)
    known = classes_of(s, prediction)
    ordered = uses.limit is not None
    far = ordered and (uses.limit or 0) >= MOST_CLASSES
    apart = ordered and (uses.labels or not numbered(known))
    if uses.number or len(uses.labels) > 1 or far or apart:
        return _each_class(s, expr, prediction, known, sign)
    return _named_classes(s, expr, prediction, uses, sign)


def _each_class(
    s: SoftenerBase, expr: Expr, prediction: Call, known: Classes | None, sign: int
) -> Expr:
    if known is None and s.setting.bound:
        return _no_classes(s, expr)
    if known is None:  # for people alone
        name = fresh(expr)
        value = s.mean(predicted(s, expr, prediction, Class(name, name)), sign)
        return over_names(name, s.word.classes(prediction, (name,), 0), value)
    if len(known) > MOST_CLASSES:
        label = f"needs each of the {len(known)} classes, and at most {MOST_CLASSES} are written"
        helps = ("compare `pred` with classes or labels: `pred == y`, `pred in {0, 1}`",)
        return s.remarks.refuse(expr, label, helps)
    cells = _cells(s, expr, prediction, known, sign)
    if len(cells) == 1:
        return cells[0].value
    return plus(*_terms(s, prediction, cells, sign))


def _no_classes(s: SoftenerBase, expr: Expr) -> Expr:
    label = "each class counts, and it is not known how many the model has"
    return s.remarks.refuse(expr, label, ("bind data, too: `cspec.bind(..., train=data)`",))


def _named_classes(s: SoftenerBase, expr: Expr, prediction: Call, uses: Uses, sign: int) -> Expr:
    """Classes with a name, the label, and all others at once."""
    known = classes_of(s, prediction)
    named = _named(known, uses)
    if known is not None and len(named) == len(known):
        return _each_class(s, expr, prediction, known, sign)
    rest = s.mean(predicted(s, expr, prediction, Other(next(iter(uses.labels), None))), sign)
    found = _cells(s, expr, prediction, named, sign)
    for label in uses.labels:
        hit = s.mean(predicted(s, expr, prediction, Other(label, True)), sign)
        found.append(Cell((label,), hit, _none_of(s, label, named)))
    cells = [cell for cell in found if not same(cell.value, rest)]
    terms = list(_terms(s, prediction, cells, sign))
    if not cells:
        return rest
    if is_number(rest, 0):
        return plus(*terms)
    turned = -sign * s.side(rest)
    chances = [times(cell.guard, s.word.classes(prediction, cell.places, turned)) for cell in cells]
    left = total([("+", ONE), *(("-", chance) for chance in chances)])
    return plus(*terms, times(left, rest))


def _named(known: tuple[Class, ...] | None, uses: Uses) -> tuple[Class, ...]:
    """The classes that are named, and those up to the limit, in order."""
    if known is not None:
        highest = -math.inf if uses.limit is None else uses.limit
        below = [cls.number is not None and cls.number <= highest for cls in known]
        pairs = zip(known, below, strict=True)
        return tuple(cls for cls, low in pairs if low or any(map(cls.named, uses.named)))
    limit = -1 if uses.limit is None else int(uses.limit // 1)
    numbers = {float(k) for k in range(limit + 1)}
    numbers |= {constant.value for constant in uses.named if isinstance(constant, Number)}
    named = each_once(constant for constant in uses.named if not isinstance(constant, Number))
    return (*map(_class, sorted(numbers)), *(Class(c, c) for c in named))


def _class(value: float) -> Class:
    """A class by its number; one that can't be a position is a class of that name."""
    plain = number(value)
    if value >= 0 and is_whole(value):
        return Class(plain, plain)
    return Class(String(value=plain.text), plain)


def _cells(
    s: SoftenerBase, expr: Expr, prediction: Call, classes: Classes, sign: int
) -> list[Cell]:
    """Classes in groups that give the same."""
    cells: list[Cell] = []
    for cls in classes:
        value = s.mean(predicted(s, expr, prediction, cls), sign)
        place = next((i for i, cell in enumerate(cells) if same(cell.value, value)), None)
        if place is None:
            cells.append(Cell((cls.place,), value))
        else:
            cells[place] = cells[place]._replace(places=(*cells[place].places, cls.place))
    return cells


def _terms(s: SoftenerBase, prediction: Call, cells: list[Cell], sign: int) -> Iterator[Expr]:
    for cell in cells:
        if not is_number(cell.value, 0):
            side = sign * s.side(cell.value)
            yield times(cell.guard, s.word.classes(prediction, cell.places, side), cell.value)


def _none_of(s: SoftenerBase, label: Expr, classes: tuple[Class, ...]) -> Expr:
    """Whether a label is none of the classes, each as a value that the label may have."""
    found = [cls.value_in(s, label) for cls in classes]
    values = tuple(value for value in found if value is not None)
    if not values:
        return ONE
    if len(values) == 1:
        return Compare(operands=(label, values[0]), operators=("!=",), span=label.span)
    within = Membership(element=label, set=FiniteSet(items=values), span=label.span)
    return Not(operand=within, span=label.span)


# --- two models ----------------------------------------------------------------------------------


def _pair(s: SoftenerBase, expr: Expr) -> Expr | None:
    """The truth of `pred(f(x)) == pred(g(x))` where both move: the sum over k of p_k q_k."""
    match expr:
        case Compare(operands=(Call() as left, Call() as right), operators=("==" | "!=",)):
            if not all(is_prediction(o) and moves(o, s.moving) for o in (left, right)):
                return None
        case _:
            return None
    if s.word.margins:
        s = s.plain("pair")
    one, other = classes_of(s, left), classes_of(s, right)
    if one is None or other is None:
        if s.setting.bound:
            return _no_classes(s, expr)
        name = fresh(expr)
        return over_names(name, *(s.word.classes(side, (name,), 0) for side in (left, right)))
    outputs = [s.axes(side.arguments[0]) for side in (left, right)]
    if all(o.shape and not o.tokens for o in outputs) and len(one) == len(other):
        chances = tuple(s.word.chances(side) for side in (left, right))
        return Product(operands=chances, operators=("@",), span=expr.span)
    return plus(
        *(
            times(s.word.classes(left, (p.place,), 0), s.word.classes(right, (q.place,), 0))
            for p, q in zip(one, other, strict=False)
        )
    )


# --- truth values --------------------------------------------------------------------------------


def over_atoms(s: SoftenerBase, expr: Expr, sign: int) -> Expr:
    """The mean over the predictions and events outside of the means in an expression."""
    expr = s.opened(expr)
    if predictions(expr, s.moving):
        return over_classes(s, expr, sign)
    smooth = _entries_first(s, expr)
    if smooth is not expr:
        return s.mean(smooth, sign)
    inside = events(expr, s.moving)
    if not inside:
        calls = (n for n in outside_means(expr) if isinstance(n, Call) and s.is_flat(n))
        label = "constant almost everywhere, or cut off from its arguments"
        return s.remarks.refuse(next(calls, expr), label)
    if len(inside) > MOST_EVENTS:
        return s.remarks.refuse(expr, f"more than {MOST_EVENTS} events in one function")
    with_, without = (s.mean(replaced(expr, inside[0], v), sign) for v in (ONE, ZERO))
    if same(with_, without):
        return with_
    chance = s.mean(inside[0], sign * _direction(s, with_, without))
    return plus(times(chance, with_), times(complement(chance), without))


def _entries_first(s: SoftenerBase, expr: Expr) -> Expr:
    """Reductions of events with their mean: `sum(f(x) > 0)` counts entries, each for itself."""

    def visit(node: Node) -> Node:
        if node is not expr and isinstance(node, Expr) and reduces(node) and s.open_flat(node):
            return s.mean(node, 0)
        return node if is_closed(node) else rebuild(node, visit)

    return changed(expr, visit)


def _direction(s: SoftenerBase, with_: Expr, without: Expr) -> int:
    """1 where a value grows with an event, -1 where it falls, 0 where that is not known."""
    if isinstance(with_, Number) and isinstance(without, Number):
        return 1 if with_.value > without.value else -1
    if is_number(without, 0):
        return s.side(with_)
    return -s.side(without) if is_number(with_, 0) else 0


EVERY_CLASS = "classes"
"""The set of the classes of a model that is not bound yet, in what `explain` prints."""


def fresh(expr: Expr) -> Name:
    """A name for a class that is not in an expression."""
    taken = names(expr)
    return Name(id=next(name for name in ("k", "c", "j", "k_", "c_", "j_") if name not in taken))


def over_names(name: Name, *factors: Expr) -> Expr:
    """`sum(... for k in classes)`."""
    binder = Binder(names=(name.id,), domain=Name(id=EVERY_CLASS))
    return Comprehension(function="sum", body=times(*factors), binders=(binder,))


def said_of_classes(expr: Expr) -> str:
    """`, c over all classes`: by what an expression for people goes over them, "" for others."""
    names = dict.fromkeys(name for binder in _over_classes(expr) for name in binder.names)
    return f", {' and '.join(names)} over all classes" if names else ""


def in_words(expr: Expr) -> bool:
    """Whether an expression is for people alone: it goes over classes that are not known yet."""
    return bool(_over_classes(expr))


def _over_classes(expr: Expr) -> list[Binder]:
    binders = [node for node in walk(expr) if isinstance(node, Binder)]
    return [b for b in binders if isinstance(b.domain, Name) and b.domain.id == EVERY_CLASS]

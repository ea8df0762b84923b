"""The classes of a prediction, and what an expression is where one of them is predicted."""

from typing import NamedTuple

from cspec.compiler.expressions.rewrite import changed, number, same
from cspec.compiler.records.problem import Category
from cspec.compiler.surrogates.arithmetic import ONE, ZERO
from cspec.compiler.surrogates.atoms import is_closed, is_prediction, moves, outside_means
from cspec.compiler.surrogates.base import SoftenerBase
from cspec.compiler.surrogates.folding import fold, holds, text_of
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import TURNED, Call, Compare, Expr, Index, Name, Node, Number, String
from cspec.dsl.tree.rebuild import rebuild


class Class(NamedTuple):
    """One class: as an index of the probabilities, and as a value."""

    place: Expr
    value: Expr

    def compared(self, s: SoftenerBase, operator: str, other: Expr) -> Expr:
        """`class operator other`."""
        if isinstance(other, Category | String):
            return ONE if self.named(other) == (operator == "==") else ZERO
        known = value_or_none(other, s.setting.inference.known.params)
        if known is not None and self.number is not None:
            return ONE if holds(self.number, operator, known) else ZERO
        value = self.value_in(s, other)
        if value is None:
            return ZERO if operator == "==" else ONE
        # what is compared stands first: `y == 1`
        return fold(Compare(operands=(other, value), operators=(TURNED[operator],)))

    def value_in(self, s: SoftenerBase, other: Expr) -> Expr | None:
        """The class as a value of what it is compared with; None where that never has it."""
        value = self.value
        known = s.axes(other).classes
        if not known or not isinstance(value, Category | String):
            return value
        texts = [str(item) for item in known]
        if text_of(value) not in texts:
            return None
        column = other.id if isinstance(other, Name) else getattr(value, "column", "")
        return Category(column=column, text=text_of(value), code=texts.index(text_of(value)))

    @property
    def number(self) -> float | None:
        """Its value as a number; of a text its place among the classes."""
        match self.value:
            case Number(value=value):
                return value
            case Category(code=code):
                return float(code)
        return None

    def named(self, constant: Expr) -> bool:
        """Whether a constant is this class: by its text, or by its number."""
        if isinstance(constant, Number) and self.number is not None:
            return constant.value == self.number
        if isinstance(constant, Category) and isinstance(self.place, Number):
            return constant.code == self.place.value  # `pred == true`: its number among the values
        return text_of(constant) == text_of(self.place)


Classes = tuple[Class, ...]


class Other(NamedTuple):
    """Any class that is none of those with a name, and above every limit."""

    label: Expr | None = None
    """The one label that predictions are compared with."""
    hit: bool = False
    """Whether the class is that label."""

    def compared(self, s: SoftenerBase, operator: str, other: Expr) -> Expr:
        """`class operator other`."""
        if self.label is not None and same(other, self.label):
            return ONE if self.hit == (operator == "==") else ZERO
        return ONE if operator in ("!=", ">", ">=") else ZERO


# --- what a prediction is compared with ----------------------------------------------------------


class Uses(NamedTuple):
    """How a prediction is used."""

    named: tuple[Expr, ...] = ()
    """Constants that it is compared with for equality."""
    limit: float | None = None
    """The largest constant that it is ordered against."""
    labels: tuple[Expr, ...] = ()
    """Labels of each example that it is compared with for equality."""
    number: bool = False
    """Whether it is used as a number, so that each class counts."""


def uses_of(s: SoftenerBase, expr: Expr, prediction: Call) -> Uses:
    """How a prediction is used in an expression, outside of its means."""
    found = Uses()
    stack: list[Node] = [expr]
    while stack:
        node = stack.pop()
        sides = _sides(node, prediction)
        if sides is not None:
            found = _with(s, found, *sides)
        elif isinstance(node, Expr) and same(node, prediction):
            found = found._replace(number=True)
        elif not is_closed(node):
            stack.extend(reversed(node.children()))
    return found


def _sides(node: Node, prediction: Call) -> tuple[str, Expr] | None:
    """`operator other` of a comparison with a prediction, the prediction on the left."""
    match node:
        case Compare(operands=(left, right), operators=(operator,)):
            if same(left, prediction) and not _inside(right, prediction):
                return operator, right
            if same(right, prediction) and not _inside(left, prediction):
                return TURNED[operator], left
    return None


def _inside(expr: Expr, prediction: Call) -> bool:
    return any(isinstance(node, Expr) and same(node, prediction) for node in outside_means(expr))


def _with(s: SoftenerBase, found: Uses, operator: str, other: Expr) -> Uses:
    equality = operator in ("==", "!=")
    value = value_or_none(other, s.setting.inference.known.params)
    if isinstance(other, Category | String) and equality:
        return found._replace(named=(*found.named, other))
    if value is not None and equality:
        return found._replace(named=(*found.named, number(value)))
    if value is not None:
        return found._replace(limit=max(value, found.limit or 0.0))
    if equality and is_label(s, other):
        known = any(same(other, label) for label in found.labels)
        return found if known else found._replace(labels=(*found.labels, other))
    return found._replace(number=True)


def is_label(s: SoftenerBase, expr: Expr) -> bool:
    """Whether an expression is the number (or name) of a class, one an example, and data."""
    if moves(expr, s.moving):
        return False
    found = s.axes(expr)
    if found.known and found.each is not None:
        labels = found.what in ("whole", "category", "event")
        return found.single and (labels or isinstance(expr, Name))
    return isinstance(expr, Name) or is_prediction(expr)


# --- the classes ---------------------------------------------------------------------------------


def classes_of(s: SoftenerBase, prediction: Call) -> Classes | None:
    """The classes of a prediction; None where they are not known."""
    outputs = s.axes(prediction.arguments[0])
    if not outputs.known or outputs.each is None:
        return None
    count = outputs.shape[-1] if outputs.shape else 2
    own = s.axes(prediction)
    if own.what != "category" or len(own.classes) != count:
        return tuple(Class(number(k), number(k)) for k in range(count))
    column = s.setting.inference.known.target(prediction) or ""
    found = []
    for code, value in enumerate(own.classes):
        place = Category(column=column, text=str(value), code=code)
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        found.append(Class(place, number(float(value)) if plain else place))
    return tuple(found)


def numbered(classes: Classes | None) -> bool:
    """Whether class k is the number k (as far as is known)."""
    return classes is None or all(isinstance(c.place, Number) for c in classes)


def predicted(s: SoftenerBase, expr: Expr, prediction: Call, cls: Class | Other) -> Expr:
    """The expression where a class is predicted, what that decides left out."""

    def visit(node: Node) -> Node:
        if is_closed(node) or not isinstance(node, Expr):
            return node
        if (sides := _sides(node, prediction)) is not None:
            return cls.compared(s, *sides)
        if isinstance(cls, Class):
            if isinstance(node, Index) and any(same(i, prediction) for i in node.indices):
                places = tuple(cls.place if same(i, prediction) else i for i in node.indices)
                return node.model_copy(update={"indices": places})
            if same(node, prediction):
                return cls.value
        return fold(rebuild(node, visit))

    return changed(expr, visit)

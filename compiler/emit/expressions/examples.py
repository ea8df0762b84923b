"""Values that examples have, as Python: brought together entry by entry, indexed, reduced.

Every operation on examples is written for the axes that inference found, so that two values meet
example by example and never by a chance of their shapes.
"""

import ast
from collections.abc import Sequence

from cspec.compiler.axes.calls import chance
from cspec.compiler.axes.record import (
    Axes,
    Bound,
    Entry,
    Misfit,
    Own,
    PartOf,
    Whole,
    as_tokens,
    together,
)
from cspec.compiler.emit.expressions.base import Translator, translates
from cspec.compiler.emit.expressions.derivatives import followed_feature
from cspec.compiler.emit.pieces import (
    OPERATORS,
    attribute,
    constant,
    literal,
    method,
    slices,
    subscript,
)
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.expressions.vectors import Extreme
from cspec.compiler.records.problem import Category, InBranch, Lookup
from cspec.compiler.surrogates.domains import HARMLESS
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Index, Name, Product, shape
from cspec.dsl.tree.rebuild import entry_name

REDUCED: dict[str, str] = {
    "max": "example_max",
    "min": "example_min",
    "sum": "example_sum",
    "all": "example_all",
    "any": "example_any",
}
"""Reductions and their bodies over the entries of each example."""
AVERAGES = frozenset({"mean", "variance", "std", "median"})
"""Functions of entries that leave out a group without examples."""
LAST_AXIS = frozenset({"dot", "cumsum"})
"""Functions of vectors that go along the last axis, whatever stands before it."""
NORMS = frozenset({"norm", "l1", "l2", "sumsq"})
"""Reductions whose usual body does the same with `per_example`."""


# --- entry by entry ------------------------------------------------------------------------------


def numbers(t: Translator, operands: Sequence[Expr]) -> list[ast.expr]:
    """Operands of arithmetic: events and whole numbers as numbers, axes side by side."""
    return _aligned(t, operands, [number(t, operand) for operand in operands])


def compared(t: Translator, operands: Sequence[Expr]) -> list[ast.expr]:
    """Operands of a comparison: categories by value, axes side by side."""
    if t.dataset is None:
        return [t.translate(operand) for operand in operands]
    constant_ = any(isinstance(operand, Category) for operand in operands)
    first = next((a for a in map(t.axes, operands) if a.text), None)
    values = []
    for operand in operands:
        axes = t.axes(operand)
        value = t.translate(operand)
        if axes.text and first is not None and axes.classes != first.classes:
            value = recoded(t, value, axes, first)
        elif axes.what == "category" and not axes.text and not constant_:
            value = _valued(t, value, axes)
        values.append(value)
    return _aligned(t, operands, values)


def events(t: Translator, operands: Sequence[Expr]) -> list[ast.expr]:
    """Operands of `and` and `or`, axes side by side."""
    return _aligned(t, operands, [truth(t, operand) for operand in operands])


def truth(t: Translator, expr: Expr) -> ast.expr:
    """Something true or false, as a tensor: a column of it is kept as 0 and 1, and `~` of
    Python's own truth values is a number that is true."""
    value = t.translate(expr)
    if t.dataset is not None and _is_column(t, expr, t.axes(expr)):
        return ast.Compare(left=value, ops=[ast.Eq()], comparators=[ast.Constant(1)])
    return t.call("truth", value) if t.is_number(value) else value


def _is_column(t: Translator, expr: Expr, axes: Axes) -> bool:
    """Whether an expression is a column of true and false, kept as 0 and 1, or an entry of one."""
    if axes.each is None or (axes.known and axes.what != "event"):
        return False
    if isinstance(expr, Index | Attribute):
        return isinstance(t.place(expr), Bound) or _is_column(t, expr.value, t.axes(expr.value))
    return isinstance(expr, Name)


def number(t: Translator, expr: Expr) -> ast.expr:
    """A value as it takes part in arithmetic: an event counts 0 or 1, a category by its value."""
    axes = t.axes(expr)
    if axes.what == "event":
        # A column of true and false is kept as 0 and 1.
        return t.call("as_number", t.translate(expr) if axes.each else truth(t, expr))
    value = t.translate(expr)
    if axes.each is None or axes.what == "number" or not axes.known:
        return value
    if axes.what == "category":
        return _valued(t, value, axes)
    return t.call("as_number", value)


def _valued(t: Translator, value: ast.expr, axes: Axes) -> ast.expr:
    """The numbers that codes stand for."""
    return t.call("recoded", value, literal(axes.classes))


def recoded(t: Translator, value: ast.expr, axes: Axes, wanted: Axes) -> ast.expr:
    """Codes of one column as those of another with the same values; -1 where it lacks one."""
    return _by_place(t, value, axes.classes, wanted.classes)


def _by_place(
    t: Translator, value: ast.expr, held: Sequence[object], wanted: Sequence[object]
) -> ast.expr:
    places = {name: place for place, name in enumerate(wanted)}
    return t.call("recoded", value, literal(tuple(places.get(name, -1) for name in held)))


def _aligned(t: Translator, operands: Sequence[Expr], values: Sequence[ast.expr]) -> list[ast.expr]:
    if t.dataset is None:
        return list(values)
    items = [t.axes(operand) for operand in operands]
    joint = together(items)
    if isinstance(joint, Misfit) or not joint.known or joint.each is None:
        return list(values)
    return [widened(value, item, joint) for value, item in zip(values, items, strict=True)]


def widened(value: ast.expr, item: Axes, joint: Axes) -> ast.expr:
    """A value of fewer axes with an axis of one where it lacks one: `b[:, None]`."""
    item = as_tokens(item, joint.tokens)
    if item.each is None or item.rank == joint.rank:
        return value
    kept = [True]
    kept += [bool(item.tokens)] * len(joint.tokens)
    kept += [bool(item.shape)] * len(joint.shape or ())
    return subscript(value, slices(kept))


@translates(Lookup)
def looked_up(t: Translator, expr: Lookup) -> ast.expr:
    """The number of a table for what its columns hold."""
    columns = [t.translate(column) for column in expr.columns]
    if expr.held == tuple((code,) for code in range(len(expr.held))):
        return t.call("recoded", columns[0], literal(expr.values))
    number = t.call("group_index", ast.Tuple(elts=columns), literal(expr.held))
    return t.call("recoded", number, literal(expr.values))


# --- parts ---------------------------------------------------------------------------------------


def part(t: Translator, expr: Index | Attribute) -> ast.expr | None:
    """`value[index]` or `value.name` of what has an axis of examples; None of a plain tensor."""
    axes = t.axes(expr.value)
    place = t.place(expr)
    match place:
        case Bound(column=column):
            return followed_feature(t, expr) or t.column(t.dataset or "", column)
        case PartOf(key=key, style=style):
            return _part_of(t, expr, key, style)
        case Whole():
            return t.translate(expr.value)
        case Entry(place=index) if axes.groups and axes.each is None:
            return subscript(t.translate(expr.value), constant(index))
        case Entry(place=index) if (exact := _with_digits(t, expr.value, index)) is not None:
            return t.column(t.dataset or "", exact)
        case Entry(place=index) if axes.each is not None:
            return _entry(t, expr.value, index, axes)
        case Entry(place=index) if (logits := _probability(expr.value)) is not None:
            return t.call("of_one", t.function("class_prob"), t.translate(logits), constant(index))
        case Own(place=own) if axes.each is not None:
            return _own(t, expr.value, own, axes)
    return None


def _with_digits(t: Translator, value: Expr, index: int) -> str | None:
    """The column that an entry of a wide one is where its digits decide."""
    if t.digits == "run" or not isinstance(value, Name):
        return None
    name = entry_name(value.id, index)
    data = t.scope.facts.data.get(t.dataset or "")
    held = data is None or value.id not in data.columns or name in data.columns
    return name if held and name in t.scope.exact else None


def _part_of(t: Translator, expr: Index | Attribute, key: str | int, style: str) -> ast.expr:
    value = t.translate(expr.value)
    found = attribute(value, str(key)) if style == "field" else subscript(value, ast.Constant(key))
    return t.call("per_example", found) if t.axes(expr).single else found


def _probability(value: Expr) -> Expr | None:
    """The logits of `prob(z)`, whose single classes have bodies of their own."""
    if function_name(value) == "prob" and isinstance(value, Call):
        return value.arguments[0]
    return None


def _entry(t: Translator, value: Expr, index: int, axes: Axes) -> ast.expr:
    logits = _probability(value)
    place = ast.Tuple(elts=[ast.Constant(...), constant(index)])
    if logits is not None:
        soft: ast.expr
        if index < _classes(t, logits):
            soft = subscript(t.translate(value), place)
        else:
            soft = t.call("class_prob", t.translate(logits), constant(index))
        return t.kept("class_prob", (shape(value), index), soft)
    if not axes.known:
        return t.call("entry", t.translate(value), constant(index))
    return subscript(t.translate(value), place)


def _own(t: Translator, value: Expr, own: Expr, axes: Axes) -> ast.expr:
    logits = _probability(value)
    if logits is None:
        return t.call("own_entry", t.translate(value), t.translate(own))
    labels = _labels(t, own, axes)
    if _classes(t, logits):
        soft = t.call("label_chance", t.translate(value), labels)
    else:
        soft = t.call("label_prob", t.translate(logits), labels)
    return t.kept("label_prob", (shape(value), shape(own)), soft)


def _classes(t: Translator, logits: Expr) -> int:
    """How many classes the outputs are logits of; 0 of one logit, and where that is not known."""
    sizes = t.axes(logits).shape
    return sizes[-1] if sizes and sizes[-1] > 1 else 0


def place_of_each(t: Translator, index: Expr) -> ast.expr:
    """An index of a tensor: of labels -1 and 1 the places 0 and 1, of 0.0 and 1.0 as well."""
    value, axes = t.translate(index), t.axes(index)
    if axes.each is None:
        return value
    if _is_signed(t, index):
        return method(_is_positive(value), "long")
    return value if axes.what in ("whole", "category") else method(value, "long")


def _is_signed(t: Translator, labels: Expr) -> bool:
    """Whether labels are a column of -1 and 1."""
    known = t.inference.known
    column = known.column(t.dataset or "", labels.id) if isinstance(labels, Name) else None
    return column is not None and column.signed


def _is_positive(value: ast.expr) -> ast.expr:
    return ast.Compare(left=value, ops=[ast.Gt()], comparators=[ast.Constant(0)])


def _labels(t: Translator, own: Expr, outputs: Axes) -> ast.expr:
    """Labels as numbers of the classes: of -1 and 1 the larger one is class 1.

    Values of another column count by value; one that is no class is -1.
    """
    value, axes = t.translate(own), t.axes(own)
    if _is_signed(t, own):
        return _is_positive(value)
    if axes.what != "category":
        return value
    if not outputs.names:
        return value if axes.text else _valued(t, value, axes)
    names = tuple(str(item) for item in axes.classes)
    return value if names == outputs.names else _by_place(t, value, names, outputs.names)


def margin(t: Translator, expr: Call) -> ast.expr:
    """`margin(z, k)`: of classes by their places, of each example's own label."""
    outputs, *classes = expr.arguments
    chances = [chance(outputs, cls) for cls in classes]
    axes = t.axes(chances[0].value)
    places = []
    for index in chances:
        match t.place(index):
            case Entry(place=place):
                places.append(constant(place))
            case Own(place=own):
                places.append(_labels(t, own, axes))
            case _:
                places.append(t.translate(index.indices[0]))
    return t.call("margin", t.translate(outputs), *places)


# --- reductions and products ---------------------------------------------------------------------


def reduction(t: Translator, name: str, expr: Call) -> ast.expr | None:
    """A reduction over what each example has; None where nothing has an axis of examples."""
    axes = t.axes(expr.arguments[0])
    if axes.each is None:
        return None
    value = truth(t, expr.arguments[0]) if name in ("all", "any") else number(t, expr.arguments[0])
    if name in NORMS:
        rest = [t.translate(argument) for argument in expr.arguments[1:]]
        named = {k.name: t.translate(k.value) for k in expr.keywords}
        return t.call(name, value, *rest, **named, per_example=ast.Constant(True))
    kept = {"tokens": ast.Constant(len(axes.tokens))} if axes.tokens and axes.shape else {}
    return t.call(REDUCED[name], value, **kept)


def either(t: Translator, expr: Call) -> ast.expr:
    """`where(event, a, b)`, the three side by side."""
    event, *branches = expr.arguments
    values = [truth(t, event), *(number(t, branch) for branch in branches)]
    return t.call("where", *_aligned(t, expr.arguments, values))


@translates(InBranch)
def in_branch(t: Translator, expr: InBranch) -> ast.expr:
    """The value where its branch is taken, else a number that does no harm."""
    values = [truth(t, expr.event), number(t, expr.value)]
    found = _aligned(t, (expr.event, expr.value), values)
    return t.call("where", *found, ast.Constant(HARMLESS))


def of_entries(t: Translator, name: str, expr: Call) -> dict[str, ast.expr]:
    """The keywords that say where the entries of a function of vectors and matrices stand."""
    items = [t.axes(argument) for argument in expr.arguments]
    keywords: dict[str, ast.expr] = {}
    if name in AVERAGES and any(item.groups for item in items):
        keywords["groups"] = ast.Constant(True)
    owner = next((item for item in items if item.each is not None), None)
    if owner is not None and name not in LAST_AXIS:
        count = -1 if owner.shape is None else len(owner.shape)
        keywords["axes"] = constant(count)
    return keywords


@translates(Extreme)
def branch(t: Translator, expr: Extreme) -> ast.expr:
    """The surrogate of what is truly the largest (smallest)."""
    compared = (ast.List(elts=numbers(t, side)) for side in (expr.soft, expr.true))
    return t.call("at_largest" if expr.word == "max" else "at_smallest", *compared)


def product(t: Translator, expr: Product) -> ast.expr:
    """`a @ b` where an example's own vector takes part."""
    total, axes = number(t, expr.operands[0]), t.axes(expr.operands[0])
    for operator, operand in zip(expr.operators, expr.operands[1:], strict=True):
        factor, other = number(t, operand), t.axes(operand)
        if operator == "@":
            total = _multiplied(t, total, axes, factor, other)
            length = len(other.shape or ()) - 1 if axes.each else len(axes.shape or ()) - 1
            axes = Axes(each=axes.each or other.each, shape=(0,) * length)
        else:
            total = ast.BinOp(total, OPERATORS[operator], factor)
    return total


def _multiplied(t: Translator, left: ast.expr, one: Axes, right: ast.expr, other: Axes) -> ast.expr:
    """Sums over the shared axis, example by example."""
    if one.each is not None and other.each is not None:
        both = ast.BinOp(left, ast.Mult(), right)
        return method(both, "sum", constant(-1))
    if one.each is not None:
        return t.call("multiplied", left, right)
    matrix = len(one.shape or ()) > 1
    return t.call("multiplied", right, attribute(left, "T") if matrix else left)

"""Axes of parts: an output, a class, a feature, an entry of a tensor, and what an index means."""

from cspec.compiler.axes.base import AxesBase
from cspec.compiler.axes.record import (
    UNKNOWN,
    Axes,
    Bound,
    Entry,
    Own,
    PartOf,
    Place,
    Plain,
    Whole,
    as_tokens,
)
from cspec.compiler.expressions.rewrite import function_name, method_name
from cspec.compiler.records.problem import Category
from cspec.dsl.tree.constants import TRUTHS, is_whole, value_or_none
from cspec.dsl.tree.nodes import (
    Attribute,
    Expectation,
    Expr,
    Index,
    Name,
    Number,
    Product,
    Slice,
    String,
    Sum,
)
from cspec.dsl.values.shapes import Shape, Unfit, as_matrix, indexed, piece_of


def part_axes(inference: AxesBase, expr: Index | Attribute, dataset: str | None) -> Axes:
    """The axes of `value[index]` and `value.name`; what it can't mean is a finding."""
    if isinstance(expr, Attribute) and expr.name == "T":
        value = inference.axes(expr.value, dataset)
        if value.each is not None and value.known and value.single and not value.parts:
            return inference.findings.no_transpose(expr, value)
        if value.shape is None or value.each is not None:
            return value
        return value._replace(shape=as_matrix(value.shape)[::-1])
    method = method_name(expr)
    if method is not None and method[0] in inference.known.symbols.models():
        return UNKNOWN
    place = place_of(inference, expr, dataset)
    value = inference.axes(expr.value, dataset)
    match place:
        case Whole():
            return _places(value)
        case Entry() | Own():
            return _places(value).entry()
        case PartOf(key=key):
            return next(part.axes for part in value.parts if part.key == key)
        case Bound(column=column):
            return inference.known.column_axes(dataset or "", column)
        case Plain():
            return _entries(inference, expr, value, dataset)
    return UNKNOWN._replace(each=value.each)


def _places(value: Axes) -> Axes:
    """What stands at the places of a value: true or false, or a number."""
    return value.event() if value.what == "event" else value.number()


def _entries(
    inference: AxesBase, expr: Index | Attribute, value: Axes, dataset: str | None
) -> Axes:
    if isinstance(expr, Index) and has_slices(expr):
        shape = _sliced(inference, expr, value)
        return _places(value)._replace(shape=shape, groups=None)
    count = len(expr.indices) if isinstance(expr, Index) else 1
    shape = None if value.shape is None else value.shape[count:]
    found = _places(value)._replace(shape=shape)
    if value.each is not None or not isinstance(expr, Index):
        return found
    rest = [(index, (value.shape or ())[place:]) for place, index in enumerate(expr.indices)]
    places = [_own_place(inference, expr, *pair, dataset) for pair in rest]
    own = [axes for axes in places if axes is not None]
    # `cost[y, 1]`: an entry of a tensor for each example, as its index says.
    if not own:
        return found
    axes = max(own, key=lambda axes: axes.rank)
    joined = None if shape is None or axes.shape is None else (*axes.shape, *shape)
    return found._replace(each=axes.each, tokens=axes.tokens, shape=joined, names=())


def _own_place(
    inference: AxesBase, expr: Index, index: Expr, shape: Shape, dataset: str | None
) -> Axes | None:
    """What an index is that names a place for each example; None of one place for all."""
    found = inference.axes(index, dataset)
    if found.each is None:
        return None
    whole = found.what in ("whole", "category", "event")
    if found.known and not (whole or _are_whole(inference, index, dataset)):
        inference.findings.index(index, found)
    if (column := inference.known.column_named(dataset, index)) is not None:
        beyond = [c for c in column.held if shape and not c < shape[0]]
        below = [c for c in column.held if c < 0 and not column.signed]
        if beyond or below:
            inference.findings.out_of_range(expr, (beyond + below)[0], shape[0])
    return found


def has_slices(expr: Index | Attribute) -> bool:
    """Whether an index takes several places of an axis."""
    return isinstance(expr, Index) and any(isinstance(index, Slice) for index in expr.indices)


def _sliced(inference: AxesBase, expr: Index, value: Axes) -> Shape | None:
    """The shape behind slices: of a tensor from its first axis on, of an example its last axes."""
    shape, count = value.shape, len(expr.indices)
    if shape is None or count > len(shape):
        return None
    kept = () if value.each is None else shape[: len(shape) - count]
    rest = shape[len(kept) :]
    for index, size in zip(expr.indices, rest, strict=False):
        if isinstance(index, Slice):
            found = piece_of(index, size, inference.known.params)
            if isinstance(found, Unfit):
                inference.findings.slice(expr, index, found, size)
                return None
    left = indexed(rest, expr.indices, inference.known.params)
    return None if left is None else (*kept, *left)


def place_of(inference: AxesBase, expr: Index | Attribute, dataset: str | None) -> Place | None:
    """What an index or a name means; None where it is not known or means nothing (a finding)."""
    value = inference.axes(expr.value, dataset)
    if (feature := _feature(inference, expr, dataset)) is not None:
        return feature
    if value.parts:
        return _part(inference, expr, value)
    if value.groups and value.known and value.each is None and not has_slices(expr):
        return _group(inference, expr, value)
    if isinstance(expr.value, Expectation) and value.known and not value.shape:
        inference.findings.no_axis(expr, value)
        return None
    if value.each is None:
        return _of_a_tensor(inference, expr, value)
    if isinstance(expr, Index) and has_slices(expr):
        return _of_slices(inference, expr, value)
    if not value.known:
        return _open(inference, expr, value)
    if isinstance(expr, Attribute):
        return _named(inference, expr, expr.name, value)
    return _indexed(inference, expr, value, dataset)


# --- names ---------------------------------------------------------------------------------------


def _feature(inference: AxesBase, expr: Index | Attribute, dataset: str | None) -> Bound | None:
    """A feature that is bound as a column of its own: `x.age`."""
    name = _name_of(expr)
    if name is None or not isinstance(expr.value, Name):
        return None
    column = f"{expr.value.id}.{name}"
    return None if inference.known.column(dataset or "", column) is None else Bound(column)


def _name_of(expr: Index | Attribute) -> str | None:
    match expr:
        case (
            Attribute(name=name)
            | Index(indices=(String(value=name),))
            | Index(indices=(Category(text=name),))
        ):
            return name
    return None


def _number_of(inference: AxesBase, expr: Index | Attribute) -> float | None:
    """The number that the only index is; None of other indices, several, and names."""
    if not isinstance(expr, Index) or len(expr.indices) != 1:
        return None
    (index,) = expr.indices
    if isinstance(index, Name) and index.id in TRUTHS:
        return float(TRUTHS[index.id])  # `pred == true` of labels of which nothing is known
    return value_or_none(index, inference.known.params)


def _named(inference: AxesBase, expr: Index | Attribute, name: str, value: Axes) -> Place | None:
    """A class or feature by its name."""
    if name in value.names and value.single and isinstance(expr.value, Name):
        return Whole()  # the only feature, one number an example by itself
    if name in value.names:
        return Entry(value.names.index(name))
    inference.findings.no_part(expr, name, value.names)
    return None


def _group(inference: AxesBase, expr: Index | Attribute, value: Axes) -> Place | None:
    """One group by its name or value, or by its place where no group is called so."""
    assert value.groups is not None
    names, length = value.groups.names, (value.shape or (0,))[0]
    number = _number_of(inference, expr)
    called = _name_of_group(inference, expr)
    if called is None:
        inference.findings.index(expr, value)
        return None
    place = names.index(called) if called in names else None
    at = int(number) if number is not None and number in range(length) else None
    if place is not None and at is not None and place != at:
        inference.findings.which_group(expr, called, names[at])
        return None
    found = at if place is None else place
    if found is None:
        inference.findings.no_part(expr, called, names)
        return None
    return Entry(found)


def _name_of_group(inference: AxesBase, expr: Index | Attribute) -> str | None:
    """What the group of a value, or of one of each column, is called: `["u", 4]`."""
    if isinstance(expr, Attribute):
        return expr.name
    names = []
    for index in expr.indices:
        number = value_or_none(index, inference.known.params)
        match index:
            case String(value=text) | Category(text=text):
                names.append(text)
            case Name(id=said) if said in TRUTHS:
                names.append(said)
            case _ if number is not None:
                names.append(f"{number:g}")
            case _:
                return None
    return ", ".join(names)


def _part(inference: AxesBase, expr: Index | Attribute, value: Axes) -> Place | None:
    """A part of an output that has several."""
    keys = {part.key: part for part in value.parts}
    wanted: str | int | None = _name_of(expr)
    if wanted is None and (number := _number_of(inference, expr)) is not None:
        wanted = int(number) if is_whole(number) else None
    if isinstance(wanted, int) and wanted not in keys and 0 <= wanted < len(value.parts):
        wanted = value.parts[wanted].key
    if wanted in keys and wanted is not None:
        assert value.style
        return PartOf(wanted, value.style)
    known = tuple(str(key) for key in keys)
    inference.findings.no_part(expr, str(wanted), known)
    return None


# --- indices -------------------------------------------------------------------------------------


def _indexed(inference: AxesBase, expr: Index, value: Axes, dataset: str | None) -> Place | None:
    name = _name_of(expr)
    index = expr.indices[0]
    if name is not None and not (isinstance(index, Category) and not value.names):
        return _named(inference, expr, name, value)
    number = _number_of(inference, expr)
    if isinstance(index, Category):
        number = float(index.code)
    if len(expr.indices) > max(1, len(value.shape or ())):
        inference.findings.too_many(expr, value)
        return None
    if len(expr.indices) > 1:
        return Plain()
    if not value.shape:
        return _of_one(inference, expr, value, number, dataset)
    if number is not None:
        return _constant(inference, expr, value, number)
    return _own(inference, index, value, dataset)


def _of_a_tensor(inference: AxesBase, expr: Index | Attribute, value: Axes) -> Place | None:
    """A place of what has no axis of examples: of a model at one point, `f(z)[0]`, the only one."""
    if not isinstance(expr, Index):
        return None
    word = function_name(expr.value)
    outputs = word is not None and inference.known.symbols.role(word) == "model"
    number = _number_of(inference, expr)
    if outputs and value.known and len(expr.indices) == 1:
        length, *_ = value.shape or (1,)
        if not value.shape and number == 0:
            return Whole()
        if not value.shape or (number is not None and not 0 <= number < length):
            inference.findings.out_of_range(expr, number or 0, length)
            return None
    if word == "prob" and number is not None and is_whole(number) and number >= 0:
        return Entry(int(number))
    return Plain()


def _of_slices(inference: AxesBase, expr: Index, value: Axes) -> Place | None:
    """Slices of what an example has: of its last axis, or an index for each."""
    rank, count = len(value.shape or ()), len(expr.indices)
    if value.known and not rank:
        inference.findings.no_axis(expr, value)
        return None
    if value.known and count not in (1, rank):
        inference.findings.too_many(expr, value)
        return None
    return Plain()


def _constant(inference: AxesBase, expr: Index, value: Axes, number: float) -> Place | None:
    length = (value.shape or (0,))[-1]
    if not is_whole(number):
        inference.findings.index(expr.indices[0], Axes())
        return None
    if not -length <= number < length:
        inference.findings.out_of_range(expr, number, length)
        return None
    return Entry(int(number) % length)


def _of_one(
    inference: AxesBase, expr: Index, value: Axes, number: float | None, dataset: str | None
) -> Place | None:
    """An index on one number an example: the only output, or class 0 or 1 of one logit."""
    word = function_name(expr.value)
    if word == "prob":
        if number is None:
            return _own(inference, expr.indices[0], value, dataset)
        if number in (0, 1, -1):
            return Entry(int(number) % 2)
        inference.findings.out_of_range(expr, number, 2)
        return None
    outputs = _are_outputs(inference, expr.value, dataset)
    if (outputs or _was_a_row(inference, expr.value, dataset)) and number in (0, -1):
        return Whole()
    if outputs and number is not None:
        inference.findings.out_of_range(expr, number, 1)
        return None
    inference.findings.no_axis(expr, value)
    return None


def _are_outputs(inference: AxesBase, value: Expr, dataset: str | None) -> bool:
    """Whether a value is what a model puts out, or a part of it: `f(x)`, `f(x).logits`."""
    if isinstance(value, Index | Attribute):
        return isinstance(place_of(inference, value, dataset), PartOf)
    word = function_name(value)
    return word is not None and inference.known.symbols.role(word) == "model"


def _was_a_row(inference: AxesBase, value: Expr, dataset: str | None) -> bool:
    """Whether one number an example came as a row of one: `x[0]` of one feature."""
    column = inference.known.column_named(dataset, value)
    return column is not None and column.shape == (1,)


def _own(inference: AxesBase, index: Expr, value: Axes, dataset: str | None) -> Place | None:
    """`prob[y]`: the index is one whole number an example, or one a token of outputs of tokens."""
    found = as_tokens(inference.axes(index, dataset), value.tokens)
    if not found.known:
        return Own(index)
    named = found.what in ("whole", "category", "event")
    labels = named or _whole_labels(inference, index, dataset)
    if found.each is None or not found.single or found.tokens != value.tokens or not labels:
        inference.findings.index(index, found)
    return Own(index)


def _are_whole(inference: AxesBase, index: Expr, dataset: str | None) -> bool:
    """Whether an index is a whole number for each example: `y`, `rooms[0]`, `y + 1`."""
    match index:
        case Sum(operands=parts) | Product(operands=parts):
            operators = set(index.operators) if isinstance(index, Product) else set()
            return operators <= {"*"} and all(_are_whole(inference, p, dataset) for p in parts)
        case Number(value=value):
            return is_whole(value)
        case Index(value=Name() as value) if dataset is not None:
            column = inference.known.column_named(dataset, value)
            return column is not None and column.kind == "integer"
    found = inference.axes(index, dataset)
    return found.what == "whole" or _whole_labels(inference, index, dataset)


def _whole_labels(inference: AxesBase, index: Expr, dataset: str | None) -> bool:
    """Whether a column of real numbers holds labels all the same: 0.0 and 1.0, -1.0 and 1.0."""
    column = inference.known.column_named(dataset, index)
    if column is None or column.shape not in ((), (1,)):
        return False
    return column.signed or (bool(column.values) and set(column.values) <= {0, 1})


def _open(inference: AxesBase, expr: Index | Attribute, value: Axes) -> Place | None:
    """An index on outputs that were not seen: decided by their shape when they come."""
    name = _name_of(expr)
    if name is not None and value.names:
        return _named(inference, expr, name, value)
    if not isinstance(expr, Index) or len(expr.indices) != 1:
        return None
    (index,) = expr.indices
    number = index.code if isinstance(index, Category) else _number_of(inference, expr)
    return Entry(int(number)) if number is not None and is_whole(number) else Own(index)

"""Shapes of expressions, read from their trees: () is a number, (n,) a vector, (m, n) a matrix;
what functions, indices and slices take and give, and why others do not fit.

    trace(A), det(A), logdet(A)     (n, n) -> ()        inv(A), expm(A)     (n, n) -> (n, n)
    diag(v), diag(A)                (n,) -> (n, n), (m, n) -> (min(m, n),)
    mean, std, variance, median     of all entries      entropy(p), kl(p, q)  of all entries
    topk(v, k)                      the k largest of all entries
    argmax(v), cumsum(v), dot(a, b) of vectors          clip, where           entry by entry
    W[0, 1:3]                       (2, 5) -> (2,)

Shapes are those of tensors, or of what one example has. A weight of more than two dimensions is
seen as (outputs, rest) where a matrix is meant. Slices hold the entries from their lower end up to,
not including, their upper one. Both begin at 0, as indices do, and lie within the tensor: nothing
is cut off in silence.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from cspec.dsl.names.symbols import Symbol
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import CONSTANTS, Values, is_whole, value_or_none
from cspec.dsl.tree.rebuild import substitute
from cspec.dsl.words.functions import SIGNATURES


class Piece(NamedTuple):
    """The places `start`, ..., `stop - 1` of one axis."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many places there are."""
        return self.stop - self.start


class Unfit(NamedTuple):
    """Why an index or a slice is none of an axis, and what to type."""

    why: str
    help: str


def piece_of(index: nodes.Slice, size: int, values: Values) -> Piece | Unfit | None:
    """The places that a slice takes of an axis of `size`; None where an end is not known."""
    if size < 1:  # which is said where it is declared
        return None
    ends = [
        default if end is None else value_or_none(end, values)
        for end, default in ((index.lower, 0.0), (index.upper, float(size)))
    ]
    known = [end for end in ends if end is not None]
    if not all(map(is_whole, known)):
        return Unfit("has an end that is no whole number", "write whole numbers")
    if any(end < 0 for end in known):
        low, high = (None if end is None else int(end) % size if end < 0 else int(end)
                     for end in ends)  # fmt: skip
        meant = _written(index, low, high)
        return Unfit("counts from the end", f"indices begin at 0: write `[{meant}]`")
    if any(end > size for end in known):
        entries = "1 entry" if size == 1 else f"{size} entries"
        first = ends[0] if ends[0] is not None and ends[0] < size else 0.0
        help_ = f"leave its end away where all the rest is meant: `{first:.0f}:`"
        return Unfit(f"goes beyond the {entries}", help_)
    if len(known) < 2:
        return None
    start, stop = int(known[0]), int(known[1])
    if stop <= start:
        help_ = "a slice goes up to, not including, its upper end: `0:2` are two entries"
        return Unfit("is empty", help_)
    return Piece(start, stop)


def _written(index: nodes.Slice, low: int | None, high: int | None) -> str:
    """A slice with other ends."""
    ends = (
        "" if end is None else "..." if number is None else str(number)
        for end, number in ((index.lower, low), (index.upper, high))
    )
    return ":".join(ends)


def indexed(
    shape: tuple[int, ...], indices: tuple[nodes.Expr, ...], values: Values
) -> tuple[int, ...] | None:
    """The shape of `value[indices]`; None where it is not known, or there is no such part."""
    if len(indices) > len(shape):
        return None
    kept = []
    for index, size in zip(indices, shape, strict=False):
        if isinstance(index, nodes.Slice):
            piece = piece_of(index, size, values)
            if not isinstance(piece, Piece):
                return None
            kept.append(piece.length)
    return (*kept, *shape[len(indices) :])


Shape = tuple[int, ...]
Numbers = Sequence[float | None]
"""The arguments as numbers, where they are constants."""
Found = Shape | Unfit | None
"""A shape, why there is none, or None where it is not known yet."""
ShapeRule = Callable[[Sequence[Shape], Numbers], Found]


def as_matrix(shape: Shape) -> Shape:
    """(outputs, rest) of a weight of more than two dimensions; others as they are."""
    return (shape[0], math.prod(shape[1:])) if len(shape) > 2 else shape


def size_text(shape: Shape) -> str:
    """`one number`, `3 numbers`, `2 x 3 numbers`."""
    return f"{' x '.join(map(str, shape))} numbers" if shape else "one number"


def _square(give: Callable[[Shape], Shape]) -> ShapeRule:
    def rule(shapes: Sequence[Shape], numbers: Numbers) -> Found:
        seen = as_matrix(shapes[0])
        if len(seen) == 2 and seen[0] == seen[1]:
            return give(seen)
        taken = f"takes a square matrix, not {size_text(seen)}"
        return Unfit(taken, "look at the line that declares it")

    return rule


def _diag(shapes: Sequence[Shape], numbers: Numbers) -> Found:
    seen = as_matrix(shapes[0])
    if not seen:
        return Unfit("takes a vector or a matrix, not one number", "write `eye(n)` times a number")
    return (seen[0], seen[0]) if len(seen) == 1 else (min(seen),)


def _entries(shapes: Sequence[Shape], numbers: Numbers) -> Found:
    if shapes[0]:
        return ()
    return Unfit("is made of several numbers, and this is one", "leave it away: it is the number")


def _topk(shapes: Sequence[Shape], numbers: Numbers) -> Found:
    count, k = math.prod(shapes[0]), numbers[1]
    if not shapes[0]:
        return _entries(shapes, numbers)
    if k is None:
        return None
    if k > count:
        taken = f"takes {k:g} entries, and there are {count}"
        return Unfit(taken, f"write a number of at most {count}")
    return (int(k),)


def _vector(other: str, give: Callable[[Shape], Shape]) -> ShapeRule:
    def rule(shapes: Sequence[Shape], numbers: Numbers) -> Found:
        if len(shapes[0]) == 1:
            return give(shapes[0])
        return Unfit(f"is of a vector, not of {size_text(shapes[0])}", other)

    return rule


def _dot(shapes: Sequence[Shape], numbers: Numbers) -> Found:
    one, other = shapes[0], shapes[1]
    if len(one) == len(other) == 1 and one == other:
        return ()
    sizes = f"{size_text(one)} and {size_text(other)}"
    if len(one) < 2 and len(other) < 2:
        both = one and other
        help_ = "give both the same length in the lines that declare them"
        return Unfit(
            f"takes two vectors of one length, not {sizes}",
            help_ if both else "a multiple is written `a*b`",
        )
    return Unfit(
        f"takes two vectors, not {sizes}",
        "the sum of all products is `sum(A*B)`, the product of matrices `A @ B`",
    )


def _together(shapes: Sequence[Shape], numbers: Numbers) -> Found:
    if (found := broadcast(shapes)) is not None:
        return found
    sizes = ", ".join(size_text(shape) for shape in shapes)
    return Unfit(f"works entry by entry, and its arguments are {sizes}", "give them one shape")


def _kl(shapes: Sequence[Shape], numbers: Numbers) -> Found:
    one, other = shapes[0], shapes[1]
    if one == other:
        return ()
    sizes = f"{size_text(one)} and {size_text(other)}"
    return Unfit(f"compares two distributions of one shape, not {sizes}", "give them one shape")


def broadcast(shapes: Sequence[Shape]) -> Shape | None:
    """The common shape, as torch broadcasts; None where there is none."""
    width = max(map(len, shapes), default=0)
    aligned = [(1,) * (width - len(shape)) + shape for shape in shapes]
    sizes = [{size for size in column if size != 1} for column in zip(*aligned, strict=True)]
    if any(len(column) > 1 for column in sizes):
        return None
    return tuple(column.pop() if column else 1 for column in sizes)


RULES: Mapping[str, ShapeRule] = {
    **dict.fromkeys(("trace", "det", "logdet"), _square(lambda shape: ())),
    **dict.fromkeys(("inv", "expm"), _square(lambda shape: shape)),
    "diag": _diag,
    **dict.fromkeys(("mean", "std", "variance", "median"), _entries),
    "topk": _topk,
    "argmax": _vector("of one row: `argmax(W[0])`", lambda shape: ()),
    "cumsum": _vector("of one row: `cumsum(W[0])`", lambda shape: shape),
    "dot": _dot,
    "entropy": lambda shapes, numbers: (),
    "kl": _kl,
    "clip": _together,
    "where": _together,
}
"""The words with a rule of their own, to it."""
OVER_ENTRIES = frozenset(RULES) - {"clip", "where"}
"""Those that go over entries; the others work entry by entry."""
ONE_NUMBER_WORDS = OVER_ENTRIES - {"inv", "expm", "diag", "topk", "cumsum"}
"""Those that make one number of many."""


def word_shape(word: str, shapes: Sequence[Shape], numbers: Numbers) -> Found:
    """The shape that a function gives, or why it can't; None for words without a rule here."""
    rule = RULES.get(word)
    if rule is None or not shapes:
        return None
    if word in ("dot", "kl", "topk") and len(shapes) < 2:
        return None
    return rule(shapes, numbers)


Leaf = Callable[[nodes.Expr], Shape | None]
"""The shape of a name, or of another expression that stands for a tensor; None if unknown."""

ONE_NUMBER = frozenset(
    {"norm", "l1", "l2", "sumsq", "sum", "spectral", "nuclear", "gap", "ratio", "density"}
)
"""Functions that make one number of a tensor; `max` and `min` do so of one argument."""


def shape_of(expr: nodes.Expr, leaf: Leaf, values: Values) -> Shape | None:
    """The shape of an expression; None where it is not read here.

    Weights of more than two dimensions are (outputs, rest) inside products and transposes, as
    `.T` and `@` read them. `values` are those of params.
    """

    def of(inner: nodes.Expr) -> Shape | None:
        return shape_of(inner, leaf, values)

    match expr:
        case nodes.Number():
            return ()
        case nodes.Name(id=name) if name in CONSTANTS:
            return ()
        case nodes.Negate(operand=operand) | nodes.Power(base=operand) | nodes.Not(operand=operand):
            return of(operand)
        case (
            nodes.Compare(operands=operands)
            | nodes.And(operands=operands)
            | nodes.Or(operands=operands)
        ):
            return together([of(operand) for operand in operands])
        case nodes.Membership(element=element, set=nodes.Interval()):
            return of(element)
        case nodes.Attribute(value=value, name="T"):
            inner = of(value)
            return None if inner is None else as_matrix(inner)[::-1]
        case nodes.Sum(operands=operands):
            return together([of(operand) for operand in operands])
        case nodes.Product(operands=operands, operators=operators):
            total = of(operands[0])
            for operator, operand in zip(operators, operands[1:], strict=True):
                factor = of(operand)
                total = matmul(total, factor) if operator == "@" else together([total, factor])
            return total
        case nodes.Vector(items=items):
            inner = together([of(item) for item in items])
            return None if inner is None else (len(items), *inner)
        case nodes.Index(value=value, indices=indices):
            inner = of(value)
            return None if inner is None else indexed(inner, indices, values)
        case nodes.Call(arguments=arguments):
            shape = _called(expr, [of(argument) for argument in arguments], values)
            return leaf(expr) if shape is None else shape
    return leaf(expr)


def matmul(left: Shape | None, right: Shape | None) -> Shape | None:
    """The shape of `left @ right`; None where one is unknown or they do not go together."""
    if not left or not right:
        return None
    left, right = as_matrix(left), as_matrix(right)
    if left[-1] != right[0]:
        return None
    return (*left[:-1], *right[1:])


def together(shapes: list[Shape | None]) -> Shape | None:
    """The shape of operands entry by entry, as torch broadcasts them; None where it is unknown."""
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    return broadcast(known)


def _called(expr: nodes.Call, arguments: list[Shape | None], values: Values) -> Shape | None:
    name = expr.function.id if isinstance(expr.function, nodes.Name) else None
    if name == "eye":
        size = value_or_none(expr.arguments[0], values) if expr.arguments else None
        return (int(size), int(size)) if size is not None and is_whole(size) else None
    known = [shape for shape in arguments if shape is not None]
    if name is not None and len(known) == len(arguments):
        found = word_shape(name, known, [value_or_none(a, values) for a in expr.arguments])
        if isinstance(found, tuple) and not isinstance(found, Unfit):
            return found
    if name in ("max", "min", "pow"):
        return () if len(arguments) == 1 else together(arguments)
    signature = SIGNATURES.get(name or "")
    if signature is not None and signature.family == "elementary" and len(arguments) == 1:
        return arguments[0]
    return () if name in ONE_NUMBER and not expr.keywords else None


def declared(table: Mapping[str, Symbol], values: Values) -> Leaf:
    """The shapes of variables and params as a spec declares them, of lets as their values have.

    Of other names None, and of a let that is defined by itself.
    """
    lets: dict[str, Shape | None] = {}
    called: list[str] = []

    def written_out(item: nodes.Let, call: nodes.Call) -> Shape | None:
        if item.name in called:
            return None
        called.append(item.name)
        given = dict(zip(item.parameters or (), call.arguments, strict=False))
        body = substitute(item.value, given)
        shape = shape_of(body, leaf, values)
        called.pop()
        return shape

    def leaf(expr: nodes.Expr) -> Shape | None:
        name = expr.function if isinstance(expr, nodes.Call) else expr
        symbol = table.get(name.id) if isinstance(name, nodes.Name) else None
        if symbol is None:
            return None
        item = symbol.item
        if isinstance(expr, nodes.Call):
            return (
                written_out(item, expr) if isinstance(item, nodes.Let) and item.parameters else None
            )
        if isinstance(item, nodes.Let) and not item.parameters:
            if item.name not in lets:
                lets[item.name] = None
                lets[item.name] = shape_of(item.value, leaf, values)
            return lets[item.name]
        if symbol.role not in ("var", "param"):
            return None
        sizes = [value_or_none(d, values) for d in getattr(item, "dimensions", ())]
        known = [int(size) for size in sizes if size is not None and is_whole(size)]
        return tuple(known) if len(known) == len(sizes) else None

    return leaf

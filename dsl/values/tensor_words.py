"""What functions of vectors and matrices take and give: shapes, and why others do not fit.

    trace(A), det(A), logdet(A)     (n, n) -> ()        inv(A), expm(A)     (n, n) -> (n, n)
    diag(v), diag(A)                (n,) -> (n, n), (m, n) -> (min(m, n),)
    mean, std, variance, median     of all entries      entropy(p), kl(p, q)  of all entries
    topk(v, k)                      the k largest of all entries
    argmax(v), cumsum(v), dot(a, b) of vectors          clip, where           entry by entry

Shapes are those of tensors, or of what one example has. A weight of more than two dimensions is
seen as (outputs, rest) where a matrix is meant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from cspec.dsl.values.slices import Unfit

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
    found = broadcast(shapes)
    if found is not None:
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

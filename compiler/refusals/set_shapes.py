"""What a weight's shape rules out: orthonormal columns beyond its rows, partial blocks of `nm`."""

from collections.abc import Iterator, Mapping

from cspec.compiler.algebra.shapes import shape_of
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.records.problem import Constraint, ParameterRef, Problem, SetMember
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Attribute, Expr, Index, Name, Product, Slice, walk
from cspec.dsl.values.shapes import Shape, Unfit, as_matrix, piece_of
from cspec.dsl.words.sets import SQUARE


def check_set_shapes(problem: Problem, shapes: Mapping[str, Shape], params: Values) -> None:
    """Raise SpecError where no weight of this shape meets a constraint.

    CS527: `W.T @ W == eye`. W.T @ W of W (m x n) has rank at most m, the identity has n: none for
    m < n. CS528: `W in nm(n, m)` where the last dimension is no multiple of m. CS529: an entry that
    a weight does not have, a set of square matrices, a ball around a center of another shape. Found
    for parameters and for the decision variables of `shapes`, once for each constraint as written.
    """
    found: dict[tuple[int, int], Diagnostic] = {}
    for c in problem.constraints:
        for finding in _findings(c, shapes, params):
            found.setdefault((c.span.start, c.span.end), finding)
    if found:
        raise SpecError(found.values())


def _findings(c: Constraint, shapes: Mapping[str, Shape], params: Values) -> Iterator[Diagnostic]:
    yield from _ranks(c, shapes)
    subject = None if c.set is None else c.set.subject
    shape = None if subject is None else shape_of(subject, shapes, {})
    if shape is not None:
        yield from _blocks(c, c.known_set, shape)
        yield from _square(c, c.known_set, shape)
    yield from _entries(c)
    if shape is not None:
        yield from _center(c, c.known_set, shape, shapes, params)


def _square(c: Constraint, member: SetMember, shape: Shape) -> Iterator[Diagnostic]:
    """Sets of square matrices: of the last two axes, or of a kernel as (outputs, rest)."""
    if member.word not in SQUARE:
        return
    seen = as_matrix(shape) if member.arguments.get("matrix") else shape[-2:]
    if len(seen) == 2 and seen[0] == seen[1]:
        return
    of_model = isinstance(member.subject, ParameterRef)
    choice = 'choose the weights by name: `forall W in f.weights("fc2*"): ...`'
    yield Diagnostic(
        code="CS529",
        message=f"`{c.text}` can't hold: {_called(member.subject)} is {_size(seen)}, which is not "
        "square",
        span=c.span,
        label=f"`{member.word}` is about square matrices",
        helps=(choice if of_model else "declare a square variable: `var W[3, 3]`",),
    )


def _entries(c: Constraint) -> Iterator[Diagnostic]:
    """Entries that a parameter of a model does not have."""
    for node in (node for side in (c.value, c.bound) for node in walk(side)):
        if not isinstance(node, Index) or not isinstance(node.value, ParameterRef):
            continue
        shape, name = node.value.shape, _called(node.value)
        places = [value_or_none(index, {}) for index in node.indices]
        found = [
            piece_of(index, size, {})
            for index, size in zip(node.indices, shape, strict=False)
            if isinstance(index, Slice)
        ]
        bad = next((piece for piece in found if isinstance(piece, Unfit)), None)
        if bad is not None:
            message = f"a slice of {name} {bad.why}: it is {_size(shape)}"
        elif len(places) > len(shape):
            message = f"{name} has {len(shape)} axes, not {len(places)}"
        elif any(p is not None and not 0 <= p < n for p, n in zip(places, shape, strict=False)):
            asked = ", ".join("..." if p is None else f"{p:g}" for p in places)
            message = f"{name} has no entry [{asked}]: it is {_size(shape)}"
        else:
            continue
        yield Diagnostic(
            code="CS529",
            message=f"`{c.text}` can't be computed: {message}",
            span=c.span,
            label="indices start at 0",
            helps=('choose the weights by name: `forall W in f.weights("fc1*"): ...`',),
        )


def _called(subject: Expr | None) -> str:
    return f"{subject.model}.{subject.name}" if isinstance(subject, ParameterRef) else "it"


def _center(
    c: Constraint,
    member: SetMember,
    shape: Shape,
    shapes: Mapping[str, Shape],
    params: Values,
) -> Iterator[Diagnostic]:
    """Balls around something of another shape."""
    center = member.arguments.get("center")
    around = shape_of(center, shapes, params) if isinstance(center, Expr) else ()
    if around and _long_axes(around) != _long_axes(shape):
        yield Diagnostic(
            code="CS529",
            message=f"`{c.text}` can't hold: {_called(member.subject)} is {_size(shape)}, its "
            f"center {_size(around)}",
            span=c.span,
            label="a ball is around a point of the same shape",
            helps=("write a number, which is the same for all entries, or rows of that shape",),
        )


def _long_axes(shape: Shape) -> Shape:
    """A shape without axes of length 1: 3 numbers are a point of 1 x 3 as of 3 x 1."""
    return tuple(size for size in shape if size != 1)


def _size(shape: Shape) -> str:
    return " x ".join(map(str, shape)) if shape else "one number"


def _blocks(c: Constraint, member: SetMember, shape: Shape) -> Iterator[Diagnostic]:
    length = member.arguments.get("1")
    size = value_or_none(length, {}) if isinstance(length, Expr) else None
    if member.word != "nm" or size is None or not shape or shape[-1] % int(size) == 0:
        return
    yield Diagnostic(
        code="CS528",
        message=f"`{c.text}` can't hold: {_called(member.subject)} is {_size(shape)}",
        span=c.span,
        label=f"its last dimension, {shape[-1]}, has no whole blocks of {int(size)}",
        helps=(
            'choose the weights by name: `forall W in f.weights("fc*"): ...`',
            "or a block size that divides the dimension",
        ),
    )


def _ranks(c: Constraint, shapes: Mapping[str, Shape]) -> Iterator[Diagnostic]:
    if c.relation != "==" or c.soft is not None:
        return
    sides = [node for side in (c.value, c.bound) for node in walk(side)]
    if not any(isinstance(n, Expr) and function_name(n) == "eye" for n in sides):
        return
    for node in sides:
        if not isinstance(node, Product):
            continue
        weight, by_columns = _gram(node)
        shape = None if weight is None else shape_of(weight, shapes, {})
        if weight is None or shape is None or len(shape) < 2:
            continue
        rows, columns = as_matrix(shape)
        wanted, rank = (columns, rows) if by_columns else (rows, columns)
        if wanted > rank:
            yield _finding(c, weight, (rows, columns), by_columns)


def _gram(product: Product) -> tuple[Expr | None, bool]:
    """W of `W.T @ W` (True: its columns are orthonormal) and of `W @ W.T` (False: its rows)."""
    match product:
        case Product(operands=(Attribute(value=left, name="T"), right), operators=("@",)) if _same(
            left, right
        ):
            return left, True
        case Product(operands=(left, Attribute(value=right, name="T")), operators=("@",)) if _same(
            left, right
        ):
            return left, False
    return None, False


def _same(left: Expr, right: Expr) -> bool:
    match left, right:
        case ParameterRef(), ParameterRef():
            return (left.model, left.name) == (right.model, right.name)
        case Name(), Name():
            return left.id == right.id
    return False


def _finding(c: Constraint, weight: Expr, shape: tuple[int, int], by_columns: bool) -> Diagnostic:
    rows, columns = shape
    word = weight.id if isinstance(weight, Name) else "W"
    lines, wanted = ("columns", columns) if by_columns else ("rows", rows)
    other = f"{word} @ {word}.T" if by_columns else f"{word}.T @ {word}"
    choice = 'choose the weights by name: `forall W in f.weights("fc1*", "fc2*"): ...`'
    return Diagnostic(
        code="CS527",
        message=f"`{c.text}` can't hold: {_called(weight)} is {rows} x {columns}",
        span=c.span,
        label=f"{wanted} orthonormal {lines} need a rank of {wanted}, at most {min(shape)} here",
        helps=(
            f"for this shape write `{other} == eye`",
            f"or `{word} in stiefel`, which takes whichever of the two a shape allows",
            *((f"or {choice}",) if isinstance(weight, ParameterRef) else ()),
        ),
    )

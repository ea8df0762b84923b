"""Products of declared tensors whose sizes do not go together: the line that declares the other
size.

param S[4, 4]      var w[5]      w @ S @ w      ->   param S[5, 5], or var w[4]
"""

from collections.abc import Iterator
from typing import NamedTuple

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import Fix, also_at
from cspec.dsl.text.source import Span
from cspec.dsl.tree.nodes import Attribute, Expr, Name, Number, Param, Var
from cspec.dsl.values.shapes import Shape, matmul


class _Other(NamedTuple):
    """A declaration with another size, and how many others speak for it."""

    item: Var | Param
    written: str
    fix: Fix
    votes: float


def resized(typer: Typer, sides: tuple[Expr, Expr], shapes: tuple[Shape, Shape]) -> bool:
    """Report `A @ x` whose sizes differ at a declaration that can be another; whether one can."""
    left, right = shapes
    if not left or not right:
        return False
    turned = matmul(right, left) or matmul(left[::-1], right)
    if turned and not _fits_as_written(typer, sides, left, right):
        return False  # the other way round
    found = sorted(_others(typer, sides, (left[-1], right[0])), key=lambda o: -o.votes)
    told = [_text(typer, side) for side in sides]
    if not found or None in told:
        return False
    first, found = found[0], found[:2]
    used = Span(sides[0].span.start, sides[1].span.end)
    if any(d.code == "CS329" and first.fix in d.fixes[:1] for d in typer.found):
        return True  # it mends both
    place = Span(first.item.name_span.start, first.item.dimensions[-1].span.end + 1)
    said = f"{told[0]}, and {told[1]}: they can't be multiplied by `@`"
    label = "another size than what it is multiplied with"
    related = also_at(used, "these sizes have to agree")
    words = [f"{'var' if isinstance(o.item, Var) else 'param'} {o.written}" for o in found]
    helps = tuple(f"{'or ' if i else ''}write `{text}`" for i, text in enumerate(words))
    fixes = tuple(other.fix for other in found)
    typer.report("CS329", said, place, label, related=related, helps=helps, fixes=fixes)
    return True


def _fits_as_written(typer: Typer, sides: tuple[Expr, Expr], left: Shape, right: Shape) -> bool:
    """Whether `A @ x` is meant, and not `A.T @ x`: the entries of `A` are written out, those of
    `x` are sought, and no other declaration has the size that `A.T @ x` has."""
    names = [_named(side) for side in sides]
    matrix, vector = (s.item if (s := typer.symbols.table.get(n or "")) else None for n in names)
    if not isinstance(matrix, Param) or not _given(matrix) or not isinstance(vector, Var):
        return False
    if len(left) != 2 or len(right) != 1 or _given(vector):
        return False
    kept, turned = (_votes(typer, size, {*filter(None, names)}) for size in left)
    return kept >= turned


def _named(expr: Expr) -> str | None:
    inner = expr.value if isinstance(expr, Attribute) and expr.name == "T" else expr
    return inner.id if isinstance(inner, Name) else None


def _text(typer: Typer, side: Expr) -> str | None:
    """`S` is 4 x 4; `w` has 5 entries."""
    name = _named(side)
    shape = typer.shapes(Name(id=name)) if name else None
    if shape is None:
        return None
    if len(shape) == 1:
        return f"`{name}` has {shape[0]} {'entry' if shape[0] == 1 else 'entries'}"
    return f"`{name}` is {' x '.join(map(str, shape))}"


def _others(typer: Typer, sides: tuple[Expr, Expr], inner: tuple[int, int]) -> Iterator[_Other]:
    names = [_named(side) for side in sides]
    for index in (0, 1):
        symbol = typer.symbols.table.get(names[index] or "")
        item = symbol.item if symbol is not None else None
        old, new = inner[index], inner[1 - index]
        if not isinstance(item, Var | Param) or _given(item):
            continue
        sizes = [typer.value(d) for d in item.dimensions]
        square = len(sizes) == 2 and sizes[0] == sizes[1] == old
        turned = isinstance(sides[index], Attribute)
        last = (index == 0) is not turned
        axes = range(len(sizes)) if square else [len(sizes) - 1 if last else 0]
        if not all(isinstance(item.dimensions[axis], Number) for axis in axes):
            continue
        written = enumerate(map(typer.slice, item.dimensions))
        listed = ", ".join(str(new) if axis in axes else text for axis, text in written)
        span = Span(item.dimensions[0].span.start, item.dimensions[-1].span.end)
        fix = Fix(span=span, replacement=listed, title=f"write {item.name}[{listed}]")
        votes = _votes(typer, new, {n for n in names if n}) + isinstance(item, Param) * 0.5
        yield _Other(item, f"{item.name}[{listed}]", fix, votes)


def _given(item: Var | Param) -> bool:
    """Whether its entries are written out."""
    return item.value is not None and not isinstance(item.value, Number)


def _votes(typer: Typer, size: int, but: set[str]) -> int:
    """How many other declarations have a size."""
    sizes = (
        [typer.value(d) for d in getattr(s.item, "dimensions", ())]
        for name, s in typer.symbols.table.items()
        if name not in but and s.role in ("var", "param")
    )
    return sum(size in known for known in sizes)

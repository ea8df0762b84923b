"""Shapes of what a spec itself declares: `var x[3]`, `param A[2, 3]`; indices and products of them.

Only what is known from the text is judged: shapes of models, weights and columns are known when
they are bound. Shapes broadcast as they do when the expression runs.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from cspec.dsl.checks.meant.resized import resized
from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import Fix, replacing
from cspec.dsl.messages.wording import bracketed, counted
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.values.shapes import (
    ONE_NUMBER,
    Piece,
    Shape,
    Unfit,
    matmul,
    piece_of,
    size_text,
    together,
    word_shape,
)


class Bounds(NamedTuple):
    """The least and the largest value of a name that goes over `range(n)`."""

    low: float
    high: float


Names = Mapping[str, Bounds | None]
"""Names that binders hold: their bounds, or None for names of unknown shape."""


def check_shapes(typer: Typer, items: tuple[nodes.Item, ...]) -> None:
    """Report indices outside a variable and shapes that do not fit; findings go to the typer."""
    declared = (s for s in typer.symbols.table.values() if s.role in ("var", "param"))
    if any(getattr(s.item, "dimensions", ()) or s.role == "var" for s in declared):
        for item in items:
            _visit(typer, item, {})


def _visit(typer: Typer, node: nodes.Node, names: Names) -> None:
    """The expressions below a node that is none itself."""
    if isinstance(node, nodes.Expr):
        _shape(typer, node, names)
        return
    if isinstance(node, nodes.Constraint | nodes.Group):
        for binder in node.binders:
            _shape(typer, binder.domain, names)
            names = {**names, **_bound(typer, binder)}
    for child in node.children():
        if not isinstance(child, nodes.Binder):
            _visit(typer, child, names)


def _bound(typer: Typer, binder: nodes.Binder) -> dict[str, Bounds | None]:
    low = _least(typer, binder)
    match binder.domain:
        case nodes.Call(function=nodes.Name(id="range"), arguments=(count,)) if low is not None:
            size = typer.value(count)
            if size is not None and size >= 1:
                return dict.fromkeys(binder.names, Bounds(low, size - 1))
        case nodes.FiniteSet(items=items) if binder.condition is None:
            values = [typer.value(item) for item in items]
            known = [value for value in values if value is not None]
            if known and len(known) == len(values):
                return dict.fromkeys(binder.names, Bounds(min(known), max(known)))
    return dict.fromkeys(binder.names)


def _least(typer: Typer, binder: nodes.Binder) -> float | None:
    """The least number of `range(n) where i >= 1`; None where a condition says something else."""
    match binder.condition:
        case None:
            return 0
        case nodes.Compare(operands=(nodes.Name(id=name), bound), operators=(">=",)) if (
            name in binder.names
        ):
            return typer.value(bound)
    return None


def _shape(typer: Typer, expr: nodes.Expr, names: Names) -> Shape | None:
    """The shape of an expression; None where the text does not tell, or a mistake is reported."""
    match expr:
        case nodes.Number():
            return ()
        case nodes.Name(id=name) if name in names:
            return () if names[name] else None
        case nodes.Name():
            return typer.shapes(expr)
        case nodes.Negate(operand=operand):
            return _shape(typer, operand, names)
        case nodes.Sum(operands=operands):
            return _joined(typer, operands, names)
        case nodes.Product():
            return _product(typer, expr, names)
        case nodes.Power(base=base, exponent=exponent):
            shape = _joined(typer, (base, exponent), names)
            if shape is not None and len(shape) == 2 and shape[0] == shape[1] > 1:
                _inverse(typer, expr, base, exponent)
            return shape
        case nodes.Vector(items=items):
            return _vector(typer, items, names)
        case nodes.Index(value=value, indices=indices):
            return _index(typer, value, indices, names)
        case nodes.Attribute(value=value, name="T"):
            inner = _shape(typer, value, names)
            return None if inner is None else tuple(reversed(inner))
        case nodes.Call(function=nodes.Name(id=word)):
            return _called(typer, expr, word, names)
        case nodes.Comprehension(binders=binders, body=body):
            inner_names = dict(names)
            for binder in binders:
                _shape(typer, binder.domain, inner_names)
                inner_names |= _bound(typer, binder)
            inner = _shape(typer, body, inner_names)
            return inner if expr.function == "sum" else None
        case nodes.Compare(operands=operands):
            return _joined(typer, operands, names)
        case nodes.Membership(
            element=element, set=nodes.Call(function=nodes.Name(id="ball"), arguments=(center, _))
        ):
            _joined(typer, (element, center), names)
            return None
        case _:
            for child in expr.children():
                if isinstance(child, nodes.Expr):
                    _shape(typer, child, names)
            return None


def _called(typer: Typer, call: nodes.Call, word: str, names: Names) -> Shape | None:
    shapes = [_shape(typer, argument, names) for argument in call.arguments]
    signature = typer.signatures.get(word)
    known = [shape for shape in shapes if shape is not None]
    if signature is None or word in typer.symbols.table or len(known) < len(shapes):
        return None
    numbers = [typer.value(argument) for argument in call.arguments]
    found = word_shape(word, known, numbers)
    if isinstance(found, Unfit):
        helps: list[str] = [found.help]
        fixes: tuple[Fix, ...] = ()
        if len(known) == len(call.arguments) == 2:
            left, right = zip(call.arguments, known, strict=True)
            helps, fixes = _of_one_length(typer, left, right, helps)
        said, sizes = f"`{word}` {found.why}", ", ".join(map(size_text, known))
        typer.report("CS329", said, call.span, sizes, helps=helps, fixes=fixes)
        return None
    if found is not None or len(known) != 1:
        return found
    if signature.family == "elementary":
        return known[0]
    return () if word in ONE_NUMBER else None


def _joined(typer: Typer, operands: tuple[nodes.Expr, ...], names: Names) -> Shape | None:
    """The common shape of what is added or multiplied entry by entry."""
    shapes = [_shape(typer, operand, names) for operand in operands]
    result: Shape = ()
    before: nodes.Expr = operands[0]
    for operand, shape in zip(operands, shapes, strict=True):
        if shape is None:
            return None
        joint = together([result, shape])
        if joint is None:
            _misfit(typer, (before, result), (operand, shape), "have no common shape")
            return None
        if shape:
            before = operand
        result = joint
    return result


def _product(typer: Typer, expr: nodes.Product, names: Names) -> Shape | None:
    last = first = expr.operands[0]
    result = _shape(typer, first, names)
    for operator, operand in zip(expr.operators, expr.operands[1:], strict=True):
        shape = _shape(typer, operand, names)
        neighbours, last = (last, operand), operand
        if shape is None or result is None:
            result = None
            continue
        left = (first, result)
        joint = matmul(result, shape) if operator == "@" else together([result, shape])
        if operator == "*" and sorted(map(len, (result, shape))) == [1, 2]:
            _row_by_row(typer, left, (operand, shape))
        if joint is None:
            how = "can't be multiplied by `@`" if operator == "@" else "have no common shape"
            if operator != "@" or not resized(typer, neighbours, (result, shape)):
                _misfit(typer, left, (operand, shape), how)
        result = joint
    return result


def _inverse(typer: Typer, power: nodes.Expr, base: nodes.Expr, exponent: nodes.Expr) -> None:
    """`A^-1` of a square matrix: its inverse, or 1 over each entry?"""
    if typer.value(exponent) == -1:
        inverse, each = f"inv({typer.slice(base)})", f"1/{typer.slice(base)}"
        helps = (f"for the inverse write `{inverse}`", f"for one over each entry `{each}`")
        said, fixes = f"{typer.text(power)} has two readings", replacing(power.span, inverse, each)
        label = "powers act entry by entry"
        typer.report("CS329", said, power.span, label, helps=helps, fixes=fixes)


def _row_by_row(
    typer: Typer, left: tuple[nodes.Expr, Shape], right: tuple[nodes.Expr, Shape]
) -> None:
    """`A * x` of a matrix and a vector: their product, or each row times the vector?"""
    (first, one), (second, other) = left, right
    if matmul(one, other) is None or 1 in (*one, *other):
        return
    texts = typer.slice(first), typer.slice(second)
    matrix, vector = texts if len(one) == 2 else texts[::-1]
    forms = (f"{texts[0]} @ {texts[1]}", f"{matrix} @ diag({vector})")
    span = Span(first.span.start, second.span.end)
    said = f"`{typer.source.slice(span)}` has two readings"
    label = "`*` acts entry by entry"
    helps = (f"for the product write `{forms[0]}`", f"for each row times it `{forms[1]}`")
    typer.report("CS329", said, span, label, helps=helps, fixes=replacing(span, *forms))


def _misfit(
    typer: Typer, left: tuple[nodes.Expr, Shape], right: tuple[nodes.Expr, Shape], how: str
) -> None:
    (first, one), (second, other) = left, right
    place = first.span.to(second.span)
    helps = ["the sizes have to agree: look at the lines that declare them"]
    fixes: tuple[Fix, ...] = ()
    if "@" in how and len(one) == 2 and matmul((one[1], one[0]), other) is not None:
        turned = f"{bracketed(typer.source, first)}.T @ {typer.slice(second)}"
        helps, fixes = [f"did you mean `{turned}`?"], replacing(place, turned)
        if isinstance(second, nodes.Name) and len(other) == 1 and second.id in typer.symbols.vars():
            helps.append(f"or has `{second.id}` another size: `var {second.id}[{one[1]}]`")
    elif "@" in how and one and other and matmul(other, one) is not None:
        sides = [(second, other), (first, one)]
        # A vector has no other way to lie: `z.T` is `z`.
        texts = [(bracketed(typer.source, side), len(shape)) for side, shape in sides]
        turned = " @ ".join(t.removesuffix(".T") if axes == 1 else t for t, axes in texts)
        helps, fixes = [f"did you mean `{turned}`?"], replacing(place, turned)
    elif "@" in how and not (one and other):
        helps = ["for a multiple write `*`"]
    else:
        helps, fixes = _of_one_length(typer, left, right, helps)
    said = f"{typer.text(first)} and {typer.text(second)} {how}"
    sizes = f"{size_text(one)}, and {size_text(other)}"
    typer.report("CS329", said, place, sizes, helps=helps, fixes=fixes)


def _of_one_length(
    typer: Typer, left: tuple[nodes.Expr, Shape], right: tuple[nodes.Expr, Shape], helps: list[str]
) -> tuple[list[str], tuple[Fix, ...]]:
    """What makes two vectors equally long: a shorter list, another size of a variable."""
    made: list[tuple[str, Fix]] = []
    for (expr, shape), (_, wanted) in ((left, right), (right, left)):
        if len(shape) != 1 or len(wanted) != 1:
            return helps, ()
        size, other = int(shape[0]), int(wanted[0])
        if isinstance(expr, nodes.Vector) and size > other:
            kept = ", ".join(typer.slice(item) for item in expr.items[:other])
            (fix,) = replacing(expr.span, f"[{kept}]")
            made.insert(0, (f"write {counted(other, 'number')}: `[{kept}]`", fix))
        item = typer.symbols.vars().get(expr.id) if isinstance(expr, nodes.Name) else None
        if isinstance(item, nodes.Var) and len(item.dimensions) == 1:
            (fix,) = replacing(item.dimensions[0].span, f"{other}")
            made.append((f"or give `{item.name}` {other} entries: `var {item.name}[{other}]`", fix))
    if not made:
        return helps, ()
    said = [help_.removeprefix("or ") if not i else help_ for i, (help_, _) in enumerate(made)]
    return said, tuple(fix for _, fix in made)


def _vector(typer: Typer, items: tuple[nodes.Expr, ...], names: Names) -> Shape | None:
    shapes = [_shape(typer, item, names) for item in items]
    if None in shapes or not items:
        return None
    for item, shape in zip(items, shapes, strict=True):
        if shape != shapes[0]:
            said = f"{typer.text(item)} is no row like the others"
            label = f"{size_text(shape or ())}, the first has {size_text(shapes[0] or ())}"
            typer.report("CS329", said, item.span, label, **_as_long(typer, item, items[0]))
            return None
    return (len(items), *(shapes[0] or ()))


def _as_long(typer: Typer, row: nodes.Expr, first: nodes.Expr) -> dict[str, Any]:
    """A row as long as the first: zeros in the places that lack a number, or none beyond."""
    if not isinstance(row, nodes.Vector) or not isinstance(first, nodes.Vector):
        return {"helps": ("write rows of the same length",)}
    lack = len(first.items) - len(row.items)
    given = [typer.slice(item) for item in row.items]
    meant = f"[{', '.join([*given, *['0'] * lack][: len(first.items)])}]"
    more = f"{counted(lack, 'number')} more, where 0 stands" if lack > 0 else "only as many numbers"
    help_ = f"rows have one length: write `{meant}`, {more}"
    return {"helps": (help_,), "fixes": replacing(row.span, meant)}


def _index(
    typer: Typer, value: nodes.Expr, indices: tuple[nodes.Expr, ...], names: Names
) -> Shape | None:
    shape = _shape(typer, value, names)
    for index in indices:
        ends = (index.lower, index.upper) if isinstance(index, nodes.Slice) else (index,)
        for end in ends:
            if end is not None:
                _shape(typer, end, names)
    if shape is None:
        return None
    text = typer.slice(value)
    if len(indices) > len(shape):
        _too_many(typer, text, indices, shape)
        return None
    known = True
    kept: list[int] = []
    for index, size in zip(indices, shape, strict=False):
        if not isinstance(index, nodes.Slice):
            _in_range(typer, text, index, size, names)
            continue
        piece = _slice(typer, text, index, size)
        known = known and piece is not None
        kept += [] if piece is None else [piece.length]
    return (*kept, *shape[len(indices) :]) if known else None


def _slice(typer: Typer, text: str, index: nodes.Slice, size: int) -> Piece | None:
    """The places of a slice; None where they are not known, or there are none."""
    found = piece_of(index, size, typer.values)
    if not isinstance(found, Unfit):
        return found
    said = f"the slice {typer.text(index)} of `{text}` {found.why}"
    typer.report("CS329", said, index.span, f"indices go from 0 to {size - 1}", helps=(found.help,))
    return None


def _too_many(typer: Typer, text: str, indices: tuple[nodes.Expr, ...], shape: Shape) -> None:
    entry, said = text, f"`{text}` is one number: it has no entries"
    fixes: tuple[Fix, ...] = ()
    if shape:
        entry = f"{text}[{', '.join(map(typer.slice, indices[: len(shape)]))}]"
        said = f"`{text}` has {counted(len(shape), 'dimension')}, not {len(indices)}"
        rest = Span(indices[len(shape) - 1].span.end, indices[-1].span.end)
        fixes = (Fix(span=rest, replacement="", title=f"write `{entry}`"),)
    place = indices[len(shape)].span
    typer.report("CS329", said, place, size_text(shape), helps=(f"write `{entry}`",), fixes=fixes)


def _shifted(
    typer: Typer, text: str, index: nodes.Expr, size: int, bounds: Bounds
) -> tuple[str, ...]:
    """Indices that begin at 1, and those that run on beyond the end: `x[3]` of 3, `x[i + 1]`."""
    low, high = bounds
    shift = _SHIFT.fullmatch(typer.slice(index))
    if shift is not None and low == float(shift[2]):
        fewer = size - int(shift[2])
        return (f"let `{shift[1]}` run over `range({fewer})`: `{shift[0]}` is at most {size - 1}",)
    counts = rf"\b{re.escape(typer.slice(index))}\s+in\s+range\(\s*(\d+)\s*\)"
    over = re.search(counts, typer.source.text)
    if over is not None and isinstance(index, nodes.Name) and int(over[1]) > size:
        return (
            f"give `{text}` as many entries as `{index.id}` counts, {over[1]}, or let"
            f" `{index.id}` run over `range({size})` alone",
        )
    used = set(re.findall(rf"\b{re.escape(text)}\[[ \t]*(\d+)[ \t]*\]", typer.source.text))
    if low == high == size and "0" not in used:
        first, last = f"`{text}[0]`", f"`{text}[{size - 1}]`"
        return (f"entries are counted from 0: write {first} for the first, {last} for the last",)
    return ()


_BACK = re.compile(r"(\w+)[ \t]*-[ \t]*(\d+)")
_FEW = 12
"""Entries that a help lists."""
_SHIFT = re.compile(r"(\w+)[ \t]*\+[ \t]*(\d+)")


def _in_range(typer: Typer, text: str, index: nodes.Expr, size: int, names: Names) -> None:
    bounds = _bounds(typer, index, names)
    if bounds is None:
        return
    fixes: tuple[Fix, ...] = ()
    if bounds.low == bounds.high and not is_whole(bounds.low):
        message = f"{typer.text(index)} is no index"
        helps: tuple[str, ...] = ("write a whole number",)
    elif bounds.low < 0:
        last = f"`{text}[{size - 1}]`"
        message = f"`{text}` has no entry {bounds.low:g}"
        helps = (f"the last entry is {last}",) if bounds.high < 0 else ("begin at 0",)
        back = _BACK.fullmatch(typer.slice(index))
        if back is not None and bounds.high - bounds.low < size <= _FEW:
            rest = ", ".join(str(place) for place in range(int(back[2]), size))
            helps = (f"let `{back[1]}` run over `{{{rest}}}`: `{back[0]}` is at least 0",)
        if bounds.low == bounds.high and size + bounds.low >= 0:
            fixes = replacing(index.span, f"{size + bounds.low:g}")
    elif bounds.high > size - 1:
        message = f"`{text}` has no entry {bounds.high:g}"
        helps = (f"its entries are 0 to {size - 1}, the last is `{text}[{size - 1}]`",)
        helps = (*_shifted(typer, text, index, size, bounds), *helps)[:1]
        if bounds.low == 1 and bounds.high == size and isinstance(index, nodes.Name):
            helps = (f"entries are counted from 0: let `{index.id}` run over `range({size})`",)
    else:
        return
    label = f"indices go from 0 to {size - 1}"
    typer.report("CS329", message, index.span, label, helps=helps, fixes=fixes)


def _bounds(typer: Typer, index: nodes.Expr, names: Names) -> Bounds | None:
    """The least and the largest value of an index: a number, a name of `range(n)`, sums of them."""
    if (known := typer.value(index)) is not None:
        return Bounds(known, known)
    match index:
        case nodes.Name(id=name):
            return names.get(name)
        case nodes.Negate(operand=operand):
            inner = _bounds(typer, operand, names)
            return None if inner is None else Bounds(-inner.high, -inner.low)
        case nodes.Sum(operands=operands, operators=operators):
            parts = [_bounds(typer, operand, names) for operand in operands]
            total = parts[0]
            for sign, part in zip(operators, parts[1:], strict=True):
                if total is None or part is None:
                    return None
                low, high = (part.low, part.high) if sign == "+" else (-part.high, -part.low)
                total = Bounds(total.low + low, total.high + high)
            return total
    return None

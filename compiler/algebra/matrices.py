"""Params of two dimensions as the rows they stand for: `param A[2, 2]` with its numbers."""

from __future__ import annotations

import math

from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Number, Param, Vector


def matrices(checked: Checked) -> dict[str, Vector]:
    """Each param of two dimensions, as `[[a, b], [c, d]]`.

    Raises:
        SpecError: another number of entries than the dimensions say.
    """
    found = {}
    for name, item in checked.symbols.params().items():
        value = checked.params.get(name)
        if len(item.dimensions) == 2 and isinstance(value, tuple):
            found[name] = _rows(checked, item, value)
    return found


def _rows(checked: Checked, item: Param, value: tuple[float, ...]) -> Vector:
    sizes = [int(value_or_none(d, checked.params) or 0) for d in item.dimensions]
    if math.prod(sizes) != len(value):
        size = " x ".join(map(str, sizes))
        message = f"param `{item.name}` is {size}, and {len(value)} numbers were given"
        helps = (
            f"give {math.prod(sizes)} numbers, row by row, or another size in `{item.name}[...]`",
        )
        raise SpecError(
            [Diagnostic(code="CS326", message=message, span=item.name_span, helps=helps)]
        )
    width = sizes[1]
    starts = range(0, len(value), width)
    rows = tuple(_row(value[start : start + width]) for start in starts)
    return Vector(items=rows, param=item.name)


def _row(value: tuple[float, ...]) -> Vector:
    return Vector(items=tuple(Number(text=repr(v), value=v) for v in value))

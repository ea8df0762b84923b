"""Sets that the members of a quantifier make together, with one projection for all.

forall i: norm(W[i], 2) <= 1                    ->   rows 0, 1, 2, ... of W in ball(1, norm=2)
forall i: sum(W[i]) <= 1                        ->   affine rows that share no entry
forall i, j: W[i, j] == W[j, i], W[i, j] == 0   ->   the same, of two entries and of one
forall i, j: W[i, j] <= W[i, j+1]               ->   W in monotone; along other paths: ordered
sum(W[i]) == 1 for every row, beside W >= 0     ->   W in simplex, which is one of rows

Rows that do share entries are one affine subspace or polyhedron while they are few. Where they are
many, those of each requirement may be a set; else they are left to multipliers: projecting onto
each in turn would take for ever.

Chains of entries in order are `monotone` along every row of the weight, along other paths (columns,
a bias, part of a row) `ordered`. Entries that are compared with more than one on either side are no
paths.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, NamedTuple

from cspec.compiler.algebra.shapes import Shapes, shape_of
from cspec.compiler.expressions.rewrite import number, same
from cspec.compiler.expressions.rows import rows_of
from cspec.compiler.passes.sets.joint import elsewhere
from cspec.compiler.passes.sets.rows import ROWS as FEW
from cspec.compiler.records.problem import (
    Coefficients,
    Constraint,
    ParameterRef,
    Problem,
    SetMember,
)
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Name, Vector, shape
from cspec.dsl.values.shapes import Shape
from cspec.dsl.words.sets import COEFFICIENTS, OF_SEVERAL

Place = tuple[int, ...]
DENSE = 4_000_000
"""Rows times entries up to which equalities that share entries are projected onto together."""


Made = tuple[str, dict[str, Any]]
"""The word and the arguments of a set."""


class BoundedRow(NamedTuple):
    """lo <= <a, x> <= hi."""

    a: Coefficients
    lo: float
    hi: float


def gathered(problem: Problem, shapes: Shapes, params: Values) -> Problem:
    """The problem with the sets of each tensor's rows put together."""
    constraints = list(problem.constraints)
    for places in _by_subject(constraints):
        _same_on_rows(constraints, places)
        _both_ends(constraints, places)
        _affine(constraints, places, shapes, params)
    _always_true(constraints)
    return problem.with_constraints(constraints)


def _always_true(constraints: list[Constraint]) -> None:
    """W[0, 0] == W[0, 0] among the members of a quantifier is held as the others are."""
    sets = {c.label: c.set for c in constraints if c.set is not None}
    for place, c in enumerate(constraints):
        if c.set is None and c.label in sets and c.relation != "in" and same(c.value, c.bound):
            _put(constraints, place, sets[c.label])


def _by_subject(constraints: Sequence[Constraint]) -> list[list[int]]:
    """Place of constraints on the same tensor that may be projected onto by the same method."""
    found: dict[object, list[int]] = {}
    for place, c in enumerate(constraints):
        # One tensor, or several of which it is known that they are.
        known = c.set is not None and isinstance(c.set.subject, ParameterRef | Name | Vector)
        if known and not elsewhere(c):
            key = (shape(c.known_set.subject), repr(c.method), c.construction)
            found.setdefault(key, []).append(place)
    return list(found.values())


def _same_on_rows(constraints: list[Constraint], places: Iterable[int]) -> None:
    """One set for several rows of a tensor, where it is the same on each."""
    groups: dict[object, list[int]] = {}
    for place in places:
        member = constraints[place].known_set
        if member.rows:
            key = (member.word, shape(tuple(member.arguments.items())), len(member.rows[0]))
            groups.setdefault(key, []).append(place)
    for group in groups.values():
        rows = sorted({row for p in group for row in constraints[p].known_set.rows})
        _change(constraints, group, rows=tuple(rows))


def _put(constraints: list[Constraint], place: int, member: SetMember | None) -> None:
    constraints[place] = constraints[place].model_copy(update={"set": member})


def _change(constraints: list[Constraint], places: Sequence[int], **update: Any) -> None:
    """Change the sets in these places, which were recognized together."""
    text = "; ".join(dict.fromkeys(constraints[p].text for p in places))
    for place in places:
        found = constraints[place].known_set.model_copy(update={**update, "recognized": text})
        _put(constraints, place, found)


def _both_ends(constraints: list[Constraint], places: Iterable[int]) -> None:
    """0 <= A + B and A + B <= 1 as one set."""
    groups: dict[object, list[int]] = {}
    for place in places:
        member = constraints[place].known_set
        if member.word in OF_SEVERAL:
            rest = tuple(v for k, v in member.arguments.items() if k not in ("1", "2"))
            groups.setdefault((member.word, rest), []).append(place)
    for group in groups.values():
        members = [constraints[p].known_set for p in group]
        low = max(m.arguments["1"] for m in members)
        high = min(m.arguments["2"] for m in members)
        if low <= high:
            _change(constraints, group, arguments={**members[0].arguments, "1": low, "2": high})


# --- Affine rows ---------------------------------------------------------------------------------


def _affine(
    constraints: list[Constraint], places: Sequence[int], shapes: Shapes, params: Values
) -> None:
    affine = [p for p in places if constraints[p].known_set.word in COEFFICIENTS]
    several = {shape(tuple(constraints[p].known_set.arguments.items())) for p in affine}
    if len(several) < 2 and not any(constraints[p].known_set.together for p in affine):
        return
    rows = _merged([row for p in affine for row in _rows(constraints[p].known_set)])
    subject = constraints[affine[0]].known_set.subject
    assert subject is not None
    size = shape_of(subject, shapes, params)
    sets = [(p, constraints[p].known_set) for p in places]
    signs = [p for p, member in sets if member.word == "nonneg" and not member.partial]
    total = None if size is None or not signs else _simplex_total(rows, size)
    if total is not None:
        arguments = {} if total == 1 else {"total": number(total)}
        _put_all(constraints, [*affine, *signs], ("simplex", arguments))
        return
    if (found := _one_set(rows, size)) is not None:
        _put_all(constraints, affine, found)
        return
    # Too many for one set: those of each requirement may be one, and they are projected in turn.
    labels = {constraints[place].label: None for place in affine}
    for label in labels:
        mine = [place for place in affine if constraints[place].label == label]
        own = _merged([row for p in mine for row in _rows(constraints[p].known_set)])
        _put_all(constraints, mine, _one_set(own, size) if len(labels) > 1 else None)


def _put_all(constraints: list[Constraint], places: Sequence[int], found: Made | None) -> None:
    if found is not None:
        _change(constraints, places, word=found[0], arguments=found[1])
        return
    for place in places:
        _put(constraints, place, None)


def _rows(member: SetMember) -> list[BoundedRow]:
    equal = member.word == "affine"
    return [BoundedRow(a, b if equal else -math.inf, b) for a, b in rows_of(member)]


def _merged(rows: Sequence[BoundedRow]) -> list[BoundedRow]:
    """Rows on the same combination of entries as one with both ends."""
    found: dict[Coefficients, BoundedRow] = {}
    for a, lo, hi in rows:
        every, entries = _parts(a)
        if (every or entries[0][1]) < 0:  # -x <= 1 is x >= -1
            a, lo, hi = _turned_down(a), -hi, -lo
        other = found.get(a, BoundedRow(a, lo, hi))
        found[a] = BoundedRow(a, max(lo, other.lo), min(hi, other.hi))
    return list(found.values())


def _one_set(rows: Sequence[BoundedRow], size: Shape | None) -> Made | None:
    """The word and arguments of all rows as one set; None where there is none."""
    if any(row.lo > row.hi for row in rows):
        return None
    paths = in_order(rows)
    if paths is not None and len(rows) > 1:
        return ordered_set(paths, size)
    if _apart(rows):
        return "separate", {str(i): column for i, column in enumerate(zip(*rows, strict=True))}
    equal = all(row.lo == row.hi for row in rows)
    if len(rows) > FEW and not (equal and size and len(rows) * math.prod(size) <= DENSE):
        return None
    if equal:
        return "affine", {"0": tuple(r.a for r in rows), "1": tuple(r.hi for r in rows)}
    below = [(row.a, row.hi) for row in rows if row.hi < math.inf]
    below += [(_turned_down(row.a), -row.lo) for row in rows if row.lo > -math.inf]
    return "polyhedron", {"0": tuple(a for a, _ in below), "1": tuple(b for _, b in below)}


def _turned_down(a: Coefficients) -> Coefficients:
    if not isinstance(a, tuple):
        return -a
    return (-a[0] + 0.0, tuple((index, -value) for index, value in a[1]))


def _parts(a: Coefficients) -> tuple[float, tuple[tuple[Place, float], ...]]:
    """What every entry is multiplied by, and what is added to that of single ones."""
    return a if isinstance(a, tuple) else (a, ())


def _apart(rows: Sequence[BoundedRow]) -> bool:
    """Whether no two rows have an entry in common."""
    taken: set[Place] = set()
    for row in rows:
        every, entries = _parts(row.a)
        places = {index for index, value in entries if value}
        if every or taken & places:
            return False
        taken |= places
    return True


def _simplex_total(rows: Sequence[BoundedRow], size: Shape) -> float | None:
    """t where the rows are `sum == t` of every row of (outputs, rest)."""
    totals = {end for row in rows for end in (row.lo, row.hi)}
    if len(size) < 2 or len(rows) != size[0] or len(totals) != 1:
        return None
    wanted: list[set[Place]] = [set() for _ in range(size[0])]
    for row in rows:
        every, entries = _parts(row.a)
        outputs = {index[0] for index, _ in entries}
        if every or len(outputs) != 1 or {value for _, value in entries} != {1.0}:
            return None
        wanted[outputs.pop()] |= {index for index, _ in entries}
    full = all(len(places) == math.prod(size[1:]) for places in wanted)
    total = totals.pop()
    return total if full and total > 0 else None


Paths = list[list[Place]]


def in_order(rows: Sequence[tuple[Coefficients, float, float]]) -> Paths | None:
    """The paths, from the smallest entry on, of rows `lo <= a . x <= hi`; None if they are none."""
    after: dict[Place, Place] = {}
    before: dict[Place, Place] = {}
    for row in rows:
        pair = _pair(*row)
        if pair is None or pair[0] in after or pair[1] in before:
            return None
        after[pair[0]], before[pair[1]] = pair[1], pair[0]
    paths = []
    for start in after.keys() - before.keys():
        path = [start]
        while path[-1] in after:
            path.append(after[path[-1]])
        paths.append(path)
    # What no path reaches is a circle: all of its entries are equal.
    return sorted(paths) if sum(map(len, paths)) == len(after) + len(paths) else None


def _pair(a: Coefficients, low: float, high: float) -> tuple[Place, Place] | None:
    """The entries of `x[first] <= x[second]`."""
    match a:
        case (0.0, ((one, up), (other, down))) if up == -down:
            if (low, high) == (-math.inf, 0.0):
                return (one, other) if up > 0 else (other, one)
            if (low, high) == (0.0, math.inf):
                return (other, one) if up > 0 else (one, other)
    return None


def ordered_set(paths: Paths, size: Shape | None) -> Made:
    """The word and arguments of entries in order along paths."""
    if size is not None and (found := _whole_rows(paths, size)) is not None:
        return "monotone", {} if found else {"increasing": False}
    return "ordered", {"0": tuple(map(tuple, paths))}


def _whole_rows(paths: Paths, size: Shape) -> bool | None:
    """Whether all rows of (outputs, rest) rise (True) or fall (False); None where it is else."""
    starts = [(i,) for i in range(size[0])] if len(size) > 1 else [()]
    rest = size[1:] if len(size) > 1 else size
    rows: Paths = [[(*start, *place) for place in product(*map(range, rest))] for start in starts]
    if paths == rows:
        return True
    return False if sorted(paths) == sorted([row[::-1] for row in rows]) else None

"""Points where a requirement is broken between those that were drawn: an exchange at the end.

    x_j <- argmax g(x),  |x - x_i| <= h     by a compass search, h the spacing of the points

What holds on points is broken between them, by the order of h^2. Where it is broken most, points
are put that were farthest from being broken, and the end of the run is sought anew, until nothing
is broken between them. By what is broken all the same, more is asked for at the points beside it. A
verdict is measured on other points than all of these.

Remez 1934; Hettich and Kortanek 1993 (Semi-infinite programming, section 7.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.dsl.messages.wording import counted
from cspec.runtime.finish.violation import point_of, put
from cspec.runtime.models.without_trace import as_deployed
from cspec.runtime.session.session import Session
from cspec.runtime.session.with_examples import each_of, measured_each

ROUNDS = 12
"""How often the end is sought, at most."""
SEARCHED = 64
"""Points of a set, those of the largest g, around which is searched."""
LOOKS, FINEST = 60, 2.0**-12
"""Steps of a search at most, and where it ends, in units of h."""
HELPED = 0.9
"""Share of what it was broken by up to which a round has helped: else no other follows."""
PATIENCE = 1
"""Rounds without help that others follow: where a rule changes sides, a kink moves first."""
INWARD, BEYOND, BESIDE = 6, 1.5, 2.0
"""Rounds that ask for more at points, times what is missed by how much more, within how many h."""
BROKEN = 0.25
"""Share of the tolerance from which on points are moved."""
APART = 0.5
"""In units of h, how far two maxima are from each other."""


def exchanged(session: Session) -> Iterator[int]:
    """The rounds of a run's end: one, another each time that points were moved, those inside."""
    yield 0
    told, sets = list(session.notes), _sets(session)
    moved = dict.fromkeys(sets, 0)
    best, idle, found = torch.inf, 0, 0
    while found < ROUNDS:
        found += 1
        now = {name: _exchange(session, name, own) for name, own in sets.items()}
        worst = max((amount for _, amount in now.values()), default=0.0)
        none_moved = not any(count for count, _ in now.values())
        idle = 0 if worst <= HELPED * best else idle + 1
        if session.interrupted or none_moved or idle > PATIENCE:
            break
        moved = {name: count + now[name][0] for name, count in moved.items()}
        best = min(best, worst)
        yield found
        session.notes[:] = told  # what later rounds tell is of the same end
    for _ in _inside(session, sets):
        found += 1
        yield found
        session.notes[:] = told
    for name, count in moved.items():
        if count:
            labels = ", ".join(c.label for c in sets[name])
            points = f"{counted(count, 'point')} of {name}"
            session.notes.append(f"{labels}: {points} went where it was broken between them")


def _inside(session: Session, sets: Mapping[str, Sequence[ConstraintFacts]]) -> Iterator[None]:
    """Rounds that ask for more at the points than is required, by what is missed beside them.

    Where a rule changes sides its values have a kink that comes with the points: u goes to 0 at
    one point and v below its bound at the next one, and between them neither is.
    """
    least, kept, place = torch.inf, dict[str, Tensor](), None
    idle = 0
    for left in range(INWARD, -1, -1):
        missed = {name: _missed(session, name, own) for name, own in sets.items()}
        worst = max((float(amounts.max()) for amounts in missed.values()), default=0.0)
        if worst < least:
            least, kept, place = worst, dict(session.inward), point_of(session.parameters)
            idle = 0
        else:
            idle += 1
        if session.interrupted or worst == 0 or left == 0 or idle > PATIENCE:
            break
        for name, own in sets.items():
            for c in own:
                more = BEYOND * missed[name]
                session.inward[c.label] = session.inward.get(c.label, 0.0) + more
        yield
    if place is not None:
        put(session.parameters, place)
    for label, more in kept.items():
        if float(more.max()) > 0:
            session.notes.append(
                f"{label}: at points beside which it was broken, up to {float(more.max()):.2g} "
                "more is asked for"
            )
    session.inward.clear()


def _missed(session: Session, name: str, own: Sequence[ConstraintFacts]) -> Tensor:
    """For each point of a set the most that is missed within two spacings of it (N,)."""
    search, _, points, values = _peaks(session, name, own)
    columns = session.data[name].columns
    missed = values.new_zeros(len(session.data[name]))
    for i in (values > _allowed(own)).nonzero().flatten().tolist():
        near = search.distances(columns, points, i) <= BESIDE
        missed = torch.where(near, missed.clamp_min(float(values[i])), missed)
    return missed


def _sets(session: Session) -> dict[str, list[ConstraintFacts]]:
    """Sets of points of a box, with the inequalities that are required at each of them."""
    found: dict[str, list[ConstraintFacts]] = {}
    for c in each_of(session.program.constraints):
        found.setdefault(str(c.each), []).append(c)
    return {
        name: own
        for name, own in found.items()
        if session.data[name].box and not any(c.equal for c in own)
    }


class _Peaks(NamedTuple):
    """Where requirements at points are broken most, around the points of the largest values."""

    search: _Search
    order: Tensor
    """All points of the set, the largest value first."""
    points: dict[str, Tensor]
    values: Tensor


def _peaks(session: Session, name: str, own: Sequence[ConstraintFacts]) -> _Peaks:
    with as_deployed(session.models()):
        search = _Search(session, name, own)
        order = search.values(session.data[name].columns).argsort(descending=True)
        points, values = search.around(order[:SEARCHED])
    return _Peaks(search, order, points, values)


def _allowed(own: Sequence[ConstraintFacts]) -> float:
    """What is missed between points and left alone."""
    return BROKEN * min(c.tolerance for c in own)


def _exchange(session: Session, name: str, own: Sequence[ConstraintFacts]) -> tuple[int, float]:
    """Move points of a set to where it is broken between them; how many, and by how much it is."""
    data = session.data[name]
    search, order, points, values = _peaks(session, name, own)
    rows = order[:SEARCHED]
    taken: list[int] = []
    for i in values.argsort(descending=True).tolist():
        far = all(search.apart(points, i, j) > APART for j in taken)
        if values[i] > _allowed(own) and far and search.moved(points, rows, i) > FINEST:
            taken.append(i)
    taken = taken[: len(order) // 2]
    moved = {column: held.clone() for column, held in data.columns.items()}
    for column, found in points.items():
        moved[column][order[len(order) - len(taken) :]] = found[taken].to(moved[column])
    session.data[name] = replace(data, columns=moved)
    return len(taken), float(values.max())


class _Search:
    """g over the box of a set of points, the largest of the inequalities required there."""

    def __init__(self, session: Session, name: str, own: Sequence[ConstraintFacts]) -> None:
        self._session = session
        self._name = name
        self._whole = session.whole_batch()
        every = each_of(session.program.constraints)
        self._asked = [(every.index(c), c.aim) for c in own]
        data = session.data[name]
        self._columns = data.columns
        self._box = {c: tuple(end.to(data[c]) for end in ends) for c, ends in data.box.items()}
        axes = sum(int((low != high).sum()) for low, high in self._box.values())
        spacing = len(data) ** (-1 / max(1, axes))
        self._h = {c: spacing * (high - low) for c, (low, high) in self._box.items()}

    def values(self, columns: Mapping[str, Tensor]) -> Tensor:
        """g at points, (N,); far inside where a condition asks nothing of them."""
        batch = {**self._whole, self._name: columns}
        session = self._session
        every = list(measured_each(session.module, session.primal, batch)[3].values())
        found = torch.stack([every[i].detach() + aim for i, aim in self._asked])
        return found.nan_to_num(nan=-torch.inf).amax(0)

    def around(self, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The largest g near some of the points: where it is, and what it is."""
        start = {c: self._columns[c][rows] for c in self._box}
        at, best = start, self.values(self._with(start, rows))
        step = best.new_full(best.shape, 0.5)
        for _ in range(LOOKS):
            if self._session.interrupted or bool((step < FINEST).all()):
                break
            better = torch.zeros_like(step, dtype=torch.bool)
            for column, axis, sign in self._ways():
                tried = self._moved(start, at, column, axis, sign * step)
                value = self.values(self._with(tried, rows))
                taken = value > best
                best = torch.where(taken, value, best)
                at = {c: torch.where(_like(taken, v), tried[c], v) for c, v in at.items()}
                better |= taken
            step = torch.where(better, step, step / 2)
        return at, best

    def apart(self, points: Mapping[str, Tensor], i: int, j: int) -> float:
        """How far two points are from each other, in units of h."""
        return self._far({c: v[i] - v[j] for c, v in points.items()})

    def distances(
        self, columns: Mapping[str, Tensor], points: Mapping[str, Tensor], i: int
    ) -> Tensor:
        """How far each row is from a point, in units of h, along the axis where it is most."""
        ways = [
            (columns[c] - v[i]).abs().reshape(len(columns[c]), -1)
            / self._h[c].reshape(-1).clamp_min(1e-300)
            for c, v in points.items()
        ]
        return torch.cat(ways, dim=1).amax(1)

    def moved(self, points: Mapping[str, Tensor], rows: Tensor, i: int) -> float:
        """How far a point is from where it was drawn, in units of h."""
        return self._far({c: v[i] - self._columns[c][rows[i]] for c, v in points.items()})

    def _far(self, ways: Mapping[str, Tensor]) -> float:
        """The largest of a way's parts, each in units of h."""
        parts = [(way.abs() / self._h[c].clamp_min(1e-300)).max() for c, way in ways.items()]
        return float(torch.stack(parts).max())

    def _ways(self) -> Iterator[tuple[str, int, int]]:
        for column, h in self._h.items():
            for axis in range(h.numel()):
                if float(h.reshape(-1)[axis]):
                    yield column, axis, 1
                    yield column, axis, -1

    def _moved(
        self,
        start: Mapping[str, Tensor],
        at: Mapping[str, Tensor],
        column: str,
        axis: int,
        steps: Tensor,
    ) -> dict[str, Tensor]:
        """Points a step along an axis, no farther than h from where they started."""
        (low, high), h = self._box[column], self._h[column]
        move = torch.zeros_like(at[column].reshape(len(steps), -1))
        move[:, axis] = steps * h.reshape(-1)[axis]
        tried = at[column] + move.reshape(at[column].shape)
        tried = torch.minimum(torch.maximum(tried, start[column] - h), start[column] + h)
        return {**at, column: torch.minimum(torch.maximum(tried, low), high)}

    def _with(self, points: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
        """Rows of the set with other places."""
        return {c: points.get(c, held[rows]) for c, held in self._columns.items()}


def _like(rows: Tensor, values: Tensor) -> Tensor:
    """A truth a row, seen over what a row has."""
    return rows.reshape(-1, *([1] * (values.ndim - 1)))

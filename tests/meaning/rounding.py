"""How far rounding may move a value: the same spec on numbers that differ in their last digits."""

from __future__ import annotations

import math
import random
from dataclasses import replace

from meaning.generate import Written
from meaning.world import Table, World

DOUBLE, SINGLE = 4e-16, 2e-7
"""Relative size of what is changed: the last digit of a double and of a single."""

Numbers = dict[str, float]


def numbers(written: Written, world: World) -> Numbers:
    """Every number of a spec, by name."""
    found = {"objective": written.objective.expected(world)}
    for metric in written.metrics:
        found |= metric.expected(world)
    for constraint in written.constraints:
        for row in constraint.expected(world, written.verified or world.default):
            found |= {f"{row.name} left": row.left, f"{row.name} right": row.right}
            found[f"{row.name} error"] = row.standard_error or 0.0
    return found


def slacks(written: Written, right: Numbers) -> Numbers:
    """How far each number may be off."""
    share = DOUBLE if written.double else SINGLE
    far = dict.fromkeys(right, 0.0)
    for seed in range(3):
        for name, value in numbers(written, shaken(written.made.world, share, seed)).items():
            off = abs(value - right[name])
            if math.isfinite(off):
                far[name] = max(far[name], 10 * off)
    return far


def shaken(world: World, share: float, seed: int) -> World:
    """The same world with other last digits."""
    rng = random.Random(seed)

    def digit(value: object) -> object:
        if not isinstance(value, float) or value == int(value):
            return value
        return value * (1 + share * rng.uniform(-1, 1))

    def row(values: object) -> object:
        return [digit(v) for v in values] if isinstance(values, list) else digit(values)

    def table(found: Table) -> Table:
        return replace(
            found,
            columns={c: [row(v) for v in values] for c, values in found.columns.items()},
            features=[row(v) for v in found.features],
            outputs={
                m: {part: [row(z) for z in values] for part, values in parts.items()}
                for m, parts in found.outputs.items()
            },
        )

    off = share * rng.choice([-1, 1])
    tables = {name: table(t) for name, t in world.tables.items()}
    return replace(world, tables=tables, rounding=off)

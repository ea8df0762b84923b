"""A problem with its requirements on each example among its entries, for work on whole data.

The constraint vector has no entry for them. Here it goes on with one entry a row, in the order of
the constraints, so that restoration, the solver at the end, multipliers and the stationarity of the
end treat a row as any other requirement. Rows that nothing is asked of are far
inside.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts, Program
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.result.entries import length
from cspec.runtime.session.batches import Batch
from cspec.runtime.task import Measure

INSIDE = -1e6
"""What stands for g of a row that nothing is asked of."""


class Run(Protocol):
    """What is read of a session."""

    program: Program
    module: Mapping[str, Any]
    data: dict[str, Dataset]
    state: dict[str, Tensor]
    told: Tensor | None
    told_each: dict[str, Tensor]
    inward: dict[str, Tensor]


class WithExamples(NamedTuple):
    """Constraints with segments of the longer vector, and what measures it."""

    constraints: tuple[ConstraintFacts, ...]
    measure: Measure
    told: Tensor | None
    """The multipliers that are told; None where there are none."""
    vector: int
    """Entries of the constraint vector itself."""

    @property
    def rows(self) -> int:
        """Entries beyond it."""
        return length(self.constraints) - self.vector


def each_of(constraints: Sequence[ConstraintFacts]) -> list[ConstraintFacts]:
    """Those with a multiplier for each example."""
    return [c for c in constraints if c.each is not None]


def with_examples(session: Run) -> WithExamples:
    """The whole problem of a session."""
    program = session.program.constraints
    size = start = length(program)
    found = []
    for c in program:
        if c.each is None:
            found.append(c)
            continue
        stop = start + len(session.data[c.each])
        found.append(c.model_copy(update={"segment": (start, stop), "multipliers": True}))
        start = stop
    told = session.told
    if session.told_each:
        held = session.state.get("multipliers") if told is None else told
        own = [session.told_each[c.label] for c in each_of(program)]
        none = own[0].new_zeros(0)
        told = torch.cat([none if held is None else held.to(none), *own])
    return WithExamples(tuple(found), longer(session, session.module), told, size)


def measured_each(
    module: Mapping[str, Any], primal: Mapping[str, Any], batch: Mapping[str, Any]
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """f, g, the true constraints, and the values of the requirements on each example by rule."""
    f, *vectors, values = module["measure_each"](primal, batch)
    g, true = vectors or (f.new_zeros(0), f.new_zeros(0))
    return f, g, true, values


def longer(session: Run, module: Mapping[str, Any]) -> Measure:
    """`measure` whose g and true go on with the rows of the requirements on each example."""
    each = each_of(session.program.constraints)
    if not each:
        return module["measure"]  # type: ignore[no-any-return]

    def measure(primal: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        f, g, true, values = measured_each(module, primal, batch)
        parts = [
            torch.where(
                v.isnan(), 0.0 if c.equal else INSIDE, v + c.aim + session.inward.get(c.label, 0.0)
            )
            for c, v in zip(each, values.values(), strict=True)
        ]
        own = torch.cat(parts)
        return f, torch.cat([g.to(own), own]), torch.cat([true.to(own), own.detach()])

    return measure


def split_told(session: Run, whole: WithExamples, told: Tensor) -> Tensor | None:
    """Put the multipliers of the longer vector back: those of the rows by label, the rest."""
    for c in each_of(whole.constraints):
        assert c.segment is not None
        session.told_each[c.label] = told[slice(*c.segment)]
    return told[: whole.vector] if session.told is not None else None


def lagrangian(session: Run) -> tuple[Measure, Tensor | None]:
    """A measure, and multipliers, whose f + <multipliers, g> is the Lagrangian on any batch.

    Its g goes on with one entry: the sum of multipliers times the values of rows, scaled from the
    rows of the batch to all.
    """
    own = session.state.get("multipliers")
    each = each_of(session.program.constraints)
    if not each:
        return session.module["measure"], own

    def measure(primal: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        f, g, true, values = measured_each(session.module, primal, batch)
        terms = []
        for c, v in zip(each, values.values(), strict=True):
            prices = session.state[f"{c.label}.multipliers"]
            if isinstance(batch, Batch):
                prices = prices[batch.rows(c.each or "")]
            asked = torch.where(v.isnan(), 0.0, v)
            terms.append(len(session.data[c.each or ""]) / len(v) * (prices * asked).sum())
        return f, torch.cat([g, torch.stack(terms).sum().reshape(1).to(g)]), true

    size = length(session.program.constraints)
    first = session.state[f"{each[0].label}.multipliers"]
    own = first.new_zeros(size) if own is None else own
    return measure, torch.cat([own, first.new_ones(1)])


def prices_of_rows(session: Run) -> dict[str, Tensor]:
    """By label, the multipliers of requirements on each example, one a row."""
    return {
        c.label: session.state[f"{c.label}.multipliers"].detach()
        for c in each_of(session.program.constraints)
    }

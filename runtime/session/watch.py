"""The true requirements measured on the way: when, on which rows, and the best iterate so far."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from cspec.compiler.records.program import Program
from cspec.compiler.records.which_data import where_measured
from cspec.runtime.data.order import permutation
from cspec.runtime.functions.worst_case import WHOLE
from cspec.runtime.measure.requirements import Measurer, by_data, excess, models_in
from cspec.runtime.models.without_trace import measuring
from cspec.runtime.result.iterate import Iterate
from cspec.runtime.session.batches import EpochPlan
from cspec.runtime.session.snapshots import better, minimized, tensors_of

VERIFICATIONS = 100
"""Without a periodic `verify`, the full data are measured at most about this often ..."""
SNAPSHOT_ROWS = 20_000
"""... and on at most this many rows of the training data."""


class Watch:
    """Measures iterates where the spec's periodic `verify` says, else on the training data.

    `measured` has every iterate measured, without its tensors; `best` is the best of them, with
    tensors and state. `samples` says that snapshots are measured on a part of the data, `notes` on
    which.
    """

    def __init__(
        self,
        program: Program,
        plan: EpochPlan,
        module: Mapping[str, Any],
        measurer: Measurer,
        seed: int,
    ) -> None:
        self.measured: list[Iterate] = []
        self.best: Iterate | None = None
        self._program = program
        self._plan = plan
        self._objective = module["objective"]
        self._preferences = module.get("preferences", lambda primal, data: {})
        periodic = [item for item in program.verify if item.every is not None]
        self._every = [item.every for item in periodic if item.every is not None]
        self.split = next((i.dataset for i in periodic if i.dataset is not None), None)
        """The split of the periodic `verify`; None where the training data choose."""
        self._places = where_measured(program.constraints, periodic, plan.dataset)
        self.notes: list[str] = []
        # Worst cases are searched as in training: iterates are compared alike.
        snapshots = replace(measurer, compares=True) if "at_worst" in module else measurer
        self._measurer = self._sampled(snapshots, seed)
        self.samples = self._measurer is not measurer

    def _sampled(self, measurer: Measurer, seed: int) -> Measurer:
        """What measures snapshots: a fixed part of the training data where they are large."""
        name, data = self._plan.dataset, measurer.data
        alone = self._plan.epochs == 1  # nothing to choose from, and it is measured on all of them
        if name is None or self._every or alone or len(data[name]) <= SNAPSHOT_ROWS:
            return measurer
        self.notes.append(
            f"the best iterate was chosen on {SNAPSHOT_ROWS:,} of the {len(data[name]):,} "
            f"rows of `{name}`; a periodic `verify` chooses on data of your own"
        )
        rows = permutation(len(data[name]), seed, 0)[:SNAPSHOT_ROWS]
        return replace(measurer, data={**data, name: data[name].select(rows)})

    def due(self, step: int, epoch: int, *, epoch_ended: bool) -> bool:
        """Whether an iterate is to be measured at the end of this step."""
        if step == self._plan.total_steps or self.step_due(step):
            return True
        if self._every:
            return epoch_ended and any(
                unit == "epoch" and epoch % count == 0 for count, unit in self._every
            )
        rounds = max(1, -(-self._plan.epochs // VERIFICATIONS))
        sparse = 1 if self._program.stop else rounds
        return epoch_ended and epoch % sparse == 0

    def step_due(self, step: int) -> bool:
        """Whether a `verify ... every n steps` falls on this step (which may be no epoch's end)."""
        return any(unit == "step" and step % count == 0 for count, unit in self._every)

    def iterate(
        self, step: int, epoch: int, state: Mapping[str, Tensor], by: Measurer | None = None
    ) -> Iterate:
        """The iterate that is loaded, with its tensors and state, measured where snapshots are or
        by another measurer.
        """
        measurer = by or self._measurer
        found = measurer.measure(self._places)
        hard = [c for c in self._program.constraints if not c.soft]
        violations = (excess(c, found[c.label].value, found[c.label].bound) for c in hard)
        return Iterate(
            step=step,
            epoch=epoch,
            objective=self.objective_on(self.split, measurer),
            violation=max(violations, default=0.0),
            preference=self._preference(measurer),
            values={label: item.value for label, item in found.items()},
            bounds={label: item.bound for label, item in found.items()},
            tensors=tensors_of(measurer.primal),
            state={name: value.detach().clone() for name, value in state.items()},
            split=", ".join(dict.fromkeys(i.split for i in found.values() if i.split)),
        )

    def keep(self, iterate: Iterate, *, finite: bool) -> Iterate:
        """Note a measured iterate, in place of one of the same step; the best keeps its tensors.

        A long run must not hold a copy an epoch: what is noted and returned has no tensors.
        """
        if self.measured and self.measured[-1].step == iterate.step:
            self.measured.pop()
        light = replace(iterate, tensors={}, state={})
        self.measured.append(light)
        if finite and (self._outlives(iterate) or better(iterate, self.best, self._program.sense)):
            self.best = iterate
        return light

    def _outlives(self, iterate: Iterate) -> bool:
        """Whether an iterate of the second half takes the place of one of the first half.

        Of two that are not feasible the one with the smaller violation may be an accident of the
        first steps, where nothing was learned yet. One with the better objective as well is none:
        what came later ran away from it.
        """
        half = self._plan.total_steps / 2
        early = self.best if self.best is not None and self.best.step <= half else None
        if early is None or iterate.step <= half or early.feasible:
            return False
        before, now = (minimized(i, self._program.sense) for i in (early, iterate))
        return early.violation > iterate.violation or not before <= now

    def objective_on(self, split: str | None, measurer: Measurer) -> float:
        """The objective as written, on the training data or with `split` in their place."""
        own = self._plan.dataset
        replaced = [(own, split)] if own is not None and split is not None else []
        with measuring(models_in(measurer.primal)):
            rows = {**measurer.columns(replaced), WHOLE: torch.ones(1)}
            value = self._objective(measurer.primal, rows)
        return float(value.detach())

    def stalled(self, step: int, window: int, tolerance: float) -> bool:
        """Whether neither objective nor violation got better over the last `window` steps."""
        before = [i for i in self.measured if i.step <= step - window]
        recent = [i for i in self.measured if i.step > step - window]
        if not before:
            return False
        sign = -1.0 if self._program.sense == "maximize" else 1.0
        old, new = (min(_rank(i, sign) for i in group) for group in (before, recent))
        margin = tolerance * max(1.0, abs(old[1]))
        less_violation = new[0] < old[0] - tolerance
        return not (less_violation or (new[0] <= old[0] and new[1] < old[1] - margin))

    def preference_in_training(self, measurer: Measurer) -> float:
        """What the preferences add to the minimized objective, on the training data."""
        return sum(float(amount) for amount in self._amounts(measurer).values())

    def _amounts(
        self, measurer: Measurer, replaced: Iterable[tuple[str, str]] = ()
    ) -> Mapping[str, Tensor]:
        with measuring(models_in(measurer.primal)):
            found: Mapping[str, Tensor] = self._preferences(
                measurer.primal, measurer.columns(replaced)
            )
        return found

    def _preference(self, measurer: Measurer) -> float:
        """What the preferences add to the minimized objective, each where it is measured."""
        soft = {c.label: self._places[c.label] for c in self._program.constraints if c.soft}
        added = 0.0
        for replaced, here in by_data(soft):
            amounts = self._amounts(measurer, replaced)
            added += sum(float(amounts[label]) for label in here)
        return added


def _rank(iterate: Iterate, sign: float) -> tuple[float, float]:
    objective = sign * iterate.objective
    return (max(0.0, iterate.violation), objective if objective == objective else float("inf"))

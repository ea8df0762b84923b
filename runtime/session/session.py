"""One run as the emitted loop sees it: what it trains, on what, and what is noted on the way."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from cspec.compiler.records.program import ConstraintFacts, Program, revive_fit
from cspec.compiler.records.which_data import Where, where_measured
from cspec.dsl.settings.methods import SOLVERS
from cspec.runtime.bind.bind import Bound
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.feature_scales import scale_notes
from cspec.runtime.failures import attempt
from cspec.runtime.functions.worst_case import whole_rows
from cspec.runtime.measure.metrics import Recorded, before, recorded
from cspec.runtime.measure.requirements import Measurer, models_in
from cspec.runtime.measure.slopes import norm, sets_of, slopes
from cspec.runtime.models import normalizes_by_batch, stands_still
from cspec.runtime.models.as_given import cast_, cast_note
from cspec.runtime.models.guard import InputGuard
from cspec.runtime.models.without_trace import (
    buffers_kept,
    constants_in,
    measuring,
    seed_everything,
    undisturbed,
)
from cspec.runtime.result.history import History
from cspec.runtime.result.iterate import Iterate
from cspec.runtime.session.batches import (
    SLOPE_BATCHES,
    Batch,
    Batches,
    many_rows,
    plan_steps,
    reading_notes,
)
from cspec.runtime.session.checkpoint import entries, generators, require_fits, restore_generators
from cspec.runtime.session.optimizers import build_optimizers
from cspec.runtime.session.schedules import RateSchedule
from cspec.runtime.session.snapshots import load_tensors, tensors_of
from cspec.runtime.session.straightness import Standing
from cspec.runtime.session.trained import as_used, initial_state, moved, require_real, trained
from cspec.runtime.session.watch import Watch
from cspec.runtime.session.with_examples import lagrangian
from cspec.runtime.steps.coupling import clusters
from cspec.runtime.steps.feasible_copies import in_place_of_x
from cspec.runtime.steps.metric_notes import several_optimizers
from cspec.runtime.steps.projection import Held
from cspec.runtime.steps.update import instead

FLUSH_EVERY = 50
"""Steps between two looks of the host at what the device has noted."""
SKIPPED_LIMIT = 20
"""Steps in a row without a finite gradient after which a run ends."""
IMPROVEMENT = 1e-4
"""Relative improvement of the objective below which a run counts as stalled."""

Progress = Callable[[Mapping[str, Any]], None]


class Trials(Protocol):
    """Steps that are tried before the first, and taken back (`runtime/methods/rehearsal.py`)."""

    def goes_on(self) -> bool:
        """Whether another step of them follows; the session is at its start if not."""


class Session:
    """Everything the emitted `train(session)` uses; see the module's source for the loop.

    The order of construction is fixed (seed, data, state, optimizer), so that a run and the
    emitted file run on its own draw the same numbers.
    """

    def __init__(
        self,
        program: Program,
        bound: Bound,
        module: Mapping[str, Any],
        *,
        seed: int,
        device: str = "cpu",
        on_progress: Progress | None = None,
    ) -> None:
        self.program = program
        self.module = module
        self.seed = seed
        self.fit = revive_fit(program.fit)
        self.notes: list[str] = []
        self.told: Tensor | None = None
        self.told_each: dict[str, Tensor] = {}
        """By label, the multipliers of requirements on each example, one a row."""
        self.inward: dict[str, Tensor] = {}  # by label, what is asked of each row on top
        self.priced = False  # whether those that are told are of a solver's solution
        self.out_of_reach = False
        """Whether a restoration on whole data ended without meeting all requirements."""
        self.excluded: tuple[str, ...] = ()
        """Requirements that a solver on whole data has seen to exclude each other."""
        self.spent: dict[str, float] = {}  # by split, what earlier certificates spent of the error
        self.details: dict[str, dict[str, float]] = {}
        self.dtype = torch.float64 if self.fit.precision == "float64" else torch.float32
        """Of parameters, data, state and of the constants in emitted functions."""
        self._outside = torch.get_default_dtype()
        self.device = torch.device(device)
        self._take(bound)
        self._plan(bound)
        self._begin()
        self.step, self.epoch, self.epoch_ended = 0, 0, False
        self.history = History(program.constraints, self.total_steps)
        self.schedule.standing = Standing(program.constraints)
        self.rehearsal: Trials | None = None
        """Where the next steps are tried only."""
        self.projected_gradient: float | None = None
        """Optimality at the end, where the method that owned the run measured it."""
        self.termination, self.asker = "", ""  # the latter: digest of plan, seed and start
        self.interrupted = False
        self.seconds = 0.0
        self.at_boundary: Callable[[Session], None] | None = None
        self.keep: Callable[[Session], None] | None = None
        self._on_progress = on_progress
        self._watch_measurements()

    def _take(self, bound: Bound) -> None:
        """Data, models and variables, where and in the type that the run computes in."""
        models = {name: as_used(model, bound) for name, model in bound.models.items()}
        for name, model in models.items():
            require_real(name, model)
            self.notes.extend(cast_note(name, model, self.dtype))
        self.data = {name: d.to(self.device, self.dtype) for name, d in bound.data.items()}
        self.primal: dict[str, Any] = {
            **{name: cast_(model, self.device, self.dtype) for name, model in models.items()},
            **{name: moved(v, self.device, self.dtype) for name, v in bound.variables.items()},
        }
        self._guard = InputGuard(models, self.notes.append)
        for name, model in models.items():
            # A model that nothing trains is one to compare with: it is used as it will be.
            model.train(model is bound.models[name] and not stands_still(model))
        if "prepare" in self.module:
            self.notes.extend(self.module["prepare"](self.primal) or ())

    def _plan(self, bound: Bound) -> None:
        """How many steps there are, and what each of them reads."""
        join = any(map(normalizes_by_batch, self.models()))
        self.plan = plan_steps(self.program, self.fit, self.data, join)
        self.total_steps = self.plan.total_steps
        self.notes.extend(reading_notes(self.program, self.plan, self.fit, self.data))
        self.notes.extend(scale_notes(self.trained_on if self.models() else None))
        augment = bound.functions[self.fit.augment] if self.fit.augment else None
        self._batches = Batches(self.data, self.plan, self.fit, self.seed, augment, self.dtype)

    def _begin(self) -> None:
        """What a step moves, by what, and the state of the methods."""
        self.named = trained(self.primal)
        self.parameters = list(self.named.values())
        self.held = self.module["sets"](self.primal) if "sets" in self.module else []
        coupled = clusters(self.held)
        self.optimizer = build_optimizers(self.fit.optimizer, self.named, coupled)
        self.notes.extend(several_optimizers(coupled, self.optimizer.parts, self.named))
        lengths = (self.total_steps, self.plan.epoch_steps)
        self.schedule = RateSchedule(self.fit.schedule, self.optimizer, *lengths)
        seed_everything(self.seed)
        with constants_in(self.dtype):
            self.state = initial_state(self.module, self.device, self.dtype)

    def _watch_measurements(self) -> None:
        """What measures, and what is measured before the first step."""
        constraints = self.program.constraints
        self.measurer = Measurer(self.module["evaluate"], self.primal, self.data, constraints)
        self.initial, failed = before(self.module, self.primal, self.measurer.columns())
        """What metrics compare with; NaN where that fails."""
        self.notes.extend(failed)
        self.slope = attempt(self.notes, "no slope", self._slope, math.nan)
        """||grad f|| before the first step, where parameters are kept in sets."""
        self.watch = Watch(self.program, self.plan, self.module, self.measurer, self.seed)
        self.notes.extend(self.watch.notes)

    @property
    def sign(self) -> float:
        """-1 where the objective is maximized: what is minimized is this times it."""
        return -1.0 if self.program.sense == "maximize" else 1.0

    @property
    def measured(self) -> list[Iterate]:
        """Every iterate that was measured, oldest first, without tensors."""
        return self.watch.measured

    @property
    def best(self) -> Iterate | None:
        """The best iterate measured so far, with its tensors and state."""
        return self.watch.best

    # --- the loop ----------------------------------------------------------------------------

    @property
    def progress(self) -> float:
        """Share of the run that is done when this step is, in [0, 1]."""
        return self.step / self.total_steps

    def batches(self) -> Iterator[Batch]:
        """The batch of each step that is left. Between two of them the run's state is complete."""
        while self._goes_on():
            tried = self.rehearsal is not None
            if not tried and not self._batches.ready(self.step):
                self.termination = "data ended"
                self.flush()
                self.notes.append(self._batches.used_up(self.step))
                return
            self.step += 1
            self.epoch = (self.step - 1) // self.plan.epoch_steps + 1
            last = self.step == self.total_steps
            self.epoch_ended = last or self.step % self.plan.epoch_steps == 0
            self.epoch_ended &= not tried
            yield self._batches.at(self.step - 1, once=tried).remembering(self.state)

    def _goes_on(self) -> bool:
        if self.rehearsal is not None:
            if self.rehearsal.goes_on():
                return True
            self.rehearsal = None
        if self.step % FLUSH_EVERY == 0 or self.step == self.total_steps or self.epoch_ended:
            self.flush()
        if self.step and self.watch.step_due(self.step):
            self.measure_now()
        if self.at_boundary is not None:
            self.at_boundary(self)
        if not self.termination:
            if self.interrupted:
                self._end("interrupted")
            elif self.optimizer.longest >= SKIPPED_LIMIT:
                self.termination = "nonfinite"
            elif self.step >= self.total_steps and self.optimizer.skipped >= self.step > 0:
                self.termination = "nonfinite"  # No step was taken at all.
            elif self.step >= self.total_steps:
                self._end("completed")
        return not self.termination

    def flush(self) -> None:
        """Bring what the device noted to the host and tell whoever watches."""
        self.optimizer.flush()
        self.history.flush()
        if self._on_progress is not None and self.history.rows:
            # Whoever watches may draw random numbers: the run goes on as if nobody did.
            with undisturbed(), constants_in(self._outside):
                row = self.history.rows[-1]
                told = {
                    "step": self.step,
                    "total_steps": None if self.program.method in SOLVERS else self.total_steps,
                    "epoch": self.epoch,
                    "objective": row.objective,
                    "violations": dict(row.violations),
                    "multipliers": dict(row.multipliers),
                    "skipped": self.optimizer.skipped,
                }
                self._on_progress(told)

    def record(self, f: Tensor, true: Tensor | None = None) -> None:
        """Note true constraints of this step and f, which is minimized; the host does not wait."""
        if self.rehearsal is not None:
            return
        f = f.detach()
        true = f.new_zeros(0) if true is None else true.detach()
        self.schedule.look(self.step, f, true)
        written = -f if self.sign < 0 else f
        self.history.add(self.step, self.epoch, written, true, self.state.get("multipliers"))

    def full(
        self, function: Callable[[Mapping[str, Any], Mapping[str, Any]], Tensor], **other: str
    ) -> Tensor:
        """`function(primal, whole data)` in evaluation mode, without gradient, in chunks.

        `train="val"` measures on `val` in place of `train`.
        """
        with measuring(self.models()):
            stand_ins = {name: self.data[stand_in].columns for name, stand_in in other.items()}
            return function(self.primal, {**self.whole_batch(), **stand_ins})

    def seen(
        self,
        function: Callable[[Mapping[str, Any], Mapping[str, Any]], Tensor],
        batch: Batch,
        **other: str,
    ) -> Tensor:
        """`full` on a batch: `train="val"` measures on the batch of `val` in place of `train`."""
        with measuring(self.models()):
            return function(self.primal, instead(batch, **other))

    @contextmanager
    def again(self) -> Iterator[None]:
        """A block that looks at the batch of this step once more: statistics count it once, and
        generators go on as if it had been looked at once."""
        with undisturbed(), buffers_kept(self.models()):
            yield

    def release(self) -> None:
        """Take off what was put on the models while they were trained."""
        self._guard.release()

    def models(self) -> list[nn.Module]:
        """The modules among the primal variables."""
        return models_in(self.primal)

    @property
    def large(self) -> bool:
        """Whether the data are too many rows to take gradients of all of them."""
        return many_rows(self.data)

    def batch_at(self, step: int) -> Batch:
        """A batch as large as that of a step counted from 0; drawing it moves nothing."""
        return self._batches.held(step)

    def whole_batch(self) -> dict[str, Mapping[str, Tensor]]:
        """All the data as one batch; of data larger than memory a part."""
        each = {c.each for c in self.program.constraints}
        columns = {n: (d if n in each else d.part).columns for n, d in self.data.items()}
        # The number of steps so far is what bounds that move are read from.
        clock = torch.tensor([float(self.step)], device=self.device, dtype=self.dtype)
        return whole_rows(columns, clock)

    # --- what is measured ------------------------------------------------------------------

    @property
    def trained_on(self) -> Dataset | None:
        """The data that steps are taken on; None where the spec has none."""
        return self.data.get(str(self.plan.dataset))

    def places(self, constraints: Sequence[ConstraintFacts]) -> dict[str, Where]:
        """Where each requirement is measured for its verdict, by label."""
        return where_measured(constraints, self.program.verify, self.plan.dataset)

    def metrics(self) -> Recorded:
        """Every metric on whole data, as deployed."""
        data = {**self.measurer.columns(), "initial": self.initial}
        with self.delivered():
            return recorded(self.module, self.primal, data, self.program.metric_entries)

    def sets(self) -> list[Held]:
        """The sets that parameters are kept in, those of feasible copies and bounds among them."""
        return sets_of(self.module, self.primal, self.held, self.named, self.program.variables)

    def slopes(self) -> tuple[list[Tensor], list[Tensor]]:
        """Gradients of f and of the Lagrangian: on whole data, or on batches of large ones."""
        batches = (
            [self.batch_at(step) for step in range(SLOPE_BATCHES)]
            if self.large
            else [self.whole_batch()]
        )
        measure, multipliers = lagrangian(self)
        return slopes(measure, self.primal, self.parameters, batches, multipliers)

    def _slope(self) -> float:
        if self.program.method in SOLVERS or not self.sets():
            return math.nan
        return norm(self.slopes()[0])

    # --- rounds ------------------------------------------------------------------------------

    def in_rounds(self, *, epochs_an_order: int = 1) -> None:
        """Schedules last an epoch from now on; batches keep their order for some epochs."""
        self.schedule.last(self.plan.epoch_steps)
        self.keep_orders(epochs=epochs_an_order)

    def keep_orders(self, *, epochs: int) -> None:
        """Batches keep their order for some epochs."""
        self._batches.keep_orders(epochs)

    def mark(self, name: str) -> None:
        """Note the metrics of this moment: what `name` had before it was fine-tuned."""
        for metric, value in self.metrics().values.items():
            # In the state: a run that is resumed has them, too.
            self.state[f"{name}.before.{metric}"] = torch.tensor([value])

    def restart(self) -> None:
        """The learning rate and the optimizer's memory as at the start of the run."""
        self.schedule.restart()
        self.optimizer.forget()

    # --- verification on the way -------------------------------------------------------------

    def tell(self) -> None:
        """Note the multipliers that the result tells, whichever iterate is delivered."""
        self.told = self.state["multipliers"].detach().clone()

    def verify(self) -> None:
        """Measure the true requirements where one is due, and keep the best iterate."""
        if self.watch.due(self.step, self.epoch, epoch_ended=self.epoch_ended):
            self.measure_now()

    def measure_now(self, iterate: Iterate | None = None) -> Iterate:
        """Measure this iterate (once), whatever is due.

        One that is handed over replaces what was measured at its step: a loop may still project
        after its last verification.
        """
        if iterate is None and self.measured and self.measured[-1].step == self.step:
            return self.measured[-1]
        finite = all(bool(torch.isfinite(p).all()) for p in self.parameters)
        return self.watch.keep(iterate or self.iterate(), finite=finite)

    def iterate(self) -> Iterate:
        """This iterate with its parameters and state, measured where snapshots are."""
        with self.delivered():
            return self.watch.iterate(self.step, self.epoch, self.state)

    def delivered(self) -> AbstractContextManager[None]:
        """The parameters as they would be delivered now: feasible copies in the place of splits."""
        if "splits" not in self.module:
            return nullcontext()
        return in_place_of_x(self.module["splits"](self.primal, self.state))

    def objective_on(self, split: str | None = None) -> float:
        """The objective as written, on the training data or with `split` in their place."""
        return self.watch.objective_on(split, self.measurer)

    # --- stopping ----------------------------------------------------------------------------

    def stopped(self) -> bool:
        """Whether the run has to end before its last step.

        The emitted loop asks last in an epoch's body.
        """
        if self.interrupted:
            self._end("interrupted")
        return bool(self.termination)

    def _end(self, termination: str) -> None:
        """The loop is over: its state is kept before anything that is done with it afterwards."""
        self.termination = self.termination or termination
        if self.keep is not None:
            self.keep(self)

    def feasible(self, tolerance: float = 0.0) -> bool:
        """Whether nothing is violated by more than `tolerance` beyond its own tolerance."""
        return self.measure_now().violation <= tolerance

    def stalled(
        self, epochs: int | None = None, steps: int | None = None, tolerance: float = IMPROVEMENT
    ) -> bool:
        """Whether neither objective nor violation got better over the last epochs or steps.

        Better: a smaller violation, or no larger one and an objective that is better by more than
        `tolerance`, both relative to max(1, |value|). Without a length: over 5 epochs.
        """
        self.measure_now()
        window = (5 if epochs is None else epochs) * self.plan.epoch_steps
        return self.watch.stalled(self.step, window if steps is None else steps, tolerance)

    # --- resuming ----------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on, and what was found so far."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "seconds": self.seconds,
            "primal": tensors_of(self.primal),
            "state": dict(self.state),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "generators": generators(),
            "history": self.history.state_dict(),
            "initial": dict(self.initial),
            "measured": [dict(item.__dict__) for item in self.measured],
            "best": None if self.best is None else dict(self.best.__dict__),
            "digest": self.program.digest,
            "seed": self.seed,
            "entries": entries(self.program),
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken: the next batch is the one that would have come.

        Raises:
            ValueError: a state of other constraints, or of another method.
        """
        require_fits(self.program, self.state, saved)
        self.step, self.epoch = saved["step"], saved["epoch"]
        self.notes.extend(self._batches.not_again())
        self.seconds = saved["seconds"]
        load_tensors(self.primal, saved["primal"])
        self.state.clear()
        self.state |= {k: v.to(self.device) for k, v in saved["state"].items()}
        self.optimizer.load_state_dict(saved["optimizer"])
        self.schedule.load_state_dict(saved["schedule"])
        self.history.load_state_dict(saved["history"])
        self.initial.update(saved.get("initial", {}))
        best = saved["best"]
        self.watch.measured = [Iterate(**item) for item in saved["measured"]]
        self.watch.best = None if best is None else Iterate(**best)
        restore_generators(saved["generators"])

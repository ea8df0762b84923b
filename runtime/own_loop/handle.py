"""Constraints inside a training loop that is somebody else's.

    handle = Handle(program, primal, optimizer)
    loss = handle.loss(x=x, y=y)      # f + <multipliers, g> with the multipliers committed so far
    loss.backward()
    optimizer.step()                  # its post hook commits the next multipliers

The order is simultaneous: model and multipliers both move from what was measured at the same
iterate (`run` alternates, dual first, by default).

What counts. A call of `loss` counts once its gradient is computed: under `no_grad`, in
`inference_mode`, or without a `backward` it only measures. The optimizer's step consumes all that
counted: multipliers move once, from their average, in which each call weighs as in the gradient
(`loss.backward()` 1, `(loss / k).backward()` 1/k). What counted and was thrown away (by
`zero_grad` without a step between, as after a loss scaler skipped it) is discarded. So the
multipliers move exactly when the model does, from the same examples.

Epochs. What moves once an epoch does so every `OWN_LOOP_EPOCH` steps, until the loop calls
`end_epoch()` for the first time: from then on the epochs are its own.
"""

import logging
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import nan
from typing import Any

import torch
from torch import Tensor, nn

from cspec.compiler.choose.schedule import OWN_LOOP_EPOCH, OWN_LOOP_STEPS
from cspec.compiler.records.program import Program
from cspec.compiler.records.which_data import Where
from cspec.compiler.refusals.loop_groups import NO_HOLDS, Holds
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.text.visible import visible_line
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.functions.shapes import ShapeMismatch
from cspec.runtime.measure.metrics import Before, Recorded, before, recorded
from cspec.runtime.measure.requirements import Measurer, refuse_constant
from cspec.runtime.models import stands_still
from cspec.runtime.models.without_trace import (
    by_itself,
    constants_in,
    measuring,
    without_inference,
)
from cspec.runtime.own_loop import references
from cspec.runtime.own_loop.answers import unanswered
from cspec.runtime.own_loop.batch import BatchReader, Classes
from cspec.runtime.own_loop.data import DataReader, Look
from cspec.runtime.own_loop.first_batch import FirstBatch
from cspec.runtime.own_loop.forward import Outputs
from cspec.runtime.own_loop.moves import Moves, adopt_variables, restore
from cspec.runtime.own_loop.pending import Pending, of_a_step, of_an_epoch
from cspec.runtime.own_loop.refusals import refuse
from cspec.runtime.own_loop.verdicts import Verdicts, moved_back, of_parameters, verdicts_of
from cspec.runtime.result.entries import prices, violations
from cspec.runtime.run.execute import load_module
from cspec.runtime.session.optimizers import finite
from cspec.runtime.session.trained import initial_state
from cspec.runtime.steps.late import MEMORY, combined
from cspec.runtime.steps.metric_notes import own_optimizer
from cspec.runtime.verdict.notes import unmeasured

LOG = logging.getLogger("cspec")


class Handle:
    """What `cspec.bind` returns: the constraints of a program for use in your own loop.

    `primal` maps the spec's models and variables to modules and parameters; variables that the
    optimizer does not train yet are added to it. With `hook=False` nothing happens by itself:
    call `update()` after each optimizer step. `data` are datasets that are known beforehand,
    `classes` the values of their categorical columns in the order of their codes, `holds` what
    other columns may hold; `steps` is the length of the loop, where it is known; `functions` are
    callables that the spec names. Where the first batch does not fit, `decide` makes the program
    anew for its shapes.

    Copies and pickles take model and optimizer along, and not what waits for the next step.

    `loss(...)` divides nothing: with k calls a step, divide each by k before `backward`, as
    usual, or weigh each by its share n / N of the examples. The multipliers move by the mean of
    what the calls measured with the same weights (the gradients that their losses were given), so
    model and multipliers see one problem. For conditional means, ratios, `abs` and `gap` small
    batches are another estimate than one large batch.

    Raises:
        SpecError: a method that owns the whole step (L-BFGS, SQP, Frank-Wolfe, ...); an optimizer
            that holds nothing of what the spec moves.
    """

    def __init__(
        self,
        program: Program,
        primal: Mapping[str, Any],
        optimizer: torch.optim.Optimizer,
        *,
        hook: bool = True,
        data: Mapping[str, Dataset] | None = None,
        classes: Mapping[str, Classes] | None = None,
        holds: Holds = NO_HOLDS,
        steps: int | None = None,
        functions: Mapping[str, Any] | None = None,
        decide: Callable[[Mapping[str, Dataset]], Program] | None = None,
    ) -> None:
        self._functions = dict(functions or {})
        self._first = FirstBatch(None if data else decide)
        self._digest = program.digest
        self.primal = dict(primal)
        self._modules = {n: v for n, v in self.primal.items() if isinstance(v, nn.Module)}
        self._load(program)
        self._still = [model for model in self._modules.values() if stands_still(model)]
        """Models to compare with: they are used as they will be."""
        self.optimizer = optimizer
        self.notes = (
            *refuse(program, self.primal, optimizer, "project" in self.module),
            *own_optimizer(self.module, self.primal, optimizer),
            *program.notes,
        )
        self.length = steps
        self._pending: list[Pending] = []
        self._since_epoch: list[Pending] = []
        self.steps, self.epochs = 0, 0
        self._own_epochs = self._heard = False
        adopt_variables(self)
        first = next((p for p in self.held() if p.is_floating_point()), None)
        self._device = torch.device("cpu") if first is None else first.device
        self._dtype = torch.get_default_dtype() if first is None else first.dtype
        self._data = dict(data or {})
        self._reader = BatchReader(program, self._device, self._dtype, classes, self._data, holds)
        self._looks = DataReader(self._reader)
        self._seen: Mapping[str, Any] | None = None
        self._true: Tensor | None = None
        self._initial = Before()
        # The type of numbers in emitted functions: those of the spec keep their digits.
        self._constants = torch.promote_types(self._dtype, torch.float32)
        with constants_in(self._constants):
            self.state = initial_state(self.module, self._device, self._dtype)
        self._hooks: list[Any] = []
        if {name for c in program.constraints for name in c.datasets} <= self._data.keys():
            refuse_constant(program, lambda _: {c.name: c for c in self.verify()})
        if hook:
            self._attach()

    def __getstate__(self) -> dict[str, Any]:
        left = dict.fromkeys(("module", "_outputs", "_moves", "_seen"))
        data = {n: replace(d, stream=None, items=None) for n, d in self._data.items()}
        return {
            **self.__dict__,
            **left,
            "_pending": [],
            "_data": data,
            "_first": FirstBatch(),
            "_hooks": bool(self._hooks),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load(self.program)
        self._hooks = []
        if state["_hooks"]:
            self._attach()

    def _load(self, program: Program) -> None:
        """Work by a program's emitted module from now on."""
        self.program = program
        module = load_module(program, self._functions)
        self.module = module
        self._averages = "late" in module
        self._outputs = Outputs(module)
        self._moves = Moves(self)

    # --- the step ----------------------------------------------------------------------------

    def loss(self, **values: Any) -> Tensor:
        """The loss on one batch: columns (`x=x, y=y`), a batch a dataset (`forget=dict(x=...)`),
        the spec's `given` values. Differentiable; measures the constraints on the way.

        Raises:
            SpecError: names that the spec does not know, or that it needs and did not get.
        """
        if torch.is_inference_mode_enabled() or torch.get_default_dtype() is not self._constants:
            with without_inference(), constants_in(self._constants):
                return self.loss(**values)
        if self._pending and all(p.grad is None for p in self.held()):
            self._pending.clear()  # all that counted was thrown away, and not by the optimizer
        for model in filter(stands_still, self._still):
            model.eval()
        self._seen = None  # the batch before gives its memory to this one
        with self._outputs:
            batch, examples = self._reader.read(values, self.steps, self.epochs_done)
            if self._first.decide is not None:
                self._look_at(batch)
            changed: dict[str, Tensor] = {}
            if self._averages and torch.is_grad_enabled() and examples < self._reader.rows:
                batch[MEMORY] = ChainMap(changed, self.state)
            try:
                f, g, true = self.module["measure"](self.primal, batch)
            except ShapeMismatch as error:
                raise self._refusal(error) from error
            except RuntimeError as error:
                self._first.tell(error)
                raise
            state = self._moves.with_units(f, g, true) if self._moves.units else self.state
            if self._averages:
                total = combined(self.module, (f, g, true), state, batch)
            else:
                total = self.module["combine"](f, g, true, state)
            if total.dtype is not f.dtype:  # rates are counted in float64
                total = total.to(f.dtype)
        if batch["given"]:
            if total.requires_grad and not self._heard:
                self._hear(batch)
            batch["given"] = {name: value.detach() for name, value in batch["given"].items()}
        self._seen = batch
        self._true = true.detach() if true.requires_grad else true
        if total.requires_grad:
            changed = changed if state is self.state else {**state, **changed}
            Pending(self._true, examples, self._count, changed).await_gradient(total)
        return total

    def _hear(self, batch: Mapping[str, Any]) -> None:
        """Tell once which requirements nothing answers to."""
        self._heard = True
        for note in unanswered(self.program, self.module, self.primal, batch, self.held()):
            self._tell(note)

    def _count(self, measured: Pending) -> None:
        """Of a measurement whose gradient has been computed."""
        if measured.changed:
            self.state.update(measured.changed)
        if not self._pending or not any(item is measured for item in self._pending):
            self._pending.append(measured)

    def step(self, **values: Any) -> Tensor:
        """Everything for one batch: gradients, the optimizer's step, the multipliers; the loss.

        A gradient that is not finite moves nothing.
        """
        self.optimizer.zero_grad()
        total = self.loss(**values)
        total.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in self.held() if p.grad is not None]
        if not bool(finite(gradients)):
            self._pending.clear()
            self.optimizer.zero_grad()
            return total.detach()
        self.optimizer.step()
        if not self._hooks:
            self.update()
        return total.detach()

    def _stepped(self, *_: Any) -> None:
        """Behind each step of the optimizer."""
        if self._pending:
            self.update()

    def update(self) -> None:
        """Commit: move the multipliers by what counted since the last time, then project."""
        if torch.get_default_dtype() is not self._constants:
            with constants_in(self._constants):
                self.update()
            return
        true = of_a_step(self._pending)
        if true is None:
            return
        self.steps += 1
        if self._moves.epochs:
            self._since_epoch.append(Pending(true, sum(item.examples for item in self._pending)))
        self._pending.clear()
        self._moves.multipliers("step", self.steps, true)
        if self._moves.keeps:
            self._moves.parameters()
        if not self._own_epochs and self.steps % OWN_LOOP_EPOCH == 0:
            self._end_epoch()

    def end_epoch(self) -> None:
        """Commit what moves once an epoch, by the mean of the epoch's measurements.

        From the first call on the epochs are those of the loop, and no longer so many steps.
        """
        self._own_epochs = True
        self._end_epoch()

    def _end_epoch(self) -> None:
        true = of_an_epoch(self._since_epoch)
        self.epochs += 1
        if true is not None:
            with constants_in(self._constants):
                self._moves.multipliers("epoch", self.epochs, true)
        self._since_epoch.clear()

    @property
    def progress(self) -> float:
        """Share of the loop that is done, in [0, 1]; what ramps along a run follows it."""
        return min(1.0, self.steps / (self.length or OWN_LOOP_STEPS))

    @property
    def epochs_done(self) -> float:
        """Epochs so far; until the loop ends its own, parts of one count."""
        return self.epochs if self._own_epochs else self.steps / OWN_LOOP_EPOCH

    def _look_at(self, batch: Mapping[str, Any]) -> None:
        """Work by the program that goes with the shapes of the first batch."""
        names = batch.keys() & self._reader.targets.keys()
        made = self._first.program(batch, names, self.program)
        if made is not None:
            self._load(made)

    def _refusal(self, misfit: ShapeMismatch) -> SpecError:
        """Why values do not go together."""
        return self._first.refusal(self.program, misfit, bound=bool(self._data))

    # --- what counts -------------------------------------------------------------------------

    def held(self) -> list[Tensor]:
        """What the optimizer trains."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _attach(self) -> None:
        plain = self.optimizer.zero_grad

        def zero_grad(set_to_none: bool = True) -> None:
            self._pending.clear()
            plain(set_to_none)

        self._hooks.append(self.optimizer.register_step_post_hook(self._stepped))
        # torch has no hook on zero_grad, which is where a skipped step's gradient is dropped.
        self.optimizer.zero_grad = zero_grad  # type: ignore[method-assign]

    # --- what the user sees ------------------------------------------------------------------

    @property
    def multipliers(self) -> dict[str, float]:
        """Committed multipliers by label; one number a constraint (`entries.price`)."""
        return prices(self.state.get("multipliers"), self.program.constraints)

    @property
    @without_inference()
    def values(self) -> dict[str, float]:
        """What the last call of `loss` measured, by label, in the units as written.

        Of a constraint with many entries the one that is farthest from being met. Sets that
        parameters are put into, preferences on parameters, and bounds that are made of parameters
        are read as the parameters are now. Empty before the first call.
        """
        if self._seen is None or self._true is None:
            return {}
        constraints = self.program.constraints
        with (
            measuring(self.models().values()),
            self._outputs.replayed(),
            constants_in(self._constants),
        ):
            read = self.module["evaluate"](self.primal, self._seen)
            found = {n: float(torch.as_tensor(value).detach()) for n, (value, _) in read.items()}
            if any(map(of_parameters, constraints)):
                _, _, now = self.module["measure"](self.primal, self._seen)
                found = moved_back(found, constraints, now, self._true)
        return found

    @property
    def violations(self) -> dict[str, float]:
        """How far the last `loss` was from each constraint that multipliers enforce, by label.

        What must be <= 0, or 0 of an equality: the entry that is farthest from being met.
        """
        return {} if self._true is None else violations(self._true, self.program.constraints)

    def evaluate(self, data: Any = None, **values: Any) -> dict[str, float]:
        """Constraints by label and metrics by name on whole data, and the `objective`.

        `data` is anything that `cspec.run` takes, or a mapping of such by the names of datasets;
        columns, datasets and `given` values may also come by keyword. In evaluation mode, as
        deployed, in the units as written. Nothing is moved: no multiplier, no parameter, no
        running statistic, no generator.

        Raises:
            SpecError: data that miss, or that can't be used.
        """
        found = self.verify(data, **values)
        measured = {c.name: c.value for c in found.constraints}
        return {"objective": found.objective, **found.metrics, **measured}

    @without_inference()
    def verify(self, data: Any = None, **values: Any) -> Verdicts:
        """The verdict on each constraint on whole data; arguments as of `evaluate`.

        Raises:
            SpecError: data that miss, or that can't be used.
        """
        look = self._looks.read(data, values, self._data)
        self._look_at(look.columns)
        constraints = self.program.constraints
        places = {c.label: Where(" + ".join(c.datasets) or None) for c in constraints}
        measurer = Measurer(
            lambda primal, data: self.module["evaluate"](primal, {**data, "given": look.given}),
            self.primal,
            look.data,
            constraints,
        )
        with by_itself(), constants_in(self._constants):
            try:
                measured = measurer.measure(places, errors=True)
                objective, metrics = self._read(look)
            except ShapeMismatch as error:
                raise self._refusal(error) from error
        verdicts = verdicts_of(constraints, measured, self.multipliers)
        notes = (*unmeasured(verdicts, measured), *metrics.notes)
        return Verdicts(verdicts, objective, metrics.values, notes)

    @without_inference()
    def restore(self, data: Any = None, **values: Any) -> Verdicts:
        """Bring the parameters to the requirements, as `run` does behind its last step.

        Newton's shortest steps on whole data (`runtime/finish/restore`): what is short of a bound
        by a little is brought to it at the least cost to the model; what is far off stays as it
        is. Arguments are those of `evaluate`; the verdicts' notes say what was moved.

        Raises:
            SpecError: data that miss; methods that act as they are written, to the last step.
        """
        look = self._looks.read(data, values, self._data)
        self._look_at(look.columns)
        with by_itself(), constants_in(self._constants):
            notes = restore(self, look)
        found = self.verify(data, **values)
        return replace(found, notes=(*notes, *found.notes))

    def _read(self, look: Look) -> tuple[float, Recorded]:
        """The objective as written, and the metrics; what these compare with, where it is due.

        Raises:
            ShapeMismatch: values that do not go together.
        """
        batch: dict[str, Any] = {**look.columns, "given": look.given}
        notes: tuple[str, ...] = ()
        if self.steps == 0:
            self._initial, notes = before(self.module, self.primal, batch)
        batch["initial"] = self._initial
        entries = self.program.metric_entries
        metrics = recorded(self.module, self.primal, batch, entries)
        try:
            with measuring(self.models().values()):
                objective = float(self.module["objective"](self.primal, batch))
        except SpecError as error:  # of a value that only the loop has
            objective = nan
            notes = (*notes, f"the objective is not measured: {error.diagnostics[0].message}")
        return objective, metrics._replace(notes=(*notes, *metrics.notes))

    def state_dict(self) -> dict[str, Any]:
        """Multipliers, counters, and what `frozen(..)` holds; save it between two steps, beside
        model and optimizer.
        """
        return {
            "digest": self._digest,
            "state": {name: value.detach().clone() for name, value in self.state.items()},
            "steps": self.steps,
            "epochs": self.epochs,
            "own_epochs": self._own_epochs,
            "initial": dict(self._initial),
            "since_epoch": [(item.true, item.examples) for item in self._since_epoch],
            "references": references.state_of(self.program, self._modules),
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken; what it lacks is told in `notes`.

        Raises:
            SpecError: the state of another program.
        """
        if saved["digest"] != self._digest:
            message = "this state belongs to another spec, or to other data and models"
            helps = ("bind the spec, data and models that it was taken from",)
            raise Diagnostic(code="CS630", message=message, helps=helps).error()
        here = self.state
        self.state = {  # masks of what is pruned are there once they are made
            name: value.to(here.get(name, self._device), copy=True)
            for name, value in saved["state"].items()
        }
        self.steps, self.epochs = saved["steps"], saved["epochs"]
        self._own_epochs = saved.get("own_epochs", False)
        self._initial = Before(saved.get("initial", {}))
        self._since_epoch = [
            Pending(true.to(self._device), examples) for true, examples in saved["since_epoch"]
        ]
        self._pending.clear()
        held = saved.get("references", {})
        for note in references.load(self.program, self._modules, held):
            self._tell(note)

    def _tell(self, note: str) -> None:
        self.notes = (*self.notes, note)
        LOG.warning("%s", visible_line(f"{self.program.name}: {note}"))

    def models(self) -> dict[str, nn.Module]:
        """The modules of the spec, by name."""
        return self._modules

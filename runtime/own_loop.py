"""Constraints inside a training loop that is somebody else's.

    handle = Handle(program, primal, optimizer)
    loss = handle.loss(x=x, y=y)      # f + <multipliers, g> with the multipliers committed so far
    loss.backward()
    optimizer.step()                  # its post hook commits the next multipliers

The order is simultaneous: model and multipliers both move from what was measured at the same
iterate (`run` alternates, dual first, by default).

What counts, when a step is skipped. Every call of `loss` leaves a measurement. The optimizer's
step consumes all that are left: multipliers move once, from their average, in which each call
weighs as in the gradient (`loss.backward()` 1, `(loss / k).backward()` 1/k). A measurement whose
gradient was computed and then thrown away (by `zero_grad` without a step between, as after a loss
scaler skipped it) is discarded with it. A `loss` whose `backward` did not run yet is kept by
`zero_grad`. So the multipliers move exactly when the model does, from the same examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cspec.compiler.graph import Kind, Operation
from cspec.compiler.program import Program
from cspec.dsl.diagnostics import Diagnostic, SpecError
from cspec.runtime.entries import prices
from cspec.runtime.execute import load_module
from cspec.runtime.models import clamp_gates, has_gates
from cspec.runtime.modes import constants_in
from cspec.runtime.optimizers import finite
from cspec.runtime.own_batch import BatchReader
from cspec.runtime.own_refusals import refuse
from cspec.runtime.pending import Pending, of_a_step, of_an_epoch
from cspec.runtime.session import state_tensor


class Handle:
    """What `cspec.bind` returns: the constraints of a program for use in your own loop.

    `primal` maps the spec's models and variables to modules and parameters; variables that the
    optimizer does not train yet are added to it. With `hook=False` nothing happens by itself:
    call `update()` after each optimizer step.

    `loss(...)` divides nothing: with k calls a step, divide each by k before `backward`, as
    usual, or weigh each by its share n / N of the examples. The multipliers move by the mean of
    what the calls measured with the same weights (the gradients that their losses were given), so
    model and multipliers see one problem. For conditional means, ratios, `abs` and `gap` small
    batches are another estimate than one large batch.

    Raises:
        SpecError: a method that owns the whole step (L-BFGS, SQP, Frank-Wolfe, ...).
    """

    def __init__(
        self,
        program: Program,
        primal: Mapping[str, Any],
        optimizer: torch.optim.Optimizer,
        *,
        hook: bool = True,
        module: Mapping[str, Any] | None = None,
    ) -> None:
        self.module = load_module(program) if module is None else module
        refuse(program, optimizer, "project" in self.module)
        self.program = program
        self.primal = dict(primal)
        self.optimizer = optimizer
        self._functions = [op for op in program.graph.operations if _moves_duals(op)]
        self._pending: list[Pending] = []
        self._since_epoch: list[Pending] = []
        self.steps, self.epochs = 0, 0
        self._parameters = _parameters(self.primal)
        self._adopt_variables()
        first = next((p for p in self._parameters if p.is_floating_point()), None)
        device = torch.device("cpu") if first is None else first.device
        dtype = torch.get_default_dtype() if first is None else first.dtype
        self._constants = torch.promote_types(dtype, torch.float32)
        """The type of numbers in emitted functions: those of the spec keep their digits."""
        self._reader = BatchReader(program, device)
        with constants_in(self._constants):
            starts = self.module["initial_state"](self.primal)
        self.state: dict[str, Tensor] = {
            name: state_tensor(value, device, dtype) for name, value in starts.items()
        }
        self._hooks: list[Any] = []
        if hook:
            self._attach()

    # --- the step ----------------------------------------------------------------------------

    def loss(self, **values: Any) -> Tensor:
        """The loss on one batch: columns (`x=x, y=y`), a batch a dataset (`forget=dict(x=...)`),
        the spec's `given` values. Differentiable; measures the constraints on the way.

        Raises:
            SpecError: names that the spec does not know, or that it needs and did not get.
        """
        if self._gradients_gone():
            self._discard_used()
        with constants_in(self._constants):
            batch, examples = self._reader.read(values, self.steps)
            f, g, true = self.module["measure"](self.primal, batch)
            combine = self.module["combine"]
            # Modules whose penalty terms need no parameters leave them out.
            wanted = combine.__code__.co_argcount
            total: Tensor = combine(*(f, g, true, self.state, self.primal)[:wanted])
        measured = Pending(true.detach().clone(), examples)
        self._pending.append(measured)
        if total.requires_grad:
            total.register_hook(measured.weigh)  # type: ignore[no-untyped-call]
        return total

    def step(self, **values: Any) -> Tensor:
        """Everything for one batch: gradients, the optimizer's step, the multipliers; the loss.

        A gradient that is not finite moves nothing.
        """
        self.optimizer.zero_grad()
        total = self.loss(**values)
        total.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        if not bool(finite(gradients)):
            self._discard_used()
            self.optimizer.zero_grad()
            return total.detach()
        self.optimizer.step()
        if not self._hooks:
            self.update()
        return total.detach()

    def update(self) -> None:
        """Commit: move the multipliers by what was measured since the last time, then project."""
        true = of_a_step(self._pending)
        if true is None:
            return
        self.steps += 1
        self._since_epoch.append(Pending(true, sum(item.examples for item in self._pending)))
        self._pending.clear()
        with torch.no_grad(), constants_in(self._constants):
            self._move("step", self.steps, true)
            if "project" in self.module:
                # Your loop has no known end, so a count that ramps down is at its bound at once.
                self.module["project"](self.primal, self.optimizer, 1.0)
            for value in self.primal.values():
                if isinstance(value, nn.Module) and has_gates(value):
                    clamp_gates(value)

    def end_epoch(self) -> None:
        """Commit what moves once an epoch, by the mean of the epoch's measurements."""
        true = of_an_epoch(self._since_epoch)
        self.epochs += 1
        if true is not None:
            with torch.no_grad(), constants_in(self._constants):
                self._move("epoch", self.epochs, true)
        self._since_epoch.clear()

    def _move(self, unit: str, number: int, true: Tensor) -> None:
        for operation in self._functions:
            early = self.steps <= operation.after
            if (
                operation.trigger.unit == unit
                and number % operation.trigger.count == 0
                and not early
            ):
                self.module[operation.name](self.state, true)

    # --- what was measured for a step that never came ----------------------------------------

    def _discard_used(self) -> None:
        self._pending = [item for item in self._pending if not item.used]

    def _gradients_gone(self) -> bool:
        return bool(self._pending) and all(p.grad is None for p in self._parameters)

    def _attach(self) -> None:
        def committed(*_: Any) -> None:
            self.update()

        plain = self.optimizer.zero_grad

        def zero_grad(set_to_none: bool = True) -> None:
            self._discard_used()
            plain(set_to_none)

        self._hooks.append(self.optimizer.register_step_post_hook(committed))
        # torch has no hook on zero_grad, which is where a skipped step's gradient is dropped.
        self.optimizer.zero_grad = zero_grad  # type: ignore[method-assign]

    # --- what the user sees ------------------------------------------------------------------

    @property
    def multipliers(self) -> dict[str, float]:
        """Committed multipliers by label; one number a constraint (`entries.price`)."""
        return prices(self.state.get("multipliers"), self.program.constraints)

    def state_dict(self) -> dict[str, Any]:
        """Multipliers and counters; save it between two steps, beside model and optimizer."""
        return {
            "digest": self.program.digest,
            "state": {name: value.detach().clone() for name, value in self.state.items()},
            "steps": self.steps,
            "epochs": self.epochs,
            "since_epoch": [(item.true, item.examples) for item in self._since_epoch],
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken.

        Raises:
            SpecError: the state of another program.
        """
        if saved["digest"] != self.program.digest:
            message = "this state belongs to another spec, or to other data and models"
            raise SpecError([Diagnostic(code="CS630", message=message)])
        for name, value in saved["state"].items():
            self.state[name] = value.to(self.state[name]).clone()
        self.steps, self.epochs = saved["steps"], saved["epochs"]
        self._since_epoch = [Pending(true, n) for true, n in saved["since_epoch"]]
        self._pending.clear()

    def _adopt_variables(self) -> None:
        trained = {id(p) for group in self.optimizer.param_groups for p in group["params"]}
        own = [self.primal[v.name] for v in self.program.variables]
        new = [parameter for parameter in own if id(parameter) not in trained]
        if new:
            self.optimizer.add_param_group({"params": new})


def _parameters(primal: Mapping[str, Any]) -> list[nn.Parameter]:
    found: dict[int, nn.Parameter] = {}
    for value in primal.values():
        for parameter in value.parameters() if isinstance(value, nn.Module) else (value,):
            if parameter.requires_grad:
                found[id(parameter)] = parameter
    return list(found.values())


def _moves_duals(operation: Operation) -> bool:
    return operation.kind in (Kind.DUAL_STEP, Kind.PENALTY_STEP)

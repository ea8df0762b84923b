"""What is moved behind the steps of somebody else's optimizer: multipliers, and the parameters.

These are brought to where the spec asks for them; what the optimizer does not train just then (it
does not hold it, or `requires_grad` is false) stays as it is.
"""

from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from cspec.compiler.lower.graph import LEAST_STEPS
from cspec.compiler.records.graph import Kind
from cspec.compiler.records.program import Program
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.runtime.functions.worst_case import whole_rows
from cspec.runtime.methods.units import gradient_rate
from cspec.runtime.models import clamp_gates, gate_parameters, has_gates
from cspec.runtime.own_loop.data import Look
from cspec.runtime.session.batches import many_rows
from cspec.runtime.steps.projection import beside

_KEEPS = frozenset({"project", "keep_zeros", "decide"})
"""Functions of the module that bring parameters somewhere after a step."""


class Loop(Protocol):
    """What is read of a handle."""

    program: Program
    module: dict[str, Any]
    primal: dict[str, Any]
    state: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    steps: int

    @property
    def epochs_done(self) -> float:
        """Epochs so far."""

    @property
    def progress(self) -> float:
        """Share of the loop that is done."""

    def held(self) -> list[Tensor]:
        """What the optimizer trains."""

    def models(self) -> dict[str, nn.Module]:
        """The modules of the spec, by name."""


def adopt_variables(loop: Loop) -> None:
    """Variables of the spec that the optimizer does not train yet are trained by it from now on."""
    trained = {id(p) for p in loop.held()}
    own = [loop.primal[v.name] for v in loop.program.variables]
    new = [parameter for parameter in own if id(parameter) not in trained]
    if new:
        loop.optimizer.add_param_group({"params": new})


class Moves:
    """The functions of a module by when they are due: at a step, at an epoch's end, at first."""

    def __init__(self, loop: Loop) -> None:
        self._loop, module = loop, loop.module
        operations = loop.program.graph.operations
        self.units = [op for op in operations if op.kind is Kind.UNITS]
        """What measures slopes in first steps."""
        duals = [op for op in operations if op.kind in (Kind.DUAL_STEP, Kind.PENALTY_STEP)]
        self._duals = {
            unit: [
                (module[op.name], op.trigger.count, op.after)
                for op in duals
                if op.trigger.unit == unit
            ]
            for unit in ("step", "epoch")
        }
        decided = {name for op in operations if op.kind is Kind.GATES for name in op.targets}
        models = loop.models().items()
        self._gated = [m for name, m in models if name not in decided and has_gates(m)]
        self.keeps = bool(self._gated) or not module.keys().isdisjoint(_KEEPS)
        """Whether parameters are brought anywhere after a step."""
        gates = [g for name, m in models if name in decided for g in gate_parameters(m)]
        for name in module.keys() & _KEEPS:
            about = partial(tuple, gates) if name == "decide" else self._in_sets
            module[name] = partial(self._bring, module[name], about, name == "decide")
        self.epochs = bool(self._duals["epoch"])
        """Whether anything moves once an epoch."""

    def multipliers(self, unit: str, number: int, true: Tensor) -> None:
        """The dual steps of the step or epoch with this number, by what was measured."""
        # Nothing that they read has a gradient: measurements are detached, and the state has none.
        for function, count, after in self._duals[unit]:
            if number % count == 0 and self._loop.steps > after:
                function(self._loop.state, true)

    def parameters(self) -> None:
        """Parameters into their sets, and gates into their range."""
        with torch.no_grad():
            into_sets(self._loop, self._loop.optimizer, self._loop.progress)
            for model in self._gated:
                self._bring(clamp_gates, partial(gate_parameters, model), False, model)

    def _in_sets(self) -> list[Tensor]:
        sets = self._loop.module["sets"](self._loop.primal)
        return [tensor for _, tensors in sets for tensor in tensors]

    def _bring(
        self,
        function: Callable[..., None],
        about: Callable[[], Sequence[Tensor]],
        together: bool,
        *arguments: Any,
    ) -> None:
        """What brings some parameters somewhere, of those alone that are trained just then.

        What is decided of all of them `together` waits until all are.
        """
        tensors = about()
        trained = {id(p) for p in self._loop.held() if p.requires_grad}
        still = [tensor for tensor in tensors if id(tensor) not in trained]
        if not still:
            function(*arguments)
        elif not together:
            moving = [tensor for tensor in tensors if id(tensor) in trained]
            beside(still, moving, partial(function, *arguments))

    def with_units(self, f: Tensor, g: Tensor, true: Tensor) -> dict[str, Tensor]:
        """The state with slopes of objective and constraints, of which first penalties are made.

        It is that of the loop once this measurement counts.
        """
        loop = self._loop
        due = [
            op
            for op in self.units
            if loop.steps < op.options["steps"] and loop.steps % op.options["every"] == 0
        ]
        if not due or not torch.is_grad_enabled():
            return loop.state
        state, rate = dict(loop.state), gradient_rate(loop.optimizer)
        for op in due:
            loop.module[op.name](state, f, g, true, loop.held(), rate)
        return state


def into_sets(loop: Loop, optimizer: torch.optim.Optimizer | None, progress: float) -> None:
    """Parameters into their sets, gates where they are decided; what was pruned stays zero."""
    module, primal = loop.module, loop.primal
    masks = "freeze" in module
    if masks:
        module["keep_zeros"](primal, loop.state)
    if "project" in module:
        module["project"](primal, optimizer, progress)
    if masks:
        module["freeze"](primal, loop.state, progress)
    if "decide" in module:
        module["decide"](primal, progress)


def restore(loop: Loop, look: Look) -> tuple[str, ...]:
    """Newton's shortest steps to the requirements, on whole data; what is told of them.

    Raises:
        SpecError: CS632, a program that ends without.
    """
    if "restore" not in loop.module:
        _require_nothing_to_restore(loop.program)
        with torch.no_grad():
            into_sets(loop, None, 1.0)
        return ()
    parameters = [p for p in loop.held() if p.requires_grad]
    run = SimpleNamespace(
        program=loop.program,
        module=loop.module,
        primal=loop.primal,
        state=loop.state,
        data=look.data,
        large=many_rows(look.data),
        device=parameters[0].device,
        parameters=parameters,
        models=lambda: list(loop.models().values()),
        whole_batch=lambda: _whole(look, loop, parameters[0].device),
        notes=[],
        sign=-1.0 if loop.program.sense == "maximize" else 1.0,
        schedule=SimpleNamespace(fastest=1.0),  # what the loop's rates move, nobody says
        total_steps=max(1, loop.steps),
        measured=[],
        told=None,
        told_each={},
        inward={},
        interrupted=False,
        out_of_reach=False,
    )
    loop.module["restore"](run)
    if run.out_of_reach and not run.notes:
        run.notes.append("restored: no step on whole data takes the violation away")
    with torch.no_grad():
        into_sets(loop, None, 1.0)
    return tuple(run.notes)


def _require_nothing_to_restore(program: Program) -> None:
    """Sets alone are where they are put, and preferences are no requirements.

    Raises:
        SpecError: CS632, requirements that a method is used for to the last step.
    """
    found = [c.label for c in program.constraints if c.segment and not c.soft]
    if not found:
        return
    if program.graph.of(Kind.UNITS):
        message = f"not available in your own loop: `restore`, of fewer than {LEAST_STEPS} steps"
        note = "so short a loop is a few steps of its method, and no more"
        helps = (f"say that it is longer: bind(..., steps={LEAST_STEPS})",)
    else:
        message = "not available in your own loop: `restore`, for a method that acts as written"
        note = (
            "a penalty or a dual step that the spec gives is used to the last step and no further"
        )
        helps = ("leave the method, or its settings, to the spec: then the end is restored",)
    raise Diagnostic(code="CS632", message=message, notes=(note,), helps=helps).error()


def _whole(look: Look, loop: Loop, device: torch.device) -> dict[str, Any]:
    """All the data as one batch, beside the `given` values."""
    columns = {name: data.part.columns for name, data in look.data.items()}
    clock = torch.full((1,), float(loop.steps), device=device)
    return {**whole_rows(columns, clock), "given": look.given, "epoch": loop.epochs_done}

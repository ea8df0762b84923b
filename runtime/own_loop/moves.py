"""What the functions of a program move where somebody else's optimizer has made a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cspec.compiler.records.graph import Kind
from cspec.compiler.records.program import Program
from cspec.runtime.methods.units import gradient_rate
from cspec.runtime.models import clamp_gates, has_gates
from cspec.runtime.own_loop.restore import Loop, into_sets

_KEEPS = frozenset({"project", "freeze", "decide"})
"""Functions of the module that bring parameters somewhere after a step."""


class Moves:
    """The functions of a module by when they are due: at a step, at an epoch's end, at first."""

    def __init__(
        self, program: Program, module: Mapping[str, Any], models: Mapping[str, nn.Module]
    ) -> None:
        operations = program.graph.operations
        self._units = [op for op in operations if op.kind is Kind.UNITS]
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
        self._gated = [m for name, m in models.items() if name not in decided and has_gates(m)]
        self.keeps = bool(self._gated) or not module.keys().isdisjoint(_KEEPS)
        """Whether parameters are brought anywhere after a step."""
        self.epochs = bool(self._duals["epoch"])
        """Whether anything moves once an epoch."""

    def multipliers(self, unit: str, number: int, loop: Loop, true: Tensor) -> None:
        """The dual steps of the step or epoch with this number, by what was measured."""
        # Nothing that they read has a gradient: measurements are detached, and the state has none.
        for function, count, after in self._duals[unit]:
            if number % count == 0 and loop.steps > after:
                function(loop.state, true)

    def parameters(
        self, loop: Loop, optimizer: torch.optim.Optimizer | None, progress: float
    ) -> None:
        """Parameters into their sets, and gates into their range."""
        with torch.no_grad():
            into_sets(loop.module, loop.primal, loop.state, optimizer, progress)
            for model in self._gated:
                clamp_gates(model)

    def with_units(
        self, loop: Loop, optimizer: torch.optim.Optimizer, f: Tensor, g: Tensor, true: Tensor
    ) -> dict[str, Tensor]:
        """The state with slopes of objective and constraints, of which first penalties are made.

        It is that of the loop once this measurement counts.
        """
        if not self._units:
            return loop.state
        due = [
            operation
            for operation in self._units
            if loop.steps < operation.options["steps"]
            and loop.steps % operation.options["every"] == 0
        ]
        if not due or not torch.is_grad_enabled():
            return loop.state
        state = dict(loop.state)
        for operation in due:
            rate = gradient_rate(optimizer)
            loop.module[operation.name](state, f, g, true, loop.held(), rate)
        return state

"""The arguments of `Handle.loss` as the batch that emitted functions read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from cspec.compiler.program import Program
from cspec.dsl.diagnostics import Diagnostic, SpecError
from cspec.runtime.batches import training_dataset


class BatchReader:
    """Sorts keyword arguments into datasets, columns of the training data and `given` values.

    `device`: where the step's number is put, which settings that warm up or ramp read.
    """

    def __init__(self, program: Program, device: torch.device) -> None:
        self._program = program
        self._device = device
        self._targets = {name: columns for d in program.data for name, columns in d.targets}
        self._default = training_dataset(program, self._targets)

    def read(self, values: Mapping[str, Any], step: int) -> tuple[dict[str, Any], int]:
        """The batch of this step, and how many examples it has (at least 1).

        Raises:
            SpecError: CS631, names that miss and names that the spec does not know.
        """
        given = {n: torch.as_tensor(v) for n, v in values.items() if n in self._program.given}
        parts = {n: v for n, v in values.items() if n in self._targets and isinstance(v, Mapping)}
        columns = {n: v for n, v in values.items() if n not in given and n not in parts}
        # Of the type of the program's constants, which is in force while a batch is read.
        clock = torch.tensor([float(step)], device=self._device)
        batch: dict[str, Any] = {**parts, "given": given, "clock": clock}
        if columns and self._default is not None:
            batch[self._default] = {**batch.get(self._default, {}), **columns}
        self._check(batch, columns)
        main = batch.get(self._default or "") or next(iter(parts.values()), {})
        lengths = [len(v) for v in main.values() if isinstance(v, Tensor) and v.ndim]
        return batch, lengths[0] if lengths else 1

    def _check(self, batch: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
        """Say every name that misses or does not belong, together."""
        used = self._datasets_used()
        missing = [name for name in self._program.given if name not in batch["given"]]
        for dataset in used:
            declared = [here for here, _ in self._targets.get(dataset, ())]
            missing += [
                column if dataset == self._default else f"{dataset}.{column}"
                for column in declared
                if column not in batch.get(dataset, {})
            ]
        known = {here for here, _ in self._targets.get(self._default or "", ())}
        found = [f"`loss` needs {name}=..." for name in missing]
        found += [f"`loss` does not know {name}=..." for name in columns if name not in known]
        if found:
            others = (name for name in used if name != self._default)
            names = [*self._program.given, *known, *others]
            note = f"this spec takes: {', '.join(names) or 'nothing'}"
            raise SpecError([Diagnostic(code="CS631", message=m, notes=(note,)) for m in found])

    def _datasets_used(self) -> list[str]:
        """Datasets that the objective or a constraint reads, in that order."""
        constrained = (name for c in self._program.constraints for name in c.datasets)
        return list(dict.fromkeys((*self._program.objective_datasets, *constrained)))

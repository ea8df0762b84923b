"""What the first batch tells where no data are bound: shapes, and the program for them."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from cspec.compiler.records.program import Program
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.errors import DataError
from cspec.runtime.functions.shapes import LabelMismatch, ShapeMismatch
from cspec.runtime.own_loop.refusals import misfitting

Decide = Callable[[Mapping[str, Dataset]], Program]
"""Makes the program for the shapes of some data."""


class FirstBatch:
    """Asked once, with the first data that there are: values meet example by example then, and not
    by a chance of their shapes.

    What does not fit is told only where values do not go together: shapes alone say little of
    labels. Nothing is asked without `decide`.
    """

    def __init__(self, decide: Decide | None = None) -> None:
        self.decide = decide
        """Until it is asked."""
        self._refusal: SpecError | None = None

    def program(
        self, batch: Mapping[str, Any], names: Collection[str], now: Program
    ) -> Program | None:
        """Another program for the shapes of the datasets `names` of a batch; None where that of
        `now` is right, or where what moves would be other than so far."""
        if self.decide is None or not names:
            return None
        decide, self.decide = self.decide, None
        try:
            exact = {column for setup in now.data for column in setup.exact}
            made = decide({n: _dataset(n, batch[n]).with_entries(exact) for n in names})
        except SpecError as error:
            self._refusal = error
            return None
        except DataError:  # no rows, no column of them
            return None
        return made if made.graph == now.graph and made.source != now.source else None

    def refusal(self, program: Program, misfit: ShapeMismatch, bound: bool) -> SpecError:
        """Why values do not go together."""
        known = None if isinstance(misfit, LabelMismatch) else self._refusal
        return known or misfitting(program, misfit, bound).error()

    def tell(self, error: RuntimeError) -> None:
        """What stood against the shapes, where torch could not compute with them."""
        if self._refusal is not None and not isinstance(error, torch.OutOfMemoryError):
            raise self._refusal from error


def _dataset(name: str, columns: Mapping[str, Tensor]) -> Dataset:
    """Columns for their shapes: those that can be read, and as if all their numbers were finite."""
    read = {}
    for column in columns:
        with suppress(SpecError):  # told where it is asked for
            read[column] = columns[column]
    return Dataset(
        name, {c: v.nan_to_num() if v.is_floating_point() else v for c, v in read.items()}
    )

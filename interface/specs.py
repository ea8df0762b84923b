"""From text to a checked spec, for every face of cspec; no torch and no sympy."""

from __future__ import annotations

from collections.abc import Mapping

from cspec.dsl.check import Checked, check
from cspec.dsl.diagnostics import SpecError, errors
from cspec.dsl.source import Source
from cspec.functions import registered


def checked_spec(source: Source, params: Mapping[str, object] | None = None) -> Checked:
    """The checked spec.

    Raises:
        SpecError: all that was found, if an error is among it.
    """
    checked = check(source, params, functions=registered())
    if errors(checked.diagnostics):
        raise SpecError(checked.diagnostics)
    return checked

"""A spec with what is given from outside: params, data and models, all that is wrong at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.needs import require_runnable
from cspec.dsl.text.source import Source
from cspec.reading.specs import checked_spec


class Asked(NamedTuple):
    """The text of a spec, and what is given beside it."""

    source: Source
    base: Path
    """The folder that its paths are relative to."""
    params: Mapping[str, object]
    bindings: Mapping[str, Any]
    """Data, models and functions by name."""

    def checked(self, *, own_loop: bool = False) -> Checked:
        """The checked spec, ready to be run; where params are wrong, so may be the bindings, and
        both are said.

        Raises:
            SpecError: all that was found.
        """
        try:
            checked = checked_spec(self.source, self.params)
            require_runnable(checked, own_loop=own_loop)
            return checked
        except SpecError as error:
            unset = all(found.code == "CS220" for found in error.diagnostics)
            if not unset and (not self.params or not self.bindings):
                raise
            # Only here: a mistake in the text is found before the two seconds that torch takes.
            from cspec.running.prepare import wrong_bindings

            known = {found.message for found in error.diagnostics}
            wrong = wrong_bindings(self.source, self.bindings, self.base)
            others = (found for found in wrong if found.message not in known)
            raise SpecError([*error.diagnostics, *others]) from None

"""SpecError as Python users see it: its text is the rendered diagnostics."""

from collections.abc import Iterator
from contextlib import contextmanager

from cspec.dsl.messages import diagnostic as diagnostics
from cspec.dsl.messages.render import render_text


class SpecError(diagnostics.SpecError):
    """What `cspec` functions raise: `str(error)` shows each finding under the text it is about."""

    __module__ = "cspec"

    def __str__(self) -> str:
        return "\n" + render_text(self.diagnostics)


@contextmanager
def rendered() -> Iterator[None]:
    """Errors of the stages below, with their rendered text and without the stages' traceback."""
    try:
        yield
    except SpecError:
        raise
    except diagnostics.SpecError as error:
        raise SpecError(error.diagnostics) from error.__cause__

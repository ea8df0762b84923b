"""From text to a checked spec, for every face of cspec; no torch and no sympy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cspec.dsl.check import Checked, check
from cspec.dsl.messages.diagnostic import SpecError, errors
from cspec.dsl.parsing.parse import parse
from cspec.dsl.text.source import NOWHERE, Source
from cspec.dsl.tree.nodes import Spec
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


def tree_of(source: Source) -> Spec:
    """The tree of a source.

    Raises:
        SpecError: every syntax error, placed in it.
    """
    tree, found = parse(source)
    if errors(found):
        raise SpecError(d.model_copy(update={"source": d.source or source}) for d in found)
    return tree


@contextmanager
def placed(source: Source) -> Iterator[None]:
    """Findings of the stages below that know their span, but not the text it counts in."""
    try:
        yield
    except SpecError as error:
        raise SpecError(
            d.model_copy(update={"source": source}) if d.source is None and d.span != NOWHERE else d
            for d in error.diagnostics
        ) from error.__cause__

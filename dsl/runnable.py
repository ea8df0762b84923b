"""What a spec lacks to be run: values of its params, forms that are not compiled yet.

A spec is explained without values of its params, unless one of them says how large something is,
or is a setting.
"""

from __future__ import annotations

from collections.abc import Iterator

from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError, finding
from cspec.dsl.not_compiled import refusals
from cspec.dsl.tree.nodes import (
    By,
    Call,
    Data,
    Domain,
    Fit,
    Model,
    Name,
    Node,
    Param,
    Soft,
    Stop,
    Using,
    Var,
    Verify,
    Within,
    walk,
)
from cspec.dsl.tree.rebuild import function_name
from cspec.dsl.values.outside import how_to_set

_COUNTS = frozenset({"range", "eye"})
_SETTINGS = (By, Data, Domain, Fit, Model, Soft, Stop, Using, Verify, Within)


def require_runnable(checked: Checked, *, own_loop: bool = False) -> None:
    """Raise SpecError for params without a value, and for forms that are not compiled yet.

    In a loop of the user's own batches and verdicts are the loop's.
    """
    later = refusals(checked.diagnostics)
    found = [_no_value(checked, name) for name in checked.unset]
    found += [d for d in later if not own_loop or d.code == "CS520"]
    if found:
        raise SpecError(sorted(found, key=lambda d: d.span))


def require_sizes(checked: Checked) -> None:
    """The same for those alone that the form of the problem hangs on: sizes and settings."""
    if checked.unset:
        parts = (node for part in _structure(checked) for node in walk(part))
        needed = {node.id for node in parts if isinstance(node, Name)}
        found = [_no_value(checked, name) for name in checked.unset if name in needed]
        if found:
            raise SpecError(found)


def _no_value(checked: Checked, name: str) -> Diagnostic:
    item = checked.symbols.params()[name]
    said = f"param `{name}` has no value"
    label = "set from outside"
    help_ = f"set it: {how_to_set(item, checked.symbols)}"
    return finding("CS220", said, item.name_span, label, helps=(help_,), source=checked.source)


def _structure(checked: Checked) -> Iterator[Node]:
    """The parts of a spec that say how large things are, or how they are done."""
    for item in checked.elaborated.items:
        if isinstance(item, Param | Var):
            yield from item.dimensions
            parts = (item.domain, item.value) if isinstance(item, Var) else ()
            yield from (part for part in parts if part is not None)
        for node in walk(item):
            if isinstance(node, _SETTINGS):
                yield node
            elif isinstance(node, Call):
                word = function_name(node)
                yield from (node,) if word in _COUNTS else ()
                yield from node.keywords if word == "ramp" else ()

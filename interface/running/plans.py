"""From a checked spec to its symbolic plan: needs sympy, but neither torch nor data."""

from collections.abc import Mapping

from cspec.compiler.plan import Plan, plan
from cspec.dsl.check import Checked
from cspec.dsl.needs import require_sizes
from cspec.dsl.text.source import Source
from cspec.reading.specs import checked_spec, placed


def plan_of(checked: Checked) -> Plan:
    """The symbolic plan of a checked spec.

    Raises:
        SpecError: a method that can't do what it is asked; a size or a setting that nobody set.
    """
    require_sizes(checked)
    with placed(checked.source):
        return plan(checked)


def planned(source: Source, params: Mapping[str, object] | None = None) -> Plan:
    """The symbolic plan of a text.

    Raises:
        SpecError: all that is wrong with it.
    """
    return plan_of(checked_spec(source, params))

"""All natural specs: a module a topic; see `kept.py` for how they are kept."""

from meaning.natural import (
    beyond,
    data,
    fairness,
    files,
    forms,
    groups,
    losses,
    rates,
    refused,
    regression,
    var,
    weights,
    words,
)
from meaning.natural.kept import SPECS, Natural

MODULES = (
    beyond,
    data,
    fairness,
    files,
    forms,
    groups,
    losses,
    rates,
    refused,
    regression,
    var,
    weights,
    words,
)

__all__ = ["MODULES", "SPECS", "Natural"]

"""What a setting usually is: its default, as a spec writes it."""

import re
from functools import cache

from cspec.dsl.messages.wording import number
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.duals import DUALS
from cspec.dsl.settings.fit import OPTIMIZERS, SCHEDULES, FitSettings
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.settings.models import MODELS
from cspec.dsl.settings.sources import SOURCES

_RECORDS: dict[str, type[Settings]] = {
    FitSettings.word: FitSettings,
    **DUALS,
    **OPTIMIZERS,
    **SCHEDULES,
    **METHODS,
    **MODELS,
    **SOURCES,
}


@cache
def setting_names() -> frozenset[str]:
    """The names of all settings."""
    return frozenset(name for record in _RECORDS.values() for name in record.model_fields)


def usual_value(owner: str, name: str) -> str:
    """The default of a setting of the record that a word names; empty where it has none."""
    record = _RECORDS.get(owner)
    field = record.model_fields.get(name) if record else None
    if field is None:
        return ""
    said = re.search(r"default:? ([\d.]+)\b", field.description or "")
    return written(field.default) or (said[1] if said else "")


def usual_shares(count: int) -> str:
    """The shares of a `split` for a number of datasets; empty where there is nothing to share."""
    return {2: "[0.8, 0.2]", 3: "[0.6, 0.2, 0.2]"}.get(count, "")


def written(value: object) -> str:
    """A default as a spec writes it; empty for one that has no text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, str):
        return value if value.isidentifier() else ""
    if isinstance(value, tuple) and value:
        parts = [written(part) for part in value]
        return f"[{', '.join(parts)}]" if all(parts) else ""
    return value.word if isinstance(value, Settings) else ""

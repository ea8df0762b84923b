"""Trees and problems as plain data for `compile --dump`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel

from cspec.dsl.text.source import Span


def plain(value: Any) -> Any:
    """Records as dictionaries with their kind, spans as [start, end], sets as lists."""
    match value:
        case BaseModel():
            fields = {name: plain(getattr(value, name)) for name in type(value).model_fields}
            kept = {name: item for name, item in fields.items() if item not in (None, [], {}, "")}
            return {"kind": type(value).__name__, **kept}
        case Span():
            return [value.start, value.end]
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case frozenset() | set():
            return sorted(plain(item) for item in value)
        case tuple() | list():
            return [plain(item) for item in value]
        case Enum():
            return value.value
        case float() if value in (float("inf"), float("-inf")):
            return str(value)
    return value

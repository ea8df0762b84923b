"""The words of the language as plain entries, read from the tables of `dsl`."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic_core import PydanticUndefined

from cspec.dsl.messages.pages.all import CODES
from cspec.dsl.settings.base import Every, Settings
from cspec.dsl.settings.fit import OPTIMIZERS
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.settings.models import MODELS
from cspec.dsl.settings.sources import SOURCES
from cspec.dsl.words.functions import SETS, SIGNATURES, Signature

KINDS = ("functions", "sets", "methods", "optimizers", "data", "models", "codes")

_SETTINGS: dict[str, Mapping[str, type[Settings]]] = {
    "methods": METHODS,
    "optimizers": OPTIMIZERS,
    "data": SOURCES,
    "models": MODELS,
}


class Entry(NamedTuple):
    """A word, how it is written, what it means, and its settings (name, default, doc)."""

    word: str
    form: str
    doc: str
    settings: tuple[dict[str, str], ...] = ()


def entries(kind: str) -> list[Entry]:
    """All words of one kind, in the order of their table."""
    if kind in _SETTINGS:
        return [record(cls) for cls in _SETTINGS[kind].values()]
    if kind == "codes":
        return [Entry(code.code, code.code, code.title) for code in CODES.values()]
    sets = kind == "sets"
    found = [s for s in SIGNATURES.values() if (s.name in SETS) == sets]
    return [Entry(s.name, form(s), s.doc) for s in found]


def form(signature: Signature) -> str:
    """`cvar(x, level)`: how a function or set is written; a word without arguments is bare."""
    if not signature.parameters:
        return signature.name
    names = [p.name if p.required else f"[{p.name}]" for p in signature.parameters]
    if signature.variadic:
        names.append("...")
    return f"{signature.name}({', '.join(names)})"


def record(cls: type[Settings]) -> Entry:
    """A word with settings, and what they are without being given."""
    settings = tuple(
        {
            "name": name,
            "default": "(needed)" if field.is_required() else shown(field.default),
            "doc": field.description or "",
        }
        for name, field in cls.model_fields.items()
    )
    doc = " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
    return Entry(cls.word, cls.word, doc, settings)


def shown(value: Any) -> str:
    """A default as a spec would write it; nothing for none."""
    match value:
        case None:
            return ""
        case _ if value is PydanticUndefined:
            return ""
        case bool():
            return "true" if value else "false"
        case Every(count=count, unit=unit):
            return unit if count == 1 else f"{unit}s({count})"
        case Settings():
            return value.word
        case float():
            return f"{value:g}"
        case tuple() | list():
            return _listed(value)
    return str(value)


def _listed(values: Iterable[Any]) -> str:
    parts = [shown(value) for value in values]
    return parts[0] if len(parts) == 1 and not parts[0][:1].isdigit() else f"[{', '.join(parts)}]"

"""What a run is told beside its spec: where its files are, params and names bound to text.

`command.json` of its folder keeps it; `resume` and `verify` compile the spec with the same again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from cspec.dsl.values.outside import GivenFile
from cspec.runtime.bind.text import FolderText

COMMAND = "command.json"


class Told(BaseModel, frozen=True, extra="forbid"):
    """See the head of the module."""

    spec: str
    """Name of the spec, as messages show it."""
    base: str
    """The folder that paths of the spec are relative to."""
    params: dict[str, Any] = {}
    bindings: dict[str, str] = {}

    def text(self) -> str:
        """As `command.json`."""
        return json.dumps(self.model_dump(mode="json"), indent=1) + "\n"

    def bound(self) -> dict[str, FolderText]:
        """Text that names are bound to: the word of a folder, not of its user."""
        return {name: FolderText(text) for name, text in self.bindings.items()}

    def values(self) -> dict[str, object]:
        """Params as `check` takes them."""
        return {name: _revived(value) for name, value in self.params.items()}


def told(
    spec: str, base: Path, params: Mapping[str, object], bindings: Mapping[str, Any]
) -> tuple[Told, tuple[str, ...]]:
    """The record, and the names that are bound to Python objects, which no file can hold."""
    texts = {name: str(value) for name, value in bindings.items() if isinstance(value, str)}
    record = Told(
        spec=spec,
        base=str(base.resolve()),
        params={name: _plain(value) for name, value in params.items()},
        bindings=texts,
    )
    return record, tuple(name for name in bindings if name not in texts)


def read_told(folder: Path) -> Told:
    """The record of a run's folder.

    Raises:
        OSError, ValueError: it can't be read.
    """
    return Told.model_validate_json((folder / COMMAND).read_text(encoding="utf-8"))


def _plain(value: object) -> Any:
    match value:
        case GivenFile(name=name, content=content):
            return {"file": name, "content": _plain(content)}
        case Mapping():
            return {"map": [[_plain(key), _plain(item)] for key, item in value.items()]}
        case list() | tuple():
            return [_plain(item) for item in value]
        case bool() | int() | float() | str() | None:
            return value
    return str(value)


def _revived(value: Any) -> object:
    match value:
        case {"file": name, "content": content}:
            return GivenFile(name, _revived(content))
        case {"map": pairs}:
            return {_key(key): _revived(item) for key, item in pairs}
        case list():
            return [_revived(item) for item in value]
    return value


def _key(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key

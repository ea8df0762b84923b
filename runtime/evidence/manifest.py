"""The manifest of a run folder: what is in it, and all that the run was made from.

    {"format": "cspec run 1", "files": {"model.safetensors": {"sha256": ..., "size": ...}, ...},
     "data": {"train": {"rows": 1257, "columns": {...}}}, "code": {"net.py": ...}, ...,
     "sha256": digest of all the rest}

It names files that a run writes and no others: a manifest that lists something else is none.
Whoever edits a file can edit the manifest along; that is why `cspec verify` also compiles the spec
anew and measures again. What is only ever hashed (log, page, multipliers) is as good as the
manifest: keep its digest elsewhere.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError, field_validator

from cspec.compiler.records.program import Program
from cspec.runtime.bind.bind import Bound
from cspec.runtime.evidence.circumstances import Circumstances
from cspec.runtime.evidence.code_files import CodeFile, code_of, modules_of
from cspec.runtime.evidence.digests import DataDigest, ModelDigest, data_digest, model_digest
from cspec.runtime.files import sha256

MANIFEST = "manifest.json"
CHECKPOINTS = "checkpoints"
FILES = (
    "spec.cspec", "plan.json", "train.py", "command.json", "log.jsonl", "model.safetensors",
    "report.json", "report.html", "finished.json",
)  # fmt: skip
"""What a run writes beside its manifest and its checkpoints."""
_CHECKPOINT = re.compile(rf"{CHECKPOINTS}/step-\d{{9,18}}/(tensors\.safetensors|manifest\.json)")
_REMAINS = re.compile(r"\.(?P<name>[\w.-]+)\.[^.]{8}")
"""Temporary files that a killed process leaves."""


class FileEntry(BaseModel, frozen=True, extra="forbid"):
    """One file; no digest while it grows."""

    sha256: str | None = None
    size: int | None = None


class Accepted(BaseModel, frozen=True, extra="forbid"):
    """Changes that somebody accepted when the run was resumed at a step."""

    step: int
    changes: tuple[str, ...]


class Origins(BaseModel, frozen=True, extra="forbid"):
    """What a run is made from beside its spec."""

    data: dict[str, DataDigest] = {}
    models: dict[str, ModelDigest] = {}
    code: dict[str, CodeFile] = {}
    objects: tuple[str, ...] = ()
    """Names that were bound to Python objects, which have to be given again."""


class Look(BaseModel, frozen=True, extra="forbid"):
    """How often a run looked at a split, and what its certificates spent (`ledger.py`)."""

    data: str
    rows: int
    columns: tuple[str, ...]
    """SHA-256 of its columns, sorted: where one of them is the same, so are the rows."""
    asker: str
    """Digest of plan, seed and start: who asks the same again looks once."""
    run: str
    """Name of the run's folder."""
    iterates: int = 0
    """How many iterates were measured on it for the choice of the best."""
    error: float = 0.0
    """What its certificates spent; 0 of a split that certified nothing."""
    spent: float = 0.0
    """What earlier looks at the same rows had spent."""


class Manifest(BaseModel, frozen=True, extra="forbid"):
    """See the head of the module."""

    format: Literal["cspec run 1"] = "cspec run 1"
    spec: str
    """Name of the spec."""
    plan: str
    """Digest of the specialized plan."""
    seed: int
    device: str
    state: Literal["running", "ended"] = "running"
    files: dict[str, FileEntry] = {}
    origins: Origins = Origins()
    circumstances: Circumstances
    accepted: tuple[Accepted, ...] = ()
    trusted: tuple[str, ...] = ()
    """Modules that whoever ran it named as trusted."""
    looks: tuple[Look, ...] = ()
    """Of this run, once it has ended, and of those that were in its folder before."""

    @field_validator("files")
    @classmethod
    def _of_a_run(cls, files: dict[str, FileEntry]) -> dict[str, FileEntry]:
        strange = [name for name in files if name not in FILES and not _CHECKPOINT.fullmatch(name)]
        if strange:
            raise ValueError(f"no run writes {strange[0]}")
        return files

    def text(self) -> str:
        """As it is written, with the digest of all the rest."""
        content = self.model_dump(mode="json")
        return json.dumps({**content, "sha256": _own_digest(content)}, indent=1) + "\n"

    def checkpoints(self) -> tuple[str, ...]:
        """Names of the checkpoints that are listed, oldest first."""
        return tuple(sorted({n.split("/")[1] for n in self.files if n.startswith(CHECKPOINTS)}))

    def with_files(self, files: dict[str, FileEntry]) -> Manifest:
        """The same with other files."""
        return self.model_copy(update={"files": dict(sorted(files.items()))})


# --- what a run is made from ---------------------------------------------------------------------


def origins(
    program: Program,
    bound: Bound,
    base: Path = Path(),
    *,
    modules: Iterable[str] = (),
    objects: Iterable[str] = (),
) -> Origins:
    """Digests of what was bound, taken before the first step: of data, models and code.

    `modules` are those that the spec brings in beside those of the program, `objects` the names
    that were bound to Python objects.
    """
    own = modules_of(bound.models.values(), bound.functions.values())
    named = [*modules, *named_modules(program), *own]
    return Origins(
        data={name: data_digest(dataset) for name, dataset in bound.data.items()},
        models={name: model_digest(model) for name, model in bound.models.items()},
        code=code_of(named, base),
        objects=tuple(sorted(objects)),
    )


def named_modules(program: Program) -> list[str]:
    """The modules that functions, models and data of a program come from."""
    calls = [*(m.source for m in program.models), *(d.source for d in program.data)]
    functions = [function.source.rpartition(":")[0] for function in program.functions]
    return [name for name in (*functions, *(call.module or "" for call in calls)) if name]


# --- files ---------------------------------------------------------------------------------------


class NoManifestError(ValueError):
    """A manifest that is missing, or that is none of a run; says which."""


def _own_digest(content: dict[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode())


def read_manifest(folder: Path) -> tuple[Manifest, bool]:
    """The manifest of a folder, and whether its own digest holds.

    Raises:
        NoManifestError: there is none, or it is not of a run.
    """
    path = folder / MANIFEST
    if not is_plain(path):
        raise NoManifestError(f"{MANIFEST} is missing")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        digest = content.pop("sha256")
        return Manifest.model_validate(content), digest == _own_digest(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise NoManifestError(f"{MANIFEST} is not of a run: {where}: {first['msg']}") from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise NoManifestError(f"{MANIFEST} can't be read: {error}") from error


def is_plain(path: Path) -> bool:
    """Whether a regular file is there: no link, no folder, nothing that would hang when read."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def plain_text(path: Path) -> str | None:
    """The text of a regular file; None where there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8") if is_plain(path) else None
    except (OSError, ValueError):
        return None


def is_folder(path: Path) -> bool:
    """Whether a folder is there that is no link."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def entry_of(path: Path) -> FileEntry:
    """The entry of a file as it is now."""
    content = path.read_bytes()
    return FileEntry(sha256=sha256(content), size=len(content))


def holds(folder: Path, name: str, entry: FileEntry) -> bool:
    """Whether a file is as its entry says."""
    path = folder / name
    between = list(Path(name).parents)[:-1]
    if not is_plain(path) or not all(is_folder(folder / place) for place in between):
        return False
    return entry.sha256 is None or entry_of(path) == entry


def present(folder: Path) -> list[str]:
    """Everything in a folder but its manifest, by its place there; links are not followed."""
    found, waiting = [], [folder]
    while waiting:
        here = waiting.pop()
        for path in here.iterdir():
            name = path.relative_to(folder).as_posix()
            if is_folder(path):
                waiting.append(path)
                found += [] if any(path.iterdir()) or name == CHECKPOINTS else [f"{name}/"]
            elif name != MANIFEST:
                found.append(name)
    return sorted(found)


def is_remains(name: str) -> bool:
    """Whether a process that was killed while it wrote has left this: `.plan.json.x7k2_0ab`."""
    first, _, rest = name.partition("/")
    found = _REMAINS.fullmatch(name)
    if found is not None:
        return found["name"] in (*FILES, MANIFEST)
    inside = rest.split("/")[0]
    return first == CHECKPOINTS and inside.startswith(".") and is_checkpoint(inside)


def is_of_checkpoint(name: str) -> bool:
    """Whether a file is called like one of a checkpoint."""
    return bool(_CHECKPOINT.fullmatch(name))


def is_checkpoint(name: str) -> bool:
    """Whether a folder is called like a checkpoint, or like one that was not completed."""
    return bool(re.fullmatch(r"step-\d{9,18}|\.step-\d{9,18}\.partial", name))

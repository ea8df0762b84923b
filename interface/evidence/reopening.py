"""A run folder taken up again: its spec compiled anew, and all that is not as it was recorded.

Nothing of the folder is executed: spec and command are read as text, the program is what the
compiler makes of them now. `plan.json` and `train.py` are compared with it and not used.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cspec.compiler.records.program import Program
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.text.source import Source
from cspec.evidence.differences import (
    Difference,
    digest,
    lines,
    of_code,
    of_origins,
    of_versions,
    roundings,
    trees,
)
from cspec.running.brought_in import brought_in, require_near, require_outside
from cspec.running.outside import Asked
from cspec.running.plans import plan_of
from cspec.running.prepare import Prepared, prepare
from cspec.running.train import check_device
from cspec.runtime.evidence.circumstances import circumstances
from cspec.runtime.evidence.code_files import digests_beside
from cspec.runtime.evidence.manifest import (
    CHECKPOINTS,
    MANIFEST,
    FileEntry,
    Manifest,
    NoManifestError,
    Origins,
    entry_of,
    holds,
    is_checkpoint,
    is_plain,
    is_remains,
    origins,
    plain_text,
    present,
    read_manifest,
)
from cspec.runtime.evidence.told import Told, read_told, told
from cspec.runtime.run.folder import RunFolder

NOT_LISTED = f"is not listed in {MANIFEST}"
PLAN, SCRIPT, SPEC = "plan.json", "train.py", "spec.cspec"


def changed(path: Path, differences: Iterable[Difference], help_: str) -> Diagnostic:
    """CS625: a run that is not as it was recorded, with all that differs."""
    return Diagnostic(
        code="CS625",
        message=f"the run {path} is not as it was recorded",
        notes=tuple(dict.fromkeys(map(str, differences))),
        helps=(help_,),
    )


@dataclass(frozen=True)
class Found:
    """A folder as it is read, before anything of its spec is bound."""

    folder: RunFolder
    source: Source
    told: Told
    base: Path
    named: bool
    """Whether somebody named that place; else the folder does."""
    seed: int | None
    device: str
    files: tuple[Difference, ...]
    """What is wrong with its files."""
    code: tuple[Difference, ...]
    """Files of code beside the spec that are not as recorded; none of them has run."""

    @property
    def manifest(self) -> Manifest | None:
        """What was recorded."""
        return self.folder.manifest


@dataclass(frozen=True)
class Reopened:
    """A folder with its spec bound and compiled anew."""

    found: Found
    prepared: Prepared
    origins: Origins
    command: Told
    differences: tuple[Difference, ...]
    """All that is not as recorded, but for what is measured and for the next two."""
    versions: tuple[Difference, ...]
    roundings: tuple[str, ...]
    """Threads and machine, where others."""


def find(path: Path, base: Path | None = None) -> Found:
    """Read a folder.

    Raises:
        SpecError: no run there, or one whose spec or command can't be read.
    """
    folder = RunFolder.open(path)
    wrong, manifest = list(_of_manifest(path)), folder.manifest
    if manifest is not None:
        wrong += _of_files(path, manifest)
    source, command = _read(path, wrong)
    setup = _plan(path)
    wrong += _of_spec(setup, source.text)
    seed = manifest.seed if manifest is not None else _whole(setup.get("seed"))
    device = manifest.device if manifest is not None else str(setup.get("device", "cpu"))
    place = Path(command.base) if base is None else base
    recorded = manifest.origins.code if manifest is not None else {}
    beside = digests_beside(recorded, place)
    code = of_code({name: recorded[name] for name in beside}, beside)
    return Found(
        folder, source, command, place, base is not None, seed, device, tuple(wrong), tuple(code)
    )


def reopen(found: Found, bindings: Mapping[str, Any]) -> Reopened:
    """Bind and compile the spec of a folder again, and compare with what was recorded.

    Raises:
        SpecError: objects that have to be given again; code in the folder; what is wrong with the
            spec, or with what is bound.
    """
    manifest, command = found.manifest, found.told
    names = {**command.bound(), **bindings}
    _require_objects(found, names)
    checked = Asked(found.source, found.base, command.values(), names).checked()
    modules = brought_in(checked, names)
    require_outside(modules, found.base, found.folder.path)
    if not found.named:
        require_near(modules, found.base, found.folder.path)
    prepared = prepare(
        plan_of(checked), names, base=found.base, seed=found.seed, device=found.device
    )
    record, objects = told(command.spec, found.base, {}, names)
    record = record.model_copy(update={"params": command.params})
    made = origins(prepared.program, prepared.bound, found.base, modules=modules, objects=objects)
    now = circumstances(found.device if here(found.device) else "cpu")
    wrong = [*found.files]
    others: list[Difference] = []
    rounded: list[str] = []
    if manifest is not None:
        wrong += of_origins(manifest.origins, made)
        others = of_versions(manifest.circumstances, now)
        rounded = roundings(manifest.circumstances, now)
    wrong += _of_program(found, prepared)
    return Reopened(found, prepared, made, record, tuple(wrong), tuple(others), tuple(rounded))


# --- files ---------------------------------------------------------------------------------------


def _of_manifest(path: Path) -> list[Difference]:
    try:
        whole = read_manifest(path)[1]
    except NoManifestError as error:
        return [Difference("file", str(error))]
    edited = f"{MANIFEST}: it was edited, its own digest does not hold"
    return [] if whole else [Difference("file", edited)]


def _of_files(path: Path, manifest: Manifest) -> list[Difference]:
    """Files that are not as their entries say, and files without an entry."""
    found = [
        _of_file(path, name, entry)
        for name, entry in manifest.files.items()
        if not holds(path, name, entry)
    ]
    strange = [name for name in present(path) if name not in manifest.files]
    if manifest.state == "running":
        strange = [name for name in strange if not is_remains(name) and not _unlisted(name)]
    else:
        bare = (name for name, entry in manifest.files.items() if entry.sha256 is None)
        found += [Difference("file", f"{name} has no digest in {MANIFEST}") for name in bare]
    return [*found, *(Difference("file", f"{name} {NOT_LISTED}") for name in strange)]


def _of_file(path: Path, name: str, entry: FileEntry) -> Difference:
    now = "missing"
    places = [path / name, *(path / place for place in Path(name).parents if place.name)]
    if any(place.is_symlink() for place in places):
        now = "a link" if places[0].is_symlink() else "behind a link"
    elif is_plain(path / name):
        now = digest(entry_of(path / name).sha256 or "")
    was = digest(entry.sha256) if entry.sha256 else "there"
    return Difference("spec" if name == SPEC else "file", name, was, now)


def _of_spec(setup: Mapping[str, Any], text: str) -> list[Difference]:
    """The first line of the spec that is another in the plan that was made from it."""
    program = setup.get("program")
    before = program.get("spec") if isinstance(program, dict) else None
    return lines("spec", SPEC, before, text) if isinstance(before, str) else []


def _unlisted(name: str) -> bool:
    """Whether this is of a checkpoint that a killed run had not listed yet."""
    first, _, rest = name.partition("/")
    return first == CHECKPOINTS and is_checkpoint(rest.split("/")[0])


def _read(path: Path, wrong: list[Difference]) -> tuple[Source, Told]:
    """The spec and what the run was told.

    Raises:
        SpecError: CS623, with all that is wrong with the files.
    """
    try:
        if not is_plain(path / SPEC) or not is_plain(path / "command.json"):
            raise ValueError(f"{SPEC} and command.json have to be files")
        command = read_told(path)
        return Source(text=(path / SPEC).read_text(encoding="utf-8"), name=command.spec), command
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        message = f"the files of the run {path} can't be read: {reason}"
        notes = tuple(map(str, wrong))
        helps = ("run again into another folder: `cspec run FILE --out FOLDER`",)
        found = Diagnostic(code="CS623", message=message, notes=notes, helps=helps)
        raise found.error() from error


def _plan(path: Path) -> dict[str, Any]:
    """`plan.json`; empty where it can't be read, which is a difference."""
    try:
        content = json.loads(plain_text(path / PLAN) or "")
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


# --- what is compiled anew -----------------------------------------------------------------------


def _of_program(found: Found, prepared: Prepared) -> list[Difference]:
    """`plan.json` and `train.py` beside what the spec compiles to now."""
    path, program = found.folder.path, prepared.program
    setup, wrong = _plan(path), _of_names(found, program)
    fresh = json.loads(json.dumps(program.model_dump(mode="json", exclude={"source"})))
    if not setup:
        wrong.append(Difference("plan", f"{PLAN} can't be read"))
    else:
        wrong += trees("plan", PLAN, *_alike(setup.get("program"), fresh))
        wrong += _of_setup(setup, found.manifest)
    text = plain_text(path / SCRIPT)
    if text is None:
        wrong.append(Difference("plan", f"{SCRIPT} can't be read"))
    else:
        wrong += lines("plan", SCRIPT, text, program.source)
    return wrong


def _of_names(found: Found, program: Program) -> list[Difference]:
    """The name of the spec and the digest of its plan, which the manifest has, too."""
    manifest = found.manifest
    if manifest is None:
        return []
    wrong = []
    if manifest.spec != program.name:
        wrong.append(Difference("file", f"{MANIFEST}: spec", manifest.spec, program.name))
    if manifest.plan != program.digest:
        was, now = digest(manifest.plan), digest(program.digest)
        wrong.append(Difference("file", f"{MANIFEST}: plan", was, now))
    return wrong


def _alike(was: Any, now: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Both plans without what a script that was run on its own does not know."""
    if not isinstance(was, dict):
        return was, now
    graph = was.get("graph")
    empty = {"described"} if not was.get("described") else set()
    empty |= {"graph"} if isinstance(graph, dict) and not any(graph.values()) else set()
    rest = [{k: v for k, v in plan.items() if k not in empty} for plan in (was, now)]
    return rest[0], rest[1]


def _of_setup(setup: Mapping[str, Any], manifest: Manifest | None) -> list[Difference]:
    """Seed, device and versions, which plan and manifest both have."""
    if manifest is None:
        return []
    recorded = {"seed": manifest.seed, "device": manifest.device}
    recorded |= {"versions": manifest.circumstances.versions}
    held = setup.get("versions")
    plain = held if isinstance(held, dict) else {}
    versions = {name: text for name, text in plain.items() if name != "platform"}
    written = {"seed": setup.get("seed"), "device": setup.get("device"), "versions": versions}
    strange = [key for key in setup if key not in (*written, "program")]
    added = [Difference("file", f"{PLAN}: `{key}`, which no run writes") for key in strange]
    return added + [
        Difference(
            "file", f"{PLAN} and {MANIFEST} differ in {d.what.removeprefix(': ')}", d.was, d.now
        )
        for d in trees("file", "", written, recorded)
    ]


def here(device: str) -> bool:
    """Whether this machine has the device."""
    try:
        check_device(device)
    except SpecError:
        return False
    return True


def _require_objects(found: Found, names: Mapping[str, Any]) -> None:
    """Objects of Python that the run was given have to be given again.

    Raises:
        SpecError: CS628, one for each that is missing, with the digest that is expected.
    """
    manifest = found.manifest
    if manifest is None:
        return
    absent = [name for name in manifest.origins.objects if name not in names]
    if not absent:
        return
    raise SpecError([_absent(manifest, name, found.folder.path) for name in absent])


def _absent(manifest: Manifest, name: str, path: Path) -> Diagnostic:
    known = manifest.origins
    parts = [name] if name in known.data else [n for n in known.data if name == "data"]
    notes = [
        f"expected for `{part}`: {known.data[part].rows:,} rows, column `{column}` {entry}"
        for part in parts
        for column, entry in known.data[part].columns.items()
    ]
    if name in known.models:
        tensors = known.models[name].tensors
        listed = ", ".join(f"{key} {shape}" for key, shape in list(tensors.items())[:4])
        notes.append(f"expected: {listed}{', ...' if len(tensors) > 4 else ''}")
    kind = "model" if name in known.models else "data"
    return Diagnostic(
        code="CS628",
        message=f"the {kind} `{name}` of this run came from Python, and has to be given again",
        notes=tuple(notes),
        helps=(
            f"in Python: cspec.verify({str(path)!r}, {name}=...), the same for cspec.resume; or "
            f"--bind '{name}=...'",
        ),
    )

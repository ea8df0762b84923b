"""Taking files out of a run folder: those that its manifest lists, and no others.

    clear(path)      what an earlier run left under a name that a new run is given
    drop(path, ...)  checkpoints that are no longer kept

Nothing is reached through a link, and a file that no run wrote stays, whatever its name.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.runtime.evidence.manifest import (
    CHECKPOINTS,
    FILES,
    MANIFEST,
    Manifest,
    NoManifestError,
    is_checkpoint,
    is_folder,
    is_of_checkpoint,
    is_plain,
    is_remains,
    present,
    read_manifest,
)


def clear(path: Path) -> None:
    """Remove what the manifest of an earlier run lists; the manifest itself goes last.

    Raises:
        SpecError: CS620, before anything is removed: a folder that holds something else under a
            name that a run writes, or no manifest of a run at all.
    """
    if not path.exists() or not any(path.iterdir()):
        return
    try:
        manifest, _ = read_manifest(path)
    except NoManifestError as error:
        message = f"the folder {path} is not empty and holds no run"
        helps = ("name another with `--out FOLDER`",)
        found = Diagnostic(code="CS620", message=message, notes=(str(error),), helps=helps)
        raise found.error() from error
    _refuse_strange(path, manifest)
    for name in manifest.files:
        (path / name).unlink(missing_ok=True)
    for name in _remains(path, manifest):
        (path / name).unlink()
    folders = [p for p in (path / CHECKPOINTS).glob("*") if is_checkpoint(p.name)]
    for place in (*folders, path / CHECKPOINTS):
        if is_folder(place) and not any(place.iterdir()):
            place.rmdir()
    (path / MANIFEST).unlink()


def _remains(path: Path, manifest: Manifest) -> list[str]:
    """Files that a process which was killed has left: half written, or not listed yet."""
    found = [name for name in present(path) if not name.endswith("/") and is_plain(path / name)]
    running = manifest.state == "running"
    return [n for n in found if is_remains(n) or (running and is_of_checkpoint(n))]


def _refuse_strange(path: Path, manifest: Manifest) -> None:
    """Files under names that a run writes, which this manifest does not list."""
    listed = [n for n in manifest.files if not is_plain(path / n) and (path / n).is_symlink()]
    folders = [CHECKPOINTS, *(f"{CHECKPOINTS}/{name}" for name in manifest.checkpoints())]
    links = [n for n in folders if (path / n).is_symlink()]
    known = {*manifest.files, *_remains(path, manifest)}
    known |= {f"{CHECKPOINTS}/{p.name}/" for p in (path / CHECKPOINTS).glob("*")}
    strange = [
        name
        for name in present(path)
        if name not in known and (name in FILES or name.startswith(f"{CHECKPOINTS}/"))
    ]
    found = [*(f"{name} is a link" for name in (*listed, *links))]
    found += [f"{name} is not listed in {MANIFEST}" for name in strange if name not in links]
    if found:
        raise Diagnostic(
            code="CS620",
            message=f"the folder {path} holds files that no run wrote",
            notes=tuple(found[:5]),
            helps=("name another folder with --out, or move these files away",),
        ).error()


def drop(path: Path, names: Iterable[str]) -> None:
    """Remove checkpoints by name; one that is a link stays."""
    for name in names:
        place = path / CHECKPOINTS / name
        if is_folder(path / CHECKPOINTS) and is_folder(place):
            shutil.rmtree(place, ignore_errors=True)


def tidy(path: Path, manifest: Manifest) -> list[str]:
    """Remove what a killed process has left; the names of checkpoints that it had not listed."""
    listed = manifest.checkpoints()
    found = {n.split("/")[1] for n in _remains(path, manifest) if n.startswith(f"{CHECKPOINTS}/")}
    empty = {p.name for p in (path / CHECKPOINTS).glob("*") if is_folder(p) and _is_empty(p)}
    unlisted = sorted(n for n in found | empty if n not in listed and is_checkpoint(n))
    for name in _remains(path, manifest):
        if name not in manifest.files:
            (path / name).unlink()
    for name in unlisted:
        place = path / CHECKPOINTS / name
        if is_folder(place) and _is_empty(place):
            place.rmdir()
    return [name for name in unlisted if not name.startswith(".")]


def _is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())

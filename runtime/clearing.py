"""Taking files out of a run folder: those that its manifest lists, and no others.

    clear(path)      what an earlier run left under a name that a new run is given
    drop(path, ...)  checkpoints that are no longer kept

Nothing is reached through a link, and a file that no run wrote stays, whatever its name.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from cspec.dsl.diagnostics import Diagnostic, SpecError
from cspec.runtime.manifest import (
    CHECKPOINTS,
    FILES,
    MANIFEST,
    Manifest,
    NoManifestError,
    is_checkpoint,
    is_folder,
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
        message = f"the folder {path} is not empty and holds no run; name another with --out"
        raise SpecError([Diagnostic(code="CS620", message=message, notes=(str(error),))]) from error
    _refuse_strange(path, manifest)
    for name in manifest.files:
        (path / name).unlink(missing_ok=True)
    for name in present(path):
        if is_remains(name) and is_plain(path / name):
            (path / name).unlink()
    for checkpoint in (*manifest.checkpoints(), ""):
        place = path / CHECKPOINTS / checkpoint
        if is_folder(place) and not any(place.iterdir()):
            place.rmdir()
    (path / MANIFEST).unlink()


def _refuse_strange(path: Path, manifest: Manifest) -> None:
    """Files under names that a run writes, which this manifest does not list."""
    listed = [n for n in manifest.files if not is_plain(path / n) and (path / n).is_symlink()]
    folders = [CHECKPOINTS, *(f"{CHECKPOINTS}/{name}" for name in manifest.checkpoints())]
    links = [n for n in folders if (path / n).is_symlink()]
    strange = [
        name
        for name in present(path)
        if name not in manifest.files
        and not is_remains(name)
        and (name in FILES or name.startswith(f"{CHECKPOINTS}/"))
    ]
    found = [*(f"{name} is a link" for name in (*listed, *links))]
    found += [f"{name} is not listed in {MANIFEST}" for name in strange if name not in links]
    if found:
        raise SpecError(
            [
                Diagnostic(
                    code="CS620",
                    message=f"the folder {path} holds files that no run wrote",
                    notes=tuple(found[:5]),
                    helps=("name another folder with --out, or move these files away",),
                )
            ]
        )


def drop(path: Path, names: Iterable[str]) -> None:
    """Remove checkpoints by name; one that is a link stays."""
    for name in names:
        place = path / CHECKPOINTS / name
        if is_folder(path / CHECKPOINTS) and is_folder(place):
            shutil.rmtree(place, ignore_errors=True)


def tidy(path: Path, manifest: Manifest) -> list[str]:
    """Remove what a process that was killed while it wrote has left; names of checkpoints."""
    listed = manifest.checkpoints()
    unlisted = []
    for name in present(path):
        if is_remains(name) and is_plain(path / name):
            (path / name).unlink()
        parts = name.rstrip("/").split("/")
        if parts[0] == CHECKPOINTS and len(parts) > 1 and parts[1] not in listed:
            unlisted.append(parts[1])
    found = sorted({name for name in unlisted if is_checkpoint(name)})
    drop(path, found)
    return [name for name in found if not name.startswith(".")]

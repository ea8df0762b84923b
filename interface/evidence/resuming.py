"""A run that goes on: only with what it began with, or with changes that somebody accepts."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cspec.compiler.records.program import Program
from cspec.evidence.differences import Difference
from cspec.evidence.reopening import NOT_LISTED, Found, Reopened, changed, find, reopen
from cspec.running.train import check_device, with_page
from cspec.runtime.result.result import Result
from cspec.runtime.run.execute import resume
from cspec.runtime.run.lock import held

ACCEPT = "to go on with them all the same: --accept-changes (in Python accept_changes=True)"
WRITTEN_ANEW = (
    "log.jsonl", "report.json", "report.html", "model.safetensors", "finished.json", "checkpoints/",
)  # fmt: skip
"""What a resumed run writes itself; of checkpoints the newest that is as recorded is used."""


class Resumption(NamedTuple):
    """A run that may go on."""

    again: Reopened
    accepted: tuple[str, ...]
    """Changes that it goes on with."""

    @property
    def program(self) -> Program:
        """What its spec compiles to now."""
        return self.again.prepared.program


def resumption(
    path: Path,
    bindings: Mapping[str, Any],
    *,
    accept_changes: bool = False,
    base: Path | None = None,
) -> Resumption:
    """A run bound and compiled anew, and compared with what was recorded.

    The program is the one that the spec of the folder compiles to now. Spec, data, models, code
    and versions that are not as recorded are refused by name; with `accept_changes` the run goes
    on, and its manifest and its report say with what.

    Raises:
        SpecError: what has changed; no run there, data or models that are missing.
    """
    found = find(path, base)
    wrong = [*_decisive(found.files), *found.code]
    if wrong and not accept_changes:
        # Before anything of the spec is bound: changed code does not run.
        raise changed(path, wrong, ACCEPT).error()
    again = reopen(found, bindings)
    wrong = [*_decisive(again.differences), *again.versions]
    if wrong and not accept_changes:
        raise changed(path, wrong, ACCEPT).error()
    check_device(found.device)
    return Resumption(again, tuple(dict.fromkeys(map(str, wrong))))


def go_on(
    resumed: Resumption, on_progress: Callable[[Mapping[str, Any]], None] | None = None
) -> Result:
    """Continue from the last good checkpoint, to the same bits.

    Raises:
        SpecError: none of the checkpoints is usable.
    """
    again, accepted = resumed.again, resumed.accepted
    folder = again.found.folder

    def start(step: int) -> tuple[str, ...]:
        left = [f"checkpoint {name} was not listed, and is not used" for name in folder.tidy()]
        folder.goes_on(resumed.program, again.origins, again.command.text(), accepted, step)
        said = [f"resumed with a change that was accepted: {text}" for text in accepted]
        return (*said, *again.roundings, *left, *_beside(again.found))

    with held(folder.path):
        result = resume(
            folder,
            resumed.program,
            again.prepared.bound,
            seed=again.prepared.seed,
            device=again.found.device,
            on_progress=on_progress,
            on_start=start,
        )
        return with_page(folder, result, resumed.program)


def _beside(found: Found) -> list[str]:
    """What a run says of files that it goes on without.

    A run that was killed while it wrote its outputs has some that its manifest does not list yet.
    """
    others = [d for d in found.files if not _decides(d)]
    cut_short = found.manifest is not None and found.manifest.state == "running"
    unlisted = [d for d in others if cut_short and d.what.endswith(NOT_LISTED)]
    early = [d for d in unlisted if d.what.startswith(WRITTEN_ANEW)]
    names = ", ".join(d.what.removesuffix(f" {NOT_LISTED}") for d in early)
    said = [f"written before the run was cut short, and written anew: {names}"] if early else []
    return said + [f"not as recorded, and not used: {d}" for d in others if d not in early]


def _decisive(differences: Iterable[Difference]) -> list[Difference]:
    """Those that a run must not go on with."""
    return [difference for difference in differences if _decides(difference)]


def _decides(difference: Difference) -> bool:
    """Whether a run depends on it: not on files that it writes anew, nor on strange ones."""
    if difference.part != "file":
        return True
    return not (difference.what.startswith(WRITTEN_ANEW) or difference.what.endswith(NOT_LISTED))

"""Training a prepared spec, and coming back to a run: resume it, or measure it again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from cspec.compiler.program import Program
from cspec.dsl.diagnostics import Diagnostic, SpecError
from cspec.files import write_text
from cspec.pipeline import Prepared
from cspec.render.report_html import report_html
from cspec.runtime.binding import Bound, bind, inputs_of
from cspec.runtime.conclude import conclude
from cspec.runtime.execute import drive, load_module, refuse_unmeetable, resume
from cspec.runtime.interruption import deferred, uninterrupted
from cspec.runtime.places import made, require_room
from cspec.runtime.rescue import attempt
from cspec.runtime.result import Result
from cspec.runtime.run_folder import RunFolder
from cspec.runtime.run_lock import held
from cspec.runtime.session import Session

OnProgress = Callable[[Mapping[str, Any]], None]
COMMAND = "command.json"
"""What a run was told from outside; `resume` and `verify` bind the same again."""
RUNS = Path("runs")


def train(
    prepared: Prepared,
    *,
    seed: int | None = None,
    device: str = "cpu",
    out: str | Path | None = None,
    on_progress: OnProgress | None = None,
    base: Path | None = None,
    bindings: Mapping[str, str] | None = None,
) -> Result:
    """Train and verify; with `out`, the folder also gets the HTML report and what was bound.

    Raises:
        SpecError: what can't be run, or an error inside the user's model or functions.
    """
    check_device(device)
    program, bound = prepared.program, prepared.bound
    seed = int(program.fit["seed"]) if seed is None else seed
    place = None if out is None else Path(out)
    with held(place):
        session = Session(
            program,
            bound,
            load_module(program, bound.functions),
            seed=seed,
            device=device,
            on_progress=on_progress,
        )
        refuse_unmeetable(session)
        if place is None:
            return drive(session, None)
        with deferred():
            folder = RunFolder.create(place, program, seed, device)
            command = {"base": str((base or Path()).resolve()), "bindings": dict(bindings or {})}
            write_text(folder.path / COMMAND, json.dumps(command, indent=1) + "\n")
        require_room(place, sum(p.nbytes for p in session.parameters))
        return _with_page(place, drive(session, folder), program)


def _with_page(path: Path, result: Result, program: Program) -> Result:
    """The result of a run whose folder gets the HTML report; a note where it does not."""
    notes: list[str] = []

    def write() -> None:
        write_text(path / "report.html", report_html(result, program))

    with uninterrupted():
        attempt(notes, "report.html is not written", write, None)
    return replace(result, notes=(*result.notes, *notes)) if notes else result


def new_folder(program: Program, seed: int) -> Path:
    """`runs/quick-4db76d68-seed0`, made; a name that is taken gets a number.

    So nothing is lost, and of runs that begin at the same time each has a folder of its own.

    Raises:
        SpecError: CS620, it can't be made.
    """
    stem = Path(program.name).stem if program.name.endswith(".cspec") else "spec"
    first = RUNS / f"{stem}-{program.digest[:8]}-seed{seed}"
    number, path = 1, first
    while not made(path):
        number += 1
        path = first.with_name(f"{first.name}-{number}")
    return path


def check_device(device: str) -> None:
    """A device that torch knows and this machine has.

    Raises:
        SpecError: it does not.
    """
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        message = f"device `{device}` can't be used: {str(error).splitlines()[0]}"
        found = Diagnostic(code="CS641", message=message, helps=(_usable_devices(),))
        raise SpecError([found]) from error


def _usable_devices() -> str:
    """What `--device` may name on this machine."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    found = ["cpu", *(f"cuda:{i}" for i in range(count))]
    found += ["mps"] if torch.backends.mps.is_available() else []
    if len(found) == 1:
        return "this machine has no GPU that torch can use: leave `--device` out, or write cpu"
    return f"this machine has {', '.join(found)}"


def _rebound(folder: RunFolder, bindings: Mapping[str, Any]) -> tuple[Program, int, str, Bound]:
    """The program of a run with its data and models bound again."""
    try:
        program, seed, device = folder.program()
        command = json.loads((folder.path / COMMAND).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        command = {"base": ".", "bindings": {}}
        if Path(error.filename or "").name != COMMAND:
            raise _damaged(folder, error) from error
        program, seed, device = folder.program()
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(folder, error) from error
    base = Path(command["base"])
    inputs = inputs_of(program, base)
    # The program's setups name what texts were bound to; only objects have to be given again.
    return program, seed, device, bind(inputs, bindings, seed=seed)


def _damaged(folder: RunFolder, error: Exception) -> SpecError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    message = f"the files of the run {folder.path} can't be read: {reason}"
    helps = ("run again into another folder: `cspec run FILE --out FOLDER`",)
    return SpecError([Diagnostic(code="CS623", message=message, helps=helps)])


def resume_run(
    path: Path, bindings: Mapping[str, Any], on_progress: OnProgress | None = None
) -> Result:
    """Continue a run from its last good checkpoint.

    Raises:
        SpecError: no run there, none of its checkpoints is usable, data or models are missing.
    """
    folder = RunFolder.open(path)
    with held(path):
        program, _, device, bound = _rebound(folder, bindings)
        check_device(device)
        return _with_page(path, resume(path, bound, on_progress=on_progress), program)


def program_of(path: Path) -> Program:
    """The program of a run's folder.

    Raises:
        SpecError: no run there, or a damaged one.
    """
    folder = RunFolder.open(path)
    try:
        return folder.program()[0]
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(folder, error) from error


def verify_run(path: Path, bindings: Mapping[str, Any]) -> Result:
    """Load the delivered parameters of a run and measure every requirement again.

    Raises:
        SpecError: no run there, or one that was not finished.
    """
    folder = RunFolder.open(path)
    program, seed, device, bound = _rebound(folder, bindings)
    check_device(device)
    try:
        tensors = load_file(path / "model.safetensors")
    except (OSError, SafetensorError) as error:
        message = f"{path} has no parameters to verify (model.safetensors)"
        found = Diagnostic(code="CS624", message=message, helps=(f"cspec resume {path}",))
        raise SpecError([found]) from error
    module = load_module(program, bound.functions)
    session = Session(program, bound, module, seed=seed, device=device)
    folder.restore(session)
    session.watch.best = replace(session.best or session.iterate(), tensors=tensors)
    session.termination = "measured again"
    return conclude(session, seconds=session.seconds, out=str(path))

"""Training a prepared spec; its folder gets the report and all that the run was made from."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from cspec.compiler.records.program import Program
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.reading.files import write_text
from cspec.render.report_html import report_html
from cspec.running.brought_in import brought_in
from cspec.running.prepare import Prepared
from cspec.runtime.evidence.manifest import Origins, origins
from cspec.runtime.evidence.told import told
from cspec.runtime.failures import attempt
from cspec.runtime.result.result import Result
from cspec.runtime.run.execute import run
from cspec.runtime.run.folder import RunFolder
from cspec.runtime.run.interruption import uninterrupted
from cspec.runtime.run.places import made
from cspec.runtime.session.session import Progress

RUNS = Path("runs")


def train(
    prepared: Prepared,
    *,
    out: str | Path | None = None,
    on_progress: Progress | None = None,
    bindings: Mapping[str, Any] | None = None,
    params: Mapping[str, object] | None = None,
) -> Result:
    """Train and verify; with `out`, the folder also gets the HTML report and what it was told.

    `bindings` and `params` are what the spec was prepared with.

    Raises:
        SpecError: what can't be run, or an error inside the user's model or functions.
    """
    check_device(prepared.device)
    program, bound, names = prepared.program, prepared.bound, bindings or {}
    record, objects = told(program.name, prepared.base, params or {}, names)

    def made_from() -> Origins:
        modules = brought_in(prepared.plan.checked, names)
        return origins(program, bound, prepared.base, modules=modules, objects=objects)

    return run(
        program,
        bound,
        seed=prepared.seed,
        device=prepared.device,
        out=out,
        on_progress=on_progress,
        told=record.text(),
        made_from=made_from,
        finished=lambda folder, result: with_page(folder, result, program),
    )


def with_page(folder: RunFolder, result: Result, program: Program) -> Result:
    """The result of a run whose folder gets the HTML report; a note where it does not."""
    notes: list[str] = []

    def write() -> None:
        write_text(folder.path / "report.html", report_html(result, program))
        folder.seal()

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
        raise found.error() from error


def _usable_devices() -> str:
    """What `--device` may name on this machine."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    found = ["cpu", *(f"cuda:{i}" for i in range(count))]
    found += ["mps"] if torch.backends.mps.is_available() else []
    if len(found) == 1:
        return "this machine has no GPU that torch can use: leave `--device` out, or write cpu"
    return f"this machine has {', '.join(found)}"

"""Running a program: load the emitted module, train, verify, hand back the result."""

import linecache
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from cspec.compiler.records.program import Program
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.settings.methods import SOLVERS
from cspec.runtime.bind.bind import Bound
from cspec.runtime.evidence.ledger import asker_of, looks_beside, looks_of, spent_of
from cspec.runtime.evidence.manifest import Origins, origins
from cspec.runtime.failures import one_line
from cspec.runtime.measure.requirements import Measurement, judged, refuse_constant
from cspec.runtime.models.in_parts import in_parts
from cspec.runtime.models.parametrization import settle_
from cspec.runtime.models.without_trace import constants_in
from cspec.runtime.result.iterate import Iterate
from cspec.runtime.result.result import Result
from cspec.runtime.run.explain_failure import explain_failure
from cspec.runtime.run.flat_start import leave_flat_start
from cspec.runtime.run.folder import RunFolder
from cspec.runtime.run.interruption import Interruption, Signals, deferred, interruptible
from cspec.runtime.run.lock import held
from cspec.runtime.run.places import require_room
from cspec.runtime.session.pieces import complete
from cspec.runtime.session.session import Progress, Session
from cspec.runtime.session.snapshots import load_tensors, plain_tensors, tensors_of
from cspec.runtime.verdict.conclude import conclude, result_of, variables

Finished = Callable[[RunFolder, Result], Result]
"""What is done with a folder that has its report: the result, and what it says of that."""
LARGEST = 32 * 2**20
"""Bytes of a block up to which glibc learns from one that is freed (DEFAULT_MMAP_THRESHOLD_MAX)."""


def module_file(program: Program) -> str:
    """The file name that tracebacks show for the emitted module."""
    return f"<cspec {program.name} {program.digest[:12]}>"


def load_module(
    program: Program, functions: Mapping[str, Callable[..., Any]] | None = None
) -> dict[str, Any]:
    """Execute the emitted source in a namespace of its own; tracebacks show its lines.

    `functions` are the Python callables that the spec names, by their names there.

    The source is made by the compiler from checked names and numbers only.
    """
    name = module_file(program)
    lines = program.source.splitlines(keepends=True)
    linecache.cache[name] = (len(program.source), None, lines, name)
    namespace: dict[str, Any] = {"__name__": "cspec_program", "__file__": name}
    exec(compile(program.source, name, "exec"), namespace)
    inject(program, functions or {}, namespace)
    complete(namespace)
    return namespace


def inject(
    program: Program, functions: Mapping[str, Callable[..., Any]], namespace: dict[str, Any]
) -> None:
    """Put the spec's Python callables under the names that the emitted module calls them by."""
    for function in program.functions:
        if function.name in functions:
            namespace[function.python] = functions[function.name]


@torch.inference_mode(False)
def run(
    program: Program,
    bound: Bound,
    *,
    seed: int | None = None,
    device: str = "cpu",
    out: str | Path | None = None,
    on_progress: Progress | None = None,
    module: dict[str, Any] | None = None,
    told: str | None = None,
    made_from: Callable[[], Origins] | None = None,
    finished: Finished = lambda folder, result: result,
) -> Result:
    """Train and verify. `seed` defaults to the spec's; `module` is the emitted one, loaded.

    `out` is a folder for the run's files, `told` the text of its `command.json`; `made_from` finds
    what its manifest says the run was made from, by default what is bound; `finished` adds to a
    folder that is complete.

    Ctrl-C, SIGTERM and SIGHUP end the run after the step in hand: it is measured, written and
    returned with status `interrupted`; so is a run that is interrupted while its end is measured,
    with what was known before. A second Ctrl-C does not wait for the step.

    Raises:
        SpecError: what can't be run, or an error inside the user's model or functions.
    """
    seed = int(program.fit["seed"]) if seed is None else seed
    if module is None:
        namespace: Mapping[str, Any] = load_module(program, bound.functions)
    else:
        namespace = module
        inject(program, bound.functions, module)
        complete(module)
    place = None if out is None else Path(out)
    with held(place):
        found = None if place is None else (made_from or (lambda: origins(program, bound)))()
        session = Session(
            program, bound, namespace, seed=seed, device=device, on_progress=on_progress
        )
        with _released_where_refused(session):
            measure = session.measurer.measure
            refuse_constant(program, lambda constant: measure(session.places(constant)))
            look_up(session, place, found)
        if place is None:
            return drive(session, None)
        with deferred():
            folder = RunFolder.create(place, program, seed, device, found, told)
        require_room(place, sum(p.nbytes for p in session.parameters))
        return finished(folder, drive(session, folder))


def look_up(session: Session, place: Path | None, made_from: Origins | None) -> None:
    """What earlier certificates on the same rows have left for those of this run.

    Raises:
        SpecError: CS636, nothing.
    """
    program = session.program
    if all(c.certificate is None for c in program.constraints):
        return
    session.asker = asker_of(program, session.seed, plain_tensors(session.primal))
    if place is None or made_from is None:
        session.notes.append("without a folder this look at the split is in no ledger")
        return
    session.spent = spent_of(program, made_from.data, looks_beside(place), session.asker)


@contextmanager
def _released_where_refused(session: Session) -> Iterator[None]:
    """What a session holds is free again where its run is refused."""
    try:
        yield
    except SpecError:
        session.release()
        raise


@torch.inference_mode(False)
def resume(
    folder: RunFolder,
    program: Program,
    bound: Bound,
    *,
    seed: int,
    device: str = "cpu",
    on_progress: Progress | None = None,
    on_start: Callable[[int], tuple[str, ...]] = lambda step: (),
) -> Result:
    """Continue a run from the last good checkpoint of its folder, to the same bits.

    A solver that owns the run keeps no state of its own, and a run may have been killed before its
    first checkpoint: these start anew, and say so. `on_start` is told the step that the run goes on
    from, and what it answers is noted.

    Raises:
        SpecError: a folder without a usable checkpoint, or one that does not fit the program.
    """
    module = load_module(program, bound.functions)
    session = Session(program, bound, module, seed=seed, device=device, on_progress=on_progress)
    with _released_where_refused(session):
        anew = _restored(session, folder)
        session.notes.extend((*on_start(session.step), *anew))
        look_again(session, folder)
    return drive(session, folder)


def look_again(session: Session, folder: RunFolder) -> None:
    """Of a run that was taken up again: what its looks had left when it was begun, or now.

    Raises:
        SpecError: CS636.
    """
    program, manifest = session.program, folder.manifest
    if manifest is None or all(c.certificate is None for c in program.constraints):
        return
    session.asker = f"{program.digest} {session.seed} {folder.path.name}"
    looks = looks_beside(folder.path)
    session.spent = spent_of(program, manifest.origins.data, looks, session.asker)


def _restored(session: Session, folder: RunFolder) -> tuple[str, ...]:
    """Put a session where its run was left; why it starts anew, where it does."""
    method = session.program.method
    if method in SOLVERS:
        folder.restart(session)
        return (f"started anew: `{method}` owns the run, and keeps no state to go on from",)
    try:
        found = folder.restore(session)
    except (KeyError, RuntimeError, ValueError, TypeError, IndexError) as error:
        message = (
            f"the last checkpoint of {folder.path} does not fit the program: {one_line(error)}"
        )
        help_ = "run the spec anew: cspec run"
        raise Diagnostic(code="CS626", message=message, helps=(help_,)).error() from error
    if found:
        return ()
    folder.restart(session)
    return ("started anew: the run was stopped before its first checkpoint",)


def drive(session: Session, folder: RunFolder | None) -> Result:
    """Call the emitted `train`, then verify; a folder gets log, checkpoints and report."""
    started = time.monotonic() - session.seconds
    keep_freed_memory()
    if folder is not None:
        session.at_boundary = folder.tick
        session.keep = folder.checkpoint
    with interruptible(session) as signals:
        _train(session, folder)
        signals.loop_is_over()
        session.termination = _termination(session)
        session.seconds = time.monotonic() - started
        result = _concluded(session, signals, None if folder is None else str(folder.path))
        if folder is not None and result.termination != "interrupted":
            _record_looks(session, folder)
        return result if folder is None else folder.finish(result)


def keep_freed_memory() -> None:
    """Have the allocator keep what a step frees for the step behind it.

    glibc gives large blocks back to the system at once, and each page of them is cleared when it is
    taken again: an epoch of a small convolutional network on MNIST had 800,000 such pages. A block
    that is freed raises the size from which on it does so to its own, and what it keeps to twice of
    it (`man mallopt`, M_MMAP_THRESHOLD); what is never written to takes no memory. Other allocators
    keep what they like.
    """
    torch.empty(LARGEST - 2**16, dtype=torch.uint8)


def _record_looks(session: Session, folder: RunFolder) -> None:
    if folder.manifest is None:
        return
    data, name = folder.manifest.origins.data, folder.path.name
    split = session.watch.split or str(session.plan.dataset)
    times = {split: len(session.measured)}
    folder.look(looks_of(session.program, data, session.spent, session.asker, name, times))


def _train(session: Session, folder: RunFolder | None) -> None:
    """Call the emitted `train`; a second Ctrl-C tears it out of a step.

    Raises:
        SpecError: an error inside the user's model or functions.
    """
    with constants_in(session.dtype), in_parts(session.models(), session.fit.accumulate):
        try:
            leave_flat_start(session)
            session.module["train"](session)
        except KeyboardInterrupt:
            session.interrupted = True
        except SpecError:
            session.release()
            raise
        except Exception as error:
            found = explain_failure(session.program, error, module_file(session.program))
            if folder is not None and session.best is not None:
                kept_at = folder.rescue(session.best)
                found = found.model_copy(update={"notes": (*found.notes, kept_at)})
            for model in session.models():
                settle_(model)
            session.release()
            raise found.error() from error


def _concluded(session: Session, signals: Signals, out: str | None) -> Result:
    """The result; of a run that is interrupted while it is measured, what was known before."""
    end = kept(session)
    try:
        with signals.at_once():
            return conclude(session, seconds=session.seconds, out=out)
    except Interruption:
        return unfinished(session, end, seconds=session.seconds, out=out)


def _termination(session: Session) -> str:
    """Why a run ended; one that was interrupted in what follows the loop is not completed."""
    if session.interrupted and session.termination not in ("nonfinite", "unbounded"):
        return "interrupted"
    if session.termination:
        return session.termination
    return "completed" if session.step >= session.total_steps else "stop condition"


def kept(session: Session) -> Iterate:
    """The state of a session, to come back to: its best iterate, else this one, unmeasured."""
    if session.best is not None:
        return session.best
    return Iterate(
        step=session.step,
        epoch=session.epoch,
        objective=math.nan,
        violation=math.nan,
        values={},
        tensors=tensors_of(session.primal),
        state={name: value.clone() for name, value in session.state.items()},
        split=session.plan.dataset or "",
    )


def unfinished(session: Session, end: Iterate, *, seconds: float, out: str | None) -> Result:
    """The result of a run whose end was not measured, because it was interrupted there.

    What was measured on the way is told, of an iterate that was kept: of the best, or of none.
    """
    best = session.best or end
    load_tensors(session.primal, best.tensors)
    known = best.values
    said = "interrupted while the end of the run was measured: "
    said += (
        f"values are those of step {best.step:,}, measured on {best.split or 'the way'}"
        if known
        else f"the parameters are those of step {best.step:,}, and no value is known"
    )
    best = replace(best, tensors=plain_tensors(session.primal), vars=variables(session))
    return result_of(
        session,
        status="interrupted",
        termination="interrupted",
        objective=best.objective,
        constraints=tuple(
            judged(c, Measurement(*best.reading(c.label), best.split or None))
            for c in session.program.constraints
        ),
        metrics={},
        seconds=seconds,
        out=out,
        notes=[*session.notes, said],
        best=best,
    )

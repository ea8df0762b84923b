"""Run one spec by several methods, with several seeds each."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from cspec.comparing.kept import keep, kept, key_of
from cspec.comparing.table import Comparison, MethodRuns, measure
from cspec.comparing.using import Way, read_using, with_using
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError, errors
from cspec.dsl.tree.nodes import Objective
from cspec.reading.files import write_text
from cspec.reading.specs import checked_spec
from cspec.running.outside import Asked
from cspec.running.plans import planned
from cspec.running.prepare import prepare
from cspec.running.train import train
from cspec.runtime.models.hooks import copied
from cspec.runtime.result.result import Result
from cspec.runtime.run.places import require_folder

REFUSALS = ("CS4", "CS5", "CS610")
"""Codes by which a method says that it can't do a constraint, or fails on it; the rest are the
user's to mend. What a row changes for itself is its own affair, whatever is wrong with it."""

Note = Callable[[str], None]
OnRun = Callable[[str, Result], None]


def compare(
    asked: Asked,
    using: Sequence[str],
    *,
    seeds: int = 3,
    last: bool = False,
    device: str = "cpu",
    out: Path | None = None,
    note: Note = lambda _: None,
    on_run: OnRun = lambda _using, _run: None,
) -> Comparison:
    """Every method with every seed, one run after the other.

    Each method stands in place of the spec's `using`: for the constraints that have no `by` of
    their own. Seeds count up from the spec's. A method that can't do this spec is a row with its
    reason. Models bound as objects are copied, so that all runs begin at the same weights.

    With `out`, what was finished there before is read and not trained again (not where objects
    are bound): an interrupted comparison goes on with the same call.

    Raises:
        SpecError: what is wrong with the spec, with the text of a method, or with what is bound.
    """
    checked = checked_spec(asked.source, asked.params)
    if out is not None:
        require_folder(out)
    methods = _methods(using, checked.params)
    first = checked.fit.seed
    numbers = tuple(range(first, first + seeds))
    course = _Course(asked, device, out, last, numbers, len(methods) * seeds, note, on_run)
    rows = [course.row(place, text, way) for place, (text, way) in enumerate(methods.items(), 1)]
    sense = next((i.sense for i in checked.spec.items if isinstance(i, Objective)), "minimize")
    found = Comparison(asked.source.name, tuple(rows), numbers, last, course.interrupted, sense)
    if out is not None:
        _write(out, found, note)
    return found


def _write(out: Path, found: Comparison, note: Note) -> None:
    """The table as files; what can't be written costs no comparison."""
    texts = {"txt": str(found), "md": found.to_markdown(), "json": found.to_json()}
    try:
        for ending, text in texts.items():
            write_text(out / f"comparison.{ending}", f"{text}\n")
    except SpecError as error:
        note(f"the table is not written [CS607]: {error.diagnostics[0].message}")


def _methods(using: Sequence[str], params: Mapping[str, object]) -> dict[str, Way]:
    """The methods by their text; all mistakes in them at once."""
    found: list[Diagnostic] = []
    methods: dict[str, Way] = {}
    for text in using:
        method, said = read_using(text, params)
        found += said
        if text in methods:
            message = f"`{text}` is to be compared twice"
            helps = ("name it once; other settings make it another: `sal(penalty=0.1)`",)
            found.append(Diagnostic(code="CS505", message=message, helps=helps))
        if method is not None:
            methods[text] = method
    if not using:
        message = "there is no method to compare"
        helps = ("name some: `--using projection --using 'sal(penalty=0.1)'`",)
        found.append(Diagnostic(code="CS507", message=message, helps=helps))
    if errors(found):
        raise SpecError(found)
    return methods


@dataclass
class _Course:
    """The runs of a comparison in their order: how many are done, and whether it goes on."""

    asked: Asked
    device: str
    out: Path | None
    last: bool
    seeds: Sequence[int]
    total: int
    note: Note
    on_run: OnRun
    done: int = 0
    interrupted: bool = False

    def row(self, place: int, text: str, way: Way) -> MethodRuns:
        """The runs of one method, or why it can't do this spec."""
        runs: list[Result] = []
        refused = None
        for seed in self.seeds:
            if self.interrupted:
                break
            try:
                self._run(place, text, way, seed, runs)
            except SpecError as error:
                refused = _reason(error, own=bool(way.changes))
                self.note(f"{text}: refused: {refused}")
                self.done += len(self.seeds) - len(runs) - 1
                break
            except KeyboardInterrupt:  # outside of the training
                self.interrupted = True
        return MethodRuns(text, tuple(runs), self.last, refused)

    def _run(self, place: int, text: str, way: Way, seed: int, runs: list[Result]) -> None:
        named = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")[:40]
        folder = None if self.out is None else self.out / f"{place}-{named}-seed{seed}"
        self.done += 1
        started = time.monotonic()
        run = self._answer(way, seed, folder)
        if run.status == "interrupted":
            self.interrupted = True
            return
        runs.append(run)
        self.on_run(text, run)
        took = time.monotonic() - started
        said = f"{text}  seed {seed}  {_said(run, self.last)}  {took:.1f} s"
        self.note(f"{self.done}/{self.total}  {said}")

    def _answer(self, way: Way, seed: int, folder: Path | None) -> Result:
        """One run: read where it was finished before, else trained."""
        source, base, params, bindings = self.asked
        plan = planned(with_using(source, way), params)
        fresh = {
            name: copied(value) if isinstance(value, nn.Module) else value
            for name, value in bindings.items()
        }
        prepared = prepare(plan, fresh, base=base, seed=seed, device=self.device)
        key = key_of(prepared.program, seed, self.device, bindings)
        if (finished := kept(folder, key)) is not None:
            return finished
        run = train(prepared, out=folder, bindings=bindings, params=params)
        if folder is not None and run.status != "interrupted":
            keep(folder, key, run)
        return run


def _reason(error: SpecError, own: bool) -> str:
    """Why a method can't do a spec; anything but such a refusal goes on, unless it is its own."""
    wrong = errors(error.diagnostics)
    if not own and not all(found.code.startswith(REFUSALS) for found in wrong):
        raise error
    return "; ".join(dict.fromkeys(f"{found.message} [{found.code}]" for found in wrong))


def _said(run: Result, last: bool) -> str:
    judged = measure(run, last)
    metrics = "".join(f"  {name} {value:.4g}" for name, value in judged.metrics.items())
    return f"objective {judged.objective:.4g}{metrics}  {'met' if judged.met else 'NOT MET'}"

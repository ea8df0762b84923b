"""Run one spec by several methods, with several seeds each."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from cspec.comparing.kept import keep, kept, key_of
from cspec.comparing.table import Comparison, MethodRuns, measure
from cspec.comparing.using import Way, read_using, with_using
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError, errors
from cspec.dsl.text.source import Source
from cspec.dsl.tree.nodes import Objective
from cspec.reading.files import write_text
from cspec.reading.specs import checked_spec
from cspec.running.plans import planned
from cspec.running.prepare import prepare, seed_of
from cspec.running.train import train
from cspec.runtime.result.result import Result
from cspec.runtime.run.places import require_folder

REFUSALS = ("CS4", "CS5", "CS610")
"""Codes by which a method says that it can't do a constraint, or fails on it; the rest are the
user's to mend. What a row changes for itself is its own affair, whatever is wrong with it."""

Note = Callable[[str], None]
OnRun = Callable[[str, Result], None]


def compare(
    source: Source,
    using: Sequence[str],
    *,
    seeds: int = 3,
    last: bool = False,
    params: Mapping[str, object] | None = None,
    bindings: Mapping[str, Any] | None = None,
    base: Path = Path(),
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
    checked = checked_spec(source, params)
    if out is not None:
        require_folder(out)
    methods = _methods(using, checked.params)
    first = checked.fit.seed
    numbers = tuple(range(first, first + seeds))
    course = _Course(
        _Question(source, params or {}, bindings or {}, base, device, out, last),
        numbers,
        total=len(methods) * seeds,
        note=note,
        on_run=on_run,
    )
    rows = [course.row(place, text, way) for place, (text, way) in enumerate(methods.items(), 1)]
    sense = next((i.sense for i in checked.spec.items if isinstance(i, Objective)), "minimize")
    found = Comparison(source.name, tuple(rows), numbers, last, course.interrupted, sense)
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


@dataclass(frozen=True)
class _Question:
    """What is asked of every method alike: the spec, what it is bound to, and where it runs."""

    source: Source
    params: Mapping[str, object]
    bindings: Mapping[str, Any]
    base: Path
    device: str
    out: Path | None
    last: bool

    def answer(self, way: Way, seed: int, folder: Path | None) -> Result:
        """One run: read where it was finished before, else trained."""
        plan = planned(with_using(self.source, way), self.params)
        fresh = {
            name: copy.deepcopy(value) if isinstance(value, nn.Module) else value
            for name, value in self.bindings.items()
        }
        at = seed_of(plan, seed)
        prepared = prepare(plan, fresh, base=self.base, seed=at, device=self.device)
        key = key_of(prepared.program, seed, self.device, self.bindings)
        if (finished := kept(folder, key)) is not None:
            return finished
        run = train(
            prepared,
            seed=seed,
            device=self.device,
            out=folder,
            base=self.base,
            bindings=self.bindings,
            params=self.params,
        )
        if folder is not None and run.status != "interrupted":
            keep(folder, key, run)
        return run


class _Course:
    """The runs of a comparison in their order: how many are done, and whether it goes on."""

    def __init__(
        self,
        question: _Question,
        seeds: Sequence[int],
        *,
        total: int,
        note: Note,
        on_run: OnRun,
    ) -> None:
        self._question, self._seeds, self._total = question, seeds, total
        self._note, self._on_run = note, on_run
        self._done = 0
        self.interrupted = False

    def row(self, place: int, text: str, way: Way) -> MethodRuns:
        """The runs of one method, or why it can't do this spec."""
        runs: list[Result] = []
        refused = None
        for seed in self._seeds:
            if self.interrupted:
                break
            try:
                self._run(place, text, way, seed, runs)
            except SpecError as error:
                refused = _reason(error, own=bool(way.changes))
                self._note(f"{text}: refused: {refused}")
                self._done += len(self._seeds) - len(runs) - 1
                break
            except KeyboardInterrupt:  # outside of the training
                self.interrupted = True
        return MethodRuns(text, tuple(runs), self._question.last, refused)

    def _run(self, place: int, text: str, way: Way, seed: int, runs: list[Result]) -> None:
        out, last = self._question.out, self._question.last
        folder = None if out is None else out / f"{place}-{_slug(text)}-seed{seed}"
        self._done += 1
        started = time.monotonic()
        run = self._question.answer(way, seed, folder)
        if run.status == "interrupted":
            self.interrupted = True
            return
        runs.append(run)
        self._on_run(text, run)
        took = time.monotonic() - started
        said = f"{text}  seed {seed}  {_said(run, last)}  {took:.1f} s"
        self._note(f"{self._done}/{self._total}  {said}")


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


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")[:40]

"""A run folder measured again: does what it says hold?

The spec in the folder is compiled anew, the parameters in it are loaded into that program, every
requirement is measured, and all that the folder says is compared: values, bounds, tolerances and
verdicts of the report, plan and script, digests of files, data and code. Versions and threads are
told; where they are others, values may differ by rounding, verdicts may not.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from cspec.compiler.records.program import Program
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.evidence.differences import Difference, digest, short, unequal
from cspec.evidence.reopening import Found, Reopened, changed, find, here, reopen
from cspec.runtime.evidence.manifest import CHECKPOINTS, MANIFEST, Manifest, is_plain, plain_text
from cspec.runtime.files import sha256
from cspec.runtime.models.without_trace import made_in_inference
from cspec.runtime.result.result import Result, Status
from cspec.runtime.run.execute import load_module
from cspec.runtime.run.folder import RunFolder
from cspec.runtime.session import checkpoint
from cspec.runtime.session.checkpoint import CheckpointError
from cspec.runtime.session.session import Session
from cspec.runtime.session.snapshots import load_tensors
from cspec.runtime.verdict.remeasure import misfits, moved, recast, remeasure

WEIGHTS, REPORT = "model.safetensors", "report.json"
ROUNDING = 1e-5
"""Relative difference that other versions, threads or machines may make."""
FOUND = frozenset({"multiplier", "multiplier_norm", "sensitivity", "dual_state", "hardest"})
"""What training found of a constraint, and no measurement can tell."""
BESIDE = frozenset({"versions"})
"""What a report holds beside its result."""
SAID = "that no values meet all requirements is what the run found, and was not looked for again"
WHOLE = ("type", "spec", "method", "seed")


@dataclass(frozen=True)
class Verification:
    """What was measured again, and all that is not as the folder says.

    `str(verification)` is the text that `cspec verify` prints below the table.
    """

    folder: str
    result: Result
    differences: tuple[Difference, ...]
    remarks: tuple[str, ...]
    """Other versions and threads, changes that were accepted: named, and no failure."""
    held: tuple[str, ...]
    """What was compared and is as recorded."""
    manifest: str
    """SHA-256 of the manifest; empty where there is none."""
    program: Program

    @property
    def holds(self) -> bool:
        """Whether all that the folder says was found again."""
        return not self.differences

    @property
    def exit_code(self) -> int:
        """1 where the folder does not hold, else as of the run: 0 met, 3 not met, 4 infeasible."""
        return self.result.exit_code if self.holds else 1

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if self.holds:
            yield f"the evidence in {self.folder} holds: every value equals the one in the report"
        else:
            count = len(self.differences)
            things = "1 thing is" if count == 1 else f"{count} things are"
            yield f"the evidence in {self.folder} does NOT hold: {things} not as recorded"
            yield from (f"  {difference}" for difference in self.differences)
        yield from (f"  as recorded: {text}" for text in self.held)
        yield from (f"  note: {text}" for text in self.remarks)
        if self.manifest:
            yield f"  {MANIFEST}: sha256 {self.manifest}"

    def as_json(self) -> dict[str, Any]:
        """The result's object with what was compared."""
        return {
            **self.result.as_json(),
            "holds": self.holds,
            "differences": [d.as_json() for d in self.differences],
            "remarks": list(self.remarks),
            "manifest": self.manifest,
        }


def verify_run(path: Path, bindings: Mapping[str, Any], base: Path | None = None) -> Verification:
    """Compile the spec of a folder anew, measure the parameters in it, and compare.

    Raises:
        SpecError: what can't be measured at all: no run, no parameters, a spec that does not
            compile, data or models that are missing. Its notes say what else is not as recorded.
    """
    found = find(path, base)
    again = _reopened(found, bindings)
    differences = list(again.differences)
    tensors = _parameters(path, differences)
    program, bound = again.prepared.program, again.prepared.bound
    device = found.device if here(found.device) else "cpu"
    module = load_module(program, bound.functions)
    session = Session(program, bound, module, seed=again.prepared.seed, device=device)
    if found.manifest is not None:
        mine = (look for look in found.manifest.looks if look.run == path.name and look.error)
        session.spent = {look.data: look.spent for look in mine}
    wrong = misfits(session, tensors)
    if wrong:
        session.release()
        reason = "; ".join(wrong[:4])
        raise _unmeasured(path, f"they are not of this spec: {reason}", differences)
    differences += _moved(session, tensors, again)
    differences += [
        Difference("weights", f"{WEIGHTS}: `{name}`", ours, there)
        for name, there, ours in recast(session, tensors)
    ]
    initial = bool(session.initial) and bool(again.origins.objects)
    result = remeasure(session, tensors, str(path))
    exact = not again.versions and not again.roundings
    report = _report(path, differences)
    if report is not None:
        differences += _of_report(report, result, exact=exact, metrics=not initial)
        differences += _of_circumstances(report, found.manifest)
    differences += _of_checkpoints(found.folder, program.digest, report)
    if found.manifest is not None and found.manifest.state == "running":
        differences.append(Difference("file", f"{MANIFEST}: the run has not ended"))
    unique = tuple(dict.fromkeys(differences))
    if unique and result.status == "satisfied":
        result = replace(result, status="uncertified")
    infeasible = None if unique or report is None else _infeasible(report, result)
    if infeasible is not None:
        result = replace(result, status=infeasible)
    return Verification(
        folder=str(path),
        result=result,
        differences=unique,
        remarks=(*((SAID,) if infeasible is not None else ()), *_remarks(again, device)),
        held=_held(again),
        manifest=sha256((path / MANIFEST).read_bytes()) if is_plain(path / MANIFEST) else "",
        program=program,
    )


def _reopened(found: Found, bindings: Mapping[str, Any]) -> Reopened:
    try:
        return reopen(found, bindings)
    except SpecError as error:
        wrong = [*found.files, *found.code]
        if not wrong:
            raise
        said = changed(found.folder.path, wrong, "put these back as they were, and verify again")
        raise SpecError([*error.diagnostics, said]) from error


# --- parameters ----------------------------------------------------------------------------------


def _parameters(path: Path, differences: list[Difference]) -> dict[str, Tensor]:
    file = path / WEIGHTS
    try:
        if not is_plain(file):
            raise OSError("there is no such file")
        return load_file(file)
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise _unmeasured(path, str(error).splitlines()[0], differences) from error


def restored(path: Path, models: Mapping[str, Any]) -> None:
    """Put the parameters in the folder of a run into models and variables, by their names there.

    Raises:
        SpecError: CS624, no parameters there, or those of others.
    """
    tensors = _parameters(path, [])
    for name, model in models.items():
        if isinstance(model, nn.Module) and made_in_inference(model):
            message = f"`{name}` was made in inference mode: its parameters can't be set"
            helps = (
                f"give a copy, made outside of `torch.inference_mode()`: copy.deepcopy({name})",
            )
            raise Diagnostic(code="CS624", message=message, helps=helps).error()
    names = ", ".join(dict.fromkeys(key.partition(".")[0] for key in tensors))
    try:
        load_tensors(models, tensors)
    except (KeyError, RuntimeError) as error:
        listed = ", ".join(f"`{name}`" for name in models)
        said = " ".join(str(error).split())
        message = f"{path} has no parameters ({WEIGHTS}) for {listed} as given: {said}"
        helps = (f"it has those of {names}: give these names, each of its own architecture",)
        raise Diagnostic(code="CS624", message=message, helps=helps).error() from error


def _unmeasured(path: Path, why: str, differences: list[Difference]) -> SpecError:
    return Diagnostic(
        code="CS624",
        message=f"{path} has no parameters to verify ({WEIGHTS}): {why}",
        notes=tuple(map(str, differences)),
        helps=(f"cspec resume {path}",),
    ).error()


def _moved(session: Session, tensors: Mapping[str, Tensor], again: Reopened) -> list[Difference]:
    """Frozen models whose parameters in the folder are not those that the spec binds."""
    bound = again.prepared.bound
    origin = {setup.name: setup.frozen_of or setup.name for setup in bound.model_setups}
    texts = {name for name in bound.models if origin.get(name, name) not in again.origins.objects}
    return [
        Difference("weights", f"{WEIGHTS}: `{name}`, which nothing trains, is not what is bound")
        for name in moved(session, tensors, frozenset(texts))
    ]


# --- the report ----------------------------------------------------------------------------------


def _report(path: Path, differences: list[Difference]) -> dict[str, Any] | None:
    try:
        content = json.loads(plain_text(path / REPORT) or "")
        assert isinstance(content, dict) and isinstance(content["constraints"], list)
        return content
    except (ValueError, KeyError, AssertionError, RecursionError):
        differences.append(Difference("file", f"{REPORT} can't be read: nothing to compare with"))
        return None


def _of_report(
    report: Mapping[str, Any], result: Result, *, exact: bool, metrics: bool
) -> list[Difference]:
    """Everything that the report says and that can be measured again."""
    now = result.as_json()
    keys = ("objective", "vars", *(("metrics",) if metrics else ()))
    was = {key: report.get(key) for key in (*WHOLE, *keys)}
    found = list(_compared("report.json", was, {key: now[key] for key in was}, exact))
    before = {str(c.get("name")): c for c in report["constraints"] if isinstance(c, dict)}
    if len(before) != len(report["constraints"]):
        found.append(Difference("verdict", "report.json: a constraint stands there twice"))
    here_ = {str(c["name"]): c for c in now["constraints"]}
    for name in dict.fromkeys([*before, *here_]):
        if name not in before or name not in here_:
            there = "in the report only" if name in before else "not in the report"
            found.append(Difference("verdict", f"report.json: constraint `{name}` is {there}"))
            continue
        old, new = (
            {k: v for k, v in c.items() if k not in FOUND} for c in (before[name], here_[name])
        )
        found += _compared(f"report.json: `{name}`", old, new, exact)
    if len(found) == 0 and list(before) != list(here_):
        listed = ", ".join(before), ", ".join(here_)
        found.append(Difference("verdict", "report.json: order of the constraints", *listed))
    strange = [key for key in report if key not in now and key not in BESIDE]
    found += [Difference("file", f"report.json: `{key}`, which no run writes") for key in strange]
    return [*found, *_of_status(report.get("status"), result)]


def _compared(
    where: str, was: Mapping[str, Any], now: Mapping[str, Any], exact: bool
) -> Iterator[Difference]:
    for at, a, b in unequal(dict(was), dict(now)):
        if not exact and _rounded(a, b):
            continue
        yield Difference("value", f"{where}: {at}", _said(a), _said(b))


def _said(value: object) -> str:
    """A value of the report; JSON has no NaN."""
    return "no finite number" if value is None else short(value)


def _rounded(a: object, b: object) -> bool:
    """Whether two numbers are the same but for rounding."""
    if not _number(a) or not _number(b):
        return False
    x, y = float(str(a)), float(str(b))
    return abs(x - y) <= ROUNDING * max(1.0, abs(x), abs(y))


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_status(status: object, result: Result) -> list[Difference]:
    """The verdict as a whole; how a run ended is no matter of measuring."""
    met = all(c.satisfied for c in result.constraints if not c.soft)
    claims = status == "satisfied"
    denies = status in ("violated", "infeasible", "suspected_infeasible")
    if (claims and result.status != "satisfied") or (denies and met):
        return [Difference("verdict", "report.json: status", str(status), result.status)]
    return []


def _infeasible(report: Mapping[str, Any], result: Result) -> Status | None:
    """What the run said of requirements that are not met, where that is more than a measurement."""
    if result.status != "violated":
        return None
    said: tuple[Status, ...] = ("infeasible", "suspected_infeasible")
    return next((status for status in said if status == report.get("status")), None)


def _of_circumstances(report: Mapping[str, Any], manifest: Manifest | None) -> list[Difference]:
    """Versions, which report and manifest both have."""
    held = report.get("versions")
    if manifest is None or not isinstance(held, dict):
        return []
    written = {name: text for name, text in held.items() if name != "platform"}
    places = unequal(written, manifest.circumstances.versions)
    return [
        Difference(
            "file", f"{REPORT} and {MANIFEST} differ in the version of {at}", short(a), short(b)
        )
        for at, a, b in places
    ]


# --- checkpoints ---------------------------------------------------------------------------------


def _of_checkpoints(
    folder: RunFolder, plan: str, report: Mapping[str, Any] | None
) -> list[Difference]:
    """Checkpoints that can't be read, are of another plan, or end at another step.

    Those up to the step at which changes were accepted are of the plan before.
    """
    if folder.manifest is None:
        return []
    found: list[Difference] = []
    last: Mapping[str, Any] | None = None
    taken_up = max((change.step for change in folder.manifest.accepted), default=-1)
    for name in folder.manifest.checkpoints():
        where = f"{CHECKPOINTS}/{name}"
        try:
            saved = checkpoint.load(folder.checkpoints / name)
        except CheckpointError as error:
            found.append(Difference("file", f"{where}: {error}"))
            continue
        last = saved
        before = isinstance(saved.get("step"), int) and saved["step"] <= taken_up
        if saved.get("digest") != plan and not before:
            was = digest(str(saved.get("digest")))
            found.append(Difference("file", f"{where} is of another plan", was, digest(plan)))
        if saved.get("seed") != folder.manifest.seed:
            seeds = str(saved.get("seed")), str(folder.manifest.seed)
            found.append(Difference("file", f"{where} is of another seed", *seeds))
    return found if report is None or last is None else [*found, *_of_end(report, last)]


def _of_end(report: Mapping[str, Any], last: Mapping[str, Any]) -> Iterator[Difference]:
    """Steps and epochs, which the report and the last checkpoint both have."""
    for said, kept in (("steps", "step"), ("epochs", "epoch")):
        was, now = report.get(said), last.get(kept)
        if was != now:
            what = f"report.json: {said}, beside the last checkpoint"
            yield Difference("file", what, str(was), str(now))


# --- what is said --------------------------------------------------------------------------------


def _remarks(again: Reopened, device: str) -> tuple[str, ...]:
    found = [f"{difference}; values may differ by rounding" for difference in again.versions]
    found += again.roundings
    if device != again.found.device:
        found.append(f"trained on {again.found.device}, measured on {device}")
    manifest = again.found.manifest
    if manifest is not None and manifest.trusted:
        found.append(f"run with trust in {', '.join(f'`{name}`' for name in manifest.trusted)}")
    if manifest is not None and "report.html" not in manifest.files:
        found.append("report.html is neither there nor listed: a full disk, or it was taken out")
    for accepted in manifest.accepted if manifest is not None else ():
        said = "; ".join(accepted.changes)
        found.append(f"resumed at step {accepted.step:,} with changes that were accepted: {said}")
    found += [
        f"data `{name}`: {data.streamed}, so the batches themselves have no digest"
        for name, data in again.origins.data.items()
        if data.streamed
    ]
    return tuple(found)


def _held(again: Reopened) -> tuple[str, ...]:
    wrong = {difference.part for difference in again.differences}
    manifest = again.found.manifest
    if manifest is None:
        return ()
    found = []
    if not wrong & {"file", "spec"}:
        found.append(f"{len(manifest.files)} files")
    if "plan" not in wrong:
        found.append("the plan and the script, compiled anew")
    if "data" not in wrong and again.origins.data:
        listed = (f"{name} ({d.rows:,} rows)" for name, d in again.origins.data.items())
        found.append(f"data {', '.join(listed)}")
    if "code" not in wrong and again.origins.code:
        found.append(f"code {', '.join(again.origins.code)}")
    return tuple(found)

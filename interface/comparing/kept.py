"""Runs of a comparison that an earlier call has finished: read again, not computed again.

The folder of each run keeps `finished.json`: its result, and a key of all that the result depends
on (spec with method, settings and data's facts by the program's digest, seed, device, names bound,
version). Another key means another run: the folder is trained anew.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cspec import __version__
from cspec.compiler.records.program import Program
from cspec.reading.files import write_text
from cspec.runtime.result.constraint import ConstraintResult
from cspec.runtime.result.iterate import Iterate
from cspec.runtime.result.result import TOLD, Result
from cspec.runtime.run.folder import RunFolder

FINISHED = "finished.json"


def key_of(program: Program, seed: int, device: str, bindings: Mapping[str, Any]) -> str | None:
    """What a run depends on; None where objects are bound, which no text can stand for."""
    if not all(isinstance(value, str) for value in bindings.values()):
        return None
    parts = [program.digest, seed, device, sorted(bindings.items()), __version__]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def keep(folder: Path, key: str | None, result: Result) -> None:
    """Write a finished run down beside its other files."""
    if key is not None:
        text = json.dumps({"key": key, "result": result.as_json()}, allow_nan=False)
        write_text(folder / FINISHED, text + "\n")
        RunFolder.open(folder).seal()


def kept(folder: Path | None, key: str | None) -> Result | None:
    """The run that was finished here, if it is this one; its models are not loaded."""
    if folder is None or key is None:
        return None
    try:
        found = json.loads((folder / FINISHED).read_text())
        return _result(found["result"]) if found["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _number(value: float | None) -> float:
    """JSON has null where a number was not finite."""
    return math.nan if value is None else value


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: _number(value) for name, value in values.items()}


def _result(found: dict[str, Any]) -> Result:
    read = {
        "objective": _number(found["objective"]),
        "constraints": tuple(map(_constraint, found["constraints"])),
        "metrics": _numbers(found["metrics"]),
        "notes": tuple(found["notes"]),
        "details": {rule: _numbers(counted) for rule, counted in found["details"].items()},
        "last": None if found["last"] is None else _iterate(found["last"]),
        "conflict": tuple(found["conflict"]),
        "kkt": None,
    }
    return Result(**{name: found[name] for name in TOLD} | read)


def _constraint(found: dict[str, Any]) -> ConstraintResult:
    measured = {name: _number(found[name]) for name in ("value", "bound", "violation")}
    return ConstraintResult(**{**found, **measured, "members": tuple(found["members"])})


def _iterate(found: dict[str, Any]) -> Iterate:
    return Iterate(
        step=found["step"],
        epoch=found["epoch"],
        objective=_number(found["objective"]),
        violation=_number(found["violation"]),
        values=_numbers(found["constraints"]),
        tensors={},
        state={},
        split=found["split"],
        metrics=_numbers(found["metrics"]),
    )

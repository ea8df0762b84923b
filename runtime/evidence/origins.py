"""What a run is made from, taken before its first step: digests of data, models and code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cspec.compiler.records.program import Program
from cspec.runtime.bind.bind import Bound
from cspec.runtime.evidence.code_files import code_of, modules_of
from cspec.runtime.evidence.digests import data_digest, model_digest
from cspec.runtime.evidence.manifest import Origins


def origins(
    program: Program,
    bound: Bound,
    base: Path = Path(),
    *,
    modules: Iterable[str] = (),
    objects: Iterable[str] = (),
) -> Origins:
    """Digests of what was bound.

    `modules` are those that the spec brings in beside those of the program, `objects` the names
    that were bound to Python objects.
    """
    own = modules_of(bound.models.values(), bound.functions.values())
    named = [*modules, *named_modules(program), *own]
    return Origins(
        data={name: data_digest(dataset) for name, dataset in bound.data.items()},
        models={name: model_digest(model) for name, model in bound.models.items()},
        code=code_of(named, base),
        objects=tuple(sorted(objects)),
    )


def named_modules(program: Program) -> list[str]:
    """The modules that functions, models and data of a program come from."""
    calls = [*(m.source for m in program.models), *(d.source for d in program.data)]
    functions = [function.source.rpartition(":")[0] for function in program.functions]
    return [name for name in (*functions, *(call.module or "" for call in calls)) if name]

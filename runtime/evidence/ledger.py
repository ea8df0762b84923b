"""The ledger of looks: which rows certified what, and what of the error is left.

A certificate at 95% is wrong with probability at most 5% where its split is looked at once. Whoever
looks, changes the spec, and looks again has had two chances, so the errors of all certificates on
the same rows are added: a later one gets what the earlier ones have left of its own 1 - confidence,
and where nothing is left it is refused before training.

The ledger is the manifests of the runs beside a run: those in folders of the same folder. Rows are
the same where there are as many and a column of theirs has the same digest. A run that is made
again (same plan, same seed, same start) asks the same question and is no second look.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

from cspec.compiler.records.program import Program
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.runtime.evidence.digests import DataDigest, tensor_digest
from cspec.runtime.evidence.manifest import Look, NoManifestError, is_folder, read_manifest
from cspec.runtime.files import sha256

NOTHING = 1e-9
"""What is left of an error is nothing below this."""


def looks_beside(folder: Path) -> tuple[Look, ...]:
    """Every look that the folders beside a run folder, and what was in it, have on record."""
    found: dict[Look, None] = {}
    beside = folder.absolute().parent
    places = sorted(beside.iterdir()) if is_folder(beside) else []
    for place in filter(is_folder, places):
        try:
            manifest, _ = read_manifest(place)
        except NoManifestError:
            continue
        found |= dict.fromkeys(manifest.looks)
    return tuple(found)


def spent_of(
    program: Program, data: Mapping[str, DataDigest], looks: Iterable[Look], asker: str
) -> dict[str, float]:
    """By split, what earlier certificates on its rows have spent; 0 without any.

    `asker` is the digest of the run that asks: what it spent when it was made before stays.

    Raises:
        SpecError: CS636, nothing is left for a certificate of this program.
    """
    spent: dict[str, float] = {}
    for c in program.constraints:
        proof = c.certificate
        if proof is None or proof.data in spent or proof.data not in data:
            continue
        on_it = [look for look in looks if look.error and _same(look, data[proof.data])]
        mine = next((look for look in on_it if look.asker == asker), None)
        others = {look.asker: look for look in on_it if look.asker != asker}
        spent[proof.data] = mine.spent if mine else sum(o.error for o in others.values())
        least = min(_asked(program, proof.data))
        if least - spent[proof.data] <= NOTHING:
            raise _refused(proof.data, least, tuple(others.values()))
    return spent


def asker_of(program: Program, seed: int, start: Mapping[str, Tensor]) -> str:
    """Digest of plan, seed and first parameters."""
    parts = [program.digest, str(seed)]
    parts += [f"{name} {tensor_digest(value)}" for name, value in sorted(start.items())]
    return sha256("\n".join(parts).encode())


def looks_of(
    program: Program,
    data: Mapping[str, DataDigest],
    spent: Mapping[str, float],
    asker: str,
    run: str,
    times: Mapping[str, int],
) -> tuple[Look, ...]:
    """What a run that has ended puts on record; `times` is how often iterates were measured."""
    found = []
    for name, digest in data.items():
        asked = _asked(program, name)
        found.append(
            Look(
                data=name,
                rows=digest.rows,
                columns=_columns(digest),
                asker=asker,
                run=run,
                iterates=times.get(name, 0),
                error=max(asked) - spent.get(name, 0.0) if asked else 0.0,
                spent=spent.get(name, 0.0),
            )
        )
    return tuple(found)


def _asked(program: Program, data: str) -> list[float]:
    """1 - confidence of every certificate that a split is to give."""
    proofs = (c.certificate for c in program.constraints)
    return [1 - proof.confidence for proof in proofs if proof is not None and proof.data == data]


def _columns(digest: DataDigest) -> tuple[str, ...]:
    return tuple(sorted({column.sha256 for column in digest.columns.values()}))


def _same(look: Look, digest: DataDigest) -> bool:
    return look.rows == digest.rows and not set(look.columns).isdisjoint(_columns(digest))


def _refused(data: str, error: float, earlier: tuple[Look, ...]) -> SpecError:
    spent = sum(look.error for look in earlier)
    runs = ", ".join(sorted({look.run for look in earlier}))
    allowed = 1 - 2 * spent
    helps = ["certify on rows that nothing has looked at"]
    if allowed > 0.5:
        helps.append(
            f"or ask for less: `with confidence {100 * allowed:.4g}%` leaves an error of "
            f"{100 * spent:.3g}% for this look"
        )
    return Diagnostic(
        code="CS636",
        message=f"nothing of the error of {100 * error:.3g}% is left for a certificate on "
        f"`{data}`: its rows have certified already ({runs})",
        notes=(
            "a second look at the same rows is a second chance to be wrong: the errors of "
            "all looks are added, whatever became of them",
        ),
        helps=tuple(helps),
    ).error()

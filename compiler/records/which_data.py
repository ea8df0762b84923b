"""Which data decide a constraint: those of its `verify` line, or its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cspec.compiler.records.program import ConstraintFacts, VerifyFacts
from cspec.dsl.names.symbols import examples_of, stand_in

CHOSE_TOO = "verified on the data that also chose the model"
"""What a note says of requirements that are judged where the iterate was chosen."""


@dataclass(frozen=True)
class Where:
    """Where one constraint is measured: its own datasets, each replaced by another or not."""

    split: str | None
    replaced: tuple[tuple[str, str], ...] = ()
    chose_model: bool = False
    kept_from: str | None = None
    """The data of a `verify all` that left it where it is, because it names its own."""


def where_measured(
    constraints: Iterable[ConstraintFacts], verify: Sequence[VerifyFacts], training: str | None
) -> dict[str, Where]:
    """Which data decide each constraint, by its label.

    The worst example of an objective is one of its own data. Of others: its `verify` without
    `every`, else its periodic one, else its own (training) data. A `verify` of all constraints
    moves those of the training data, unless they name them; one that names a constraint moves it
    from whatever single dataset it was written on. Constraints of parameters alone have no data.
    """
    return {c.label: decided(c, verify, training)[0] for c in constraints}


def decided(
    constraint: ConstraintFacts, verify: Iterable[VerifyFacts], training: str | None
) -> tuple[Where, VerifyFacts | None]:
    """Where a constraint is measured, and the `verify` line that says so."""
    if not constraint.datasets:
        return Where(None), None
    if constraint.level:
        return Where(" + ".join(constraint.datasets)), None
    chosen: dict[bool, VerifyFacts] = {}
    for item in verify:
        if not item.labels or any(_called(constraint, name) for name in item.labels):
            chosen[item.every is not None] = item
    line = chosen.get(False) or chosen.get(True)
    own = " + ".join(constraint.datasets)
    if line is None:
        return Where(own), None
    periodic = line.every is not None
    moved = _moved(constraint, line, training)
    if line.dataset is None or moved is None:
        kept = line.dataset if constraint.named and not line.labels else None
        return Where(own, chose_model=periodic, kept_from=kept), line
    replaced = tuple((name, stand_in(name, line.dataset)) for name in moved)
    now = dict(replaced)
    places = [*now.values(), *(name for name in constraint.datasets if name not in now)]
    return Where(" + ".join(places), replaced, periodic), line


def _moved(
    constraint: ConstraintFacts, line: VerifyFacts, training: str | None
) -> tuple[str, ...] | None:
    """The datasets of the constraint that the line's stands in for; None where it keeps its own.

    Data and pairs of their examples are replaced together.
    """
    if line.labels:
        one = len(set(map(examples_of, constraint.datasets))) == 1
        return tuple(constraint.datasets) if one else None
    return (training,) if training in constraint.datasets and not constraint.named else None


def _called(constraint: ConstraintFacts, name: str) -> bool:
    """Whether a label of a `verify` line means the constraint: its own, its family's, a group's."""
    return (
        name in (constraint.label, constraint.family)
        or constraint.label.startswith((f"{name}.", f"{name}["))
        or constraint.family.startswith(f"{name}.")
    )

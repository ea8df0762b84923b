"""Measuring the true requirements: which data each is measured on, and the verdict.

Nothing here moves a parameter, a generator or a mode.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cspec.compiler.records.program import ConstraintFacts, Program
from cspec.compiler.records.which_data import Where
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.text.source import Source
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.failures import attempt, line_span
from cspec.runtime.functions.samples import Noted, listening
from cspec.runtime.functions.worst_case import ON_THE_WAY
from cspec.runtime.measure.evidence import Heard, absent, examples, standard_error
from cspec.runtime.models.without_trace import held, measuring
from cspec.runtime.result.constraint import ConstraintResult

Primal = Mapping[str, Any]
Columns = Mapping[str, Tensor]
Evaluate = Callable[[Primal, Mapping[str, Columns]], Mapping[str, tuple[Tensor, Tensor]]]


@dataclass(frozen=True)
class Measurement:
    """One constraint on named data, in the units as written."""

    value: float
    bound: float
    split: str | None
    n: int | None = None
    """Examples that count in any of its means, over several datasets the sum; of a requirement on
    each those that it asks something of."""
    standard_error: float | None = None
    """Of the value, by the delta method on all its examples (`runtime/functions/samples`)."""
    sampled: str = ""
    """The points that stand for infinitely many, and the draws of noise, that it is measured by."""
    absent: tuple[str, ...] = ()
    """Why there is no value: conditions that no example meets, denominators of 0."""


def models_in(primal: Primal) -> list[nn.Module]:
    """The modules among the primal variables."""
    return [value for value in primal.values() if isinstance(value, nn.Module)]


def parameters_in(primal: Primal) -> list[nn.Parameter]:
    """All parameters of the modules and the variables."""
    found = []
    for value in primal.values():
        found += list(value.parameters()) if isinstance(value, nn.Module) else [value]
    return [parameter for parameter in found if isinstance(parameter, nn.Parameter)]


@contextmanager
def noted(primal: Primal) -> Iterator[Noted]:
    """Run a block that measures; its statistics are noted, and values are functions of them."""
    models, parameters = models_in(primal), parameters_in(primal)
    with measuring(models), held(parameters), listening() as samples, torch.enable_grad():
        yield samples


def number(value: Tensor | float) -> float:
    """A variable that is reported as it stands carries its gradient along."""
    return float(value.detach()) if isinstance(value, Tensor) else float(value)


ROUNDING = 1e-12
"""Of doubles, relative: 80% - 60% is larger than 20% in the last digit."""


def amount(constraint: ConstraintFacts | ConstraintResult, value: float, bound: float) -> float:
    """How far the constraint is from being met: 0 where it holds, NaN where it was not measured."""
    if math.isnan(value) or math.isnan(bound):
        return math.nan
    if math.isclose(value, bound, rel_tol=ROUNDING) and constraint.relation != "in":
        return 0.0
    match constraint.relation:
        case "<=":
            return max(0.0, value - bound)
        case ">=":
            return max(0.0, bound - value)
        case "==":
            return abs(value - bound)
        case "in":
            return max(0.0, value)


def holds(constraint: ConstraintFacts, value: float, bound: float) -> bool:
    """The verdict: the violation is within the tolerance. NaN never satisfies anything."""
    violation = amount(constraint, value, bound)
    return violation <= constraint.tolerance


def excess(constraint: ConstraintFacts, value: float, bound: float) -> float:
    """Violation beyond the tolerance, relative to max(1, |bound|); infinite for NaN.

    What is chosen by it has to keep its margin: the bound is the one of training.
    """
    inside = -constraint.margin if constraint.relation == "<=" else constraint.margin
    violation = amount(constraint, value, bound + inside)
    if math.isnan(violation):
        return math.inf
    return max(0.0, violation - constraint.tolerance) / max(1.0, abs(bound))


def by_data(
    places: Mapping[str, Where],
) -> Iterator[tuple[tuple[tuple[str, str], ...], dict[str, Where]]]:
    """What stands in for what, and the constraints that are measured there together."""
    for replaced in dict.fromkeys(place.replaced for place in places.values()):
        yield replaced, {label: at for label, at in places.items() if at.replaced == replaced}


@dataclass(frozen=True, eq=False)
class Measurer:
    """Evaluates constraints of a program on datasets, as deployed."""

    evaluate: Evaluate
    primal: Primal
    data: Mapping[str, Dataset]
    constraints: Sequence[ConstraintFacts]
    compares: bool = False
    """Whether iterates are compared on the way: worst cases are searched as in training."""

    def columns(self, replaced: Iterable[tuple[str, str]] = ()) -> dict[str, Columns]:
        """Whole datasets by name, some standing in for others."""
        found: dict[str, Columns] = {name: data.judged for name, data in self.data.items()}
        for name, stand_in in replaced:
            found[name] = self.data[stand_in].judged
        if self.compares:
            found[ON_THE_WAY] = {}
        return found

    def values(self, data: Mapping[str, Columns]) -> dict[str, tuple[float, float]]:
        """Value and bound of every constraint on the data given."""
        with measuring(models_in(self.primal)):
            found = self.evaluate(self.primal, data)
        return {label: (number(value), number(bound)) for label, (value, bound) in found.items()}

    def measure(self, places: Mapping[str, Where], errors: bool = False) -> dict[str, Measurement]:
        """Every constraint where `places` says; one evaluation for each combination of data.

        With `errors` also the number of examples and the standard error of each.
        """
        found: dict[str, Measurement] = {}
        for replaced, here in by_data(places):
            if errors:
                found |= self._with_errors(here, replaced)
                continue
            values = self.values(self.columns(replaced))
            found |= {label: Measurement(*values[label], at.split) for label, at in here.items()}
        return found

    def _with_errors(
        self, places: Mapping[str, Where], replaced: Iterable[tuple[str, str]]
    ) -> dict[str, Measurement]:
        stand_ins = dict(replaced)
        with noted(self.primal) as samples:
            values = self.evaluate(self.primal, self.columns(replaced))
        moved = [s._replace(dataset=stand_ins.get(s.dataset, s.dataset)) for s in samples]
        heard = Heard(moved, samples.places)
        among = {name: one for name, one in self.data.items() if one.members is not None}
        found = {}
        for constraint in self.constraints:
            if constraint.label not in places:
                continue
            value, bound = values[constraint.label]
            used = heard.behind(value, bound)
            counted = examples(used)
            if constraint.each and counted is None:
                counted = samples.asked.get(id(value), (value, None))[1]
            names = (stand_ins.get(name, name) for name in constraint.datasets)
            own = [self.data[name] for name in names if name in self.data]
            # All rows of its data, where it is no function of means.
            rows = sum(len(next(iter(data.judged.values()))) for data in own)
            stands_for_more = (*(data.sampled for data in own), constraint.drawn)
            found[constraint.label] = Measurement(
                value=number(value),
                bound=number(bound),
                split=places[constraint.label].split,
                n=(rows or None) if counted is None else counted,
                standard_error=standard_error(value, heard.behind(value), among),
                absent=absent(constraint, used),
                sampled=", ".join(dict.fromkeys(filter(None, stands_for_more))),
            )
        return found


def measured(
    measurer: Measurer, places: Mapping[str, Where], notes: list[str]
) -> dict[str, Measurement]:
    """Every requirement where it is to be measured; NaN, and a note, on data that can't be."""
    found: dict[str, Measurement] = {}
    for _, here in by_data(places):
        labels = ", ".join(here)
        split = next(iter(here.values())).split
        nothing = {
            label: Measurement(math.nan, math.nan, place.split, None)
            for label, place in here.items()
        }
        found |= attempt(
            notes,
            f"{labels}: not measured on {split}",
            lambda here=here: measurer.measure(here, errors=True),  # type: ignore[misc]
            nothing,
        )
    return found


KINDS: dict[str, Any] = {
    "<=": "inequality",
    ">=": "inequality",
    "==": "equality",
    "in": "membership",
}


def judged(constraint: ConstraintFacts, found: Measurement) -> ConstraintResult:
    """The verdict on what was measured, without a multiplier."""
    return ConstraintResult(
        name=constraint.label,
        kind=KINDS[constraint.relation],
        value=found.value,
        bound=found.bound,
        relation=constraint.relation,
        violation=amount(constraint, found.value, found.bound),
        tolerance=constraint.tolerance,
        satisfied=holds(constraint, found.value, found.bound),
        text=constraint.text,
        soft=constraint.soft,
        split=found.split,
        n=found.n,
        standard_error=found.standard_error,
        method=constraint.method,
        evidence="searched" if constraint.searched else "sampled" if found.sampled else "exact",
    )


Readings = Mapping[str, Measurement] | Mapping[str, ConstraintResult]
"""What has the value and the bound of constraints, by label."""


def refuse_constant(
    program: Program, measure: Callable[[tuple[ConstraintFacts, ...]], Readings]
) -> None:
    """Refuse what no training can meet, as nothing moves it, before it trains.

    `P[pred < 5] <= 50%` of two classes is 100% whatever is learned. `measure` is asked only where
    there is such a requirement.

    Raises:
        SpecError: CS310.
    """
    constant = tuple(c for c in program.constraints if c.constant and not c.soft)
    if not constant:
        return
    values = measure(constant)
    source = Source(text=program.spec, name=program.name)
    refused = [
        Diagnostic(
            code="CS310",
            message=f"`{c.text}` can't be met: it is {found.value:.4g} whatever is learned",
            span=line_span(source, c.line),
            label="the same whatever is predicted",
            helps=("ask for something that the predictions change, or leave it out",),
            source=source if c.line else None,
        )
        for c, found in ((c, values[c.label]) for c in constant)
        if not holds(c, found.value, found.bound)
    ]
    if refused:
        raise SpecError(refused)

"""A result in words: numbers, verdicts, prices, and what to try where a requirement is not met."""

import math
import re
from collections.abc import Mapping, Sequence

from cspec.compiler.records.program import Program
from cspec.compiler.records.which_data import CHOSE_TOO
from cspec.dsl.explicit.points import is_points
from cspec.dsl.settings.methods import FIXED
from cspec.runtime.result.constraint import ConstraintResult
from cspec.runtime.result.result import Kkt, Result
from cspec.runtime.verdict.stationarity import SMALL

STATUS_WORDS = {
    "satisfied": "all requirements met",
    "violated": "a requirement is NOT MET",
    "uncertified": "met, but not certified with the confidence asked for",
    "suspected_infeasible": "suspected INFEASIBLE [CS601]: the requirements may exclude each other",
    "infeasible": "INFEASIBLE [CS601]: no point meets all requirements",
    "nonfinite": "ended by numbers that are not finite [CS602]",
    "interrupted": "interrupted [CS603]; what was trained is kept",
}
UNBOUNDED = "UNBOUNDED: the objective {} without end while the requirements hold"
HEADER = (
    "requirement", "value", "", "bound", "slack", "multiplier", "verdict", "data", "n", "evidence",
)  # fmt: skip
RIGHT = (1, 3, 5, 8)
"""Columns of numbers."""

NO_PRICE = 1e-12
"""Multipliers below this are rounding."""
SOURCES = {
    "method": "the method's own",
    "least squares": "by least squares over the active constraints",
    "none": "none",
}


def number(value: float | None, digits: int = 4) -> str:
    """`digits` significant digits; nothing for none."""
    if value is None:
        return ""
    if math.isnan(value):
        return "not measured"
    return f"{value:.{digits}g}"


def apart(value: float, bound: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart."""
    for digits in range(4, 10):
        shown = number(value, digits), number(bound, digits)
        if value == bound or shown[0] != shown[1]:
            return shown
    # Equal in nine digits: a difference of rounding, which the slack states.
    return number(value), number(bound)


def slack(c: ConstraintResult) -> str:
    """How far inside or outside: `0.013`, `over by 0.02`, `off by 1e-05, tolerance 1e-03`."""
    if math.isnan(c.value) or math.isnan(c.bound):
        return ""
    tolerated = c.satisfied and c.tolerance > 0
    within = f", tolerance {number(c.tolerance, 2)}" if tolerated else ""
    if c.relation in ("==", "in"):
        distance = abs(c.value - c.bound) if c.relation == "==" else c.value
        return f"off by {number(distance, 2)}{within if distance else ''}"
    room = c.bound - c.value if c.relation == "<=" else c.value - c.bound
    if room >= 0:
        return number(room, 2)
    return f"{'over' if c.relation == '<=' else 'under'} by {number(-room, 2)}{within}"


def verdict(c: ConstraintResult) -> str:
    """`met` or `NOT MET`, `certified` or not; a preference is never a requirement."""
    if c.soft:
        return "preference, met" if c.satisfied else "preference, not met"
    if not c.satisfied:
        return "NOT MET"
    if c.certificate is None:
        return "met"
    return "certified" if c.certificate.certified else "not certified"


def where(c: ConstraintResult) -> str:
    """The data a verdict was measured on."""
    return c.split or "parameters"


def row(c: ConstraintResult) -> tuple[str, ...]:
    """The cells of one constraint below HEADER."""
    value, bound = apart(c.value, c.bound)
    relation, bound = ("in set", "") if c.relation == "in" else (c.relation, bound)
    return (
        c.name,
        value,
        relation,
        bound,
        slack(c),
        number(price_of(c)),
        verdict(c),
        where(c),
        "" if c.n is None else f"{c.n:,}",
        c.evidence,
    )


def price_of(c: ConstraintResult) -> float | None:
    """The multiplier; what rounding leaves of a zero is 0."""
    if c.multiplier is not None and abs(c.multiplier) < NO_PRICE:
        return 0.0
    return c.multiplier


def free(c: ConstraintResult, objective: float | None) -> bool:
    """Whether one more unit of the bound changes nothing that can be seen in the objective."""
    if c.sensitivity is None or c.soft or not math.isfinite(c.sensitivity):
        return False
    scale = 1.0 if objective is None or not math.isfinite(objective) else max(1.0, abs(objective))
    return abs(c.sensitivity) < 1e-7 * scale / max(1.0, abs(c.bound))


def price(c: ConstraintResult, objective: str, sense: str) -> str | None:
    """`one more point of density(model) <= 0.5 buys about 0.013 of ce`, where it is known."""
    if c.sensitivity is None or c.soft or not math.isfinite(c.sensitivity):
        return None
    unit, name = (0.01, "0.01") if 0 < abs(c.bound) <= 1 else (1.0, "1")
    change = c.sensitivity * unit
    better = change < 0 if sense == "minimize" else change > 0
    verb = "buys" if better else "costs"
    return (
        f"{c.name}: raising the bound of `{c.text}` by {name} {verb} about "
        f"{number(abs(change), 2)} of `{objective}` (a local estimate)"
    )


def prices(
    constraints: Sequence[ConstraintResult], objective: str, sense: str, value: float | None
) -> list[str]:
    """What one more unit of each bound buys; bounds that cost nothing together, at the end."""
    told = [c for c in constraints if not free(c, value)]
    lines = [line for c in told if (line := price(c, objective, sense)) is not None]
    idle = [c.name for c in constraints if free(c, value)]
    if not idle:
        return lines
    verb = "its bound costs" if len(idle) == 1 else "their bounds cost"
    return [*lines, f"{several(idle)}: {verb} nothing here (multiplier 0)"]


def several(names: Sequence[str], most: int = 6) -> str:
    """Names with commas; of a long list the first few and how many more."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def explain_miss(
    c: ConstraintResult, chose: str | None, conflict: Sequence[str] = (), notes: Sequence[str] = ()
) -> list[str]:
    """A requirement that is not met: where, by how much, and what to try.

    Where a note of the run says why, nothing is guessed from the multiplier.
    """
    if math.isnan(c.value) or math.isnan(c.bound):
        look = "look for empty groups or numbers that are not finite in its data"
        if any(note.startswith(f"{c.name}: not measured") for note in notes):
            look = "data that have what its note below misses"
        return [f"{c.name} NOT MET: it could not be measured on {where(c)}", f"  try: {look}"]
    value, bound = apart(c.value, c.bound)
    n = "" if c.n is None else f" ({c.n:,} examples)"
    head = f"{c.name} NOT MET on {where(c)}{n}: `{c.text}` has {value}"
    if c.relation == "in":
        head = f"{c.name} NOT MET on {where(c)}: `{c.text}` is violated by {number(c.violation, 2)}"
    else:
        head += f", {slack(c)} (bound {bound}, tolerance {number(c.tolerance, 2)})"
    advice = [_RELAX] if c.name in conflict else _advice(c, chose, notes)
    return [head, *(f"  try: {text}" for text in advice)]


def _said_of(c: ConstraintResult, notes: Sequence[str]) -> list[str]:
    """What notes say of a requirement, alone or with others: `a, b: ...`."""
    parts = (note.partition(": ") for note in notes)
    return [said for names, _, said in parts if c.name in names.split(", ")]


_FACTS = re.compile(
    r"verified on |judged on |the worst case is searched|its condition |the hardest rows|"
    r"[\d,]+ of [\d,]+ (?:examples|pairs)|[\d,]+ points of |at points beside"
)
"""Notes that say how something was measured, and nothing of why it was missed."""


def _diagnosis(c: ConstraintResult, notes: Sequence[str]) -> str:
    """What a note of the run says of why, the remedy alone where it names one; else nothing."""
    found = next((said for said in _said_of(c, notes) if not _FACTS.match(said)), "")
    return found.rpartition("; ")[2] if found.count("; ") == 1 else found


def explain_misses(
    constraints: Sequence[ConstraintResult],
    chose: str | None,
    conflict: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> list[str]:
    """All requirements that are not met; the members of one constraint together, worst first."""
    families: dict[tuple[str, str], list[ConstraintResult]] = {}
    for c in constraints:
        if not c.satisfied and not c.soft:
            families.setdefault((c.name.partition("[")[0], where(c)), []).append(c)
    lines: list[str] = []
    for (name, place), missed in families.items():
        told = sorted(
            missed, key=lambda c: -c.violation if c.violation == c.violation else -math.inf
        )
        found = [explain_miss(c, chose, conflict, notes) for c in told]
        lines += [miss[0] for miss in found[:_TOLD]]
        rest = [c.name for c in told[_TOLD:]]
        if rest:
            lines.append(f"{name} NOT MET on {place} for {len(rest)} more: {several(rest)}")
        lines += dict.fromkeys(advice for miss in found for advice in miss[1:])
    return lines


_RELAX = "`cspec relax`: it says how far bounds must give; more steps alone will not help"
_TOLD = 3
"""Members of one constraint whose miss is told in full."""


def _advice(c: ConstraintResult, chose: str | None, notes: Sequence[str]) -> list[str]:
    found, diagnosis = [], _diagnosis(c, notes)
    if c.standard_error and c.violation <= 2 * c.standard_error:
        found.append(
            f"more data, or a bound with a margin: the miss is within sampling noise (standard "
            f"error {number(c.standard_error, 2)})"
        )
    elsewhere = chose is not None and c.split is not None and c.split != chose
    found += [diagnosis] if diagnosis else _by_multiplier(c, elsewhere)
    if c.relation == "in" and c.method not in {"projection", "parametrization"}:
        found.append("`by projection`, which holds at every step")
    if elsewhere and not is_points(c.split or ""):
        other = "; or `verify all on val every epoch`, which chooses the iterate on unseen data"
        found.append(
            f"a stricter bound: it was trained on {chose} and is judged on {c.split}"
            f"{'' if CHOSE_TOO in _said_of(c, notes) else other}"
        )
    if c.relation == "==" and c.violation <= 10 * max(c.tolerance, 1e-12):
        found.append("`within` a tolerance that fits the problem, or more steps")
    other = f"more steps, or {_STEADY} if its value swings"
    own = f"`by {c.method}`" == _STEADY
    return found or ["more steps (`fit(epochs=...)`)" if own else other]


_STEADY = "`by augmented_lagrangian`"
"""The method whose multipliers circle least."""


def _by_multiplier(c: ConstraintResult, elsewhere: bool) -> list[str]:
    """What the method and the state of its multiplier suggest.

    A multiplier that stays 0 is right where the constraint holds on the data it is trained on.
    """
    if c.method in FIXED:
        return [f"{_STEADY}, or a larger coefficient of {c.method}"]
    if c.dual_state == "growing":
        return [
            "training longer (`fit(epochs=...)`) or a larger dual step: its multiplier was still "
            "growing"
        ]
    if c.dual_state == "inactive" and not elsewhere:
        return ["a larger dual step: its multiplier never left 0"]
    return []


def iterates(result: Result) -> str | None:
    """Which iterate is reported, and where the last one stands."""
    best, last = result.best, result.last
    if best is None or last is None:
        return None
    if best.step == last.step:
        return f"the last iterate (step {last.step:,}) is the one reported"
    state = "feasible" if last.feasible else f"violation {number(last.violation, 2)}"
    return (
        f"reported: step {best.step:,}, feasibility first, objective second; the last iterate "
        f"(step {last.step:,}) has objective {number(last.objective)}, {state}"
    )


def optimality(result: Result) -> list[tuple[str, str]]:
    """The first-order conditions at the reported iterate, in words."""
    report = result.kkt
    if report is None:
        return []
    size = report.projected_gradient
    rate = report.stationarity if size is None else size
    verdict = "stationary" if rate <= SMALL else "not stationary"
    if size is not None:
        said = f"{verdict}, projected gradient {number(size, 2)} of max(1, ||grad||)"
        return [("optimality", said), *_prices(report)]
    if set(report.sources.values()) <= {"none"} and not report.scope:
        return []
    found = []
    if not math.isnan(rate):
        missed = any(not c.satisfied and not c.soft for c in result.constraints)
        rest = "" if rate <= SMALL else ": no prices of bounds are told"
        rest = ", but not feasible: multipliers are no prices here" if missed else rest
        about = f" {report.scope}" if report.scope else ""
        left = f"residual{about} {number(rate, 2)} of the objective's slope"
        found.append(("optimality", f"{verdict}, {left}{rest}"))
    return [*found, *_prices(report)]


def _prices(report: Kkt) -> list[tuple[str, str]]:
    """What is said of multipliers, where there are any."""
    if set(report.sources.values()) <= {"none"}:
        return []
    found = [("multipliers", _sources(report.sources))]
    if not math.isnan(report.complementarity):
        size = number(report.complementarity, 2)
        found.insert(0, ("complementarity", f"multiplier x slack is at most {size}"))
    return found


def _sources(sources: Mapping[str, str]) -> str:
    """`the method's own`, or which constraints have theirs from where."""
    groups: dict[str, list[str]] = {}
    for name, source in sources.items():
        groups.setdefault(source, []).append(name)
    if len(groups) == 1:
        return SOURCES[next(iter(groups))]
    return "; ".join(f"{SOURCES[key]} ({several(names, 4)})" for key, names in groups.items())


def training_data(program: Program | None) -> str | None:
    """The dataset that the objective runs over."""
    return next(iter(program.objective_datasets), None) if program is not None else None

"""One spec by several methods: what each reached, as records and as one table."""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, NamedTuple

from cspec.dsl.text.visible import visible_json, visible_line
from cspec.render.messages import columns
from cspec.runtime.measure.requirements import amount
from cspec.runtime.result.constraint import ConstraintResult
from cspec.runtime.result.result import Result, finite_or_none


class Spread(NamedTuple):
    """Mean and sample standard deviation over the seeds (0 for one seed)."""

    mean: float
    sd: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of some numbers; NaN if one is missing or not finite."""
        if not values or not all(map(math.isfinite, values)):
            return cls(math.nan, math.nan)
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0)

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return "-"
        return f"{self.mean:.4g}" + (f" ± {self.sd:.1g}" if self.sd else "")


class Measured(NamedTuple):
    """One run as it is judged: the iterate delivered, or the last."""

    objective: float
    metrics: dict[str, float]
    constraints: dict[str, tuple[float, float]]
    """Value and violation by label; of a constraint with members, of the worst of them."""
    met: bool


@dataclass(frozen=True)
class MethodRuns:
    """One method: its runs, or the reason why it can't do this spec."""

    using: str
    runs: tuple[Result, ...] = field(default=(), repr=False)
    last: bool = False
    refused: str | None = None

    def measured(self) -> list[Measured]:
        """Each run as it is judged."""
        return [measure(run, self.last) for run in self.runs]

    @property
    def met(self) -> int:
        """Runs that met every requirement."""
        return sum(one.met for one in self.measured())

    @property
    def objective(self) -> Spread:
        """The objective as written."""
        return Spread.of([one.objective for one in self.measured()])

    def metric(self, name: str) -> Spread:
        """A metric of the spec."""
        return Spread.of([one.metrics.get(name, math.nan) for one in self.measured()])

    def value(self, label: str) -> Spread:
        """What a constraint measured; of one with members, the worst of each run."""
        return self._of(label, 0)

    def violation(self, label: str) -> Spread:
        """By how much a constraint was missed, 0 where it held."""
        return self._of(label, 1)

    def _of(self, label: str, place: int) -> Spread:
        missing = (math.nan, math.nan)
        return Spread.of([one.constraints.get(label, missing)[place] for one in self.measured()])

    def detail(self, name: str) -> Spread:
        """What methods counted (`Result.details`); of several rules the largest of each run."""
        return Spread.of([counted_in(run).get(name, math.nan) for run in self.runs])

    @property
    def steps(self) -> Spread:
        """Steps of the model."""
        return Spread.of([run.steps for run in self.runs])

    @property
    def seconds(self) -> Spread:
        """Wall time of a run."""
        return Spread.of([run.seconds for run in self.runs])


@dataclass(frozen=True)
class Comparison:
    """The rows of `compare`, in the order asked for; `str()` is the table."""

    spec: str
    rows: tuple[MethodRuns, ...]
    seeds: tuple[int, ...]
    last: bool = False
    interrupted: bool = False
    sense: str = "minimize"

    def __getitem__(self, using: str) -> MethodRuns:
        for row in self.rows:
            if row.using == using:
                return row
        raise KeyError(f"no method `{using}`; compared: {', '.join(r.using for r in self.rows)}")

    def __str__(self) -> str:
        right = range(1, len(self.headings))
        lines = columns([self.headings, *self.cells()], right=right)
        return "\n".join([self.title, "", *lines, *self.below()])

    def to_markdown(self) -> str:
        """The table as Markdown, what stands below it as a list."""
        rows = [self.headings, *self.cells()]
        marked = [[f"`{row[0]}`", *row[1:]] for row in rows[1:]]
        rules = ["---", *["---:"] * (len(self.headings) - 1)]
        lines = [f"| {' | '.join(_escaped(row))} |" for row in (self.headings, rules, *marked)]
        below = [f"- {line}" for line in self.below() if line]
        return "\n".join([f"{self.title}", "", *lines, *([""] if below else []), *below])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(visible_line(cell))}</th>" for cell in self.headings)
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(visible_line(cell))}</td>' for cell in cells)}</tr>"
            for cells in self.cells()
        )
        below = escape("\n".join(self.below()).strip())
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return f"<b>{escape(self.title)}</b>{table}<pre>{below}</pre>"

    @property
    def title(self) -> str:
        """What was compared, over which seeds, and which iterate is judged."""
        iterate = "last iterates" if self.last else "iterates delivered"
        seeds = ", ".join(map(str, self.seeds))
        word = "seed" if len(self.seeds) == 1 else "seeds"
        return visible_line(f"{self.spec}: {word} {seeds}; {iterate}; mean ± sd")

    @property
    def headings(self) -> list[str]:
        """One for each column."""
        constraints = [title for _, title, _ in self._constraints()]
        return [
            "method", "objective", *self._metrics(), *constraints, "met", *self._details(),
            "steps", "seconds",
        ]  # fmt: skip

    def cells(self) -> list[list[str]]:
        """The table as text; a refused method has only its name."""
        return [self._cells(row) for row in self.rows]

    def _cells(self, row: MethodRuns) -> list[str]:
        if not row.runs:
            word = "refused" if row.refused else "not run"
            return [row.using, word, *[""] * (len(self.headings) - 2)]
        return [
            row.using,
            str(row.objective),
            *(str(row.metric(name)) for name in self._metrics()),
            *(str(find(row, label)) for label, _, find in self._constraints()),
            f"{row.met} of {len(row.runs)}",
            *(str(row.detail(name)) for name in self._details()),
            f"{row.steps.mean:,.0f}",
            f"{row.seconds.mean:.1f}",
        ]

    def below(self) -> list[str]:
        """What the table has no room for: refusals, and runs that ended early."""
        lines = [f"{row.using}: refused: {row.refused}" for row in self.rows if row.refused]
        for row in self.rows:
            ends = [f"seed {r.seed}: {r.status}" for r in row.runs if r.status in _ENDS]
            lines += [f"{row.using}: {end}" for end in ends]
        if self.interrupted:
            lines.append("interrupted: the table holds what was finished")
        lines += self.reading()
        return ["", *map(visible_line, lines)] if lines else []

    def reading(self) -> list[str]:
        """Which methods met everything in every seed, the best of them, and who had to search.

        A method with several settings is a search: its line says how many of them were right.
        """
        ran = [row for row in self.rows if row.runs]
        if len(ran) < 2 or self.interrupted:
            return []
        met = [row for row in ran if row.met == len(row.runs)]
        seeds = "every seed" if len(self.seeds) > 1 else "the run"
        sign = -1.0 if self.sense == "maximize" else 1.0
        if not met:
            lines = [f"no method met every requirement in {seeds}"]
        else:
            best = min(met, key=lambda row: sign * row.objective.mean)
            lines = [
                f"met in {seeds}: {len(met)} of {len(ran)}; of these {best.using} has the best "
                f"objective, {best.objective}"
            ]
        families: dict[str, list[MethodRuns]] = {}
        for row in ran:
            families.setdefault(re.split("[(;]", row.using)[0].strip(), []).append(row)
        searched = [
            f"{word} {sum(row in met for row in rows)} of {len(rows)} settings"
            for word, rows in families.items()
            if len(rows) > 1
        ]
        return [*lines, f"met by setting: {', '.join(searched)}"] if searched else lines

    def as_json(self) -> dict[str, Any]:
        """The table as plain values: means, deviations and counts by method."""
        found = finite_or_none(
            {
                "type": "comparison",
                "spec": self.spec,
                "seeds": list(self.seeds),
                "iterate": "last" if self.last else "delivered",
                "reading": self.reading(),
                "rows": [self._row_json(row) for row in self.rows],
            }
        )
        assert isinstance(found, dict)
        return found

    def to_json(self) -> str:
        """`as_json` as one line of JSON."""
        return visible_json(json.dumps(self.as_json(), allow_nan=False, ensure_ascii=False))

    def _row_json(self, row: MethodRuns) -> dict[str, Any]:
        if not row.runs:
            return {"using": row.using, "refused": row.refused}
        return {
            "using": row.using,
            "objective": row.objective._asdict(),
            "metrics": {name: row.metric(name)._asdict() for name in self._metrics()},
            "constraints": {
                label: {"value": row.value(label)._asdict(),
                        "violation": row.violation(label)._asdict()}
                for label, _, _ in self._constraints()
            },
            "details": {
                name: row.detail(name)._asdict()
                for name in self._details()
                if not math.isnan(row.detail(name).mean)
            },
            "met": row.met,
            "runs": len(row.runs),
            "steps": row.steps.mean,
            "seconds": row.seconds.mean,
        }  # fmt: skip

    def _runs(self) -> Iterator[Result]:
        for row in self.rows:
            yield from row.runs

    def _metrics(self) -> list[str]:
        return list(dict.fromkeys(name for run in self._runs() for name in run.metrics))

    def _details(self) -> list[str]:
        """What some method counted."""
        return list(dict.fromkeys(name for run in self._runs() for name in counted_in(run)))

    def _constraints(self) -> list[tuple[str, str, Callable[[MethodRuns, str], Spread]]]:
        """Label, heading and what to show: the value where it has a bound, else the violation."""
        families: dict[str, list[ConstraintResult]] = {}
        for run in self._runs():
            for label, members in by_label(run).items():
                families.setdefault(label, members)
        return [_column(label, members) for label, members in families.items()]


_ENDS = ("nonfinite", "infeasible", "suspected_infeasible")


def _column(
    label: str, members: Sequence[ConstraintResult]
) -> tuple[str, str, Callable[[MethodRuns, str], Spread]]:
    first = members[0]
    worst = "worst " if len(members) > 1 else ""
    if first.relation in ("==", "in"):
        return label, f"{worst}{label} off by", MethodRuns.violation
    bounds = {member.bound for member in members}
    if len(bounds) > 1:
        return label, f"worst {label} over by", MethodRuns.violation
    return label, f"{worst}{label} {first.relation} {first.bound:.4g}", MethodRuns.value


def counted_in(run: Result) -> dict[str, float]:
    """What methods counted in a run; of several rules the largest."""
    found: dict[str, float] = {}
    for counted in run.details.values():
        for name, value in counted.items():
            found[name] = max(value, found.get(name, -math.inf))
    return found


def _escaped(cells: Sequence[str]) -> list[str]:
    return [visible_line(cell).replace("|", "\\|") for cell in cells]


def by_label(run: Result) -> dict[str, list[ConstraintResult]]:
    """The verdicts of a run by the label of the constraint they are members of."""
    families: dict[str, list[ConstraintResult]] = {}
    for constraint in run.constraints:
        families.setdefault(constraint.name.partition("[")[0], []).append(constraint)
    return families


def measure(run: Result, last: bool) -> Measured:
    """A run by the iterate it delivered, or by its last one."""
    worst = {
        label: max((_judged(c, run, last) for c in members), key=_badness(members[0].relation))
        for label, members in by_label(run).items()
    }
    if not last or run.last is None:
        return Measured(run.objective, run.metrics, worst, run.satisfied)
    return Measured(run.last.objective, run.last.metrics, worst, run.last.feasible)


def _judged(c: ConstraintResult, run: Result, last: bool) -> tuple[float, float]:
    if not last or run.last is None:
        return c.value, c.violation
    value = run.last.values.get(c.name, math.nan)
    return value, amount(c, value, c.bound)


def _badness(relation: str) -> Callable[[tuple[float, float]], tuple[bool, float, float]]:
    """What was not measured first, then the most violated, of those that hold the closest."""
    sign = -1.0 if relation == ">=" else 1.0
    return lambda judged: (math.isnan(judged[1]), judged[1], sign * judged[0])

"""How far each bound must give for all requirements to be met: the record that `relax` returns."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cspec.compiler.records.program import ConstraintFacts
from cspec.dsl.text.visible import visible_json, visible_line
from cspec.runtime.measure.requirements import Measurement, amount
from cspec.runtime.result.result import Result, finite_or_none
from cspec.runtime.session.session import Session
from cspec.runtime.verdict.conclude import variables
from cspec.runtime.verdict.why.elastic import Small, least_violation, scales, taking_part

DIGITS = 4
"""Significant digits of a relaxed bound, rounded to the side on which it can be met."""


@dataclass(frozen=True)
class Give:
    """One requirement: its bound as written, the value that was reached, and what is missing."""

    name: str
    text: str
    relation: str
    bound: float
    value: float
    by: float
    """How far the bound must give; 0 where it holds within its tolerance, NaN: not measured."""
    hard: bool = False
    """Held by a projection or another construction, which relaxes nothing."""

    @property
    def needed(self) -> bool:
        """Whether the bound must give."""
        return self.by != 0

    def __str__(self) -> str:
        if math.isnan(self.by):
            return f"{self.name}: `{self.text}` could not be measured"
        if not self.needed:
            return f"{self.name}: `{self.text}` can stay as it is"
        needs, size = f"{self.name}: needs `{self.text}`", f"{self.by:.3g}"
        match self.relation:
            case "<=":
                return f"{needs} raised to {self._new(1)} (by {size})"
            case ">=":
                return f"{needs} lowered to {self._new(-1)} (by {size})"
            case "==":
                return f"{needs} moved to {self.value:.{DIGITS}g} (by {size})"
        return f"{needs} to be missed by {size}"

    def _new(self, side: int) -> str:
        """The relaxed bound, rounded away from what was asked."""
        if abs(self.value) <= 1e-12 * max(1.0, self.by):
            return "0"
        if not math.isfinite(self.value):
            return f"{self.value:g}"
        unit = 10.0 ** (math.floor(math.log10(abs(self.value))) - DIGITS + 1)
        steps = self.value / unit
        near = round(steps)
        if abs(steps - near) < 1e-6:
            return f"{near * unit:.{DIGITS}g}"
        return f"{(math.ceil(steps) if side > 0 else math.floor(steps)) * unit:.{DIGITS}g}"


@dataclass(frozen=True)
class Relaxation:
    """What must give. `method` says how it was found, `proved` whether a proof backs a no."""

    spec: str
    gives: tuple[Give, ...]
    method: str
    proved: bool = False
    conflict: tuple[str, ...] = ()
    vars: dict[str, Any] = field(default_factory=dict)
    """Values of the decision variables there."""
    notes: tuple[str, ...] = ()
    result: Result | None = field(default=None, repr=False)
    """The run behind it, where a model was trained."""

    @property
    def met(self) -> bool:
        """Whether nothing must give."""
        return not any(g.needed for g in self.gives)

    @property
    def exit_code(self) -> int:
        """0 where nothing must give, else 4."""
        return 0 if self.met else 4

    def __getitem__(self, name: str) -> Give:
        for give in self.gives:
            if give.name == name:
                return give
        raise KeyError(f"no requirement `{name}`: {', '.join(g.name for g in self.gives)}")

    def __str__(self) -> str:
        needed = [g for g in self.gives if g.needed]
        rest = [g.name for g in self.gives if not g.needed]
        if not needed:
            lines = [f"{self.spec}: nothing must give: all requirements can be met"]
        else:
            sure = "infeasible as written (proved)" if self.proved else "not met as written"
            lines = [f"{self.spec}: {sure}; the least that was found to give:"]
            lines += [f"  {give}" for give in needed]
            lines += [f"  can stay: {', '.join(rest)}"] if rest else []
        if len(self.conflict) > 1:
            lines.append(f"in conflict: {', '.join(self.conflict)}")
        lines.append(f"found by {self.method}")
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(map(visible_line, lines))

    def as_json(self) -> dict[str, Any]:
        """The object that `relax --json` prints; numbers that are not finite become null."""
        cleaned: dict[str, Any] = finite_or_none(
            {
                "type": "relaxation",
                "spec": self.spec,
                "met": self.met,
                "proved": self.proved,
                "conflict": self.conflict,
                "gives": [{**asdict(give), "needed": give.needed} for give in self.gives],
                "vars": self.vars,
                "method": self.method,
                "notes": self.notes,
            }
        )
        return cleaned

    def to_json(self) -> str:
        """`as_json` as one line of JSON."""
        return visible_json(json.dumps(self.as_json(), allow_nan=False, ensure_ascii=False))


def give_of(c: ConstraintFacts, value: float, bound: float, hard: bool) -> Give:
    """What one requirement needs at a measured point."""
    missing = amount(c, value, bound)
    by = 0.0 if missing <= c.tolerance else missing
    return Give(c.label, c.text, c.relation, bound, value, by, hard)


def relax_small(session: Session, problem: Small) -> Relaxation:
    """The elastic problem of a small deterministic program, solved."""
    program = session.program
    before = _measured(session)
    scale = scales(session, {k: m.bound for k, m in before.items()}, len(problem.nlp.equalities))
    elastic = least_violation(problem, scale, session.seed)
    found = _measured(session)
    return Relaxation(
        spec=program.name,
        gives=tuple(
            give_of(c, found[c.label].value, found[c.label].bound, c.segment is None)
            for c in program.constraints
            if not c.soft
        ),
        method="the elastic problem, least sum of violations relative to max(1, |bound|) (SLSQP)",
        proved=elastic.proved,
        conflict=() if elastic.met else taking_part(session, elastic),
        vars=variables(session),
    )


def relax_trained(
    result: Result, facts: Mapping[str, ConstraintFacts], coefficient: float
) -> Relaxation:
    """What the best iterate of a run with exact penalties leaves open."""
    gives = tuple(
        give_of(facts[c.name], c.value, c.bound, facts[c.name].method != "exact_penalty")
        for c in result.constraints
        if not c.soft
    )
    return Relaxation(
        spec=result.spec,
        gives=gives,
        method=f"training with exact_penalty(coefficient={coefficient:g}), {result.steps:,} steps",
        vars=dict(result.vars),
        notes=(
            "training finds a point, not a bound: another seed, more steps or another model may "
            "need less",
            *result.notes,
        ),
        result=result,
    )


def _measured(session: Session) -> dict[str, Measurement]:
    return session.measurer.measure(session.places(session.program.constraints))

"""A result as the sections that every rendering shows: table, then lines below it."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from cspec.compiler.records.program import Program
from cspec.dsl.text.visible import visible_line
from cspec.render.words import (
    STATUS_WORDS,
    UNBOUNDED,
    explain_misses,
    iterates,
    number,
    optimality,
    prices,
    row,
    training_data,
)
from cspec.runtime.result.result import AGAIN, Result
from cspec.runtime.verdict.why.endless import moves

ENTRIES = 40
"""Numbers of one metric that are shown."""
WIDTH = 48
"""Characters of an objective's text beyond which it is called "the objective"."""


class Summary(NamedTuple):
    """What to print of a result, in order."""

    headline: str
    rows: tuple[tuple[str, ...], ...]
    met: tuple[bool, ...]
    """Per row, whether its verdict is good (a preference always is)."""
    facts: tuple[tuple[str, str], ...]
    misses: tuple[str, ...]
    prices: tuple[str, ...]
    notes: tuple[str, ...]


def summarize(result: Result, program: Program | None = None) -> Summary:
    """The sections of a result; with the program, in the words of its spec."""
    objective = _objective(program)
    sense = program.sense if program is not None else "minimize"
    return Summary(
        headline=visible_line(f"{result.spec}: {_headline(result, sense)}"),
        rows=tuple(_shown(row(c)) for c in result.constraints),
        met=tuple(c.satisfied or c.soft for c in result.constraints),
        facts=tuple((visible_line(k), visible_line(v)) for k, v in _facts(result, program)),
        misses=_shown(
            explain_misses(
                result.constraints, training_data(program), result.conflict, result.notes
            )
        ),
        prices=_shown(_prices(result, objective, sense)),
        notes=_shown(result.notes),
    )


def _shown(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(visible_line, lines))


def _objective(program: Program | None) -> str:
    """The objective as written, where it is short enough to stand in a line."""
    if program is None or len(program.objective) > WIDTH:
        return "the objective"
    return program.objective


def _facts(result: Result, program: Program | None) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if program is not None and program.sense != "satisfy":
        found.append((f"{program.sense} {_objective(program)}", number(result.objective)))
    elif program is None:
        found.append(("objective", number(result.objective)))
    found += [(name, _value(value)) for name, value in result.vars.items()]
    found += _metrics(result.metrics)
    chosen = iterates(result)
    if chosen is not None:
        found.append(("iterate", chosen))
    found += optimality(result)
    found.append(("run", _run(result)))
    if result.out is not None:
        found.append(("folder", result.out))
        if result.status == "interrupted":
            found.append(("continue", f"cspec resume {result.out}"))
    return found


def _metrics(metrics: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """Metrics by name; of one with very many entries the first."""
    counts = Counter(name.partition("[")[0] for name in metrics)
    shown: Counter[str] = Counter()
    for name, value in metrics.items():
        metric = name.partition("[")[0]
        shown[metric] += 1
        if shown[metric] <= ENTRIES:
            yield name, number(value)
        elif shown[metric] == ENTRIES + 1:
            yield metric, f"... {counts[metric]:,} numbers, all in report.json and result.metrics"


def _prices(result: Result, objective: str, sense: str) -> list[str]:
    """What bounds cost; outside the feasible set a multiplier is no price."""
    if any(not c.satisfied and not c.soft for c in result.constraints):
        return []
    return prices(result.constraints, objective, sense, result.objective)


def _headline(result: Result, sense: str) -> str:
    proofs = (c.certificate for c in result.constraints)
    failed = any(proof is not None and not proof.certified for proof in proofs)
    if result.termination == AGAIN and result.status == "uncertified" and not failed:
        return "requirements are met as measured, and the folder is NOT as it was recorded"
    unbounded = result.termination == "unbounded" and result.status == "nonfinite"
    return UNBOUNDED.format(moves(sense)) if unbounded else STATUS_WORDS[result.status]


def _run(result: Result) -> str:
    if result.termination == AGAIN:
        return f"{AGAIN}, {result.method}, seed {result.seed}"
    epochs = f", {result.epochs:,} epochs" if result.epochs else ""
    return (
        f"{result.termination} after {result.steps:,} steps{epochs}, {result.seconds:.1f} s, "
        f"{result.method}, seed {result.seed}"
    )


def _value(value: Any) -> str:
    if isinstance(value, list):
        flat = [_value(item) for item in value[:8]]
        more = f", ... ({len(value)} in all)" if len(value) > 8 else ""
        return f"[{', '.join(flat)}{more}]"
    return number(float(value), 6) if math.isfinite(float(value)) else str(value)

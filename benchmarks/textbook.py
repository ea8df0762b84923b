"""Textbook nonlinear programs: every spec of `benchmarks/textbook`, by `auto` and by Adam.

    python benchmarks/textbook.py [--only hs071 hs100] [--auto] [--first-order] [--setting FILE]

Hock and Schittkowski, Test Examples for Nonlinear Programming Codes (1981), and Schittkowski, More
Test Examples (1987), from their standard starts. `auto`: no setting at all; solved means f - f* <=
1e-4 max(1, |f*|) with violation below 1e-5. First order: one fixed setting for all, 1e-3 and 1e-3;
`--setting` reads another one (`using`, `fit`) from a file. Lines are printed as problems end.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cspec.compiler.plan import plan
from cspec.compiler.records.facts import Facts
from cspec.compiler.specialize import specialize
from cspec.dsl.check import check
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.text.source import Source
from cspec.runtime.bind.bind import Inputs, bind
from cspec.runtime.result.result import Result
from cspec.runtime.run.execute import run

FOLDER = Path(__file__).parent / "textbook"
FIRST_ORDER = (
    "using augmented_lagrangian(every=50)\n"
    "fit(optimizer=adam(lr=0.1), schedule=cosine, steps=5000)\n"
)
"""The one setting of the first-order run."""


class Problem(NamedTuple):
    """One spec and the published optimum."""

    name: str
    text: str
    optimum: float


class Outcome(NamedTuple):
    """Where a run ended, against the published optimum."""

    name: str
    kind: str
    """equality, inequality, mixed or bounds (bounds or nothing)."""
    gap: float
    """(f - f*) / max(1, |f*|): negative where something better was found."""
    violation: float
    seconds: float
    method: str

    def solved(self, objective: float, violation: float) -> bool:
        """Whether both are within their limits.

        A value below f* by more than its limit counts only where next to nothing is violated:
        else it is bought with the violation.
        """
        allowed = violation if self.gap >= -objective else 1e-3 * violation
        return self.gap <= objective and self.violation <= allowed


def problems(only: list[str] | None = None) -> list[Problem]:
    """All specs, or those named, with the f* of their header."""
    found = []
    for path in sorted(FOLDER.glob("*.cspec")):
        text = path.read_text()
        optimum = re.search(r"^# f\* = (\S+)$", text, re.MULTILINE)
        if optimum is None:
            raise ValueError(f"{path.name} has no line `# f* = ...`")
        if only is None or path.stem in only:
            found.append(Problem(path.stem, text, float(optimum[1])))
    return found


def solve(text: str, name: str) -> Result:
    """Check, plan, bind and run a spec over decision variables."""
    checked = check(Source(text=text, name=name))
    made = plan(checked)
    bound = bind(Inputs(variables=made.variables, source=checked.source))
    return run(specialize(made, Facts()), bound)


def outcome(problem: Problem, extra: str = "") -> Outcome:
    """Run one problem with more lines behind it (`using`, `fit`).

    What is refused, and what ends in an exception, counts as unsolved and says so.
    """
    started = time.monotonic()
    try:
        result = solve(f"{problem.text}\n{extra}", f"{problem.name}.cspec")
    except SpecError as error:
        print(f"{problem.name}: {error}", file=sys.stderr)
        return _failed(problem.name, "refused", started)
    except Exception as error:
        print(f"{problem.name}: {type(error).__name__}: {error}", file=sys.stderr)
        return _failed(problem.name, f"ended in {type(error).__name__}", started)
    gap = (result.objective - problem.optimum) / max(1.0, abs(problem.optimum))
    violation = max((c.violation for c in result.constraints), default=0.0)
    notes = [note for note in result.notes if note.startswith("solved by scipy")]
    how = notes[0].partition("(")[2].partition(")")[0] if notes else result.method
    seconds = time.monotonic() - started
    return Outcome(problem.name, kind(result), gap, violation, seconds, how)


def kind(result: Result) -> str:
    """What the problem is bound by: its constraints' relations."""
    relations = {c.relation == "==" for c in result.constraints}
    if not relations:
        return "bounds"
    return "mixed" if len(relations) == 2 else "equality" if True in relations else "inequality"


def _failed(name: str, how: str, started: float) -> Outcome:
    seconds = time.monotonic() - started
    return Outcome(name, "failed", float("inf"), float("inf"), seconds, how)


def table(title: str, outcomes: Iterator[Outcome], objective: float, violation: float) -> int:
    """Print one line a problem, and the counts; how many were solved."""
    print(f"\n{title}: solved is f - f* <= {objective:g} max(1, |f*|), violation <= {violation:g}")
    print(f"{'problem':<10}{'gap':>12}{'violation':>12}{'seconds':>9}  solved  {'kind':<11} by")
    done = []
    for item in outcomes:
        mark = "yes" if item.solved(objective, violation) else "NO"
        print(
            f"{item.name:<10}{item.gap:>12.2e}{item.violation:>12.2e}{item.seconds:>9.2f}  "
            f"{mark:<6}  {item.kind:<11} {item.method}",
            flush=True,
        )
        done.append(item)
    for name in sorted({item.kind for item in done}):
        print(_count(name, [i for i in done if i.kind == name], objective, violation))
    print(_count("all", done, objective, violation))
    return sum(item.solved(objective, violation) for item in done)


def _count(name: str, outcomes: Sequence[Outcome], objective: float, violation: float) -> str:
    count = sum(item.solved(objective, violation) for item in outcomes)
    share = count / max(1, len(outcomes))
    return f"{name}: {count} of {len(outcomes)} solved ({share:.0%})"


def main() -> None:
    """Run what is asked for and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="*", default=None, metavar="NAME")
    parser.add_argument("--auto", action="store_true", help="only `using auto`")
    parser.add_argument("--first-order", action="store_true", help="only the first-order run")
    parser.add_argument("--setting", type=Path, metavar="FILE", help="in place of the fixed one")
    asked = parser.parse_args()
    setting = asked.setting.read_text() if asked.setting else FIRST_ORDER
    chosen = problems(asked.only)
    both = asked.auto == asked.first_order
    if asked.auto or both:
        table("auto", (outcome(p, "using auto\n") for p in chosen), 1e-4, 1e-5)
    if asked.first_order or both:
        table("first order", (outcome(p, setting) for p in chosen), 1e-3, 1e-3)


if __name__ == "__main__":
    main()

"""What the benchmarks share: run a spec from its text, print a table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from cspec.compiler.plan import outputs, plan, specialize
from cspec.dsl.check import check
from cspec.dsl.source import Source
from cspec.runtime.binding import Inputs, bind
from cspec.runtime.execute import run
from cspec.runtime.facts import facts
from cspec.runtime.result import Result

DATA = "data train(x, y), test(x, y) = digits(split=[0.667, 0.333], seed=0)\n"
ACCURACY = "metric acc = P[pred == y on test]\n"


def solve(text: str, seed: int = 0, bindings: Mapping[str, Any] | None = None) -> Result:
    """The result of a spec with this seed."""
    planned = plan(check(Source(text=text, name="benchmark.cspec")))
    needs = {u.name: (u.needed or (u.span,))[0] for u in planned.checked.symbols.unbound()}
    inputs = Inputs(
        data=planned.data,
        models=planned.models,
        variables=planned.variables,
        functions={},
        needs=needs,
        source=planned.checked.source,
    )
    bound = bind(inputs, bindings or {}, seed=seed, outputs=lambda d: outputs(planned, d))
    program = specialize(planned, facts(bound), bound.data_setups, bound.model_setups)
    return run(program, bound, seed=seed)


def spread(values: Sequence[float], digits: int = 4) -> str:
    """Mean and standard deviation; a dash where nothing was measured."""
    if any(math.isnan(value) for value in values):
        return "-"
    sd = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.{digits}g} ± {sd:.2g}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table."""
    print(f"| {' | '.join(headings)} |")
    print(f"|{'---|' * len(headings)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
